"""Write the tables of the stored demonstration: README's results, the model card's geometry and parts of scores.

    python benchmarks/demo_tables.py
    python benchmarks/demo_tables.py --summarise    # after a change of the statistics: results.json first

What is stored in data_cards/results/fourfold-demo are items.jsonl, results.json and probe.json, as `make demo` wrote
them to demo/results; `--summarise` computes the rows of results.json again from the scores in items.jsonl, so that
nothing is rendered. Tests fail when a table and its numbers disagree, and when the rows are not those of the scores.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from fourfold.evaluator.analysis.joint_satisfaction import joint_table
from fourfold.evaluator.analysis.parts_table import parts_table
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, probe_table, read_probe
from fourfold.evaluator.analysis.result_tables import category_table
from fourfold.evaluator.analysis.results import Results, load, save
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.tables.formats import write_markdown

ROOT = Path(__file__).parent.parent
STORED = ROOT / "data_cards" / "results" / "fourfold-demo"
START = "<!-- demo table: written by `python benchmarks/demo_tables.py`, checked by a test -->"
END = "<!-- end of table -->"


def results_table() -> str:
    """What the scorers do in each category."""
    results = load(STORED)
    head = (
        f"`{results.command}`, seed {results.dataset['seed']} of the scenes and {results.settings['seed']} of the "
        f"evaluation, {results.versions['platform']}. `group` is the share of groups with all four comparisons right:"
    )
    return f"{head}\n\n{write_markdown(category_table(results))}"


def geometry_tables() -> str:
    """What the model's own space is like, and what the scores are made of."""
    probe, parts = read_probe(STORED / PROBE_FILE), parts_table(load(STORED))
    assert probe is not None
    assert parts is not None
    joint = joint_table(probe.joint, probe.model)
    assert joint is not None
    return "\n".join(map(write_markdown, (probe_table(probe), joint, parts)))


def summarised(results: Results) -> Results:
    """The same evaluation with its rows computed anew from the scores of its items, as an evaluation computes them."""
    chosen = {name: results.settings[name] for name in ("seed", "baseline", "replicates", "level")}
    metrics, comparisons = summarise(results.items, **chosen)
    return replace(results, metrics=metrics, comparisons=comparisons)


TABLES = {ROOT / "README.md": results_table, ROOT / "data_cards" / "fourfold-tiny.md": geometry_tables}


def with_table(page: Path) -> str:
    """The text of a page with its table made anew."""
    before, rest = page.read_text(encoding="utf-8").split(START)
    return f"{before}{START}\n{TABLES[page]()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the tables of the stored demonstration.")
    parser.add_argument("--summarise", action="store_true", help="compute results.json again from items.jsonl first")
    if parser.parse_args().summarise:
        save(summarised(load(STORED)), STORED)
    for page in TABLES:
        page.write_text(with_table(page), encoding="utf-8")
        print(f"{page}: table of {STORED.name} written")
