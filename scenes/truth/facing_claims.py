"""Claims about where a thing with a front turns it: to the camera, to a side of the picture, or to another thing.

A view from in between is None, and so is every view of a kind without a front.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.camera import axes, pose
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.descriptions import Description, all_of, any_of, some_pair

_TOWARDS = 25.0  # degrees between the front and what it faces, at most
_ASTRAY = 65.0  # degrees, at least, where nobody would say that it faces it
OPPOSITE_WAYS = {"camera": "away", "away": "camera", "left": "right", "right": "left"}
OPPOSITE_SIDES = {"towards": "away", "away": "towards"}


@dataclass(frozen=True)
class Facing:
    """Some such object turns its front to the camera, away from it, or to the left or right of the picture."""

    description: Description
    direction: str  # a key of OPPOSITE_WAYS

    def holds(self, layout: Layout) -> bool | None:
        """True if one clearly does, None for a view from in between. KeyError for an unknown direction."""
        return any_of(
            all_of((self.description.matches(thing), _faces_way(self.direction, layout, i)))
            for i, thing in enumerate(layout.objects)
        )


@dataclass(frozen=True)
class FacingObject:
    """Some object of the first description turns its front, or its back, to another of the second."""

    subject: Description
    direction: str  # a key of OPPOSITE_SIDES
    reference: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if some pair clearly stands so, None for a view from in between. KeyError for an unknown direction."""
        return some_pair(layout, self.subject, self.reference, partial(_faces_thing, self.direction, layout))


def front(layout: Layout, i: int) -> np.ndarray | None:
    """Unit vector [3] in the world towards which object i turns its front, level; None for a kind without a front."""
    thing = layout.objects[i]
    at = KINDS[thing.shape].front
    if at is None:
        return None
    turn = np.radians(thing.yaw - at)
    return np.array([np.sin(turn), -np.cos(turn), 0.0])


def _faces_way(direction: str, layout: Layout, i: int) -> bool | None:
    """Both by the axes of the picture and by the line from the object to the camera, which part at the border."""
    opposite = OPPOSITE_WAYS[direction]
    ahead = front(layout, i)
    # A camera that looks straight ahead sees of a chair's front no more than of its back.
    if ahead is None or ("camera" in (direction, opposite) and not ARRANGEMENTS[layout.arrangement].standing):
        return None
    backward = axes(layout.camera)[2]
    to_camera = pose(layout.camera)[:3, 3] - layout.objects[i].position
    views = [np.array([*way[:2], 0.0]) for way in (backward, to_camera)]
    targets = [np.array([-way[1], way[0], 0.0]) for way in views] if direction in ("left", "right") else views
    sign = -1.0 if direction in ("left", "away") else 1.0
    angles = [_angle(ahead, sign * target) for target in targets]
    return _verdict(min(angles), max(angles))


def _faces_thing(direction: str, layout: Layout, i: int, j: int) -> bool | None:
    sign = {"towards": 1.0, "away": -1.0}[direction]
    ahead = front(layout, i)
    way = np.subtract(layout.objects[j].position, layout.objects[i].position)
    if ahead is None or not way.any():
        return None
    angle = _angle(ahead, sign * way)
    return _verdict(angle, angle)


def _verdict(least: float, most: float) -> bool | None:
    return True if most <= _TOWARDS else False if least >= _ASTRAY else None


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two vectors [3], 0 to 180."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


FacingClaim = Facing | FacingObject
FACING_CLAIMS = (Facing, FacingObject)
