"""Colors: the published test data of CIEDE2000, and conversions that lose nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.scenes.model.colors import ciede2000, lab_from_srgb, linear_from_srgb, srgb_from_lab, srgb_from_linear

# Sharma, Wu, Dalal (2005), Table 1: two colors in CIELAB and their difference.
PUBLISHED = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, -1.1848, -84.8006), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, -0.9009, -85.5211), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0010), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0012), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0010, -2.4900), 4.8045),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0011, -2.4900), 4.7461),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((50.0, 2.5, 0.0), (50.0, 3.1736, 0.5854), 1.0000),
    ((50.0, 2.5, 0.0), (50.0, 3.2972, 0.0), 1.0000),
    ((50.0, 2.5, 0.0), (50.0, 1.8634, 0.5757), 1.0000),
    ((50.0, 2.5, 0.0), (50.0, 3.2592, 0.3350), 1.0000),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((61.2901, 3.7196, -5.3901), (61.4292, 2.2480, -4.9620), 1.8731),
    ((35.0831, -44.1164, 3.7933), (35.0232, -40.0716, 1.5901), 1.8645),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((36.4612, 47.8580, 18.3852), (36.2715, 50.5065, 21.2231), 1.4146),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
)
UNIT = st.floats(0, 1)
SRGB = st.tuples(UNIT, UNIT, UNIT).map(np.array)
LAB = st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100)).map(np.array)


@pytest.mark.parametrize(("one", "other", "difference"), PUBLISHED)
def test_difference_is_the_published_one_either_way_round(one: tuple, other: tuple, difference: float) -> None:
    assert float(ciede2000(np.array(one), np.array(other))) == pytest.approx(difference, abs=5.1e-5)
    assert float(ciede2000(np.array(other), np.array(one))) == pytest.approx(difference, abs=5.1e-5)


def test_differences_of_many_colors_at_once_are_those_of_each_pair() -> None:
    ones, others = (np.array([row[side] for row in PUBLISHED]) for side in (0, 1))
    table = ciede2000(ones[:, None], others[None])  # [34, 34]
    assert table.shape == (len(PUBLISHED), len(PUBLISHED))
    np.testing.assert_allclose(np.diag(table), [row[2] for row in PUBLISHED], atol=5.1e-5)


@given(LAB, LAB)
def test_difference_is_symmetric_and_nothing_from_itself(one: np.ndarray, other: np.ndarray) -> None:
    assert ciede2000(one, one) == 0
    assert ciede2000(one, other) == pytest.approx(float(ciede2000(other, one)), abs=1e-9)


@given(st.floats(0, 100), st.floats(0, 100))
def test_lightness_weight_divides_differences_of_grays(dark: float, light: float) -> None:
    """Between grays lightness is all that differs, so counting it half is half the difference."""
    one, other = np.array([dark, 0, 0]), np.array([light, 0, 0])
    whole, half = ciede2000(one, other), ciede2000(one, other, lightness_weight=2.0)
    assert half == pytest.approx(float(whole) / 2, abs=1e-12)


@given(SRGB)
def test_srgb_goes_through_lab_and_back(srgb: np.ndarray) -> None:
    np.testing.assert_allclose(srgb_from_lab(lab_from_srgb(srgb)), srgb, atol=1e-6)


@given(SRGB)
def test_srgb_goes_through_linear_light_and_back(srgb: np.ndarray) -> None:
    np.testing.assert_allclose(srgb_from_linear(linear_from_srgb(srgb)), srgb, atol=1e-7)


@given(LAB)
def test_lab_goes_through_srgb_and_back_even_outside_the_gamut(lab: np.ndarray) -> None:
    """So a color that no screen shows leaves 0..1, which is how it is told from one that can be shown."""
    with np.errstate(invalid="ignore"):  # negative light is extrapolated on the line near black, not by the power
        np.testing.assert_allclose(lab_from_srgb(srgb_from_lab(lab)), lab, atol=1e-3)


def test_a_color_that_no_screen_shows_leaves_0_to_1() -> None:
    vivid_green = srgb_from_lab(np.array([60.0, -100.0, 80.0]))
    assert vivid_green.min() < 0


@pytest.mark.parametrize(
    ("srgb", "lab"),
    [  # CIELAB under D65 as colorimetry tables give it
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (100, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0, 0)),
    ],
)
def test_lab_of_known_colors(srgb: tuple, lab: tuple) -> None:
    np.testing.assert_allclose(lab_from_srgb(np.array(srgb, float)), lab, atol=0.02)


@given(st.integers(2, 5))
def test_conversions_keep_leading_dimensions(n: int) -> None:
    srgb = np.random.default_rng(n).random((n, 2, 3))
    for convert in (lab_from_srgb, linear_from_srgb):
        rows = np.array([[convert(color) for color in row] for row in srgb])
        np.testing.assert_allclose(convert(srgb), rows, atol=1e-12)


def test_linear_light_is_clipped_before_it_is_coded() -> None:
    np.testing.assert_allclose(srgb_from_linear(np.array([-0.5, 0.0, 1.0, 7.0])), [0.0, 0.0, 1.0, 1.0], atol=1e-12)
