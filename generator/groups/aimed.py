"""Groups at a wished level of one axis of difficulty: of many drafts the nearest is drawn, and measured as any other.

Drafts are what the recipe draws, so that a group at a level is like any group of the recipe that happens to be there:
nothing else is made harder or easier on purpose.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from fourfold.errors import InputError, unknown_name
from fourfold.generator.captions.wording import word
from fourfold.generator.categories.world import World, make_world
from fourfold.generator.dataset.difficulty_axes import AXES, NOT_APPLICABLE, AxisRange
from fourfold.generator.groups.difficulty import scene_difficulty
from fourfold.generator.groups.making import MadeGroup, Picture, Worded, draft_group, draw_group, make_rng, no_group
from fourfold.generator.recipe.recipe import Recipe, known_assets
from fourfold.scenes.render.renderers import AUTO, open_renderer
from fourfold.scenes.render.rendering import Renderer

DRAWN_AXES = ("occlusion", "visible_pixels", "changed_pixels")  # that are measured in pictures alone
DRAFTS = 40  # from which the nearest is taken
_PATIENCE = 10  # times as many tries: a category may name two objects, whose distance is asked for, only now and then
PICTURES = 6  # groups drawn, from which the nearest is taken, for an axis of DRAWN_AXES
PILOT_DRAFTS = 150  # by which the range of an axis is found
PILOT_PICTURES = 40
TAILS = (0.05, 0.95)  # of the pilot: the ends of the range, between which there are drafts enough
_FEWEST_VALUES = 10  # of a pilot, without which nothing is said of a range


@dataclass(frozen=True)
class Source:
    """What groups are drawn from: one split of a recipe, a seed, and what renders them."""

    world: World
    split: str
    seed: int
    renderer: Renderer


@contextmanager
def open_source(recipe: Recipe, split: str, seed: int, renderer: str = AUTO) -> Iterator[Source]:
    """What the groups of a split of a checked recipe are drawn from, until the block ends."""
    with known_assets(recipe), open_renderer(recipe.image_size, renderer) as opened:
        yield Source(make_world(recipe, recipe.splits[split]), split, seed, opened)


def find_range(source: Source, category: str, axis: str) -> AxisRange:
    """The range of an axis over groups that the source draws: all but the outermost of a pilot, `TAILS`.

    Raises InputError, naming the axes that vary, for one that does not, or that there is not.
    """
    values = [] if axis not in AXES else _pilot(source, category, axis in DRAWN_AXES).get(axis, [])
    low, high = _ends(values)
    if low < high:
        return AxisRange(axis, low, high)
    raise _no_axis(source, category, axis)


def aim_group(source: Source, category: str, index: int, wanted: float, within: AxisRange) -> MadeGroup:
    """Make the group with this index, its axis near a wished level: the nearest of `DRAFTS` that passes every check.

    The level is that of picture a, as results know it. Groups of `make_group` have other random numbers, so that none
    of a dataset is met again. Raises InputError, with the commonest obstacle, if no draft was accepted.
    """
    name = f"{source.split}-adaptive"
    rng = make_rng(source.seed, name, category, index)
    rejections: Counter[str] = Counter()
    drawn: list[tuple[Picture, ...]] = []
    drafts = _drafts(source, category, rng, DRAFTS, rejections, within.axis)
    for worded in _nearest_first(drafts, wanted, within):
        pictures = draw_group(source.world, name, category, index, worded, source.renderer)
        if isinstance(pictures, str):
            rejections[pictures] += 1
        elif pictures[0].row["difficulty"][within.axis] == NOT_APPLICABLE:
            rejections[_unmeasured(within.axis)] += 1
        else:
            drawn.append(pictures)
        if len(drawn) == (PICTURES if within.axis in DRAWN_AXES else 1):
            break
    if not drawn:
        raise no_group(f"{name}-{category}-{index}", rejections)
    distances = [abs(within.level(pictures[0].row["difficulty"][within.axis]) - wanted) for pictures in drawn]
    return MadeGroup(drawn[int(np.argmin(distances))], rejections)


def _drafts(
    source: Source, category: str, rng: np.random.Generator, n: int, rejections: Counter[str], axis: str = ""
) -> list[Worded]:
    """At most n drafts that need only pictures to be accepted; an axis that is named can be measured on them."""
    found: list[Worded] = []
    for _ in range(n * _PATIENCE):
        worded = draft_group(source.world, category, rng)
        if not isinstance(worded, Worded):
            rejections[worded] += 1
        elif axis and axis not in DRAWN_AXES and _measure(worded)[axis] == NOT_APPLICABLE:
            rejections[_unmeasured(axis)] += 1
        else:
            found.append(worded)
        if len(found) == n:
            break
    return found


def _unmeasured(axis: str) -> str:
    return f"{axis} cannot be measured"


def _nearest_first(drafts: Sequence[Worded], wanted: float, within: AxisRange) -> list[Worded]:
    """Drafts by their distance to the level; as they came, if the axis is one of pictures."""
    if within.axis in DRAWN_AXES:
        return list(drafts)
    return sorted(drafts, key=lambda worded: abs(within.level(_measure(worded)[within.axis]) - wanted))


def _measure(worded: Worded) -> dict[str, float]:
    draft = worded.draft
    return scene_difficulty(draft.layouts, 0, draft.claims, word(draft.claims[0], worded.wordings[0]))


def _pilot(source: Source, category: str, drawn: bool) -> dict[str, list[float]]:
    """The values of each axis that drafts show, or of `DRAWN_AXES` that pictures show, where they can be measured."""
    name = f"{source.split}-pilot"
    rng = make_rng(source.seed, name, category, 0)
    drafts = _drafts(source, category, rng, PILOT_PICTURES if drawn else PILOT_DRAFTS, Counter())
    if drawn:
        made = [draw_group(source.world, name, category, i, each, source.renderer) for i, each in enumerate(drafts)]
        rows = [pictures[0].row["difficulty"] for pictures in made if not isinstance(pictures, str)]
        rows = [{axis: row[axis] for axis in DRAWN_AXES} for row in rows]
    else:
        rows = [_measure(each) for each in drafts]
    return {axis: [row[axis] for row in rows if row[axis] != NOT_APPLICABLE] for axis in (rows[0] if rows else ())}


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Two of the values, between which all but the outermost lie: of counts no fraction. Twice 0 of too few values."""
    if len(values) < _FEWEST_VALUES:
        return 0.0, 0.0
    low, high = np.quantile(values, TAILS, method="nearest").tolist()
    return float(low), float(high)


def _no_axis(source: Source, category: str, axis: str) -> InputError:
    found = _pilot(source, category, drawn=False) | _pilot(source, category, drawn=True)
    ends = {name: _ends(values) for name, values in found.items()}
    varying = [name for name in AXES if name in ends and ends[name][0] < ends[name][1]]
    if axis not in AXES:
        return unknown_name("axis of difficulty", axis, varying, f"category {category!r}")
    return InputError(
        f"category {category!r}: {axis} hardly varies, or cannot be measured; axes that vary: {', '.join(varying)}"
    )
