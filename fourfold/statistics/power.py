"""What a number of clusters can show: the least effect that the exact tests find with a given power."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from fourfold.statistics.exact_tests import AS_LIKELY, binomial_pmf, log_factorials
from fourfold.statistics.intervals import LEVEL

POWER = 0.8
_DEVIATIONS = 10  # standard deviations beyond which a binomial tail, below 1e-20, is not summed


@lru_cache(maxsize=1024)  # every scorer and metric of a category asks the same
def detectable_above(chance: float, n: int, level: float = LEVEL, power: float = POWER) -> float:
    """Smallest true share above `chance` that n independent trials tell from it: exact two-sided test, given power.

    The test is that of `binomial_test` at 1 - `level`; its power is the exact probability, at a share p, of a count
    above chance that it rejects. Returns the excess p - chance, 0..1; NaN where even a share of 1 would not do. More
    trials may need a slightly larger excess: a count has steps, and the test keeps its level at each of them.
    """
    if n <= 0 or not 0 < chance < 1:
        return float("nan")
    pmf = binomial_pmf(n, chance)
    ordered = np.sort(pmf)
    # p of each count: of all that are no more likely. Above the mode it falls with the count.
    p_values = np.cumsum(ordered)[np.searchsorted(ordered, pmf * AS_LIKELY, side="right") - 1]
    rejected = (p_values <= 1 - level) & (np.arange(n + 1) > n * chance)
    if not rejected.any():
        return float("nan")
    critical = int(np.argmax(rejected))
    return _least(lambda p: float(binomial_pmf(n, p)[critical:].sum()), chance, 1.0, power) - chance


def detectable_difference(discordance: float, n: int, level: float = LEVEL, power: float = POWER) -> float:
    """Smallest true difference between two scorers on n pairs that the exact McNemar test finds with the given power.

    `discordance` is the share of pairs, 0..1, on which exactly one of the two is right. The test is conditional on the
    number of discordant pairs; its power here is unconditional: the average over that number, binomial(n, discordance),
    of the exact power given it. Returns a difference of shares, 0..1; NaN where it would have to exceed the
    discordance.
    """
    if n <= 0 or not 0 < discordance <= 1:
        return float("nan")
    power_of = _power_of_mcnemar(discordance, n, level)
    if power_of(1.0) < power:
        return float("nan")
    return discordance * (2 * _least(power_of, 0.5, 1.0, power) - 1)


def _power_of_mcnemar(discordance: float, n: int, level: float) -> Callable[[float], float]:
    """The unconditional power of the exact McNemar test as a function of the share of wins among discordant pairs."""
    likely = binomial_pmf(n, discordance)
    spread = _DEVIATIONS * max(1.0, (n * discordance * (1 - discordance)) ** 0.5)
    first, last = max(0, int(n * discordance - spread)), min(n, int(n * discordance + spread) + 1)
    pairs = np.arange(first, last + 1)[:, None]  # [d, 1] numbers of discordant pairs
    logs = log_factorials(last)
    reach = int(_DEVIATIONS * max(1.0, last**0.5) / 2) + 1
    wins = -(-pairs // 2) + np.arange(reach + 1)  # [d, w] from one half of the pairs upwards
    tails = np.cumsum(_pmf(wins, pairs, 0.5, logs)[:, ::-1], axis=1)[:, ::-1]
    critical = wins[:, :1] + np.argmax(2 * tails <= 1 - level, axis=1)[:, None]  # [d, 1] fewest wins that are found
    missed = critical - 1 - np.arange(reach)  # [d, w] what is below them, far enough for shares from one half on
    return lambda share: float(likely[first : last + 1] @ (1 - _pmf(missed, pairs, share, logs).sum(axis=1)))


def _pmf(wins: np.ndarray, pairs: np.ndarray, share: float, logs: np.ndarray) -> np.ndarray:
    """Probability of `wins` [d, w] of `pairs` [d, 1] where each is won with probability `share`; 0 outside 0..pairs."""
    possible = (wins >= 0) & (wins <= pairs)
    k = np.clip(wins, 0, pairs)
    if share == 1:
        return np.where(possible & (wins == pairs), 1.0, 0.0)
    chosen = logs[pairs] - logs[k] - logs[pairs - k]
    return np.where(possible, np.exp(chosen + k * np.log(share) + (pairs - k) * np.log1p(-share)), 0.0)


def _least(rising: Callable[[float], float], low: float, high: float, wanted: float) -> float:
    """Where a rising function of low..high reaches `wanted`, by bisection to 1e-7; `high` must reach it."""
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= wanted else (middle, high)
    return high
