"""C3, between: one of three objects stands between the two others, until it exchanges places with one of them."""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    clearance_to_swap,
    describe,
    mention,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.camera import project
from fourfold.scenes.model.edits import swap_places
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.order_claims import (
    Between,
)


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a group of which the captions say who is in the middle, or None if no three objects came in line."""
    objects = _in_small(world, sample_objects(world, rng, sample_number(world, rng, least=3)))
    attributes = mention(world, rng, but=("size",))
    a, b, c = (describe(wish, attributes) for wish in objects[:3])
    # One of the two outer ones comes first in the captions, and the other in the hard positives.
    ends = ((b, c), (a, c)) if rng.random() < 0.5 else ((c, b), (c, a))
    claims, positives = _claims(a, b, ends), _claims(a, b, (ends[0][::-1], ends[1][::-1]))

    def arranged(layout: Layout) -> tuple[Layout, Layout] | None:
        """The two scenes, after another of the three may have given its place to the one in the middle."""
        for first in (layout, swap_places(layout, 0, 1), swap_places(layout, 0, 2)):
            second = swap_places(first, 0, 1)
            if claims[0].holds(first) and claims[1].holds(second) and in_frame(first).all() and in_frame(second).all():
                return first, second
        return None

    layout = sample_layout(
        world,
        objects,
        rng,
        clearance=clearance_to_swap(objects, 0, 1, 2),
        accept=lambda layout: arranged(layout) is not None,
        tries=MANY_TRIES,
    )
    scenes = None if layout is None else arranged(layout)
    if scenes is None:
        return None
    across, down = np.abs(np.diff(project(scenes[0].camera, _ends(scenes[0])), axis=0)[0])
    line = "between-across" if across >= down else "between-upright"
    return Draft(scenes, claims, positives, "swap-object", line)


def _ends(layout: Layout) -> np.ndarray:
    """Where the two outer ones are in the first scene, [2, 3]."""
    return np.array([layout.objects[k].position for k in (1, 2)])


def _in_small(world: World, objects: list[ObjectSpec]) -> list[ObjectSpec]:
    """The objects, of which the first three are as small as the vocabulary has them: three large ones fill a row.

    One that is held out by its size keeps it.
    """
    smallest = min(world.vocabulary.sizes, key=lambda name: SIZES[name].scale)
    kept = 1 if any(held.size for held in world.hold_outs.wanted) else 0
    return [*objects[:kept], *(replace(wish, size=smallest) for wish in objects[kept:3]), *objects[3:]]


def _claims(
    a: Description, b: Description, ends: tuple[tuple[Description, Description], tuple[Description, Description]]
) -> tuple[Between, Between]:
    return Between(a, *ends[0]), Between(b, *ends[1])
