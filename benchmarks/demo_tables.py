"""Write the tables of the stored demonstration, README's results and the model card's geometry.

    python benchmarks/demo_tables.py

What is stored in data_cards/results/fourfold-demo are items.jsonl, results.json and probe.json, as `make demo` wrote
them to demo/results. A test fails when a table and its numbers disagree.
"""

from pathlib import Path

from fourfold.evaluator.analysis.probe_results import PROBE_FILE, probe_table, read_probe
from fourfold.evaluator.analysis.result_tables import category_table
from fourfold.evaluator.analysis.results import load
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
        f"evaluation, {results.versions['platform']}. Share of groups with all four comparisons right:"
    )
    return f"{head}\n\n{write_markdown(category_table(results))}"


def geometry_table() -> str:
    """What the model's own space is like."""
    probe = read_probe(STORED / PROBE_FILE)
    assert probe is not None
    return write_markdown(probe_table(probe))


TABLES = {ROOT / "README.md": results_table, ROOT / "data_cards" / "fourfold-tiny.md": geometry_table}


def with_table(page: Path) -> str:
    """The text of a page with its table made anew."""
    before, rest = page.read_text(encoding="utf-8").split(START)
    return f"{before}{START}\n{TABLES[page]()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    for page in TABLES:
        page.write_text(with_table(page), encoding="utf-8")
        print(f"{page}: table of {STORED.name} written")
