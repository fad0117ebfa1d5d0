"""C3, location: an object moves from one region of the picture to the opposite one."""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.world import (
    MANY_TRIES,
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
from fourfold.scenes.model.edits import move_object
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.truth.claims import REGIONS, Located

OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a location group, or None if the objects found no places.

    The object's second place is found with the first: a twin of it, placed with the others, is taken away again.
    """
    arrangement = choose(rng, free_arrangements(world))
    # On the ground, further up in the picture means further away.
    regions = ("left", "right") if ARRANGEMENTS[arrangement].standing else tuple(REGIONS)
    region = choose(rng, regions)
    objects = sample_objects(world, rng, sample_number(world, rng, least=1))
    attributes = mention(world, rng)
    claims = tuple(Located(describe(objects[0], attributes), name) for name in (region, OPPOSITE[region]))

    def scenes(layout: Layout) -> tuple[Layout, Layout]:
        *things, twin = layout.objects
        first = replace(layout, objects=tuple(things))
        return first, move_object(first, 0, twin.position)

    def clear(layout: Layout) -> bool:
        first, second = scenes(layout)
        return claims[0].holds(first) is True and claims[1].holds(second) is True and bool(in_frame(second).all())

    placed = [*objects, objects[0]]
    both = sample_layout(world, placed, rng, arrangement=arrangement, accept=clear, tries=MANY_TRIES)
    if both is None:
        return None
    return Draft(scenes(both), (claims[0], claims[1]), (claims[0], claims[1]), "replace-location", region)
