"""C2 and C4 together: two objects exchange an attribute, and the captions say which combination is absent.

"A car but no red sphere": kinds and attribute values are the same in both scenes, only their combination differs.
"""

from dataclasses import replace

import numpy as np

from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    clearance_to_swap,
    describe,
    mention,
    sample_layout,
    sample_number,
    sample_swappable,
)
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.truth.claims import Absent, Both, Claim, Exists

FORMS = ("no", "but-not", "and-no", "negate")


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a group that needs attribute binding and negation, or None if the objects found no places."""
    form, attribute = choose(rng, FORMS), choose(rng, world.attributes)
    objects = sample_swappable(world, attribute, sample_number(world, rng, least=3), rng)
    value = getattr(objects[0], attribute)
    clearance = clearance_to_swap(objects, 0, 1) if attribute == "size" else None
    first = sample_layout(world, objects, rng, clearance=clearance)
    if first is None:
        return None
    # The first scene holds `here` and not `there`, the second the reverse; `beside` is in both.
    here, there = (replace(describe(objects[i]), **{attribute: value}) for i in (0, 1))
    beside = describe(objects[2], mention(world, rng))
    claims: tuple[Claim, Claim] = Absent(there), Absent(here)
    positives = claims
    if form == "but-not":
        claims = positives = Both(Exists(here), Absent(there)), Both(Exists(there), Absent(here))
    elif form == "and-no":
        claims = positives = Both(Exists(beside), Absent(there)), Both(Exists(beside), Absent(here))
    elif form == "negate":
        claims = Both(Exists(beside), Exists(here)), Both(Exists(beside), Absent(here))
        positives = Both(Exists(here), Exists(beside)), claims[1]
    return Draft((first, swap_attribute(first, 0, 1, attribute)), claims, positives, "swap-attribute", attribute)
