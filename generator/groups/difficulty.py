"""How hard a picture is, along the axes of `fourfold.generator.dataset.difficulty_axes`.

The axes speak of the objects that the captions name: what stands by unnamed makes the scene fuller, and counts as a
distractor where words of the captions would fit it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from fourfold.generator.dataset.difficulty_axes import AXES, NOT_APPLICABLE
from fourfold.generator.recipe.hold_outs import descriptions
from fourfold.scenes.model.camera import project
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import TABLES, color_difference
from fourfold.scenes.truth.annotations import ObjectAnnotation
from fourfold.scenes.truth.claims import Claim
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.margins import margin_to_ambiguity

CHANGED = 24  # of 255: a channel that differs by more is seen to


def difficulty(
    layouts: Sequence[Layout],
    role: int,
    seen: Sequence[ObjectAnnotation],
    claims: Sequence[Claim],
    caption: str,
    changed: float | None,
    held_out: bool,
) -> dict[str, Any]:
    """The column `difficulty` of picture `role` of a group, or of a single one.

    layouts: of all pictures of the group, with visible fractions; seen: what was measured of the picture's objects, in
    their order; claims: what the captions of all pictures say; caption: the picture's own; changed: what
    `changed_pixels` found, None for a single picture. NOT_APPLICABLE stands where there is nothing to measure: a
    distance where one object is named, a margin where no claim has one.
    """
    named = named_objects(layouts[role], claims)
    found = scene_difficulty(layouts, role, claims, caption) | {
        "occlusion": _measured(max((1 - seen[i].visible_fraction for i in named), default=None), 4),
        "visible_pixels": min((seen[i].visible_pixels for i in named), default=int(NOT_APPLICABLE)),
        "changed_pixels": _measured(changed, 4),
        "held_out": held_out,
    }
    return {axis: found[axis] for axis in AXES}


def scene_difficulty(layouts: Sequence[Layout], role: int, claims: Sequence[Claim], caption: str) -> dict[str, Any]:
    """What of `difficulty` is known before anything is drawn; the arguments are as there."""
    layout = layouts[role]
    named = named_objects(layout, claims)
    words = [said for claim in claims for said in descriptions(claim)]
    things = [layout.objects[i] for i in named]
    others = [thing for i, thing in enumerate(layout.objects) if i not in named]
    centres = project(layout.camera, np.array([thing.position for thing in layout.objects]).reshape(-1, 3))  # [n, 2]
    distances = [float(np.linalg.norm(centres[i] - centres[j])) for i, j in combinations(named, 2)]
    margin = margin_to_ambiguity(claims, layouts)
    return {
        "n_objects": len(layout.objects),
        "distance": _least(_of_pairs(things, _distance), 4),
        "picture_distance": _least(distances, 4),
        "size_ratio": _least(_of_pairs(things, _size_ratio), 4),
        "color_distance": _least(_of_pairs(things, lambda a, b: color_difference(a.color, b.color)), 3),
        "kind_distractors": sum(any(thing.shape in _values(said, "shape") for said in words) for thing in others),
        "attribute_distractors": sum(any(_shares(thing, said) for said in words) for thing in others),
        "margin": _measured(margin, 4),
        "caption_length": len(caption.split()),
    }


def named_objects(layout: Layout, claims: Sequence[Claim]) -> list[int]:
    """The numbers of the objects that some description in the claims fits, mostly hidden ones too."""
    words = [said for claim in claims for said in descriptions(claim)]
    things = enumerate(layout.objects)
    return [i for i, thing in things if any(said.matches(thing) is not False for said in words)]


def changed_pixels(first: np.ndarray, second: np.ndarray) -> float:
    """Share (0..1) of the pixels of two pictures [h, w, 3] uint8 of which a channel differs by more than CHANGED."""
    differences = np.maximum(first, second) - np.minimum(
        first, second
    )  # in uint8: a wider type takes ten times as long
    over = differences > CHANGED
    return float((over[:, :, 0] | over[:, :, 1] | over[:, :, 2]).mean())


def _of_pairs(
    things: Sequence[PlacedObject], measure: Callable[[PlacedObject, PlacedObject], float]
) -> Iterable[float]:
    return (measure(a, b) for a, b in combinations(things, 2))


def _distance(a: PlacedObject, b: PlacedObject) -> float:
    return float(np.linalg.norm(np.array(a.position) - b.position))


def _size_ratio(a: PlacedObject, b: PlacedObject) -> float:
    return max(a.scale, b.scale) / min(a.scale, b.scale)


def _least(values: Iterable[float], digits: int) -> float:
    return _measured(min(values, default=None), digits)


def _measured(value: float | None, digits: int) -> float:
    """A float whatever the value, so that all splits have columns of one type."""
    return NOT_APPLICABLE if value is None else round(float(value), digits)


def _values(said: Description, attribute: str) -> set[str]:
    """The values of an attribute that the words for a description name, be it to deny one."""
    denied = {said.excluded[1]} if said.excluded and said.excluded[0] == attribute else set()
    return denied | ({getattr(said, attribute)} - {None})


def _shares(thing: PlacedObject, said: Description) -> bool:
    return any(getattr(thing, attribute) in _values(said, attribute) for attribute in TABLES)
