"""Contact of meshes: what rests, what hangs over or beside, and that every stack that is made rests."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.scenes.model.arrangements import BASES
from fourfold.scenes.model.bodies import Body
from fourfold.scenes.model.contact import Contact, can_carry, contact
from fourfold.scenes.model.edits import move_onto, swap_places
from fourfold.scenes.model.layout import Layout, PlacedObject, body, height, place, rests_on
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import SIZES
from fourfold.scenes.shapes import KINDS, mesh
from fourfold.scenes.truth.relations import stands

SEEDS = st.integers(0, 2**32 - 1)
PAIRS = [(a, b) for a in BASES for b in BASES]


def over(
    upper: str, lower: str, scales: tuple[float, float] = (1.0, 1.0), turn: float = 0.0, aside: tuple = (0, 0), gap=0.0
) -> Contact:
    """The contact where the lowest point of the one is at the height of the highest of the other, or a gap above."""
    base = Body(lower, scales[1], 0.0, (0.0, 0.0, 0.0))
    top = Body(upper, scales[0], turn, (*aside, 0.0))
    return contact(replace(top, position=(*aside, (top.height + base.height) / 2 + gap)), base)


def stacked(upper: str, lower: str, seed: int, sizes: tuple[str, str] = ("medium", "medium")) -> Layout | None:
    wishes = ObjectSpec(upper, "red", sizes[0]), ObjectSpec(lower, "blue", sizes[1])
    return place(SceneSpec(wishes, "stacked"), np.random.default_rng(seed))


def vertices(thing: PlacedObject) -> np.ndarray:
    c, s = np.cos(np.radians(thing.yaw)), np.sin(np.radians(thing.yaw))
    turned = np.asarray(mesh(thing.shape).vertices) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T
    return turned * thing.scale + thing.position


@pytest.mark.parametrize(("upper", "lower"), PAIRS)
@settings(max_examples=6)
@given(seed=SEEDS, sizes=st.tuples(st.sampled_from(list(SIZES)), st.sampled_from(list(SIZES))))
def test_every_stack_rests(upper: str, lower: str, seed: int, sizes: tuple[str, str]) -> None:
    layout = stacked(upper, lower, seed, sizes)
    if layout is None:
        return
    top, base = layout.objects
    assert stands("on", layout, 0, 1) is stands("under", layout, 1, 0) is True
    assert rests_on(top, base)
    # Checked on the vertices alone: none of those near the top's middle is deep in the base, and some point is near it.
    assert vertices(top)[:, 2].min() >= height(base) - 0.05
    assert abs(contact(body(top), body(base)).gap) <= 2e-3


@pytest.mark.parametrize(("upper", "lower"), [pair for pair in PAIRS if can_carry(pair[1], pair[0])])
def test_what_can_be_carried_finds_places(upper: str, lower: str) -> None:
    assert sum(stacked(upper, lower, seed) is None for seed in range(12)) <= 3


@pytest.mark.parametrize(
    ("upper", "lower"),
    [("arch", "hourglass"), ("table", "hourglass"), ("table", "hat"), ("table", "arch"), ("crown", "hourglass")],
)
def test_what_hangs_beside_a_top_is_not_on_it(upper: str, lower: str) -> None:
    """Legs beside a plate, or two legs of four over it."""
    assert not can_carry(lower, upper)
    assert stacked(upper, lower, 0) is None
    found = stacked("cube", lower, 0)
    assert found is not None
    for yaw in (0.0, 30.0, 60.0, 90.0, 120.0):
        thing = replace(found.objects[0], shape=upper, yaw=yaw, scale=found.objects[1].scale)
        x, y, _ = thing.position
        thing = replace(thing, position=(x, y, height(found.objects[1]) + height(thing) / 2))
        layout = replace(found, objects=(thing, found.objects[1]))
        assert stands("on", layout, 0, 1) is not True
        assert stands("under", layout, 1, 0) is not True


@pytest.mark.parametrize("shape", KINDS)
def test_every_kind_rests_on_a_wide_flat_top(shape: str) -> None:
    found = over(shape, "cube", (1.0, 3.0))
    assert found.gap == pytest.approx(0, abs=1e-6)
    assert found.reach == found.feet == 1
    assert found.holds


@pytest.mark.parametrize(
    ("scale", "aside", "reach"),
    [
        (1.0, 0.0, 1.0),
        (1.0, 0.25, 0.5),  # half of a cube hangs over on one side, from the middle on
        (1.0, 0.37, 0.26),
        (1.0, 0.6, 0.0),
        (0.5, 0.0, 0.5),  # the reach of a bottom twice as wide as the top
        (3.0, 0.9, 1.0),
    ],
)
def test_reach_is_measured_from_the_middle_of_the_bottom(scale: float, aside: float, reach: float) -> None:
    found = over("cube", "cube", (1.0, scale), aside=(aside, 0.0))
    assert found.reach == pytest.approx(reach, abs=0.07)  # points of a bottom are 0.0625 apart
    assert found.holds == (reach > 0.2)


@pytest.mark.parametrize(("aside", "feet"), [(0.0, 1.0), (0.2, 0.5), (1.1, 0.0)])
def test_feet_are_counted(aside: float, feet: float) -> None:
    """A table of which the two legs on one side are beside the top does not stand, whatever its reach."""
    found = over("table", "cube", (1.0, 1.0), aside=(aside, 0.0))
    assert found.feet == feet
    assert found.holds == (feet == 1)


def test_most_feet_and_all_sides_are_wanted() -> None:
    assert Contact(0.0, 0.2, 0.6).holds
    assert not Contact(0.0, 0.19, 1.0).holds
    assert not Contact(0.0, 1.0, 0.59).holds


@settings(max_examples=30)
@given(turn=st.floats(0, 360), more=st.floats(0, 360), shape=st.sampled_from(["cube", "table", "arch", "hat"]))
def test_turning_both_changes_nothing(turn: float, more: float, shape: str) -> None:
    aside = np.array([0.1, 0.05])
    c, s = np.cos(np.radians(more)), np.sin(np.radians(more))
    up = float(mesh(shape).extents[2] + 1) / 2
    one = contact(Body(shape, 1.0, turn, (*aside, up)), Body("cube", 1.0, 0.0, (0.0, 0.0, 0.0)))
    turned = Body(shape, 1.0, turn + more, (*(np.array([[c, -s], [s, c]]) @ aside), up))
    other = contact(turned, Body("cube", 1.0, more, (0.0, 0.0, 0.0)))
    assert one.gap == pytest.approx(other.gap, abs=1e-9)
    assert one.feet == other.feet


@pytest.mark.parametrize("gap", [-0.01, 0.0, 0.013, 0.3])
@pytest.mark.parametrize("upper", ["sphere", "cube", "table", "cone"])
def test_a_gap_is_a_height(upper: str, gap: float) -> None:
    assert over(upper, "cylinder" if upper != "table" else "cube", gap=gap).gap == pytest.approx(gap, abs=1e-6)


def test_a_brim_that_hangs_over_lets_a_hat_sink() -> None:
    layout = stacked("hat", "hourglass", 0)
    assert layout is not None
    hat, glass = layout.objects
    assert 0.02 < height(glass) - (hat.position[2] - height(hat) / 2) < 0.04
    assert stands("on", layout, 0, 1) is True


def test_a_stack_that_is_turned_over_or_moved_rests_too() -> None:
    wishes = ObjectSpec("hat", "red", "small"), ObjectSpec("cylinder", "blue", "small"), ObjectSpec("cube", "green")
    layout = place(SceneSpec(wishes, "stacked"), np.random.default_rng(1))
    assert layout is not None
    assert stands("on", swap_places(layout, 0, 1), 1, 0) is True
    assert stands("on", move_onto(layout, 0, 2), 0, 2) is True
    assert swap_places(swap_places(layout, 0, 1), 0, 1) == layout
