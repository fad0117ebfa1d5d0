"""Is the threshold that `fourfold evaluate --adaptive` finds with at most 100 groups the one that 2,000 would give?

    python benchmarks/adaptive.py                      # minutes on one core
    python benchmarks/adaptive.py --scorers 20 --seed 3

Scorers are simulated: logistic curves, rising and falling, of several steepnesses (change in log-odds over the range),
floors and ceilings, none of which need be among the curves that are fitted. Each is asked by the very loop of the
command, then 2,000 times at random levels, which gives the answer to compare with, and as often as it was asked
adaptively at random levels. Points are hundredths of the range. A row for each steepness:

    covered     share of 95 % intervals that hold the true threshold
    near        ... of medians within 5 points of the 2,000-group answer; "random": with random levels
    known       ... of scorers of which the command gives a number: an interval of at most 10 points
    known, near ... of those numbers within 5 points of the 2,000-group answer
    words       ... of scorers said to be above, or below, the target over the whole range: wrong here, none is
    groups      asked on average
    ratio       median distance to the 2,000-group answer with random levels, to that of adaptive ones
    bound       standard deviation, in points, that 100 groups leave at the best level if all but the threshold is known

By the last column 100 right-or-wrong answers place a steep curve within 5 points, and a shallow one not, wherever they
are asked: there the command says that the threshold is not known. Scorers that are above, or below, the target
everywhere stand below the table, and have to get no number.
Exits with 1 if a claim does not hold.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import fmean, median
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from command import run
from tqdm import tqdm

from fourfold.statistics.psychometric import Psychometric, Threshold, enough

GRID = Psychometric(1 / 6)
STEEP = (3, 6, 12, 18, 30)
FLOORS, CEILINGS = (0.03, 0.1, 1 / 6), (1.0, 0.95, 0.9)
EVERYWHERE = (0.05, 0.3, 0.9, 1.0)  # shares right of scorers to which the axis does not matter
NEAR = 0.05
MISSED = 0.015  # standard deviation of how far a group lies from the level that was asked for
MANY = 2000


@dataclass(frozen=True)
class Scorer:
    """A simulated scorer: its share right at each level, 0..1 being the range."""

    threshold: float
    slope: float
    floor: float
    ceiling: float

    def share(self, levels: Any) -> Any:
        """The share right at a level, or at levels [n]."""
        ratio = (GRID.target - self.floor) / (self.ceiling - self.floor)
        log_odds = np.log(ratio / (1 - ratio)) + self.slope * (levels - self.threshold)
        return self.floor + (self.ceiling - self.floor) / (1 + np.exp(-log_odds))

    def bound(self) -> float:
        """Standard deviation of the threshold by Fisher's information, 100 groups at the level that has most of it."""
        share = self.share(np.linspace(self.threshold - 1, self.threshold + 1, 2001))
        slope = self.slope * (share - self.floor) * (self.ceiling - share) / (self.ceiling - self.floor)
        return float(1 / np.sqrt(100 * (slope**2 / (share * (1 - share))).max()))


@dataclass(frozen=True)
class Trial:
    """What became of one scorer."""

    truth: float
    bound: float
    found: Threshold
    asked: int
    many: float  # the answer of MANY groups
    random: float  # of as many groups as were asked, at random levels


def ask(answer: Callable[[float], bool], rng: np.random.Generator) -> tuple[Threshold, int]:
    """The loop of the command: what is found, and after how many groups."""
    posterior = GRID.prior
    for asked in count(1):
        level = float(np.clip(GRID.next_level(posterior) + rng.normal(0, MISSED), 0, 1))
        posterior = GRID.update(posterior, level, answer(level))
        found = GRID.threshold(posterior)
        if enough(found, asked):
            break
    return found, asked


def ask_at_random(scorer: Scorer, n: int, rng: np.random.Generator) -> float:
    """The median threshold after n groups at random levels."""
    levels = np.round(rng.random(n), 2)
    right = rng.random(n) < scorer.share(levels)
    return GRID.threshold(GRID.posterior(levels.tolist(), right.tolist())).median


def simulate(steepness: float, rng: np.random.Generator) -> Trial:
    """One scorer of that steepness, all else drawn."""
    slope = float(steepness * rng.choice([-1, 1]))
    scorer = Scorer(rng.uniform(0.1, 0.9), slope, float(rng.choice(FLOORS)), float(rng.choice(CEILINGS)))
    found, asked = ask(lambda level: bool(rng.random() < scorer.share(level)), rng)
    many, as_many = (ask_at_random(scorer, n, rng) for n in (MANY, asked))
    return Trial(scorer.threshold, scorer.bound(), found, asked, many, as_many)


def share_near(values: Iterable[float], trials: Sequence[Trial]) -> float:
    """Share of values that are near the answer of many groups; NaN without any."""
    near = [abs(value - each.many) <= NEAR for value, each in zip(values, trials, strict=True)]
    return fmean(near) if near else float("nan")


def measure(trials: Sequence[Trial]) -> dict[str, float]:
    """The columns of the table."""
    known = [each for each in trials if each.found.verdict == "known"]
    apart = [
        median(abs(value - each.many) for value, each in zip(values, trials, strict=True))
        for values in ([each.random for each in trials], [each.found.median for each in trials])
    ]
    return {
        "covered": fmean(each.found.low <= each.truth <= each.found.high for each in trials),
        "near": share_near((each.found.median for each in trials), trials),
        "random": share_near((each.random for each in trials), trials),
        "known": len(known) / len(trials),
        "known, near": share_near((each.found.median for each in known), known),
        "words": fmean(each.found.verdict in ("above", "below") for each in trials),
        "groups": fmean(each.asked for each in trials),
        "ratio": apart[0] / apart[1],
        "bound": 100 * fmean(each.bound for each in trials),
    }


@click.command(help=__doc__.splitlines()[0])
@click.option("--scorers", type=click.IntRange(10), default=150, show_default=True, help="of each steepness")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(scorers: int, seed: int) -> None:
    """Simulate, print the table, and check the claims."""
    by_steepness = {
        steepness: [
            simulate(steepness, np.random.default_rng([seed, steepness, i]))
            for i in tqdm(range(scorers), desc=f"steepness {steepness}", disable=None)
        ]
        for steepness in STEEP
    }
    everyone = [each for trials in by_steepness.values() for each in trials]
    rows = {str(steepness): measure(trials) for steepness, trials in by_steepness.items()} | {"all": measure(everyone)}
    print("steepness  " + "  ".join(f"{column:>7}" for column in rows["all"]))
    for name, row in rows.items():
        print(f"{name:>9}  " + "  ".join(f"{value:{max(7, len(column))}.3g}" for column, value in row.items()))
    rng = np.random.default_rng([seed, 0])
    verdicts = {
        share: Counter(
            ask(lambda level, share=share: bool(rng.random() < share), rng)[0].verdict for _ in range(scorers)
        )
        for share in EVERYWHERE
    }
    for share, found in verdicts.items():
        print(f"right in {100 * share:.0f} % everywhere: {dict(found)}")
    steep = [row for steepness, row in rows.items() if steepness in ("18", "30")]
    claims = {
        "95 % of all intervals hold the truth, and 90 % at every steepness": rows["all"]["covered"] >= 0.95
        and min(row["covered"] for row in rows.values()) >= 0.9,
        "93 % of the numbers that are given are within 5 points of the 2,000-group answer": rows["all"]["known, near"]
        >= 0.93,
        "95 % of all thresholds are, from steepness 18 on": min(row["near"] for row in steep) >= 0.95,
        "from there on random levels are at least 1.4 times as far off": min(row["ratio"] for row in steep) >= 1.4,
        "no number where the axis does not matter": not any(found["known"] for found in verdicts.values()),
        "no words where it does, but in 2 %": rows["all"]["words"] <= 0.02,
    }
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {claim}")
    sys.exit(not all(claims.values()))


if __name__ == "__main__":
    run(main)
