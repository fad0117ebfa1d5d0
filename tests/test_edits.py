"""Edits: each changes what it names, leaves everything else as it was, and keeps things standing."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.scenes.model.arrangements import ARRANGEMENTS, CAVITIES
from fourfold.scenes.model.edits import (
    move_object,
    move_onto,
    replace_attribute,
    replace_shape,
    swap_attribute,
    swap_places,
)
from fourfold.scenes.model.layout import Layout, PlacedObject, height, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import SIZES, TABLES
from fourfold.scenes.shapes import KINDS

SPEC = (
    ObjectSpec("sphere", "blue", "small", "metal", "plain"),
    ObjectSpec("cube", "red", "large", "matte", "striped"),
    ObjectSpec("mug", "green", "medium", "glossy", "dotted"),
)
Edit = Callable[[Layout], Layout]
# Every edit on objects 0 and 1, and which fields of which objects it may change. On the ground a new size or shape
# brings a new height with it; in a stack, everything above moves.
CHANGES: dict[str, tuple[Edit, dict[int, set[str]]]] = {
    "swap color": (lambda it: swap_attribute(it, 0, 1, "color"), {0: {"color", "rgb"}, 1: {"color", "rgb"}}),
    "swap size": (
        lambda it: swap_attribute(it, 0, 1, "size"),
        {0: {"size", "scale", "position"}, 1: {"size", "scale", "position"}},
    ),
    "swap material": (lambda it: swap_attribute(it, 0, 1, "material"), {0: {"material"}, 1: {"material"}}),
    "swap pattern": (lambda it: swap_attribute(it, 0, 1, "pattern"), {0: {"pattern"}, 1: {"pattern"}}),
    "swap places": (lambda it: swap_places(it, 0, 1), {0: {"position"}, 1: {"position"}}),
    "move": (lambda it: move_object(it, 2, (0.3, -0.2, 0.5)), {2: {"position"}}),
    "replace color": (lambda it: replace_attribute(it, 0, "color", "pink", rng()), {0: {"color", "rgb"}}),
    "replace size": (
        lambda it: replace_attribute(it, 0, "size", "large", rng()),
        {0: {"size", "scale", "position"}},
    ),
    "replace material": (lambda it: replace_attribute(it, 0, "material", "matte", rng()), {0: {"material"}}),
    "replace pattern": (lambda it: replace_attribute(it, 0, "pattern", "checkered", rng()), {0: {"pattern"}}),
    "replace shape": (lambda it: replace_shape(it, 0, "torus", rng()), {0: {"shape", "yaw", "position"}}),
}
EACH_ARRANGEMENT = pytest.mark.parametrize("name", ARRANGEMENTS)
SEEDS = st.integers(0, 2**32 - 1)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def layout_of(name: str, seed: int = 0) -> Layout:
    large = SIZES["large"].scale
    bases = ARRANGEMENTS[name].bases
    base = SPEC[1] if not bases or SPEC[1].shape in bases else replace(SPEC[1], shape=bases[0])
    spec = SceneSpec((SPEC[0], base, SPEC[2]), name)
    layout = place(spec, np.random.default_rng(seed), clearance=(large, large, 0.0), tries=5000)
    assert layout is not None
    return layout


def changed_fields(before: PlacedObject, after: PlacedObject) -> set[str]:
    return {field.name for field in fields(before) if getattr(before, field.name) != getattr(after, field.name)}


def bottoms(layout: Layout) -> list[float]:
    return [thing.position[2] - height(thing) / 2 for thing in layout.objects]


def assert_stands(layout: Layout) -> None:
    """On the ground everything rests on it, in a stack the upper of the first two on the lower; nothing in the air."""
    row = ARRANGEMENTS[layout.arrangement]
    if not row.standing:
        return
    found = bottoms(layout)
    if row.stacked:
        lower, upper = sorted((0, 1), key=lambda i: layout.objects[i].position[2])
        assert layout.objects[lower].position[:2] == layout.objects[upper].position[:2]
        base = layout.objects[lower]
        top = CAVITIES[base.shape].floor * base.scale if base.shape in CAVITIES else height(base)
        assert found[upper] == pytest.approx(top, abs=2e-4)
        found.pop(upper)
    assert found == pytest.approx([0.0] * len(found), abs=2e-4)


@EACH_ARRANGEMENT
@pytest.mark.parametrize("edit", CHANGES)
def test_an_edit_changes_what_it_names_and_nothing_else(edit: str, name: str) -> None:
    layout = layout_of(name)
    make, allowed = CHANGES[edit]
    after = make(layout)
    assert replace(after, objects=layout.objects) == layout, "camera, lights and background stay"
    assert after != layout
    stack = {0, 1} if ARRANGEMENTS[name].stacked else set()
    for i, (old, new) in enumerate(zip(layout.objects, after.objects, strict=True)):
        may = allowed.get(i, set()) | ({"position"} if i in stack and stack & set(allowed) else set())
        assert changed_fields(old, new) <= may
        named = allowed.get(i, set())
        assert changed_fields(old, new) >= (named - {"position", "yaw"} or named), "these change only if they must"
    if edit != "move":
        assert_stands(after)


@EACH_ARRANGEMENT
@pytest.mark.parametrize("attribute", TABLES)
@settings(max_examples=8)
@given(seed=SEEDS)
def test_exchanging_an_attribute_twice_changes_nothing(name: str, attribute: str, seed: int) -> None:
    layout = layout_of(name, seed)
    after = swap_attribute(layout, 0, 1, attribute)
    assert getattr(after.objects[0], attribute) == getattr(SPEC[1], attribute)
    assert getattr(after.objects[1], attribute) == getattr(SPEC[0], attribute)
    for carried in {"color": ["rgb"], "size": ["scale"]}.get(attribute, []):
        assert getattr(after.objects[0], carried) == getattr(layout.objects[1], carried)
        assert getattr(after.objects[1], carried) == getattr(layout.objects[0], carried)
    assert swap_attribute(layout, 1, 0, attribute) == after
    assert_same(swap_attribute(after, 0, 1, attribute), layout)
    assert_stands(after)


@EACH_ARRANGEMENT
@settings(max_examples=8)
@given(seed=SEEDS)
def test_exchanging_places_twice_changes_nothing(name: str, seed: int) -> None:
    layout = layout_of(name, seed)
    after = swap_places(layout, 0, 1)
    for i in (0, 1):
        assert after.objects[i].position[:2] == layout.objects[1 - i].position[:2]
        if not ARRANGEMENTS[name].standing:
            assert after.objects[i].position == layout.objects[1 - i].position
    assert_same(swap_places(after, 0, 1), layout)
    assert_stands(after)


def assert_same(one: Layout, other: Layout) -> None:
    """Equal, heights to within the rounding of a stack's sum."""
    for a, b in zip(one.objects, other.objects, strict=True):
        np.testing.assert_allclose(a.position, b.position, atol=2e-4)
        assert changed_fields(a, b) <= {"position"}
    assert replace(one, objects=()) == replace(other, objects=())


def test_a_stack_can_be_turned_over() -> None:
    layout = layout_of("stacked")
    after = swap_places(layout, 0, 1)
    assert layout.objects[0].position[2] > layout.objects[1].position[2]
    assert after.objects[0].position[2] < after.objects[1].position[2]


def test_a_thing_goes_onto_another() -> None:
    layout = layout_of("stacked")
    after = move_onto(layout, 2, 1)
    assert after.objects[1] == layout.objects[1]
    aside, base = after.objects[2], after.objects[1]
    assert aside.position[:2] == base.position[:2]
    assert bottoms(after)[2] >= height(base) - 2e-4


@given(seed=SEEDS)
@settings(max_examples=20)
def test_a_new_size_keeps_the_jitter_within_its_class(seed: int) -> None:
    layout = layout_of("table", seed)
    old = layout.objects[0]
    new = replace_attribute(layout, 0, "size", "large", rng()).objects[0]
    assert new.scale / SIZES["large"].scale == pytest.approx(old.scale / SIZES["small"].scale, abs=1e-4)


def test_a_new_color_is_drawn_from_its_region() -> None:
    layout = layout_of("table")
    drawn = {replace_attribute(layout, 0, "color", "pink", np.random.default_rng(s)).objects[0].rgb for s in range(9)}
    assert len(drawn) > 5


@settings(max_examples=40)
@given(seed=SEEDS, shape=st.sampled_from(["cube", "cone", "torus", "mug", "car"]))
def test_a_new_shape_keeps_its_turn_where_the_kind_allows_it(seed: int, shape: str) -> None:
    layout = layout_of("floating", seed)
    old, new = layout.objects[0], replace_shape(layout, 0, shape, rng()).objects[0]
    low, high = KINDS[shape].yaw
    inside = 0.01 < (old.yaw - layout.camera.azimuth - low) % 360 < high - low - 0.01
    assert (new.yaw - layout.camera.azimuth - low) % 360 <= high - low + 0.02
    if inside:
        assert new.yaw == old.yaw


def test_an_edit_does_not_touch_the_layout_it_is_given() -> None:
    layout = layout_of("table")
    before = repr(layout)
    for make, _ in CHANGES.values():
        make(layout)
    assert repr(layout) == before
