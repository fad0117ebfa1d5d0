"""Whether a picture shows its layout: each reason to say no, on measurements and on real pictures."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, ONE_OF_TWO
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.truth.annotations import ObjectAnnotation, annotate
from fourfold.scenes.truth.verification import Limits, find_problems

SMALL = "an object covers too few pixels"
HIDDEN = "an object is hidden"
CUT = "an object is cut by the border"
MERGED = "an object merges with another of the same color"
UNCLEAR = "an object's color as rendered is not clearly its own"
SIZE = 96
GOOD = ObjectAnnotation(1, (20, 20, 60, 60), 1200, 1.0, False, {"red": 0.9, "brown": 0.1})


def thing(color: str = "red", at: tuple[float, float, float] = (0, 0, 0), **more: object) -> PlacedObject:
    plain = PlacedObject("sphere", color, "large", "matte", "plain", COLORS[color].rgb, at, 0.0, 1.2)
    return replace(plain, **more)


def scene(*things: PlacedObject) -> Layout:
    camera = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
    lights = Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(things, "floating", camera, lights, Background("wall", (206, 209, 212), (206, 209, 212)))


def problems_of(seen: ObjectAnnotation, item: PlacedObject | None = None, limits: Limits | None = None) -> list[str]:
    return find_problems(scene(item or thing()), (seen,), SIZE * SIZE, limits)


def test_a_good_picture_has_none() -> None:
    assert problems_of(GOOD) == []
    assert find_problems(scene(), (), SIZE * SIZE) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"visible_pixels": 27}, SMALL),  # of 9,216
        ({"visible_pixels": 0, "visible_fraction": 0.0, "color_votes": {}}, SMALL),
        ({"visible_fraction": 0.59}, HIDDEN),
        ({"touches_border": True}, CUT),
        ({"color_votes": {"brown": 1.0}}, UNCLEAR),
        ({"color_votes": {"red": 0.5, "brown": 0.41}}, UNCLEAR),
        ({"color_votes": {"red": 0.4, "pink": 0.1, "brown": 0.35, "orange": 0.1}}, UNCLEAR),
        ({"color_votes": {"red": 0.29, "brown": 0.1, "pink": 0.1, "orange": 0.1}}, UNCLEAR),
        ({"blurred": 0.16}, MERGED),
    ],
)
def test_each_reason(change: dict, problem: str) -> None:
    assert problems_of(replace(GOOD, **change)) == [problem]


@pytest.mark.parametrize(
    "change",
    [
        {"visible_pixels": 28},  # of 9,216
        {"visible_fraction": 0.60},
        {"color_votes": {"red": 0.5, "brown": 0.4}},
        {"color_votes": {"red": 0.30, "brown": 0.24}},
        {"blurred": 0.15},
    ],
)
def test_at_the_limit_is_good_enough(change: dict) -> None:
    assert problems_of(replace(GOOD, **change)) == []


@pytest.mark.parametrize(("pixels", "problems"), [(29, [SMALL]), (30, []), (31, [])])
def test_an_object_covers_three_thousandths_of_the_picture(pixels: int, problems: list[str]) -> None:
    assert find_problems(scene(thing()), (replace(GOOD, visible_pixels=pixels),), 10_000) == problems


def test_one_reason_for_each_object_in_order() -> None:
    seen = (replace(GOOD, visible_fraction=0.1, touches_border=True), GOOD, replace(GOOD, touches_border=True))
    assert find_problems(scene(thing(), thing(), thing()), seen, SIZE * SIZE) == [HIDDEN, CUT]


def test_every_object_needs_its_measurement() -> None:
    with pytest.raises(ValueError, match="zip"):
        find_problems(scene(thing(), thing()), (GOOD,), SIZE * SIZE)


@pytest.mark.parametrize("pattern", ["striped", "dotted", "checkered"])
@pytest.mark.parametrize("second", ["white", "gray", "black"])
def test_the_second_color_of_a_pattern_casts_no_doubt_on_the_first(pattern: str, second: str) -> None:
    seen = replace(GOOD, color_votes={"red": 0.4, second: 0.6})
    assert problems_of(seen, thing(pattern=pattern)) == []
    assert problems_of(seen, thing()) == [UNCLEAR]
    assert problems_of(replace(GOOD, color_votes={"red": 0.4, "blue": 0.6}), thing(pattern=pattern)) == [UNCLEAR]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_stricter_limits_never_find_less(area: float, visible: float, votes: float) -> None:
    seen = replace(GOOD, visible_fraction=0.8, color_votes={"red": 0.6, "brown": 0.4})
    strict = Limits(min_area=area, min_visible_fraction=visible, min_color_votes=votes)
    wanted = seen.visible_pixels >= area * SIZE * SIZE and visible <= 0.8 and votes <= 0.6
    assert (problems_of(seen, limits=strict) == []) == wanted


@pytest.fixture(scope="module")
def renderer() -> Iterator[OpenGLRenderer]:
    with OpenGLRenderer(SIZE) as opened:
        yield opened


@pytest.mark.parametrize(
    ("things", "problems"),
    [
        ((thing(at=(-0.9, 0, 0)), thing("blue", at=(0.9, 0, 0))), []),
        ((thing(scale=0.1),), [SMALL]),
        ((thing(at=(9, 0, 0)),), [SMALL]),
        ((thing(), thing("blue", at=(0, 2, 0))), [SMALL]),  # nothing of it is seen
        ((thing(), thing("blue", at=(0.8, 2, 0))), [HIDDEN]),
        ((thing(at=(1.7, 0, 0)),), [CUT]),
        ((thing(rgb=COLORS["blue"].rgb),), [UNCLEAR]),
        ((thing("yellow", rgb=(250, 178, 22)),), [UNCLEAR]),  # as near to orange
    ],
)
def test_reasons_on_real_pictures(
    renderer: OpenGLRenderer, things: tuple[PlacedObject, ...], problems: list[str]
) -> None:
    rendering = renderer.render(scene(*things))
    assert find_problems(scene(*things), annotate(scene(*things), rendering), SIZE * SIZE) == problems


@pytest.mark.parametrize("arrangement", ["table", "floating"])
def test_most_placed_scenes_pass(renderer: OpenGLRenderer, arrangement: str) -> None:
    """Or sampling would throw most of its work away."""
    rng = np.random.default_rng(2)
    good = 0
    for _ in range(20):
        colors = rng.choice(list(COLORS), size=3, replace=False)
        shapes = ("cube", "sphere", "mug")
        layout = place(SceneSpec(tuple(map(ObjectSpec, shapes, map(str, colors))), arrangement), rng)
        assert layout is not None
        good += not find_problems(layout, annotate(layout, renderer.render(layout)), SIZE * SIZE)
    assert good >= 12


@pytest.mark.parametrize("color", ONE_OF_TWO)
def test_a_black_or_white_pattern_is_both(color: str) -> None:
    seen = replace(GOOD, color_votes={color: 0.9, "gray": 0.1})
    assert problems_of(seen, thing(color=color)) == []
    assert problems_of(seen, thing(color=color, pattern="striped")) == [UNCLEAR]
