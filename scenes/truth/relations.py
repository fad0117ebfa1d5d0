"""Relations and comparisons with margins: past the margin one side it holds, past it the other side it does not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fourfold.scenes.model.arrangements import ARRANGEMENTS, CAVITIES
from fourfold.scenes.model.camera import ground_depth, pose, project
from fourfold.scenes.model.layout import Layout, PlacedObject, body, footprint, height, rests_on
from fourfold.scenes.model.separation import separation, surface_distance
from fourfold.scenes.shapes import mesh

_DOMINANCE = 0.5  # a difference counts only if it is at least this share of the difference across it
_CONTACT = 0.02  # scene units between surfaces that touch
_SURFACES = 0.05  # the same, between points of them
_LOWEST = 0.10  # most between the lowest point of what rests on another and the highest point of that
_APART = 0.25  # scene units between surfaces that clearly do not touch
_NEXT_TO = 0.40  # most between the footprints of two things of which one is next to the other
_NEAR = 0.35  # of the mean of two things' scales: most between those of which one is near the other
_FAR = 1.0  # of the larger scale: least between those of which nobody would say so
_AWAY = 1.0  # least between the footprints of two things that nobody would call next to each other


@dataclass(frozen=True)
class Relation:
    """A relation between two objects; `offset(layout, i, j)` is at least 1 where object i stands so to object j.

    At most -1 means that it does not: the converse holds, or for contact nothing at all. Anything between is
    ambiguous and makes no label.
    """

    name: str
    converse: str
    offset: Callable[[Layout, int, int], float]
    graded: bool = True  # whether offsets beyond 1 say how clearly; contact is there or not


def _to_the_right(layout: Layout, i: int, j: int) -> float:
    """Difference in the picture, in units of a tenth of its width."""
    (xi, yi), (xj, yj) = _in_picture(layout, i, j)
    return _dominant(xi - xj, yi - yj) / 0.10


def _upwards(layout: Layout, i: int, j: int) -> float:
    """Difference in the picture, in units of 0.12 of its height.

    On the ground further up means behind, so no claim, but for a thing on top of another.
    """
    on_ground = ARRANGEMENTS[layout.arrangement].standing
    if on_ground and _on_top(layout, i, j) < 1 and _on_top(layout, j, i) < 1:
        return 0.0
    (xi, yi), (xj, yj) = _in_picture(layout, i, j)
    return _dominant(yj - yi, xi - xj) / 0.12


def _nearer(layout: Layout, i: int, j: int) -> float:
    """Difference of depth along the ground, in units of 0.8 scene units."""
    positions = np.array([layout.objects[i].position, layout.objects[j].position])
    away_i, away_j = ground_depth(layout.camera, positions)
    a = np.radians(layout.camera.azimuth)
    across = (positions[0, :2] - positions[1, :2]) @ (np.cos(a), np.sin(a))
    return _dominant(away_j - away_i, across) / 0.8


def _on_top(layout: Layout, i: int, j: int) -> float:
    """1 where object i rests on the top of object j, -1 where it is beside or below it.

    What floats over another is neither, nor what hangs half beside it: some would say that it is on top.
    """
    upper, lower = layout.objects[i], layout.objects[j]
    gap = upper.position[2] - height(upper) / 2 - lower.position[2] - height(lower) / 2
    wide = float(mesh(lower.shape).extents[:2].min()) * lower.scale / 2
    if gap <= -_APART or _aside(upper, lower) >= 2 * wide + _APART:
        return -1.0
    return 1.0 if abs(gap) <= _LOWEST and rests_on(upper, lower) else 0.0


def _inside(layout: Layout, i: int, j: int) -> float:
    """1 where object i stands on the floor of the open container j, clear of its wall; -1 where it is beside it."""
    thing, container = layout.objects[i], layout.objects[j]
    aside = _aside(thing, container)
    if aside >= footprint(thing) + footprint(container):
        return -1.0
    cavity = CAVITIES.get(container.shape)
    if cavity is None:
        return 0.0
    above_floor = _lowest(thing) - _lowest(container) - cavity.floor * container.scale
    fits = aside + footprint(thing) <= cavity.radius * container.scale + _CONTACT
    return 1.0 if fits and abs(above_floor) <= _CONTACT else 0.0


def _beside(layout: Layout, i: int, j: int) -> float:
    """1 where two things stand on the ground with little between them, -1 where one is in the other or far away."""
    a, b = layout.objects[i], layout.objects[j]
    if _inside(layout, i, j) == 1 or _inside(layout, j, i) == 1:
        return -1.0
    gap = _aside(a, b) - footprint(a) - footprint(b)
    if gap >= _AWAY:
        return -1.0
    return 1.0 if _on_ground(layout, a, b) and 0 <= gap <= _NEXT_TO else 0.0


def _near(layout: Layout, i: int, j: int) -> float:
    """1 where two things on the ground have little between them for their sizes, -1 where they have much."""
    a, b = layout.objects[i], layout.objects[j]
    if not _on_ground(layout, a, b):
        return 0.0
    gap = separation(body(a), body(b))
    if gap >= _FAR * max(a.scale, b.scale):
        return -1.0
    return 1.0 if 0 <= gap <= _NEAR * (a.scale + b.scale) / 2 else 0.0


def _touching(layout: Layout, i: int, j: int) -> float:
    """1 where two things on the ground are in contact, side by side; -1 where a gap between them can be seen."""
    a, b = layout.objects[i], layout.objects[j]
    if not _on_ground(layout, a, b):
        return 0.0
    gap = separation(body(a), body(b))
    if gap >= _APART:
        return -1.0
    # What is within another's outline, as a thing under a table, may not touch it.
    return 1.0 if abs(gap) <= _CONTACT and surface_distance(body(a), body(b)) <= _SURFACES else 0.0


def _on_ground(layout: Layout, *things: PlacedObject) -> bool:
    return ARRANGEMENTS[layout.arrangement].standing and max(map(abs, map(_lowest, things))) <= _CONTACT


def _aside(a: PlacedObject, b: PlacedObject) -> float:
    return float(np.hypot(a.position[0] - b.position[0], a.position[1] - b.position[1]))


def _lowest(thing: PlacedObject) -> float:
    return thing.position[2] - height(thing) / 2


def _in_picture(layout: Layout, i: int, j: int) -> np.ndarray:
    return project(layout.camera, np.array([layout.objects[i].position, layout.objects[j].position]))


def _dominant(along: float, across: float) -> float:
    return float(along) if abs(along) >= _DOMINANCE * abs(across) else 0.0


RELATIONS = {
    relation.name: relation
    for relation in (
        Relation("right", "left", _to_the_right),
        Relation("left", "right", lambda layout, i, j: -_to_the_right(layout, i, j)),
        Relation("above", "below", _upwards),
        Relation("below", "above", lambda layout, i, j: -_upwards(layout, i, j)),
        Relation("front", "behind", _nearer),
        Relation("behind", "front", lambda layout, i, j: -_nearer(layout, i, j)),
        Relation("on", "under", _on_top, graded=False),
        Relation("under", "on", lambda layout, i, j: _on_top(layout, j, i), graded=False),
        Relation("inside", "holding", _inside, graded=False),
        Relation("holding", "inside", lambda layout, i, j: _inside(layout, j, i), graded=False),
        Relation("beside", "beside", _beside, graded=False),
        Relation("near", "near", _near, graded=False),
        Relation("touching", "touching", _touching, graded=False),
    )
}
CLAIMABLE = {
    "table": ("left", "right", "front", "behind"),
    "floating": ("left", "right", "above", "below"),
    "grid": ("left", "right", "above", "below"),
    "stacked": ("on", "under"),
    "inside": ("inside", "holding", "beside"),
}


def stands(relation: str, layout: Layout, i: int, j: int) -> bool | None:
    """Whether object i stands in the relation to object j; None inside the margin, KeyError for an unknown relation."""
    return _verdict(RELATIONS[relation].offset(layout, i, j))


def _verdict(offset: float) -> bool | None:
    return None if abs(offset) < 1 else offset > 0


def _larger(layout: Layout, i: int, j: int) -> float:
    """Extent and bulk differ by a margin, and no perspective turns it round."""
    a, b = layout.objects[i], layout.objects[j]
    bulk = _bulk(a) / _bulk(b)
    return _agreed((a.scale / b.scale, 1.3), (bulk, 1.15), (bulk / _distance(layout, a) * _distance(layout, b), 1.15))


def _taller(layout: Layout, i: int, j: int) -> float:
    """Heights differ by a margin, and no perspective turns it round."""
    a, b = layout.objects[i], layout.objects[j]
    heights = height(a) / height(b)
    return _agreed((heights, 1.3), (heights / _distance(layout, a) * _distance(layout, b), 1.15))


def _less_deep(layout: Layout, i: int, j: int) -> float:
    """Difference of depth along the ground, in units of 0.8 scene units, wherever the two are across."""
    away_i, away_j = ground_depth(layout.camera, np.array([layout.objects[k].position for k in (i, j)]))
    return float(away_j - away_i) / 0.8


def _bulk(thing: PlacedObject) -> float:
    """Side of a square with the area that the object's bounding box shows from its broader side."""
    across, along, up = mesh(thing.shape).extents
    return float(np.sqrt(max(across, along) * up)) * thing.scale


def _distance(layout: Layout, thing: PlacedObject) -> float:
    return float(np.linalg.norm(pose(layout.camera)[:3, 3] - thing.position))


def _agreed(*ratios: tuple[float, float]) -> float:
    """The weakest of some ratios, each in powers of its margin; 0 if they do not all point the same way."""
    powers = [float(np.log(ratio) / np.log(margin)) for ratio, margin in ratios]
    weakest = min(powers, key=abs)
    return weakest if min(powers) * max(powers) > 0 else 0.0


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Relation("larger", "smaller", _larger),
        Relation("smaller", "larger", lambda layout, i, j: -_larger(layout, i, j)),
        Relation("taller", "shorter", _taller),
        Relation("shorter", "taller", lambda layout, i, j: -_taller(layout, i, j)),
        Relation("nearer", "farther", _less_deep),
        Relation("farther", "nearer", lambda layout, i, j: -_less_deep(layout, i, j)),
    )
}


def compares(dimension: str, layout: Layout, i: int, j: int) -> bool | None:
    """Whether object i is larger (taller, nearer, ...) than object j; None inside the margin, KeyError if unknown."""
    return _verdict(COMPARISONS[dimension].offset(layout, i, j))
