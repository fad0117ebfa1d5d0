"""Pictures of layouts: color with soft shadows, depth and instance ids. The one file that knows pyrender."""

import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol, Self

import numpy as np

from scenes.arrangements import ARRANGEMENTS
from scenes.backgrounds import SURFACES
from scenes.camera import axes, pose
from scenes.colors import linear_from_srgb
from scenes.errors import InputError
from scenes.layout import WALL_DISTANCE, Layout, PlacedObject
from scenes.photos import photo_pixels
from scenes.shapes import mesh
from scenes.vocabulary import MATERIALS, PATTERNS

SHADOW_MAP_SIZE = 1024  # texels; pyrender's 2048 costs four times the fill and shows no difference at our sizes
_SHADOW_SPAN = 3.6  # half-width of what the shadow map covers, scene units
_GROUND_SIZE = 60.0
_BACKDROP = 45.0  # distance of the plane that shows a photo where the ground ends
_PHOTO_CODE = 17  # that the shader knows a photo by; the next is the backdrop
_SURFACE = "surface"  # name of the node under or behind the objects


@dataclass(frozen=True)
class Rendering:
    """Pixels of one layout."""

    color: np.ndarray  # [h, w, 3] uint8 sRGB
    depth: np.ndarray  # [h, w] float32, scene units along the viewing axis; 0 where nothing is
    instances: np.ndarray  # [h, w] uint8: 0 background, i + 1 for object i
    silhouettes: np.ndarray  # [n] int: pixels that object i would cover if nothing hid it


class Renderer(Protocol):
    """Turns layouts into pixels; a context manager, since it holds a graphics context or a scene."""

    name: str

    def render(self, layout: Layout) -> Rendering: ...
    def describe(self) -> dict[str, str]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...


class OpenGLRenderer:
    """Renders with pyrender on OpenGL (EGL on Linux). Meshes stay on the graphics side between scenes.

    Raises InputError with the packages to install where OpenGL cannot start.
    """

    def __init__(self, size: int = 224) -> None:
        self.name = "pyrender"
        self.size = size
        self._pyrender = _import_pyrender()
        try:
            self._offscreen = self._pyrender.OffscreenRenderer(size, size)
        except Exception as error:  # the platform layers raise anything from ImportError to EGLError
            raise InputError(_no_opengl(error)) from error
        self._offscreen._renderer = _make_passes(size)
        self._pool: dict[int, list[Any]] = defaultdict(list)  # id of a kind's mesh -> its uploads
        self._stage = self._build_stage()

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
        """Color, depth, instance ids and silhouette sizes of a layout."""
        flags = self._pyrender.RenderFlags
        stage = self._stage
        self._arrange(layout)
        nodes: list[Any] = []
        if layout.background.photo:
            self._hang_up(layout)
        try:
            for i in range(len(layout.objects)):
                nodes.append(self._add(i, layout))  # one by one: what was added is removed if the next cannot be
            color, _ = self._offscreen.render(stage.scene, flags.SHADOWS_DIRECTIONAL)
            ids = {node: i + 1 for i, node in enumerate(nodes)}
            seen, depth = self._offscreen.render(stage.scene, flags.SEG, ids)
            instances = seen[:, :, 0].copy()
            silhouettes = [self._silhouette(layout, i, nodes[i], instances) for i in range(len(nodes))]
        finally:
            for node in nodes:
                stage.scene.remove_node(node)
            if layout.background.photo:
                self._take_down()
        return Rendering(color.copy(), depth, instances, np.array(silhouettes, dtype=int))

    def _silhouette(self, layout: Layout, i: int, node: Any, instances: np.ndarray) -> int:
        """Pixels of object i alone; drawn again only if another object could hide it."""
        if not _touches_others(instances, i + 1):
            return int((instances == i + 1).sum())
        alone, _ = self._offscreen.render(self._stage.scene, self._pyrender.RenderFlags.SEG, {node: 1})
        return int((alone[:, :, 0] == 1).sum())

    def _add(self, i: int, layout: Layout) -> Any:
        thing = layout.objects[i]
        earlier = sum(other.shape == thing.shape for other in layout.objects[:i])
        pool = self._pool[id(mesh(thing.shape))]  # meshes of kinds live as long as the process
        if len(pool) <= earlier:
            pool.append(self._pyrender.Mesh([_primitive(self._pyrender, mesh(thing.shape))]))
        material = pool[earlier].primitives[0].material
        row, pattern = MATERIALS[thing.material], PATTERNS[thing.pattern]
        material.baseColorFactor = np.append(linear_from_srgb(np.array(thing.rgb) / 255), float(pattern.code))
        material.emissiveFactor = np.array([pattern.frequency, 0.0, 0.0])
        material.metallicFactor, material.roughnessFactor = row.metallic, 1.0 - row.gloss
        return self._stage.scene.add(pool[earlier], pose=object_pose(thing))

    def _build_stage(self) -> "_Stage":
        pyrender = self._pyrender
        scene = pyrender.Scene()
        camera = scene.add(pyrender.PerspectiveCamera(yfov=0.6, znear=0.5, zfar=80.0))
        light = pyrender.DirectionalLight(intensity=1.0)
        light._generate_shadow_texture(SHADOW_MAP_SIZE)
        half = _GROUND_SIZE / 2
        square = SimpleNamespace(
            vertices=[[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]],
            vertex_normals=[[0, 0, 1]] * 4,
            faces=[[0, 1, 2], [0, 2, 3]],
        )
        plane = pyrender.Mesh([_primitive(pyrender, square)])
        backdrop = pyrender.Node(_SURFACE, mesh=pyrender.Mesh([_primitive(pyrender, square)]))
        return _Stage(scene, camera, scene.add(light), scene.add(plane, name=_SURFACE), backdrop)

    def _arrange(self, layout: Layout) -> None:
        """Set camera, lights and surroundings."""
        stage, background = self._stage, layout.background
        stage.camera.camera.yfov = float(np.radians(layout.camera.fov))
        stage.scene.set_pose(stage.camera, pose(layout.camera))
        stage.scene.set_pose(stage.light, light_pose(layout))
        stage.light.light.intensity = layout.lights.key
        stage.scene.ambient_light = np.array([layout.lights.fill, layout.lights.rim, layout.lights.warmth])
        far = linear_from_srgb(np.array(background.far) / 255)
        stage.scene.bg_color = np.append((far * 0.98) ** (1 / 2.2), 1.0)
        stage.scene.set_pose(stage.surface, surface_pose(layout))
        if background.photo:
            return
        material = stage.surface.mesh.primitives[0].material
        tint = linear_from_srgb(np.array(background.tint) / 255)
        material.baseColorFactor = np.append(tint, 10.0 + SURFACES[background.surface].code)
        material.emissiveFactor = far * 0.98

    def _hang_up(self, layout: Layout) -> None:
        """Put a photo on the surface, where shadows fall on it, and on a plane behind everything."""
        stage = self._stage
        pixels = photo_pixels(layout.background.photo, self.size)
        photo = self._pyrender.Texture(source=pixels.copy(), source_channels="RGB")
        matrix = pose(layout.camera)
        matrix[:3, 3] -= matrix[:3, 2] * _BACKDROP
        stage.scene.add_node(stage.backdrop)
        stage.scene.set_pose(stage.backdrop, matrix)
        for node, code in ((stage.surface, _PHOTO_CODE), (stage.backdrop, _PHOTO_CODE + 1)):
            material = node.mesh.primitives[0].material
            material.baseColorTexture = photo
            material.baseColorFactor = np.array([1.0, 1.0, 1.0, float(code)])
            material.emissiveFactor = np.array([1.0 / self.size, 0.0, 0.0])

    def _take_down(self) -> None:
        for node in (self._stage.surface, self._stage.backdrop):
            node.mesh.primitives[0].material.baseColorTexture = None
        self._stage.scene.remove_node(self._stage.backdrop)


@dataclass(frozen=True)
class _Stage:
    """The parts of the pyrender scene that stay: nodes of camera, key light, surface and backdrop."""

    scene: Any
    camera: Any
    light: Any
    surface: Any
    backdrop: Any  # in the scene only while a photo is


def object_pose(thing: PlacedObject) -> np.ndarray:
    """Object-to-world matrix [4, 4]: uniform scale, turn about the vertical, place."""
    c, s = np.cos(np.radians(thing.yaw)), np.sin(np.radians(thing.yaw))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * thing.scale
    matrix[:3, 3] = thing.position
    return matrix


def light_pose(layout: Layout) -> np.ndarray:
    """Light-to-world matrix [4, 4] of the key light, which shines along its -z on the camera's target."""
    lights = layout.lights
    # Camera and light directions share one convention; a light to the right of the camera has the larger azimuth.
    from_light = type(layout.camera)(
        layout.camera.azimuth + lights.azimuth, lights.elevation, 6.0, layout.camera.target, 0.0
    )
    return pose(from_light)


def surface_pose(layout: Layout) -> np.ndarray:
    """The ground plane that objects stand on; for floating ones the same plane upright, as the wall behind them."""
    if ARRANGEMENTS[layout.arrangement].standing:
        return np.eye(4)
    right, _, _ = axes(layout.camera)
    towards = np.array([right[1], -right[0], 0.0])  # from the wall to the viewer
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, [0.0, 0.0, 1.0], towards], axis=1)
    matrix[:3, 3] = -towards * WALL_DISTANCE
    return matrix


def _touches_others(instances: np.ndarray, number: int) -> bool:
    """Whether another object's pixels come within one pixel of this one's, or nothing of it is seen."""
    mask = instances == number
    if not mask.any():
        return True
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = instances[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    return bool(((window != 0) & (window != number)).any())


def _primitive(pyrender: Any, shape: Any) -> Any:
    return pyrender.Primitive(
        positions=np.asarray(shape.vertices, np.float32),
        normals=np.asarray(shape.vertex_normals, np.float32),
        indices=np.asarray(shape.faces, np.uint32),
        material=pyrender.MetallicRoughnessMaterial(alphaMode="OPAQUE", doubleSided=False),
    )


def _make_passes(size: int) -> Any:
    """pyrender's renderer with our shaders, meshes that stay uploaded, and a shadow map around the objects only."""
    import pyrender.renderer
    from pyrender.shader_program import ShaderProgramCache

    class Passes(pyrender.renderer.Renderer):
        def _update_context(self, scene: Any, flags: Any) -> None:
            kept: set[Any] = set(self._meshes)  # type: ignore[has-type]
            self._meshes = kept & scene.meshes  # hide the others, or they would be deleted
            super()._update_context(scene, flags)
            self._meshes = kept | scene.meshes

        def _get_light_cam_matrices(self, scene: Any, light_node: Any, flags: Any) -> tuple[np.ndarray, np.ndarray]:
            near, far = 0.5, 14.0
            view = np.linalg.inv(scene.get_pose(light_node))
            return view, np.diag([1 / _SHADOW_SPAN, 1 / _SHADOW_SPAN, -2 / (far - near), 1.0]) + np.array(
                [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, -(far + near) / (far - near)], [0, 0, 0, 0]]
            )

        def _shadow_mapping_pass(self, scene: Any, light_node: Any, flags: Any) -> None:
            surfaces = [node.mesh for node in scene.mesh_nodes if node.name == _SURFACE]
            if len(surfaces) == len(scene.mesh_nodes):
                surfaces = []  # pyrender fails if nothing at all casts a shadow
            for surface in surfaces:  # it receives shadows but casts none: no acne on it, and less to draw
                surface.is_visible = False
            super()._shadow_mapping_pass(scene, light_node, flags)
            for surface in surfaces:
                surface.is_visible = True

        def _compute_max_n_lights(self, flags: Any) -> list[int]:
            return [1, 1, 1]  # asking OpenGL each time costs more than it tells

    passes = Passes(size, size)
    passes._program_cache = ShaderProgramCache(str(Path(__file__).parent / "shaders"))
    return passes


def _destroy_egl_context(platform: Any) -> None:
    """What pyrender does, but for ending the display: every renderer of the process is on that."""
    from OpenGL.EGL import EGL_NO_CONTEXT, EGL_NO_SURFACE, eglDestroyContext, eglMakeCurrent

    eglMakeCurrent(platform._egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT)
    eglDestroyContext(platform._egl_display, platform._egl_context)
    platform._egl_context = platform._egl_display = None


def _import_pyrender() -> Any:
    """pyrender, with the two repairs that its last release needs (it names np.infty; PyOpenGL 3.1.0 on Python 3.12)."""
    if "PYOPENGL_PLATFORM" not in os.environ and sys.platform == "linux":
        os.environ["PYOPENGL_PLATFORM"] = "egl"
    try:
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
    pyrender.renderer.SHADOW_TEX_SZ = pyrender.light.SHADOW_TEX_SZ = SHADOW_MAP_SIZE
    return pyrender


class _NumpyWithInfty:
    infty = np.inf

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _no_opengl(error: Exception) -> str:
    return (
        f"OpenGL could not be started ({type(error).__name__}: {error}). Install a driver for off-screen rendering: "
        "Debian/Ubuntu `apt install libegl1 libgl1 libgl1-mesa-dri`; Fedora `dnf install mesa-libEGL mesa-libGL "
        "mesa-dri-drivers`; conda `conda install -c conda-forge libegl libgl mesalib`. PYOPENGL_PLATFORM is "
        f"{os.environ.get('PYOPENGL_PLATFORM', 'unset')!r}; EGL needs 'egl'."
    )
