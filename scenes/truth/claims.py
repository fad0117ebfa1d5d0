"""Meaning before words: claims about a scene, each with a three-valued truth (Kleene's strong logic).

`holds(layout)` is True, False or None; None is a case in which people could disagree and never becomes a label.
"A cube left of a sphere" is read existentially: some cube is left of some sphere.
"""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from fourfold.scenes.model.camera import project
from fourfold.scenes.model.layout import Layout, boxes_in_picture
from fourfold.scenes.truth.descriptions import Description, all_of, any_of, negation, some_pair
from fourfold.scenes.truth.number_claims import NUMBER_CLAIMS, NumberClaim
from fourfold.scenes.truth.relations import compares, stands
from fourfold.scenes.truth.set_claims import SET_CLAIMS, SetClaim


@dataclass(frozen=True)
class Exists:
    """There is such an object."""

    description: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if an object fits the description, None if all that would fit are mostly hidden."""
        return any_of(self.description.matches(thing) for thing in layout.objects)


@dataclass(frozen=True)
class Absent:
    """There is no such object."""

    description: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if no object fits the description, None if all that would fit are mostly hidden."""
        return negation(Exists(self.description).holds(layout))


@dataclass(frozen=True)
class Counted:
    """There are exactly so many such objects."""

    description: Description
    number: int

    def holds(self, layout: Layout) -> bool | None:
        """True if so many objects fit, None if it depends on mostly hidden ones."""
        matches = [self.description.matches(thing) for thing in layout.objects]
        sure, unsure = matches.count(True), matches.count(None)
        if sure > self.number or sure + unsure < self.number:
            return False
        return None if unsure else True


@dataclass(frozen=True)
class Related:
    """Some object of the first description stands in the relation to another of the second."""

    subject: Description
    relation: str
    reference: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if some pair stands in the relation, None if none does clearly but one is open. KeyError if unknown."""
        return some_pair(layout, self.subject, self.reference, partial(stands, self.relation, layout))


REGIONS = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
_REGION_MARGIN = 0.14  # of the picture's width, from its centre to the object's


def region_offsets(layout: Layout, region: str) -> np.ndarray:
    """How far each object is in a region, in units of its margin, [n]: from 1 it is there, up to -1 in the opposite.

    The centre counts, and the edge that is nearest to the middle: an object that reaches over it is in neither.
    KeyError for an unknown region.
    """
    boxes = boxes_in_picture(layout).reshape(-1, 2, 2) - 0.5  # [n, corner, axis]
    edges = np.sort(boxes @ REGIONS[region], axis=1) / _REGION_MARGIN  # [n, 2]: how far into the region, least and most
    places = np.array([thing.position for thing in layout.objects]).reshape(-1, 3)
    centres = (project(layout.camera, places) - 0.5) @ REGIONS[region] / _REGION_MARGIN  # [n]
    inside = np.minimum(centres, 1 + edges[:, 0])
    outside = np.maximum(centres, edges[:, 1] - 1)
    return np.where(centres > 0, np.maximum(inside, 0.0), np.minimum(outside, 0.0))


@dataclass(frozen=True)
class Located:
    """Some such object is wholly in one half of the picture, and clear of its middle: left, right, top or bottom."""

    description: Description
    region: str

    def holds(self, layout: Layout) -> bool | None:
        """True if some such object is in the region, False if all are in the opposite one. KeyError if unknown."""
        verdicts = [None if abs(offset) < 1 else bool(offset > 0) for offset in region_offsets(layout, self.region)]
        return any_of(
            all_of((self.description.matches(thing), verdict))
            for thing, verdict in zip(layout.objects, verdicts, strict=True)
        )


@dataclass(frozen=True)
class Compared:
    """Some object of the first description is clearly larger, taller or nearer than another of the second."""

    subject: Description
    reference: Description
    dimension: str = "larger"

    def holds(self, layout: Layout) -> bool | None:
        """True if some pair compares so beyond the margin, None if one is within it. KeyError if unknown."""
        return some_pair(layout, self.subject, self.reference, partial(compares, self.dimension, layout))


@dataclass(frozen=True)
class Both:
    """The first claim and the second."""

    first: "Claim"
    second: "Claim"

    def holds(self, layout: Layout) -> bool | None:
        """Kleene conjunction of the two."""
        return all_of((self.first.holds(layout), self.second.holds(layout)))


@dataclass(frozen=True)
class Not:
    """The claim is false."""

    claim: "Claim"

    def holds(self, layout: Layout) -> bool | None:
        """Kleene negation of the claim."""
        return negation(self.claim.holds(layout))


Claim = Exists | Absent | Counted | Related | Located | Compared | Both | Not | SetClaim | NumberClaim
_BASIC = (Exists, Absent, Counted, Related, Located, Compared, Both, Not)
CLAIMS: dict[str, Any] = {kind.__name__: kind for kind in (*_BASIC, *SET_CLAIMS, *NUMBER_CLAIMS)}


def claim_to_dict(claim: Claim | Description) -> dict[str, Any]:
    """The claim (or description) as plain data: its type's name and its fields; those that are None are left out."""
    row: dict[str, Any] = {} if isinstance(claim, Description) else {"type": type(claim).__name__}
    for field in fields(claim):
        value = getattr(claim, field.name)
        if value is not None:
            row[field.name] = claim_to_dict(value) if hasattr(value, "__dataclass_fields__") else value
    return row


def claim_from_dict(row: dict[str, Any]) -> Claim:
    """The claim that `claim_to_dict` wrote; raises KeyError or TypeError for anything else."""
    kind = CLAIMS[row["type"]]
    return kind(**{key: _value_from_dict(value) for key, value in row.items() if key != "type"})


def _value_from_dict(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "type" in value:
        return claim_from_dict(value)
    fields_of_it: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
    return Description(**fields_of_it)
