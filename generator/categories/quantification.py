"""Quantification: all, some or none of a kind have a color or a pattern, which others exchange with them.

Both scenes hold the same kinds and the same values as often: which of a kind has which value is all that differs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fourfold.generator.categories.values import (
    choose_attribute,
    has_room,
    place_apart,
    sample_between,
    two_values,
    with_value,
)
from fourfold.generator.categories.world import Draft, World, choose, describe, sample_number, sample_objects
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.truth.claims import Claim
from fourfold.scenes.truth.set_claims import Quantified

MOST = 4  # of a kind
_CROWD = 6  # objects in a scene, unless the recipe has more


@dataclass(frozen=True)
class Form:
    """What is said of two kinds, and how many of each have the value in the first scene."""

    said: tuple[tuple[str, int], tuple[str, int]]  # quantifier and kind (0 or 1) of the two captions
    least: tuple[int, int]  # objects of each kind
    hits: Callable[[int, int], tuple[int, int]]  # of n and m of them, how many have the value
    exchanged: Callable[[int], int] = lambda hits: 1  # how many of the first kind's give it to one of the second


FORMS = {
    "all": Form((("all", 0), ("all", 1)), (2, 2), lambda n, m: (n, m - 1)),
    "not-all": Form((("not-all", 1), ("not-all", 0)), (2, 2), lambda n, m: (n, m - 1)),
    "none": Form((("none", 1), ("none", 0)), (2, 2), lambda n, m: (1, 0)),
    "all-or-not-all": Form((("all", 0), ("not-all", 0)), (2, 1), lambda n, m: (n, 0)),
    "some-or-none": Form((("some", 0), ("none", 0)), (3, 2), lambda n, m: (2, 0), lambda hits: hits),
    "all-or-none": Form((("all", 0), ("none", 0)), (2, 2), lambda n, m: (n, 0), lambda hits: hits),
}


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a quantification group, or None if the objects found no places.

    Raises InputError if the recipe has neither colors nor patterns to ask for.
    """
    attribute = choose_attribute(world, "quantification", rng)
    name = choose(rng, [name for name, form in FORMS.items() if has_room(world, sum(form.least))])
    form = FORMS[name]
    n, m, rest = _numbers(world, form, rng)
    model, *others = sample_objects(world, rng, min(2 + rest, len(world.vocabulary.shapes)))
    found = two_values(world, attribute, model, rng)
    if found is None:
        return None
    value, other = found
    hits = form.hits(n, m)
    things = [with_value(model, attribute, value)]
    for kind, number, having in ((model.shape, n, hits[0]), (others[0].shape, m, hits[1])):
        for k in range(len(things) if kind == model.shape else 0, number):
            values = (value, other) if k < having else (other, value)
            things.append(sample_between(world, kind, attribute, values, rng))
    first = place_apart(world, [*things, *others[1:]], rng)
    if first is None:
        return None
    second = first
    for k in range(form.exchanged(hits[0])):  # who has it of the first kind, with the last of the second
        second = swap_attribute(second, hits[0] - 1 - k, n + m - 1 - k, attribute)
    kinds = [with_value(describe(things[i]), attribute, value) for i in (0, n)]
    one, two = (Quantified(kinds[which], attribute, quantifier) for quantifier, which in form.said)
    claims: tuple[Claim, Claim] = one, two
    edit = "swap-attribute" if form.exchanged(hits[0]) == 1 else "swap-attributes"
    return Draft((first, second), claims, claims, edit, name)


def _numbers(world: World, form: Form, rng: np.random.Generator) -> tuple[int, int, int]:
    """How many objects of the first kind, of the second, and of others, one of each."""
    least = sum(form.least)
    total = sample_number(world, rng, least)
    if world.hold_outs.numbers is None:
        total = max(total, int(rng.integers(least, _CROWD + 1)))
    fitting = [
        (n, m)
        for n in range(form.least[0], MOST + 1)
        for m in range(form.least[1], MOST + 1)
        if n + m <= total and form.exchanged(form.hits(n, m)[0]) <= m - form.hits(n, m)[1]
    ]
    n, m = fitting[int(rng.integers(len(fitting)))]
    return n, m, total - n - m
