"""Accuracy against one difficulty axis: bins of a number that items carry, and the share right in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fourfold.evaluator.analysis.difficulty_slopes import FEWEST, on_straight_scale
from fourfold.generator.dataset.difficulty_axes import AXES
from fourfold.statistics import wilson_interval
from fourfold.statistics.logistic import fit_logistic, probability

MAX_BINS = 4
MIN_CLUSTERS = 5  # a share of fewer groups says nothing and would only draw the eye


@dataclass(frozen=True)
class Bin:
    """Numbers from `low` up to `high`, which itself belongs to the last bin alone."""

    label: str
    low: float
    high: float
    last: bool = False

    def holds(self, value: float) -> bool:
        """Whether the number lies in this bin."""
        return self.low <= value < self.high or (self.last and value == self.high)


@dataclass(frozen=True)
class Axis:
    """A number that items carry as a tag, and the bins it is cut into."""

    name: str
    label: str
    bins: tuple[Bin, ...]


def find_axes(tags: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """Every numeric or yes/no tag that at least two bins can be made of, in the order in which tags name them."""
    axes = []
    for name in dict.fromkeys(name for each in tags for name in each):
        values = [number for each in tags if (number := as_number(each.get(name))) is not None]
        yes_no = all(isinstance(each.get(name), bool) for each in tags if name in each)
        bins = [Bin("no", 0, 1), Bin("yes", 1, 1, last=True)] if yes_no and len(set(values)) == 2 else cut_bins(values)
        if len(bins) > 1:
            axes.append(Axis(name, AXES[name].label if name in AXES else name.replace("_", " "), tuple(bins)))
    return axes


def cut_bins(values: Sequence[float]) -> list[Bin]:
    """One bin for each value where there are at most five, else four bins between quartiles."""
    distinct = sorted(set(values))
    if len(distinct) <= MAX_BINS + 1:
        edges = [*distinct, *distinct[-1:]]
        labels = _shortest(distinct)
    else:
        edges = sorted({float(edge) for edge in np.quantile(values, np.linspace(0, 1, MAX_BINS + 1))})
        texts = _shortest(edges)
        labels = [f"{low}–{high}" for low, high in pairwise(texts)]
    last = len(labels) - 1
    return [Bin(label, edges[i], edges[i + 1], i == last) for i, label in enumerate(labels)]


def accuracy(
    axis: Axis, values: Sequence[float | None], right: np.ndarray, clusters: Sequence[str]
) -> list[tuple[float, float, float] | None]:
    """Share right and its Wilson interval in each bin; None where a bin holds fewer than `MIN_CLUSTERS` clusters.

    values: the axis of each item; right: [n] share of each item's questions answered right. The interval counts
    clusters, not items, so that many questions about one picture do not pass for many pictures.
    """
    points: list[tuple[float, float, float] | None] = []
    for each in axis.bins:
        chosen = [i for i, value in enumerate(values) if value is not None and each.holds(value)]
        n = len({clusters[i] for i in chosen})
        if n < MIN_CLUSTERS:
            points.append(None)
            continue
        value = float(np.mean(right[chosen]))
        low, high = wilson_interval(value * n, n)
        points.append((value, low, high))
    return points


def fitted_accuracy(axis: Axis, values: Sequence[float | None], right: np.ndarray) -> list[float | None]:
    """What the logistic curve of the table of slopes says of each bin, on average over its items; None for empty bins.

    values: the axis of each item; right: [n] 1 or 0. No bin at all where too few are right, or wrong, for a slope.
    """
    given = np.array([np.nan if value is None else value for value in values], float)
    known = np.isfinite(on_straight_scale(axis.name, given))
    given, right = given[known], right[known]
    if min(right.sum(), len(right) - right.sum()) < FEWEST or np.ptp(given) == 0:
        return []
    x = on_straight_scale(axis.name, given)
    x = (x - x.mean()) / x.std()
    share = probability(fit_logistic(x, right), x)
    inside = [np.array([each.holds(value) for value in given.tolist()]) for each in axis.bins]
    return [float(share[held].mean()) if held.any() else None for held in inside]


def as_number(value: Any) -> float | None:
    """A tag as a number, yes and no as 1 and 0; None for text and for what is not a finite number."""
    return float(value) if isinstance(value, bool | int | float) and np.isfinite(value) else None


def _shortest(values: Sequence[float]) -> list[str]:
    """Numbers in as few figures, two at least, as tell them apart."""
    for figures in range(2, 7):
        texts = [f"{float(f'{value:.{figures}g}'):g}" for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts
