"""The light around a scene as a picture of all directions, for renderers that follow light: sky, rim and a soft box."""

from dataclasses import dataclass

import numpy as np

from fourfold.scenes.model.camera import axes
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.render.poses import light_pose, surface_pose

_ROWS, _COLUMNS = 64, 128
_BOX = np.radians([8.0, 10.0])  # the key light's radius as seen from the scene: full light within, none beyond
_GLOW = np.radians([0.0, 70.0])  # light around the box, without which metals would mirror little but the sky
_GLOWS = 0.15  # share of the key light in it
_RIM = np.radians([25.0, 40.0])
_RIM_GAIN = 3.0  # the shader's rim is an edge on every object; a light behind them reaches fewer places
_SKY_TINT = np.array([0.9925, 0.995, 1.005])


@dataclass(frozen=True)
class Environment:
    """Light that arrives from every direction. A radiance of 1 all around shows a white surface as white."""

    radiance: np.ndarray  # [h, w, 3] linear; row 0 is straight up, column 0 begins at +y and goes towards +x
    open_light: np.ndarray  # [3] what arrives at the floor or wall where nothing is in the way, 1 for white


def environment(layout: Layout) -> Environment:
    """The environment of a layout: its key light as a round soft box, its fill as a sky, its rim light behind.

    Nothing comes from below the floor or behind the wall: it would not arrive, and would be sampled in vain.
    """
    lights, to_light = layout.lights, light_pose(layout)[:3, 2]
    ways, areas = directions()
    warm = np.array([1 + 0.035 * lights.warmth, 1.0, 1 - 0.045 * lights.warmth])
    box = (1 - _GLOWS) * _cap(ways, areas, to_light, _BOX) + _GLOWS * _cap(ways, areas, to_light, _GLOW)
    back = -axes(layout.camera)[2] * [1, 1, 0]
    rim = _cap(ways, areas, back / np.linalg.norm(back) + [0, 0, 0.7], _RIM)
    sky = lights.fill * (0.85 + 0.15 * ways[..., 2])
    radiance = sky[..., None] * _SKY_TINT + lights.key * box[..., None] * warm + lights.rim * _RIM_GAIN * rim[..., None]
    facing = ways @ surface_pose(layout)[:3, 2]
    radiance = radiance * (facing > -0.05)[..., None]  # not 0: what is at the horizon is read between two rows
    share = np.maximum(facing, 0) * areas / np.pi
    return Environment(radiance, (radiance * share[..., None]).sum(axis=(0, 1)))


def directions() -> tuple[np.ndarray, np.ndarray]:
    """World directions of the pixels of an environment, [h, w, 3], and the solid angles that they cover, [h, w]."""
    down = (np.arange(_ROWS) + 0.5) / _ROWS * np.pi
    around = (np.arange(_COLUMNS) + 0.5) / _COLUMNS * 2 * np.pi
    flat = np.sin(down)[:, None]
    up = np.broadcast_to(np.cos(down)[:, None], (_ROWS, _COLUMNS))
    ways = np.stack([np.sin(around) * flat, np.cos(around) * flat, up], axis=-1)
    return ways, np.broadcast_to(flat * (np.pi / _ROWS) * (2 * np.pi / _COLUMNS), up.shape)


def _cap(ways: np.ndarray, areas: np.ndarray, middle: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """A round light about a direction [3], [h, w], that lights what faces it as a light of strength 1 does."""
    inner, outer = np.cos(radii)
    shape = np.clip((ways @ (middle / np.linalg.norm(middle)) - outer) / (inner - outer), 0.0, 1.0)
    return np.asarray(shape * np.pi / (shape * areas).sum())
