"""C2 and C3 together: two objects of one kind, on either side of a third, exchange an attribute.

"A red cube left of a sphere": both scenes hold a red cube and another left of the sphere, so that neither the attribute
nor the relation decides, only which cube is red.
"""

import numpy as np

from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    choose,
    clearance_to_swap,
    describe,
    free_arrangements,
    mention,
    sample_layout,
    sample_number,
    sample_swappable,
)
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.truth.claims import Claim, Related
from fourfold.scenes.truth.relations import CLAIMABLE, RELATIONS, stands

SAID_OF_B = ("other-attribute", "converse-relation")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a group that needs attribute binding and a relation, or None if the objects found no places."""
    said = choose(rng, SAID_OF_B)
    attribute = choose(rng, world.attributes)
    arrangement = choose(rng, free_arrangements(world))
    objects = sample_swappable(world, attribute, sample_number(world, rng, least=3), rng, alike=True)

    def relations(layout: Layout) -> list[str]:
        """Relations in which the first stands to the third, and the second in the converse, before and after."""
        scenes = layout, swap_attribute(layout, 0, 1, attribute)  # what changes its size changes its place a little
        return [
            name
            for name in CLAIMABLE[arrangement]
            if all(stands(name, scene, 0, 2) and stands(RELATIONS[name].converse, scene, 1, 2) for scene in scenes)
        ]

    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        clearance=clearance_to_swap(objects, 0, 1) if attribute == "size" else None,
        accept=lambda layout: bool(relations(layout)) and bool(in_frame(swap_attribute(layout, 0, 1, attribute)).all()),
        tries=MANY_TRIES,
    )
    if first is None:
        return None
    relation = choose(rng, relations(first))
    converse = RELATIONS[relation].converse
    one, two = (describe(objects[i], (attribute,)) for i in (0, 1))
    third = describe(objects[2], mention(world, rng))
    claim_b: Claim = Related(two, relation, third) if said == "other-attribute" else Related(one, converse, third)
    positive_b: Claim = Related(third, converse, two) if said == "other-attribute" else Related(third, relation, one)
    return Draft(
        (first, swap_attribute(first, 0, 1, attribute)),
        (Related(one, relation, third), claim_b),
        (Related(third, converse, one), positive_b),
        "swap-attribute",
        attribute,
    )
