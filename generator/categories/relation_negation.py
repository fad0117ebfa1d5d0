"""C3 and C4 together: two objects exchange places, and the captions say in which relation one does not stand.

With one object of each kind there is but one reading of "a cube that is not left of a sphere": the two are there, and
the cube is clearly on the other side.

Hard positives. "Not left of" says the same of two things as "not right of" the other way round. From the second edition
on that is all that is said: of three things the first edition said "right of the cone but not right of the sphere" for
"left of the sphere but not left of the cone", which in our scenes is true with it, but says something else. Now the
same claim comes in another wording.
"""

import numpy as np

from fourfold.generator.categories.relation import place_related, unrelated
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
    sample_objects,
)
from fourfold.scenes.model.edits import swap_places
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.truth.claims import Both, Related
from fourfold.scenes.truth.relations import CLAIMABLE, RELATIONS, stands

EDITS = ("swap-object", "replace-relation")
FORMS = ("not", "but-not")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a group that needs a relation and its negation, or None if no clear places were found."""
    form = choose(rng, FORMS)
    arrangement = choose(rng, free_arrangements(world))
    return _not(world, arrangement, rng) if form == "not" else _but_not(world, arrangement, rng)


def _not(world: World, arrangement: str, rng: np.random.Generator) -> Draft | None:
    """Two objects; both captions are negated and differ in the order of nouns, or in the relation."""
    found = place_related(world, arrangement, rng)
    if found is None:
        return None
    second, relation = found  # the scene in which the relation that is denied holds
    first = swap_places(second, 0, 1)
    converse = RELATIONS[relation].converse
    attributes, edit = mention(world, rng), choose(rng, EDITS)
    a, b = (describe(first.objects[i], attributes) for i in (0, 1))
    swapped, reversed_ = unrelated(b, relation, a), unrelated(a, converse, b)
    claim_b, positive_b = (swapped, reversed_) if edit == "swap-object" else (reversed_, swapped)
    claims, positives = (unrelated(a, relation, b), claim_b), (unrelated(b, converse, a), positive_b)
    return Draft((first, second), claims, positives, edit, relation)


def _but_not(world: World, arrangement: str, rng: np.random.Generator) -> Draft | None:
    """An object between two others, which exchange places: it is left of one but not of the other."""
    objects = sample_objects(world, rng, sample_number(world, rng, least=3))

    def relations(layout: Layout) -> list[str]:
        """Relations in which the first stands to the second but not to the third, and the reverse after the edit."""
        ways = (layout, 1, 2), (swap_places(layout, 1, 2), 2, 1)
        return [
            name
            for name in CLAIMABLE[arrangement]
            if all(stands(name, scene, 0, i) and stands(name, scene, 0, k) is False for scene, i, k in ways)
        ]

    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        clearance=clearance_to_swap(objects, 1, 2),
        accept=lambda layout: bool(relations(layout)) and bool(in_frame(swap_places(layout, 1, 2)).all()),
        tries=MANY_TRIES,
    )
    if first is None:
        return None
    relation = choose(rng, relations(first))
    converse = RELATIONS[relation].converse
    a, b, c = (describe(thing) for thing in first.objects[:3])
    claims = tuple(Both(Related(a, relation, x), unrelated(a, relation, y)) for x, y in ((b, c), (c, b)))
    positives = tuple(Both(Related(a, converse, y), unrelated(a, converse, x)) for x, y in ((b, c), (c, b)))
    if world.edition >= 2:
        positives = claims
    layouts = first, swap_places(first, 1, 2)
    return Draft(layouts, (claims[0], claims[1]), (positives[0], positives[1]), "swap-object", relation)
