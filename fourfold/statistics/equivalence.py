"""Equivalence of two paired shares: two one-sided tests (Schuirmann 1987) by Tango's score statistic.

A difference that is not significant is no proof that there is none. Equivalence turns the burden round: the null
hypotheses are that one is ahead by the margin or more, and that it is behind by the margin or more; where both are
refused, the difference lies within the margin.
"""

from statistics import NormalDist

from fourfold.statistics.intervals import Interval

_NORMAL = NormalDist()


def score_statistic(wins: int, losses: int, n: int, difference: float) -> float:
    """How many standard errors the observed paired difference lies above a supposed one, -1 < `difference` < 1.

    Of n pairs, `wins` are right in the first alone and `losses` in the second alone. The standard error is that of the
    likeliest shares whose difference is the supposed one (Tango, Statistics in Medicine 17, 1998), so that it is not 0
    where no pair is discordant.
    """
    b = -wins - losses + (2 * n - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    lost = (max(0.0, b * b - 8 * n * c) ** 0.5 - b) / (4 * n)  # likeliest share lost under the supposed difference
    variance = n * (2 * lost + difference * (1 - difference))
    ahead = wins - losses - n * difference
    if variance <= 1e-12 * n:  # supposed: no pair is discordant
        return 0.0 if ahead == 0 else float("inf") * ahead
    return ahead / variance**0.5


def equivalence_test(wins: int, losses: int, n: int, margin: float) -> float:
    """p, 0..1, of "the paired difference of shares is `margin` or more, either way"; small: the two are equivalent.

    The larger p of the two one-sided score tests. Raises ValueError for counts that n pairs cannot have, and a margin
    outside 0..1 or at its ends.
    """
    if min(wins, losses) < 0 or wins + losses > n:
        raise ValueError(f"{wins} wins and {losses} losses of {n} pairs")
    if not 0 < margin < 1:
        raise ValueError(f"a margin is a share between 0 and 1, not {margin}")
    below = _NORMAL.cdf(score_statistic(wins, losses, n, margin))
    above = _NORMAL.cdf(-score_statistic(wins, losses, n, -margin))
    return max(below, above)


def paired_interval(wins: int, losses: int, n: int, level: float) -> Interval:
    """Score interval, -1..1, of the paired difference of shares: all that `score_statistic` does not refuse (Tango).

    At level 1 - 2a it lies within a margin exactly where `equivalence_test` has p < a.
    """
    z, value = _NORMAL.inv_cdf((1 + level) / 2), (wins - losses) / n

    def limit(end: float) -> float:
        inside, outside = value, end
        for _ in range(36):
            middle = (inside + outside) / 2
            refused = abs(score_statistic(wins, losses, n, middle)) > z
            inside, outside = (inside, middle) if refused else (middle, outside)
        return inside

    return Interval(limit(-1.0), limit(1.0))
