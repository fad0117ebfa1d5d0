"""Noise is averaged away, and nothing else is: neither edges of objects nor patterns nor shadows."""

import numpy as np
import pytest

from fourfold.scenes.render.smoothing import smoothed

SIZE = 48


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(1.0, 0.1, (SIZE, SIZE, 1)) * np.ones(3)


def picture() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own colors with fine stripes on the left, an object in the middle of the color of what is around, a shadow."""
    own = np.full((SIZE, SIZE, 3), 0.6)
    own[::2, :16] = [0.1, 0.2, 0.3]
    light = np.ones((SIZE, SIZE, 1))
    light[30:, 16:] = 0.5
    instances = np.zeros((SIZE, SIZE), np.uint8)
    instances[10:20, 24:34] = 1
    light = np.where((instances == 1)[..., None], 1.2, light)
    return own, light, instances


def test_noise_goes_and_edges_stay(noise: np.ndarray) -> None:
    own, light, instances = picture()
    clean = own * light
    calm = smoothed(clean * noise, own, instances)
    before, after = (np.sqrt(((found - clean) ** 2).mean()) for found in (clean * noise, calm))
    assert after < 0.35 * before
    edges = np.s_[28:32, 20:]
    assert np.abs(calm - clean)[edges].max() < 0.15, "the shadow's edge"


def test_a_picture_without_noise_stays_as_it_is_where_light_changes_at_edges() -> None:
    own, light, instances = picture()
    calm = smoothed(own * light, own, instances)
    np.testing.assert_allclose(calm[instances == 1], (own * light)[instances == 1], rtol=1e-5)
    np.testing.assert_allclose(calm[:24, :12], (own * light)[:24, :12], rtol=1e-5)


def test_the_same_pixels_come_out_again(noise: np.ndarray) -> None:
    own, light, instances = picture()
    first, again = (smoothed(own * light * noise, own, instances) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_what_mirrored_places_get_is_mirrored(noise: np.ndarray) -> None:
    own, light, instances = picture()
    color = own * light * noise
    turned = smoothed(color[:, ::-1], own[:, ::-1], instances[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(turned, smoothed(color, own, instances), rtol=1e-4)
