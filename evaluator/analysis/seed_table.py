"""Heads of several training seeds: what of a score is the training's luck.

Seeds are not items. An interval says how a score would move with other groups, the spread over seeds how it would move
with another training; the two stand in different tables and are never added up.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from fourfold.evaluator.analysis.marks import explain_signs, mark_model, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import Evaluated
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.scoring.head_folders import split_seed
from fourfold.evaluator.tables.formats import Cell, Estimate, Table

NOTE = (
    "over seeds: the same head trained again with other random numbers and asked the same groups; sd with n - 1. "
    "Intervals elsewhere are over groups, for one training, and say nothing of this spread"
)


@dataclass(frozen=True)
class SeedSpread:
    """One metric on one category over the training seeds of one scorer; all values 0..1."""

    category: str
    metric: str
    scorer: str  # without its seed
    seeds: tuple[int, ...]
    mean: float
    lowest: float
    highest: float
    sd: float  # with n - 1

    @property
    def named_seeds(self) -> str:
        """The seeds as text."""
        return ", ".join(map(str, self.seeds))


def spread_over_seeds(metrics: Sequence[MetricRow], category: str, metric: str) -> Iterator[SeedSpread]:
    """The spread of each scorer of which there are two seeds or more, from rows of one model."""
    found: dict[str, dict[int, float]] = {}
    for row in metrics:
        scorer, seed = split_seed(row.scorer)
        if seed is not None and (row.category, row.metric) == (category, metric):
            found.setdefault(scorer, {})[seed] = row.value
    for scorer, values in found.items():
        if len(values) > 1:
            shares = list(values.values())
            yield SeedSpread(
                category, metric, scorer, tuple(values), fmean(shares), min(shares), max(shares), stdev(shares)
            )


def seed_table(results: Evaluated) -> Table | None:
    """Mean, lowest, highest and standard deviation over training seeds, on each category's headline metric.

    None where no scorer has several seeds.
    """
    lines: list[tuple[Cell, ...]] = []
    for category in dict.fromkeys(row.category for row in results.metrics):
        metric = headline_metric(results.metrics, category)
        for found in spread_over_seeds(results.metrics, category, metric):
            name = mark_scorer(found.scorer, _facts(results.scorers, found.scorer))
            shares = (found.mean, found.lowest, found.highest, found.sd)
            lines.append((category, METRICS[metric].label, name, *map(Estimate, shares), found.named_seeds))
    if not lines:
        return None
    return Table(
        title=f"{mark_model(results.model['name'], results.notes)}: over training seeds, percent",
        header=("category", "metric", "scorer", "mean", "lowest", "highest", "sd", "seeds"),
        rows=tuple(lines),
        notes=(NOTE, *explain_signs(results.scorers), *results.notes),
    )


def _facts(scorers: Mapping[str, Mapping[str, Any]], scorer: str) -> dict[str, Any]:
    """What is said of any seed of a scorer."""
    found = [facts for name, facts in scorers.items() if split_seed(name)[0] == scorer]
    return {key: value for facts in found for key, value in facts.items() if value}
