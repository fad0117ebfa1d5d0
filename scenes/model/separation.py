"""How far two objects that stand beside each other are apart: their meshes, height by height, as seen from above."""

from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from fourfold.scenes.model.bodies import Body
from fourfold.scenes.shapes import KINDS, Kind, mesh

_SLICES = 32  # of a kind's height
_DIRECTIONS = 360
FARTHEST = 0.15  # scene units up to which the distance of surfaces is measured
_SPACING = 0.05  # most between neighbouring points of a surface, at scale 1


def separation(one: Body, other: Body) -> float:
    """Scene units between two objects where, at some height, they are closest; negative where they are in each other.

    At every height the convex hull of the section counts: what is in another's hollow is in it. `inf` for two of which
    one is wholly higher than the other.
    """
    reach = _reach(one, other)
    if not len(reach):
        return float("inf")
    aside = np.subtract(other.position[:2], one.position[:2])
    return float((_ways() @ aside - reach).max(axis=1).min())


def distance_to_stand(one: Body, other: Body, towards: np.ndarray, gap: float) -> float:
    """How far from the middle of `one`, along the unit vector `towards` [2], the other is a `gap` apart from it.

    The heights of both are as they are; ValueError where one is wholly higher than the other.
    """
    along = _ways() @ towards  # [directions]
    ahead = along > 1e-6
    return float(((_reach(one, other)[:, ahead] + gap) / along[ahead]).min(axis=1).max())


def surface_distance(one: Body, other: Body) -> float:
    """Scene units between the closest points of two surfaces, too large by at most 0.04 where they are flat.

    `inf` for surfaces that are farther apart than `FARTHEST`.
    """
    return _surface_distance(KINDS[one.shape], KINDS[other.shape], one, other)


@lru_cache(maxsize=256)
def _surface_distance(kind: Kind, other_kind: Kind, one: Body, other: Body) -> float:
    from scipy.spatial import cKDTree

    clouds = [_placed(_surface(each), thing) for each, thing in ((kind, one), (other_kind, other))]
    low = np.maximum(*(cloud.min(axis=0) for cloud in clouds)) - FARTHEST
    high = np.minimum(*(cloud.max(axis=0) for cloud in clouds)) + FARTHEST
    near, others = (cloud[((cloud >= low) & (cloud <= high)).all(axis=1)] for cloud in clouds)
    if not len(near) or not len(others):
        return float("inf")
    return float(cKDTree(near).query(others)[0].min())


def _placed(points: np.ndarray, thing: Body) -> np.ndarray:
    c, s = np.cos(np.radians(thing.yaw)), np.sin(np.radians(thing.yaw))
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) * thing.scale + thing.position


def _reach(one: Body, other: Body) -> np.ndarray:
    """How far apart the middles must be for the two to be parted, [heights, directions]; no rows if none is shared."""
    heights = _heights(min(one, other, key=lambda thing: thing.height))
    rows = [_rows(thing, heights) for thing in (one, other)]
    shared = (rows[0] >= 0) & (rows[0] < _SLICES) & (rows[1] >= 0) & (rows[1] < _SLICES)
    mine, others = (
        _extents(KINDS[thing.shape])[row[shared]] * thing.scale for thing, row in zip((one, other), rows, strict=True)
    )
    turns = [round(thing.yaw * _DIRECTIONS / 360) for thing in (one, other)]
    return np.asarray(np.roll(mine, turns[0], axis=1) + np.roll(others, turns[1] + _DIRECTIONS // 2, axis=1))


def _heights(thing: Body) -> np.ndarray:
    """Heights of the middles of an object's slices, scene units above the ground."""
    return thing.position[2] + ((np.arange(_SLICES) + 0.5) / _SLICES - 0.5) * thing.height


def _rows(thing: Body, heights: np.ndarray) -> np.ndarray:
    return np.floor(((heights - thing.position[2]) / thing.height + 0.5) * _SLICES).astype(int)


@cache
def _ways() -> np.ndarray:
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)  # [directions, 2]


@cache
def _extents(kind: Kind) -> np.ndarray:
    """How far each slice of a kind at scale 1 reaches from its middle, [slices, directions]."""
    built = mesh(kind.name)
    ends = np.asarray(built.vertices)[built.edges_unique]  # [edges, 2, 3]
    ends = np.take_along_axis(ends, ends[:, :, 2].argsort(axis=1)[:, :, None], axis=1)  # the lower end first
    low, high = ends[:, 0], ends[:, 1]
    rise = np.maximum(high[:, 2] - low[:, 2], 1e-12)
    levels = np.linspace(low[:, 2].min(), high[:, 2].max(), _SLICES + 1)
    found = np.empty((_SLICES, _DIRECTIONS))
    for row, (bottom, top) in enumerate(pairwise(levels)):
        crosses = (high[:, 2] >= bottom - 1e-9) & (low[:, 2] <= top + 1e-9)
        shares = [((level - low[crosses, 2]) / rise[crosses]).clip(0, 1)[:, None] for level in (bottom, top)]
        points = np.concatenate([low[crosses] + share * (high - low)[crosses] for share in shares])
        found[row] = (points[:, :2] @ _ways().T).max(axis=0)
    return found


@cache
def _surface(kind: Kind) -> np.ndarray:
    """Points all over the surface of a kind at scale 1, [n, 3]."""
    from trimesh.remesh import subdivide_to_size  # over a second to import

    built = mesh(kind.name)
    points, _ = subdivide_to_size(np.asarray(built.vertices), np.asarray(built.faces), _SPACING, max_iter=30)
    return np.unique(np.round(points, 5), axis=0)
