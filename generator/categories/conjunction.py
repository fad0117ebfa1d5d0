"""C2 for three: each of three objects has two attributes, and one of these goes round the three.

"A red striped cube, a blue dotted sphere and a green plain cone": kinds, colors and patterns are the same in both
scenes, so that only what belongs together differs. Captions name all three objects, or two of them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    describe,
    is_nameable,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import cycle_attribute
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.truth.claims import Both, Claim, Exists

NAMED = (3, 2)  # objects in a caption
_MOVING = ("color", "pattern")  # what shows well on every kind
_TRIES = 40  # to find looks that can be named wherever the attribute has gone


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a conjunction group, or None if the objects found no places."""
    moving, still = _sample_attributes(world, rng)
    objects = _sample_looks(world, moving, still, rng)
    first = sample_layout(world, objects, rng)
    if first is None:
        return None
    second = cycle_attribute(first, (0, 1, 2), moving)
    order = [int(i) for i in rng.permutation(3)[: NAMED[int(rng.integers(len(NAMED)))]]]
    turned = order[::-1]
    claims, positives = (
        (_all(first, names, (moving, still)), _all(second, names, (moving, still))) for names in (order, turned)
    )
    return Draft((first, second), claims, positives, "cycle-attribute", moving)


def _sample_attributes(world: World, rng: np.random.Generator) -> tuple[str, str]:
    """Draw the attribute that goes round, of which the recipe has three values, and the one that stays."""
    moving = [name for name in _MOVING if name in world.attributes and len(_values(world, name)) >= 3]
    if not moving or len(world.attributes) < 2:
        raise InputError(
            "category 'conjunction': attributes must name two, of them color with three of vocabulary.colors or "
            f"pattern with three of vocabulary.patterns; given {', '.join(world.attributes)}"
        )
    chosen = choose(rng, moving)
    others = [name for name in world.attributes if name != chosen]
    return chosen, choose(rng, [name for name in others if name in _MOVING] or others)


def _values(world: World, attribute: str) -> tuple[str, ...]:
    values: tuple[str, ...] = getattr(world.vocabulary, attribute + "s")
    return values


def _sample_looks(world: World, moving: str, still: str, rng: np.random.Generator) -> list[ObjectSpec]:
    """Draw objects of which the first three differ in both attributes, where there are values enough."""
    for _ in range(_TRIES):
        objects = sample_objects(world, rng, sample_number(world, rng, least=3))
        for attribute in (moving, still):
            own = getattr(objects[0], attribute)
            others = [str(value) for value in rng.permutation(_values(world, attribute)) if value != own]
            for i, value in enumerate((others * 2)[:2], start=1):
                objects[i] = replace(objects[i], **{attribute: value})
        values = [getattr(thing, moving) for thing in objects[:3]]
        if all(is_nameable(replace(thing, **{moving: value})) for thing in objects[:3] for value in values):
            break
    return objects


def _all(layout: Layout, which: Sequence[int], attributes: tuple[str, str]) -> Claim:
    """That there is each of the objects with these numbers, in this order, as its kind and both attributes say."""
    *others, last = (Exists(describe(layout.objects[i], attributes)) for i in which)
    claim: Claim = last
    for other in others[::-1]:
        claim = Both(other, claim)
    return claim
