"""The tables of words for looks, by the tables: a new color, size, material or pattern is tested by being added."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.scenes.model.colors import ciede2000, lab_from_srgb
from fourfold.scenes.model.vocabulary import (
    COLORS,
    MATERIALS,
    PATTERNS,
    SIZE_JITTER,
    SIZES,
    TABLES,
    can_wear,
    check_names,
    color_difference,
    color_distances,
    sample_rgb,
)

BASIC_TERMS = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray"}
NAMES = st.sampled_from(list(COLORS))


def lab_of(rgb: tuple[int, int, int]) -> np.ndarray:
    return lab_from_srgb(np.array(rgb) / 255)


@pytest.mark.parametrize("attribute", TABLES)
def test_rows_are_called_what_the_table_calls_them(attribute: str) -> None:
    table = TABLES[attribute]
    assert [row.name for row in table.values()] == list(table)
    assert len(table) >= 2, "a word without an alternative says nothing"


def test_no_word_is_in_two_tables() -> None:
    words = [word for table in TABLES.values() for word in table]
    assert len(words) == len(set(words))


def test_the_eleven_basic_color_terms_are_all_there() -> None:
    assert set(COLORS) >= BASIC_TERMS


def test_size_classes_stay_apart_with_all_their_jitter() -> None:
    """By the ratio at which `Compared` dares to say larger, from the smallest class to the largest."""
    scales = sorted(size.scale for size in SIZES.values())
    for smaller, larger in itertools.pairwise(scales):
        assert larger * (1 - SIZE_JITTER) > 1.2 * smaller * (1 + SIZE_JITTER)
    assert SIZES["large"].scale * (1 - SIZE_JITTER) > 1.3 * SIZES["small"].scale * (1 + SIZE_JITTER)


def test_patterns_and_materials_are_told_apart_by_the_shader() -> None:
    codes = [pattern.code for pattern in PATTERNS.values()]
    assert len(set(codes)) == len(codes)
    assert max(codes) < 10, "codes from 10 mean surfaces"
    assert PATTERNS["plain"].code == 0
    assert all(pattern.frequency > 0 for pattern in PATTERNS.values() if pattern.code)
    looks = {(material.metallic, material.gloss) for material in MATERIALS.values()}
    assert len(looks) == len(MATERIALS)
    assert all(0 <= value <= 1 for look in looks for value in look)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(COLORS, 2)))
def test_color_regions_do_not_meet(one: str, other: str) -> None:
    distance = color_difference(one, other)
    assert distance > COLORS[one].radius + COLORS[other].radius + 8
    assert distance == pytest.approx(color_difference(other, one))


@given(NAMES, st.integers(0, 2**32 - 1))
def test_a_sampled_color_is_in_its_region_and_nearest_to_its_own_name(name: str, seed: int) -> None:
    rgb = sample_rgb(name, np.random.default_rng(seed))
    assert all(type(value) is int and 0 <= value <= 255 for value in rgb)
    assert rgb == sample_rgb(name, np.random.default_rng(seed))
    focal, rounding = lab_of(COLORS[name].rgb), 1.0
    assert ciede2000(focal, lab_of(rgb)) <= COLORS[name].radius + rounding
    distances = color_distances(lab_of(rgb)[None])[0]
    own = list(COLORS).index(name)
    assert distances.argmin() == own
    assert np.delete(distances, own).min() > distances[own] + 2, "near two names"


@pytest.mark.parametrize("name", COLORS)
def test_sampled_colors_vary(name: str) -> None:
    rng = np.random.default_rng(3)
    assert len({sample_rgb(name, rng) for _ in range(30)}) > 10


def test_distances_to_the_terms_are_in_the_order_of_the_table() -> None:
    labs = np.array([lab_of(color.rgb) for color in COLORS.values()])
    distances = color_distances(labs)  # [11, 11]
    assert distances.shape == (len(COLORS), len(COLORS))
    np.testing.assert_allclose(np.diag(distances), 0, atol=1e-9)
    assert (distances + 99 * np.eye(len(COLORS))).min() > 10


def test_shading_moves_a_color_less_than_another_name_does() -> None:
    """Half the light on red must still be nearer to red than to brown: that is why lightness counts half."""
    linear = (np.array(COLORS["red"].rgb) / 255) ** 2.2 * 0.5
    shaded = lab_from_srgb(linear ** (1 / 2.2))
    distances = dict(zip(COLORS, color_distances(shaded[None])[0], strict=True))
    assert min(distances, key=distances.__getitem__) == "red"
    assert distances["red"] < ciede2000(lab_of(COLORS["red"].rgb), shaded)


@pytest.mark.parametrize("attribute", TABLES)
def test_unknown_names_are_refused_with_the_choices(attribute: str) -> None:
    check_names(attribute, TABLES[attribute])
    first = next(iter(TABLES[attribute]))
    with pytest.raises(InputError) as caught:
        check_names(attribute, [first, first + "x"], "recipe.toml")
    message = str(caught.value)
    assert message.startswith(f"recipe.toml: unknown {attribute} '{first}x'. Did you mean {first!r}?")
    assert all(name in message for name in TABLES[attribute])


@pytest.mark.parametrize(
    ("color", "pattern", "verdict"),
    [
        ("red", "plain", True),
        ("red", "striped", True),
        ("gray", "dotted", True),
        ("white", "plain", True),
        ("black", "plain", True),
        ("white", "striped", False),
        ("black", "checkered", False),
    ],
)
def test_a_pattern_of_black_and_white_has_no_one_color(color: str, pattern: str, verdict: bool) -> None:
    assert can_wear(color, pattern) is verdict


def test_words_mean_the_numbers_that_they_always_meant() -> None:
    """The same recipe and seed must give the same scenes in every version: new words may come, old ones stay."""
    assert {name: row.scale for name, row in SIZES.items()} == {"small": 0.62, "medium": 0.86, "large": 1.20}
    assert SIZE_JITTER == 0.05
    assert {name: (row.metallic, row.gloss) for name, row in MATERIALS.items()} == {
        "matte": (0.0, 0.0),
        "metal": (1.0, 0.75),
        "glossy": (0.0, 1.0),
    }
    assert {name: (row.code, row.frequency) for name, row in PATTERNS.items()} == {
        "plain": (0, 0.0),
        "striped": (1, 4.5),
        "dotted": (2, 4.5),
        "checkered": (3, 3.0),
    }
    assert {row.radius for row in COLORS.values()} == {4.0}


@pytest.mark.parametrize(
    ("name", "focal", "drawn"),
    [
        ("red", (204, 24, 30), (205, 27, 28)),
        ("orange", (252, 138, 12), (253, 139, 2)),
        ("yellow", (248, 216, 32), (249, 217, 25)),
        ("green", (32, 150, 52), (34, 151, 49)),
        ("blue", (28, 76, 210), (39, 77, 208)),
        ("purple", (122, 40, 168), (124, 41, 166)),
        ("pink", (248, 150, 190), (249, 151, 188)),
        ("brown", (112, 66, 34), (113, 67, 32)),
        ("black", (26, 26, 28), (27, 27, 27)),
        ("white", (242, 242, 240), (244, 243, 238)),
        ("gray", (128, 130, 133), (129, 131, 131)),
    ],
)
def test_a_color_and_a_seed_give_the_surface_that_they_always_gave(name: str, focal: tuple, drawn: tuple) -> None:
    assert COLORS[name].rgb == focal
    assert sample_rgb(name, np.random.default_rng(0)) == drawn


def test_lightness_counts_half_in_distances_to_the_terms_alone() -> None:
    distances = color_distances(lab_of((200, 190, 180))[None])[0]
    assert distances[list(COLORS).index("white")] == pytest.approx(7.92, abs=0.01)
    assert distances[list(COLORS).index("gray")] == pytest.approx(12.19, abs=0.01)
    assert color_difference("white", "gray") == pytest.approx(30.23, abs=0.01)
    assert color_difference("red", "brown") == pytest.approx(21.08, abs=0.01)
