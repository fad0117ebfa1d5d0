"""What a rendering shows of each object, measured on the pixels: box, visible part, color."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fourfold.scenes.model.colors import ciede2000, lab_from_srgb, linear_from_srgb, srgb_from_linear
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import COLORS, color_distances
from fourfold.scenes.render.rendering import Rendering

_SAMPLE = 200  # pixels of an object that vote on its color, at most
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_ADAPTATION = 0.8  # eyes do not adapt wholly to the light of a picture
_ALIKE = 5.0  # CIEDE2000 between pixels that no edge seems to part


@dataclass(frozen=True)
class ObjectAnnotation:
    """One object as the picture shows it. Pixels; boxes are [left, top, right, bottom), right and bottom excluded."""

    mask_value: int  # its number in the instance mask
    bbox: tuple[int, int, int, int]  # (0, 0, 0, 0) if nothing of it is seen
    visible_pixels: int
    visible_fraction: float  # of the silhouette it would have if nothing hid it
    touches_border: bool
    color_votes: dict[str, float]  # color term -> share of its pixels that are nearest to the term
    blurred: float = 0.0  # share of its outline where another object begins in the same color


def annotate(layout: Layout, rendering: Rendering) -> tuple[ObjectAnnotation, ...]:
    """Measure every object of the layout on its rendering, in the order of the layout."""
    n = len(layout.objects)
    windows = [_window(rendering.instances, i + 1) for i in range(n)]
    colors = [
        rendering.color[top : top + mask.shape[0], left : left + mask.shape[1]][mask] for mask, left, top in windows
    ]
    votes = _votes(colors, _exposure(layout, rendering))
    blurred = _blurred_outlines(rendering, n)
    return tuple(_annotate_one(rendering, i, *windows[i], votes[i], blurred[i]) for i in range(n))


def with_visibility(layout: Layout, annotations: tuple[ObjectAnnotation, ...]) -> Layout:
    """The layout with each object's measured visible fraction, which claims need; ValueError for another number."""
    things = zip(layout.objects, annotations, strict=True)
    return replace(layout, objects=tuple(replace(thing, visible_fraction=a.visible_fraction) for thing, a in things))


def _window(instances: np.ndarray, number: int) -> tuple[np.ndarray, int, int]:
    """Which pixels are an object's, in its bounding box alone, [h, w] bool; and the box's left and top."""
    mask = instances == number
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return mask[:0, :0], 0, 0
    mask = mask[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(mask.any(axis=0))
    return mask[:, columns[0] : columns[-1] + 1], int(columns[0]), int(rows[0])


def _annotate_one(
    rendering: Rendering, i: int, mask: np.ndarray, left: int, top: int, votes: dict[str, float], blurred: float
) -> ObjectAnnotation:
    pixels = int(np.count_nonzero(mask))
    if not pixels:
        return ObjectAnnotation(i + 1, (0, 0, 0, 0), 0, 0.0, False, {})
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    height, width = rendering.instances.shape
    return ObjectAnnotation(
        mask_value=i + 1,
        bbox=(left, top, right, bottom),
        visible_pixels=pixels,
        visible_fraction=round(pixels / max(int(rendering.silhouettes[i]), pixels), 4),
        touches_border=left == 0 or top == 0 or right == width or bottom == height,
        color_votes=votes,
        blurred=blurred,
    )


def vote_on_color(pixels: np.ndarray, exposure: float = 1.0) -> dict[str, float]:
    """Share of the pixels `[n, 3]` (sRGB uint8) that are nearest to each color term; terms without votes left out.

    `exposure` is how many times brighter than its pixels the picture seems.
    """
    return _votes([pixels], exposure)[0]


def _votes(objects: Sequence[np.ndarray], exposure: float) -> list[dict[str, float]]:
    """The votes of each object's pixels `[n, 3]` uint8: all in one go, and each color once, for the formula is long."""
    sampled = [pixels[:: max(-(-len(pixels) // _SAMPLE), 1)] for pixels in objects]
    every = np.concatenate([np.empty((0, 3), np.uint8), *sampled]).astype(int)
    colors, number = np.unique(every @ [1 << 16, 1 << 8, 1], return_inverse=True)
    srgb = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1) / 255  # [c, 3]
    labs = lab_from_srgb(srgb_from_linear(linear_from_srgb(srgb) * exposure))  # [c, 3]
    nearest = color_distances(labs).argmin(axis=1)[number]
    votes, start = [], 0
    for pixels in sampled:
        counts = np.bincount(nearest[start : start + len(pixels)], minlength=len(COLORS))
        shares = counts / max(len(pixels), 1)
        votes.append({name: round(float(share), 3) for name, share in zip(COLORS, shares, strict=True) if share > 0})
        start += len(pixels)
    return votes


def _exposure(layout: Layout, rendering: Rendering) -> float:
    """How many times brighter than its pixels a dim picture seems, from 1 to 2.

    A wall gets less light than a floor, and so do the things before it. People take a pale wall for a pale wall and
    judge colors against it: without this, white would count as gray there, and orange as brown.
    """
    bare = np.flatnonzero(rendering.instances == 0)[::7]  # every seventh pixel tells as much
    surroundings = np.take(rendering.color.reshape(-1, 3), bare, axis=0)
    if not len(surroundings) or layout.background.photo:  # nobody knows how pale the things on a photo are
        return 1.0
    known, seen = (
        float(linear_from_srgb(np.asarray(color) / 255) @ _LUMINANCE)
        for color in (layout.background.tint, np.median(surroundings, axis=0))
    )
    return float(np.clip(known / max(seen, 1e-3), 1.0, 2.0) ** _ADAPTATION)


def _blurred_outlines(rendering: Rendering, n: int) -> list[float]:
    """Share of each object's outline at which another object of the same color begins, so that the two seem one."""
    outlines, alike = np.zeros(n + 1), np.zeros(n + 1)
    for ids, color in (
        (rendering.instances, rendering.color),
        (rendering.instances.T, rendering.color.transpose(1, 0, 2)),
    ):
        outlines += _edge_counts(ids, ids[1:] != ids[:-1], n)
        # Pixels at an edge mix both sides, so that the colors one further away are compared.
        touching = np.zeros((len(ids) - 1, ids.shape[1]), bool)
        touching[1:-1] = (ids[2:-1] != ids[1:-2]) & (ids[2:-1] > 0) & (ids[1:-2] > 0)
        if touching.any():
            rows, columns = np.nonzero(touching)
            before, after = (lab_from_srgb(color[at, columns] / 255) for at in (rows - 1, rows + 2))
            touching[rows, columns] = ciede2000(before, after) < _ALIKE
            alike += _edge_counts(ids, touching, n)
    return [round(float(share), 4) for share in alike[1:] / np.maximum(outlines[1:], 1)]


def _edge_counts(ids: np.ndarray, edges: np.ndarray, n: int) -> np.ndarray:
    """How many of the edges between a row of pixels and the next are each object's, [n + 1]."""
    return np.bincount(ids[:-1][edges], minlength=n + 1) + np.bincount(ids[1:][edges], minlength=n + 1)
