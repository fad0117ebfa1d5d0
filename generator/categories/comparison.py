"""Comparison: which of two is larger or taller, until they exchange sizes; or nearer, until they exchange places.

From the second edition on the two are such that shortcuts fail; see `fourfold.generator.categories.dissociation`, with
what cannot be told apart. Where the vocabulary has no such kinds or sizes, they are as in the first.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.dissociation import (
    low_and_tall,
    sample_larger,
    sample_nearer,
    sample_taller,
    size_ratio,
    thin_and_wide,
)
from fourfold.generator.categories.world import (
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
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.shapes import mesh
from fourfold.scenes.truth.claims import Compared
from fourfold.scenes.truth.relations import COMPARISONS, compares

OF_SIZE = ("larger", "smaller", "taller", "shorter")
OF_PLACE = ("nearer", "farther")
_SIZE_RATIO = 1.5  # between the two sizes: the margin of a comparison, with room for their jitter
_DRAWS = 12  # of kinds and sizes for one draft, so that all comparisons are drawn about as often
_PROPORTION = 1.3  # most that the two kinds may differ in breadth or height at the same size


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a comparison group, or None if no places were found in which the comparison is clear."""
    dimension = choose(rng, _sayable(world))
    if world.edition >= 2 and _is_dissociable(world, dimension):
        return _dissociated(world, dimension, rng)
    return _of_size(world, dimension, rng) if dimension in OF_SIZE else _of_place(world, dimension, rng)


def _sayable(world: World) -> tuple[str, ...]:
    """Comparisons that the recipe can show: sizes need two that differ, depth needs the ground."""
    of_size = OF_SIZE if len(size_pairs(world)) else ()
    of_place = OF_PLACE if any(ARRANGEMENTS[name].standing for name in free_arrangements(world)) else ()
    if not of_size + of_place:
        raise InputError(
            "category 'comparison': vocabulary.sizes must name 'small' and 'large', or scene.arrangements 'table'"
        )
    return of_size + of_place


def size_pairs(world: World) -> list[tuple[str, str]]:
    """Two sizes of the vocabulary, the larger first, that differ enough for any comparison."""
    sizes = world.vocabulary.sizes
    return [(a, b) for a in sizes for b in sizes if SIZES[a].scale >= _SIZE_RATIO * SIZES[b].scale]


def _is_dissociable(world: World, dimension: str) -> bool:
    """Whether the vocabulary has two sizes, and kinds, with which a shortcut fails in one picture of a group.

    In a split of held-out objects one of each group is given, and would find a partner too seldom.
    """
    pairs = size_pairs(world)
    if dimension in OF_PLACE or not pairs:
        return bool(pairs)
    kinds = low_and_tall if dimension in ("larger", "smaller") else thin_and_wide
    return not world.hold_outs.wanted and bool(kinds(world.vocabulary.shapes, min(map(size_ratio, pairs))))


def _dissociated(world: World, dimension: str, rng: np.random.Generator) -> Draft | None:
    pairs = size_pairs(world)
    for _ in range(_DRAWS):
        large, small = pairs[int(rng.integers(len(pairs)))]
        scenes = _dissociated_scenes(world, dimension, large, small, rng)
        if scenes is not None:
            but = () if dimension in OF_PLACE else ("size",)
            return _draft(*scenes, dimension, mention(world, rng, but=but))
    return None


def _dissociated_scenes(
    world: World, dimension: str, large: str, small: str, rng: np.random.Generator
) -> tuple[Layout, Layout] | None:
    clear = partial(_is_clear, dimension)
    if dimension in OF_PLACE:
        return sample_nearer(world, (large, small) if rng.random() < 0.5 else (small, large), clear, rng)
    if dimension in ("larger", "smaller"):
        return sample_larger(world, (large, small) if dimension == "larger" else (small, large), clear, rng)
    return sample_taller(world, (large, small), dimension == "taller", clear, rng)


def _of_size(world: World, dimension: str, rng: np.random.Generator) -> Draft | None:
    objects = sample_objects(world, rng, sample_number(world, rng))
    alike = [shape for shape in world.vocabulary.shapes if are_alike(shape, objects)]
    if not alike:
        return None
    pairs = size_pairs(world)
    sizes = pairs[int(rng.integers(len(pairs)))]
    if dimension in ("smaller", "shorter"):
        sizes = sizes[::-1]
    objects[:2] = [replace(objects[0], size=sizes[0]), replace(objects[1], shape=choose(rng, alike), size=sizes[1])]
    first = sample_layout(
        world,
        objects,
        rng,
        clearance=clearance_to_swap(objects, 0, 1),
        accept=lambda layout: _is_clear(dimension, layout, swap_attribute(layout, 0, 1, "size")),
    )
    if first is None:
        return None
    return _draft(first, swap_attribute(first, 0, 1, "size"), dimension, mention(world, rng, but=("size",)))


def _of_place(world: World, dimension: str, rng: np.random.Generator) -> Draft | None:
    objects = sample_objects(world, rng, sample_number(world, rng))
    first = sample_layout(
        world,
        objects,
        rng,
        arrangement=choose(rng, [name for name in free_arrangements(world) if ARRANGEMENTS[name].standing]),
        clearance=clearance_to_swap(objects, 0, 1),
        accept=lambda layout: _is_clear(dimension, layout, swap_places(layout, 0, 1)),
    )
    return None if first is None else _draft(first, swap_places(first, 0, 1), dimension, mention(world, rng))


def are_alike(shape: str, objects: list[ObjectSpec]) -> bool:
    """Whether a kind that is not among the objects has about the proportions of the first of them."""
    mine, other = (mesh(name).extents for name in (shape, objects[0].shape))
    ratios = np.array([mine[2] / other[2], mine[:2].max() / other[:2].max()])
    fits = bool((ratios <= _PROPORTION).all() and (ratios >= 1 / _PROPORTION).all())
    return fits and all(shape != wish.shape for wish in (objects[0], *objects[2:]))


def _is_clear(dimension: str, first: Layout, second: Layout) -> bool:
    """It holds in the first scene and its converse in the second, where all objects have room in the picture too."""
    holds = compares(dimension, first, 0, 1) is True and compares(dimension, second, 0, 1) is False
    return holds and bool(in_frame(second).all())


def _draft(first: Layout, second: Layout, dimension: str, attributes: tuple[str, ...]) -> Draft:
    a, b = (describe(first.objects[i], attributes) for i in (0, 1))
    converse = COMPARISONS[dimension].converse
    return Draft(
        (first, second),
        (Compared(a, b, dimension), Compared(b, a, dimension)),
        (Compared(b, a, converse), Compared(a, b, converse)),
        "swap-object",
        dimension,
    )
