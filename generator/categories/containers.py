"""Part of the relation category: what is in a container comes out, goes over to another, or makes way for a third."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.world import (
    Draft,
    World,
    choose,
    choose_two,
    describe,
    mention,
    other_value,
    sample_layout,
    sample_number,
    sample_object,
    sample_objects,
)
from fourfold.scenes.model.arrangements import CAVITIES
from fourfold.scenes.model.edits import move_object, move_onto
from fourfold.scenes.model.layout import Layout, footprint, in_frame, overlapping
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.model.vocabulary import SIZE_JITTER, SIZES
from fourfold.scenes.shapes import mesh
from fourfold.scenes.truth.claims import Claim, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import stands

MOVES = ("out", "over", "exchange")
_OBJECTS = 4  # a container takes much of the picture
_PEEKS_OUT = 1.1  # least height of a thing, of its container's depth: what is lower cannot be seen
_LARGER = 1.5  # least ratio of a container's size to that of what goes in
_BESIDE = 0.15  # space left when a thing is put beside its container
_TURNS = np.radians([0, 180, -30, 210, -60, 240])  # about the container, none of them behind it


def sample_inside(world: World, arrangement: str, rng: np.random.Generator) -> Draft | None:
    """A draft about what is in a container, or None if the objects found no places."""
    contents, containers = _kinds(world)
    n = min(sample_number(world, rng), _OBJECTS)
    moves = [move for move in MOVES if _can(move, n, contents, containers)]
    move = choose(rng, moves)
    objects = _objects(world, move, n, rng)
    edit = _EDITS[move]
    first = sample_layout(world, objects, rng, arrangement=arrangement, accept=lambda it: _is_clear(it, edit(it), move))
    if first is None:
        return None
    attributes = mention(world, rng, but=("size",))
    a, b, *more = (describe(thing, attributes) for thing in first.objects[:3])
    claims, positives = _claims(move, a, b, *more[:1])
    if move != "out" and rng.random() < 0.5:
        claims, positives = positives, claims
    # Edits are named by what differs between the captions: what is in the container, or what it is in, is another kind.
    edits = {"out": "replace-relation", "over": "replace-object", "exchange": "replace-object"}
    relation = "inside" if isinstance(claims[0], Related) and claims[0].relation == "inside" else "holding"
    return Draft((first, edit(first)), claims, positives, edits[move], relation)


def _claims(
    move: str, a: Description, b: Description, *third: Description
) -> tuple[tuple[Claim, Claim], tuple[Claim, Claim]]:
    """What is said of the two scenes, and the same said the other way round."""
    here = Related(a, "inside", b), Related(b, "holding", a)
    if move == "out":
        there = Related(a, "beside", b), Related(b, "beside", a)
    elif move == "over":
        there = Related(a, "inside", third[0]), Related(third[0], "holding", a)
    else:
        there = Related(third[0], "inside", b), Related(b, "holding", third[0])
    return (here[0], there[0]), (here[1], there[1])


def _is_clear(first: Layout, second: Layout, move: str) -> bool:
    """Nothing is cut off or in another's place after the edit either, and what came out is next to its container."""
    possible = bool(in_frame(second).all()) and not overlapping(second.objects).any()
    return possible and (move != "out" or stands("beside", second, 0, 1) is True)


def _out(layout: Layout) -> Layout:
    """The first object beside its container: the first free place around it, or the last that was tried."""
    thing, container = layout.objects[:2]
    away = footprint(thing) + footprint(container) + _BESIDE
    after = layout
    for turn in _TURNS + np.radians(layout.camera.azimuth):
        x, y = np.array(container.position[:2]) + away * np.array([np.cos(turn), np.sin(turn)])
        after = move_object(layout, 0, (float(np.round(x, 4)), float(np.round(y, 4)), 0.0))
        if bool(in_frame(after).all()) and not overlapping(after.objects).any():
            break
    return after


def _over(layout: Layout) -> Layout:
    """The first object in the third, another container."""
    return move_onto(layout, 0, 2)


def _exchange(layout: Layout) -> Layout:
    """The first object where the third is, and that in the container."""
    return move_onto(move_object(layout, 0, layout.objects[2].position), 2, 1)


_EDITS: dict[str, Callable[[Layout], Layout]] = {"out": _out, "over": _over, "exchange": _exchange}


def _kinds(world: World) -> tuple[list[str], list[str]]:
    """Kinds that go into every container of the vocabulary, and those containers."""
    shapes, sizes = world.vocabulary.shapes, _sizes(world)
    containers = [shape for shape in shapes if shape in CAVITIES]
    contents = [shape for shape in shapes if shape not in CAVITIES and all(_fits(shape, c, *sizes) for c in containers)]
    if not containers or not contents:
        raise InputError(
            f"arrangement 'inside': vocabulary.shapes must name one of {', '.join(CAVITIES)}, and a kind that goes in"
        )
    return contents, containers


def _sizes(world: World) -> tuple[str, str]:
    """The size of what goes in, and that of what it goes into."""
    small, *_, large = sorted(world.vocabulary.sizes, key=lambda name: SIZES[name].scale) * 2
    if SIZES[large].scale < _LARGER * SIZES[small].scale:
        raise InputError("arrangement 'inside': vocabulary.sizes must name 'small' and 'large'")
    return small, large


def _fits(shape: str, container: str, small: str, large: str) -> bool:
    """Whether the kind has room in the container whatever their jitter, and can be seen there."""
    cavity, ratio = CAVITIES[container], SIZES[small].scale / SIZES[large].scale
    loosest, tightest = (ratio * (1 + s * SIZE_JITTER) / (1 - s * SIZE_JITTER) for s in (-1, 1))
    built = mesh(shape)
    radius = float(np.hypot(*np.asarray(built.vertices)[:, :2].T).max())
    return radius * tightest <= cavity.radius and built.extents[2] * loosest >= _PEEKS_OUT * (cavity.rim - cavity.floor)


def _can(move: str, n: int, contents: Sequence[str], containers: Sequence[str]) -> bool:
    return move == "out" or (n > 2 and len(containers if move == "over" else contents) > 1)


def _objects(world: World, move: str, n: int, rng: np.random.Generator) -> list[ObjectSpec]:
    """The thing inside, its container, and where it goes or what takes its place; then others of other kinds."""
    contents, containers = _kinds(world)
    small, large = _sizes(world)
    objects = sample_objects(world, rng, n)
    things = [choose(rng, contents)] if move != "exchange" else [*choose_two(rng, contents)]
    open_ones = [choose(rng, containers)] if move != "over" else [*choose_two(rng, containers)]
    kinds = [things[0], *open_ones, *things[1:]]
    cast = [replace(objects[0], shape=kinds[0], size=small)]
    for shape in kinds[1:]:
        color = other_value(world, "color", cast[0].color, rng)  # in a container of its color it could not be seen
        size = large if shape in open_ones else small
        cast.append(sample_object(world, shape, rng, color=color, size=size))
    return cast + [wish for wish in objects[len(cast) :] if wish.shape not in kinds]
