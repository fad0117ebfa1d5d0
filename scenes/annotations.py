"""What a rendering shows of each object, measured on the pixels: box, visible part, color."""

from dataclasses import dataclass, replace

import numpy as np

from scenes.colors import lab_from_srgb
from scenes.layout import Layout
from scenes.rendering import Rendering
from scenes.vocabulary import COLORS, color_distances

_SAMPLE = 200  # pixels of an object that vote on its color


@dataclass(frozen=True)
class ObjectAnnotation:
    """One object as the picture shows it. Pixels; boxes are [left, top, right, bottom), right and bottom excluded."""

    mask_value: int  # its number in the instance mask
    bbox: tuple[int, int, int, int]  # (0, 0, 0, 0) if nothing of it is seen
    visible_pixels: int
    visible_fraction: float  # of the silhouette it would have if nothing hid it
    touches_border: bool
    color_votes: dict[str, float]  # color term -> share of its pixels that are nearest to the term


def annotate(layout: Layout, rendering: Rendering) -> tuple[ObjectAnnotation, ...]:
    """Measure every object of the layout on its rendering."""
    return tuple(_annotate_one(rendering, i) for i in range(len(layout.objects)))


def with_visibility(layout: Layout, annotations: tuple[ObjectAnnotation, ...]) -> Layout:
    """The layout with each object's measured visible fraction, which claims about it depend on."""
    things = zip(layout.objects, annotations, strict=True)
    return replace(layout, objects=tuple(replace(thing, visible_fraction=a.visible_fraction) for thing, a in things))


def _annotate_one(rendering: Rendering, i: int) -> ObjectAnnotation:
    mask = rendering.instances == i + 1
    pixels = int(mask.sum())
    if not pixels:
        return ObjectAnnotation(i + 1, (0, 0, 0, 0), 0, 0.0, False, {})
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    height, width = mask.shape
    return ObjectAnnotation(
        mask_value=i + 1,
        bbox=(left, top, right, bottom),
        visible_pixels=pixels,
        visible_fraction=round(pixels / max(int(rendering.silhouettes[i]), pixels), 4),
        touches_border=left == 0 or top == 0 or right == width or bottom == height,
        color_votes=vote_on_color(rendering.color[mask]),
    )


def vote_on_color(pixels: np.ndarray) -> dict[str, float]:
    """Share of the pixels `[n, 3]` (sRGB uint8) that are nearest to each color term; terms without votes left out."""
    labs = lab_from_srgb(pixels[:: max(1, len(pixels) // _SAMPLE)] / 255)  # [n, 3]
    nearest = color_distances(labs).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(COLORS)) / len(labs)
    return {name: round(float(share), 3) for name, share in zip(COLORS, shares, strict=True) if share > 0}
