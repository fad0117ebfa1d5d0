"""From the scores of items to rows of metrics and paired comparisons; nothing else enters, so anyone can redo it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from zlib import crc32

import numpy as np

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.measurement import Measurement, measure_category
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.paired import compare_category, finite
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.data.items import RETRIEVAL
from fourfold.statistics import (
    LEVEL,
    REPLICATES,
    Interval,
    binomial_test,
    bounded_mean_test,
    detectable_above,
    holm,
    percentile_interval,
    unanimous_interval,
    wilson_interval,
)

ALL = "all"  # the category of everything together


class Summary(NamedTuple):
    """The two tables computed from scored items."""

    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]


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
    category's name alone: adding a scorer or a category changes no other number but corrected p-values. With `baseline`
    None, or not among the scorers, nothing is compared. P-values, of differences and of chance, are corrected (Holm)
    over the categories, separately for each scorer; the row `all` stands outside, since it repeats the same items, and
    so does a category of one cluster, such as a retrieval set: with one pair nothing can be tested, and it must not
    make the other tests stricter.
    """
    scorers = list(items[0].scores)
    metrics: list[MetricRow] = []
    comparisons: list[ComparisonRow] = []
    for category, members in by_category(items).items():
        rng = np.random.default_rng([seed, crc32(category.encode())])
        measurements = measure_category(category, members, rng, replicates)
        metrics += [row for each in measurements for row in _metric_rows(each, scorers, level)]
        if baseline in scorers:
            comparisons += compare_category(measurements, scorers, baseline, level)
    return Summary(tuple(_correct_chances(metrics)), tuple(correct_differences(comparisons)))


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


def _metric_rows(measurement: Measurement, scorers: Sequence[str], level: float) -> Iterator[MetricRow]:
    for s, scorer in enumerate(scorers):
        interval, method = _interval(measurement, s, level)
        given, parts = measurement.given_offsets, measurement.parts
        yield MetricRow(
            category=measurement.category,
            scorer=scorer,
            metric=measurement.metric,
            value=float(measurement.values[s]),
            low=finite(interval.low),
            high=finite(interval.high),
            interval=method,
            chance=measurement.chance,
            items=measurement.items,
            clusters=measurement.clusters,
            asked=int(measurement.asked.sum()),
            ties=int(measurement.measured.ties[s]),
            detectable=_detectable(measurement, level),
            standard_error=_standard_error(measurement, s),
            p_chance=_p_chance(measurement, s),
            chance_given_offsets=None if given is None else float(given[s]),
            p_given_offsets=_p_given_offsets(measurement, s),
            rms_mean=None if parts is None else float(parts.mean[s]),
            rms_image_offset=None if parts is None else float(parts.image_offset[s]),
            rms_caption_offset=None if parts is None else float(parts.caption_offset[s]),
            rms_interaction=None if parts is None else float(parts.interaction[s]),
        )


def _detectable(measurement: Measurement, level: float) -> float | None:
    """None where one cluster is all there is: a number of independent trials is then not known."""
    if measurement.clusters < 2:
        return None
    return finite(detectable_above(measurement.chance, measurement.clusters, level))


def _p_chance(measurement: Measurement, s: int) -> float | None:
    """Exact where each cluster asks one question, a bound that holds under any dependence where some ask several.

    None for one cluster, and for a metric that is no share of questions.
    """
    hits, asking = measurement.measured.hits, measurement.asking
    if hits is None or measurement.clusters < 2:
        return None
    own, chances = hits[asking, s], measurement.chances[asking]
    if measurement.single:
        return binomial_test(int(own.sum()), chances)
    return bounded_mean_test(own / measurement.asked[asking], chances)


def _p_given_offsets(measurement: Measurement, s: int) -> float | None:
    """Sign test of the groups in which either sign decides everything: all comparisons right, or all wrong."""
    given = measurement.given_offsets
    if given is None or not measurement.single:
        return None
    deciding = round(2 * measurement.clusters * float(given[s]))
    return binomial_test(round(measurement.clusters * float(measurement.values[s])), np.full(deciding, 1 / 2))


def _varies(measurement: Measurement, s: int) -> bool:
    """Do the resamples differ? If not, all clusters are alike, or there is only one."""
    drawn = measurement.replicates[:, s]
    return measurement.clusters > 1 and bool(np.ptp(drawn[np.isfinite(drawn)]) > 0)


def _standard_error(measurement: Measurement, s: int) -> float | None:
    """The spread of the resamples; None where all clusters are alike, which says nothing of how sure the value is."""
    if _varies(measurement, s):
        drawn = measurement.replicates[:, s]
        return float(np.std(drawn[np.isfinite(drawn)], ddof=1))
    if measurement.clusters > 1 or measurement.measured.hits is None:
        return None
    value, asked = float(measurement.values[s]), int(measurement.asked.sum())
    return float(np.sqrt(value * (1 - value) / asked))


def _interval(measurement: Measurement, s: int, level: float) -> tuple[Interval, str]:
    """Wilson's interval where each cluster asks one question, which resampling makes too narrow for few clusters.

    Where clusters ask several, their resamples; but these say nothing where all clusters are alike, or where there is
    only one. Then Wilson's stands in: on clusters where there are several; on the questions of a single one (a
    retrieval set), with the candidates held fixed.
    """
    value, hits = float(measurement.values[s]), measurement.measured.hits
    if measurement.single and hits is not None:
        return wilson_interval(float(hits[:, s].sum()), measurement.clusters, level), "wilson"
    if _varies(measurement, s):
        return percentile_interval(measurement.replicates[:, s], level), "bootstrap"
    if measurement.clusters > 1:
        return unanimous_interval(value, measurement.clusters, level), "wilson"
    if hits is None:  # cells of one table are not independent trials of anything
        return Interval(float("nan"), float("nan")), "none"
    asked = int(measurement.asked.sum())
    return wilson_interval(value * asked, asked, level), "wilson"


def correct_differences(rows: Sequence[ComparisonRow], *, together: bool = False) -> list[ComparisonRow]:
    """Fill in `p_holm` and `family`: a family of tests a scorer, or all of them `together`."""
    corrected = list(rows)
    families: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.p is not None and row.category != ALL:
            families.setdefault("" if together else row.scorer, []).append(i)
    for family in families.values():
        for i, p in zip(family, holm([p for j in family if (p := rows[j].p) is not None]), strict=True):
            corrected[i] = replace(rows[i], p_holm=p, family=len(family))
    return corrected


def _correct_chances(rows: Sequence[MetricRow]) -> list[MetricRow]:
    """Fill in `p_chance_holm`: the headlines of a scorer are one family, each other metric is one of its own."""
    corrected = list(rows)
    families: dict[tuple[str, str], list[int]] = {}
    headlines = {category: headline_metric(rows, category) for category in {row.category for row in rows}}
    for i, row in enumerate(rows):
        if row.p_chance is not None and row.category != ALL:
            metric = "" if row.metric == headlines[row.category] else row.metric
            families.setdefault((row.scorer, metric), []).append(i)
    for family in families.values():
        for i, p in zip(family, holm([p for j in family if (p := rows[j].p_chance) is not None]), strict=True):
            corrected[i] = replace(rows[i], p_chance_holm=p)
    return corrected
