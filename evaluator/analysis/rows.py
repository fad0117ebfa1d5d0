"""The rows that an evaluation comes to: one number of one scorer, and one paired difference between two scorers."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from fourfold.errors import InputError

Row = TypeVar("Row")


@dataclass(frozen=True)
class MetricRow:
    """One metric of one scorer on one category. None stands for "cannot be said"."""

    category: str
    scorer: str
    metric: str  # a key of `fourfold.evaluator.analysis.metrics.METRICS`
    value: float  # 0..1
    low: float | None  # limits of the interval around `value`, 0..1
    high: float | None
    interval: str  # "bootstrap" over clusters, "wilson" where every cluster (or the only one) gave the same, or "none"
    chance: float  # 0..1: what independent random scores get
    items: int
    clusters: int
    asked: int  # questions
    ties: int  # misses by exact equality
    detectable: float | None  # excess over chance, 0..1, that this many clusters show with 80 % power
    standard_error: float | None = None  # of the resampled value; binomial where one cluster is all there is


@dataclass(frozen=True)
class ComparisonRow:
    """One scorer against the baseline on one category: the same items, the same resamples."""

    category: str
    scorer: str
    baseline: str
    metric: str  # a key of `fourfold.evaluator.analysis.metrics.METRICS`
    difference: float  # -1..1: value of the scorer minus that of the baseline
    low: float | None  # limits of the interval around `difference`, -1..1
    high: float | None
    clusters: int
    wins: int | None = None  # clusters with more hits than the baseline; the test is made on the headline metric
    losses: int | None = None
    p: float | None = None  # exact McNemar, two-sided
    p_holm: float | None = None  # corrected for the number of categories
    odds_ratio: float | None = None
    cohens_g: float | None = None  # -0.5..0.5
    detectable: float | None = None  # difference, 0..1, found with 80 % power at this discordance


def make_row(kind: type[Row], fields: Any, where: str) -> Row:
    """A row of class `kind` from what a file says of it.

    Raises InputError, beginning with `where`, for a field that is missing, unknown, or of another type.
    """
    try:
        row = kind(**fields)
    except TypeError as error:
        raise InputError(f"{where}: a row is not as this version writes it: {error}") from None
    for name, wanted in get_type_hints(kind).items():
        value = getattr(row, name)
        whole = isinstance(value, int) and isinstance(float(value), wanted)  # 1 is as good as 1.0
        if not (whole or isinstance(value, wanted)):
            raise InputError(f"{where}: {name} of a row is {shortened(value)}; is the file damaged?")
    return row


def shortened(value: Any) -> str:
    """A value of a file as JSON for an error message, cut after 40 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "…"
