"""What a number of clusters can show: the least effect that the exact tests find with a given power."""

from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from fourfold.statistics.exact_tests import AS_LIKELY, binomial_pmf, log_factorials
from fourfold.statistics.intervals import LEVEL

POWER = 0.8
_MANY_PAIRS = 20_000
_DEVIATIONS = 6  # standard deviations beyond which a binomial tail, of 1e-9, is not summed


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
    of the exact power given it. Beyond `_MANY_PAIRS` discordant pairs, of the normal approximation (Connor 1987), which
    then agrees to a hundredth of a percentage point. Returns a difference of shares, 0..1; NaN where it would have to
    exceed the discordance.
    """
    if n <= 0 or not 0 < discordance <= 1:
        return float("nan")
    if n * discordance > _MANY_PAIRS:
        return _by_normal_approximation(discordance, n, level, power)
    power_of = _power_of_mcnemar(discordance, n, level)
    if power_of(1.0) < power:
        return float("nan")
    return discordance * (2 * _least(power_of, 0.5, 1.0, power) - 1)


def _by_normal_approximation(discordance: float, n: int, level: float, power: float) -> float:
    z_test, z_power = NormalDist().inv_cdf((1 + level) / 2), NormalDist().inv_cdf(power)
    # d sqrt(n) = z_test sqrt(psi) + z_power sqrt(psi - d^2), a quadratic in d
    a, b, c = n + z_power**2, -2 * z_test * (discordance * n) ** 0.5, discordance * (z_test**2 - z_power**2)
    return float((-b + max(0.0, b * b - 4 * a * c) ** 0.5) / (2 * a))


def _power_of_mcnemar(discordance: float, n: int, level: float) -> Callable[[float], float]:
    """The unconditional power of the exact McNemar test as a function of the share of wins among discordant pairs.

    The share is 1/2 or more, and only wins are found: the wrong side has next to no power.
    """
    spread = _DEVIATIONS * max(1.0, (n * discordance * (1 - discordance)) ** 0.5)
    first, last = max(0, int(n * discordance - spread)), min(n, int(n * discordance + spread) + 1)
    likely = binomial_pmf(n, discordance)[first : last + 1]  # [d]
    pairs = np.arange(first, last + 1)[:, None]  # [d, 1] numbers of discordant pairs
    logs = log_factorials(last)
    reach = np.arange(int(_DEVIATIONS * max(1.0, last**0.5)) + 1)  # of wins: twice as many deviations
    half = -(-pairs // 2)
    tails = np.cumsum(_pmf(half + reach, pairs, logs)(0.5)[:, ::-1], axis=1)[:, ::-1]
    critical = half + np.argmax(2 * tails <= 1 - level, axis=1)[:, None]  # [d, 1] the fewest wins that are found
    missed = _pmf(critical - 1 - reach, pairs, logs)  # what is below them, as far as a share of one half reaches
    return lambda share: float(likely @ (1 - missed(share).sum(axis=1)))


def _pmf(wins: np.ndarray, pairs: np.ndarray, logs: np.ndarray) -> Callable[[float], np.ndarray]:
    """Probability of `wins` [d, w] of `pairs` [d, 1] as a function of the share of wins; 0 outside 0..pairs."""
    won = np.clip(wins, 0, pairs)
    lost = pairs - won
    ways = np.where((wins >= 0) & (wins <= pairs), logs[pairs] - logs[won] - logs[lost], -np.inf)

    def probability(share: float) -> np.ndarray:
        if share == 1:
            return np.exp(np.where(lost == 0, ways, -np.inf))
        return np.exp(ways + won * np.log(share) + lost * np.log1p(-share))

    return probability


def _least(rising: Callable[[float], float], low: float, high: float, wanted: float) -> float:
    """Where a rising function of low..high reaches `wanted`, by bisection to a ten-thousandth of a percentage point."""
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= wanted else (middle, high)
    return high
