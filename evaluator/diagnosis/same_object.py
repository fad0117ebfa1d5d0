"""Does a layer say which patches belong to one object? A probe of pairs of patches, from the stored instance masks.

A patch belongs to an object that fills at least `LEAST_SHARE` of it. Pairs of patches of one object are matched with
as many pairs of patches of two objects at the same distance on the grid, so that distance says nothing; a probe of
places alone, which stands beside it, must find nothing. The probe is a logistic regression on the products and the
distances of the patches' principal directions, held out by groups; its answer is in bits a pair, as everywhere here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fourfold.evaluator.diagnosis.matching_probe import bits_of
from fourfold.evaluator.diagnosis.rows import SameObject
from fourfold.evaluator.diagnosis.token_features import whiten
from fourfold.statistics import cluster_bootstrap, percentile_interval, sum_by_cluster

LEAST_SHARE = 0.7  # of a patch's pixels
LEAST_PAIRS = 200  # fewer say nothing
MOST_PAIRS = 4000
DIRECTIONS = 32
PENALTY = 1.0  # on standardised features, for all pairs together


@dataclass(frozen=True)
class Pairs:
    """Pairs of patches, half of them of one object: picture, two patches, the answer, the group."""

    picture: np.ndarray  # [m] int
    first: np.ndarray  # [m] int, patch
    second: np.ndarray
    same: np.ndarray  # [m] bool
    group: np.ndarray  # [m] int


def patch_owners(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Whose each patch [h * w] is: the number of an object in the mask [H, W], 0 the background's, -1 nobody's."""
    h, w = grid
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(mask.shape, grid, strict=True))
    patch = rows[:, None] * w + columns
    n_values = int(mask.max()) + 1
    counts = np.bincount((patch * n_values + mask).ravel(), minlength=h * w * n_values).reshape(h * w, n_values)
    share = counts.max(axis=1) / counts.sum(axis=1)
    return np.where(share >= LEAST_SHARE, counts.argmax(axis=1), -1)


def matched_pairs(
    owners: Sequence[np.ndarray], groups: np.ndarray, grid: tuple[int, int], rng: np.random.Generator
) -> Pairs:
    """Pairs of patches of one object, and as many of two objects at each offset on the grid; `owners` a picture."""
    found: list[np.ndarray] = []  # picture, first, second, same, offset
    for picture, owner in enumerate(owners):
        patches = np.flatnonzero(owner > 0)
        a, b = (patches[side] for side in np.triu_indices(len(patches), 1))
        dy, dx = np.abs(a // grid[1] - b // grid[1]), np.abs(a % grid[1] - b % grid[1])
        same = owner[a] == owner[b]
        found.append(np.stack([np.full(len(a), picture), a, b, same, dy * grid[1] + dx], axis=1))
    table = rng.permutation(np.concatenate(found)) if found else np.zeros((0, 5), int)
    kept = []
    for offset in np.unique(table[:, 4]):
        here = table[table[:, 4] == offset]
        same, other = here[here[:, 3] == 1], here[here[:, 3] == 0]
        n = min(len(same), len(other))
        kept += [same[:n], other[:n]]
    chosen = np.concatenate(kept) if kept else table
    if len(chosen) > MOST_PAIRS:  # as many of each answer
        chosen = np.concatenate([rng.permutation(chosen[chosen[:, 3] == x])[: MOST_PAIRS // 2] for x in (0, 1)])
    return Pairs(chosen[:, 0], chosen[:, 1], chosen[:, 2], chosen[:, 3] == 1, groups[chosen[:, 0]])


def probe_layer(
    stage: str, tokens: torch.Tensor, grid: tuple[int, int], pairs: Pairs, folds: np.ndarray, rng: np.random.Generator
) -> SameObject | None:
    """The probe of one layer's tokens [n, h*w, c]; `folds` by group. None where the grid has too few such pairs."""
    if len(pairs.same) < LEAST_PAIRS:
        return None
    white = whiten(tokens, None, DIRECTIONS)
    a, b = (white[pairs.picture, patch].numpy() for patch in (pairs.first, pairs.second))
    held_out = folds[pairs.group]
    right = _held_out(np.concatenate([a * b, np.abs(a - b)], axis=1), pairs.same, held_out)
    places = [np.divmod(patch, grid[1]) for patch in (pairs.first, pairs.second)]
    (y0, x0), (y1, x1) = places
    where = np.stack([np.abs(y0 - y1), np.abs(x0 - x1), y0 + y1, x0 + x1, (y0 - y1) * (x0 - x1)], axis=1)
    of_places = _held_out(where.astype(float), pairs.same, held_out)
    names, cluster = np.unique(pairs.group, return_inverse=True)
    sums = sum_by_cluster(np.stack([bits_of(right), np.ones(len(right))], axis=1), cluster, len(names))
    (drawn,) = cluster_bootstrap([lambda weights: (weights @ sums[:, 0]) / (weights @ sums[:, 1])], len(names), rng)
    low, high = percentile_interval(drawn)
    return SameObject(
        stage=stage,
        bits=float(bits_of(right).mean()),
        low=low,
        high=high,
        accuracy=float((right > 0).mean()),
        position_bits=float(bits_of(of_places).mean()),
        pairs=len(pairs.same),
        groups=len(names),
    )


def _held_out(features: np.ndarray, same: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Margins [m] in logits of the right answer of each pair, from a fit to the other folds."""
    x = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    x = np.column_stack([np.ones(len(x)), x])
    margins = np.zeros(len(x))
    for fold in np.unique(folds):
        train = folds != fold
        weights = _fit(x[train], same[train].astype(float))
        margins[~train] = x[~train] @ weights
    return np.where(same, margins, -margins)


def _fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression with a quadratic penalty, by Newton's method."""
    weights, ridge = np.zeros(x.shape[1]), PENALTY * np.eye(x.shape[1])
    for _ in range(8):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (y - p) - ridge @ weights
        weights = weights + np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + ridge, gradient)
    return weights
