"""Do two things that hold or fail on the same cases go together? Fisher's exact test."""

from operator import index

import numpy as np

from fourfold.statistics.exact_tests import AS_LIKELY, log_factorials


def independence_test(both: int, first: int, second: int, n: int) -> float:
    """Two-sided p, 0..1, of Fisher's exact test: are two things independent?

    One holds on `first` of n cases, the other on `second`, both on `both`. The p is the probability, with both totals
    given, of all counts of `both` that are no more likely than the one seen. Raises TypeError for counts that are not
    whole, ValueError for counts that n cases cannot have.
    """
    both, first, second, n = index(both), index(first), index(second), index(n)
    low, high = max(0, first + second - n), min(first, second)
    if not (0 <= first <= n and 0 <= second <= n and low <= both <= high):
        raise ValueError(f"{both} of {n} cases cannot be those of {first} that are among {second}")
    logs, k = log_factorials(n), np.arange(low, high + 1)
    pmf = np.exp(-logs[k] - logs[first - k] - logs[second - k] - logs[n - first - second + k])
    pmf /= pmf.sum()
    return min(1.0, float(pmf[pmf <= pmf[both - low] * AS_LIKELY].sum()))
