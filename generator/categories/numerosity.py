"""Numerosity, beyond counting to five: which number, at least how many, more of which, and as many of one as of what.

Exact numbers are neighbours, none and one or five to eight. What no longer counts stays in the picture as something
else that is counted or stands beside, so that both scenes hold alike many objects of alike kinds. Sizes are drawn for
each object alone, and where the question is which are more, the same ones cover more of the picture in both scenes.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fourfold.generator.categories.counting import are_apart
from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    choose,
    free_arrangements,
    is_nameable,
    sample_layout,
    sample_object,
    sample_objects,
)
from fourfold.generator.recipe.hold_outs import names
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.edits import replace_attribute, replace_shape
from fourfold.scenes.model.layout import Layout, in_frame, overlapping
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.model.vocabulary import ONE_OF_TWO, SIZES
from fourfold.scenes.shapes import mesh
from fourfold.scenes.truth.claims import Claim, Counted, Not
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan

MOST = 9  # objects in a scene, where the split does not say another number
_ON_GROUND = 6  # objects that find places where one stands before another
_FEW = 4  # objects there that have room whatever their sizes
_OVERLAP = 0.25  # share of a box that another may cover
_OTHERS = 3  # most that stand beside what is counted
_TRIES = 20  # for a look that can be named before and after the edit
_BY_LOOK = 0.4  # share of groups that count things of one kind by an attribute: "more red cubes than blue cubes"
_CLEARLY = 0.1  # share of all that is covered, by which one covers more than the other
_TELLING = ("color", "pattern")  # the attributes that show well on small objects


@dataclass(frozen=True)
class Plan:
    """What each object counts as, a letter for each, in the first scene and in the second: "aab" and "abb"."""

    form: str
    first: str
    second: str
    number: int = 0  # that captions name


PLANS = (
    *(Plan("exactly", "a" * few + "a", "a" * few + "b", few) for few in (0, 5, 6, 7)),
    *(Plan("at-least", "a" * n, "a" * (n - 1) + "b", n) for n in range(2, 8)),
    # Neither scene holds exactly the number: who takes "at least" for "exactly" finds no difference.
    *(Plan("at-least", "a" * (n + 1), "a" * (n - 1) + "bb", n) for n in range(2, 7)),
    *(Plan("more", "a" * n + "a" + "b" * n, "a" * n + "b" + "b" * n) for n in (2, 3, 4)),
    *(Plan("as-many", "a" * n + "b" * n + "c" * (n - 1), "a" * n + "b" * (n - 1) + "c" * n) for n in (2, 3)),
    *(Plan("as-many-or-more", "a" * n + "b" * n + "c", "a" * n + "b" * n + more) for n in (2, 3, 4) for more in "ab"),
)
_WITH_OTHERS = ("exactly", "at-least")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a numerosity group, or None if the objects found no places."""
    plan = _sample_plan(world, rng)
    model, words = _sample_words(world, rng)
    pairs = [(words[x], words[y]) for x, y in zip(plan.first, plan.second, strict=True)]
    arrangement = choose(rng, _arrangements(world, len(pairs)))
    sizes = _sizes(world, arrangement, len(pairs))
    for _ in range(_TRIES):
        # In a split of held-out objects the model is one of those.
        objects = [model, *(_sample_thing(world, *pair, sizes, rng) for pair in pairs[1:])]
        if plan.form != "more" or _is_told_by_no_area(objects, plan, words):
            break
    changes = {i: after for i, (before, after) in enumerate(pairs) if before != after}
    seed = int(rng.integers(2**32))

    def edited(layout: Layout) -> Layout:
        return _changed(layout, changes, np.random.default_rng(seed))

    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        accept=lambda layout: _has_room(layout) and _has_room(edited(layout)),
        tries=MANY_TRIES,
    )
    if first is None:
        return None
    claims, positives = _claims(plan, *(Description(**words[letter]) for letter in "abc"))
    return Draft((first, edited(first)), claims, positives, "replace-count", plan.form)


def _sample_plan(world: World, rng: np.random.Generator) -> Plan:
    """Draw a form, then a plan of it that keeps the numbers of objects which the split holds to."""
    low, high = world.hold_outs.numbers or (1, MOST)
    if all(ARRANGEMENTS[name].standing for name in free_arrangements(world)):
        high = min(high, max(low, _ON_GROUND))
    plans = [
        plan for plan in PLANS if len(plan.first) <= high and (plan.form in _WITH_OTHERS or len(plan.first) >= low)
    ]
    form = choose(rng, sorted({plan.form for plan in plans}))
    plans = [plan for plan in plans if plan.form == form]
    plan = plans[int(rng.integers(len(plans)))]
    if form not in _WITH_OTHERS:
        return plan
    free = high - len(plan.first)
    most = min(max(_OTHERS, low - len(plan.first)), free)
    least = max(min(1, free), low - len(plan.first))
    others = "".join(choose(rng, "bc") for _ in range(int(rng.integers(least, most + 1))))
    return replace(plan, first=plan.first + others, second=plan.second + others)


def _arrangements(world: World, n: int) -> list[str]:
    """The arrangements in which n objects find places, or all where none has so much room."""
    names = free_arrangements(world)
    return [name for name in names if n <= _ON_GROUND or not ARRANGEMENTS[name].standing] or list(names)


def _sizes(world: World, arrangement: str, n: int) -> tuple[str, ...]:
    """Sizes to draw each object's from: small ones more often where many stand before each other."""
    sizes = world.vocabulary.sizes
    smallest = min(sizes, key=lambda name: SIZES[name].scale)
    return (*sizes, smallest, smallest) if n > _FEW and ARRANGEMENTS[arrangement].standing else sizes


def _sample_words(world: World, rng: np.random.Generator) -> tuple[ObjectSpec, dict[str, dict[str, Any]]]:
    """An object that counts as an "a", and by what words things count as "a", "b" or "c"."""
    model, *others = sample_objects(world, rng, 3)
    telling = [name for name in _TELLING if name in world.attributes and _can_tell(world, name, model)]
    if not telling or rng.random() >= _BY_LOOK:
        return model, dict(zip("abc", ({"shape": thing.shape} for thing in (model, *others)), strict=True))
    attribute = choose(rng, telling)
    own = getattr(model, attribute)
    others_of_it = rng.permutation([value for value in _values(world, attribute) if value != own])
    values = (own, *(str(value) for value in others_of_it[:2]))
    said = [{"shape": model.shape, attribute: value} for value in values]
    return model, dict(zip("abc", said, strict=True))


def _can_tell(world: World, attribute: str, model: ObjectSpec) -> bool:
    values = _values(world, attribute)
    return len(values) >= 3 and getattr(model, attribute) in values


def _values(world: World, attribute: str) -> list[str]:
    """Words by which things are counted; not those that a striped thing of any color shows too."""
    return [name for name in getattr(world.vocabulary, attribute + "s") if name not in ONE_OF_TWO]


def _sample_thing(
    world: World, before: dict[str, str], after: dict[str, str], sizes: tuple[str, ...], rng: np.random.Generator
) -> ObjectSpec:
    """Draw an object that counts as what it is before the edit and after it, and is kept for no other split."""
    for _ in range(_TRIES):
        wish = sample_object(world, rng=rng, **before, size=choose(rng, sizes))
        both = wish, replace(wish, **after)
        kept = [names(held, Description(**vars(each))) for held in world.hold_outs.unwanted for each in both]
        if not any(kept) and all(map(is_nameable, both)):
            break
    return wish


def _is_told_by_no_area(objects: list[ObjectSpec], plan: Plan, words: dict[str, dict[str, Any]]) -> bool:
    """Whether the same things, the "a" or the "b", clearly cover more in both scenes, as far as sizes and kinds say."""
    surplus = []
    for letters in (plan.first, plan.second):
        areas = [_area(replace(wish, **words[letter])) for wish, letter in zip(objects, letters, strict=True)]
        signs = [{"a": 1, "b": -1}.get(letter, 0) for letter in letters]
        surplus.append(float(np.dot(areas, signs)) / sum(areas))
    return min(surplus) > _CLEARLY or max(surplus) < -_CLEARLY


def _area(wish: ObjectSpec) -> float:
    """About what an object covers, seen from its broader side, in scene units."""
    across, along, up = mesh(wish.shape).extents
    return float(max(across, along) * up) * SIZES[wish.size].scale ** 2


def _changed(layout: Layout, changes: dict[int, dict[str, str]], rng: np.random.Generator) -> Layout:
    """The scene in which the objects with these numbers count as something else: another kind, or another look."""
    for i, words in changes.items():
        for name, value in words.items():
            if name == "shape" and value != layout.objects[i].shape:
                layout = replace_shape(layout, i, value, rng)
            elif name != "shape":
                layout = replace_attribute(layout, i, name, value, rng)
    return layout


def _has_room(layout: Layout) -> bool:
    apart = are_apart(layout, len(layout.objects), _OVERLAP) and not overlapping(layout.objects).any()
    return apart and bool(in_frame(layout).all())


def _claims(
    plan: Plan, a: Description, b: Description, c: Description
) -> tuple[tuple[Claim, Claim], tuple[Claim, Claim]]:
    """The claims of the two scenes, and their hard positives."""
    claims: tuple[Claim, Claim]
    if plan.form == "exactly":
        claims = Counted(a, plan.number + 1), Counted(a, plan.number)
        return claims, claims
    if plan.form == "at-least":
        claims = AtLeast(a, plan.number), Not(AtLeast(a, plan.number))
        return claims, claims
    if plan.form == "more":
        claims = MoreThan(a, b), MoreThan(b, a)
        return claims, claims
    if plan.form == "as-many":
        return (AsManyAs(a, b), AsManyAs(a, c)), (AsManyAs(b, a), AsManyAs(c, a))
    more = MoreThan(a, b) if plan.second[-1] == "a" else MoreThan(b, a)
    return (AsManyAs(a, b), more), (AsManyAs(b, a), more)
