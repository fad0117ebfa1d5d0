"""C1 and C2, half-truths: a longer caption with one wrong detail against a shorter one that is wholly true.

CLIP often prefers the longer one: Kargi, Uselis, Oh, "Half-Truths Break Similarity-Based Retrieval", arXiv 2602.23906.
A cube is red in the one scene and blue in the other: "a red cube and a dotted sphere" is true of the first and has one
wrong detail in the second, "a blue cube" is true of the second alone. Each caption is true of one scene and false of
the other, so over any split the longer one is true as often as it is false: who goes by length is right half the time.
"""

import numpy as np

from fourfold.generator.categories.relation import place_related
from fourfold.generator.categories.world import (
    Draft,
    World,
    changeable,
    choose,
    describe,
    free_arrangements,
    new_value,
    other_shape,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.edits import replace_attribute, replace_shape, swap_places
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.truth.claims import Both, Claim, Exists, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import CLAIMABLE, RELATIONS, stands

DETAILS = ("attribute", "kind", "relation")  # the one of the longer caption that is wrong in the second scene
LONGER = ("two", "three", "related")  # what the longer caption says: objects, or how two stand
_WELL_SEEN = ("color", "pattern")  # on every kind


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a half-truth group, or None if the objects found no places."""
    detail = choose(rng, DETAILS)
    if detail == "relation":
        return _wrong_relation(world, rng)
    return _wrong_object(world, detail, rng)


def _wrong_object(world: World, detail: str, rng: np.random.Generator) -> Draft | None:
    """The first object changes an attribute or its kind, which the longer caption says beside what stays true."""
    objects = sample_objects(world, rng, sample_number(world, rng))
    attribute = _well_seen(changeable(world, objects[0]), rng)
    new = new_value(world, attribute, objects[0], rng) if detail == "attribute" else getattr(objects[0], attribute)
    largest = max(SIZES[objects[0].size].scale, SIZES[new].scale if attribute == "size" else 0.0)
    first = sample_layout(world, objects, rng, clearance=[largest] + [0.0] * (len(objects) - 1))
    if first is None:
        return None
    if detail == "attribute":
        second, edit = replace_attribute(first, 0, attribute, new, rng), ("replace-attribute", attribute)
        shorter = Exists(describe(second.objects[0], (attribute,)))
    else:
        second, edit = replace_shape(first, 0, other_shape(world, first, rng), rng), ("replace-object", "shape")
        shorter = Exists(describe(second.objects[0]))
    said = [describe(thing, (_well_seen(world.attributes, rng),)) for thing in first.objects]
    said[0] = describe(first.objects[0], (attribute,))
    longer, positive = _longer(said, (first, second), rng)
    return Draft((first, second), (longer, shorter), (positive, shorter), *edit)


def _longer(said: list[Description], layouts: tuple[Layout, Layout], rng: np.random.Generator) -> tuple[Claim, Claim]:
    """A claim of two details or three about the first object and others, and the same in another order.

    A relation is said only where it holds in both scenes, so that it is not what is wrong.
    """
    names = CLAIMABLE[layouts[0].arrangement]
    relations = [name for name in names if all(stands(name, layout, 0, 1) for layout in layouts)]
    form = choose(rng, [form for form in LONGER if _can_say(form, len(said), relations)])
    if form == "related":
        relation = choose(rng, relations)
        claims = Related(said[0], relation, said[1]), Related(said[1], RELATIONS[relation].converse, said[0])
        return claims if rng.random() < 0.5 else claims[::-1]
    order = [int(i) for i in rng.permutation(2 if form == "two" else 3)]
    a, b, *others = (Exists(said[i]) for i in order)
    if not others:
        return Both(a, b), Both(b, a)
    return Both(a, Both(b, others[0])), Both(others[0], Both(b, a))


def _can_say(form: str, n: int, relations: list[str]) -> bool:
    return {"two": n >= 2, "three": n >= 3, "related": bool(relations)}[form]


def _wrong_relation(world: World, rng: np.random.Generator) -> Draft | None:
    """Two objects exchange places: the longer caption says of which look they are, the shorter only how they stand."""
    found = place_related(world, choose(rng, free_arrangements(world)), rng)
    if found is None:
        return None
    first, relation = found
    converse = RELATIONS[relation].converse
    a, b = (describe(first.objects[i], (_well_seen(world.attributes, rng),)) for i in (0, 1))
    bare_a, bare_b = Description(shape=a.shape), Description(shape=b.shape)
    return Draft(
        (first, swap_places(first, 0, 1)),
        (Related(a, relation, b), Related(bare_b, relation, bare_a)),
        (Related(b, converse, a), Related(bare_a, converse, bare_b)),
        "replace-relation",
        relation,
    )


def _well_seen(attributes: list[str] | tuple[str, ...], rng: np.random.Generator) -> str:
    """Draw one of the attributes, one that shows well on every kind if there is any."""
    return choose(rng, [name for name in attributes if name in _WELL_SEEN] or list(attributes))
