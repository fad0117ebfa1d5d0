"""The words for how an object looks, and what each word means in numbers. A new word is a new row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fourfold.errors import unknown_name
from fourfold.scenes.model.colors import ciede2000, lab_from_srgb, srgb_from_lab


@dataclass(frozen=True)
class Color:
    """A basic color term as a region of CIELAB: a focal color and how far a surface may stray from it."""

    name: str
    rgb: tuple[int, int, int]  # focal color, sRGB 0..255
    radius: float = 4.0  # CIEDE2000


@dataclass(frozen=True)
class Size:
    """A size class: the largest extent of the object in scene units."""

    name: str
    scale: float


@dataclass(frozen=True)
class Material:
    """How a surface answers light: `metallic` tints its reflections, `gloss` is how sharp and strong they are."""

    name: str
    metallic: float
    gloss: float


@dataclass(frozen=True)
class Finish:
    """How a surface of one material answers light in a look that is given in numbers."""

    scattered: float  # share of the light that it scatters in its own color
    deepened: float  # by how much less where it would be white, so that white reflections are seen there too
    mirrored: float  # strength of the hall that it mirrors, seen head on
    windows: float  # strength of the windows in it
    edge: float  # by how much more it mirrors at grazing angles
    tinted: float  # 1: reflections have the surface's color, as a metal's; 0: they are white
    roughness: float  # how far the edges in what it mirrors are washed out
    brushed: float  # how strong fine lines along the surface bend what it mirrors
    highlight: float  # strength of the light's own image
    sharpness: float  # of that image, an exponent


@dataclass(frozen=True)
class Pattern:
    """A surface pattern, drawn in the object's own coordinates; `code` is what the shader knows it by."""

    name: str
    code: int
    frequency: float  # repetitions over the object's largest extent


# The eleven basic color terms of Berlin and Kay; focal colors chosen so that each stays itself under our lights.
COLORS = {
    color.name: color
    for color in (
        Color("red", (204, 24, 30)),
        Color("orange", (252, 138, 12)),
        Color("yellow", (248, 216, 32)),
        Color("green", (32, 150, 52)),
        Color("blue", (28, 76, 210)),
        Color("purple", (122, 40, 168)),
        Color("pink", (248, 150, 190)),
        Color("brown", (112, 66, 34)),
        Color("black", (26, 26, 28)),
        Color("white", (242, 242, 240)),
        Color("gray", (128, 130, 133)),
    )
}
SIZES = {size.name: size for size in (Size("small", 0.62), Size("medium", 0.86), Size("large", 1.20))}
MATERIALS = {
    material.name: material
    for material in (Material("matte", 0.0, 0.0), Material("metal", 1.0, 0.75), Material("glossy", 0.0, 1.0))
}
# How materials are drawn, by the number that a layout carries. 1 is the look of the first pictures, which renderers
# know by `Material` alone: it tells materials apart by highlights and edges, of which flat faces have none. In 2 a
# material that has a row mirrors a hall with a horizon and windows, which a place on the object shifts, so that flat
# faces show them too; one that has none is matte.
MATERIAL_LOOKS: dict[int, Mapping[str, Finish]] = {
    1: {},
    2: {
        "metal": Finish(0.25, 0.0, 1.2, 1.1, 0.2, 1.0, 0.10, 0.12, 0.9, 40.0),
        "glossy": Finish(0.88, 0.17, 0.01, 0.36, 0.15, 0.0, 0.0, 0.0, 1.0, 160.0),
    },
}
PATTERNS = {
    pattern.name: pattern
    for pattern in (
        Pattern("plain", 0, 0.0),
        Pattern("striped", 1, 4.5),
        Pattern("dotted", 2, 4.5),
        Pattern("checkered", 3, 3.0),
    )
}
# A pattern adds near white or near black: a striped star of these two is a white one and a black one alike.
ONE_OF_TWO = ("white", "black")
TABLES: dict[str, Mapping[str, Any]] = {"color": COLORS, "size": SIZES, "material": MATERIALS, "pattern": PATTERNS}
SIZE_JITTER = 0.05  # each object's scale strays by this fraction of its class


def can_wear(color: str, pattern: str) -> bool:
    """Whether a thing of this color and pattern can be named by the one color."""
    return pattern == "plain" or color not in ONE_OF_TWO


def check_material_look(look: object) -> int:
    """The look, if it is a row of MATERIAL_LOOKS; InputError with the choices if not."""
    if type(look) is not int or look not in MATERIAL_LOOKS:
        raise unknown_name("material look", str(look), map(str, MATERIAL_LOOKS))
    return look


def check_names(attribute: str, names: Iterable[str], where: str = "") -> None:
    """Raise InputError for a name that the attribute's table does not hold; the message lists the choices."""
    for name in names:
        if name not in TABLES[attribute]:
            raise unknown_name(attribute, name, TABLES[attribute], where)


def sample_rgb(color: str, rng: np.random.Generator) -> tuple[int, int, int]:
    """A random surface color of that name, sRGB 0..255: at most the term's radius (CIEDE2000) from its focal color."""
    row = COLORS[color]
    focal = lab_from_srgb(np.array(row.rgb) / 255)
    for _ in range(20):
        lab = focal + rng.normal(size=3) * row.radius * 0.6
        srgb = srgb_from_lab(lab)
        if ciede2000(focal, lab) <= row.radius and srgb.min() >= 0 and srgb.max() <= 1:
            red, green, blue = (int(value) for value in np.round(srgb * 255))
            return red, green, blue
    return row.rgb


@cache
def _focal_labs() -> tuple[tuple[str, ...], np.ndarray]:
    return tuple(COLORS), lab_from_srgb(np.array([color.rgb for color in COLORS.values()]) / 255)  # [11, 3]


def color_distances(labs: np.ndarray) -> np.ndarray:
    """How far measured colors `[n, 3]` (CIELAB) are from each color term, `[n, 11]` in the order of COLORS.

    CIEDE2000 with lightness counting half: shading changes lightness first.
    """
    _, focal = _focal_labs()
    return ciede2000(focal[None], np.asarray(labs)[:, None], lightness_weight=2.0)


def color_difference(name1: str, name2: str) -> float:
    """CIEDE2000, from 0, between the focal colors of two terms: the difficulty axis `color_distance`."""
    names, focal = _focal_labs()
    return float(ciede2000(focal[names.index(name1)], focal[names.index(name2)]))
