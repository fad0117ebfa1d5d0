"""Is this caption true of this picture? Accuracy with one threshold on the scores, chosen on other groups.

Ranking the captions of one picture forgives a scorer whose scores drift from scene to scene; answering yes or no does
not. For each scorer and category one threshold serves all pictures and captions. It is chosen by cross-validation over
clusters: the groups are cut into ten parts, and each part is judged by the threshold that is best on the other nine, so
that no group takes part in choosing its own. Accuracy is balanced: the mean of the share of true pairs called true and
of false pairs called false. Where half the pairs are true, as in fourfold groups, that is accuracy; chance is 1/2 for
every score that knows nothing. The matching AUC is what a scorer could reach over all thresholds; this is what one
threshold gives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fourfold.evaluator.analysis.headline_hits import category_rng
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.metrics import LARGEST_SORTED
from fourfold.evaluator.analysis.summary import by_category
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.statistics import (
    LEVEL,
    REPLICATES,
    cluster_bootstrap,
    percentile_interval,
    share,
    sum_by_cluster,
    unanimous_interval,
)

FOLDS = 10


@dataclass(frozen=True)
class Pairs:
    """All pairs of a picture and a caption in the tables of a category's items, as one list."""

    category: str
    scores: Mapping[str, np.ndarray]  # scorer -> [c] float64
    truth: np.ndarray  # [c] bool
    clusters: np.ndarray  # [c] int, 0..G-1

    @property
    def n_clusters(self) -> int:
        """G, the number of clusters."""
        return int(self.clusters.max()) + 1


@dataclass(frozen=True)
class ThresholdRow:
    """What one threshold on the scores of one scorer gets right in one category."""

    category: str
    scorer: str
    accuracy: float  # 0..1, balanced; chance is 1/2
    low: float  # limits of the 95 % interval, which resamples clusters and keeps the thresholds
    high: float
    true_called_true: float  # 0..1
    false_called_false: float  # 0..1
    threshold: float  # the median over the parts, in units of the score
    pairs: int
    clusters: int


def threshold_accuracy(
    items: Sequence[ScoredItem], *, seed: int = 0, folds: int = FOLDS, replicates: int = REPLICATES
) -> tuple[ThresholdRow, ...]:
    """One row for each category, and for all together, and each scorer; `seed` cuts the groups and resamples them."""
    return tuple(row for pairs in list_pairs(items) for row in _of_category(pairs, seed, folds, replicates))


def threshold_table(rows: Sequence[ThresholdRow], scorers: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Categories down, scorers across; `scorers` are facts about each, for their signs. None without rows."""
    if not rows:
        return None
    names = list(dict.fromkeys(row.scorer for row in rows))
    found = {(row.category, row.scorer): row for row in rows}
    lines: list[tuple[Cell, ...]] = []
    for category in dict.fromkeys(row.category for row in rows):
        cells = [found[category, name] for name in names]
        lines.append((category, *(Estimate(c.accuracy, c.low, c.high) for c in cells), Estimate(0.5), cells[0].pairs))
    return Table(
        title="is this caption true of this picture? accuracy of one threshold, percent",
        header=("category", *(mark_scorer(name, scorers.get(name, {})) for name in names), "chance", "pairs"),
        rows=tuple(lines),
        notes=(
            "one threshold on the scores for all pictures and captions of a category, chosen on nine tenths of the "
            "groups and applied to the last, ten times; accuracy is balanced, the mean over true and false pairs; 95 % "
            "intervals resample groups",
            *explain_signs(scorers),
        ),
    )


def list_pairs(items: Sequence[ScoredItem]) -> Iterator[Pairs]:
    """The pairs of each category, and of all together, that have several clusters, and both true and false pairs."""
    for category, members in by_category(items).items():
        names, clusters = np.unique([item.cluster for item in members], return_inverse=True)
        sizes = [item.truth.size for item in members]
        truth = np.concatenate([item.truth.ravel() for item in members])
        owners = np.repeat(clusters, sizes)
        both = min(len(np.unique(owners[truth])), len(np.unique(owners[~truth]))) > 1
        if len(names) > 1 and both and len(truth) <= LARGEST_SORTED:
            scores = {
                scorer: np.concatenate([item.scores[scorer].ravel() for item in members]).astype(np.float64)
                for scorer in members[0].scores
            }
            yield Pairs(category, scores, truth, owners)


def assign_folds(n_clusters: int, folds: int, rng: np.random.Generator) -> np.ndarray:
    """The part of each cluster, [G] int: `folds` parts of nearly the same size, or as many as there are clusters."""
    return rng.permutation(n_clusters) % min(folds, n_clusters)


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold of the largest balanced accuracy for scores [c] of truth [c] bool: what scores above it is true.

    It lies halfway between two scores; of several that are as good, the one in the middle.
    """
    order = np.argsort(scores, kind="stable")
    ordered, true = scores[order], truth[order]
    # below a cut after the i-th: false ones that are called false, less true ones that are
    gain = np.cumsum(~true) / max(1, (~true).sum()) - np.cumsum(true) / max(1, true.sum())
    cuts = np.flatnonzero(np.diff(ordered) > 0)
    if not len(cuts):
        return float(ordered[0])
    best = cuts[gain[cuts] >= gain[cuts].max() - 1e-12]
    at = best[len(best) // 2]
    return float((ordered[at] + ordered[at + 1]) / 2)


def _of_category(pairs: Pairs, seed: int, folds: int, replicates: int) -> Iterator[ThresholdRow]:
    n = pairs.n_clusters
    fold_of = assign_folds(n, folds, category_rng(seed, pairs.category))
    judged = {scorer: _judge(scores, pairs, fold_of[pairs.clusters]) for scorer, scores in pairs.scores.items()}
    statistics = [partial(_balanced, counts=counts) for counts, _ in judged.values()]
    draws = cluster_bootstrap(statistics, n, category_rng(seed, pairs.category), replicates)
    for (scorer, (counts, threshold)), drawn in zip(judged.items(), draws, strict=True):
        value = float(_balanced(np.ones((1, n)), counts)[0])
        alike = np.ptp(drawn[np.isfinite(drawn)]) == 0
        low, high = unanimous_interval(value, n) if alike else percentile_interval(drawn, LEVEL)
        called_true, called_false, true, false = counts.sum(axis=0).tolist()
        yield ThresholdRow(
            category=pairs.category,
            scorer=scorer,
            accuracy=value,
            low=low,
            high=high,
            true_called_true=called_true / true,
            false_called_false=called_false / false,
            threshold=threshold,
            pairs=len(pairs.truth),
            clusters=n,
        )


def _judge(scores: np.ndarray, pairs: Pairs, parts: np.ndarray) -> tuple[np.ndarray, float]:
    """True pairs called true, false ones called false, true and false pairs of each cluster [G, 4]; the threshold."""
    thresholds = np.zeros(parts.max() + 1)
    for part in range(len(thresholds)):
        others = parts != part
        thresholds[part] = best_threshold(scores[others], pairs.truth[others])
    truth, right = pairs.truth, (scores > thresholds[parts]) == pairs.truth
    counts = np.stack([right & truth, right & ~truth, truth, ~truth], axis=1).astype(float)
    return sum_by_cluster(counts, pairs.clusters, pairs.n_clusters), float(np.median(thresholds))


def _balanced(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Balanced accuracy under cluster weights [r, G]: [r]."""
    of_true, of_false = (share(weights, counts[:, [k]], counts[:, k + 2])[:, 0] for k in (0, 1))
    return np.asarray((of_true + of_false) / 2)
