"""Edits that make image B from image A: each changes one thing and leaves every other object as it was."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.layout import Layout, PlacedObject, body, put_on, resting_height, sample_yaw, settled
from fourfold.scenes.model.separation import distance_to_stand
from fourfold.scenes.model.vocabulary import SIZES, sample_rgb
from fourfold.scenes.shapes import KINDS

# What else belongs to an attribute: a color is carried by its surface color, a size by its scale.
_CARRIED = {"color": ("color", "rgb"), "size": ("size", "scale"), "material": ("material",), "pattern": ("pattern",)}


def swap_attribute(layout: Layout, i: int, j: int, attribute: str) -> Layout:
    """Objects i and j exchange an attribute: color, size, material or pattern (KeyError for another)."""
    return cycle_attribute(layout, (i, j), attribute)


def cycle_attribute(layout: Layout, which: Sequence[int], attribute: str) -> Layout:
    """An attribute goes round the objects with these numbers: each gets that of the next, the last that of the first.

    Raises KeyError for another attribute than color, size, material and pattern.
    """
    given = [layout.objects[i] for i in (*which[1:], *which[:1])]
    return change(
        layout,
        {
            i: replace(layout.objects[i], **{name: getattr(giver, name) for name in _CARRIED[attribute]})
            for i, giver in zip(which, given, strict=True)
        },
    )


def swap_places(layout: Layout, i: int, j: int) -> Layout:
    """Objects i and j exchange places; where objects stand, each stands on its new place."""
    a, b = layout.objects[i], layout.objects[j]
    return change(layout, {i: replace(a, position=b.position), j: replace(b, position=a.position)})


def move_object(layout: Layout, i: int, position: tuple[float, float, float]) -> Layout:
    """Object i goes to another place (world coordinates); where objects stand, its height is set so that it stands."""
    return change(layout, {i: replace(layout.objects[i], position=position)})


def move_onto(layout: Layout, i: int, j: int) -> Layout:
    """Object i of a stack goes on top of object j."""
    return change(layout, {i: put_on(layout.objects[i], layout.objects[j])})


def turn_around(layout: Layout, i: int) -> Layout:
    """Object i turns half round about the vertical, whatever turns its kind is otherwise seen from."""
    thing = layout.objects[i]
    return change(layout, {i: replace(thing, yaw=float(np.round((thing.yaw + 180) % 360, 2)))})


def move_beside(layout: Layout, i: int, j: int, turn: float, gap: float) -> Layout:
    """Object i goes to stand beside object j, with that much between their surfaces: 0 makes them touch.

    The turn is the direction in which it stands from j: 0 to the right as the camera sees the ground, 90 away from it.
    """
    angle = np.radians(turn + layout.camera.azimuth)
    towards = np.array([np.cos(angle), np.sin(angle)])
    thing, other = layout.objects[i], layout.objects[j]
    lifted = other.position[2] - resting_height(other)  # 0 for what stands on the ground
    stood = replace(thing, position=(*other.position[:2], lifted + resting_height(thing)))
    away = distance_to_stand(body(other), body(stood), towards, gap)
    x, y = np.round(np.array(other.position[:2]) + away * towards, 4)
    return change(layout, {i: replace(stood, position=(float(x), float(y), stood.position[2]))})


def replace_attribute(layout: Layout, i: int, attribute: str, value: str, rng: np.random.Generator) -> Layout:
    """Object i gets another color, size, material or pattern (KeyError for an unknown color or size)."""
    new: dict[str, Any] = {attribute: value}
    if attribute == "color":
        new["rgb"] = sample_rgb(value, rng)
    if attribute == "size":  # the same jitter within its class as before
        old = layout.objects[i]
        new["scale"] = float(np.round(old.scale / SIZES[old.size].scale * SIZES[value].scale, 4))
    return change(layout, {i: replace(layout.objects[i], **new)})


def replace_shape(layout: Layout, i: int, shape: str, rng: np.random.Generator) -> Layout:
    """Object i becomes another kind of thing; it keeps its turn if the new kind allows it, else gets one by chance."""
    thing = replace(layout.objects[i], shape=shape)
    low, high = KINDS[shape].yaw
    turn = (thing.yaw - layout.camera.azimuth + 180) % 360 - 180
    if not (low <= turn <= high or low <= turn + 360 <= high):
        thing = replace(thing, yaw=sample_yaw(shape, layout.camera, rng))
    return change(layout, {i: thing})


def change(layout: Layout, things: dict[int, PlacedObject]) -> Layout:
    """Put changed objects in the place of those with these numbers, each standing on the ground or its stack again."""
    row = ARRANGEMENTS[layout.arrangement]
    objects = list(layout.objects)
    for i, thing in things.items():
        if row.standing and not row.stacked:
            x, y, _ = thing.position
            thing = replace(thing, position=(x, y, float(np.round(resting_height(thing), 4))))
        objects[i] = thing
    return replace(layout, objects=settled(objects) if row.stacked else tuple(objects))
