"""The light around a scene: as bright as the lights of the layout say, and from where they say."""

from dataclasses import replace

import numpy as np
import pytest

from fourfold.scenes.model.backgrounds import Lights
from fourfold.scenes.model.layout import Layout, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.render.environment import directions, environment
from fourfold.scenes.render.poses import light_pose, surface_pose


def layout(arrangement: str, seed: int = 0) -> Layout:
    made = place(SceneSpec((ObjectSpec("cube", "red"),), arrangement), np.random.default_rng(seed), tries=5000)
    assert made is not None
    return made


def with_lights(scene: Layout, **strengths: float) -> Layout:
    alone = {"key": 0.0, "fill": 0.0, "rim": 0.0, "warmth": 0.0} | strengths
    lights = Lights(scene.lights.azimuth, scene.lights.elevation, **alone)
    return replace(scene, lights=lights)


def test_directions_cover_the_whole_sphere() -> None:
    ways, areas = directions()
    assert areas.sum() == pytest.approx(4 * np.pi, rel=1e-3)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=-1), 1.0)
    np.testing.assert_allclose((ways * areas[..., None]).sum(axis=(0, 1)), 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_key_light_lights_what_faces_it_with_its_strength(seed: int) -> None:
    scene = with_lights(layout("table", seed), key=0.8)
    ways, areas = directions()
    to_light = light_pose(scene)[:3, 2]
    arriving = (environment(scene).radiance[..., 1] * areas * np.maximum(ways @ to_light, 0)).sum() / np.pi
    assert arriving == pytest.approx(0.8, rel=0.1)
    brightest = np.unravel_index(environment(scene).radiance[..., 1].argmax(), areas.shape)
    assert ways[brightest] @ to_light > np.cos(np.radians(9))


def test_the_sky_lights_an_open_floor_with_its_strength() -> None:
    assert environment(with_lights(layout("table"), fill=0.5)).open_light == pytest.approx([0.5] * 3, rel=0.1)


@pytest.mark.parametrize("arrangement", ["table", "floating"])
def test_nothing_shines_through_the_floor_or_wall(arrangement: str) -> None:
    scene = layout(arrangement)
    behind = directions()[0] @ surface_pose(scene)[:3, 2] < -0.1
    assert not environment(scene).radiance[behind].any()
    assert environment(scene).radiance[~behind].max() > 1
