"""C2, attribute binding: two objects of different kinds exchange their color, size, material or pattern."""

import numpy as np

from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    clearance_to_swap,
    describe,
    sample_layout,
    sample_number,
    sample_swappable,
)
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Both, Claim, Exists


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a binding group, or None if the objects found no places.

    Captions of both scenes hold the same words: only which attribute goes with which kind differs.
    """
    attribute = choose(rng, world.attributes)
    objects = sample_swappable(world, attribute, sample_number(world, rng), rng)
    clearance = clearance_to_swap(objects, 0, 1) if attribute == "size" else None
    first = sample_layout(world, objects, rng, clearance=clearance)
    if first is None:
        return None
    second = swap_attribute(first, 0, 1, attribute)
    order = (0, 1) if rng.random() < 0.5 else (1, 0)
    claims = _both(first, order, attribute), _both(second, order, attribute)
    turned = _both(first, order[::-1], attribute), _both(second, order[::-1], attribute)
    return Draft((first, second), claims, turned, "swap-attribute", attribute)


def _both(layout: Layout, order: tuple[int, ...], attribute: str) -> Claim:
    i, j = order
    a, b = (describe(layout.objects[k], (attribute,)) for k in (i, j))
    return Both(Exists(a), Exists(b))
