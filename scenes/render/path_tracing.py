"""Pictures of layouts by path tracing with Mitsuba 3: light that is followed from surface to surface. Knows Mitsuba.

Places, meshes, colors and patterns are those of the other renderers; materials are physical (a diffuse one, a rough
metal, a clear coat on a diffuse one), and light comes from `environment`: soft shadows, reflections, colors that spill.
Drawn on the processor in one thread, with fixed samples, so that a layout always gives the same bytes.

Mitsuba and not Blender's bpy, measured by `benchmarks/path_tracers.py` (numbers in data_cards/fourfold-v1-looks.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, Self

import numpy as np

from fourfold.errors import InputError
from fourfold.scenes.assets.photos import photo_pixels
from fourfold.scenes.model.backgrounds import Background
from fourfold.scenes.model.camera import pose, project
from fourfold.scenes.model.colors import linear_from_srgb
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import MATERIALS
from fourfold.scenes.render.environment import Environment, environment
from fourfold.scenes.render.pattern_maps import Dressed, dress, tile
from fourfold.scenes.render.poses import object_pose, surface_pose
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.render.shading import Hits, Incoming, as_light, far_color, pattern_colors, surface_color
from fourfold.scenes.render.smoothing import smoothed
from fourfold.scenes.shapes import mesh

VARIANT = "scalar_rgb"  # needs nothing but the wheel; the faster llvm_ad_rgb needs a library of LLVM beside it
SAMPLES = 9  # of a pixel, a square number
_BOUNCES = 5
_NEAR, _FAR = 0.5, 200.0
_HALF_SURFACE = 30.0
_HALF_TEXTURE = 9.0  # of the surface around its middle that has a texture; beyond, its border goes on
_HALF_PHOTO = 6.0  # of the surface on which shadows fall on a photo
_TEXELS = 1024


@dataclass(frozen=True)
class _Body:
    """An object, or the floor or wall, as two meshes of Mitsuba."""

    lit: Any  # with its material
    glowing: Any  # shining in its own color: what it sends to the camera is that color, without noise


class PathTracingRenderer:
    """Renders with Mitsuba on the processor. Dressed meshes stay in memory between scenes.

    Raises InputError with the line to install it if Mitsuba is missing.
    """

    def __init__(self, size: int = 224, samples: int = SAMPLES) -> None:
        self.name = "mitsuba"
        self.size = size
        self.samples = samples
        self._mitsuba = _import_mitsuba()
        self._dressed: dict[tuple[int, str], Dressed] = {}  # by id of a kind's mesh, which lives as long as the process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass  # nothing stays open between scenes

    def describe(self) -> dict[str, str]:
        """Names of the library and device, for manifests."""
        return {"renderer": f"mitsuba {version('mitsuba')} {VARIANT}, {self.samples} samples", "device": "processor"}

    def render(self, layout: Layout) -> Rendering:
        """Color, depth, instance ids and silhouette sizes of a layout; InputError for an unknown shape or photo."""
        self._mitsuba.set_variant(VARIANT)
        light = environment(layout)
        bodies = [self._object(thing) for thing in layout.objects]
        instances, depth, silhouettes = self._identify(layout, bodies)
        bodies.append(self._surface(layout, light))
        return Rendering(self._color(layout, bodies, light, instances), depth, instances, silhouettes)

    def _identify(self, layout: Layout, bodies: Sequence[_Body]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids, depth and silhouettes by the rays through pixel centres: each object alone, then the nearest wins."""
        square = (self.size, self.size)
        alone = [self._trace(layout, {"object": body.lit}, {"type": "depth"}, 1)[..., 0] for body in bodies]
        depths = np.stack([np.full(square, np.inf), *(np.where(found > 0, found, np.inf) for found in alone)])
        nearest = depths.argmin(axis=0)
        distance = np.where(nearest > 0, depths.min(axis=0), 0.0)
        half = np.tan(np.radians(layout.camera.fov) / 2)
        aside = ((np.arange(self.size) + 0.5) / self.size * 2 - 1) * half
        slant = np.sqrt(1 + aside**2 + aside[:, None] ** 2)  # a ray's length to its depth
        depth = np.where(nearest > 0, distance / slant + _NEAR, 0.0)  # rays begin at the near plane
        silhouettes = np.isfinite(depths[1:]).sum(axis=(1, 2))
        return nearest.astype(np.uint8), depth.astype(np.float32), silhouettes

    def _color(self, layout: Layout, bodies: Sequence[_Body], light: Environment, instances: np.ndarray) -> np.ndarray:
        scene = {f"body_{i}": body.lit for i, body in enumerate(bodies)} | {"environment": self._environment(light)}
        paths = {"type": "path", "max_depth": _BOUNCES, "hide_emitters": True}
        seen, alpha = np.split(self._trace(layout, scene, paths, self.samples), [3], axis=2)
        glowing = {f"body_{i}": body.glowing for i, body in enumerate(bodies)}
        own = self._trace(layout, glowing, {"type": "path", "max_depth": 1}, self.samples)[..., :3]
        behind = far_color(layout.background)
        if layout.background.photo:
            behind = as_light(photo_pixels(layout.background.photo, self.size) / 255)
        linear = smoothed(seen, own, instances) + (1 - alpha) * behind
        return np.round(np.clip(linear, 0.0, 1.0) ** (1 / 2.2) * 255).astype(np.uint8)

    def _trace(
        self, layout: Layout, things: Mapping[str, Any], integrator: Mapping[str, Any], samples: int
    ) -> np.ndarray:
        """What an integrator finds in a scene as the layout's camera sees it, [h, w, channels].

        One sample is at the middle of its pixel.
        """
        scene = self._mitsuba.load_dict({"type": "scene", "camera": self._camera(layout, samples), **things})
        traced = self._mitsuba.load_dict(dict(integrator)).render(scene, scene.sensors()[0], seed=0, spp=samples)
        return np.array(traced)

    def _camera(self, layout: Layout, samples: int) -> dict[str, Any]:
        middle = {"type": "stratified", "sample_count": 1, "jitter": False}
        spread = {"type": "multijitter", "sample_count": samples}
        matrix = pose(layout.camera)
        film = {"type": "hdrfilm", "width": self.size, "height": self.size, "rfilter": {"type": "box"}}
        film |= {"pixel_format": "rgba", "component_format": "float32"}
        return {
            "type": "perspective",
            "fov": layout.camera.fov,
            "near_clip": _NEAR,
            "far_clip": _FAR,
            "to_world": self._mitsuba.ScalarTransform4f(matrix @ np.diag([-1.0, 1.0, -1.0, 1.0])),  # looks along +z
            "film": film,
            "sampler": middle if samples == 1 else spread,
        }

    def _environment(self, light: Environment) -> dict[str, Any]:
        upright = self._mitsuba.ScalarTransform4f().rotate([1, 0, 0], 90)  # its own up is y
        radiance = self._mitsuba.Bitmap(light.radiance.astype(np.float32))
        return {"type": "envmap", "bitmap": radiance, "to_world": upright}

    def _object(self, thing: PlacedObject) -> _Body:
        shape, matrix = mesh(thing.shape), object_pose(thing)
        key = id(shape), thing.pattern
        if key not in self._dressed:
            self._dressed[key] = dress(shape, thing.pattern)
        own = self._own_color(thing)
        return self._body(self._dressed[key], matrix, _material(thing, own), own)

    def _own_color(self, thing: PlacedObject) -> dict[str, Any]:
        own, second = pattern_colors(thing)
        if thing.pattern == "plain":
            return {"type": "rgb", "value": own.tolist()}
        colors = own + (second - own) * tile(thing.pattern)[..., None]
        return self._texture(colors, "nearest", "repeat")

    def _surface(self, layout: Layout, light: Environment) -> _Body:
        if layout.background.photo:
            half, colors = _HALF_PHOTO, _photo_texture(layout, self.size) / light.open_light  # it is lit already
            spread = half
        else:
            half, spread = _HALF_SURFACE, _HALF_TEXTURE
            colors = _surface_texture(layout.background, light.open_light)
        corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
        places = corners[:, :2] / (2 * spread) + 0.5
        plane = Dressed(corners, np.tile([0.0, 0.0, 1.0], (4, 1)), places, np.array([[0, 1, 2], [0, 2, 3]]))
        own = self._texture(colors, "bilinear", "clamp")
        return self._body(plane, surface_pose(layout), {"type": "diffuse", "reflectance": own}, own)

    def _texture(self, colors: np.ndarray, filter_type: str, wrap_mode: str) -> dict[str, Any]:
        bitmap = self._mitsuba.Bitmap(np.clip(colors, 0.0, 1.0).astype(np.float32))
        return {"type": "bitmap", "bitmap": bitmap, "raw": True, "filter_type": filter_type, "wrap_mode": wrap_mode}

    def _body(self, dressed: Dressed, matrix: np.ndarray, material: dict[str, Any], own: dict[str, Any]) -> _Body:
        return _Body(
            self._mesh(dressed, matrix, "bsdf", {"type": "twosided", "material": material}),
            self._mesh(dressed, matrix, "emitter", {"type": "area", "radiance": own}),
        )

    def _mesh(self, dressed: Dressed, matrix: np.ndarray, part: str, description: dict[str, Any]) -> Any:
        properties = self._mitsuba.Properties()
        properties[part] = self._mitsuba.load_dict(description)
        sizes = len(dressed.vertices), len(dressed.faces)
        made = self._mitsuba.Mesh("mesh", *sizes, has_vertex_normals=True, has_vertex_texcoords=True, props=properties)
        turn = matrix[:3, :3] / np.cbrt(np.linalg.det(matrix[:3, :3]))
        arrays = self._mitsuba.traverse(made)
        arrays["vertex_positions"] = (dressed.vertices @ matrix[:3, :3].T + matrix[:3, 3]).ravel().astype(np.float32)
        arrays["vertex_normals"] = (dressed.normals @ turn.T).ravel().astype(np.float32)
        arrays["vertex_texcoords"] = dressed.places.ravel().astype(np.float32)
        arrays["faces"] = dressed.faces.ravel().astype(np.uint32)
        arrays.update()
        return made


def _material(thing: PlacedObject, own: dict[str, Any]) -> dict[str, Any]:
    """What Mitsuba calls a material of the vocabulary, over an object's own color."""
    row = MATERIALS[thing.material]
    if row.metallic > 0.5:
        return {"type": "principled", "base_color": own, "metallic": 1.0, "roughness": 0.45}
    if row.gloss > 0:
        return {"type": "roughplastic", "diffuse_reflectance": own, "int_ior": 1.5, "alpha": 0.06}
    return {"type": "diffuse", "reflectance": own}


@dataclass(frozen=True)
class _Shares:
    """What a surface's texture is made of, whatever its colors."""

    tint: np.ndarray  # [texels, texels]
    far: np.ndarray


def _surface_texture(background: Background, open_light: np.ndarray) -> np.ndarray:
    """A floor or wall as a texture, [texels, texels, 3]: where it ends, it looks like what is beyond it."""
    shares = _shares(background.surface)
    tint = linear_from_srgb(np.array(background.tint) / 255)
    return (
        shares.tint[..., None] * tint
        + shares.far[..., None] * linear_from_srgb(np.array(background.far) / 255) / open_light
    )


@cache
def _shares(surface: str) -> _Shares:
    """Of a surface's texture, how much is its tint and how much the color far away: both told by the shader's rules."""
    black, white = (0, 0, 0), (255, 255, 255)
    places = _texture_places(_HALF_TEXTURE)
    flat = np.broadcast_to([0.0, 0.0, 1.0], places.shape)
    steps = np.zeros((len(places), 2, 3))
    steps[:, 0, 0] = steps[:, 1, 1] = 2 * _HALF_TEXTURE / _TEXELS
    if surface == "wall":  # its texture lies in x and z
        places = places[:, [0, 2, 1]]
    hits = Hits(places, flat, flat, steps, places, flat, places)
    lit = Incoming(np.array([0.0, 0.0, 1.0]), np.ones(len(places)), np.ones(places.shape))
    tint, far = (
        surface_color(Background(surface, *colors), hits, lit)[:, 0].reshape(_TEXELS, _TEXELS)
        for colors in ((white, black), (black, white))
    )
    return _Shares(tint, far)


def _photo_texture(layout: Layout, size: int) -> np.ndarray:
    """The photo as it lies on the surface for this camera, linear, [texels, texels, 3]."""
    matrix = surface_pose(layout)
    world = _texture_places(_HALF_PHOTO) @ matrix[:3, :3].T + matrix[:3, 3]
    places = np.clip(project(layout.camera, world) * size, 0, size - 1).astype(int)
    photo = photo_pixels(layout.background.photo, size)
    return as_light(photo[places[:, 1], places[:, 0]] / 255).reshape(_TEXELS, _TEXELS, 3)


def _texture_places(half: float) -> np.ndarray:
    """Where the texels of a surface are in its own plane, [texels ** 2, 3]; Mitsuba reads the first row at 0."""
    across = ((np.arange(_TEXELS) + 0.5) / _TEXELS * 2 - 1) * half
    x, y = np.meshgrid(across, across)
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)


def _import_mitsuba() -> Any:
    try:
        import drjit
        import mitsuba

        mitsuba.set_variant(VARIANT)
    except ImportError as error:
        raise InputError(
            f"path tracing could not be started ({error}). Install it: pip install 'fourfold[path-traced]'"
        ) from error
    drjit.set_thread_count(1)  # datasets are drawn by a process a core
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    return mitsuba
