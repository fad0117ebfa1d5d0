"""Pictures of layouts by casting rays with Embree: no graphics card, no driver. The one file that knows embreex."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Self

import numpy as np

from fourfold.errors import InputError
from fourfold.scenes.assets.photos import photo_pixels
from fourfold.scenes.model.camera import axes, pose
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.render.poses import light_pose, object_pose, surface_pose
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.render.shading import (
    Hits,
    as_light,
    far_color,
    incoming,
    object_color,
    photo_color,
    surface_color,
)
from fourfold.scenes.shapes import mesh

SURFACE = -2  # what a ray hit that is no object: the floor or wall, or nothing
NOTHING = -1
_SAMPLES = np.array([[0.375, 0.125], [0.875, 0.375], [0.125, 0.625], [0.625, 0.875]])  # in a pixel, as OpenGL's four
_TAPS = 16  # of a soft shadow, shared among the samples of a pixel
_SOFTNESS = 0.0612  # radius of its edge, scene units
_SHADOW_BIAS = 0.0162
_SHADOW_HALF = 3.456  # no shadows beyond, as the other renderer's shadow map ends there
_HALF_SURFACE = 30.0
_NEAR = 0.5
_BACKS = 8  # faces seen from behind that a ray may pass: they are not drawn


@dataclass(frozen=True)
class _Rays:
    origins: np.ndarray  # [n, 3]
    directions: np.ndarray  # [n, 3], of length 1 along the viewing axis, so that distance is depth


@dataclass(frozen=True)
class _Struck:
    """What rays hit first."""

    things: np.ndarray  # [n] number of the object, NOTHING or SURFACE
    faces: np.ndarray  # [n]
    uv: np.ndarray  # [n, 2] barycentric
    depth: np.ndarray  # [n] along the viewing axis, inf where nothing is


class RaycastingRenderer:
    """Renders with Embree on the processor; the same pictures as OpenGL's up to noise at edges.

    Raises InputError with the line to install it if embreex is missing.
    """

    def __init__(self, size: int = 224) -> None:
        self.name = "embree"
        self.size = size
        self._embree = _import_embree()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass  # nothing stays open between scenes

    def describe(self) -> dict[str, str]:
        """Names of the library and device, for manifests."""
        return {"renderer": "embreex " + version("embreex"), "device": "processor"}

    def render(self, layout: Layout) -> Rendering:
        """Color, depth, instance ids and silhouette sizes of a layout; InputError for an unknown shape or photo."""
        instances, depth, silhouettes = self._identify(layout)
        return Rendering(self._color(layout), depth, instances, silhouettes)

    def _identify(self, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids, depth and silhouettes by the rays through pixel centres: each object alone, then the nearest wins."""
        rays = _camera_rays(layout, self.size, np.array([0.5, 0.5]))
        alone = [_strike(self._scene((thing,)), rays).depth for thing in layout.objects]
        depths = np.stack([np.full(self.size**2, np.inf), *alone])  # [n + 1, h * w]
        nearest = depths.argmin(axis=0)
        depth = np.where(nearest > 0, depths.min(axis=0), 0.0)
        square = (self.size, self.size)
        silhouettes = np.isfinite(depths[1:]).sum(axis=1)
        return nearest.reshape(square).astype(np.uint8), depth.reshape(square).astype(np.float32), silhouettes

    def _color(self, layout: Layout) -> np.ndarray:
        scene = self._scene(layout.objects) if layout.objects else None
        samples = [self._sample(layout, scene, k) for k in range(len(_SAMPLES))]
        mean = np.mean(samples, axis=0).reshape(self.size, self.size, 3)
        return np.round(mean * 255).astype(np.uint8)

    def _sample(self, layout: Layout, scene: Any, k: int) -> np.ndarray:
        """Display color seen through one place in every pixel, [h * w, 3]."""
        rays = _camera_rays(layout, self.size, _SAMPLES[k])
        struck = _with_surface(_strike(scene, rays), rays, layout)
        if layout.background.photo:
            color = as_light(photo_pixels(layout.background.photo, self.size).reshape(-1, 3) / 255)
        else:
            color = np.tile(far_color(layout.background), (len(struck.things), 1))
        for number in np.unique(struck.things[struck.things != NOTHING]):
            chosen = np.flatnonzero(struck.things == number)
            color[chosen] = self._shade(layout, scene, rays, struck, chosen, k)
        return np.clip(color, 0.0, 1.0) ** (1 / 2.2)

    def _shade(
        self, layout: Layout, scene: Any, rays: _Rays, struck: _Struck, chosen: np.ndarray, k: int
    ) -> np.ndarray:
        number = int(struck.things[chosen[0]])
        thing = layout.objects[number] if number >= 0 else None
        hits = _hits(layout, thing, rays, struck, chosen, self.size)
        to_light = light_pose(layout)[:3, 2]
        soft = _SOFTNESS * (3 if layout.background.surface == "wall" and thing is None else 1)
        lit = _lit_share(layout, scene, hits, _turns(chosen, self.size), soft, range(k, _TAPS, len(_SAMPLES)))
        come = incoming(hits, layout.lights, to_light, lit)
        if thing is None and layout.background.photo:
            pixels = photo_pixels(layout.background.photo, self.size).reshape(-1, 3)[chosen] / 255
            return photo_color(pixels, hits, layout.lights, come)
        if thing is None:
            return surface_color(layout.background, hits, come)
        return object_color(thing, hits, come, layout.material_look)

    def _scene(self, things: tuple[PlacedObject, ...]) -> Any:
        scene = self._embree.rtcore_scene.EmbreeScene()
        for thing in things:
            matrix, shape = object_pose(thing), mesh(thing.shape)
            vertices = np.asarray(shape.vertices) @ matrix[:3, :3].T + matrix[:3, 3]
            faces = np.ascontiguousarray(shape.faces, dtype=np.int32)
            self._embree.mesh_construction.TriangleMesh(scene, vertices.astype(np.float32), faces)
        return scene


def _camera_rays(layout: Layout, size: int, place: np.ndarray) -> _Rays:
    """Rays through one place `[2]` (right, down; 0..1) of every pixel, row by row."""
    matrix, half = pose(layout.camera), np.tan(np.radians(layout.camera.fov) / 2)
    x = ((np.arange(size) + place[0]) / size * 2 - 1) * half
    y = -((np.arange(size) + place[1]) / size * 2 - 1) * half
    local = np.stack([np.tile(x, size), np.repeat(y, size), np.full(size**2, -1.0)], axis=1)
    return _Rays(np.broadcast_to(matrix[:3, 3], local.shape), local @ matrix[:3, :3].T)


def _strike(scene: Any, rays: _Rays) -> _Struck:
    """The first face that each ray meets from its front; faces seen from behind are passed, as OpenGL culls them."""
    n = len(rays.directions)
    struck = _Struck(np.full(n, NOTHING), np.zeros(n, int), np.zeros((n, 2)), np.full(n, np.inf))
    live, start = np.arange(n), np.full(n, _NEAR)
    for _ in range(_BACKS if scene is not None else 0):
        origins = rays.origins[live] + rays.directions[live] * start[live, None]
        found = _run(scene, origins, rays.directions[live])
        hit = found["geomID"] >= 0
        back = hit & (np.einsum("ij,ij->i", found["Ng"], rays.directions[live]) > 0)
        front, past = hit & ~back, live[back]
        done = live[front]
        struck.things[done], struck.faces[done] = found["geomID"][front], found["primID"][front]
        struck.uv[done] = np.stack([found["u"], found["v"]], axis=1)[front]
        struck.depth[done] = start[done] + found["tfar"][front]
        start[past] += found["tfar"][back] + 1e-4
        live = past
        if not len(live):
            break
    return struck


def _run(scene: Any, origins: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = scene.run(origins.astype(np.float32), directions.astype(np.float32), output=1)
    return found


def _with_surface(struck: _Struck, rays: _Rays, layout: Layout) -> _Struck:
    """The same with the floor or wall where it is nearer than any object."""
    matrix = surface_pose(layout)
    origins = (rays.origins - matrix[:3, 3]) @ matrix[:3, :3]
    directions = rays.directions @ matrix[:3, :3]
    falling = directions[:, 2] < -1e-9
    depth = np.where(falling, -origins[:, 2] / np.where(falling, directions[:, 2], -1.0), np.inf)
    place = origins[:, :2] + directions[:, :2] * np.where(falling, depth, 0.0)[:, None]
    inside = falling & (np.abs(place).max(axis=1) <= _HALF_SURFACE) & (depth < struck.depth)
    return _Struck(
        np.where(inside, SURFACE, struck.things), struck.faces, struck.uv, np.where(inside, depth, struck.depth)
    )


def _hits(
    layout: Layout, thing: PlacedObject | None, rays: _Rays, struck: _Struck, chosen: np.ndarray, size: int
) -> Hits:
    """Everything that shading needs about the chosen rays, which all hit one object, or the surface."""
    depth = struck.depth[chosen]
    position = rays.origins[chosen] + rays.directions[chosen] * depth[:, None]
    to_eye = -rays.directions[chosen]
    to_eye = to_eye / np.linalg.norm(to_eye, axis=1, keepdims=True)
    if thing is None:
        flat = np.broadcast_to(surface_pose(layout)[:3, 2], position.shape)
        steps = _steps(layout, rays.directions[chosen], depth, flat, size)
        return Hits(position, flat, to_eye, steps, position, flat, position)
    shape, turn = mesh(thing.shape), object_pose(thing)[:3, :3] / thing.scale
    corners = np.asarray(shape.faces)[struck.faces[chosen]]  # [n, 3]
    u, v = struck.uv[chosen].T
    weights = np.stack([1 - u - v, u, v], axis=1)[:, :, None]
    local = (np.asarray(shape.vertices)[corners] * weights).sum(axis=1)
    local_normal = (np.asarray(shape.vertex_normals)[corners] * weights).sum(axis=1)
    local_normal = local_normal / np.maximum(np.linalg.norm(local_normal, axis=1, keepdims=True), 1e-12)
    normal = local_normal @ turn.T
    steps = _steps(layout, rays.directions[chosen], depth, normal, size) @ turn / thing.scale
    return Hits(position, normal, to_eye, steps, local, local_normal, local @ turn.T)


def _steps(layout: Layout, directions: np.ndarray, depth: np.ndarray, normal: np.ndarray, size: int) -> np.ndarray:
    """From hits to what the pixels to the right and above show of the same plane, [n, 2, 3], world."""
    pixel = 2 * np.tan(np.radians(layout.camera.fov) / 2) / size * depth  # [n]
    beside = axes(layout.camera)[:2]  # [2, 3]
    steep = np.minimum(np.einsum("ij,ij->i", directions, normal), -0.1)  # seen edge on, a step would have no end
    slide = (normal @ beside.T) / steep[:, None]  # [n, 2]
    return (beside[None] - directions[:, None] * slide[..., None]) * pixel[:, None, None]


def _turns(chosen: np.ndarray, size: int) -> np.ndarray:
    """The angle by which a pixel's taps are turned: a fixed pattern without visible structure, as in the shader."""
    x, y = chosen % size + 0.5, size - chosen // size - 0.5
    return 2 * np.pi * ((52.9829189 * ((x * 0.06711056 + y * 0.00583715) % 1)) % 1)


def _lit_share(layout: Layout, scene: Any, hits: Hits, turns: np.ndarray, soft: float, taps: range) -> np.ndarray:
    """Share of the key light that arrives, [n]: rays towards the light from places on a spiral around each hit."""
    right, up, to_light = light_pose(layout)[:3, :3].T
    facing = hits.normal @ to_light
    start = hits.position + hits.normal * (0.045 - 0.033 * np.maximum(facing, 0.0))[:, None] + to_light * _SHADOW_BIAS
    aside = (start - np.array(layout.camera.target)) @ np.stack([right, up], axis=1)  # [n, 2]
    lit = np.where(facing > 0, 1.0, 0.0)
    asked = np.flatnonzero((facing > 0) & (np.abs(aside).max(axis=1) < _SHADOW_HALF))
    if scene is None or not len(asked):
        return lit
    angles = turns[asked, None] + 2.3999632 * np.array(taps)  # [m, taps]
    radii = soft * np.sqrt((np.array(taps) + 0.5) / _TAPS)
    shift = (radii * np.cos(angles))[..., None] * right + (radii * np.sin(angles))[..., None] * up  # [m, taps, 3]
    origins = (start[asked, None] + shift).reshape(-1, 3).astype(np.float32)
    directions = np.broadcast_to(to_light.astype(np.float32), origins.shape).copy()
    hidden = scene.run(origins, directions, query="OCCLUDED") != -1
    lit[asked] = 1 - hidden.reshape(len(asked), -1).mean(axis=1)
    return lit


def _import_embree() -> Any:
    try:
        import embreex.mesh_construction
        import embreex.rtcore_scene
    except ImportError as error:
        raise InputError(
            f"ray casting could not be started ({error}). Install it: pip install 'fourfold[raytrace]'"
        ) from error
    return embreex
