"""C4, logic: either-or, not both, neither-nor, and negations of negations.

One object, one of its values or its place differs. In the forms that begin with "negate" one caption affirms what the
other denies; in the others both are of one form, and name what only one scene holds, be it to deny it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fourfold.generator.categories.relation import unrelated
from fourfold.generator.categories.values import (
    another_value,
    choose_attribute,
    has_room,
    place_apart,
    sample_between,
    two_values,
    with_value,
)
from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    choose,
    clearance_to_swap,
    describe,
    free_arrangements,
    other_shape,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import replace_shape, swap_attribute, swap_places
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.truth.claims import Absent, Both, Claim, Exists, Not
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import CLAIMABLE, RELATIONS, stands
from fourfold.scenes.truth.set_claims import FitsBoth, NotBoth, OneOf

OF_KINDS = ("either-or", "not-both", "negate-both", "not-without", "negate-without")
OF_VALUES = ("neither-nor", "negate-neither-nor", "none-that-is-not")
OF_PLACES = ("neither-relation",)
FORMS = (*OF_KINDS, *OF_VALUES, *OF_PLACES)


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a logic group, or None if the objects found no places.

    Raises InputError if the recipe has neither colors nor patterns to ask for.
    """
    attribute = choose_attribute(world, "logic", rng)
    form = choose(rng, FORMS if has_room(world, 3) else OF_KINDS + OF_VALUES)
    if form in OF_PLACES:
        return _of_places(world, form, rng)
    return _of_kinds(world, form, rng) if form in OF_KINDS else _of_values(world, form, attribute, rng)


def _of_kinds(world: World, form: str, rng: np.random.Generator) -> Draft | None:
    """One object becomes another kind; a third kind is in both scenes or, where either-or allows it, in neither."""
    first = sample_layout(world, sample_objects(world, rng, sample_number(world, rng)), rng)
    if first is None:
        return None
    second = replace_shape(first, 0, other_shape(world, first, rng), rng)
    x, y, third = describe(first.objects[0]), describe(second.objects[0]), describe(first.objects[1])
    if form == "not-without":
        single: tuple[Claim, Claim] = Not(Absent(x)), Not(Absent(y))
        return Draft((first, second), single, single, "negate", form)
    if form == "negate-without":
        opposed: tuple[Claim, Claim] = Not(Absent(x)), Absent(x)
        return Draft((first, second), opposed, opposed, "negate", form)
    if form == "not-both":
        pairs = (third, y), (third, x)
    elif form == "negate-both":
        pairs = (third, x), (third, x)
    elif rng.random() < 0.5:
        pairs = (third, y), (third, x)
    else:
        everything = replace(first, objects=first.objects + second.objects)
        absent = Description(shape=other_shape(world, everything, rng))
        pairs = (absent, x), (absent, y)
    if rng.random() < 0.5:
        pairs = pairs[0][::-1], pairs[1][::-1]
    claims, turned = (_joined(form, rows) for rows in (pairs, [(b, a) for a, b in pairs]))
    return Draft((first, second), claims, turned, "negate", form)


def _joined(form: str, pairs: Sequence[tuple[Description, Description]]) -> tuple[Claim, Claim]:
    (a, b), (c, d) = pairs
    if form == "either-or":
        return OneOf(a, b), OneOf(c, d)
    return Both(Exists(a), Exists(b)) if form == "negate-both" else NotBoth(a, b), NotBoth(c, d)


def _of_values(world: World, form: str, attribute: str, rng: np.random.Generator) -> Draft | None:
    """Two objects exchange their values; the captions say which of them the first has not."""
    model, partner, *others = sample_objects(world, rng, sample_number(world, rng))
    found = two_values(world, attribute, model, rng)
    if found is None:
        return None
    things = [
        with_value(model, attribute, found[0]),
        sample_between(world, partner.shape, attribute, (found[1], found[0]), rng),
    ]
    first = place_apart(world, [*things, *others], rng)
    if first is None:
        return None
    third = another_value(world, attribute, found, rng)
    own, other, never = (Description(shape=model.shape, excluded=(attribute, v)) for v in (*found, third))
    layouts = first, swap_attribute(first, 0, 1, attribute)
    if form == "none-that-is-not":
        double: tuple[Claim, Claim] = Absent(own), Absent(other)
        return Draft(layouts, double, double, "negate", form)
    pairs = ((other, never), (own, never)) if form == "neither-nor" else ((other, never), (other, never))
    if rng.random() < 0.5:
        pairs = pairs[0][::-1], pairs[1][::-1]
    claims, turned = (_neither(form, rows) for rows in (pairs, [(b, a) for a, b in pairs]))
    return Draft(layouts, claims, turned, "negate", form)


def _neither(form: str, pairs: Sequence[tuple[Description, Description]]) -> tuple[Claim, Claim]:
    one, other = (FitsBoth(a, b) for a, b in pairs)
    return one, Not(other) if form == "negate-neither-nor" else other


def _of_places(world: World, form: str, rng: np.random.Generator) -> Draft | None:
    """An object beyond two others exchanges places with the farther one, and is before both."""
    arrangement = choose(rng, free_arrangements(world))
    denied = choose(rng, [name for name in CLAIMABLE[arrangement] if RELATIONS[name].converse != name])
    converse = RELATIONS[denied].converse
    objects = sample_objects(world, rng, sample_number(world, rng, least=3))

    def are_clear(layout: Layout) -> bool:
        turned = swap_places(layout, 0, 1)
        scenes = ((converse, layout), (denied, turned))
        clear = all(stands(name, scene, 0, other) is True for name, scene in scenes for other in (1, 2))
        return clear and bool(in_frame(turned).all())

    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        clearance=clearance_to_swap(objects, 0, 1),
        accept=are_clear,
        tries=MANY_TRIES,
    )
    if first is None:
        return None
    x, *others = (describe(first.objects[i]) for i in range(3))
    if rng.random() < 0.5:
        others.reverse()
    claims, turned = (
        (_to_neither(x, denied, order), _to_neither(x, converse, order)) for order in (others, others[::-1])
    )
    return Draft((first, swap_places(first, 0, 1)), claims, turned, "replace-relation", form)


def _to_neither(subject: Description, relation: str, references: Sequence[Description]) -> Claim:
    one, other = (unrelated(subject, relation, reference) for reference in references)
    return Both(one, other)
