"""Counting: the two scenes differ in how many objects of a kind they hold, from one to five."""

from dataclasses import replace
from itertools import combinations

import numpy as np

from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    describe,
    mention,
    other_value,
    sample_layout,
    sample_number,
    sample_object,
    sample_objects,
)
from fourfold.scenes.model.layout import Layout, boxes_in_picture
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.truth.claims import Counted

MOST = 5
_OVERLAP = 0.15  # share of a counted object's box that another's may cover, or two would look like one


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a counting group, or None if the objects found no places.

    A caption counts a kind, or the objects of a kind that share an attribute, beside one that does not.
    """
    low, high = sorted(int(n) for n in rng.choice(np.arange(1, MOST + 1), size=2, replace=False))
    n_others = max(1, sample_number(world, rng) - high)
    model, *others = sample_objects(world, rng, 1 + n_others)
    attributes = mention(world, rng)
    counted = [model, *(_like(world, model, attributes, rng) for _ in range(high - 1))]
    if attributes:
        decoy = {name: other_value(world, name, getattr(model, name), rng) for name in attributes}
        others[0] = sample_object(world, model.shape, rng, **decoy)
    layout = sample_layout(
        world, counted + others, rng, accept=lambda layout: are_apart(layout, high), tries=MANY_TRIES
    )
    if layout is None:
        return None
    fewer = replace(layout, objects=layout.objects[:low] + layout.objects[high:])
    description = describe(model, attributes)
    claims = Counted(description, high), Counted(description, low)
    return Draft((layout, fewer), claims, claims, "replace-count", f"{low}-{high}")


def _like(world: World, model: ObjectSpec, attributes: tuple[str, ...], rng: np.random.Generator) -> ObjectSpec:
    """Another object of the kind, which shares the attributes that are mentioned."""
    return sample_object(world, model.shape, rng, **{name: getattr(model, name) for name in attributes})


def are_apart(layout: Layout, n: int, overlap: float = _OVERLAP) -> bool:
    """Whether the first n objects can be told apart in the picture: no box covers a larger share of another."""
    boxes = boxes_in_picture(layout)[:n]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for i, j in combinations(range(n), 2):
        shared = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
        if shared.min() > 0 and shared.prod() > overlap * min(areas[i], areas[j]):
            return False
    return True
