"""Does a GPU give the scores of the CPU, and in which precision? One short command for whoever has one.

    fourfold generate fourfold-mini-v1 mini
    python benchmarks/devices.py mini --device cuda

Scores the groups of DATASET on the CPU in float32, and on the device in every precision. Of each scorer it says how far
its scores are from those of the CPU at most, in standard deviations of that scorer's scores, and how many groups are
decided otherwise. Fails if a difference exceeds the tolerance of its precision, or float32 decides a group otherwise.
`benchmarks/evaluation.py --device cuda` says where the time goes.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from command import run

from fourfold import evaluate
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.encoders.batches import DTYPES
from fourfold.evaluator.encoders.devices import describe_device
from fourfold.evaluator.tables.formats import Table, write_text

# Every kind of scorer that needs no other head than the shipped one: each goes another way on a device.
SCORERS = ("cosine", "maxsim", "dcsm", "phrase-align", "factored", "marginal", "shuffled-images:dcsm", "mirror:dcsm")
# Of the standard deviation of a scorer's scores. float16 has 11 bits of precision, bfloat16 8, and dense tokens are
# kept as float16 whatever made them.
TOLERANCES = {"float32": 0.01, "float16": 0.03, "bfloat16": 0.15}


class Difference(NamedTuple):
    """How two evaluations of one scorer on the same items differ."""

    largest: float  # of any score, in standard deviations of the first's scores
    decided_otherwise: int  # groups that one has wholly right and the other has not
    groups: int


def difference(ours: Results, theirs: Results, scorer: str) -> Difference:
    """Of the scores of `theirs` from those of `ours`, on the same items in the same order."""
    pairs = [(a, a.scores[scorer], b.scores[scorer]) for a, b in zip(ours.items, theirs.items, strict=True)]
    spread = np.concatenate([mine.ravel() for _, mine, _ in pairs]).std()
    largest = max(float(np.abs(mine - other).max()) for _, mine, other in pairs)
    right = np.array(
        [[group_score(table, item.truth).min() > 0 for table in tables] for item, *tables in pairs], dtype=bool
    )
    return Difference(largest / float(spread), int((right[:, 0] != right[:, 1]).sum()), len(right))


def device_table(found: Mapping[tuple[str, str], Difference], seconds: Mapping[str, float], title: str) -> Table:
    """Precisions and scorers down: differences, and whether they are within the tolerance."""
    rows = tuple(
        (
            dtype,
            scorer,
            f"{each.largest:.4f}",
            f"{TOLERANCES[dtype]:g}",
            f"{each.decided_otherwise} of {each.groups}",
            "yes" if holds(dtype, each) else "NO",
        )
        for (dtype, scorer), each in found.items()
    )
    took = ", ".join(f"{what} {spent:.1f}" for what, spent in seconds.items())
    header = ("precision", "scorer", "largest difference", "tolerance", "groups decided otherwise", "holds")
    notes = (
        "differences in standard deviations of the scorer's scores on the CPU",
        f"seconds, loading included: {took}",
    )
    return Table(title, header, rows, notes)


def holds(dtype: str, found: Difference) -> bool:
    """Whether a precision keeps what it promises."""
    return found.largest <= TOLERANCES[dtype] and (dtype != "float32" or not found.decided_otherwise)


@click.command(help=__doc__.split("\n\n")[0] if __doc__ else "")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--device", default="auto", show_default=True)
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="groups of each category")
@click.option("--scorer", "scorers", multiple=True, default=SCORERS, show_default=True)
def main(dataset: Path, device: str, model: str, limit: int, scorers: tuple[str, ...]) -> None:
    """Score on both, print, and fail if a difference is too large."""
    seconds: dict[str, float] = {}

    def score(on: str, dtype: str) -> Results:
        start = time.monotonic()
        results = evaluate(dataset, model=model, scorers=scorers, device=on, dtype=dtype, limit=limit)
        seconds[f"{on} {dtype}"] = time.monotonic() - start
        return results

    ours = score("cpu", "float32")
    found = {}
    for dtype in DTYPES:
        theirs = score(device, dtype)
        found |= {(dtype, scorer): difference(ours, theirs, scorer) for scorer in scorers}
    title = f"{model} on {describe_device(device)} against {describe_device('cpu')}, {len(ours.items)} groups"
    click.echo(write_text(device_table(found, seconds, title)))
    sys.exit(0 if all(holds(dtype, each) for (dtype, _), each in found.items()) else 1)


if __name__ == "__main__":
    run(main)
