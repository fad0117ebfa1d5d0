"""How each item of a category was answered, on the metric that speaks for the category, by every scorer."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS, ItemBlock
from fourfold.evaluator.analysis.summary import by_category
from fourfold.statistics import sum_by_cluster


@dataclass(frozen=True)
class HeadlineHits:
    """The n items of a category that its headline metric asks, and what S scorers made of their questions."""

    category: str
    metric: str  # a key of `fourfold.evaluator.analysis.metrics.METRICS`
    scorers: tuple[str, ...]
    items: tuple[ScoredItem, ...]
    hits: np.ndarray  # [n, S] questions answered right
    asked: np.ndarray  # [n] questions
    clusters: np.ndarray  # [n] int, 0..G-1

    @property
    def n_clusters(self) -> int:
        """G, the number of clusters."""
        return int(self.clusters.max()) + 1

    def by_cluster(self) -> tuple[np.ndarray, np.ndarray]:
        """Hits [G, S] and questions [G] of each cluster."""
        hits = sum_by_cluster(self.hits, self.clusters, self.n_clusters)
        return hits, sum_by_cluster(self.asked, self.clusters, self.n_clusters)


def headline_hits(items: Sequence[ScoredItem]) -> list[HeadlineHits]:
    """One record a category, and one of all items together where there are several; all items have the same scorers.

    Categories of a single cluster, such as retrieval sets, and those whose first metric is no share of questions are
    left out: nothing can be said of them by looking at their parts.
    """
    found = [
        _of_category(category, members)
        for category, members in by_category(items).items()
        if len({item.cluster for item in members}) > 1
    ]
    return [each for each in found if each is not None]


def category_rng(seed: int, category: str) -> np.random.Generator:
    """A generator of the seed and the category's name alone, so that other categories change no number of this one."""
    return np.random.default_rng([seed, crc32(category.encode())])


def _of_category(category: str, items: Sequence[ScoredItem]) -> HeadlineHits | None:
    name = next((name for name, each in METRICS.items() if any(each.applies_to(item.truth) for item in items)), None)
    if name is None:
        return None
    metric = METRICS[name]
    asked_of = [item for item in items if metric.applies_to(item.truth)]
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, item in enumerate(asked_of):
        by_shape.setdefault(item.truth.shape, []).append(i)
    scorers = tuple(asked_of[0].scores)
    blocks = [
        ItemBlock(
            scores=np.stack([np.stack([asked_of[i].scores[scorer] for i in rows]) for scorer in scorers]),
            truth=np.stack([asked_of[i].truth for i in rows]),
            clusters=np.array(rows),  # each item by itself
        )
        for rows in by_shape.values()
    ]
    measured = metric.measure(blocks, len(asked_of))
    if measured.hits is None:
        return None
    asked = np.zeros(len(asked_of))
    asked[np.concatenate([block.clusters for block in blocks])] = measured.asked
    clusters = np.unique([item.cluster for item in asked_of], return_inverse=True)[1]
    return HeadlineHits(category, name, scorers, tuple(asked_of), measured.hits, asked, clusters)
