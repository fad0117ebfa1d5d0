"""Confidence intervals: of resamples, of a proportion, and where all clusters agree."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

LEVEL = 0.95


class Interval(NamedTuple):
    """A confidence interval; NaN, NaN where the data allow none."""

    low: float
    high: float


def percentile_interval(replicates: np.ndarray, level: float = LEVEL) -> Interval:
    """The middle `level` (0..1) of bootstrap replicates [r]; those that are NaN or infinite are left out.

    Linear interpolation between order statistics; NaN, NaN where no replicate is defined.
    """
    defined = replicates[np.isfinite(replicates)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def wilson_interval(hits: float, n: float, level: float = LEVEL) -> Interval:
    """Score interval, 0..1, of a proportion of n independent trials (Wilson 1927); never empty at 0 or n hits.

    `hits` lies in 0..n and need not be whole; NaN, NaN for n of 0.
    """
    if n <= 0:
        return Interval(float("nan"), float("nan"))
    z, p = NormalDist().inv_cdf((1 + level) / 2), hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # at the ends the limit is exact; the formula leaves a rounding error there
    return Interval(0.0 if p == 0 else float(centre - half), 1.0 if p == 1 else float(centre + half))


def unanimous_interval(value: float, n: int, level: float = LEVEL) -> Interval:
    """An interval where all n clusters gave the same value, of which resampling would make a certainty.

    Up to a share w of clusters, Wilson's limit for an event never seen in n, may give anything in 0..1. At a value of
    0 or 1 this is Wilson's interval.
    """
    unseen = wilson_interval(0, n, level).high
    return Interval(value * (1 - unseen), value + (1 - value) * unseen)
