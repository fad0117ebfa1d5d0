"""At which level of difficulty does a share of right answers cross a target? A posterior over psychometric curves.

A curve is p(x) = floor + (ceiling - floor) * F(a + slope * (x - threshold)), F the logistic function and a such that
p(threshold) is the target: halfway between chance and 1. x is a level, scaled so that the range of levels is 0..1. The
posterior is held on a grid of thresholds (far beyond the range too), slopes, rising and falling, floors from 0 to
chance, for a scorer can be worse than guessing where a question has several parts, and ceilings. Only the threshold is
asked for; the others are summed out (the "psi-marginal" method: Prins, Journal of Vision 13, 2013, after Kontsevich and
Tyler, Vision Research 39, 1999, and QUEST+: Watson, Journal of Vision 17, 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fourfold.statistics.intervals import LEVEL

_STEP = 0.01  # between thresholds within the range
_OUTER_STEP = 0.05  # between those beyond it, which only say how far it is
_FARTHEST = 1.0  # ranges beyond the range
_STEEPNESS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0, 50.0)  # change in log-odds over the whole range
_CEILINGS = (1.0, 0.97, 0.92, 0.84, 0.72)
_FLOORS = (0.0, 0.5, 1.0)  # of chance
_FLOORS_OF_A_HALF = (1.0,)  # a question of two answers alike: who cannot tell is right half of the time
_CANDIDATES = 26  # levels to choose from, over the range


class Threshold(NamedTuple):
    """What is known of where the target is crossed, on the scale of the levels, 0..1 being the range."""

    median: float  # of the thresholds within the range
    low: float  # limits of the interval; -inf or inf: beyond the range
    high: float
    within: float  # probability that the target is crossed within the range
    always_above: float  # ... that accuracy is above the target over the whole range
    always_below: float


@dataclass(frozen=True)
class Psychometric:
    """The grid of curves for questions with this chance of being right by guessing, 0..1."""

    chance: float

    @property
    def target(self) -> float:
        """The share right at the threshold, halfway between chance and 1."""
        return (1 + self.chance) / 2

    @cached_property
    def thresholds(self) -> np.ndarray:
        """[T] from one range below the range to one above."""
        inner = np.arange(round(1 / _STEP) + 1) * _STEP
        beyond = np.arange(1, round(_FARTHEST / _OUTER_STEP) + 1) * _OUTER_STEP
        return np.concatenate([-beyond[::-1], inner, 1 + beyond])

    @cached_property
    def shapes(self) -> np.ndarray:
        """[S, 3] every slope, floor and ceiling that goes with each threshold."""
        slopes = [sign * each for each in _STEEPNESS for sign in (1, -1)]
        shares = _FLOORS_OF_A_HALF if self.chance == 0.5 else _FLOORS
        ceilings = [each for each in _CEILINGS if each > self.target]
        return np.array([(s, f * self.chance, c) for s in slopes for f in shares for c in ceilings])

    @cached_property
    def prior(self) -> np.ndarray:
        """[T, S]: thresholds as likely as the room they take, within the range half of all; shapes alike."""
        inside = (self.thresholds >= 0) & (self.thresholds <= 1)
        room = np.where(inside, 0.5 / inside.sum(), 0.5 / (~inside).sum())
        return np.tile(room[:, None] / len(self.shapes), len(self.shapes))

    @cached_property
    def candidates(self) -> np.ndarray:
        """[L] levels to choose from, over the range."""
        return np.linspace(0, 1, _CANDIDATES)

    @cached_property
    def _at_candidates(self) -> np.ndarray:
        return np.stack([self.curves(level) for level in self.candidates]).astype(np.float32)  # [L, T, S]

    def curves(self, level: float) -> np.ndarray:
        """The share right [T, S] that each curve of the grid gives at a level."""
        slope, floor, ceiling = self.shapes.T
        ratio = (self.target - floor) / (ceiling - floor)
        log_odds = np.log(ratio / (1 - ratio)) + slope * (level - self.thresholds[:, None])
        return np.asarray(floor + (ceiling - floor) / (1 + np.exp(-log_odds)))

    def posterior(self, levels: Sequence[float], right: Sequence[bool]) -> np.ndarray:
        """[T, S] after these trials, in whatever order they came."""
        log = np.log(self.prior)
        for level, answer in zip(levels, right, strict=True):
            p = self.curves(level)
            with np.errstate(divide="ignore"):  # where the ceiling is 1, a miss may round to impossible
                log += np.log(p if answer else 1 - p)
        weights = np.exp(log - log.max())
        return np.asarray(weights / weights.sum())

    def most_informative(self, posterior: np.ndarray, n: int) -> np.ndarray:
        """The n candidate levels [n] whose answers leave the least entropy of the threshold to expect, best first.

        Different levels: a batch spreads round the best one.
        """
        return self.candidates[np.argsort(self._expected_entropy(posterior), kind="stable")[:n]]

    def _expected_entropy(self, posterior: np.ndarray) -> np.ndarray:
        """[L] of the thresholds' distribution, after one more answer at each candidate level."""
        marginal = posterior.sum(axis=1)  # [T]
        right = np.einsum("lts,ts->lt", self._at_candidates, posterior.astype(np.float32)).astype(float)
        joint = np.stack([right, np.maximum(marginal - right, 0)])  # [2, L, T]
        outcome = joint.sum(axis=2, keepdims=True)
        share = joint / np.maximum(outcome, 1e-12)
        entropy = -(share * np.log(np.maximum(share, 1e-300))).sum(axis=2)  # [2, L]
        return np.asarray((outcome[..., 0] * entropy).sum(axis=0))

    def threshold(self, posterior: np.ndarray, level: float = LEVEL) -> Threshold:
        """Median and equal-tailed interval of the threshold, and how likely it lies in the range or accuracy beside it.

        Which side of the target accuracy is on, where the threshold lies beyond the range, is what each curve says in
        the middle of the range.
        """
        marginal = posterior.sum(axis=1)
        inside = (self.thresholds >= 0) & (self.thresholds <= 1)
        outside = posterior[~inside]
        above = float(outside[self.curves(0.5)[~inside] > self.target].sum())
        tail = (1 - level) / 2
        below_range, within = float(marginal[self.thresholds < 0].sum()), float(marginal[inside].sum())

        def quantile(share: float) -> float:
            if share < below_range:
                return -np.inf
            if share > below_range + within:
                return np.inf
            return self._quantile(marginal[inside], share - below_range)

        median = self._quantile(marginal[inside], within / 2)
        return Threshold(median, quantile(tail), quantile(1 - tail), within, above, max(0.0, 1 - within - above))

    def _quantile(self, mass: np.ndarray, share: float) -> float:
        """Where the mass [T within] up to there is `share`; each threshold's is spread over its step."""
        edges = np.concatenate([[0.0], np.cumsum(mass)])
        places = np.clip((np.arange(len(mass) + 1) - 0.5) * _STEP, 0, 1)
        return float(np.interp(share, edges, places))

    def band(self, posterior: np.ndarray, levels: np.ndarray, level: float = LEVEL) -> np.ndarray:
        """[n, 3]: the mean share right at each level [n], and the limits of its interval."""
        weights, found = posterior.ravel(), []
        kept = weights > 1e-7 * weights.max()
        weights = weights[kept]
        for each in levels:
            p = self.curves(each).ravel()[kept]
            order = np.argsort(p)
            total = np.cumsum(weights[order])
            at = np.searchsorted(total, total[-1] * np.array([(1 - level) / 2, (1 + level) / 2]))
            low, high = p[order][np.minimum(at, len(p) - 1)]
            found.append((float(p @ weights / weights.sum()), low, high))
        return np.array(found)
