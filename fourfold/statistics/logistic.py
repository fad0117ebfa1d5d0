"""Logistic regression on one number, with Firth's penalty: finite where outcomes are separated, and hardly biased.

The penalty is half the logarithm of the determinant of the Fisher information (Firth, Biometrika 80, 1993), as in
Heinze and Schemper (Statistics in Medicine 21, 2002). Without a predictor's effect it is as if half a case were added
to each outcome. Intervals and p-values are of the profile of the penalised likelihood, not of a normal curve around the
estimate, which goes wrong where outcomes are rare.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from fourfold.statistics.intervals import LEVEL, Interval

_STEPS = 60  # of Newton's method; five do for almost all
_LONGEST_STEP = 3.0  # in log-odds: farther, the quadratic is no guide
_CONVERGED = 1e-9
_LARGEST = 40.0  # log-odds beyond which a probability is 0 or 1 in floating point anyway


class LogisticFit(NamedTuple):
    """log-odds = intercept + slope * x, and how likely it makes the outcomes."""

    intercept: float
    slope: float
    log_likelihood: float  # penalised


def fit_logistic(x: np.ndarray, y: np.ndarray, *, slope: float | None = None, start: float = 0.0) -> LogisticFit:
    """The likeliest line for outcomes y [n], 0..1, at x [n]; with `slope` given, the likeliest intercept to it.

    `start` is where the search for the intercept begins. x should be of order 1 and not all the same.
    """
    b = np.array([start, 0.0 if slope is None else slope])
    likelihood, gradient, information = _likelihood(x, y, b)
    for _ in range(_STEPS):
        if slope is None:
            step = np.linalg.solve(information, gradient)
        else:
            step = np.array([gradient[0] / information[0, 0], 0.0])
        step *= min(1.0, _LONGEST_STEP / max(np.abs(step).max(), 1e-300))
        for _ in range(30):  # half the step where it leads downhill
            better = _likelihood(x, y, b + step)
            if better[0] >= likelihood - 1e-12:
                break
            step /= 2
        b, (likelihood, gradient, information) = b + step, better
        if np.abs(step).max() < _CONVERGED or np.abs(b).max() > _LARGEST:
            break
    return LogisticFit(float(b[0]), float(b[1]), float(likelihood))


def slope_test(x: np.ndarray, y: np.ndarray, fit: LogisticFit) -> float:
    """p, 0..1, of "the slope is 0": ratio of penalised likelihoods, chi-square with one degree of freedom."""
    flat = fit_logistic(x, y, slope=0.0)
    root = max(0.0, 2 * (fit.log_likelihood - flat.log_likelihood)) ** 0.5
    return 2 * NormalDist().cdf(-root)


def slope_interval(x: np.ndarray, y: np.ndarray, fit: LogisticFit, level: float = LEVEL) -> Interval:
    """All slopes that the ratio of penalised likelihoods does not refuse at `level`."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    information = _likelihood(x, y, np.array(fit[:2]))[2]
    first = z * float(np.linalg.inv(information)[1, 1]) ** 0.5  # where a normal curve would end

    def limit(side: int) -> float:
        """By false position on the root of the ratio, which is nearly proportional to the distance."""
        intercept, distance = fit.intercept, first
        inside, outside = (0.0, -z), None
        for _ in range(40):
            there = fit_logistic(x, y, slope=fit.slope + side * distance, start=intercept)
            intercept = there.intercept
            beyond = max(0.0, 2 * (fit.log_likelihood - there.log_likelihood)) ** 0.5 - z
            if abs(beyond) < 1e-6 or distance > _LARGEST:
                break
            if beyond < 0:
                inside = distance, beyond
            else:
                outside = distance, beyond
            if outside is None:
                distance *= min(2.0, 1.05 * z / (z + beyond)) if beyond > -z else 2.0
            else:
                distance = inside[0] - inside[1] * (outside[0] - inside[0]) / (outside[1] - inside[1])
        return fit.slope + side * distance

    return Interval(limit(-1), limit(1))


def robust_slope_error(x: np.ndarray, y: np.ndarray, fit: LogisticFit, clusters: np.ndarray) -> float:
    """Standard error of the slope where outcomes of one cluster may depend on each other (sandwich); clusters [n] int.

    With the usual factor G / (G - 1) for G clusters (Liang and Zeger, Biometrika 73, 1986).
    """
    design = np.column_stack([np.ones(len(x)), x])
    information = _likelihood(x, y, np.array(fit[:2]))[2]
    n_clusters = int(clusters.max()) + 1
    scores = np.zeros((n_clusters, 2))
    np.add.at(scores, clusters, (y - probability(fit, x))[:, None] * design)
    bread = np.linalg.inv(information)
    variance = bread @ (scores.T @ scores) @ bread * n_clusters / (n_clusters - 1)
    return float(variance[1, 1] ** 0.5)


def probability(fit: LogisticFit, x: np.ndarray) -> np.ndarray:
    """The probability, 0..1, of the outcome at x."""
    return np.asarray(1 / (1 + np.exp(-np.clip(fit.intercept + fit.slope * x, -_LARGEST, _LARGEST))))


def _likelihood(x: np.ndarray, y: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Penalised log-likelihood, its gradient [2], and the Fisher information [2, 2], at intercept and slope b."""
    eta = np.clip(b[0] + b[1] * x, -_LARGEST, _LARGEST)
    p = 1 / (1 + np.exp(-eta))
    w = p * (1 - p)
    wx = w * x
    s0, s1, s2 = w.sum(), wx.sum(), wx @ x
    determinant = max(s0 * s2 - s1 * s1, 1e-300)
    leverage = w * (s2 - 2 * s1 * x + s0 * x * x) / determinant  # [n] diagonal of the hat matrix
    residual = y - p + leverage * (0.5 - p)
    likelihood = float(y @ eta - np.logaddexp(0, eta).sum() + 0.5 * np.log(determinant))
    return likelihood, np.array([residual.sum(), residual @ x]), np.array([[s0, s1], [s1, s2]])
