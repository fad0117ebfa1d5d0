"""At which level of difficulty does a share of right answers cross a target? Asked where the answer tells most.

A curve is p(x) = floor + (ceiling - floor) * F(a + slope * (x - threshold)), F the logistic function and a such that
p(threshold) is the target: halfway between chance and 1. x is a level, scaled so that the range of levels is 0..1. The
posterior is held on a grid of thresholds (far beyond the range too), slopes, rising and falling, floors from 0 to
chance, for a scorer can be worse than guessing where a question has several parts, and ceilings. Only the threshold is
asked for; the others are summed out (the "psi-marginal" method: Prins, Journal of Vision 13, 2013, after Kontsevich and
Tyler, Vision Research 39, 1999, and QUEST+: Watson, Journal of Vision 17, 2017).

What is asked next, and when it is enough, is the same for whoever asks: `next_level`, `update`, `threshold`, and
`enough`, round and round. `benchmarks/adaptive.py` simulates how often the interval holds the truth.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from fourfold.statistics.intervals import LEVEL

_STEP = 0.01  # between thresholds within the range
_OUTER_STEP = 0.05  # between those beyond it, which only say how far it is
_FARTHEST = 1.0  # ranges beyond the range
# Change in log-odds over the whole range. Steeper curves are found with these as well, the interval a little too wide;
# were they among these, answers that look steep by luck would end the asking early, with an interval too narrow.
_STEEPNESS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0)
_CEILINGS = (1.0, 0.97, 0.92, 0.84, 0.72)
_FLOORS = (0.0, 0.5, 1.0)  # of chance
_FLOORS_OF_A_HALF = (1.0,)  # a question of two answers alike: who cannot tell is right half of the time
_CANDIDATES = 26  # levels to choose from, over the range
WIDTH = 0.1  # of the range: a threshold is known if its interval is no wider
CERTAIN = 0.95  # probability from which it is said that accuracy is above, or below, the target over the whole range
FEWEST = 40  # answers before the asking may end: earlier, luck decides too often
MOST = 100


class Threshold(NamedTuple):
    """What is known of where the target is crossed, on the scale of the levels, 0..1 being the range."""

    median: float  # of the thresholds within the range
    low: float  # limits of the interval; -inf or inf: beyond the range
    high: float
    within: float  # probability that the target is crossed within the range
    always_above: float  # ... that accuracy is above the target over the whole range
    always_below: float

    @property
    def verdict(self) -> Literal["known", "above", "below", "open"]:
        """Whether the threshold is known, accuracy is above or below the target over the whole range, or neither."""
        if self.always_above >= CERTAIN:
            return "above"
        if self.always_below >= CERTAIN:
            return "below"
        return "known" if self.high - self.low <= WIDTH else "open"  # beyond the range the width is infinite, or NaN


def enough(found: Threshold, asked: int, most: int = MOST) -> bool:
    """Whether no more has to be asked, after so many answers."""
    return asked >= most or (asked >= FEWEST and found.verdict != "open")


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

    @cached_property
    def _above_from_outside(self) -> np.ndarray:
        """[T, S] the curves whose threshold lies beyond the range, and which are above the target within it."""
        outside = (self.thresholds < 0) | (self.thresholds > 1)
        return np.asarray(outside[:, None] & (self.curves(0.5) > self.target))

    def curves(self, level: float) -> np.ndarray:
        """The share right [T, S] that each curve of the grid gives at a level."""
        slope, floor, ceiling = self.shapes.T
        ratio = (self.target - floor) / (ceiling - floor)
        log_odds = np.log(ratio / (1 - ratio)) + slope * (level - self.thresholds[:, None])
        return np.asarray(floor + (ceiling - floor) / (1 + np.exp(-log_odds)))

    def update(self, posterior: np.ndarray, level: float, right: bool) -> np.ndarray:
        """[T, S] after one more answer."""
        p = self.curves(level)
        weights = posterior * (p if right else 1 - p)
        return np.asarray(weights / weights.sum())

    def posterior(self, levels: Sequence[float], right: Sequence[bool]) -> np.ndarray:
        """[T, S] after all these answers at once, in whatever order they came."""
        log = np.log(self.prior)
        for (level, answer), times in Counter(zip(levels, right, strict=True)).items():
            p = self.curves(level)
            with np.errstate(divide="ignore"):  # where the ceiling is 1, a miss may round to impossible
                log += times * np.log(p if answer else 1 - p)
        weights = np.exp(log - log.max())
        return np.asarray(weights / weights.sum())

    def next_level(self, posterior: np.ndarray) -> float:
        """The candidate level whose answer leaves the least entropy of the threshold to expect."""
        return float(self.candidates[np.argmin(self._expected_entropy(posterior))])

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
        above = float(posterior[self._above_from_outside].sum())
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
