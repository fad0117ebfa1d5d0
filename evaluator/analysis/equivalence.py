"""Is a scorer, or a model, as good as the baseline, within a margin? Equivalence tests on the paired comparisons.

They are made from the rows of an evaluation or of several side by side, on each category's headline metric: where a
group asks one question, by the score test on groups won and lost; where it asks several, by the normal approximation
with the standard error that the 95 % interval of the resamples implies. The margin is the reader's to justify, before
the numbers are seen: the largest difference that would not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Protocol

from fourfold.errors import InputError
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import SIGNIFICANT, Compared, p_value
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import ALL
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.statistics import LEVEL, Interval, holm
from fourfold.statistics.equivalence import equivalence_test, paired_interval

MARGIN = 5.0  # percentage points


@dataclass(frozen=True)
class EquivalenceRow:
    """The test of one scorer against the baseline on one category."""

    category: str
    scorer: str
    baseline: str
    metric: str  # a key of `fourfold.evaluator.analysis.metrics.METRICS`
    difference: float  # -1..1
    low: float  # limits of the 90 % interval: it lies within the margin exactly where p < .05
    high: float
    margin: float  # 0..1
    clusters: int
    p: float  # of "the difference is the margin or more"
    differs: bool  # by the exact McNemar test, p < .05, corrected where there is a correction
    p_holm: float | None = None  # corrected as the test for a difference is; None of all categories together

    @property
    def equivalent(self) -> bool:
        """Whether the difference is shown to lie within the margin, p < .05, after correction where there is one."""
        return (self.p if self.p_holm is None else self.p_holm) < SIGNIFICANT

    @property
    def verdict(self) -> str:
        """What both tests together say."""
        if self.equivalent:
            return "equivalent, but not the same" if self.differs else "equivalent"
        return "differs" if self.differs else "undecided"


def find_equivalence(
    metrics: Sequence[MetricRow], comparisons: Sequence[ComparisonRow], *, margin: float = MARGIN, level: float = LEVEL
) -> tuple[EquivalenceRow, ...]:
    """Two one-sided tests for every paired comparison of a headline; `margin` in percentage points.

    `level` is that of the rows' intervals. Holm's correction has the families of the tests for a difference. Raises
    InputError for a margin that is not between 0 and 100.
    """
    check_margin(margin)
    asked = {(row.category, row.metric): row.asked for row in metrics}
    tested = [row for row in comparisons if row.p is not None]
    rows = [_test(row, asked[row.category, row.metric], margin / 100, level) for row in tested]
    return tuple(_correct([row for row in rows if row is not None], _are_together(tested)))


def check_margin(margin: float) -> None:
    """Raise InputError for a margin that is not between 0 and 100 percentage points."""
    if not 0 < margin < 100:
        raise InputError(f"equivalence: the margin is {margin:g}; give percentage points between 0 and 100, such as 5")


class Paired(Compared, Protocol):
    """What is read of an evaluation, or of several side by side."""

    @property
    def metrics(self) -> tuple[MetricRow, ...]:
        """Every metric of every scorer, or model, on every category."""


def equivalence_table(found: Paired, margin: float = MARGIN) -> Table | None:
    """Each scorer, or model, against the baseline on each category: is it the same within `margin` percentage points?

    None where nothing is compared. Raises InputError for a margin that is not between 0 and 100.
    """
    rows = find_equivalence(found.metrics, found.comparisons, margin=margin)
    if not rows:
        return None
    baseline = mark_scorer(rows[0].baseline, found.scorers.get(rows[0].baseline, {}))
    lines: list[tuple[Cell, ...]] = [
        (
            row.category,
            mark_scorer(row.scorer, found.scorers.get(row.scorer, {})),
            METRICS[row.metric].label,
            Estimate(row.difference, row.low, row.high, signed=True),
            p_value(row.p),
            p_value(row.p_holm),
            row.verdict,
            row.clusters,
        )
        for row in rows
    ]
    return Table(
        title=f"equivalence to {baseline} within {margin:g} percentage points, 90 % intervals",
        header=("category", "scorer", "metric", "difference", "p", "p (Holm)", "verdict", "groups"),
        rows=tuple(lines),
        notes=(
            "p: two one-sided score tests on groups (Tango 1998; the normal approximation where a group asks "
            "several questions) of the hypothesis that the difference is the margin or more; corrected (Holm) "
            "as the tests for a difference are",
            "equivalent: the difference is shown to be smaller than the margin (corrected p < .05); differs: it is "
            "shown not to be zero (exact McNemar test, corrected p < .05); undecided: neither is shown",
            *explain_signs(found.scorers),
            *found.notes,
        ),
    )


def _test(row: ComparisonRow, asked: int, margin: float, level: float) -> EquivalenceRow | None:
    if row.wins is not None and row.losses is not None and asked == row.clusters:
        p = equivalence_test(row.wins, row.losses, row.clusters, margin)
        interval = paired_interval(row.wins, row.losses, row.clusters, 1 - 2 * SIGNIFICANT)
    elif row.low is not None and row.high is not None:
        p, interval = _by_normal(row.difference, row.low, row.high, margin, level)
    else:
        return None
    against_zero = row.p if row.p_holm is None else row.p_holm
    differs = against_zero is not None and against_zero < SIGNIFICANT
    return EquivalenceRow(
        row.category, row.scorer, row.baseline, row.metric, row.difference, *interval, margin, row.clusters, p, differs
    )


def _by_normal(difference: float, low: float, high: float, margin: float, level: float) -> tuple[float, Interval]:
    """p and 90 % interval by a normal distribution as wide as the interval of the resamples; 0 wide: p is 0 or 1."""
    normal = NormalDist()
    error = (high - low) / (2 * normal.inv_cdf((1 + level) / 2))
    half = normal.inv_cdf(1 - SIGNIFICANT) * error
    short = margin - abs(difference)
    p = normal.cdf(-short / error) if error else float(short <= 0)
    return p, Interval(difference - half, difference + half)


def _correct(rows: Sequence[EquivalenceRow], together: bool) -> Iterable[EquivalenceRow]:
    corrected = list(rows)
    for scorer in [None] if together else dict.fromkeys(row.scorer for row in rows):
        family = [i for i, row in enumerate(rows) if scorer in (None, row.scorer) and row.category != ALL]
        for i, p in zip(family, holm([rows[j].p for j in family]), strict=True):
            corrected[i] = replace(rows[i], p_holm=p)
    return corrected


def _are_together(tested: Sequence[ComparisonRow]) -> bool:
    """Whether the tests for a difference are corrected as one family, as those of several models are."""
    corrected = [row for row in tested if row.p_holm is not None]
    return bool(corrected) and all(row.family == len(corrected) for row in corrected)
