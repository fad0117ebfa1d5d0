"""Patterns as textures: for a mesh and a pattern, where each corner is in a small tile that repeats.

The patterns are those of `shading`: functions of the place in the object's own coordinates. Stripes depend on one
number that is linear in the place, and dots on two of its three coordinates, so that both are a tile on texture
coordinates. Checks depend on all three: faces are cut where they cross from one cell to the next, and each part is of
one color.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fourfold.scenes.model.vocabulary import PATTERNS

_STRIPE_SLOPE = np.array([0.30, 0.22, 1.0])
_STRIPE, _DOT = 0.31, 0.28  # where the second color begins, of a repetition
_TILE = 128  # texels


@dataclass(frozen=True)
class Dressed:
    """Triangles with texture coordinates; no two share corners where a pattern breaks off."""

    vertices: np.ndarray  # [n, 3]
    normals: np.ndarray  # [n, 3]
    places: np.ndarray  # [n, 2] in the tile, which repeats at whole numbers
    faces: np.ndarray  # [m, 3]


def dress(shape: Any, pattern: str) -> Dressed:
    """The triangles of a mesh (a trimesh.Trimesh) with their places in the pattern's tile."""
    vertices, normals, faces = (np.asarray(part) for part in (shape.vertices, shape.vertex_normals, shape.faces))
    frequency = PATTERNS[pattern].frequency
    if pattern == "striped":
        along = vertices @ (_STRIPE_SLOPE * frequency)
        return Dressed(vertices, normals, np.stack([along, np.zeros_like(along)], axis=1), faces)
    if pattern == "dotted":
        corners, facing = vertices[faces], np.abs(normals[faces].mean(axis=1))  # [m, 3, 3], [m, 3]
        places = _flattened(corners * frequency, facing).reshape(-1, 2)
        return Dressed(corners.reshape(-1, 3), normals[faces].reshape(-1, 3), places, _in_turn(len(faces)))
    if pattern == "checkered":
        pieces = np.concatenate([vertices, normals], axis=1)[faces]  # [m, 3, 6]
        for axis in range(3):
            low, high = vertices[:, axis].min() * frequency, vertices[:, axis].max() * frequency
            for number in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                pieces = _cut(pieces, axis, number / frequency)
        odd = np.floor(pieces[:, :, :3].mean(axis=1) * frequency).sum(axis=1) % 2  # [m]
        places = np.repeat(np.stack([0.25 + 0.5 * odd, np.full(len(odd), 0.5)], axis=1), 3, axis=0)
        flat = pieces.reshape(-1, 6)
        return Dressed(flat[:, :3], flat[:, 3:], places, _in_turn(len(pieces)))
    return Dressed(vertices, normals, np.zeros((len(vertices), 2)), faces)


def tile(pattern: str) -> np.ndarray:
    """The share of the second color in a pattern's tile, [h, w], 0..1."""
    middles = np.abs((np.arange(_TILE) + 0.5) / _TILE - 0.5)
    if pattern == "striped":
        return np.asarray(middles > _STRIPE, dtype=float)[None]
    if pattern == "dotted":
        return np.asarray(np.hypot(middles[:, None], middles) < _DOT, dtype=float)
    if pattern == "checkered":
        return np.array([[0.0, 1.0]])
    return np.zeros((1, 1))


def _in_turn(faces: int) -> np.ndarray:
    return np.arange(3 * faces).reshape(-1, 3)


def _flattened(corners: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """Two of three coordinates of each face's corners, [m, 3, 2]: without the one that the face looks along."""
    up = facing[:, 2] >= np.maximum(facing[:, 0], facing[:, 1])
    side = facing[:, 0] >= facing[:, 1]
    kept = np.where(up[:, None], [0, 1], np.where(side[:, None], [1, 2], [0, 2]))  # [m, 2]
    return np.take_along_axis(corners, kept[:, None], axis=2)


def _cut(pieces: np.ndarray, axis: int, at: float) -> np.ndarray:
    """Triangles `[m, 3, k]` with those that cross a plane cut into three; what corners carry is interpolated."""
    side = pieces[:, :, axis] - at
    crossing = (side.min(axis=1) < -1e-9) & (side.max(axis=1) > 1e-9)
    if not crossing.any():
        return pieces
    cut, side = pieces[crossing], side[crossing]
    # Turn each so that its first corner is alone on its side; a corner on the plane counts as on the other one.
    above = side > 1e-9
    alone = np.where(above.sum(axis=1) == 1, above.argmax(axis=1), (~above).argmax(axis=1))
    order = (alone[:, None] + np.arange(3)) % 3
    (a, b, c), (at_a, at_b, at_c) = (
        np.moveaxis(np.take_along_axis(cut, order[..., None], axis=1), 1, 0),
        np.take_along_axis(side, order, axis=1).T,
    )
    ab = a + (b - a) * (at_a / (at_a - at_b))[:, None]
    ac = a + (c - a) * (at_a / (at_a - at_c))[:, None]
    parts = np.concatenate([np.stack(corners, axis=1) for corners in ((a, ab, ac), (ab, b, c), (ab, c, ac))])
    return np.concatenate([pieces[~crossing], parts])
