"""What is measured on pixels alone: places, extents, and the words that they leave open, each limit by its number."""

import numpy as np
import pytest

from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.vocabulary import COLORS
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.truth.sightings import Sighting, look, possible_colors

SIZE = 400
CAMERA = Camera(0.0, 0.0, 5.0, (0.0, 0.0, 0.0), 90.0)  # a pixel of what is 5 away is 0.025 wide
RED = COLORS["red"].rgb


def rectangle(
    columns: tuple[int, int],
    rows: tuple[int, int],
    *,
    color: tuple[int, int, int] = RED,
    around: int = 200,
    hidden: int = 0,
    depth: float = 5.0,
) -> Rendering:
    """One object that covers these columns and rows, of which so many more pixels are hidden, before a gray wall."""
    picture = np.full((SIZE, SIZE, 3), around, np.uint8)
    instances = np.zeros((SIZE, SIZE), np.uint8)
    place = slice(*rows), slice(*columns)
    picture[place], instances[place] = color, 1
    silhouettes = np.array([int(instances.sum()) + hidden])
    return Rendering(picture, instances.astype(np.float32) * depth, instances, silhouettes)


def seen(rendering: Rendering, shape: str = "cube") -> Sighting:
    (found,) = look(rendering, [shape], CAMERA)
    assert found is not None
    return found


def test_places_and_extents_are_those_of_the_pixels() -> None:
    found = seen(rectangle((100, 140), (120, 180)))
    assert found.visible_fraction == 1
    assert found.centre == (120 / 400, 150 / 400)
    np.testing.assert_allclose(found.middle, [(120 - 200) * 0.025, 0, (200 - 150) * 0.025], atol=1e-9)
    assert found.highest == pytest.approx((200 - 120.5) * 0.025)
    assert found.lowest == pytest.approx((200 - 179.5) * 0.025)
    assert found.height == pytest.approx(59 * 0.025)
    assert found.across == pytest.approx(40 * 0.025)
    assert found.may_be["shape"] == {"cube"}


def test_what_is_farther_is_larger_than_it_looks() -> None:
    found = seen(rectangle((180, 220), (180, 220), depth=10.0))
    assert found.across == pytest.approx(40 * 0.05)
    assert found.middle == pytest.approx([0, 5.0, 0])


def test_an_angle_of_view_makes_things_as_large_as_it_shows_them() -> None:
    """Half of 60 degrees: 5 / sqrt(3) to each side of the middle, and a quarter of the picture is half of that."""
    camera = Camera(0.0, 0.0, 5.0, (0.0, 0.0, 0.0), 60.0)
    (found,) = look(rectangle((250, 350), (50, 150)), ["cube"], camera)
    assert found is not None
    side = 5 / np.sqrt(3)
    np.testing.assert_allclose(found.middle, [side / 2, 0, side / 2], atol=1e-9)
    assert found.across == pytest.approx(side / 2)
    assert found.height == pytest.approx(side / 2 * 99 / 100)


def test_nothing_seen_is_no_sighting() -> None:
    drawn = rectangle((100, 140), (120, 180))
    found = look(
        Rendering(drawn.color, drawn.depth, drawn.instances * 2, np.array([9, 2400])), ["cone", "cube"], CAMERA
    )
    assert found[0] is None
    assert found[1] is not None


@pytest.mark.parametrize(("hidden", "whole"), [(0, True), (49, True), (50, False), (200, False)])
def test_97_percent_of_a_silhouette_are_the_whole(hidden: int, whole: bool) -> None:
    """1,600 of 1,649 pixels are 97.03 %, 1,600 of 1,650 are 96.97 %."""
    found = seen(rectangle((100, 140), (100, 140), hidden=hidden))
    assert found.whole is whole
    assert found.visible_fraction == pytest.approx(1600 / (1600 + hidden))


def mixed(**counts: int) -> np.ndarray:
    """Pixels of these colors, [n, 3]."""
    return np.concatenate([np.tile(COLORS[name].rgb, (count, 1)) for name, count in counts.items()])


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"red": 25, "white": 75}, {"red", "white"}),  # a quarter of a hue is a pattern's first color
        ({"red": 24, "white": 76}, {"white"}),
        ({"red": 100, "blue": 70}, {"red", "blue"}),  # seven tenths of the commonest hue
        ({"red": 100, "blue": 69}, {"red"}),
        ({"red": 40, "white": 50}, {"red", "white"}),  # a gray that is more than a pattern's second color
        ({"red": 40, "white": 49}, {"red"}),
        ({"white": 100, "black": 41}, {"white", "black"}),  # two fifths of the commonest gray
        ({"white": 100, "black": 39}, {"white"}),
        ({"white": 67, "gray": 33}, {"white", "gray"}),  # a gray capsule in checks
        (
            {"orange": 15, "brown": 23, "white": 45, "gray": 17},
            {"orange", "brown", "white"},
        ),  # a bowl, in part in the shade
        ({"orange": 10, "brown": 90}, {"orange", "brown"}),  # a tenth of one beside the other
        ({"orange": 9, "brown": 91}, {"brown"}),
        (
            {"orange": 25, "red": 24, "brown": 20},
            {"orange", "red", "brown"},
        ),  # nothing that was possible before is lost
    ],
)
def test_words_for_mixed_colors_have_the_limits_of_their_numbers(counts: dict[str, int], words: set[str]) -> None:
    assert possible_colors(mixed(**counts)) == words
    assert possible_colors(mixed(**counts)[::-1]) == words


def sizes(shape: str, columns: int, rows: int, hidden: int = 0) -> set[str]:
    left, top = 200 - columns // 2, 200 - rows // 2
    return set(seen(rectangle((left, left + columns), (top, top + rows), hidden=hidden), shape).may_be["size"])


@pytest.mark.parametrize(
    ("shape", "columns", "rows", "words"),
    [  # each row of numbers is the first or the last at which the words are these
        ("cube", 21, 21, set()),
        ("cube", 22, 22, {"small"}),
        ("cube", 29, 29, {"small"}),
        ("cube", 30, 30, set()),
        ("cube", 31, 31, {"medium"}),
        ("cube", 39, 39, {"medium"}),
        ("cube", 43, 43, {"large"}),
        ("cube", 54, 54, {"large"}),
        ("cube", 55, 55, set()),
        ("cube", 44, 21, set()),
        ("cube", 44, 22, {"medium"}),
        ("cube", 44, 30, {"medium"}),
        ("cube", 44, 31, {"large", "medium"}),
        ("cube", 44, 39, {"large", "medium"}),
        ("cube", 44, 40, {"large"}),
        ("table", 17, 8, set()),
        ("table", 18, 9, {"small"}),
        ("table", 26, 13, {"medium", "small"}),
        ("table", 32, 16, {"medium", "small"}),
        ("table", 33, 16, {"medium"}),
        ("table", 36, 18, {"large", "medium"}),
        ("table", 26, 8, set()),
        ("table", 26, 12, {"small"}),
        ("table", 26, 18, {"medium", "small"}),
        ("table", 26, 19, {"medium"}),
        ("table", 26, 24, {"medium"}),
        ("table", 26, 25, set()),
        ("arrow", 15, 15, set()),
        ("arrow", 16, 16, {"small"}),
        ("arrow", 21, 21, {"small"}),
        ("arrow", 22, 22, {"medium"}),
        ("arrow", 30, 30, set()),
        ("sofa", 22, 15, set()),
        ("sofa", 23, 15, {"medium"}),
        ("sofa", 31, 15, {"medium"}),
        ("sofa", 32, 15, {"large", "medium"}),
        ("sofa", 41, 15, {"large", "medium"}),
        ("sofa", 42, 15, {"large"}),
        ("train", 7, 19, set()),  # it has a front, and is shown from all sides
        ("train", 8, 19, {"small"}),
        ("train", 11, 19, {"small"}),
        ("train", 12, 19, {"medium", "small"}),
        ("train", 29, 19, {"medium", "small"}),
        ("train", 30, 19, {"medium"}),
        ("bowl", 22, 7, {"small"}),
        ("bowl", 29, 9, set()),
        ("bowl", 31, 10, {"medium"}),
    ],
)
def test_size_classes_have_the_extents_of_their_numbers(shape: str, columns: int, rows: int, words: set[str]) -> None:
    assert sizes(shape, columns, rows) == words


@pytest.mark.parametrize(
    ("columns", "words"),
    [(10, {"small", "medium", "large"}), (29, {"small", "medium", "large"}), (30, {"medium", "large"})],
)
def test_what_is_hidden_in_part_may_be_larger(columns: int, words: set[str]) -> None:
    assert sizes("cube", columns, columns, hidden=9999) == words


@pytest.mark.parametrize(
    ("around", "level", "words"),
    [  # surroundings, an object's gray, and the first or last gray at which the words are these
        (200, 177, {"gray"}),
        (200, 178, {"white"}),
        (175, 158, {"gray"}),
        (175, 159, {"gray", "white"}),
        (175, 177, {"gray", "white"}),
        (175, 178, {"white"}),
        (165, 149, {"gray"}),
        (165, 150, {"gray", "white"}),
        (100, 143, {"gray"}),  # as dim as eyes get used to
        (100, 144, {"gray", "white"}),
    ],
)
def test_eyes_get_used_to_dim_surroundings(around: int, level: int, words: set[str]) -> None:
    found = seen(rectangle((100, 140), (100, 140), color=(level, level, level), around=around))
    assert found.may_be["color"] == words


@pytest.mark.parametrize(
    ("rows", "words"),
    [(20, {"red"}), (19, {"blue", "red"})],
)
def test_edges_are_left_out_where_three_tenths_would_be_left(rows: int, words: set[str]) -> None:
    """A red bar three pixels wide with blue sides: 18 of 3 x 20 pixels are inside (30 %), 17 of 3 x 19 (29.8 %)."""
    drawn = rectangle((100, 103), (100, 100 + rows))
    for column in (100, 102):
        drawn.color[100 : 100 + rows, column] = COLORS["blue"].rgb
    half = drawn.color[100 : 100 + rows // 2, 100]
    half[:] = RED  # so that red is near enough to blue to be one of the words when all pixels vote
    assert seen(drawn).may_be["color"] == words


def pictured(*things: tuple[tuple[int, int], tuple[int, int], float]) -> tuple[Sighting | None, ...]:
    """What is seen of rectangles (columns, rows, depth), drawn one after the other before a wall that is 9 away."""
    instances, depth = np.zeros((SIZE, SIZE), np.uint8), np.full((SIZE, SIZE), 9.0, np.float32)
    for number, (columns, rows, away) in enumerate(things, 1):
        place = slice(*rows), slice(*columns)
        instances[place], depth[place] = number, away
    picture = np.full((SIZE, SIZE, 3), 200, np.uint8)
    silhouettes = np.bincount(instances.ravel(), minlength=len(things) + 1)[1:]
    return look(Rendering(picture, depth, instances, silhouettes), ["cube"] * len(things), CAMERA)


def test_what_is_right_below_is_measured_from_edge_to_edge() -> None:
    upper, lower = pictured(((100, 140), (100, 150), 5.0), ((120, 180), (150, 200), 5.0))
    assert (upper.number, lower.number) == (1, 2)
    assert upper.over == {2: pytest.approx(0.025)}  # a pixel
    assert lower.over == {}


def test_a_gap_below_is_as_wide_as_it_is() -> None:
    upper, _ = pictured(((100, 140), (100, 150), 5.0), ((120, 180), (170, 200), 5.0))
    assert upper.over == {2: pytest.approx(21 * 0.025)}
    # Two farther away, and so 0.58 to the left of it and 0.18 lower too.
    behind, _ = pictured(((100, 140), (100, 200), 5.0), ((120, 180), (200, 220), 7.0))
    assert behind.over == {2: pytest.approx(2.09, abs=0.01)}


def test_what_is_beside_or_behind_a_third_is_not_right_below() -> None:
    beside, _ = pictured(((100, 140), (100, 150), 5.0), ((141, 180), (150, 200), 5.0))
    assert beside.over == {}
    upper, between, lower = pictured(
        ((100, 140), (100, 150), 5.0), ((90, 190), (150, 170), 4.0), ((100, 140), (170, 200), 5.0)
    )
    assert set(upper.over) == {2}
    assert set(between.over) == {3}
    assert lower.over == {}


def test_what_shares_an_edge_in_the_picture_adjoins() -> None:
    one, beside, below, corner, away = pictured(
        ((100, 140), (100, 150), 5.0),
        ((140, 160), (110, 120), 7.0),
        ((90, 140), (150, 160), 5.0),
        ((80, 100), (90, 100), 5.0),
        ((142, 150), (150, 160), 5.0),
    )
    assert one.adjoins == {2, 3}
    assert beside.adjoins == below.adjoins == {1}
    assert corner.adjoins == away.adjoins == frozenset()
