"""Part of C3: an object that is near one thing, or touches it, comes to be near another, or touches that."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    describe,
    free_arrangements,
    mention,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.edits import move_beside
from fourfold.scenes.model.layout import Layout, boxes_in_picture, covered, footprint, in_frame, overlapping
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.truth.claims import Related
from fourfold.scenes.truth.relations import stands

RELATIONS = ("near", "touching")
_OBJECTS = 4  # what is far from each other takes much of the picture
_GAPS = (0.10, 0.28)  # between what is near, of the mean of the scales
# From the other thing, 0 to its right as the camera sees the ground: where a contact, or a small gap, can be seen.
_TURNS = {"near": (0, 180, -25, 205, 25, 155, -50, 230), "touching": (0, 180, -8, 188, -16, 196, 12, 168)}
_SEEN_APART = {"near": 0.06, "touching": 0.01}  # least between two that are not, in the picture, of its width
_COVERED = 0.55  # most of an object's box that the boxes of others may cover
_CLOSE = ((0, 1), (0, 2))


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a proximity group, or None if no places were found in which it is clear what is near what."""
    standing = [name for name in free_arrangements(world) if ARRANGEMENTS[name].standing]
    if not standing:
        raise InputError("category 'proximity': scene.arrangements must name 'table'")
    relation = choose(rng, RELATIONS)
    objects = sample_objects(world, rng, min(sample_number(world, rng, least=3), _OBJECTS))
    if relation == "near":
        objects[1:3] = [replace(wish, size=choose(rng, _modest(world))) for wish in objects[1:3]]
    share = float(rng.uniform(*_GAPS)) if relation == "near" else 0.0
    turns = [int(turn) for turn in rng.permutation(_TURNS[relation])]

    def pictures(layout: Layout) -> tuple[Layout, Layout] | None:
        """The scenes in which the first object is beside the second and beside the third; None if either is not."""
        first = _beside(layout, 1, relation, turns, share) if _room_between(layout, relation) else None
        second = _beside(layout, 2, relation, turns, share) if first is not None else None
        return None if first is None or second is None else (first, second)

    start = sample_layout(
        world,
        objects,
        rng,
        arrangement=choose(rng, standing),
        accept=lambda layout: pictures(layout) is not None,
    )
    layouts = None if start is None else pictures(start)
    if start is None or layouts is None:
        return None
    attributes = mention(world, rng)
    a, b, c = (describe(thing, attributes) for thing in start.objects[:3])
    claims = Related(a, relation, b), Related(a, relation, c)
    converse = Related(b, relation, a), Related(c, relation, a)
    if rng.random() < 0.5:
        claims, converse = converse, claims
    return Draft(layouts, claims, converse, "replace-object", relation, _CLOSE)


def _modest(world: World) -> list[str]:
    """The sizes of the vocabulary but its largest: between large things there is no room for a clear distance."""
    sizes = sorted(world.vocabulary.sizes, key=lambda name: SIZES[name].scale)
    return sizes[:-1] or sizes


def _room_between(layout: Layout, relation: str) -> bool:
    """Whether the second and the third object may be far enough from each other, before it is tried."""
    others = layout.objects[1:3]
    apart = float(np.hypot(*np.subtract(others[0].position[:2], others[1].position[:2])))
    narrowest = min(map(footprint, layout.objects[:3])) * (1.0 if relation == "touching" else 2.0)
    return apart >= max(map(footprint, others)) + narrowest


def _beside(layout: Layout, reference: int, relation: str, turns: Sequence[int], share: float) -> Layout | None:
    """The first object beside the one with that number, on the first side that is free and leaves no doubt."""
    other = 3 - reference
    scale = (layout.objects[0].scale + layout.objects[reference].scale) / 2
    for turn in turns:
        found = move_beside(layout, 0, reference, turn, share * scale)
        if (
            in_frame(found)[0]
            and not overlapping(found.objects, _CLOSE).any()
            and covered(found).max() < _COVERED
            and _apart_in_picture(found, 0, other) >= _SEEN_APART[relation]
            and stands(relation, found, 0, other) is False
            and stands(relation, found, 0, reference) is True
        ):
            return found
    return None


def _apart_in_picture(layout: Layout, i: int, j: int) -> float:
    """Between two objects' boxes in the picture, to the side or up; negative if they overlap."""
    a, b = boxes_in_picture(layout)[[i, j]]
    return float(np.maximum(a[:2] - b[2:], b[:2] - a[2:]).max())
