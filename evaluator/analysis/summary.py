"""From the scores of items to rows of metrics and paired comparisons; nothing else enters, so anyone can redo it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import NamedTuple
from zlib import crc32

import numpy as np

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS, ItemBlock, Measured, Metric
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.data.items import RETRIEVAL
from fourfold.statistics import (
    LEVEL,
    REPLICATES,
    Interval,
    cluster_bootstrap,
    cohens_g,
    detectable_above,
    detectable_difference,
    discordant,
    holm,
    mcnemar_exact,
    odds_ratio,
    percentile_interval,
    unanimous_interval,
    wilson_interval,
)

ALL = "all"  # the category of everything together


class Summary(NamedTuple):
    """The two tables computed from scored items."""

    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]


@dataclass(frozen=True)
class _Measurement:
    """One metric of all scorers on one category, with its bootstrap replicates."""

    category: str
    metric: str
    measured: Measured
    values: np.ndarray  # [S]
    replicates: np.ndarray  # [R, S]
    items: int
    clusters: int
    chance: float


def summarise(
    items: Sequence[ScoredItem],
    *,
    seed: int,
    baseline: str | None = "cosine",
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Summary:
    """Every metric that applies, for each category and for all items together, with intervals and paired tests.

    All scorers and metrics of a category see the same resampled clusters, from a generator made of the seed and the
    category's name alone: adding a scorer or a category changes no other number. With `baseline` None, or not among
    the scorers, nothing is compared. P-values are corrected (Holm) over the categories, separately for each scorer;
    the row `all` stands outside, since it repeats the same items, and so does a category of one cluster, such as a
    retrieval set: with one pair nothing can be tested, and it must not make the other tests stricter.
    """
    scorers = list(items[0].scores)
    metrics: list[MetricRow] = []
    comparisons: list[ComparisonRow] = []
    for category, members in by_category(items).items():
        rng = np.random.default_rng([seed, crc32(category.encode())])
        measurements = _measure_category(category, members, rng, replicates)
        metrics += [row for each in measurements for row in _metric_rows(each, scorers, level)]
        if baseline in scorers:
            comparisons += _compare_category(measurements, scorers, baseline, level)
    return Summary(tuple(metrics), tuple(_correct(comparisons)))


def by_category(items: Sequence[ScoredItem]) -> dict[str, list[ScoredItem]]:
    """The items of each category in order of first appearance, then all but retrieval sets where there are several."""
    groups: dict[str, list[ScoredItem]] = {}
    for item in items:
        groups.setdefault(item.category, []).append(item)
    asked = [item for item in items if item.category != RETRIEVAL]
    return groups | {ALL: asked} if len(groups.keys() - {RETRIEVAL}) > 1 else groups


def headline_metric(metrics: Sequence[MetricRow], category: str) -> str:
    """The metric that speaks for a category: the first of `METRICS` that it has."""
    present = {row.metric for row in metrics if row.category == category}
    return next(name for name in METRICS if name in present)


def _measure_category(
    category: str, items: Sequence[ScoredItem], rng: np.random.Generator, replicates: int
) -> list[_Measurement]:
    names, clusters = np.unique([item.cluster for item in items], return_inverse=True)
    truths, kinds = _distinct_truths(items)
    applying: list[tuple[str, np.ndarray, Measured]] = []
    for name, metric in METRICS.items():
        chosen = np.array([metric.applies_to(truth) for truth in truths])[kinds]
        if chosen.any():
            order, blocks = _make_blocks(items, clusters, chosen)
            applying.append((name, order, metric.measure(blocks, len(names))))
    draws = cluster_bootstrap([each.statistic for *_, each in applying], len(names), rng, replicates)
    return [
        _Measurement(
            category=category,
            metric=name,
            measured=measured,
            values=measured.statistic(np.ones((1, len(names))))[0],
            replicates=drawn,
            items=len(order),
            clusters=len(np.unique(clusters[order])),
            chance=_mean_chance(METRICS[name], truths, kinds[order], measured.asked),
        )
        for (name, order, measured), drawn in zip(applying, draws, strict=True)
    ]


def _distinct_truths(items: Sequence[ScoredItem]) -> tuple[list[np.ndarray], np.ndarray]:
    """The different truth tables, and which of them each item has: a handful, of tens of thousands of items."""
    found: dict[tuple[tuple[int, ...], bytes], int] = {}
    kinds = [found.setdefault((item.truth.shape, item.truth.tobytes()), len(found)) for item in items]
    firsts = dict(zip(reversed(kinds), reversed(items), strict=True))
    return [firsts[kind].truth for kind in range(len(found))], np.array(kinds)


def _make_blocks(
    items: Sequence[ScoredItem], clusters: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, list[ItemBlock]]:
    """The chosen items stacked by shape, and their indices in the order in which the blocks hold them."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i in np.flatnonzero(chosen).tolist():
        by_shape.setdefault(items[i].truth.shape, []).append(i)
    blocks = [
        ItemBlock(
            scores=np.stack([np.stack([items[i].scores[name] for i in rows]) for name in items[0].scores]),
            truth=np.stack([items[i].truth for i in rows]),
            clusters=clusters[rows],
        )
        for rows in by_shape.values()
    ]
    return np.concatenate([np.array(rows) for rows in by_shape.values()]), blocks


def _mean_chance(metric: Metric, truths: Sequence[np.ndarray], kinds: np.ndarray, asked: np.ndarray) -> float:
    """Chance over all questions; `kinds` and `asked` [n] are those of the items that the metric applies to."""
    of_kind = {kind: metric.chance(truths[kind]) for kind in np.unique(kinds).tolist()}
    return float(np.average([of_kind[kind] for kind in kinds.tolist()], weights=asked))


def _metric_rows(measurement: _Measurement, scorers: Sequence[str], level: float) -> Iterator[MetricRow]:
    for s, scorer in enumerate(scorers):
        interval, method = _interval(measurement, s, level)
        yield MetricRow(
            category=measurement.category,
            scorer=scorer,
            metric=measurement.metric,
            value=float(measurement.values[s]),
            low=_finite(interval.low),
            high=_finite(interval.high),
            interval=method,
            chance=measurement.chance,
            items=measurement.items,
            clusters=measurement.clusters,
            asked=int(measurement.measured.asked.sum()),
            ties=int(measurement.measured.ties[s]),
            detectable=_detectable(measurement, level),
            standard_error=_standard_error(measurement, s, method),
        )


def _detectable(measurement: _Measurement, level: float) -> float | None:
    """None where one cluster is all there is: a number of independent trials is then not known."""
    if measurement.clusters < 2:
        return None
    return _finite(detectable_above(measurement.chance, measurement.clusters, level))


def _standard_error(measurement: _Measurement, s: int, method: str) -> float | None:
    """The spread of the resamples; None where all clusters are alike, which says nothing of how sure the value is."""
    if method == "bootstrap":
        drawn = measurement.replicates[:, s]
        return float(np.std(drawn[np.isfinite(drawn)], ddof=1))
    if measurement.clusters > 1 or measurement.measured.hits is None:
        return None
    value, asked = float(measurement.values[s]), int(measurement.measured.asked.sum())
    return float(np.sqrt(value * (1 - value) / asked))


def _interval(measurement: _Measurement, s: int, level: float) -> tuple[Interval, str]:
    """Resampling clusters says nothing where all of them are alike (as at 0 % and 100 %), or where there is only one.

    Then Wilson's interval stands in: on clusters where there are several; on the questions of a single one (a
    retrieval set), with the candidates held fixed.
    """
    drawn, value = measurement.replicates[:, s], float(measurement.values[s])
    if measurement.clusters > 1 and np.ptp(drawn[np.isfinite(drawn)]) > 0:
        return percentile_interval(drawn, level), "bootstrap"
    if measurement.clusters > 1:
        return unanimous_interval(value, measurement.clusters, level), "wilson"
    if measurement.measured.hits is None:  # cells of one table are not independent trials of anything
        return Interval(float("nan"), float("nan")), "none"
    asked = int(measurement.measured.asked.sum())
    return wilson_interval(value * asked, asked, level), "wilson"


def _compare_category(
    measurements: Sequence[_Measurement], scorers: Sequence[str], baseline: str, level: float
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


def _difference(measurement: _Measurement, scorer: str, s: int, baseline: str, r: int, level: float) -> ComparisonRow:
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
        low=_finite(interval.low),
        high=_finite(interval.high),
        clusters=measurement.clusters,
    )


def _tested(row: ComparisonRow, measurement: _Measurement, s: int, r: int, level: float) -> ComparisonRow:
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
        detectable=_finite(detectable_difference(discordance, measurement.clusters, level)),
    )


def _correct(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Fill in `p_holm`, one family of tests a scorer."""
    corrected = list(rows)
    for scorer in {row.scorer for row in rows}:
        family = [i for i, row in enumerate(rows) if row.scorer == scorer and row.p is not None and row.category != ALL]
        for i, p in zip(family, holm([p for j in family if (p := rows[j].p) is not None]), strict=True):
            corrected[i] = replace(rows[i], p_holm=p)
    return corrected


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
