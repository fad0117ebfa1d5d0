"""Spatial relations with margins: past the margin one side it holds, past it the other side its converse does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scenes.camera import ground_depth, project
from scenes.layout import Layout

_DOMINANCE = 0.5  # a difference counts only if at least this share of the difference across it


@dataclass(frozen=True)
class Relation:
    """A relation between two objects; `offset(layout, i, j)` is at least 1 where object i stands so to object j.

    At most -1 means that the converse holds, anything between is ambiguous and makes no label.
    """

    name: str
    converse: str
    offset: Callable[[Layout, int, int], float]


def _to_the_right(layout: Layout, i: int, j: int) -> float:
    """Difference in the picture, in units of a tenth of its width."""
    (xi, yi), (xj, yj) = _in_picture(layout, i, j)
    return _dominant(xi - xj, yi - yj) / 0.10


def _upwards(layout: Layout, i: int, j: int) -> float:
    """Difference in the picture, in units of 0.12 of its height; on a table further up means behind, so no claim."""
    if layout.arrangement == "table":
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
    )
}
CLAIMABLE = {"table": ("left", "right", "front", "behind"), "floating": ("left", "right", "above", "below")}


def stands(relation: str, layout: Layout, i: int, j: int) -> bool | None:
    """Whether object i stands in the relation to object j: True, False, or None inside the margin."""
    offset = RELATIONS[relation].offset(layout, i, j)
    return None if abs(offset) < 1 else offset > 0
