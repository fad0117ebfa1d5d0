"""How sure a number is: intervals that resample groups, exact paired tests, corrections, effect and detectable sizes.

Pure functions on arrays; scipy is used by the tests as a witness, not here, because importing its statistics costs
seconds. A cluster is what is resampled together: the captions of one group, or all items of one source image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]  # [r, G] how often each cluster was drawn -> [r, ...] values

REPLICATES = 2000
LEVEL = 0.95
_MANY_CLUSTERS = 1000
_COUNTED_BY_FLOAT32 = 2**24
_FEW_CLUSTERS = 5  # 126 different resamples
_CELLS_AT_ONCE = 2**17  # numbers held per array while resampling: 1 MB, which stays in a core's cache


class Interval(NamedTuple):
    """A confidence interval; NaN, NaN where the data allow none."""

    low: float
    high: float


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
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        drawn = rng.integers(0, n_clusters, (rows, n_clusters)) + n_clusters * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters)
        weights = counts.astype(np.float64)
        parts.append([statistic(weights) for statistic in statistics])
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


def percentile_interval(replicates: np.ndarray, level: float = LEVEL) -> Interval:
    """The middle `level` (0..1) of bootstrap replicates [r]; those that are NaN or infinite are left out.

    Linear interpolation between order statistics; NaN, NaN where no replicate is defined.
    """
    defined = replicates[np.isfinite(replicates)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def wilson_interval(hits: float, n: float, level: float = LEVEL) -> Interval:
    """Score interval, 0..1, of a proportion of n independent trials (Wilson 1927); never empty at 0 or n hits.

    `hits` lies in 0..n and need not be whole; NaN, NaN for n of 0.
    """
    if n <= 0:
        return Interval(float("nan"), float("nan"))
    z, p = _z((1 + level) / 2), hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # at the ends the limit is exact; the formula leaves a rounding error there
    return Interval(0.0 if p == 0 else float(centre - half), 1.0 if p == 1 else float(centre + half))


def unanimous_interval(value: float, n: int, level: float = LEVEL) -> Interval:
    """An interval where all n clusters gave the same value, of which resampling would make a certainty.

    Up to a share w of clusters, Wilson's limit for an event never seen in n, may give anything in 0..1. At a value of
    0 or 1 this is Wilson's interval.
    """
    unseen = wilson_interval(0, n, level).high
    return Interval(value * (1 - unseen), value + (1 - value) * unseen)


def mcnemar_exact(wins: int, losses: int) -> float:
    """Two-sided p, 0..1, of the exact McNemar test: of wins + losses discordant pairs, is one side more than a half?

    Wins and losses are counted on clusters that differ between two scorers, so rows of one cluster count once. Raises
    TypeError for counts that are not whole, ValueError for negative ones.
    """
    wins, losses = index(wins), index(losses)  # numpy's integers would overflow without a word
    if min(wins, losses) < 0:
        raise ValueError(f"counts from 0 on are needed, not {wins} and {losses}")
    n, term, total = wins + losses, 1, 1
    for i in range(min(wins, losses)):
        term = term * (n - i) // (i + 1)  # binomial coefficient, exact integers
        total += term
    return min(1.0, 2 * total / 2**n)


def discordant(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, int]:
    """Clusters where our hits exceed theirs, and where theirs exceed ours; hits by cluster [G] each."""
    return int((ours > theirs).sum()), int((ours < theirs).sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): p-values adjusted for the number of tests, in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def cohens_g(wins: int, losses: int) -> float:
    """Effect size of a paired comparison (Cohen 1988): share of wins among the discordant pairs, minus one half.

    From -0.5 (all lost) to 0.5 (all won); 0 where no pair is discordant.
    """
    return wins / (wins + losses) - 0.5 if wins + losses else 0.0


def odds_ratio(wins: int, losses: int) -> float:
    """Conditional odds ratio of a paired comparison; one half is added to both counts so that it is finite."""
    return (wins + 0.5) / (losses + 0.5)


def detectable_above(chance: float, n: int, level: float = LEVEL, power: float = 0.8) -> float:
    """Smallest true share above `chance` that n independent trials tell from it: two-sided test, given power.

    Normal approximation: z_test sqrt(chance (1 - chance)) + z_power sqrt(p (1 - p)) = (p - chance) sqrt(n), solved for
    p by bisection. Returns the excess p - chance, 0..1; NaN where even a share of 1 would not do.
    """
    z_test, z_power = _z((1 + level) / 2), _z(power)

    def shortfall(p: float) -> float:
        spread = z_test * (chance * (1 - chance)) ** 0.5 + z_power * (p * (1 - p)) ** 0.5
        return float(spread / n**0.5 - (p - chance))

    if n <= 0 or shortfall(1.0) > 0:
        return float("nan")
    low, high = chance, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if shortfall(middle) > 0 else (low, middle)
    return high - chance


def detectable_difference(discordance: float, n: int, level: float = LEVEL, power: float = 0.8) -> float:
    """Smallest true difference between two scorers on n pairs that McNemar's test finds with the given power.

    `discordance` is the share of pairs, 0..1, on which exactly one of the two is right (Connor 1987). Returns a
    difference of shares, 0..1; NaN where it would have to exceed the discordance.
    """
    z_test, z_power = _z((1 + level) / 2), _z(power)
    if n <= 0 or discordance <= 0:
        return float("nan")
    # d sqrt(n) = z_test sqrt(psi) + z_power sqrt(psi - d^2), a quadratic in d
    a, b, c = n + z_power**2, -2 * z_test * (discordance * n) ** 0.5, discordance * (z_test**2 - z_power**2)
    difference = (-b + max(0.0, b * b - 4 * a * c) ** 0.5) / (2 * a)
    return float(difference) if difference <= discordance else float("nan")


def _z(quantile: float) -> float:
    return NormalDist().inv_cdf(quantile)
