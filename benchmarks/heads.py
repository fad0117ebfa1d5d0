"""The heads of one model on every test split of a dataset, side by side; the table of a head's card.

    python benchmarks/heads.py heads-data --head heads/ --card data_cards/fourfold-tiny-dcsm.md

`heads/` holds dcsm.safetensors, dcsm-ref.safetensors and labclip.safetensors, trained on the split "train" by
`fourfold train-head`. Every head is asked the same groups: `p` is the exact McNemar test of `dcsm` against the better
of the two others, `p, cosine` that against the plain cosine, both Holm-corrected over the categories of a split.
`shuffled` is `dcsm` on other groups' pictures (chance is one sixth), `hard positives` the share of groups in which a
caption said otherwise keeps its truth; `of two captions` and `of two pictures` how often the plain cosine finds the
true one. Writes the table into the card, and its numbers into data_cards/results/<card's name>.json; a test compares
the two.
"""

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from fourfold import evaluate
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.scoring.head_files import read_head
from fourfold.evaluator.tables.formats import Estimate, Table, write_markdown
from fourfold.statistics import discordant, holm, mcnemar_exact, wilson_interval

ROOT = Path(__file__).parent.parent
OURS, OTHERS, CONTROL = "dcsm", ("dcsm-ref", "labclip"), "shuffled-images:dcsm"
SCORERS = ("cosine", *OTHERS, OURS, CONTROL)
TWO_WAY = {"of two captions": "text_2afc", "of two pictures": "image_2afc"}  # column: metric, of the cosine
START, END = "<!-- written by `python benchmarks/heads.py`, checked by a test -->", "<!-- end of the table -->"


def measure(split: str, results: Results) -> Iterator[dict[str, Any]]:
    """A row for each category of a split: hits of every scorer, and how `dcsm` compares."""
    rows = [_row(split, category, results) for category in dict.fromkeys(item.category for item in results.items)]
    corrected = [holm([row[key] for row in rows]) for key in ("p", "p_cosine")]
    for row, p, p_cosine in zip(rows, *corrected, strict=True):
        yield {**row, "p": p, "p_cosine": p_cosine}


def _row(split: str, category: str, results: Results) -> dict[str, Any]:
    items = [item for item in results.items if item.category == category]
    hits = {
        name: np.array([group_score(item.scores[name], item.truth).min() > 0 for item in items]) for name in SCORERS
    }
    best = max(OTHERS, key=lambda name: hits[name].sum())
    wins, losses = discordant(hits[OURS].astype(int), hits[best].astype(int))
    measured = {(row.scorer, row.metric): row.value for row in results.metrics if row.category == category}
    return {
        "split": split,
        "category": category,
        "groups": len(items),
        "right": {name: int(found.sum()) for name, found in hits.items()},
        "against": best,
        "wins": wins,
        "losses": losses,
        "p": mcnemar_exact(wins, losses),
        "p_cosine": mcnemar_exact(*discordant(hits[OURS].astype(int), hits["cosine"].astype(int))),
        "hard_positives": measured.get((OURS, "hard_positive_both")),
        "two_way": {name: measured["cosine", metric] for name, metric in TWO_WAY.items()},
    }


def table(record: Mapping[str, Any]) -> Table:
    """Splits and categories down, scorers across."""
    header = ("split", "category", *SCORERS[:-1], "p", "p, cosine", "shuffled", "hard positives", *TWO_WAY, "groups")
    rows = []
    for row in record["rows"]:
        shares = [_share(row["right"][name], row["groups"]) for name in SCORERS]
        kept = None if row["hard_positives"] is None else Estimate(row["hard_positives"])
        tests = ("< .0001" if row[key] < 1e-4 else f"{row[key]:.4f}".lstrip("0") for key in ("p", "p_cosine"))
        two_way = (Estimate(row["two_way"][name]) for name in TWO_WAY)
        named = (row["split"], row["category"])
        rows.append((*named, *shares[:-1], *tests, shares[-1], kept, *two_way, row["groups"]))
    return Table(f"{record['model']}: group score, percent", header, tuple(rows), ("95 % Wilson intervals",))


def _share(right: int, groups: int) -> Estimate:
    return Estimate(right / groups, *wilson_interval(right, groups))


def section(record: Mapping[str, Any]) -> str:
    """The Markdown between the two marks of a card."""
    sizes = ", ".join(f"{name} {number:,}" for name, number in record["parameters"].items())
    said = f"`{record['command']}`, {record['machine']}. Parameters: {sizes}."
    return f"{START}\n{said}\n\n{write_markdown(table(record))}\n{END}"


def with_section(card: str, record: Mapping[str, Any]) -> str:
    """A card with its table replaced."""
    before, rest = card.split(START)
    return before + section(record) + rest.split(END)[1]


def stored(card: Path) -> Path:
    """Where the numbers of a card's table are kept."""
    return ROOT / "data_cards" / "results" / f"{card.stem}.json"


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--head", "heads", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--card", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--cache", type=click.Path(path_type=Path))
def main(dataset: Path, heads: Path, model: str, card: Path, cache: Path | None) -> None:
    """Score every test split of DATASET and write the card's table."""
    splits: Sequence[str] = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))["splits"]
    rows: list[dict[str, Any]] = []
    parameters: dict[str, int] = {}
    for split in [name for name in splits if name.startswith("test")]:
        results = evaluate(dataset, model=model, scorers=SCORERS, head=heads, split=split, cache_dir=cache)
        rows += measure(split, results)
        parameters = {name: int(results.scorers[name]["n_parameters"]) for name in (OURS, *OTHERS)}
    record = {
        "command": f"python benchmarks/heads.py DATASET --head HEADS --model {model} --card data_cards/{card.name}",
        "machine": platform.platform(terse=True),
        "model": model,
        "parameters": parameters,
        "heads": {name: dict(read_head(heads / f"{name}.safetensors").training) for name in (OURS, *OTHERS)},
        "rows": rows,
    }
    stored(card).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    card.write_text(with_section(card.read_text(encoding="utf-8"), record), encoding="utf-8")
    click.echo(section(record))


if __name__ == "__main__":
    main()
