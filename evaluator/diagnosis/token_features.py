"""What a probe reads of a set of tokens: which features stand in one token, beside each other, in order, and where.

Every kind of features is a sum over pairs of tokens, `sum_ij S_ij a_i a_j'`, that is `A' S A` [r, r] for the tokens A
[t, r] of one
picture or caption; S is fixed and says which pairs count:

    same      a token with itself: which attributes are together in one token
    near      tokens that are neighbours: which are beside each other
    across, down, before    one token left of, above, before another (antisymmetric)
    next      a token and the one right after it
    places    not pairs, but tokens and where they are: `A' G` for smooth functions of the place G [t, m]

Pooled vectors have `linear` and `square` features: a straight line through them, and products of two of their
numbers, so that no stage wins because what it knows is easier to read off a straight line.
"""

from collections.abc import Mapping

import numpy as np
import torch

REACH = 0.12  # of neighbours, in widths of the picture
WAVES = 4  # smooth functions of a place along each side, beside the constant
TEXT_WAVES = 8
IMAGE_DIRECTIONS, TEXT_DIRECTIONS = 64, 96  # principal directions of a layer's tokens that are read
_RIDGE = 1e-4  # of the mean variance: directions with less are noise, and not blown up to be like the others


def whiten(vectors: torch.Tensor, mask: torch.Tensor | None, rank: int) -> torch.Tensor:
    """Centre vectors [n, t, d] and turn them to their `rank` principal directions, all of about the same variance.

    Where `mask` [n, t] is False the result is 0, and counts for nothing. Which group they belong to plays no part.
    """
    used = vectors if mask is None else vectors * mask[..., None]
    total = vectors.shape[:2].numel() if mask is None else max(1.0, float(mask.sum()))
    centred = vectors - used.sum((0, 1)) / total
    centred = centred if mask is None else centred * mask[..., None]
    return centred @ _principal_directions(centred.flatten(0, 1), total, rank)


def _principal_directions(centred: torch.Tensor, total: float, rank: int) -> torch.Tensor:
    """[d, r] of centred vectors [n, d], scaled so that all have about the same variance."""
    values, directions = torch.linalg.eigh((centred.T @ centred / total).double())
    values, directions = values.flip(0)[:rank].clamp_min(0), directions.flip(1)[:, :rank]
    return (directions / (values + _RIDGE * values.mean() + 1e-12).sqrt()).float()


def grid_forms(grid: tuple[int, int]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The matrices S [p, p] of the patches of a grid by name, and the functions of their places G [p, m]."""
    y, x = (axis.flatten() for axis in torch.meshgrid(_steps(grid[0]), _steps(grid[1]), indexing="ij"))
    dy, dx = y[:, None] - y, x[:, None] - x
    near = torch.exp(-(dx**2 + dy**2) / (2 * max(REACH, 1 / max(grid)) ** 2)) - torch.eye(len(x))
    forms = {"near": near, "across": torch.tanh(dx / REACH), "down": torch.tanh(dy / REACH)}
    along = [torch.stack([torch.cos(torch.pi * k * axis) for k in range(WAVES + 1)], 1) for axis in (y, x)]
    return forms, (along[0][:, :, None] * along[1][:, None, :]).flatten(1)


def text_forms(length: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The same for the positions of a caption."""
    place = torch.arange(length, dtype=torch.float32)
    ahead = place - place[:, None]  # [t, t]: of column j before row i
    near = torch.exp(-(ahead**2) / 2) - torch.eye(length)
    forms = {"near": near, "next": (ahead == 1).float(), "before": torch.sign(ahead)}
    waves = torch.stack([torch.cos(torch.pi * k * (place + 0.5) / length) for k in range(TEXT_WAVES + 1)], 1)
    return forms, waves


def _steps(n: int) -> torch.Tensor:
    return (torch.arange(n) + 0.5) / n


def set_features(
    tokens: torch.Tensor, forms: Mapping[str, torch.Tensor], places: torch.Tensor
) -> dict[str, np.ndarray]:
    """Every kind of features [n, f] of whitened tokens [n, t, r]."""
    turned = tokens.transpose(1, 2)  # [n, r, t]
    found = {"same": turned @ tokens, "places": turned @ places}
    found |= {name: turned @ (form @ tokens) for name, form in forms.items()}
    return {name: value.flatten(1).numpy() for name, value in found.items()}


def pooled_features(vectors: torch.Tensor) -> dict[str, np.ndarray]:
    """Both kinds of features [n, f] of whitened pooled vectors [n, r]."""
    square = vectors[:, :, None] * vectors[:, None, :]
    return {"linear": vectors.numpy(), "square": square.flatten(1).numpy()}
