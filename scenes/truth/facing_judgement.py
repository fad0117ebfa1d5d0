"""Which way a thing faces, by its pixels: the mesh of its kind is turned until it fits the surface that is seen.

Neither the yaw nor the place of the layout is used. Where the back fits about as well as the front, or no turn fits
well, there is no verdict.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from fourfold.scenes.model.camera import Camera, axes, pose
from fourfold.scenes.shapes import KINDS, Kind, mesh
from fourfold.scenes.truth.pixel_judgement import Verdict
from fourfold.scenes.truth.sightings import Sighting

_STEP = 10  # degrees between the turns that are tried
_FITS = 0.5  # most that the best turn may misfit: right ones do by .2 to .4, and what fits worse is as often wrong
_CLEAR = 1.08  # how many times worse the best turn to the other side must fit
_CELLS = 20  # a side of the grid on which two surfaces are compared
_POINTS = 5000  # on a mesh
_DEEP = 0.2  # difference of depth, in widths of the thing, that is as bad as a cell which only one surface fills
_TOWARDS = 40.0  # degrees
_ASTRAY = 50.0


def faces_way(thing: Sighting | None, direction: str, camera: Camera) -> Verdict:
    """Whether a sighting turns its front to the camera, away from it, or to the left or right of the picture."""
    if thing is None:
        return None
    right = axes(camera)[0]
    to_camera = pose(camera)[:3, 3] - thing.middle
    target = {"camera": to_camera, "away": -to_camera, "left": -right, "right": right}[direction]
    return _verdict(thing, camera, np.array([*target[:2], 0.0]))


def faces_thing(direction: str) -> Callable[[Sighting, Sighting, Camera], Verdict]:
    """Whether a sighting turns its front ("towards") or its back ("away") to another."""
    sign = {"towards": 1.0, "away": -1.0}[direction]
    return lambda a, b, camera: _verdict(a, camera, sign * (b.middle - a.middle))


def _verdict(thing: Sighting, camera: Camera, target: np.ndarray) -> Verdict:
    ahead = _front(thing, camera)
    if ahead is None:
        return None
    angle = np.degrees(np.arccos(np.clip(ahead @ target / np.linalg.norm(target), -1, 1)))
    return True if angle <= _TOWARDS else False if angle >= _ASTRAY else None


def _front(thing: Sighting, camera: Camera) -> np.ndarray | None:
    """Unit vector [3] in the world to which the sighting turns its front, level; None where the pixels do not say."""
    [kind] = (KINDS[name] for name in thing.may_be["shape"])
    if kind.front is None or not thing.whole or not len(thing.surface):
        return None
    yaw = _yaw_of(thing, kind, camera)
    if yaw is None:
        return None
    turn = np.radians(yaw - kind.front)
    return np.array([np.sin(turn), -np.cos(turn), 0.0])


def _yaw_of(thing: Sighting, kind: Kind, camera: Camera) -> float | None:
    """The turn in degrees at which the kind fits what is seen; None if none does, or one to the other side as well."""
    backward = pose(camera)[:3, 3] - thing.middle
    backward /= np.linalg.norm(backward)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right /= np.linalg.norm(right)
    frame = np.stack([right, np.cross(backward, right), backward])  # [3, 3]
    seen = _relief(thing.surface @ frame.T)
    yaws = np.arange(0, 360, _STEP)
    turned = (_turned(_surface(kind), float(yaw)) for yaw in yaws)
    misfits = np.array([_misfit(seen, _relief(points @ frame.T)) for points in turned])
    best = int(misfits.argmin())
    aside = np.abs((yaws - yaws[best] + 180) % 360 - 180)
    clear = misfits[aside >= 90].min() >= _CLEAR * misfits[best]
    return float(yaws[best]) if clear and misfits[best] <= _FITS else None


@cache
def _surface(kind: Kind) -> np.ndarray:
    """Points [_POINTS, 3] spread over the mesh of the kind, the same ones at every call."""
    solid, rng = mesh(kind.name), np.random.default_rng(0)
    areas = np.asarray(solid.area_faces)
    corners = np.asarray(solid.triangles)[rng.choice(len(areas), size=_POINTS, p=areas / areas.sum())]  # [m, 3, 3]
    weights = rng.dirichlet(np.ones(3), size=_POINTS)
    return np.asarray(np.einsum("mc,mcx->mx", weights, corners))


def _turned(points: np.ndarray, yaw: float) -> np.ndarray:
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    return points @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _relief(points: np.ndarray) -> np.ndarray:
    """The nearest depth in each cell of a grid, from points [n, 3] (right, up, backward), NaN where there are none.

    The middle of what is seen lies in the middle of the grid. Its size is that of a square of the same area, so that
    neither the distance nor the size of a thing matters; depths are in these units, about their median.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    unit = float(np.sqrt(np.prod(high - low + 1e-9)))
    cells = np.floor(((points[:, :2] - (low + high) / 2) / unit / 2 + 0.5) * _CELLS).astype(int).clip(0, _CELLS - 1)
    relief = np.full(_CELLS * _CELLS, -np.inf)
    np.maximum.at(relief, cells[:, 1] * _CELLS + cells[:, 0], points[:, 2] / unit)
    relief[np.isinf(relief)] = np.nan
    return relief - np.nanmedian(relief)


def _misfit(seen: np.ndarray, expected: np.ndarray) -> float:
    """Mean over the cells that either fills: 1 where only one does, else their difference in depth, at most 1."""
    filled, also = ~np.isnan(seen), ~np.isnan(expected)
    both = filled & also
    deep = np.minimum(np.abs(seen[both] - expected[both]) / _DEEP, 1.0)
    return float((deep.sum() + (filled ^ also).sum()) / (filled | also).sum())
