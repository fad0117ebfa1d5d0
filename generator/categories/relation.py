"""C3, spatial relations: two objects exchange places; the caption exchanges its nouns or reverses its relation."""

import numpy as np

from generator.world import Draft, World, choose, describe, sample_layout, sample_number, sample_objects
from scenes.claims import Claim, Related
from scenes.edits import swap_places
from scenes.layout import Layout
from scenes.relations import CLAIMABLE, RELATIONS, stands
from scenes.vocabulary import SIZES

EDITS = ("swap-object", "replace-relation")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a relation group, or None if no places were found in which the relation holds clearly."""
    edit = choose(rng, EDITS)
    arrangement = choose(rng, world.scene.arrangements)
    relation = choose(rng, CLAIMABLE[arrangement])
    objects = sample_objects(world, rng, sample_number(world, rng))
    room = [max(SIZES[thing.size].scale for thing in objects[:2])] * 2 + [0.0] * (len(objects) - 2)
    first = sample_layout(
        world, objects, rng, arrangement=arrangement, room=room, accept=lambda layout: _clear(relation, layout)
    )
    if first is None:
        return None
    second = swap_places(first, 0, 1)
    attributes = () if rng.random() < 0.6 else (choose(rng, world.attributes),)
    converse = RELATIONS[relation].converse
    a, b = (describe(first.objects[i], attributes) for i in (0, 1))
    claim_b: Claim = Related(b, relation, a) if edit == "swap-object" else Related(a, converse, b)
    positive_b: Claim = Related(a, converse, b) if edit == "swap-object" else Related(b, relation, a)
    return Draft(
        (first, second), (Related(a, relation, b), claim_b), (Related(b, converse, a), positive_b), edit, relation
    )


def _clear(relation: str, layout: Layout) -> bool:
    """The relation holds here, and its converse once the two have exchanged places."""
    turned = swap_places(layout, 0, 1)
    return stands(relation, layout, 0, 1) is True and stands(relation, turned, 0, 1) is False
