"""Claims about the order of things: which stands between two others, and which is the first or second in a row.

What people could disagree about is None: a middle one out of line, two that are level, a second one of a single thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.camera import axes, project
from fourfold.scenes.model.layout import Layout, boxes_in_picture
from fourfold.scenes.truth.descriptions import MIN_VISIBLE_FRACTION, Description, all_of, any_of
from fourfold.scenes.truth.relations import COMPARISONS, Relation

_MIDDLE = (0.28, 0.72)  # of the way from one end to the other: gaps that a person calls comparable
_OUTSIDE = (-0.25, 1.25)  # clearly beyond one of the ends
_IN_LINE = 0.15  # most that the middle one may be off the line, in lengths of the line
_OFF_LINE = 0.75
_SHORTEST = 0.15  # line, share of the picture's width
_STEEPEST = 0.6  # of a line on the ground: its difference in depth over that across
_LEAD = 0.10  # of the picture's width, between the middles of two neighbours in a row


@dataclass(frozen=True)
class Between:
    """Some object of the first description stands between one of the second and one of the third."""

    middle: Description
    one: Description
    other: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if three such objects stand so beyond the margins, None if none does clearly but some are open."""
        fits = [[each.matches(thing) for thing in layout.objects] for each in (self.middle, self.one, self.other)]
        return any_of(
            all_of((fits[0][i], fits[1][j], fits[2][k], _stands_between(layout, i, j, k)))
            for i, j, k in permutations(range(len(layout.objects)), 3)
            if False not in (fits[0][i], fits[1][j], fits[2][k])
        )


@dataclass(frozen=True)
class Ranked:
    """The object with this rank in an order, counted from 1, fits the description: "the leftmost object is a cube"."""

    description: Description
    order: str  # a key of ORDERS
    rank: int = 1

    def holds(self, layout: Layout) -> bool | None:
        """True or False if it is clear which object has the rank, else None. KeyError for an unknown order."""
        seen = [thing.visible_fraction >= MIN_VISIBLE_FRACTION for thing in layout.objects]
        if sum(seen) < self.rank:
            return None  # the words speak of an object that is not there
        fits = [self.description.matches(thing) for thing in layout.objects]
        return any_of(
            all_of((fit, self._is_its_rank(layout, i, seen))) for i, fit in enumerate(fits) if fit is not False
        )

    def _is_its_rank(self, layout: Layout, i: int, seen: Sequence[bool]) -> bool | None:
        """Whether just so many objects come before object i; it is open whether one that is hidden counts."""
        others = [j for j in range(len(seen)) if j != i]
        before = [all_of((precedes(self.order, layout, j, i), True if seen[j] else None)) for j in others]
        sure, unsure = before.count(True), before.count(None)
        if not sure <= self.rank - 1 <= sure + unsure:
            return False
        return None if unsure else True


def _stands_between(layout: Layout, i: int, j: int, k: int) -> bool | None:
    """Whether object i stands between j and k, in the picture and, where they stand, on the ground as well."""
    places = np.array([layout.objects[n].position for n in (i, j, k)])  # [3, 3]
    views = [project(layout.camera, places)]
    if ARRANGEMENTS[layout.arrangement].standing:
        views.append(_on_ground(layout, places))
    if np.linalg.norm(views[0][2] - views[0][1]) < _SHORTEST or min(map(_length, views)) < 1e-6:
        return None
    ways = [_on_the_way(*view) for view in views]
    if all(not _OUTSIDE[0] < along < _OUTSIDE[1] or aside >= _OFF_LINE for along, aside in ways):
        return False
    in_line = all(_MIDDLE[0] <= along <= _MIDDLE[1] and aside <= _IN_LINE for along, aside in ways)
    # On the ground, a row that leads away from the camera is one behind the other before it is one between two.
    across, deep = np.abs(views[-1][2] - views[-1][1])
    level = len(views) == 1 or deep <= _STEEPEST * across
    return True if in_line and level else None


def _on_ground(layout: Layout, places: np.ndarray) -> np.ndarray:
    """Points [n, 3] on the ground as the camera sees it: (to the right, away) in scene units, [n, 2]."""
    right, _, backward = axes(layout.camera)[:, :2]
    return places[:, :2] @ np.stack([right, -backward / np.linalg.norm(backward)], axis=1)


def _length(view: np.ndarray) -> float:
    return float(np.linalg.norm(view[2] - view[1]))


def _on_the_way(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[float, float]:
    """How far a point [2] is along the line from start to end, and off it, both in lengths of the line."""
    line, way = end - start, point - start
    square = float(line @ line)
    return float(way @ line) / square, abs(float(line[0] * way[1] - line[1] * way[0])) / square


def _further_right(layout: Layout, i: int, j: int) -> float:
    return _further(layout, i, j, 0)


def _further_down(layout: Layout, i: int, j: int) -> float:
    """On the ground lower in the picture means nearer, so no claim."""
    return 0.0 if ARRANGEMENTS[layout.arrangement].standing else _further(layout, i, j, 1)


def _further(layout: Layout, i: int, j: int, axis: int) -> float:
    """Difference of the two middles along an axis of the picture, in units of _LEAD; 0 if an edge says otherwise."""
    pair = replace(layout, objects=(layout.objects[i], layout.objects[j]))
    first, second = project(layout.camera, np.array([thing.position for thing in pair.objects]))[:, axis]
    edges = boxes_in_picture(pair)[:, [axis, axis + 2]]  # [2, 2]
    steps = np.append(edges[0] - edges[1], first - second)
    return float(first - second) / _LEAD if abs(np.sign(steps).sum()) == len(steps) else 0.0


# Which of two comes first: by place in the picture, by depth, or by size.
ORDERS = {
    "left": Relation("left", "right", lambda layout, i, j: -_further_right(layout, i, j)),
    "right": Relation("right", "left", _further_right),
    "above": Relation("above", "below", lambda layout, i, j: -_further_down(layout, i, j)),
    "below": Relation("below", "above", _further_down),
    **COMPARISONS,
}


def precedes(order: str, layout: Layout, i: int, j: int) -> bool | None:
    """Whether object i comes before object j in the order; None inside the margin, KeyError for an unknown order."""
    offset = ORDERS[order].offset(layout, i, j)
    return None if abs(offset) < 1 else offset > 0


OrderClaim = Between | Ranked
ORDER_CLAIMS = (Between, Ranked)
