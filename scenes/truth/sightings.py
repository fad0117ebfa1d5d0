"""What a picture alone shows of each object: measured on color, depth and mask, never read from the layout.

Only two things are told: which kind of thing each number in the mask is, and the camera. Everything else is measured,
with what cannot be told apart left open, so that `fourfold.scenes.truth.label_check` can contradict a label
that the pixels deny.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from fourfold.scenes.model.camera import Camera, axes, pose
from fourfold.scenes.model.colors import lab_from_srgb, linear_from_srgb, srgb_from_linear
from fourfold.scenes.model.vocabulary import COLORS, SIZE_JITTER, SIZES, TABLES, color_distances
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.shapes import KINDS, Kind, mesh

_GRAYS = ("white", "gray", "black")  # also the second colors of patterns
_IN_SHADE = ("orange", "brown")
_SEEN = 0.1  # share of the pixels that is not a few in a corner
_PALE = 0.55  # light that surfaces and walls send back in full light, of 1
_WHOLE = 0.97  # share of its silhouette that an object must show for its extent to be known
_LEAST_HEIGHT = 0.72  # share of a thing's height that can be seen from above
_STEEPEST = np.radians(60)  # that a thing is seen from above: a camera's elevation, and half its angle of view
_SLACK = 1.04  # of measured extents
_OFF_AXIS = 20.0  # degrees by which a thing at the border is seen from another side than one in the middle


@dataclass(frozen=True)
class Sighting:
    """One object as pixels show it. Places in the picture are 0..1 to the right and down; lengths in scene units."""

    visible_fraction: float
    centre: tuple[float, float]  # of its pixels
    middle: np.ndarray  # [3] of its visible surface, world
    lowest: float  # visible points, above the ground
    highest: float
    across: float  # its width as seen
    whole: bool  # nothing hides a part of it
    may_be: dict[str, frozenset[str]]  # attribute or "shape" -> the words that the pixels allow
    number: int = 0  # in the mask
    surface: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))  # [n, 3] its visible points, world
    # number of what is seen right below it -> see `_gaps_below`
    over: Mapping[int, float] = field(default_factory=dict)
    adjoins: frozenset[int] = frozenset()  # numbers of those with which it shares an edge in the picture

    @property
    def height(self) -> float:
        """Between its lowest and its highest visible point."""
        return self.highest - self.lowest


def look(rendering: Rendering, shapes: Sequence[str], camera: Camera) -> tuple[Sighting | None, ...]:
    """Measure every object of a rendering, `shapes` being the kinds of objects 1, 2, ...; None for one never seen."""
    points = _world_points(rendering.depth, camera)  # [h, w, 3]
    return tuple(_look_at(rendering, points, shape, i + 1, camera) for i, shape in enumerate(shapes))


def _look_at(rendering: Rendering, points: np.ndarray, shape: str, number: int, camera: Camera) -> Sighting | None:
    mask = rendering.instances == number
    pixels = int(mask.sum())
    if not pixels:
        return None
    size = len(mask)
    rows, columns = np.nonzero(mask)
    surface = points[mask]  # [n, 3]
    fraction = pixels / max(int(rendering.silhouettes[number - 1]), pixels)
    pixel = 2 * np.tan(np.radians(camera.fov) / 2) * float(np.median(rendering.depth[mask])) / size
    across = float(np.ptp(surface @ axes(camera)[0])) + pixel
    lowest, highest = float(surface[:, 2].min()), float(surface[:, 2].max())
    whole = fraction >= _WHOLE
    sizes = _possible_sizes(shape, highest - lowest, across, pixel, whole)
    return Sighting(
        visible_fraction=fraction,
        centre=((float(columns.mean()) + 0.5) / size, (float(rows.mean()) + 0.5) / size),
        middle=surface.mean(axis=0),
        lowest=lowest,
        highest=highest,
        across=across,
        whole=whole,
        may_be={
            "shape": frozenset((shape,)),
            "color": _colors_by_eye(rendering, mask),
            "size": sizes,
            "material": frozenset(TABLES["material"]),
            "pattern": frozenset(TABLES["pattern"]),
        },
        number=number,
        surface=surface,
        over=_gaps_below(rendering.instances, points, number),
        adjoins=_neighbours(rendering.instances, mask),
    )


def _neighbours(instances: np.ndarray, mask: np.ndarray) -> frozenset[int]:
    """Numbers of the objects that have a pixel beside, above or below one of the mask."""
    padded = np.pad(mask, 1)
    around = (padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]) & ~mask
    return frozenset(np.unique(instances[around]).tolist()) - {0}


def _gaps_below(instances: np.ndarray, points: np.ndarray, number: int) -> dict[int, float]:
    """Least distance (scene units) from what is seen of an object to each one that is seen below it in a column.

    Only the ground or a wall may be between the two in the picture: a thing that rests on another shows no gap, or the
    small one to the rim that its own overhang hides.
    """
    size, found = len(instances), dict[int, float]()
    # The first row with an object below each pixel, `size` where there is none.
    lower = np.where(instances > 0, np.arange(size)[:, None], size)
    first = np.vstack([np.minimum.accumulate(lower[::-1], axis=0)[::-1][1:], np.full((1, size), size)])
    rows, columns = np.nonzero((instances == number) & (first < size))
    below = first[rows, columns]
    numbers = instances[below, columns]
    away = np.linalg.norm(points[rows, columns] - points[below, columns], axis=1)
    for other in np.unique(numbers[numbers != number]):
        found[int(other)] = float(away[numbers == other].min())
    return found


def _world_points(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """World coordinates of what every pixel's centre shows, [h, w, 3]."""
    size, half = len(depth), np.tan(np.radians(camera.fov) / 2)
    along = ((np.arange(size) + 0.5) / size * 2 - 1) * half
    right, down = np.meshgrid(along, along)
    local = np.stack([right, -down, np.full_like(right, -1.0)], axis=-1) * depth[..., None]
    matrix = pose(camera)
    return local @ matrix[:3, :3].T + matrix[:3, 3]


def _colors_by_eye(rendering: Rendering, mask: np.ndarray) -> frozenset[str]:
    """Color terms allowed as the pixels are, and as they seem to eyes used to a dim picture's surroundings."""
    pixels, around = rendering.color[_inner(mask)], rendering.color[rendering.instances == 0]
    brightness = float(linear_from_srgb(np.median(around, axis=0) / 255).mean()) if len(around) else _PALE
    adapted = srgb_from_linear(linear_from_srgb(pixels / 255) * float(np.clip(_PALE / brightness, 1.0, 1.6)))
    return possible_colors(pixels) | possible_colors(adapted * 255)


def _inner(mask: np.ndarray) -> np.ndarray:
    """The mask without its edge, whose pixels mix two colors; all of it if little would be left."""
    padded = np.pad(mask, 1)
    inner = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inner if inner.sum() >= 0.3 * mask.sum() else mask


def possible_colors(pixels: np.ndarray) -> frozenset[str]:
    """Color terms that pixels `[n, 3]` (sRGB 0..255) allow: most often one.

    White, gray and black may be the second color of a pattern, so a good share of a hue goes before them. Orange in the
    shade is brown: where both are seen, all of it may be either.
    """
    nearest = color_distances(lab_from_srgb(pixels / 255)).argmin(axis=1)
    shares = dict(zip(COLORS, np.bincount(nearest, minlength=len(COLORS)) / len(pixels), strict=True))
    shaded = dict.fromkeys(_IN_SHADE, sum(shares[name] for name in _IN_SHADE))
    both = min(shares[name] for name in _IN_SHADE) >= _SEEN
    return _likely(shares) | (_likely(shares | shaded) if both else frozenset())


def _likely(shares: Mapping[str, float]) -> frozenset[str]:
    """The color terms that go with these shares of a thing's pixels, of 1."""
    hues = {name: share for name, share in shares.items() if name not in _GRAYS}
    most = max(hues.values())
    if most >= 0.25:
        likely = {name for name, share in hues.items() if share >= 0.7 * most}
        return frozenset(likely | {name for name in _GRAYS if shares[name] >= 1.25 * most})
    gray = max(shares[name] for name in _GRAYS)
    return frozenset(name for name, share in shares.items() if share >= 0.4 * gray)


def _possible_sizes(shape: str, height: float, across: float, pixel: float, whole: bool) -> frozenset[str]:
    """Size classes that the measured extents allow to this kind; what is hidden in part may be larger."""
    tall, shown, narrow, wide = _extents(KINDS[shape])
    least = max((height - pixel) / tall, (across - pixel) / wide) / _SLACK
    most = min((height + 2 * pixel) / shown, (across + pixel) / narrow) * _SLACK
    return frozenset(
        row.name
        for row in SIZES.values()
        if row.scale * (1 + SIZE_JITTER) >= least and (not whole or row.scale * (1 - SIZE_JITTER) <= most)
    )


@cache
def _extents(kind: Kind) -> tuple[float, float, float, float]:
    """Height at scale 1, the least of it that is seen, and the least and greatest width in the kind's turns."""
    solid = mesh(kind.name)
    vertices = np.asarray(solid.vertices)
    low, high = kind.yaw if kind.front is None else (0.0, 360.0)  # it may be shown from any side
    turns = np.radians(np.arange(low - _OFF_AXIS, high + _OFF_AXIS + 1, 5))
    widths = np.ptp(vertices[:, :2] @ np.stack([np.cos(turns), -np.sin(turns)]), axis=0)
    tall = float(np.ptp(vertices[:, 2]))
    # Of a bowl-like thing the camera above sees the rim and little of the underside.
    views = np.cos(_STEEPEST) * np.stack([np.cos(turns), np.sin(turns)], axis=1)  # [turns, 2]
    towards = np.asarray(solid.face_normals) @ np.column_stack([views, np.full(len(views), np.sin(_STEEPEST))]).T
    heights = vertices[np.asarray(solid.faces), 2]  # [faces, 3]
    shown = min(float(np.ptp(heights[seen > 0.01])) for seen in towards.T)
    return tall, min(_LEAST_HEIGHT * tall, shown), float(widths.min()), float(widths.max())
