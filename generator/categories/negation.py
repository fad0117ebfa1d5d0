"""C4, negation: an object, an attribute or a relation is there in one scene and absent in the other.

In the forms that begin with "negate" one caption affirms what the other denies; in the others both deny, each
something else. Either way each caption is true of one scene and false of the other.
"""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.relation import place_related, unrelated
from fourfold.generator.categories.world import (
    Draft,
    World,
    changeable,
    choose,
    describe,
    free_arrangements,
    mention,
    new_value,
    other_shape,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import replace_attribute, replace_shape, swap_places
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Absent, Both, Claim, Exists, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import RELATIONS

FORMS = (
    "no",
    "but-not",
    "negate",
    "neither-nor",
    "not-attribute",
    "negate-attribute",
    "not-a",
    "negate-relation",
)


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a negation group, or None if the objects found no places."""
    form = choose(rng, FORMS)
    if form == "negate-relation":
        return _relation(world, rng)
    first = sample_layout(world, sample_objects(world, rng, sample_number(world, rng)), rng)
    if first is None:
        return None
    if form in ("not-attribute", "negate-attribute"):
        return _attribute(world, form, first, rng)
    if form == "not-a":
        return _not_a(world, first, rng)
    return _absent_object(world, form, first, rng)


def _absent_object(world: World, form: str, first: Layout, rng: np.random.Generator) -> Draft:
    """One object becomes another kind: each scene lacks what the other has."""
    second = replace_shape(first, 0, other_shape(world, first, rng), rng)
    x, y, both = describe(first.objects[0]), describe(second.objects[0]), describe(first.objects[1])
    if form == "no":  # negation in both captions
        claims: tuple[Claim, Claim] = Absent(y), Absent(x)
        return Draft((first, second), claims, claims, "negate", form)
    if form == "but-not":  # the same words in both captions
        claims = Both(Exists(x), Absent(y)), Both(Exists(y), Absent(x))
        return Draft((first, second), claims, claims, "negate", form)
    if form == "neither-nor":  # a third kind is absent from both
        everything = replace(first, objects=first.objects + second.objects)
        neither = Description(shape=other_shape(world, everything, rng))
        claims = Both(Absent(neither), Absent(y)), Both(Absent(neither), Absent(x))
        turned = Both(Absent(y), Absent(neither)), Both(Absent(x), Absent(neither))
        return Draft((first, second), claims, turned, "negate", form)
    # One caption says that the object is there, the other that it is not.
    claims = Both(Exists(both), Exists(x)), Both(Exists(both), Absent(x))
    turned = Both(Exists(x), Exists(both)), Both(Exists(both), Absent(x))
    return Draft((first, second), claims, turned, "negate", form)


def _attribute(world: World, form: str, first: Layout, rng: np.random.Generator) -> Draft:
    """An object has one value in A and another in B: "a cube that is red", "a cube that is not red"."""
    thing = first.objects[0]
    attribute = choose(rng, changeable(world, thing, but=("size",)))
    old = getattr(thing, attribute)
    new = new_value(world, attribute, thing, rng)
    second = replace_attribute(first, 0, attribute, new, rng)
    without: tuple[Claim, Claim] = (
        Exists(Description(shape=thing.shape, excluded=(attribute, new))),
        Exists(Description(shape=thing.shape, excluded=(attribute, old))),
    )
    if form == "negate-attribute":
        claims: tuple[Claim, Claim] = Exists(describe(thing, (attribute,))), without[1]
        return Draft((first, second), claims, claims, "negate", form)
    return Draft((first, second), without, without, "negate", form)


def _not_a(world: World, first: Layout, rng: np.random.Generator) -> Draft:
    """One object becomes another kind; the captions name its look: "a red object that is not a cube"."""
    thing, others = first.objects[0], first.objects[1:]
    telling = [
        name for name in world.attributes if all(getattr(thing, name) != getattr(other, name) for other in others)
    ]
    if not telling:
        return _absent_object(world, "no", first, rng)
    attribute = choose(rng, telling)
    second = replace_shape(first, 0, other_shape(world, first, rng), rng)
    look = describe(thing, (attribute,), shape=False)
    claims = (
        Exists(replace(look, excluded=("shape", second.objects[0].shape))),
        Exists(replace(look, excluded=("shape", thing.shape))),
    )
    return Draft((first, second), claims, claims, "negate", "not-a")


def _relation(world: World, rng: np.random.Generator) -> Draft | None:
    """Two objects exchange places: one caption says how they stand in A, the other that they do not."""
    found = place_related(world, choose(rng, free_arrangements(world)), rng)
    if found is None:
        return None
    first, relation = found
    attributes = mention(world, rng)
    a, b = (describe(first.objects[i], attributes) for i in (0, 1))
    claims = Related(a, relation, b), unrelated(a, relation, b)
    positives = Related(b, RELATIONS[relation].converse, a), claims[1]
    return Draft((first, swap_places(first, 0, 1)), claims, positives, "negate", "negate-relation")
