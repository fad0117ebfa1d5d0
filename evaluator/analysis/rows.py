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
    interval: str  # "wilson" where clusters ask one question, or all gave the same; "bootstrap" over clusters; "none"
    chance: float  # 0..1: what independent random scores get
    items: int
    clusters: int
    asked: int  # questions
    ties: int  # misses by exact equality
    detectable: float | None  # excess over chance, 0..1, that the exact test shows on so many clusters in 80 of 100
    standard_error: float | None = None  # of the resampled value; binomial where one cluster is all there is
    p_chance: float | None = None  # two-sided, that chance gives such a value; exact where clusters ask one question
    p_chance_holm: float | None = None  # corrected for the number of categories
    chance_given_offsets: float | None = None  # 0..1: what a random sign of each group's interaction gets
    p_given_offsets: float | None = None  # two-sided, of the sign test of the groups in which that sign decides
    rms_mean: float | None = None  # what a category's scores are made of (`score_parts`), in units of the score
    rms_image_offset: float | None = None
    rms_caption_offset: float | None = None
    rms_interaction: float | None = None


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
    p_holm: float | None = None  # corrected for `family` tests
    odds_ratio: float | None = None
    cohens_g: float | None = None  # -0.5..0.5
    detectable: float | None = None  # difference, 0..1, that the test finds in 80 of 100 at this discordance
    family: int | None = None  # tests that are corrected together: categories, or categories of several models


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
