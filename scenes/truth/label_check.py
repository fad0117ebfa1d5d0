"""A check of every label against the pixels: claims are judged by what was measured on the picture alone.

None of the rules and places that made the label are used. The verdict is three-valued. Its margins are narrower than
those of `fourfold.scenes.truth.relations`: a label is made only where the wide margin is kept, so that a correct one
cannot be contradicted by the error of measuring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from fourfold.scenes.model.camera import Camera
from fourfold.scenes.truth.claims import (
    Absent,
    Both,
    Claim,
    Compared,
    Counted,
    Exists,
    Located,
    Not,
    Related,
)
from fourfold.scenes.truth.descriptions import all_of, any_of, negation
from fourfold.scenes.truth.facing_claims import (
    Facing,
    FacingObject,
)
from fourfold.scenes.truth.facing_judgement import faces_thing, faces_way
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan
from fourfold.scenes.truth.number_judgement import as_many, at_least, more_than
from fourfold.scenes.truth.order_claims import (
    Between,
    Ranked,
)
from fourfold.scenes.truth.order_judgement import has_rank, some_between
from fourfold.scenes.truth.pixel_judgement import Verdict, View, beyond, count, fits, some_pair, turned
from fourfold.scenes.truth.set_claims import Exclusive, FitsBoth, NotBoth, NothingBut, OneOf, Quantified
from fourfold.scenes.truth.set_judgement import judge_set
from fourfold.scenes.truth.sightings import Sighting

_IN_PICTURE = 0.03  # least difference of two centres, share of the picture's width
_FROM_MIDDLE = 0.05
_IN_DEPTH = 0.30  # scene units
_CONTACT = 0.25  # the lowest point of a round thing cannot be seen
_BESIDE = 0.60
_MEETS = 0.12  # most between what is seen of two that touch, of the upper one's width: a ball hides its lowest point
_GAPES = 0.50  # least of it, all along, between two of which an overhang does not hide that they touch
_MIDDLE = 0.30  # of a container's width, between its middle and that of a thing that is in it
_NEXT_TO = 0.70  # between two silhouettes' sides
_AWAY = 0.95
_SEEN_CONTACT = 0.06  # most between visible points of what touches, scene units
_SEEN_GAP = 0.30
_SHORT_WAY = 0.60  # of the mean of two things' sizes as seen, between visible points
_LONG_WAY = 0.90
_MARGIN = 0.05
_RATIO = 1.15


@dataclass(frozen=True)
class LabelCheck:
    """What the pixels of a group's pictures say of its labels."""

    asked: int  # labels
    decided: int  # of them: those on which the pixels have a verdict
    contradictions: tuple[str, ...]  # one sentence for each label that the pixels deny


def check_labels(claims: Sequence[Claim], truth: Sequence[Sequence[bool]], views: Sequence[View]) -> LabelCheck:
    """Judge every claim on every picture of a group against its label `truth[picture][claim]`; one view a picture."""
    verdicts = [[judge(claim, view) for claim in claims] for view in views]
    contradictions = [
        f"picture {i}: {claim} is said to be {truth[i][k]}, the pixels show {verdicts[i][k]}"
        for i in range(len(views))
        for k, claim in enumerate(claims)
        if verdicts[i][k] not in (None, truth[i][k])
    ]
    decided = sum(verdict is not None for row in verdicts for verdict in row)
    return LabelCheck(len(views) * len(claims), decided, tuple(contradictions))


def judge(claim: Claim, view: View) -> Verdict:
    """Whether the pixels show the claim: True, False, or None where they do not say."""
    match claim:
        case Exists(description):
            return any_of(fits(description, thing) for thing in view.things)
        case Absent(description):
            return negation(judge(Exists(description), view))
        case Counted(description, number):
            return count([fits(description, thing) for thing in view.things], number)
        case Related(subject, relation, reference):
            return some_pair(view, subject, reference, _RELATIONS[relation])
        case Compared(subject, reference, dimension):
            return some_pair(view, subject, reference, _COMPARISONS[dimension])
        case Located(description, region):
            return any_of(all_of((fits(description, thing), _within(thing, region))) for thing in view.things)
        case AtLeast(description, number):
            return at_least(view, description, number)
        case MoreThan(subject, reference):
            return more_than(view, subject, reference)
        case AsManyAs(subject, reference):
            return as_many(view, subject, reference)
        case Between(middle, one, other):
            return some_between(view, middle, one, other)
        case Ranked(description, order, rank):
            return any_of(
                all_of((fits(description, thing), has_rank(view, i, rank, _ORDERS[order])))
                for i, thing in enumerate(view.things)
            )
        case Facing(description, direction):
            return any_of(
                all_of((fits(description, thing), faces_way(thing, direction, view.camera))) for thing in view.things
            )
        case FacingObject(subject, direction, reference):
            return some_pair(view, subject, reference, faces_thing(direction))
        case Both(first, second):
            return all_of((judge(first, view), judge(second, view)))
        case Not(inner):
            return negation(judge(inner, view))
        case Quantified() | Exclusive() | NothingBut() | OneOf() | NotBoth() | FitsBoth():
            return judge_set(claim, view)


def _within(thing: Sighting | None, region: str) -> Verdict:
    if thing is None:
        return None
    x, y = thing.centre
    return beyond({"left": 0.5 - x, "right": x - 0.5, "top": 0.5 - y, "bottom": y - 0.5}[region], _FROM_MIDDLE)


def _right(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    return beyond(a.centre[0] - b.centre[0], _IN_PICTURE)


def _above(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    return beyond(b.centre[1] - a.centre[1], _IN_PICTURE)


def _nearer(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    turn = np.radians(camera.azimuth)
    away = np.array([-np.sin(turn), np.cos(turn)])
    return beyond(float((b.middle - a.middle)[:2] @ away), _IN_DEPTH)


def _on(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    """On top by contact: over it, at its height, and where the two are seen to meet with no gap between.

    An overhang hides where they meet, but not far: what shows a wide gap all along does not rest.
    """
    aside = float(np.linalg.norm((a.middle - b.middle)[:2]))
    gap = a.lowest - b.highest
    seam = a.over.get(b.number, np.inf) / a.across
    if aside >= _BESIDE or gap <= -_CONTACT or _GAPES <= seam < np.inf:
        return False
    return True if abs(gap) < _CONTACT and a.middle[2] > b.highest and seam <= _MEETS else None


def _inside(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    """In a container: about its middle, and lower than its highest point."""
    aside = float(np.linalg.norm((a.middle - b.middle)[:2]))
    if aside >= b.across / 2 + _MARGIN:
        return False
    return True if aside <= _MIDDLE * b.across and a.lowest < b.highest - _MARGIN and a.across < b.across else None


def _next_to(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    """Beside each other, with little between them."""
    if _inside(a, b, camera) or _inside(b, a, camera):
        return False
    gap = float(np.linalg.norm((a.middle - b.middle)[:2])) - (a.across + b.across) / 2
    if gap >= _AWAY:
        return False
    return True if gap <= _NEXT_TO and _inside(a, b, camera) is _inside(b, a, camera) is False else None


def _touching(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    """In contact: the surfaces meet where both are seen, and nowhere if what is whole shows a gap between.

    Where their pixels adjoin, the nearer one may hide the place: a corner at the back of a cube.
    """
    gap = _between(a, b)
    if gap <= _SEEN_CONTACT:
        return True
    return False if gap >= _SEEN_GAP and a.whole and b.whole and b.number not in a.adjoins else None


def _near(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    """Little between what is seen of the two, for their sizes."""
    gap = _between(a, b) / (_size(a) + _size(b)) * 2
    return True if gap <= _SHORT_WAY else False if gap >= _LONG_WAY else None


def _between(a: Sighting, b: Sighting) -> float:
    """Least distance between visible points of the two, scene units; infinite where no points are known."""
    return float(cKDTree(a.surface).query(b.surface)[0].min()) if len(a.surface) and len(b.surface) else np.inf


def _size(thing: Sighting) -> float:
    return max(thing.across, thing.height)


def _larger(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    return _ratio(np.sqrt(a.across * a.height), np.sqrt(b.across * b.height), a.whole and b.whole)


def _taller(a: Sighting, b: Sighting, camera: Camera) -> Verdict:
    return _ratio(a.height, b.height, a.whole and b.whole)


def _ratio(one: float, other: float, whole: bool) -> Verdict:
    return beyond(float(np.log(one / other)), float(np.log(_RATIO))) if whole else None


_RELATIONS = {
    "right": _right,
    "left": turned(_right),
    "above": _above,
    "below": turned(_above),
    "front": _nearer,
    "behind": turned(_nearer),
    "on": _on,
    "under": turned(_on),
    "inside": _inside,
    "holding": turned(_inside),
    "beside": _next_to,
    "near": _near,
    "touching": _touching,
}
_COMPARISONS = {
    "larger": _larger,
    "smaller": turned(_larger),
    "taller": _taller,
    "shorter": turned(_taller),
    "nearer": _nearer,
    "farther": turned(_nearer),
}
_ORDERS = {name: _RELATIONS[name] for name in ("left", "right", "above", "below")} | _COMPARISONS
