"""C3, facing: an object with a front turns half round, and faces the camera, a side or another object no longer."""

from dataclasses import replace

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.categories.world import (
    MANY_TRIES,
    Draft,
    World,
    choose,
    describe,
    free_arrangements,
    mention,
    sample_layout,
    sample_number,
    sample_objects,
)
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.camera import axes, pose
from fourfold.scenes.model.edits import turn_around
from fourfold.scenes.model.layout import Layout, covered, overlapping
from fourfold.scenes.model.spec import ObjectSpec
from fourfold.scenes.shapes import KINDS, WITH_FRONT
from fourfold.scenes.truth.claims import (
    Claim,
)
from fourfold.scenes.truth.facing_claims import (
    OPPOSITE_SIDES,
    OPPOSITE_WAYS,
    Facing,
    FacingObject,
)

WAYS = {"camera": ("camera", "away"), "side": ("left", "right"), "object": tuple(OPPOSITE_SIDES)}
AHEAD = ("camera", "right", "towards")
_JITTER = 20.0  # degrees by which a thing may look past what it faces
_COVERED = 0.15  # share of its box that others may cover


def sample(world: World, rng: np.random.Generator) -> Draft | None:
    """A draft of a facing group, or None if the objects found no places.

    Raises InputError for a vocabulary without a kind that has a front.
    """
    arrangement = choose(rng, free_arrangements(world))
    # Before a camera that looks straight ahead, a chair's back looks like its front.
    form = choose(rng, [name for name in WAYS if ARRANGEMENTS[arrangement].standing or name != "camera"])
    direction = choose(rng, WAYS[form])
    objects, i = _with_front(world, sample_objects(world, rng, sample_number(world, rng)), rng)
    j = 0 if i else 1
    attributes, past = mention(world, rng, but=("size",)), float(rng.uniform(-_JITTER, _JITTER))
    a, b = (describe(objects[k], attributes) for k in (i, j))
    claims: tuple[Claim, Claim]
    if form == "object":
        claims = FacingObject(a, direction, b), FacingObject(a, OPPOSITE_SIDES[direction], b)
    else:
        claims = Facing(a, direction), Facing(a, OPPOSITE_WAYS[direction])

    def scenes(layout: Layout) -> tuple[Layout, Layout]:
        things = list(layout.objects)
        things[i] = replace(things[i], yaw=_yaw_towards(things[i].shape, _target(layout, i, j, form), past))
        ahead = replace(layout, objects=tuple(things))
        back = turn_around(ahead, i)
        return (ahead, back) if direction in AHEAD else (back, ahead)

    def clear(layout: Layout) -> bool:
        pair = scenes(layout)
        apart = not any(overlapping(scene.objects).any() for scene in pair)
        open_to_view = max(covered(scene)[i] for scene in pair) <= _COVERED
        return apart and open_to_view and claims[0].holds(pair[0]) is True and claims[1].holds(pair[1]) is True

    layout = sample_layout(world, objects, rng, arrangement=arrangement, accept=clear, tries=MANY_TRIES)
    return None if layout is None else Draft(scenes(layout), claims, claims, "turn-object", f"facing-{form}")


def _with_front(world: World, objects: list[ObjectSpec], rng: np.random.Generator) -> tuple[list[ObjectSpec], int]:
    """The objects, and the number of the first that has a front; if none has, the second becomes of a kind that has."""
    with_front = [shape for shape in world.vocabulary.shapes if shape in WITH_FRONT]
    if not with_front:
        raise InputError(f"category 'facing': vocabulary.shapes must name one of {', '.join(WITH_FRONT)}")
    i = next((k for k, wish in enumerate(objects) if wish.shape in with_front), 1)
    wish = objects[i] if objects[i].shape in with_front else replace(objects[i], shape=choose(rng, with_front))
    return [*objects[:i], wish, *objects[i + 1 :]], i


def _target(layout: Layout, i: int, j: int, form: str) -> np.ndarray:
    """Vector [3] in the world from object i to the camera, to the right of the picture, or to object j."""
    here = np.array(layout.objects[i].position)
    if form == "side":
        return axes(layout.camera)[0]
    return (pose(layout.camera)[:3, 3] if form == "camera" else np.array(layout.objects[j].position)) - here


def _yaw_towards(shape: str, target: np.ndarray, past: float) -> float:
    """The turn, 0..360 degrees, in which a kind with a front has it to the target [3], but for some degrees past it."""
    ahead = float(np.degrees(np.arctan2(target[0], -target[1])))
    return float(np.round(((KINDS[shape].front or 0.0) + ahead + past) % 360, 2))
