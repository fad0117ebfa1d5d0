"""Every metric that applies to the items of a category, of all scorers at once, with its bootstrap replicates."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS, ItemBlock, Measured
from fourfold.evaluator.analysis.score_parts import SIGNED, RmsParts, chance_given_offsets, rms_parts
from fourfold.statistics import cluster_bootstrap, sum_by_cluster


@dataclass(frozen=True)
class Measurement:
    """One metric of all S scorers on one category of G clusters, with R bootstrap replicates."""

    category: str
    metric: str
    measured: Measured
    values: np.ndarray  # [S]
    replicates: np.ndarray  # [R, S]
    items: int
    asked: np.ndarray  # [G] questions of each cluster
    chances: np.ndarray  # [G] share of them that random scores hit, on average; NaN where none is asked
    given_offsets: np.ndarray | None  # [S] chance if only the interaction's sign is random; for metrics of `SIGNED`
    parts: RmsParts | None  # of the scores; for the group score alone, which speaks for the category

    @cached_property
    def asking(self) -> np.ndarray:
        """Which clusters ask anything: [G] bool."""
        return self.asked > 0

    @property
    def clusters(self) -> int:
        """How many clusters ask anything."""
        return int(self.asking.sum())

    @property
    def chance(self) -> float:
        """Chance over all questions."""
        return float(np.average(self.chances[self.asking], weights=self.asked[self.asking]))

    @property
    def single(self) -> bool:
        """Does each cluster ask one question, so that a count of hits is one of independent trials?"""
        return self.measured.hits is not None and self.clusters > 1 and bool((self.asked[self.asking] == 1).all())


def measure_category(
    category: str, items: Sequence[ScoredItem], rng: np.random.Generator, replicates: int
) -> list[Measurement]:
    """One measurement for each metric that applies to any item, in the order of `METRICS`; the resamples are shared."""
    names, clusters = np.unique([item.cluster for item in items], return_inverse=True)
    truths, kinds = _distinct_truths(items)
    applying: list[tuple[str, np.ndarray, list[ItemBlock], Measured]] = []
    for name, metric in METRICS.items():
        chosen = np.array([metric.applies_to(truth) for truth in truths])[kinds]
        if chosen.any():
            order, blocks = _make_blocks(items, clusters, chosen)
            applying.append((name, order, blocks, metric.measure(blocks, len(names))))
    draws = cluster_bootstrap([each.statistic for *_, each in applying], len(names), rng, replicates)
    found = []
    for (name, order, blocks, measured), drawn in zip(applying, draws, strict=True):
        of_kind = {kind: METRICS[name].chance(truths[kind]) for kind in np.unique(kinds[order]).tolist()}
        expected = measured.asked * np.array([of_kind[kind] for kind in kinds[order].tolist()])  # [N] hits by chance
        asked = sum_by_cluster(measured.asked, clusters[order], len(names))
        with np.errstate(invalid="ignore"):  # 0 / 0 where a cluster asks nothing
            chances = sum_by_cluster(expected, clusters[order], len(names)) / asked
        found.append(
            Measurement(
                category=category,
                metric=name,
                measured=measured,
                values=measured.statistic(np.ones((1, len(names))))[0],
                replicates=drawn,
                items=len(order),
                asked=asked,
                chances=chances,
                given_offsets=chance_given_offsets(METRICS[name], blocks, len(names)) if name in SIGNED else None,
                parts=rms_parts(blocks) if name == SIGNED[0] else None,
            )
        )
    return found


def cluster_hits(items: Sequence[ScoredItem], metric: str) -> np.ndarray | None:
    """How many questions of a metric each scorer has right in each cluster, [G, S], for paired tests.

    None for a metric that is no share of questions, and one that none of the items asks.
    """
    names, clusters = np.unique([item.cluster for item in items], return_inverse=True)
    chosen = np.array([METRICS[metric].applies_to(item.truth) for item in items])
    if not chosen.any():
        return None
    _, blocks = _make_blocks(items, clusters, chosen)
    return METRICS[metric].measure(blocks, len(names)).hits


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
