"""Patterns as textures: each corner's place in the tile says what the shader's formula says at that place."""

import numpy as np
import pytest

from fourfold.scenes.model.layout import PlacedObject
from fourfold.scenes.model.vocabulary import PATTERNS
from fourfold.scenes.render.pattern_maps import Dressed, dress, tile
from fourfold.scenes.render.shading import Hits, Incoming, object_color, pattern_colors
from fourfold.scenes.shapes import mesh

WORN = [name for name in PATTERNS if name != "plain"]
KINDS = ("cube", "sphere", "teapot", "cactus")


def areas(dressed: Dressed) -> np.ndarray:
    a, b, c = np.moveaxis(dressed.vertices[dressed.faces], 1, 0)
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def sampled(dressed: Dressed, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random places on the surface: positions [n, 3], normals [n, 3], places in the tile [n, 2]."""
    weights = areas(dressed)
    faces = dressed.faces[rng.choice(len(weights), count, p=weights / weights.sum())]
    shares = rng.dirichlet([1, 1, 1], count)[..., None]
    return tuple((part[faces] * shares).sum(axis=1) for part in (dressed.vertices, dressed.normals, dressed.places))


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("pattern", WORN)
def test_a_texture_shows_what_the_shader_draws(shape: str, pattern: str) -> None:
    thing = PlacedObject(shape, "red", "large", "matte", pattern, (200, 20, 20), (0, 0, 0), 0.0, 1.0)
    positions, normals, places = sampled(dress(mesh(shape), pattern), np.random.default_rng(1), 4000)
    shares = tile(pattern)
    rows, columns = (np.floor(places % 1 * shares.shape[::-1]).astype(int) % shares.shape[::-1]).T[::-1]
    own, second = pattern_colors(thing)
    textured = own + (second - own) * shares[rows, columns][:, None]
    n = len(positions)
    unit = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    hits = Hits(positions, unit, unit, np.full((n, 2, 3), 1e-9), positions, unit, positions)
    drawn = object_color(thing, hits, Incoming(np.array([0.0, 0.0, 1.0]), np.ones(n), np.ones((n, 3))), 1)
    agree = (np.abs(textured - drawn).max(axis=1) < 0.05).mean()
    # Dots change planes between two faces here, and within them there; the other two follow the formula exactly.
    assert agree > (0.93 if pattern == "dotted" else 0.985)


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_dressing_keeps_the_surface(shape: str, pattern: str) -> None:
    bare, dressed = mesh(shape), dress(mesh(shape), pattern)
    assert areas(dressed).sum() == pytest.approx(bare.area, rel=1e-6)
    np.testing.assert_allclose(dressed.vertices.min(axis=0), np.asarray(bare.vertices).min(axis=0), atol=1e-9)
    np.testing.assert_allclose(dressed.vertices.max(axis=0), np.asarray(bare.vertices).max(axis=0), atol=1e-9)


def test_plain_is_all_one_color() -> None:
    assert tile("plain").tolist() == [[0.0]]
