"""Edition 2 of comparisons: what goes with being larger, taller or nearer does not go with it in every picture.

In a group the order of two objects goes over from one picture to the other. A shortcut fails in one of the two where
its own order stays:

    larger    a low thing against a tall one, which exchange sizes: the tall one is taller in both pictures
    taller    a thin thing against a wide one, alike in size until one of them changes it: the wide one fills more of
              both pictures
    nearer    a small thing against a large one, which exchange places: the large one fills more of both pictures

Where things stand stays as it is where their sizes change: what is nearer, or lower in the picture, is as often the
smaller. Two things cannot be told apart. What is larger fills more of the picture, or people would not agree that it
is. And on the ground what is nearer stands lower in the picture; in the air it need not, but nobody could tell there
which is nearer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations

import numpy as np

from fourfold.generator.categories.world import (
    World,
    choose,
    free_arrangements,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.edits import replace_attribute, swap_attribute, swap_places
from fourfold.scenes.model.layout import Layout, boxes_in_picture, height
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.shapes import mesh

_CLEAR = 1.15  # least ratio of what a shortcut goes by, of heights or of areas in the picture
_LARGER = 1.25  # least ratio of bulk at which one kind is larger: the margin of comparisons, and room for perspective
_TALLER = 1.3 / 1.06  # least ratio of heights at one size, to which the jitter of sizes may add what the margin wants
_TRIES = 40  # what fits is found in ten; kinds whose sizes stray the wrong way are drawn anew
Clear = Callable[[Layout, Layout], bool]
Edit = Callable[[Layout], Layout]
Scenes = tuple[Layout, Layout]


def sample_larger(world: World, sizes: tuple[str, str], clear: Clear, rng: np.random.Generator) -> Scenes | None:
    """Two scenes in which a low and a tall thing exchange sizes; objects 0 and 1 have these sizes in the first.

    `clear` says whether the comparison holds in the one and its converse in the other. None if no places were found.
    """
    objects = _with_kinds(world, low_and_tall(world.vocabulary.shapes, size_ratio(sizes)), sizes, rng)
    if objects is None:
        return None
    edit: Edit = partial(swap_attribute, i=0, j=1, attribute="size")
    winner = int(SIZES[sizes[0]].scale < SIZES[sizes[1]].scale)
    return _sample(world, objects, sizes, edit, _seen_to(clear, areas_in_picture, winner), heights, rng)


def sample_taller(
    world: World, sizes: tuple[str, str], first_is_taller: bool, clear: Clear, rng: np.random.Generator
) -> Scenes | None:
    """Two scenes with a thin and a wide thing: in one they are of one size, in the other the wide one is the larger.

    `first_is_taller` says whether object 0 or 1 is the taller in the first scene. None if no places were found.
    """
    small, large = sorted(sizes, key=lambda name: SIZES[name].scale)
    alike = large if rng.random() < 0.5 else small
    objects = _with_kinds(world, thin_and_wide(world.vocabulary.shapes, size_ratio(sizes)), (alike, alike), rng)
    if objects is None:
        return None
    thin = int(_measures(objects[1].shape).wide < _measures(objects[0].shape).wide)
    changing, other = (thin, small) if alike == large else (1 - thin, large)
    before, after = (alike, other) if (thin == 0) == first_is_taller else (other, alike)
    objects[changing] = replace(objects[changing], size=before)
    edit: Edit = partial(replace_attribute, i=changing, attribute="size", value=after, rng=rng)
    seen = _seen_to(clear, heights_in_picture, int(not first_is_taller))
    return _sample(world, objects, sizes, edit, seen, areas_in_picture, rng)


def sample_nearer(world: World, sizes: tuple[str, str], clear: Clear, rng: np.random.Generator) -> Scenes | None:
    """Two scenes on the ground in which a small and a large thing exchange places; None if no places were found."""
    objects = _with_sizes(sample_objects(world, rng, sample_number(world, rng)), sizes)
    arrangement = choose(rng, [name for name in free_arrangements(world) if ARRANGEMENTS[name].standing])
    edit: Edit = partial(swap_places, i=0, j=1)
    return _sample(world, objects, sizes, edit, clear, areas_in_picture, rng, arrangement)


def low_and_tall(shapes: Sequence[str], ratio: float) -> list[tuple[str, str]]:
    """Pairs of kinds, in both orders, of which one is the lower even where its size is larger by this ratio."""
    return _pairs(
        shapes, lambda low, tall: tall.high / low.high >= _CLEAR * ratio and ratio * low.bulk / tall.bulk >= _LARGER
    )


def thin_and_wide(shapes: Sequence[str], ratio: float) -> list[tuple[str, str]]:
    """Pairs of kinds, in both orders: the thin one is taller at one size, the wide one if larger by this ratio."""
    return _pairs(
        shapes,
        lambda thin, wide: (
            min(thin.high / wide.high, ratio * wide.high / thin.high) >= _TALLER and wide.bulk / thin.bulk >= _LARGER
        ),
    )


def size_ratio(sizes: tuple[str, str]) -> float:
    """How many times larger the larger of two sizes is than the other."""
    scales = [SIZES[name].scale for name in sizes]
    return max(scales) / min(scales)


def heights(layout: Layout) -> np.ndarray:
    """Of each object from its lowest point to its highest, [n], scene units."""
    return np.array([height(thing) for thing in layout.objects])


def areas_in_picture(layout: Layout) -> np.ndarray:
    """Areas of each object's box as the camera sees it, [n], shares of the picture."""
    boxes = boxes_in_picture(layout)
    return np.asarray(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))


def heights_in_picture(layout: Layout) -> np.ndarray:
    """Heights of each object's box as the camera sees it, [n], shares of the picture's."""
    boxes = boxes_in_picture(layout)
    return np.asarray(boxes[:, 3] - boxes[:, 1])


def _seen_to(clear: Clear, measure: Callable[[Layout], np.ndarray], winner: int) -> Clear:
    """As `clear`, and the picture agrees: `measure` is greater of the winner first, then of the other.

    What is deep reaches far up in a picture from above, and would look taller than it is.
    """

    def agrees(first: Layout, second: Layout) -> bool:
        if not clear(first, second):
            return False
        before, after = measure(first), measure(second)
        return bool(before[winner] >= _CLEAR * before[1 - winner] and after[1 - winner] >= _CLEAR * after[winner])

    return agrees


def _sample(
    world: World,
    objects: Sequence[ObjectSpec],
    sizes: tuple[str, str],
    edit: Edit,
    clear: Clear,
    cue: Callable[[Layout], np.ndarray],
    rng: np.random.Generator,
    arrangement: str | None = None,
) -> Scenes | None:
    """A scene and what the edit makes of it, where the comparison is clear and the cue says the same of both."""

    def fits(first: Layout) -> bool:
        second = edit(first)
        if not clear(first, second):
            return False
        ratios = [float(cue(layout)[0] / cue(layout)[1]) for layout in (first, second)]
        return min(ratios) >= _CLEAR or max(ratios) <= 1 / _CLEAR

    room = [max(SIZES[name].scale for name in sizes) if i < 2 else 0.0 for i in range(len(objects))]
    first = sample_layout(world, objects, rng, arrangement=arrangement, clearance=room, accept=fits, tries=_TRIES)
    return None if first is None else (first, edit(first))


def _with_kinds(
    world: World, pairs: Sequence[tuple[str, str]], sizes: tuple[str, str], rng: np.random.Generator
) -> list[ObjectSpec] | None:
    """Objects of which the first two are a pair of these kinds, with these sizes; None if others took the kinds."""
    objects = sample_objects(world, rng, sample_number(world, rng))
    taken = {wish.shape for wish in objects[2:]}
    fitting = [pair for pair in pairs if not taken & {*pair}]
    if not fitting:
        return None
    kinds = fitting[int(rng.integers(len(fitting)))]
    objects[:2] = [replace(wish, shape=shape) for wish, shape in zip(objects, kinds, strict=False)]
    return _with_sizes(objects, sizes)


def _with_sizes(objects: Sequence[ObjectSpec], sizes: tuple[str, str]) -> list[ObjectSpec]:
    return [replace(wish, size=size) for wish, size in zip(objects, sizes, strict=False)] + [*objects[2:]]


@dataclass(frozen=True)
class _Measures:
    """What a kind measures at scale 1: its broader side, its height, and its bulk as comparisons take it."""

    wide: float
    high: float

    @property
    def bulk(self) -> float:
        return float(np.sqrt(self.wide * self.high))


def _measures(shape: str) -> _Measures:
    across, along, up = mesh(shape).extents
    return _Measures(float(max(across, along)), float(up))


def _pairs(shapes: Sequence[str], fits: Callable[[_Measures, _Measures], bool]) -> list[tuple[str, str]]:
    measured = {shape: _measures(shape) for shape in shapes}
    found = [(a, b) for a, b in permutations(shapes, 2) if fits(measured[a], measured[b])]
    return [pair for a, b in found for pair in ((a, b), (b, a))]
