"""C3, ranking: who is leftmost, nearest or second from the left, until two objects exchange places; or who is largest,
until two exchange sizes.

"The leftmost object is a cube": all objects are in both scenes, and only their order says which one is meant.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fourfold.generator.categories.comparison import OF_SIZE, are_alike, size_pairs
from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    choose,
    clearance_to_swap,
    describe,
    free_arrangements,
    mention,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.edits import swap_attribute, swap_places
from fourfold.scenes.model.layout import Layout, in_frame
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.order_claims import (
    ORDERS,
    Ranked,
)

OF_GROUND = ("left", "right", "nearer", "farther")  # orders by place that the arrangements show
OF_WALL = ("left", "right", "above", "below")
COUNTED = ("left", "right", "above", "below")  # orders in which people count to the second
EDITS = ("swap-places", "replace-relation")
_SIZES = 0.3  # share of groups that speak of sizes
_SECOND = 0.5  # share of those that could say it which speak of the second
_SAID = ("color", "pattern")  # attributes that are seen on any kind


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a group of which the captions say who is first or second, or None if no clear places were found."""
    of_size = bool(size_pairs(world)) and rng.random() < _SIZES
    objects = sample_objects(world, rng, sample_number(world, rng, least=3))
    return _of_size(world, objects, rng) if of_size else _of_place(world, objects, rng)


def _of_place(world: World, objects: list[ObjectSpec], rng: np.random.Generator) -> Draft | None:
    """The captions differ in what is there, or in the end of the row of which they speak."""
    arrangement = choose(rng, free_arrangements(world))
    order = choose(rng, OF_GROUND if ARRANGEMENTS[arrangement].standing else OF_WALL)
    rank = 2 if order in COUNTED and rng.random() < _SECOND else 1
    # The second of three from the left is the second from the right too: no two objects could mirror each other.
    edit = "swap-places" if rank == 2 and len(objects) == 3 else choose(rng, EDITS)
    a, b = _said(world, objects, rng, ())
    converse = ORDERS[order].converse
    claims: tuple[Ranked, Ranked] = Ranked(a, order, rank), Ranked(b, order, rank)
    mirrored: tuple[Ranked, Ranked] = Ranked(b, converse, rank), Ranked(a, converse, rank)

    def arranged(layout: Layout) -> tuple[Layout, Layout] | None:
        """The two scenes, once the two objects have taken the places of which the captions speak."""
        scenes = [first for first in _exchanged(layout, 0) if claims[0].holds(first)]
        if edit == "replace-relation":  # the captions speak of both ends
            scenes = [first for scene in scenes for first in _exchanged(scene, 1) if mirrored[0].holds(first)]
        for first in scenes:
            second = swap_places(first, 0, 1)
            said = claims[1] if edit == "swap-places" else mirrored[1]
            if claims[0].holds(first) and said.holds(second) and in_frame(first).all() and in_frame(second).all():
                return first, second
        return None

    layout = sample_layout(
        world,
        objects,
        rng,
        arrangement=arrangement,
        clearance=clearance_to_swap(objects, *range(len(objects))),
        accept=lambda layout: arranged(layout) is not None,
        tries=MANY_TRIES,
    )
    scenes = None if layout is None else arranged(layout)
    if scenes is None:
        return None
    if edit == "replace-relation":
        return Draft(scenes, (claims[0], mirrored[1]), (mirrored[0], claims[1]), edit, _name(order, rank))
    clear = all(claim.holds(scene) for claim, scene in zip(mirrored, scenes, strict=True))
    return Draft(scenes, claims, mirrored if clear else claims, edit, _name(order, rank))


def _exchanged(layout: Layout, i: int) -> Iterator[Layout]:
    """The layout, and those in which object i has exchanged places with one of the others."""
    yield layout
    yield from (swap_places(layout, i, k) for k in range(len(layout.objects)) if k != i)


def _of_size(world: World, objects: list[ObjectSpec], rng: np.random.Generator) -> Draft | None:
    """One object is of one size, all others of another; two of about the same build exchange them."""
    dimension = choose(rng, OF_SIZE)
    alike = [shape for shape in world.vocabulary.shapes if are_alike(shape, objects)]
    if not alike:
        return None
    pairs = size_pairs(world)
    leads, rest = pairs[int(rng.integers(len(pairs)))]
    if dimension in ("smaller", "shorter"):
        leads, rest = rest, leads
    other, others = replace(objects[1], shape=choose(rng, alike), size=rest), objects[2:]
    objects = [replace(objects[0], size=leads), other, *(replace(wish, size=rest) for wish in others)]
    a, b = _said(world, objects, rng, ("size",))
    claims = Ranked(a, dimension), Ranked(b, dimension)

    def clear(first: Layout) -> bool:
        second = swap_attribute(first, 0, 1, "size")
        said = claims[0].holds(first) is True and claims[1].holds(second) is True
        return said and bool(in_frame(second).all())

    layout = sample_layout(world, objects, rng, clearance=clearance_to_swap(objects, 0, 1), accept=clear)
    if layout is None:
        return None
    scenes = layout, swap_attribute(layout, 0, 1, "size")
    return Draft(scenes, claims, claims, "swap-sizes", _name(dimension, 1))


def _said(
    world: World, objects: list[ObjectSpec], rng: np.random.Generator, but: tuple[str, ...]
) -> tuple[Description, Description]:
    """What is said of the first two objects: their kinds, or an attribute in which they differ; nothing of `but`."""
    differ = [name for name in _SAID if name in world.attributes and len({getattr(o, name) for o in objects[:2]}) == 2]
    what = choose(rng, ["shape", "shape", *differ])
    of_kind = what == "shape"
    attributes = mention(world, rng, but=but) if of_kind else (what,)
    a, b = (describe(wish, attributes, shape=of_kind) for wish in objects[:2])
    return a, b


def _name(order: str, rank: int) -> str:
    return order if rank == 1 else f"second-{order}"
