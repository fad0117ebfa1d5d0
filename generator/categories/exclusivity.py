"""Exclusivity: only the cube is red, or only the sphere; all but the cube are red; nothing but cubes.

Both scenes hold what the captions name. The forms "only" and "except" keep every value and every kind in both.
"""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.values import (
    choose_attribute,
    has_room,
    place_apart,
    sample_between,
    two_values,
    with_value,
)
from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    describe,
    other_value,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.truth.claims import Claim
from fourfold.scenes.truth.set_claims import Exclusive, NothingBut

FORMS = {"only": 3, "except": 3, "only-or-not-only": 4, "nothing-but": 3}  # and the fewest objects of a scene
_SEVERAL = 3  # of a kind of which "only" is said in the plural


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of an exclusivity group, or None if the objects found no places.

    Raises InputError if the recipe has neither colors nor patterns to ask for.
    """
    attribute = choose_attribute(world, "exclusivity", rng)
    form = choose(rng, [form for form, least in FORMS.items() if has_room(world, least)])
    objects = sample_objects(world, rng, sample_number(world, rng, FORMS[form]))
    found = two_values(world, attribute, objects[0], rng)
    if found is None:
        return None
    if form == "nothing-but":
        return _nothing_but(world, objects, attribute, found, rng)
    value, other = found if form != "except" else found[::-1]  # "except" names the value that the first has not
    kinds = [thing.shape for thing in objects]
    things = [with_value(objects[0], attribute, found[0])]
    if form == "only-or-not-only":
        things += [sample_between(world, kinds[0], attribute, (value, other), rng) for _ in range(_SEVERAL - 1)]
        del kinds[2 : 1 + _SEVERAL]  # as many objects as before
    things.append(sample_between(world, kinds[1], attribute, found[::-1], rng))
    for kind in kinds[2:]:
        fixed = value if form == "except" else other_value(world, attribute, value, rng)
        things.append(sample_between(world, kind, attribute, (fixed,), rng))
    return _exchanged(world, things, attribute, value, form, rng)


def _exchanged(
    world: World, things: list[ObjectSpec], attribute: str, value: str, form: str, rng: np.random.Generator
) -> Draft | None:
    """The first thing of the first kind and the one of the second exchange their values."""
    first = place_apart(world, things, rng)
    if first is None:
        return None
    partner = _SEVERAL if form == "only-or-not-only" else 1
    one, two = (with_value(describe(things[i]), attribute, value) for i in (0, partner))
    claims: tuple[Claim, Claim] = (
        (Exclusive(one, attribute, "only-kind"), Exclusive(one, attribute, "not-only-kind"))
        if form == "only-or-not-only"
        else (Exclusive(one, attribute, form), Exclusive(two, attribute, form))
    )
    return Draft((first, swap_attribute(first, 0, partner, attribute)), claims, claims, "swap-attribute", form)


def _nothing_but(
    world: World, objects: list[ObjectSpec], attribute: str, found: tuple[str, str], rng: np.random.Generator
) -> Draft | None:
    """Things of one kind and one value, and one more: of another kind in A, in B elsewhere and of another value."""
    value, other = found
    kind = objects[0].shape
    several = [sample_between(world, kind, attribute, (value,), rng) for _ in objects[2:]]
    strangers = [
        sample_between(world, objects[1].shape, attribute, (value,), rng),
        sample_between(world, kind, attribute, (other,), rng),
    ]
    both = place_apart(world, [with_value(objects[0], attribute, value), *several, *strangers], rng)
    if both is None:
        return None
    first, second = (replace(both, objects=(*both.objects[:-2], both.objects[k])) for k in (-2, -1))
    of_value, of_kind = with_value(describe(objects[0], shape=False), attribute, value), describe(objects[0])
    claims: tuple[Claim, Claim] = NothingBut(of_value), NothingBut(of_kind)
    return Draft((first, second), claims, claims, "add-object", "nothing-but")
