"""Exact tests of clusters, paired and against chance, their correction for being many, and effect sizes."""

from collections.abc import Sequence
from math import ceil, e, floor
from operator import index

import numpy as np

AS_LIKELY = 1 + 1e-7  # outcomes of equal probability differ by rounding


def log_factorials(n: int) -> np.ndarray:
    """Natural logarithms of 0!, 1!, ..., n!: [n + 1]."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def binomial_pmf(n: int, p: float) -> np.ndarray:
    """Probability of 0, 1, ..., n successes in n independent trials of probability p, 0..1: [n + 1]."""
    if p in (0, 1):
        return (np.arange(n + 1) == n * p).astype(float)
    logs, k = log_factorials(n), np.arange(n + 1)
    return np.exp(logs[n] - logs - logs[::-1] + k * np.log(p) + (n - k) * np.log1p(-p))


def binomial_test(hits: int, chances: np.ndarray) -> float:
    """Two-sided p, 0..1, of the exact binomial test: `hits` of n independent trials, against their chances [n].

    The probability, at chance, of all counts that are no more likely than the one seen. Where chances differ between
    trials, the count follows a Poisson-binomial distribution, and that is what is summed. Raises TypeError for a count
    that is not whole, ValueError for one outside 0..n.
    """
    hits = index(hits)
    if not 0 <= hits <= len(chances):
        raise ValueError(f"{hits} hits of {len(chances)} trials")
    pmf = np.ones(1)
    for chance, trials in zip(*np.unique(chances, return_counts=True), strict=True):
        pmf = np.convolve(pmf, binomial_pmf(int(trials), float(chance)))
    return min(1.0, float(pmf[pmf <= pmf[hits] * AS_LIKELY].sum()))


def bounded_mean_test(shares: np.ndarray, chances: np.ndarray) -> float:
    """Two-sided p, 0..1, valid for any independent values [n] in 0..1: is their mean that of their chances [n]?

    For clusters that ask several questions, which may depend on each other in any way: a cluster's share of hits lies
    in 0..1, and is its chance on average where every question is hit by chance. Bentkus' inequality (Annals of
    Probability 32, 2004) bounds the tail of the sum by e times that of a binomial count of the same mean; twice the
    smaller tail is the p. Never too small, and larger than that of an exact test by about a factor e.
    """
    n, total = len(shares), float(np.sum(shares))
    pmf = binomial_pmf(n, min(1.0, float(np.mean(chances))))
    low, high = ceil(total - 1e-9), floor(total + 1e-9)  # sums of thirds are whole but for rounding
    return min(1.0, 2 * e * float(min(pmf[: low + 1].sum(), pmf[high:].sum())))


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
