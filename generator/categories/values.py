"""Values that captions about sets ask for, and objects of a kind that can change between two of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.counting import are_apart
from fourfold.generator.categories.world import World, choose, is_nameable, sample_layout, sample_object
from fourfold.generator.recipe.recipe import telling_attributes, telling_values
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.truth.descriptions import Description

Look = TypeVar("Look", ObjectSpec, Description)
_TRIES = 20  # to find a look that goes with both values
_TRIES_AS_WISHED, _TRIES_SHRUNK = 60, 300  # to find places


def choose_attribute(world: World, category: str, rng: np.random.Generator) -> str:
    """An attribute that a caption about sets can ask for. Raises InputError if the recipe has none."""
    names = telling_attributes(world.vocabulary, world.attributes)
    if not names:
        raise InputError(
            f"category {category!r}: attributes must name 'color' with 3 of vocabulary.colors, or 'pattern' with 3 of "
            "vocabulary.patterns beside 'plain'"
        )
    return choose(rng, names)


def has_room(world: World, number: int) -> bool:
    """Whether a scene of the split may hold that many objects; splits that name no numbers may hold any."""
    return world.hold_outs.numbers is None or number <= world.hold_outs.numbers[1]


def two_values(world: World, attribute: str, thing: ObjectSpec, rng: np.random.Generator) -> tuple[str, str] | None:
    """The thing's own value if a caption can ask for it, else one that can; and another that the thing can have.

    None if there are none that leave the thing a color to be named by.
    """
    values = [
        value
        for value in telling_values(world.vocabulary, attribute)
        if is_nameable(with_value(thing, attribute, value))
    ]
    own = getattr(thing, attribute)
    if own not in values:
        if not values:
            return None
        own = choose(rng, values)
    others = [value for value in values if value != own]
    return (own, choose(rng, others)) if others else None


def another_value(world: World, attribute: str, values: Sequence[str], rng: np.random.Generator) -> str:
    """A value of the attribute, one that a caption can ask for, that is none of these."""
    return choose(rng, [value for value in telling_values(world.vocabulary, attribute) if value not in values])


def with_value(thing: Look, attribute: str, value: str) -> Look:
    """The same thing, or the same description, with that value of the attribute."""
    return replace(thing, **_fixed(attribute, value))


def sample_between(
    world: World, shape: str, attribute: str, values: Sequence[str], rng: np.random.Generator
) -> ObjectSpec:
    """Draw an object of that kind with the first of the values, that can have each and still be named by its color."""
    for _ in range(_TRIES):
        wish = sample_object(world, shape, rng, **_fixed(attribute, values[0]))
        if all(is_nameable(with_value(wish, attribute, value)) for value in values):
            break
    return wish


def place_apart(world: World, objects: Sequence[ObjectSpec], rng: np.random.Generator) -> Layout | None:
    """A layout in which no object covers another, so that every one of a set counts; None if no places were found.

    Where there is no room for the objects, all but the first, which may be a held-out one, become small.
    """
    smallest = min(world.vocabulary.sizes, key=lambda name: SIZES[name].scale)
    shrunk = [objects[0], *(replace(wish, size=smallest) for wish in objects[1:])]
    for wishes, tries in ((objects, _TRIES_AS_WISHED), (shrunk, _TRIES_SHRUNK)):
        layout = sample_layout(
            world, wishes, rng, accept=lambda layout: are_apart(layout, len(layout.objects)), tries=tries
        )
        if layout is not None:
            return layout
    return None


def _fixed(attribute: str, value: str) -> dict[str, Any]:
    return {attribute: value}
