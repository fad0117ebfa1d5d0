"""What makes an item hard? For each category, scorer and difficulty axis, the slope of being right along the axis.

One logistic regression each: the log-odds of answering all of an item's headline questions right against the axis in
standard deviations (of its binary logarithm, where the axis is one of doublings, such as pixels). Firth's penalty
keeps slopes finite where an axis separates right from wrong. Interval and p are those of the profile of the penalised
likelihood; where several items share a cluster, of the normal approximation with cluster-robust errors. Holm corrects
for the number of axes, for each category and scorer. All items together are left out: categories differ in difficulty
and in their axes alike, so that a slope over them would say which categories are hard.

The items were not assigned their difficulty at random, and axes go together (more objects are smaller and hide each
other): a slope says where a scorer is weak, not what makes it so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from fourfold.evaluator.analysis.headline_hits import HeadlineHits, headline_hits
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.result_tables import SIGNIFICANT, p_value
from fourfold.evaluator.analysis.summary import ALL
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.generator.dataset.difficulty_axes import AXES
from fourfold.statistics import LEVEL, holm
from fourfold.statistics.logistic import fit_logistic, probability, robust_slope_error, slope_interval, slope_test

FEWEST = 5  # items right, and items wrong, without which a slope says nothing
MOST_SHOWN = 30  # rows of the table


@dataclass(frozen=True)
class SlopeRow:
    """How the odds of being right change along one axis, for one scorer on one category."""

    category: str
    scorer: str
    axis: str  # a numeric tag of the items
    slope: float  # change in log-odds from one standard deviation of the axis to the next
    low: float  # limits of the 95 % interval
    high: float
    p: float
    right_low: float  # 0..1: fitted share right at the 10th hundredth of the axis
    right_high: float  # ... and at the 90th
    items: int
    p_holm: float = 1.0  # corrected for the number of axes

    @property
    def clear(self) -> bool:
        """Whether the slope differs from 0, p < .05 after correction."""
        return self.p_holm < SIGNIFICANT


def difficulty_slopes(items: Sequence[ScoredItem]) -> tuple[SlopeRow, ...]:
    """Every slope that can be told, clear ones first, then the steepest.

    An axis is any number or yes/no that items carry as a tag. Left out are axes that are constant in a category, and
    scorers with fewer than `FEWEST` items right, or wrong, there.
    """
    rows: list[SlopeRow] = []
    for hits in headline_hits(items):
        if hits.category != ALL:
            axes = list(_axes(hits))
            for s, scorer in enumerate(hits.scorers):
                found = [row for axis in axes if (row := _fit(hits, s, scorer, *axis)) is not None]
                corrected = holm([row.p for row in found])
                rows += [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]
    return tuple(sorted(rows, key=lambda row: (not row.clear, -abs(row.slope))))


def slopes_table(rows: Sequence[SlopeRow], scorers: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """The first `MOST_SHOWN` slopes; `scorers` are facts about each, for their signs. None without rows."""
    if not rows:
        return None
    lines: list[tuple[Cell, ...]] = [
        (
            row.category,
            mark_scorer(row.scorer, scorers.get(row.scorer, {})),
            AXES[row.axis].label if row.axis in AXES else row.axis.replace("_", " "),
            Estimate(row.slope, row.low, row.high, signed=True, percent=False),
            p_value(row.p_holm),
            Estimate(row.right_low),
            Estimate(row.right_high),
            row.items,
        )
        for row in rows[:MOST_SHOWN]
    ]
    clear = sum(row.clear for row in rows)
    return Table(
        title="slopes of being right along the difficulty axes",
        header=("category", "scorer", "axis", "slope", "p (Holm)", "right, low end", "right, high end", "items"),
        rows=tuple(lines),
        notes=(
            f"{clear} of {len(rows)} slopes are clear (p < .05 after correction for the number of axes); shown are "
            f"{len(lines)}, clear ones first, then the steepest",
            "slope: change in log-odds for each standard deviation of the axis, with 95 % interval (logistic "
            "regression with Firth's penalty); right: fitted share, in percent, at the 10th and the 90th hundredth of "
            "the axis",
            "items were not assigned their difficulty at random, and axes go together: a slope says where a scorer is "
            "weak, not what makes it so",
            *explain_signs(scorers),
        ),
    )


def on_straight_scale(axis: str, values: np.ndarray) -> np.ndarray:
    """The values [n] of a tag as a straight line is fitted to them: binary logarithms, where the axis is one of
    doublings, NaN for what has none.
    """
    doubling = axis in AXES and AXES[axis].doubling
    return np.log2(np.where(values > 0, values, np.nan)) if doubling else values


def _axes(hits: HeadlineHits) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, indices of the items that carry it [m], and their values [m] on a scale fit for a straight line."""
    for name in dict.fromkeys(name for item in hits.items for name in item.tags):
        values = on_straight_scale(name, np.array([_number(item.tags.get(name)) for item in hits.items]))
        chosen = np.flatnonzero(np.isfinite(values))
        if len(chosen) >= 2 * FEWEST and np.ptp(values[chosen]) > 0:
            yield name, chosen, values[chosen]


def _fit(hits: HeadlineHits, s: int, scorer: str, axis: str, chosen: np.ndarray, values: np.ndarray) -> SlopeRow | None:
    right = (hits.hits[chosen, s] == hits.asked[chosen]).astype(float)
    if min(right.sum(), len(right) - right.sum()) < FEWEST:
        return None
    x = (values - values.mean()) / values.std()
    fit = fit_logistic(x, right)
    clusters = np.unique(hits.clusters[chosen], return_inverse=True)[1]
    if clusters.max() + 1 == len(chosen):
        low, high = slope_interval(x, right, fit)
        p = slope_test(x, right, fit)
    else:
        error = robust_slope_error(x, right, fit, clusters)
        half = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
        low, high = fit.slope - half, fit.slope + half
        p = 2 * NormalDist().cdf(-abs(fit.slope) / error)
    at_low, at_high = probability(fit, np.quantile(x, [0.1, 0.9])).tolist()
    return SlopeRow(hits.category, scorer, axis, fit.slope, low, high, p, at_low, at_high, len(chosen))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, bool | int | float) else np.nan
