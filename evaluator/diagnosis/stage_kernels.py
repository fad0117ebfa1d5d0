"""From stored stages to kernels: what of a stage a probe may read, for the groups of one category."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fourfold.evaluator.diagnosis.matching_probe import kernel_of
from fourfold.evaluator.diagnosis.symbols import symbol_matrices
from fourfold.evaluator.diagnosis.token_features import (
    IMAGE_DIRECTIONS,
    TEXT_DIRECTIONS,
    grid_forms,
    pooled_features,
    set_features,
    text_forms,
    whiten,
)

Kernels = list[np.ndarray]  # each [g, g], of g groups' differences
Read = Callable[[np.ndarray], Kernels]  # numbers [g] of groups -> their kernels


def pooled_reader(pooled: torch.Tensor) -> Read:
    """Kernels of pooled vectors [2 * groups, c]: the two members of each group one after the other."""
    white = whiten(pooled[:, None].float(), None, TEXT_DIRECTIONS)[:, 0]
    return lambda groups: _kernels(pooled_features(white[_members(groups)]))


def patch_reader(tokens: torch.Tensor, grid: tuple[int, int]) -> Read:
    """Kernels of patch tokens [2 * groups, h*w, c]."""
    white, forms = whiten(tokens, None, IMAGE_DIRECTIONS), grid_forms(grid)
    return lambda groups: _kernels(set_features(white[_members(groups)], *forms))


def token_reader(tokens: torch.Tensor, mask: torch.Tensor) -> Read:
    """Kernels of text tokens [2 * groups, t, c], of which `mask` [2 * groups, t] says which count."""
    used = int(mask.bool().any(0).nonzero().max()) + 1
    white = whiten(tokens[:, :used], mask[:, :used], TEXT_DIRECTIONS)
    forms = text_forms(used)
    return lambda groups: _kernels(set_features(white[_members(groups)], *forms))


def symbol_reader(claims: Sequence[Mapping[str, Any]]) -> Read:
    """Kernels of what the claims [2 * groups] say."""
    matrices = symbol_matrices(claims)
    return lambda groups: _kernels({name: matrix[_members(groups)] for name, matrix in matrices.items()})


def _members(groups: np.ndarray) -> np.ndarray:
    return np.stack([2 * groups, 2 * groups + 1], axis=1).ravel()


def _kernels(features: Mapping[str, np.ndarray]) -> Kernels:
    return [kernel_of(values[0::2] - values[1::2]) for values in features.values()]
