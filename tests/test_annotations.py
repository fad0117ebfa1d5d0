"""What is measured on pixels: boxes, visible parts, votes on color."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import COLORS, sample_rgb
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.truth.annotations import ObjectAnnotation, annotate, vote_on_color, with_visibility

SIZE = 40
RED, BLUE = (COLORS[name].rgb for name in ("red", "blue"))


def layout_of(*colors: str) -> Layout:
    things = tuple(
        PlacedObject("sphere", color, "large", "matte", "plain", COLORS[color].rgb, (0.0, 2.0 * i, 0.0), 0.0, 1.2)
        for i, color in enumerate(colors)
    )
    camera = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
    lights = Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(things, "floating", camera, lights, Background("wall", (206, 209, 212), (206, 209, 212)))


def painted(*boxes: tuple[int, int, int, int], silhouettes: tuple[int, ...] | None = None) -> Rendering:
    """Rectangles over each other, the first red and the others blue; boxes are left, top, right, bottom."""
    color = np.full((SIZE, SIZE, 3), 200, np.uint8)
    instances = np.zeros((SIZE, SIZE), np.uint8)
    for i, (left, top, right, bottom) in enumerate(boxes):
        instances[top:bottom, left:right] = i + 1
        color[top:bottom, left:right] = BLUE if i else RED
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    return Rendering(color, (instances > 0).astype(np.float32), instances, np.array(silhouettes or areas, int))


EDGES = st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).filter(lambda edge: edge[0] < edge[1])


@given(EDGES, EDGES)
def test_box_pixels_and_border_of_a_rectangle(columns: tuple[int, int], rows: tuple[int, int]) -> None:
    box = (columns[0], rows[0], columns[1], rows[1])
    (seen,) = annotate(layout_of("red"), painted(box))
    assert seen.bbox == box
    assert seen.mask_value == 1
    assert seen.visible_pixels == (columns[1] - columns[0]) * (rows[1] - rows[0])
    assert seen.visible_fraction == 1
    assert seen.touches_border == (0 in (columns[0], rows[0]) or SIZE in (columns[1], rows[1]))
    assert seen.color_votes == {"red": 1.0}


def test_a_box_spans_all_that_is_seen_of_an_object() -> None:
    """The middle one is hidden by the last but for its two ends."""
    rendering = painted((5, 10, 35, 14), (15, 0, 25, 40))
    ends, bar = annotate(layout_of("red", "blue"), rendering)
    assert ends.bbox == (5, 10, 35, 14)
    assert ends.visible_pixels == 20 * 4
    assert ends.visible_fraction == round(20 / 30, 4)
    assert bar.visible_fraction == 1
    assert bar.touches_border
    assert not ends.touches_border


def test_what_is_not_seen_has_no_box_and_no_color() -> None:
    rendering = painted((5, 5, 20, 20), (5, 5, 20, 20))
    hidden, seen = annotate(layout_of("red", "blue"), rendering)
    assert hidden == ObjectAnnotation(1, (0, 0, 0, 0), 0, 0.0, False, {}, 0.0)
    assert (seen.mask_value, seen.visible_pixels) == (2, 225)


def test_a_scene_of_nothing_has_nothing_to_measure() -> None:
    assert annotate(layout_of(), painted()) == ()


def test_measurements_are_plain_numbers_for_files() -> None:
    (seen,) = annotate(layout_of("red"), painted((3, 4, 9, 12)))
    assert all(type(value) is int for value in (*seen.bbox, seen.visible_pixels, seen.mask_value))
    assert type(seen.visible_fraction) is float
    assert type(seen.touches_border) is bool
    assert all(type(share) is float for share in seen.color_votes.values())


@pytest.mark.parametrize("name", COLORS)
def test_every_color_votes_for_itself(name: str) -> None:
    rng = np.random.default_rng(1)
    pixels = np.array([sample_rgb(name, rng) for _ in range(40)], np.uint8)
    assert vote_on_color(pixels) == {name: 1.0}


@given(st.integers(1, 5000), st.floats(0, 1))
def test_votes_are_shares_of_the_pixels(n: int, share: float) -> None:
    reds = round(n * share)
    pixels = np.array([RED] * reds + [BLUE] * (n - reds), np.uint8)
    votes = vote_on_color(pixels)
    assert sum(votes.values()) == pytest.approx(1, abs=0.002)
    assert set(votes) <= {"red", "blue"}
    assert votes.get("red", 0.0) == pytest.approx(reds / n, abs=0.012)  # of about 200 sampled ones


def test_an_outline_is_blurred_where_another_object_of_the_same_color_begins() -> None:
    """Two blue squares side by side share a quarter of their outlines; the red one that touches them is told apart."""
    rendering = painted((10, 20, 30, 30), (10, 10, 20, 20), (20, 10, 30, 20))
    red, *blue = annotate(layout_of("red", "blue", "blue"), rendering)
    assert red.blurred == 0
    assert [seen.blurred for seen in blue] == [0.25, 0.25]


@pytest.mark.parametrize(("level", "shared"), [(141, 0.25), (142, 0.0)])
def test_colors_that_differ_by_less_than_5_are_one(level: int, shared: float) -> None:
    """CIEDE2000 of the grays 128 and 141 is 4.70, of 128 and 142 it is 5.05."""
    rendering = painted((10, 10, 20, 20), (20, 10, 30, 20))
    for number, gray in ((1, 128), (2, level)):
        rendering.color[rendering.instances == number] = gray
    assert [seen.blurred for seen in annotate(layout_of("red", "blue"), rendering)] == [shared, shared]


# Where an object's gray becomes white, for surroundings that are as pale as they are known to be, or dimmer.
@pytest.mark.parametrize(
    ("tint", "around", "photo", "first_white"),
    [
        ((206, 209, 212), 230, "", 178),  # brighter than they are: as the pixels are
        ((206, 209, 212), 174, "", 154),  # 1.5 times as pale as they look, to the power of 0.8
        ((206, 209, 212), 120, "", 138),  # at most twice
        ((206, 209, 212), 120, "meadow.png", 178),  # nobody knows how pale a photo is
        ((255, 0, 0), 105, "", 153),  # luminance is mostly green, then red, then blue
        ((0, 255, 0), 184, "", 154),
        ((0, 0, 255), 62, "", 154),
    ],
)
def test_colors_are_judged_against_the_surroundings(
    tint: tuple[int, int, int], around: int, photo: str, first_white: int
) -> None:
    layout = replace(layout_of("red"), background=Background("wall", tint, tint, photo))
    for level, color in ((first_white - 1, "gray"), (first_white, "white")):
        rendering = painted((5, 5, 20, 20))
        rendering.color[:] = around
        rendering.color[rendering.instances == 1] = level
        assert annotate(layout, rendering)[0].color_votes == {color: 1.0}


def test_without_surroundings_colors_are_as_the_pixels_are() -> None:
    rendering = painted((0, 0, SIZE, SIZE))
    rendering.color[:] = 177
    assert annotate(layout_of("red"), rendering)[0].color_votes == {"gray": 1.0}


@pytest.mark.parametrize(("level", "color"), [(177, "gray"), (178, "white")])
def test_votes_are_on_the_pixels_as_they_are_unless_an_exposure_is_given(level: int, color: str) -> None:
    assert vote_on_color(np.full((5, 3), level, np.uint8)) == {color: 1.0}


def test_each_object_has_the_votes_of_its_own_pixels() -> None:
    rendering, rng = painted((2, 2, 12, 20), (0, 0, 0, 0), (20, 5, 36, 36)), np.random.default_rng(0)
    for number, color in ((1, "red"), (3, "blue")):
        rows, columns = np.nonzero(rendering.instances == number)
        rendering.color[rows, columns] = [sample_rgb(color, rng) for _ in rows]
        rendering.color[rows[0], columns[0]] = COLORS["white"].rgb  # of 180 pixels all vote, of 496 every third
    one, nothing, other = (a.color_votes for a in annotate(layout_of("red", "green", "blue"), rendering))
    assert one == {"red": round(179 / 180, 3), "white": round(1 / 180, 3)}
    assert nothing == {}
    assert other == {"blue": round(165 / 166, 3), "white": round(1 / 166, 3)}


def test_votes_are_kept_to_three_digits_and_fractions_to_four() -> None:
    assert vote_on_color(np.array([RED, BLUE, BLUE], np.uint8)) == {"red": 0.333, "blue": 0.667}
    assert annotate(layout_of("red"), painted((0, 0, 2, 1), silhouettes=(3,)))[0].visible_fraction == 0.6667


def test_measured_fractions_go_into_the_layout() -> None:
    layout = layout_of("red", "blue")
    annotations = annotate(layout, painted((5, 5, 20, 20), (10, 5, 20, 20)))
    measured = with_visibility(layout, annotations)
    assert [thing.visible_fraction for thing in measured.objects] == [round(1 / 3, 4), 1.0]
    with pytest.raises(ValueError, match="zip"):
        with_visibility(layout, annotations[:1])


@pytest.fixture(scope="module")
def renderer() -> Iterator[OpenGLRenderer]:
    with OpenGLRenderer(96) as opened:
        yield opened


def test_a_rendered_pair_one_behind_the_other(renderer: OpenGLRenderer) -> None:
    """Equal balls on one line of sight: the far one is smaller, so nothing of it is seen."""
    layout = layout_of("red", "blue")
    near, far = annotate(layout, renderer.render(layout))
    assert near.visible_fraction == 1
    assert far.visible_fraction == far.visible_pixels == 0
    assert near.color_votes["red"] > 0.9
    left, top, right, bottom = near.bbox
    assert right - left == bottom - top
    assert near.visible_pixels == pytest.approx(np.pi / 4 * (right - left) ** 2, rel=0.03)
