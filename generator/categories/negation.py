"""C4, negation: an object, or an attribute, is there in one scene and absent in the other."""

from dataclasses import replace

import numpy as np

from generator.world import Draft, World, choose, describe, other_shape, sample_layout, sample_number, sample_objects
from scenes.claims import Absent, Both, Claim, Description, Exists
from scenes.edits import replace_attribute, replace_shape
from scenes.layout import Layout

FORMS = ("no", "but-not", "negate", "neither-nor", "not-attribute")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a negation group, or None if the objects found no places."""
    form = choose(rng, FORMS)
    first = sample_layout(world, sample_objects(world, rng, sample_number(world, rng)), rng)
    if first is None:
        return None
    if form == "not-attribute":
        return _not_attribute(world, first, rng)
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
        neither = Description(shape=other_shape(world, replace(first, objects=first.objects + second.objects), rng))
        claims = Both(Absent(neither), Absent(y)), Both(Absent(neither), Absent(x))
        turned = Both(Absent(y), Absent(neither)), Both(Absent(x), Absent(neither))
        return Draft((first, second), claims, turned, "negate", form)
    # One caption says that the object is there, the other that it is not.
    claims = Both(Exists(both), Exists(x)), Both(Exists(both), Absent(x))
    turned = Both(Exists(x), Exists(both)), Both(Exists(both), Absent(x))
    return Draft((first, second), claims, turned, "negate", form)


def _not_attribute(world: World, first: Layout, rng: np.random.Generator) -> Draft:
    """An object has one value in A and another in B: each scene shows "a cube that is not red" of the other's red."""
    attribute = choose(rng, [name for name in world.attributes if name != "size"] or world.attributes)
    old = getattr(first.objects[0], attribute)
    values = [value for value in getattr(world.vocabulary, attribute + "s") if value != old]
    second = replace_attribute(first, 0, attribute, choose(rng, values), rng)
    new = getattr(second.objects[0], attribute)
    shape = first.objects[0].shape
    claims = (
        Exists(Description(shape=shape, excluded=(attribute, new))),
        Exists(Description(shape=shape, excluded=(attribute, old))),
    )
    return Draft((first, second), claims, claims, "negate", "not-attribute")
