"""The ways in which objects may be arranged: the table of them, and points for objects that do not collide."""

from dataclasses import dataclass

import numpy as np

from fourfold.errors import unknown_name
from fourfold.scenes.model.backgrounds import BEHIND, ON_TABLE

CLEARANCE = 0.60  # radius kept clear around an object of scale 1; boxes that reach further are checked later
_GAP = 0.10  # least empty space between the clearances of two objects
FEW = 3  # objects that find places by chance; more get a larger area, and are pushed apart
_FILLING = 0.68  # share of the area that the clearances of many objects may fill
_LARGEST = 2.6  # times that the area may grow for them: beyond, small objects would be specks
_ROUNDS = 40  # of pushing
_STEP = 0.7  # share of an overlap that each of the two gives way
_CELL_JITTER = 0.015


@dataclass(frozen=True)
class Arrangement:
    """Where objects may be, and how the camera looks at them. Ranges are (low, high)."""

    name: str
    surfaces: tuple[str, ...]
    standing: bool  # on the ground; if not, in the air before a wall
    across: float  # half-width of the area for object centres, to the right
    along: float  # half-height of it: away from the camera on the ground, upwards in the air
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    fov: tuple[float, float]
    view: float  # half-width of the picture at the target, scene units
    target_z: float
    cells: int = 0  # a side, if objects keep to the cells of a grid
    bases: tuple[str, ...] = ()  # kinds that carry, if the first object stands on or in the second

    @property
    def stacked(self) -> bool:
        """Whether the first two objects are in one place, the first carried by the second."""
        return bool(self.bases)


@dataclass(frozen=True)
class Cavity:
    """The free space inside an open container, in units of the container's largest extent."""

    radius: float  # of the upright cylinder that is free, about the middle
    floor: float  # its height above the container's lowest point
    rim: float


CAVITIES = {
    "bowl": Cavity(0.36, 0.08, 0.36),
    "basket": Cavity(0.33, 0.06, 0.40),
    "crate": Cavity(0.42, 0.05, 0.36),
    "cooking pot": Cavity(0.33, 0.047, 0.38),
}
# Kinds that something can stand on: their top is flat and around the middle.
BASES = ("cube", "cylinder", "half-sphere", "arch", "table", "hourglass", "hat")

ARRANGEMENTS = {
    row.name: row
    for row in (
        Arrangement("table", ON_TABLE, True, 1.4, 1.5, (-25, 25), (26, 40), (30, 42), 1.95, 0.25),
        Arrangement("floating", BEHIND, False, 1.35, 1.35, (-6, 6), (-3, 7), (30, 42), 1.85, 0.0),
        Arrangement("grid", BEHIND, False, 1.56, 1.56, (-6, 6), (-3, 7), (30, 42), 2.45, 0.0, cells=3),
        Arrangement("stacked", ON_TABLE, True, 1.3, 1.2, (-25, 25), (14, 26), (30, 42), 1.95, 0.75, bases=BASES),
        Arrangement("inside", ON_TABLE, True, 1.3, 1.2, (-25, 25), (36, 48), (30, 42), 1.95, 0.25, bases=(*CAVITIES,)),
    )
}


def arrangement(name: str) -> Arrangement:
    """The row of that name; InputError with the choices for an unknown one."""
    if name not in ARRANGEMENTS:
        raise unknown_name("arrangement", name, ARRANGEMENTS)
    return ARRANGEMENTS[name]


def crowding(row: Arrangement, radii: np.ndarray) -> np.ndarray:
    """How many times wider and deeper (taller in the air) the area must be for clearances of these radii `[n]`.

    Returns [2] factors from 1, which is what three objects or fewer get, and every grid.

    The camera moves away as the area gets wider. On the ground it gets deeper above all, where the picture has space.
    """
    if len(radii) <= FEW or row.cells:
        return np.ones(2)
    needed = float((np.pi * (radii + _GAP / 2) ** 2).sum())
    larger = np.clip(needed / (_FILLING * 4 * row.across * row.along), 1.0, _LARGEST)
    wider = 0.25 if row.standing else 0.5
    return np.array([larger**wider, larger ** (1 - wider)])


def scatter(
    row: Arrangement, radii: np.ndarray, crowd: np.ndarray, rng: np.random.Generator, times: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random points for objects with clearances of these radii `[n]`, in scene units, drawn `times` times in a row.

    Returns points [times, n, 2], and which of the draws keep all clearances apart, [times] bool; a grid that has fewer
    cells than objects keeps none. `crowd` [2] enlarges the area (see `crowding`). In a stacked arrangement the first
    two objects share a point.
    """
    if row.stacked and len(radii) > 1:
        points, apart = _scatter_apart(row, np.append(radii[:2].max(), radii[2:]), crowd, rng, times)
        return np.concatenate([points[:, :1], points], axis=1), apart
    return _scatter_apart(row, radii, crowd, rng, times)


def _scatter_apart(
    row: Arrangement, radii: np.ndarray, crowd: np.ndarray, rng: np.random.Generator, times: int
) -> tuple[np.ndarray, np.ndarray]:
    half = np.array([row.across, row.along]) * crowd
    if row.cells:
        if len(radii) > row.cells**2:
            return np.zeros((times, len(radii), 2)), np.zeros(times, bool)
        points = np.stack([_cells(row, len(radii), rng) for _ in range(times)]) * half
    else:
        points = rng.uniform(-1, 1, size=(times, len(radii), 2)) * half
        if len(radii) > FEW:
            points = _pushed_apart(points, radii, half)
    return points, np.asarray((_overlaps(points, radii) <= 1e-6).all(axis=(1, 2)))


def _cells(row: Arrangement, n: int, rng: np.random.Generator) -> np.ndarray:
    chosen = rng.permutation(row.cells**2)[:n]
    centres = np.stack([chosen % row.cells, chosen // row.cells], axis=1) * (2 / (row.cells - 1)) - 1  # [n, 2]
    return centres + rng.uniform(-_CELL_JITTER, _CELL_JITTER, size=(n, 2))


def _pushed_apart(points: np.ndarray, radii: np.ndarray, half: np.ndarray) -> np.ndarray:
    """The points [times, n, 2] after colliding objects were pushed apart for some rounds, inside the area of half-size
    [2]. Draws in which none collide any more stay as they are.
    """
    points, left = points.copy(), np.arange(len(points))
    for _ in range(_ROUNDS):
        overlaps = _overlaps(points[left], radii)  # [left, n, n]
        colliding = overlaps.any(axis=(1, 2))
        left, overlaps = left[colliding], overlaps[colliding]
        if not len(left):
            break
        moved = points[left]
        away = moved[:, :, None] - moved[:, None]  # [left, n, n, 2]
        distances = np.sqrt((away**2).sum(axis=3))
        steps = _STEP * overlaps / np.maximum(distances, 1e-9)
        points[left] = np.minimum(np.maximum(moved + (away * steps[..., None]).sum(axis=2), -half), half)
    return points


def _overlaps(points: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """How deep each pair of objects is in each other's clearance, [times, n, n]; zero where they keep the gap."""
    away = points[:, :, None] - points[:, None]
    deep = np.maximum(radii[:, None] + radii + _GAP - np.sqrt((away**2).sum(axis=3)), 0.0)
    deep[:, range(len(radii)), range(len(radii))] = 0.0
    return np.asarray(deep)
