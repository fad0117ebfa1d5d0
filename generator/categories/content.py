"""C1, content: the two scenes differ in one object's kind, in one attribute, or in which object is there."""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.world import (
    Draft,
    World,
    changeable,
    choose,
    describe,
    mention,
    new_value,
    other_shape,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import replace_attribute, replace_shape
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.truth.claims import Both, Claim, Exists
from fourfold.scenes.truth.descriptions import Description

EDITS = ("replace-object", "replace-attribute", "add-object")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a content group, or None if the objects found no places."""
    edit = choose(rng, EDITS)
    if edit == "replace-attribute":
        return _replace_attribute(world, rng)
    if edit == "replace-object":
        return _replace_object(world, rng)
    return _add_object(world, rng)


def _replace_attribute(world: World, rng: np.random.Generator) -> Draft | None:
    objects = sample_objects(world, rng, sample_number(world, rng, least=1))
    attribute = choose(rng, changeable(world, objects[0]))
    old = getattr(objects[0], attribute)
    new = new_value(world, attribute, objects[0], rng)
    clearance = [max(SIZES[old].scale, SIZES[new].scale) if attribute == "size" else 0.0] + [0.0] * (len(objects) - 1)
    first = sample_layout(world, objects, rng, clearance=clearance)
    if first is None:
        return None
    second = replace_attribute(first, 0, attribute, new, rng)
    claims = _exist(first, 0, (attribute,)), _exist(second, 0, (attribute,))
    return Draft((first, second), claims, claims, "replace-attribute", attribute)


def _replace_object(world: World, rng: np.random.Generator) -> Draft | None:
    """One kind becomes another; half of the captions name a second object too, in either order."""
    first = sample_layout(world, sample_objects(world, rng, sample_number(world, rng, least=1)), rng)
    if first is None:
        return None
    second = replace_shape(first, 0, other_shape(world, first, rng), rng)
    attributes = mention(world, rng, 0.5)
    if rng.random() < 0.5 or len(first.objects) == 1:
        claims = _exist(first, 0, attributes), _exist(second, 0, attributes)
        return Draft((first, second), claims, claims, "replace-object", "shape")
    beside = describe(first.objects[1])
    pairs = [(describe(layout.objects[0]), beside) for layout in (first, second)]
    if rng.random() < 0.5:
        pairs = [(b, a) for a, b in pairs]
    ordered, turned = ([Both(Exists(x), Exists(y)) for x, y in rows] for rows in (pairs, [(b, a) for a, b in pairs]))
    return Draft((first, second), (ordered[0], ordered[1]), (turned[0], turned[1]), "replace-object", "shape")


def _add_object(world: World, rng: np.random.Generator) -> Draft | None:
    """One object is there in A and gone in B; another, elsewhere, is there in B only."""
    n = sample_number(world, rng)
    all_of_them = sample_layout(world, sample_objects(world, rng, n + 1), rng)
    if all_of_them is None:
        return None
    things = all_of_them.objects
    first = replace(all_of_them, objects=things[:1] + things[2:])
    second = replace(all_of_them, objects=things[1:])
    attributes = mention(world, rng, 0.5)
    claims = Exists(describe(things[0], attributes)), Exists(describe(things[1], attributes))
    return Draft((first, second), claims, claims, "add-object", "presence")


def _exist(layout: Layout, i: int, attributes: tuple[str, ...]) -> Claim:
    description: Description = describe(layout.objects[i], attributes)
    return Exists(description)
