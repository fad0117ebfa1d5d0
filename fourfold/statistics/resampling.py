"""Statistics of clusters under weights, and the bootstrap that draws such weights.

A cluster is what is resampled together: the captions of one group, or all items of one source image.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]  # [r, G] how often each cluster was drawn -> [r, ...] values

REPLICATES = 2000
_MANY_CLUSTERS = 1000
_COUNTED_BY_FLOAT32 = 2**24
_FEW_CLUSTERS = 5  # 126 different resamples
_CELLS_AT_ONCE = 2**17  # numbers held per array while resampling: 1 MB, which stays in a core's cache
_PARTS_AT_ONCE = 32  # of the resamples, in threads, and therefore in memory


def derangement(n: int, rng: np.random.Generator) -> np.ndarray:
    """A random permutation of 0..n-1 in which nothing keeps its place, to pair each of n > 1 things with another one.

    Returns [n] int. The things are laid on a random circle and each gets the one before it, so that every thing is
    given away once. `rng` draws one permutation.
    """
    circle = rng.permutation(n)
    other = np.zeros(n, dtype=int)
    other[circle] = np.roll(circle, 1)
    return other


def sum_by_cluster(values: np.ndarray, clusters: np.ndarray, n_clusters: int) -> np.ndarray:
    """Add up values [n, ...] over the items of each cluster (clusters [n] int, 0..G-1): [G, ...] float64."""
    sums = np.zeros((n_clusters, *values.shape[1:]))
    np.add.at(sums, clusters, values)
    return sums


def share(weights: np.ndarray, hits: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Share of questions hit, 0..1, under cluster weights [r, G]; hits [G, S] and asked [G] -> [r, S].

    NaN for a resample that drew no cluster with a question.
    """
    with np.errstate(invalid="ignore"):  # a replicate that drew no cluster with a question is NaN, and left out
        return (weights @ hits) / (weights @ asked)[:, None]


@dataclass(frozen=True)
class RankedPairs:
    """True and false cells, ranked once, so that the AUC of any reweighting is a cumulative sum and a look-up."""

    true_clusters: np.ndarray  # [p], in ascending order of score, so that look-ups walk through memory
    false_clusters: np.ndarray  # [q], in ascending order of score
    below: np.ndarray  # [p] number of false cells that score less than the true one
    upto: np.ndarray  # [p] ... that score no more


def rank_pairs(
    true_scores: np.ndarray, true_clusters: np.ndarray, false_scores: np.ndarray, false_clusters: np.ndarray
) -> RankedPairs:
    """Prepare `auc` for one scorer: scores and clusters of all true cells [p] and of all false cells [q]."""
    order, true_order = np.argsort(false_scores, kind="stable"), np.argsort(true_scores, kind="stable")
    ordered, true_ordered = false_scores[order], true_scores[true_order]
    below = np.searchsorted(ordered, true_ordered, side="left")
    upto = np.searchsorted(ordered, true_ordered, side="right")
    return RankedPairs(true_clusters[true_order], false_clusters[order], below, upto)


def auc(weights: np.ndarray, ranked: Sequence[RankedPairs]) -> np.ndarray:
    """Probability that a true cell scores above a false one, ties one half, under cluster weights [r, G] -> [r, S].

    The area under the ROC curve, 0..1, of each of S scorers, each ranked by `rank_pairs`; NaN where no true or no false
    cell was drawn.

    With more than `_MANY_CLUSTERS` clusters, to first order in the weights: what is left out of a resample is then
    smaller than what 2,000 resamples can show, and a thousand times dearer. Exact at equal weights.
    """
    by_rank = _auc_to_first_order if weights.shape[1] > _MANY_CLUSTERS else _auc
    return np.stack([by_rank(weights, each) for each in ranked], axis=-1)


def _auc_to_first_order(weights: np.ndarray, ranked: RankedPairs) -> np.ndarray:
    """The AUC plus what each cluster's cells contribute to it beyond their share (its influence, summing to 0)."""
    n_true, n_false = len(ranked.below), len(ranked.false_clusters)
    beaten = (ranked.below + ranked.upto) / (2 * n_false)  # [p] share of false cells that a true one beats
    reached = sum(np.cumsum(np.bincount(rank, minlength=n_false + 1))[:-1] for rank in (ranked.below, ranked.upto))
    beating = 1 - reached / (2 * n_true)  # [q] share of true cells that beat a false one
    value = beaten.mean()
    influence = np.zeros(weights.shape[1])
    np.add.at(influence, ranked.true_clusters, (beaten - value) / n_true)
    np.add.at(influence, ranked.false_clusters, (beating - value) / n_false)
    return np.clip(value + (weights - 1) @ influence, 0, 1)


def _auc(weights: np.ndarray, ranked: RankedPairs) -> np.ndarray:
    # float32 is half the memory to walk through, and exact for whole numbers that it can count up to.
    cells = np.bincount(ranked.false_clusters, minlength=weights.shape[1])
    small = (weights @ cells).max() < _COUNTED_BY_FLOAT32
    counts = weights.astype(np.float32 if small else np.float64)
    step = max(1, _CELLS_AT_ONCE // (len(ranked.false_clusters) + len(ranked.true_clusters)))
    return np.concatenate([_auc_of_rows(counts[at : at + step], ranked) for at in range(0, len(counts), step)])


def _auc_of_rows(counts: np.ndarray, ranked: RankedPairs) -> np.ndarray:
    cumulated = np.zeros((len(counts), len(ranked.false_clusters) + 1), counts.dtype)
    np.cumsum(np.take(counts, ranked.false_clusters, axis=1), axis=1, out=cumulated[:, 1:])
    of_true = np.take(counts, ranked.true_clusters, axis=1)
    won = np.einsum("rp,rp->r", of_true, np.take(cumulated, ranked.below, axis=1), dtype=np.float64)
    tied = np.flatnonzero(ranked.upto > ranked.below)
    spans = np.take(cumulated, ranked.upto[tied], axis=1) - np.take(cumulated, ranked.below[tied], axis=1)
    won += np.einsum("rp,rp->r", of_true[:, tied], spans, dtype=np.float64) / 2
    with np.errstate(invalid="ignore"):  # no true or no false cell drawn
        return won / (of_true.sum(axis=1, dtype=np.float64) * cumulated[:, -1])


def cluster_bootstrap(
    statistics: Sequence[Statistic], n_clusters: int, rng: np.random.Generator, replicates: int = REPLICATES
) -> list[np.ndarray]:
    """Resample whole clusters with replacement and evaluate every statistic on the same resamples.

    Each statistic takes how often each of the G = `n_clusters` clusters was drawn, [r, G] float64, and gives its value
    in each resample, [r, ...]. Returns one array [replicates, ...] a statistic. Because the resamples are shared, the
    difference of two statistics' replicates is the paired bootstrap of their difference. Memory does not grow with
    `replicates`.
    """
    if n_clusters <= _FEW_CLUSTERS:
        return _bootstrap_few(statistics, n_clusters, rng, replicates)
    step = max(1, min(replicates, _CELLS_AT_ONCE // n_clusters))
    parts: list[list[np.ndarray]] = []
    waiting: deque[Future[list[np.ndarray]]] = deque()
    with ThreadPoolExecutor() as pool:  # NumPy counts and adds without the interpreter lock
        for start in range(0, replicates, step):
            rows = min(step, replicates - start)
            drawn = rng.integers(0, n_clusters, (rows, n_clusters)) + n_clusters * np.arange(rows)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters)
            weights = counts.astype(np.float64)
            waiting.append(pool.submit(lambda drawn: [statistic(drawn) for statistic in statistics], weights))
            if len(waiting) > _PARTS_AT_ONCE:
                parts.append(waiting.popleft().result())
        parts += [each.result() for each in waiting]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _bootstrap_few(
    statistics: Sequence[Statistic], n_clusters: int, rng: np.random.Generator, replicates: int
) -> list[np.ndarray]:
    """The same where resamples repeat: few clusters are few, large retrieval sets, dear to evaluate twice."""
    drawn = rng.integers(0, n_clusters, (replicates, n_clusters))
    counts = (drawn[:, :, None] == np.arange(n_clusters)).sum(axis=1)
    distinct, which = np.unique(counts, axis=0, return_inverse=True)
    weights = distinct.astype(np.float64)
    return [statistic(weights)[which.ravel()] for statistic in statistics]
