"""What the pixels show of the order of things: which is between two others, and how many come before one."""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from fourfold.scenes.model.camera import Camera
from fourfold.scenes.truth.descriptions import Description, all_of, any_of
from fourfold.scenes.truth.pixel_judgement import Verdict, View, count, fits
from fourfold.scenes.truth.sightings import Sighting

_ASIDE = 0.5  # most that the middle one may be off the line of the ends, in lengths of it
_ENDS = 0.1  # least way to go from an end, in lengths of the line


def some_between(view: View, middle: Description, one: Description, other: Description) -> Verdict:
    """Whether some sighting that fits the first description is between one for the second and one for the third."""
    said = [[fits(description, thing) for thing in view.things] for description in (middle, one, other)]
    return any_of(
        all_of((said[0][i], said[1][j], said[2][k], _between(view.things[i], view.things[j], view.things[k])))
        for i, j, k in permutations(range(len(view.things)), 3)
    )


def _between(middle: Sighting | None, one: Sighting | None, other: Sighting | None) -> Verdict:
    """In the picture alone: on the way from the one to the other, or clearly past one of them."""
    if middle is None or one is None or other is None:
        return None
    line, way = np.subtract(other.centre, one.centre), np.subtract(middle.centre, one.centre)
    length = float(np.linalg.norm(line))
    if length == 0:
        return None
    along, aside = float(way @ line) / length**2, float(np.linalg.norm(way - line * (way @ line) / length**2)) / length
    if along <= -_ENDS or along >= 1 + _ENDS:
        return False
    return True if _ENDS <= along <= 1 - _ENDS and aside <= _ASIDE else None


def has_rank(view: View, i: int, rank: int, before: Callable[[Sighting, Sighting, Camera], Verdict]) -> Verdict:
    """Whether all but `rank - 1` of the other sightings come after the i-th, `before(a, b, camera)` being the order."""
    thing = view.things[i]
    if thing is None:
        return None
    others = [other for j, other in enumerate(view.things) if j != i]
    return count([None if other is None else before(other, thing, view.camera) for other in others], rank - 1)
