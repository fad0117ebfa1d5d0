"""Pictures of layouts with OpenGL: color with soft shadows, depth, instance ids. Knows pyrender, as `passes` does."""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import numpy as np

from fourfold.errors import InputError
from fourfold.scenes.assets.photos import photo_pixels
from fourfold.scenes.model.backgrounds import SURFACES
from fourfold.scenes.model.camera import Camera, pose
from fourfold.scenes.model.colors import linear_from_srgb
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import MATERIAL_LOOKS, MATERIALS, PATTERNS
from fourfold.scenes.render.draw_calls import FAR, NEAR, DrawCall, ShaderVariant
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
        try:
            self._offscreen = self._pyrender.OffscreenRenderer(size, size)
        except Exception as error:  # the platform layers raise anything from ImportError to EGLError
            raise InputError(_no_opengl(error)) from error
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
            if os.environ.get("PYOPENGL_PLATFORM") == "egl":
                self._offscreen._platform.delete_context = partial(_destroy_egl_context, self._offscreen._platform)
            self._offscreen.delete()
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
            return int((instances == number).sum())
        alone, _ = self._passes.numbers({1: call}, camera)
        return int(alone.sum())

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


def _destroy_egl_context(platform: Any) -> None:
    """What pyrender does, but for ending the display: every renderer of the process is on that."""
    from OpenGL.EGL import EGL_NO_CONTEXT, EGL_NO_SURFACE, eglDestroyContext, eglMakeCurrent

    eglMakeCurrent(platform._egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT)
    eglDestroyContext(platform._egl_display, platform._egl_context)
    platform._egl_context = platform._egl_display = None


def import_pyrender() -> Any:
    """pyrender without its viewer, and with the two repairs that its last release needs.

    It names np.infty, and PyOpenGL 3.1.0 does not know the arguments of Python 3.12. With EGL nothing of X is loaded by
    us: neither by pyglet, which the viewer would import, nor by libGL, which libOpenGL stands in for. Raises InputError
    where OpenGL cannot be loaded, naming the library that is missing.
    """
    if "PYOPENGL_PLATFORM" not in os.environ and sys.platform == "linux":
        os.environ["PYOPENGL_PLATFORM"] = "egl"
    try:
        if os.environ.get("PYOPENGL_PLATFORM") == "egl":
            _leave_out_x()
        import pyrender
        import pyrender.light
        import pyrender.mesh
        import pyrender.renderer
        from OpenGL.plugins import FormatHandler
    except Exception as error:  # OpenGL's loaders raise ImportError, AttributeError or OSError
        raise InputError(_no_opengl(error)) from error
    if not hasattr(np, "infty"):
        pyrender.mesh.np = _NumpyWithInfty()
    for handler in FormatHandler.all():
        if handler.name == "ctypesparameter" and "_ctypes.CArgObject" not in handler.check:
            handler.check = [*handler.check, "_ctypes.CArgObject"]
    return pyrender


def _leave_out_x() -> None:
    """Keep pyrender's viewer from being imported, and let OpenGL come from libOpenGL, which needs no X, if it is there.

    A viewer that the user's program has imported already stays as it is.
    """
    if "pyrender" not in sys.modules:
        viewer: Any = ModuleType("pyrender.viewer")
        viewer.Viewer = None  # what pyrender takes from it
        sys.modules.setdefault("pyrender.viewer", viewer)
    from OpenGL.platform import PLATFORM

    with suppress(OSError):  # not every machine splits OpenGL from GLX; then PyOpenGL looks for libGL
        PLATFORM.GL = ctypes.CDLL("libOpenGL.so.0", mode=ctypes.RTLD_GLOBAL)


class _NumpyWithInfty:
    infty = np.inf

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _no_opengl(error: Exception) -> str:
    missing = [name for name in ("libEGL.so.1", "libOpenGL.so.0", "libGL.so.1") if not _loads(name)]
    lacking = "libEGL.so.1" in missing or len(missing) > 1  # one of the last two is enough
    named = f"; {' and '.join(missing)} cannot be loaded" if lacking and sys.platform == "linux" else ""
    return (
        f"OpenGL could not be started ({type(error).__name__}: {error}{named}). Install a driver for off-screen "
        "rendering: Debian/Ubuntu `apt install libegl1 libgl1 libgl1-mesa-dri`; Fedora `dnf install mesa-libEGL "
        "mesa-libGL mesa-dri-drivers`; conda `conda install -c conda-forge libegl libgl mesalib`. PYOPENGL_PLATFORM is "
        f"{os.environ.get('PYOPENGL_PLATFORM', 'unset')!r}; EGL needs 'egl'."
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
