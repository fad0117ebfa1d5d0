"""Where along the stages of a model information is lost for good."""

from collections.abc import Mapping, Sequence

import numpy as np

from fourfold.evaluator.diagnosis.rows import Loss
from fourfold.statistics import LEVEL, Interval, cluster_bootstrap, percentile_interval

LEAST_LOSS = 0.1  # bits: less is not called a loss, however sure it is


def stage_intervals(bits: np.ndarray, rng: np.random.Generator) -> tuple[list[Interval], np.ndarray]:
    """95 % intervals of the means of bits [groups, stages] over groups, and the replicates [r, stages], paired."""
    (replicates,) = cluster_bootstrap([lambda weights: weights @ bits / len(bits)], len(bits), rng)
    return [percentile_interval(column) for column in replicates.T], replicates


def find_losses(
    category: str, chains: Mapping[str, Sequence[str]], means: Mapping[str, np.ndarray], draws: Mapping[str, np.ndarray]
) -> list[Loss]:
    """The losses that are sure and no trifle, the largest first.

    `chains` lists the stages of each side in order, `means` their bits [s] and `draws` the paired replicates [r, s].
    A stage is compared with the best of all later ones, so that what a later stage has again was not lost. Each
    difference is tested on one side at 5 %, corrected for the number of transitions on all sides (Bonferroni).
    """
    transitions = sum(max(0, len(stages) - 1) for stages in chains.values())
    found = []
    for side, stages in chains.items():
        mean, drawn = means[side], draws[side]
        for at in range(len(stages) - 1):
            best = at + 1 + int(mean[at + 1 :].argmax())
            interval = percentile_interval(drawn[:, at] - drawn[:, best], 1 - 2 * (1 - LEVEL) / transitions)
            if mean[at] - mean[best] >= LEAST_LOSS and interval.low > 0:
                values = float(mean[at]), float(mean[best]), float(interval.low), float(interval.high)
                found.append(Loss(category, side, stages[at], stages[at + 1], *values))
    return sorted(found, key=lambda loss: -loss.bits)
