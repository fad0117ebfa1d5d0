"""What surrounds the objects: surfaces under and behind them, and the lights. No OpenGL here."""

from dataclasses import dataclass

import numpy as np

from fourfold.errors import unknown_name


@dataclass(frozen=True)
class Surface:
    """A procedural surface; `code` is what the shader knows it by, one of the `tints` is its color."""

    name: str
    code: int
    tints: tuple[tuple[int, int, int], ...]  # sRGB 0..255


@dataclass(frozen=True)
class Background:
    """The surface under (table) or behind (floating) the objects and the color far away, sRGB 0..255.

    With a photo the surface is PHOTO and the colors say nothing: the photo is everywhere, and only shadows fall on it.
    """

    surface: str
    tint: tuple[int, int, int]
    far: tuple[int, int, int]
    photo: str = ""  # its name, by which the renderer knows its pixels


@dataclass(frozen=True)
class Lights:
    """Key light direction in degrees relative to the camera, and strengths of key, fill and rim."""

    azimuth: float  # to the left (negative) or right of the camera
    elevation: float
    key: float
    fill: float
    rim: float
    warmth: float  # -1 cool .. 1 warm


_STUDIO = ((206, 209, 212), (212, 206, 196), (194, 205, 214), (202, 212, 200), (214, 203, 206))
SURFACES = {
    surface.name: surface
    for surface in (
        Surface("studio", 0, _STUDIO),
        Surface("wood", 1, ((206, 178, 140), (190, 160, 126), (216, 196, 166))),
        Surface("tiles", 2, ((222, 224, 222), (208, 214, 220), (226, 216, 204))),
        Surface("grass", 3, ((150, 176, 116), (164, 184, 128))),
        Surface("sand", 4, ((226, 208, 172), (218, 202, 176))),
        Surface("wall", 5, _STUDIO),
    )
}
PHOTO = "photo"  # the surface of a background that is a user's photo
ON_TABLE = ("studio", "wood", "tiles", "grass", "sand")
BEHIND = ("wall",)


def sample_background(surfaces: tuple[str, ...], rng: np.random.Generator) -> Background:
    """One of the named surfaces, with one of its tints and a pale color far away. InputError for an unknown name."""
    for name in surfaces:
        if name not in SURFACES:
            raise unknown_name("surface", name, SURFACES)
    row = SURFACES[surfaces[rng.integers(len(surfaces))]]
    tint = np.array(row.tints[rng.integers(len(row.tints))])
    far = np.array(_STUDIO[rng.integers(len(_STUDIO))])
    shift = rng.integers(-5, 6)
    return Background(row.name, _triple(tint + shift), _triple(far + shift))


def photo_background(name: str) -> Background:
    """The background that is the photo of that name."""
    return Background(PHOTO, (128, 128, 128), (128, 128, 128), name)


def sample_lights(rng: np.random.Generator) -> Lights:
    """A key light high on the left or right, a weaker fill and a rim light from behind."""
    return Lights(
        azimuth=float(np.round(rng.choice([-1, 1]) * rng.uniform(20, 60), 2)),
        elevation=float(np.round(rng.uniform(48, 66), 2)),
        key=float(np.round(rng.uniform(0.72, 0.84), 3)),
        fill=float(np.round(rng.uniform(0.44, 0.52), 3)),
        rim=float(np.round(rng.uniform(0.05, 0.15), 3)),
        warmth=float(np.round(rng.uniform(-1, 1), 3)),
    )


def _triple(values: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in np.clip(values, 0, 255))
    return red, green, blue
