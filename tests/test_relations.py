"""Relations, by the table: converses, margins, and what mirroring and exchanging do to them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera, axes, project
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.truth.relations import CLAIMABLE, COMPARISONS, RELATIONS, compares, stands

ACROSS, UPWARDS, DEPTH = ("left", "right"), ("above", "below"), ("front", "behind")
COORDINATE = st.floats(-1.4, 1.4)
POINTS = st.tuples(COORDINATE, COORDINATE, COORDINATE)
# What a step of 1 does to an object: (to the right, away, up) as the camera sees it.
STEPS = {
    "right": (1, 0, 0),
    "left": (-1, 0, 0),
    "above": (0, 0, 1),
    "below": (0, 0, -1),
    "front": (0, -1, 0),
    "behind": (0, 1, 0),
}
EACH = pytest.mark.parametrize("name", RELATIONS)
SYMMETRIC = ("beside", "near", "touching")
EACH_DIRECTION = pytest.mark.parametrize("name", STEPS)
BALL = 0.6  # diameter
WIDTH = 3.8990  # scene units across the picture of `scene`, at the distance of the camera's target


def scene(*points: tuple[float, float, float], arrangement: str = "floating", azimuth: float = 0.0) -> Layout:
    """Balls at points given as (to the right, away, up) as the camera sees the ground, seen from its height."""
    camera = Camera(azimuth, 33.0 if ARRANGEMENTS[arrangement].standing else 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
    a = np.radians(azimuth)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    balls = tuple(
        PlacedObject("sphere", "red", "small", "matte", "plain", (204, 24, 30), tuple(turn @ point), 0.0, BALL)
        for point in points
    )
    lights = Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(balls, arrangement, camera, lights, Background("wall", (200, 200, 200), (210, 210, 210)))


def mirrored(layout: Layout) -> Layout:
    """The scene as a mirror held across the picture shows it: left and right exchanged, all else kept."""
    right, _, _ = axes(layout.camera)
    things = []
    for thing in layout.objects:
        point = np.array(thing.position)
        things.append(replace(thing, position=tuple(point - 2 * (point @ right) * right)))
    return replace(layout, objects=tuple(things))


def exchanged(layout: Layout) -> Layout:
    first, second = layout.objects
    places = (replace(first, position=second.position), replace(second, position=first.position))
    return replace(layout, objects=places)


@EACH
def test_the_table_is_closed_under_converses(name: str) -> None:
    row = RELATIONS[name]
    assert row.name == name
    assert (row.converse == name) == (name in SYMMETRIC)
    assert RELATIONS[row.converse].converse == name


def test_the_six_relations_are_there_and_each_arrangement_claims_some() -> None:
    assert set(RELATIONS) >= set(STEPS)
    assert set(CLAIMABLE) == set(ARRANGEMENTS)
    for names in CLAIMABLE.values():
        assert {RELATIONS[name].converse for name in names} == set(names)


@EACH
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, azimuth=st.floats(-25, 25), arrangement=st.sampled_from(list(ARRANGEMENTS)))
def test_the_converse_holds_the_other_way_round(
    name: str, one: tuple, other: tuple, azimuth: float, arrangement: str
) -> None:
    layout = scene(one, other, arrangement=arrangement, azimuth=azimuth)
    verdict = stands(name, layout, 0, 1)
    assert stands(RELATIONS[name].converse, layout, 1, 0) is verdict
    if name in STEPS:  # of a direction, one side or the other; things may also not touch at all
        assert stands(name, layout, 1, 0) is (None if verdict is None else not verdict)
        assert stands(RELATIONS[name].converse, layout, 0, 1) is (None if verdict is None else not verdict)


@EACH_DIRECTION
def test_nothing_stands_in_a_relation_to_its_own_place(name: str) -> None:
    assert stands(name, scene((0.3, 0.2, 0.1), (0.3, 0.2, 0.1)), 0, 1) is None


@EACH_DIRECTION
@pytest.mark.parametrize("azimuth", [-20.0, 0.0, 90.0])
def test_a_clear_step_decides_and_a_small_one_leaves_it_open(name: str, azimuth: float) -> None:
    start, step = np.zeros(3), np.array(STEPS[name])
    verdicts = {
        length: stands(name, scene(tuple(start + length * step), tuple(start), azimuth=azimuth), 0, 1)
        for length in (-1.2, -0.3, 0.0, 0.3, 1.2)
    }
    assert verdicts == {-1.2: False, -0.3: None, 0.0: None, 0.3: None, 1.2: True}


@EACH_DIRECTION
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, azimuth=st.floats(-25, 25))
def test_a_mirror_exchanges_left_and_right_alone(name: str, one: tuple, other: tuple, azimuth: float) -> None:
    layout = scene(one, other, azimuth=azimuth)
    assume(abs(abs(RELATIONS[name].offset(layout, 0, 1)) - 1) > 1e-6)  # rounding may cross the margin itself
    reflected = stands(RELATIONS[name].converse if name in ACROSS else name, mirrored(layout), 0, 1)
    assume(not _dominance_is_close(layout))
    assert reflected is stands(name, layout, 0, 1)


def _dominance_is_close(layout: Layout) -> bool:
    """Whether rounding decides if one difference is half of another: on the ground or in the picture."""
    one, other = np.array([thing.position for thing in layout.objects]) @ axes(layout.camera).T
    across, up, deep = np.abs(one - other)
    x, y = np.abs(np.diff(project(layout.camera, np.array([t.position for t in layout.objects])), axis=0)[0])
    return any(abs(a - b / 2) < 1e-6 for a, b in ((x, y), (y, x), (deep, across), (up, across)))


@EACH
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, arrangement=st.sampled_from(list(ARRANGEMENTS)))
def test_exchanging_places_makes_the_converse(name: str, one: tuple, other: tuple, arrangement: str) -> None:
    layout = scene(one, other, arrangement=arrangement)
    assert stands(name, exchanged(layout), 0, 1) is stands(RELATIONS[name].converse, layout, 0, 1)


@EACH
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, third=POINTS)
def test_others_do_not_matter(name: str, one: tuple, other: tuple, third: tuple) -> None:
    assert stands(name, scene(one, other, third), 0, 1) is stands(name, scene(one, other), 0, 1)


@pytest.mark.parametrize("name", [name for name in RELATIONS if name not in SYMMETRIC])
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, arrangement=st.sampled_from(list(ARRANGEMENTS)))
def test_a_relation_and_its_converse_never_both_hold(name: str, one: tuple, other: tuple, arrangement: str) -> None:
    layout = scene(one, other, arrangement=arrangement)
    assert [stands(each, layout, 0, 1) for each in (name, RELATIONS[name].converse)] != [True, True]


@given(one=POINTS, other=POINTS)
def test_on_a_table_nothing_is_above_anything(one: tuple, other: tuple) -> None:
    """There, higher in the picture means farther away; only what stands on another thing is above it."""
    layout = scene(one, other, arrangement="table")
    assume(not any(stands(name, layout, 0, 1) for name in ("on", "under")))
    assert [stands(name, layout, 0, 1) for name in UPWARDS] == [None, None]


@given(one=st.tuples(COORDINATE, COORDINATE), other=st.tuples(COORDINATE, COORDINATE))
def test_floating_objects_are_not_in_front_of_each_other(one: tuple, other: tuple) -> None:
    layout = scene((one[0], 0.0, one[1]), (other[0], 0.0, other[1]))
    assert [stands(name, layout, 0, 1) for name in DEPTH] == [None, None]


@pytest.mark.parametrize(
    ("name", "slant"),
    [("right", (0.5, 0.0, 1.2)), ("above", (1.2, 0.0, 0.55)), ("front", (2.0, -0.9, 0.0))],
)
def test_a_slant_mostly_another_way_leaves_it_open(name: str, slant: tuple[float, float, float]) -> None:
    """Past the margin, but the difference across is more than twice as large: people would call it by that."""
    straight = tuple(np.array(slant) * np.abs(STEPS[name]))
    assert stands(name, scene(straight, (0, 0, 0)), 0, 1) is True
    assert stands(name, scene(slant, (0, 0, 0)), 0, 1) is None


def on_block(offset: tuple[float, float, float]) -> Layout:
    """A ball of 0.6 over the middle of a cube of 0.6, moved by an offset."""
    ball, block = scene(tuple(np.array((0.2, 0.1, BALL)) + offset), (0.2, 0.1, 0.0), arrangement="table").objects
    return replace(scene(arrangement="table"), objects=(ball, replace(block, shape="cube")))


@pytest.mark.parametrize(
    ("offset", "verdict"),
    [((0, 0, 0), True), ((0.15, 0.15, 0), True), ((0, 0, 0.1), None), ((0, 0, -0.9), False), ((1, 0, 0), False)],
)
def test_on_is_contact_with_the_top(offset: tuple[float, float, float], verdict: bool | None) -> None:
    layout = on_block(offset)
    assert stands("on", layout, 0, 1) is verdict
    assert stands("under", layout, 1, 0) is verdict
    assert stands("above", layout, 0, 1) is (True if verdict else None)
    assert stands("below", layout, 1, 0) is (True if verdict else None)


def test_what_carries_a_thing_is_not_on_it() -> None:
    layout = on_block((0, 0, 0))
    assert stands("on", layout, 1, 0) is stands("under", layout, 0, 1) is False


@EACH
def test_offsets_are_plain_numbers(name: str) -> None:
    assert type(RELATIONS[name].offset(scene((0.5, 0.5, 0.5), (0, 0, 0)), 0, 1)) is float


def sized(layout: Layout, *scales: float) -> Layout:
    things = zip(layout.objects, scales, strict=True)
    return replace(layout, objects=tuple(replace(thing, scale=scale) for thing, scale in things))


EACH_COMPARISON = pytest.mark.parametrize("name", COMPARISONS)
SCALES = st.floats(0.5, 1.3)


@EACH_COMPARISON
@settings(max_examples=40)
@given(one=POINTS, other=POINTS, scales=st.tuples(SCALES, SCALES))
def test_a_comparison_turns_round_with_its_objects_and_with_its_word(
    name: str, one: tuple, other: tuple, scales: tuple[float, float]
) -> None:
    row = COMPARISONS[name]
    layout = sized(scene(one, other), *scales)
    verdict = compares(name, layout, 0, 1)
    assert COMPARISONS[row.converse].converse == row.name == name
    assert compares(row.converse, layout, 1, 0) is verdict
    for turned in (compares(name, layout, 1, 0), compares(row.converse, layout, 0, 1)):
        assert turned is (None if verdict is None else not verdict)


@EACH_COMPARISON
def test_equals_are_not_compared(name: str) -> None:
    assert compares(name, scene((-0.5, 0, 0), (0.5, 0, 0)), 0, 1) is None


@pytest.mark.parametrize("name", ["larger", "taller"])
@pytest.mark.parametrize(("ratio", "verdict"), [(2.0, True), (1.4, True), (1.2, None), (1.0, None), (0.5, False)])
def test_sizes_are_compared_by_their_ratio(name: str, ratio: float, verdict: bool | None) -> None:
    assert compares(name, sized(scene((-0.5, 0, 0), (0.5, 0, 0)), 0.6 * ratio, 0.6), 0, 1) is verdict


@pytest.mark.parametrize("name", ["larger", "taller"])
def test_a_size_that_perspective_turns_round_is_left_open(name: str) -> None:
    """The larger ball is so much farther away that it looks the smaller one."""
    far_and_large, near_and_small = (0.5, 4.0, 0.0), (-0.5, -3.0, 0.0)
    assert compares(name, sized(scene(far_and_large, near_and_small), 0.9, 0.6), 0, 1) is None
    assert compares(name, sized(scene(near_and_small, far_and_large), 0.9, 0.6), 0, 1) is True


@pytest.mark.parametrize(("step", "verdict"), [(-1.0, True), (-0.3, None), (0.3, None), (1.0, False)])
def test_nearness_is_depth_however_far_aside(step: float, verdict: bool | None) -> None:
    assert compares("nearer", scene((-1.4, step, 0), (1.4, 0, 0), azimuth=20.0), 0, 1) is verdict


# Every margin by its number, from just inside to just outside: a constant that moves by a few percent is noticed.
@pytest.mark.parametrize(
    ("name", "length", "verdict"),
    [
        ("right", 0.099 * WIDTH, None),
        ("right", 0.101 * WIDTH, True),
        ("left", 0.099 * WIDTH, None),
        ("left", 0.101 * WIDTH, True),
        ("above", 0.119 * WIDTH, None),
        ("above", 0.121 * WIDTH, True),
        ("below", 0.119 * WIDTH, None),
        ("below", 0.121 * WIDTH, True),
        ("front", 0.79, None),
        ("front", 0.81, True),
        ("behind", 0.79, None),
        ("behind", 0.81, True),
    ],
)
def test_a_direction_has_the_margin_of_its_number(name: str, length: float, verdict: bool | None) -> None:
    step = length * np.array(STEPS[name])
    assert stands(name, scene(tuple(step), (0, 0, 0)), 0, 1) is verdict
    assert stands(name, scene(tuple(-step), (0, 0, 0)), 0, 1) is (None if verdict is None else False)


@pytest.mark.parametrize(
    ("name", "along", "across", "verdict"),
    [
        ("right", (0.2 * WIDTH, 0, 0), (0, 0, 0.39 * WIDTH), True),
        ("right", (0.2 * WIDTH, 0, 0), (0, 0, 0.41 * WIDTH), None),
        ("above", (0, 0, 0.2 * WIDTH), (-0.39 * WIDTH, 0, 0), True),
        ("above", (0, 0, 0.2 * WIDTH), (-0.41 * WIDTH, 0, 0), None),
        ("front", (0, -1.0, 0), (1.95, 0, 0), True),
        ("front", (0, -1.0, 0), (2.05, 0, 0), None),
    ],
)
@pytest.mark.parametrize("start", [(0.0, 0.0, 0.0), (0.4, 0.0, 0.3)])
def test_a_difference_counts_from_half_of_that_across_it(
    name: str, along: tuple, across: tuple, verdict: bool | None, start: tuple
) -> None:
    moved = tuple(np.array(start) + along + across)
    assert stands(name, scene(moved, start, azimuth=15.0), 0, 1) is verdict
    assert stands(RELATIONS[name].converse, scene(start, moved, azimuth=15.0), 0, 1) is verdict


@pytest.mark.parametrize(
    ("aside", "gap", "verdict"),
    [
        (0.0, 0.019, True),
        (0.0, 0.021, None),
        (0.0, -0.019, True),
        (0.0, -0.021, None),
        (0.0, -0.249, None),
        (0.0, -0.251, False),
        (0.26, 0.0, True),  # the top ends at 0.3, and the spot on which the ball rests is 0.1 wide
        (0.31, 0.0, None),
        (0.849, 0.0, None),  # the block's width and 0.25
        (0.851, 0.0, False),
    ],
)
def test_contact_has_the_margins_of_its_numbers(aside: float, gap: float, verdict: bool | None) -> None:
    layout = on_block((aside, 0, gap))
    assert stands("on", layout, 0, 1) is stands("under", layout, 1, 0) is verdict


@pytest.mark.parametrize(("aside", "verdict"), [(0.869, None), (0.871, False)])
def test_what_is_beside_is_measured_from_the_narrow_side(aside: float, verdict: bool | None) -> None:
    """A table of 1 x 0.62: its narrow width and 0.25."""
    ball, base = scene((aside, 0, 0.895), (0, 0, 0.2975), arrangement="stacked").objects
    layout = replace(scene(arrangement="stacked"), objects=(ball, replace(base, shape="table", scale=1.0)))
    assert stands("on", layout, 0, 1) is verdict


def in_crate(aside: float, lift: float = 0.0, scale: float = 0.5) -> Layout:
    """A ball on the floor of a crate of 1.2, or moved away from there; the floor is 0.06 high, the crate 0.432."""
    places = (0.3 + aside, -0.2, 0.06 + scale / 2 + lift), (0.3, -0.2, 0.216)
    ball, crate = scene(*places, arrangement="inside").objects
    things = (replace(ball, scale=scale), replace(crate, shape="crate", scale=1.2))
    return replace(scene(arrangement="inside"), objects=things)


@pytest.mark.parametrize(
    ("aside", "lift", "verdict"),
    [
        (0.0, 0.0, True),
        (0.0, 0.019, True),
        (0.0, 0.021, None),
        (0.0, -0.019, True),
        (0.0, -0.021, None),
        (0.273, 0.0, True),  # with its radius of 0.25: the free radius of 0.504, and 0.02
        (0.275, 0.0, None),
        (1.098, 0.0, None),  # the footprints' radii are 0.25 and 0.8485
        (1.099, 0.0, False),
    ],
)
def test_inside_has_the_margins_of_its_numbers(aside: float, lift: float, verdict: bool | None) -> None:
    layout = in_crate(aside, lift)
    assert stands("inside", layout, 0, 1) is stands("holding", layout, 1, 0) is verdict
    assert stands("inside", layout, 1, 0) is stands("holding", layout, 0, 1) is (False if verdict is False else None)
    if verdict is True:
        assert stands("beside", layout, 0, 1) is stands("beside", layout, 1, 0) is False


@pytest.mark.parametrize("lifted", [0, 1])
def test_inside_is_measured_from_the_lowest_point_of_the_container(lifted: int) -> None:
    layout = in_crate(0.0)
    things = [replace(t, position=(0, 0, t.position[2] + 0.3)) for t in layout.objects]
    assert stands("inside", replace(layout, objects=tuple(things)), 0, 1) is True
    things[lifted] = layout.objects[lifted]
    assert stands("inside", replace(layout, objects=tuple(things)), 0, 1) is None


@pytest.mark.parametrize(
    ("apart", "verdict"),
    [(0.599, None), (0.601, True), (0.999, True), (1.001, None), (1.599, None), (1.601, False)],
)
def test_beside_has_the_margins_of_its_numbers(apart: float, verdict: bool | None) -> None:
    """Between balls of 0.6: at least nothing and at most 0.40, and from 1.0 nobody would say so."""
    layout = scene((0.3 + apart * 0.6, apart * 0.8 - 0.2, 0.3), (0.3, -0.2, 0.3), arrangement="inside")
    assert stands("beside", layout, 0, 1) is stands("beside", layout, 1, 0) is verdict


@pytest.mark.parametrize(
    ("heights", "verdict"),
    [((0.319, 0.3), True), ((0.321, 0.3), None), ((0.3, 0.281), True), ((0.3, 0.279), None), ((0.321, 0.321), None)],
)
def test_beside_is_on_the_ground(heights: tuple[float, float], verdict: bool | None) -> None:
    one, other = heights
    assert stands("beside", scene((0.8, 0, one), (0, 0, other), arrangement="inside"), 0, 1) is verdict
    assert stands("beside", scene((0.8, 0, one), (0, 0, other), arrangement="floating"), 0, 1) is None


@pytest.mark.parametrize("name", ["larger", "taller"])
@pytest.mark.parametrize(("ratio", "verdict"), [(1.29, None), (1.31, True), (1 / 1.29, None), (1 / 1.31, False)])
def test_sizes_differ_by_three_tenths(name: str, ratio: float, verdict: bool | None) -> None:
    assert compares(name, sized(scene((-0.5, 0, 0), (0.5, 0, 0)), 0.6 * ratio, 0.6), 0, 1) is verdict


@pytest.mark.parametrize("name", ["larger", "taller"])
@pytest.mark.parametrize(("farther", "verdict"), [(1.73, True), (1.75, None)])
def test_sizes_differ_as_they_look(name: str, farther: float, verdict: bool | None) -> None:
    """A ball twice as large that is so many times as far away: what is seen must differ by 1.15."""
    layout = sized(scene((0, 4 * farther - 6, 0), (0, -2.0, 0)), 1.2, 0.6)
    assert compares(name, layout, 0, 1) is verdict
    assert compares(COMPARISONS[name].converse, layout, 1, 0) is verdict


@pytest.mark.parametrize(
    ("name", "scale", "verdict"),
    [("larger", 1.48, None), ("larger", 1.50, True), ("taller", 2.17, None), ("taller", 2.21, True)],
)
def test_sizes_are_those_of_the_broader_side_and_of_the_height(name: str, scale: float, verdict: bool | None) -> None:
    """A table has an extent of 1, of 0.771 (the root of 1 x 0.595) in bulk and of 0.595 in height; a ball one of 1."""
    one, other = sized(scene((-0.5, 0, 0), (0.5, 0, 0)), scale * 0.6, 0.6).objects
    layout = replace(scene(), objects=(replace(one, shape="table"), other))
    assert compares(name, layout, 0, 1) is verdict


@pytest.mark.parametrize(("scale", "verdict"), [(1.48, None), (1.50, True)])
def test_larger_is_in_bulk_however_near(scale: float, verdict: bool | None) -> None:
    """A table that is nearer than a ball looks larger by far, but its bulk must differ as well."""
    one, other = sized(scene((-0.5, -1.0, 0), (0.5, 0, 0)), scale * 0.6, 0.6).objects
    assert compares("larger", replace(scene(), objects=(replace(one, shape="table"), other)), 0, 1) is verdict


@pytest.mark.parametrize(("step", "verdict"), [(-0.81, True), (-0.79, None), (0.79, None), (0.81, False)])
def test_nearness_has_the_margin_of_its_number(step: float, verdict: bool | None) -> None:
    layout = scene((-1.4, 0.2 + step, 0), (1.4, 0.2, 0), azimuth=20.0)
    assert compares("nearer", layout, 0, 1) is verdict
    assert compares("farther", layout, 1, 0) is verdict
