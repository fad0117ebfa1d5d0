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
SYMMETRIC = ("beside",)
EACH_DIRECTION = pytest.mark.parametrize("name", STEPS)
BALL = 0.6  # diameter


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


@pytest.mark.parametrize(
    ("offset", "verdict"),
    [((0, 0, 0), True), ((0.05, 0.05, 0), True), ((0, 0, 0.1), None), ((0, 0, -0.9), False), ((1, 0, 0), False)],
)
def test_on_is_contact_over_the_middle(offset: tuple[float, float, float], verdict: bool | None) -> None:
    upper = np.array((0.2, 0.1, BALL)) + offset
    layout = scene(tuple(upper), (0.2, 0.1, 0.0), arrangement="table")
    assert stands("on", layout, 0, 1) is verdict
    assert stands("under", layout, 1, 0) is verdict
    assert stands("above", layout, 0, 1) is (True if verdict else None)


def test_what_carries_a_thing_is_not_on_it() -> None:
    layout = scene((0.2, 0.1, BALL), (0.2, 0.1, 0.0), arrangement="table")
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
