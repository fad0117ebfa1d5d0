"""Pictures of layouts with OpenGL: color with soft shadows, depth, instance ids."""

from collections.abc import Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from fourfold.scenes.assets.photos import photo_pixels
from fourfold.scenes.model.backgrounds import SURFACES
from fourfold.scenes.model.camera import Camera, pose
from fourfold.scenes.model.colors import linear_from_srgb
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import MATERIAL_LOOKS, MATERIALS, PATTERNS
from fourfold.scenes.render.draw_calls import FAR, NEAR, DrawCall, ShaderVariant
from fourfold.scenes.render.opengl_start import close_offscreen, import_pyrender, open_offscreen
from fourfold.scenes.render.poses import light_pose, object_pose, surface_pose
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.render.shading import far_color
from fourfold.scenes.shapes import mesh

SHADOW_MAP_SIZE = 1024  # texels; pyrender's 2048 costs four times the fill and shows no difference at our sizes
_GROUND_SIZE = 60.0
_BACKDROP = 45.0  # distance of the plane that shows a photo where the ground ends
_SHADOW_SPAN = 3.6  # half-width of what the shadow map covers, scene units
_SURFACE_CODE = 10  # the shader's codes of surfaces begin here
_PHOTO_CODE = 17  # that it knows a photo by; the next is the backdrop


class OpenGLRenderer:
    """Renders with pyrender on OpenGL (EGL on Linux). Meshes stay on the graphics side between scenes.

    Raises InputError with the packages to install where OpenGL cannot start.
    """

    def __init__(self, size: int = 224) -> None:
        self.name = "pyrender"
        self.size = size
        self._pyrender = import_pyrender()
        self._offscreen = open_offscreen(self._pyrender, size)
        # imports pyrender itself; where that fails is said above, with advice
        from fourfold.scenes.render.passes import Passes

        self._passes = Passes(size, SHADOW_MAP_SIZE)
        self._offscreen._renderer = self._passes
        self._uploaded: dict[int, Any] = {}  # by id of a kind's mesh, which lives as long as the process
        half = _GROUND_SIZE / 2
        self._plane = self._passes.upload(
            SimpleNamespace(
                vertices=[[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]],
                vertex_normals=[[0, 0, 1]] * 4,
                faces=[[0, 1, 2], [0, 2, 3]],
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context; other renderers of the process keep theirs."""
        if self._offscreen is not None:
            close_offscreen(self._offscreen)
            self._offscreen = None

    def describe(self) -> dict[str, str]:
        """Names of the driver, for manifests."""
        from OpenGL.GL import GL_RENDERER, GL_VERSION, glGetString

        self._offscreen._platform.make_current()
        words = {"renderer": "pyrender " + self._pyrender.__version__}
        words |= {key: glGetString(what).decode() for key, what in (("device", GL_RENDERER), ("opengl", GL_VERSION))}
        self._offscreen._platform.make_uncurrent()
        return words

    def render(self, layout: Layout) -> Rendering:
        """Color, depth, instance ids and silhouette sizes of a layout; InputError for an unknown shape or photo."""
        self._offscreen._platform.make_current()
        try:
            objects = [self._object(thing, layout.material_look) for thing in layout.objects]
            camera = _perspective(layout.camera) @ np.linalg.inv(pose(layout.camera))
            color = self._draw_color(layout, objects, camera)
            instances, depth = self._passes.numbers({i + 1: call for i, call in enumerate(objects)}, camera)
            silhouettes = [self._silhouette(i + 1, call, instances, camera) for i, call in enumerate(objects)]
        finally:
            self._offscreen._platform.make_uncurrent()
        return Rendering(color, depth, instances, np.array(silhouettes, dtype=int))

    def _draw_color(self, layout: Layout, objects: Sequence[DrawCall], camera: np.ndarray) -> np.ndarray:
        lights, background = layout.lights, layout.background
        eye, light = pose(layout.camera)[:3, 3], light_pose(layout)
        light_matrix = _light_matrix(light)
        self._passes.shadows(objects, light_matrix)  # the surface casts none: no acne on it, and less to draw
        scene = {
            "eye": eye,
            "to_light": light[:3, 2],
            "light_matrix": light_matrix,
            **{name: float(getattr(lights, name)) for name in ("key", "fill", "rim", "warmth")},
        }
        far = far_color(background)
        near_first = sorted(objects, key=lambda call: float(((call.pose[:3, 3] - eye) ** 2).sum()))
        if not background.photo:
            return self._passes.color([*near_first, self._surface(layout)], camera, scene, far ** (1 / 2.2))
        photo = self._pyrender.Texture(source=photo_pixels(background.photo, self.size).copy(), source_channels="RGB")
        photo._add_to_context()
        try:
            return self._passes.color([*near_first, *self._photo(layout)], camera, scene, far ** (1 / 2.2), photo)
        finally:
            photo.delete()

    def _silhouette(self, number: int, call: DrawCall, instances: np.ndarray, camera: np.ndarray) -> int:
        """Pixels of an object alone; drawn again only if another object could hide it."""
        if not _touches_others(instances, number):
            return int(np.count_nonzero(instances == number))
        alone, _ = self._passes.numbers({1: call}, camera, with_depth=False)
        return int(np.count_nonzero(alone))

    def _object(self, thing: PlacedObject, look: int) -> DrawCall:
        shape = mesh(thing.shape)
        if id(shape) not in self._uploaded:
            self._uploaded[id(shape)] = self._passes.upload(shape)
        material, pattern = MATERIALS[thing.material], PATTERNS[thing.pattern]
        finish = 1 if material.metallic else 2 if material.gloss else 0
        uniforms = {
            "base_color": linear_from_srgb(np.array(thing.rgb) / 255),
            "gloss": material.gloss,
            "frequency": pattern.frequency,
        }
        if thing.material in MATERIAL_LOOKS[look]:
            uniforms |= asdict(MATERIAL_LOOKS[look][thing.material])
        variant = ShaderVariant(pattern.code, finish, look=look)
        return DrawCall(self._uploaded[id(shape)], object_pose(thing), variant, uniforms)

    def _surface(self, layout: Layout) -> DrawCall:
        background = layout.background
        uniforms = {
            "base_color": linear_from_srgb(np.array(background.tint) / 255),
            "far_color": far_color(background),
        }
        return DrawCall(
            self._plane,
            surface_pose(layout),
            ShaderVariant(_SURFACE_CODE + SURFACES[background.surface].code),
            uniforms,
        )

    def _photo(self, layout: Layout) -> list[DrawCall]:
        """The photo on the surface, where shadows fall on it, and on a plane behind everything."""
        behind = pose(layout.camera)
        behind[:3, 3] -= behind[:3, 2] * _BACKDROP
        places = {_PHOTO_CODE: surface_pose(layout), _PHOTO_CODE + 1: behind}
        uniforms = {"photo_scale": 1 / self.size}
        return [
            DrawCall(self._plane, place, ShaderVariant(code, photo=True), uniforms) for code, place in places.items()
        ]


def _perspective(camera: Camera) -> np.ndarray:
    """What the camera sees, to -1..1 in each direction, [4, 4] (OpenGL's convention)."""
    spread = 1 / np.tan(np.radians(camera.fov) / 2)
    matrix = np.diag([spread, spread, (FAR + NEAR) / (NEAR - FAR), 0.0])
    matrix[2, 3], matrix[3, 2] = 2 * FAR * NEAR / (NEAR - FAR), -1.0
    return matrix


def _light_matrix(light: np.ndarray) -> np.ndarray:
    """World to shadow map, -1..1, [4, 4]: a parallel view around the objects alone, few texels for empty ground."""
    near, far = 0.5, 14.0
    matrix = np.diag([1 / _SHADOW_SPAN, 1 / _SHADOW_SPAN, -2 / (far - near), 1.0])
    matrix[2, 3] = -(far + near) / (far - near)
    return np.asarray(matrix @ np.linalg.inv(light))


def _touches_others(instances: np.ndarray, number: int) -> bool:
    """Whether another object's pixels come within one pixel of this one's, or nothing of it is seen."""
    mask = instances == number
    if not mask.any():
        return True
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = instances[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    return bool(((window != 0) & (window != number)).any())
