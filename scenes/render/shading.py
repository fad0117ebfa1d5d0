"""The light model of `shaders/mesh.frag` in numpy, for renderers without a graphics card. Change both together."""

from dataclasses import dataclass

import numpy as np

from fourfold.scenes.model.backgrounds import SURFACES, Background, Lights
from fourfold.scenes.model.colors import linear_from_srgb
from fourfold.scenes.model.layout import PlacedObject
from fourfold.scenes.model.vocabulary import MATERIAL_LOOKS, MATERIALS, PATTERNS, Finish

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_FAR_DIMMING = 0.98  # the far color is what a lit floor would look like
_FILL_TINT = np.array([0.9925, 0.995, 1.005])


@dataclass(frozen=True)
class Hits:
    """Places that rays hit, all on one object or all on the surface."""

    position: np.ndarray  # [n, 3] world
    normal: np.ndarray  # [n, 3] world, unit
    to_eye: np.ndarray  # [n, 3] unit
    steps: np.ndarray  # [n, 2, 3] to what the pixels to the right and above show, in the coordinates of `local`
    local: np.ndarray  # [n, 3] position in the object's own coordinates; on the surface those of the world
    local_normal: np.ndarray  # [n, 3]
    place: np.ndarray  # [n, 3] from the object's middle, world directions, in units of its largest extent


@dataclass(frozen=True)
class Incoming:
    """Light that arrives at hits."""

    to_light: np.ndarray  # [3] unit
    lit: np.ndarray  # [n] share of the key light that is not in shadow
    light: np.ndarray  # [n, 3] key, fill and rim together


def far_color(background: Background) -> np.ndarray:
    """Linear color of what is beyond every surface, [3], 0..1."""
    return linear_from_srgb(np.array(background.far) / 255) * _FAR_DIMMING


def incoming(hits: Hits, lights: Lights, to_light: np.ndarray, lit: np.ndarray) -> Incoming:
    """Light that arrives at hits: key light from `to_light` [3], of which the share `lit` [n] arrives, fill and rim."""
    warm = np.array([1 + 0.035 * lights.warmth, 1.0, 1 - 0.045 * lights.warmth])
    key = lights.key * np.maximum(hits.normal @ to_light, 0.0) * lit
    fill = lights.fill * _mix(0.70, 1.0, hits.normal[:, 2] * 0.5 + 0.5)
    rim = lights.rim * (1 - _facing(hits)) ** 3
    return Incoming(to_light, lit, key[:, None] * warm + fill[:, None] * _FILL_TINT + rim[:, None])


def object_color(thing: PlacedObject, hits: Hits, come: Incoming, look: int) -> np.ndarray:
    """Linear color of an object at hits, [n, 3], in a look of materials."""
    material = MATERIALS[thing.material]
    albedo = _patterned(thing, hits)
    color = albedo * come.light
    if look != 1:
        finish = MATERIAL_LOOKS[look].get(thing.material)
        return _finished(finish, material.metallic > 0.5, albedo, hits, come) if finish else color
    mirrored = 2 * _dot(hits.normal, hits.to_eye)[:, None] * hits.normal - hits.to_eye
    half = _unit(come.to_light + hits.to_eye)
    shine = np.maximum(_dot(hits.normal, half), 0.0)
    fresnel = ((1 - _facing(hits)) ** 5)[:, None]
    studio, lit = _studio(mirrored, come.to_light)[:, None], come.lit[:, None]
    if material.metallic > 0.5:  # reflections take the metal's color
        mirror = _mix(albedo, 1.0, 0.02 + 0.25 * fresnel) * studio * _mix(0.75, 1.0, lit)
        return color * 0.72 + mirror * 0.5 + albedo * lit * 0.9 * (shine**60)[:, None]
    if material.gloss > 0:  # a clear coat: a small sharp highlight and a faint white reflection
        coat = (0.03 + 0.45 * fresnel) * studio * _mix(0.4, 1.0, lit)
        highlight = lit * 0.95 * _smoothstep(0.25, 0.9, shine**160)[:, None]
        return color * (1 - 0.06 * material.gloss) + material.gloss * (coat + highlight)
    return color


def surface_color(background: Background, hits: Hits, come: Incoming) -> np.ndarray:
    """Linear color of the floor or wall at hits, [n, 3]."""
    tint = linear_from_srgb(np.array(background.tint) / 255)
    color = tint * _SURFACE_SHADES[background.surface](hits)[:, None] * come.light
    p = hits.position
    if background.surface == "wall":  # a little darker away from its middle
        return color * (1 - 0.0077 * (p[:, 0] ** 2 + p[:, 2] ** 2))[:, None]
    away = _smoothstep(3.2, 9.0, np.hypot(p[:, 0], p[:, 1]))[:, None]
    return _mix(color, far_color(background), away)


def photo_color(pixels: np.ndarray, hits: Hits, lights: Lights, come: Incoming) -> np.ndarray:
    """Linear color [n, 3] of a photo's pixels [n, 3] (sRGB 0..1), dimmed by shadows alone: a photo is lit already."""
    arrives = lights.key * np.maximum(hits.normal @ come.to_light, 0.0)
    share = (lights.fill + arrives * come.lit) / (lights.fill + arrives)
    return as_light(pixels) * share[:, None]


def as_light(pixels: np.ndarray) -> np.ndarray:
    """Linear color `[...]` that is displayed as these values `[...]` in 0..1: the shader's power, not sRGB's curve."""
    return np.asarray(pixels**2.2)


def pattern_colors(thing: PlacedObject) -> tuple[np.ndarray, np.ndarray]:
    """Linear colors [3] of an object and of its pattern: near black on what is pale, near white on what is dark."""
    own = linear_from_srgb(np.array(thing.rgb) / 255)
    return own, np.full(3, 0.016) if own @ _LUMINANCE > 0.42 else _mix(own, 1.0, 0.88)


def _patterned(thing: PlacedObject, hits: Hits) -> np.ndarray:
    """Linear surface color [n, 3]: the object's own, or near white or black where its pattern says so."""
    own, second = pattern_colors(thing)
    if thing.pattern == "plain":
        return np.broadcast_to(own, hits.position.shape)
    row = PATTERNS[thing.pattern]
    share = _PATTERN_SHARES[row.name](hits, row.frequency)
    return _mix(own, second, share[:, None])


def _stripes(hits: Hits, frequency: float) -> np.ndarray:
    slope = np.array([0.30, 0.22, 1.0]) * frequency
    width = 0.6 * np.abs(hits.steps @ slope).sum(axis=1)
    return _smoothstep(0.31 - width, 0.31 + width, np.abs((hits.local @ slope) % 1 - 0.5))


def _dots(hits: Hits, frequency: float) -> np.ndarray:
    steep = np.abs(hits.local_normal)
    up = steep[:, 2] >= np.maximum(steep[:, 0], steep[:, 1])
    side = steep[:, 0] >= steep[:, 1]
    dropped = np.where(up, 2, np.where(side, 0, 1))  # the axis that the surface faces
    plane = np.arange(3) != dropped[:, None]  # [n, 3]
    width = 0.6 * (np.abs(hits.steps).sum(axis=1) * plane).max(axis=1) * frequency
    radius = np.linalg.norm(((hits.local * frequency) % 1 - 0.5) * plane, axis=1)
    return 1 - _smoothstep(0.28 - width, 0.28 + width, radius)


def _checks(hits: Hits, frequency: float) -> np.ndarray:
    return np.floor(hits.local * frequency).sum(axis=1) % 2


_PATTERN_SHARES = {"striped": _stripes, "dotted": _dots, "checkered": _checks}


def _planks(hits: Hits) -> np.ndarray:
    x, y = hits.position[:, 0], hits.position[:, 1]
    plank = np.floor(y * 1.9)
    across, along = x * 0.9 + _hash(plank, np.full_like(plank, 3.0)) * 17, y * 14
    grain = _noise(across * 1.2, along) * 0.6 + _noise(across * 3.0, along * 2.3) * 0.4
    joint = _smoothstep(0.0, 0.03, 0.5 - np.abs((y * 1.9) % 1 - 0.5))
    return (0.84 + 0.20 * grain + 0.08 * (_hash(plank, np.full_like(plank, 7.0)) - 0.5)) * _mix(0.80, 1.0, joint)


def _tiles(hits: Hits) -> np.ndarray:
    p = hits.position[:, :2] * 1.1 + 0.25
    edge = np.abs(p % 1 - 0.5).max(axis=1)
    shade = 0.95 + 0.07 * _hash(*np.floor(p).T)
    width = np.abs(hits.steps[:, :, :2]).sum(axis=(1, 2))
    return _mix(shade, 0.78, _smoothstep(0.485 - width, 0.490 + width, edge))


def _grass(hits: Hits) -> np.ndarray:
    x, y = hits.position[:, 0], hits.position[:, 1]
    return 0.78 + 0.26 * _noise(x * 26, y * 11) + 0.14 * _noise(x * 3.1, y * 3.1)


def _sand(hits: Hits) -> np.ndarray:
    x, y = hits.position[:, 0], hits.position[:, 1]
    return 0.90 + 0.08 * _noise(x * 34, y * 34) + 0.07 * _noise(x * 2.1, y * 6.3)


def _even(hits: Hits) -> np.ndarray:
    return np.ones(len(hits.position))


_SURFACE_SHADES = dict.fromkeys(SURFACES, _even) | {"wood": _planks, "tiles": _tiles, "grass": _grass, "sand": _sand}


def _studio(r: np.ndarray, to_light: np.ndarray) -> np.ndarray:
    """What a mirror sees in direction r `[n, 3]`: sky above, a soft box at the key light, a strip beside it; [n]."""
    sky = _smoothstep(-0.35, 0.75, r[:, 2])
    box = _smoothstep(0.72, 0.93, r @ to_light)
    beside = _smoothstep(0.80, 0.92, r[:, 1] * to_light[0] - r[:, 0] * to_light[1])
    strip = beside * (1 - _smoothstep(0.1, 0.6, np.abs(r[:, 2] - 0.15)))
    return _mix(0.24, 0.86, sky) + 1.1 * box + 0.5 * strip


def _finished(finish: Finish, metal: bool, albedo: np.ndarray, hits: Hits, come: Incoming) -> np.ndarray:
    """A metal or a clear coat in the hall, [n, 3]."""
    n, v = hits.normal, hits.to_eye
    fresnel = (1 - _facing(hits)) ** 5
    mirrored = 2 * _dot(n, v)[:, None] * n - v
    if metal:
        x, y, z = hits.local.T
        mirrored[:, 2] += finish.brushed * (2 * _noise(2 * (x + y), 24 * z) - 1)
    hall, window = _hall(mirrored, hits.place, come.to_light, 0.05 + finish.roughness)
    shine = np.maximum(_dot(n, _unit(come.to_light + v)), 0.0) ** finish.sharpness
    if not metal:
        shine = _smoothstep(0.25, 0.9, shine)
    hue = albedo / albedo.max(axis=1, keepdims=True)
    paleness, grayness = albedo @ _LUMINANCE, hue.min(axis=1)
    glow = finish.windows * (0.7 + 0.5 * paleness)
    tint = _mix(_mix(1.0, hue, 0.4), albedo + (0.02 + 0.04 * grayness)[:, None], finish.tinted)
    own = albedo * come.light
    scattered = finish.scattered - finish.deepened * (own @ _LUMINANCE) ** 2
    seen = (finish.mirrored + finish.edge * fresnel) * hall + glow * window
    shown = seen * _mix(0.75, 1.0, come.lit) + finish.highlight * come.lit * shine
    return own * scattered[:, None] + tint * shown[:, None]


def _hall(r: np.ndarray, place: np.ndarray, to_light: np.ndarray, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """What a mirror sees in direction r `[n, 3]`: sky over a dark horizon and a floor, [n]; and windows, 0..1, [n].

    A place on the object `[n, 3]` shifts both, as if the walls were near: flat faces, where r is all but one, see edges
    too.
    """
    x, y = to_light[:2] / np.linalg.norm(to_light[:2])
    way = 0.4 * r + place
    ahead, aside = way[:, 0] * x + way[:, 1] * y, way[:, 1] * x - way[:, 0] * y
    up = _unit(r + place)[:, 2]
    sky = _mix(0.75, 0.45, _smoothstep(0.0, 1.0, up))
    ground = _mix(0.06, 0.50, _smoothstep(0.0, 0.9, -up))
    slant = np.abs((0.95 * aside + 1.4 * way[:, 2] + 0.5 * ahead + 0.15) % 1 - 0.5) * 2
    window = _smoothstep(0.75 - soft, 0.75 + soft, slant)
    return _mix(ground, sky, _smoothstep(-soft, soft, up)), window


def _hash(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    q = (np.stack([x, y, x], axis=1) * 0.1031) % 1
    q = q + (q * (q[:, [1, 2, 0]] + 33.33)).sum(axis=1, keepdims=True)
    return ((q[:, 0] + q[:, 1]) * q[:, 2]) % 1


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Smooth noise between random values at whole numbers, 0..1."""
    i, j = np.floor(x), np.floor(y)
    u, v = _smoothstep(0.0, 1.0, x - i), _smoothstep(0.0, 1.0, y - j)
    low, high = (_mix(_hash(i, k), _hash(i + 1, k), u) for k in (j, j + 1))
    return _mix(low, high, v)


def _facing(hits: Hits) -> np.ndarray:
    return np.clip(_dot(hits.normal, hits.to_eye), 0.0, 1.0)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", a, b)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _mix(a: np.ndarray | float, b: np.ndarray | float, t: np.ndarray | float) -> np.ndarray:
    return np.asarray(a + (b - a) * t)


def _smoothstep(low: np.ndarray | float, high: np.ndarray | float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
