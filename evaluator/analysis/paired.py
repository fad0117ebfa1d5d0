"""One scorer against the baseline on the same groups: difference, interval, exact test, effect size."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from fourfold.evaluator.analysis.measurement import Measurement
from fourfold.evaluator.analysis.rows import ComparisonRow
from fourfold.statistics import (
    Interval,
    cohens_g,
    detectable_difference,
    discordant,
    mcnemar_exact,
    odds_ratio,
    percentile_interval,
    wilson_interval,
)


def compare_category(
    measurements: Sequence[Measurement], scorers: Sequence[str], baseline: str, level: float
) -> list[ComparisonRow]:
    """Differences to the baseline for every metric, the first of which is the headline and is tested."""
    r = scorers.index(baseline)
    return [
        _tested(row, each, s, r, level) if each is measurements[0] else row
        for s, scorer in enumerate(scorers)
        if s != r
        for each in measurements
        for row in [_difference(each, scorer, s, baseline, r, level)]
    ]


def _difference(measurement: Measurement, scorer: str, s: int, baseline: str, r: int, level: float) -> ComparisonRow:
    difference = float(measurement.values[s] - measurement.values[r])
    drawn = measurement.replicates[:, s] - measurement.replicates[:, r]
    interval = Interval(float("nan"), float("nan"))
    if measurement.clusters > 1 and np.ptp(drawn[np.isfinite(drawn)]) > 0:
        interval = percentile_interval(drawn, level)
    elif measurement.clusters > 1:  # the same difference in every cluster; what was not seen may still occur
        unseen = wilson_interval(0, measurement.clusters, level).high
        interval = Interval(max(-1.0, difference - unseen), min(1.0, difference + unseen))
    return ComparisonRow(
        category=measurement.category,
        scorer=scorer,
        baseline=baseline,
        metric=measurement.metric,
        difference=difference,
        low=finite(interval.low),
        high=finite(interval.high),
        clusters=measurement.clusters,
    )


def _tested(row: ComparisonRow, measurement: Measurement, s: int, r: int, level: float) -> ComparisonRow:
    hits = measurement.measured.hits
    if hits is None or measurement.clusters < 2:  # the p of a single pair is 1, whatever it shows
        return row
    wins, losses = discordant(hits[:, s], hits[:, r])
    # the upper limit of the discordance: where none was seen, it need not be zero
    discordance = wilson_interval(wins + losses, measurement.clusters, level).high
    return replace(
        row,
        wins=wins,
        losses=losses,
        p=mcnemar_exact(wins, losses),
        odds_ratio=odds_ratio(wins, losses),
        cohens_g=cohens_g(wins, losses),
        detectable=finite(detectable_difference(discordance, measurement.clusters, level)),
    )


def finite(value: float) -> float | None:
    """The number, or None where it is not finite: a row says "cannot be said"."""
    return value if isfinite(value) else None
