"""The passes that draw a scene with OpenGL: shadow map, antialiased color, and numbers with depth.

Imported by `fourfold.scenes.render.opengl` alone, once pyrender is known to load. pyrender starts OpenGL and keeps
meshes, textures and framebuffers; what goes into them is drawn here, because on a processor pyrender's own passes take
twice as long. Each shader variant has a compiled program of its own, because a processor runs both sides of every `if`
at all pixels. What is near is drawn first, so that what it hides is not shaded. Nothing is read back that nobody uses.
"""

from collections.abc import Iterable, Mapping
from ctypes import c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from OpenGL import GL
from OpenGL.raw.GL.VERSION.GL_2_0 import glUniformMatrix4fv  # PyOpenGL's own wrapper of it takes twice as long
from pyrender import Primitive, Texture
from pyrender.renderer import Renderer
from pyrender.shader_program import ShaderProgram

from fourfold.scenes.render.draw_calls import FAR, NEAR, DrawCall, ShaderVariant, Uniforms

_SHADERS = Path(__file__).parent / "shaders"
_SHADOW_UNIT, _PHOTO_UNIT = 0, 1  # texture units
_NO_COLOR = ShaderVariant(0)  # of programs that draw no color


class Program(ShaderProgram):
    """A compiled shader program, which asks OpenGL only once where each of its uniforms is."""

    def __init__(self, name: str, defines: Mapping[str, int]) -> None:
        vertices = "mesh" if name == "mesh" else "place"  # without color to draw, positions are enough
        super().__init__(str(_SHADERS / f"{vertices}.vert"), str(_SHADERS / f"{name}.frag"), defines=dict(defines))
        self._places: dict[str, int] = {}
        self._set: dict[str, Any] = {}  # what each uniform was last set to
        self._add_to_context()

    def use(self, uniforms: Uniforms) -> None:
        """Draw with this program from now on, with these uniforms set."""
        GL.glUseProgram(self._program_id)
        self.put(uniforms)

    def put(self, uniforms: Uniforms) -> None:
        """Set uniforms of the program in use; names that its shaders do not have are passed over.

        An array that is given again must not have changed: it is taken to be set already.
        """
        for name, value in uniforms.items():
            place = self._places.get(name)
            if place is None:
                place = self._places[name] = GL.glGetUniformLocation(self._program_id, name)
            if place < 0:
                continue
            last = self._set.get(name)
            if last is value or (isinstance(value, (int, float)) and last == value):
                continue  # a call into OpenGL costs as much as ten of these questions
            self._set[name] = value
            if isinstance(value, int):
                GL.glUniform1i(place, value)
            elif isinstance(value, float):
                GL.glUniform1f(place, value)
            elif value.ndim == 1:
                GL.glUniform3f(place, *value.tolist())
            else:
                glUniformMatrix4fv(place, 1, GL.GL_TRUE, np.asarray(value, np.float32))


class Passes(Renderer):
    """Draws meshes into pyrender's framebuffers. Its OpenGL context must be the current one, in `delete` too."""

    def __init__(self, size: int, shadow_map_size: int) -> None:
        super().__init__(size, size)
        self._programs: dict[tuple[str, ShaderVariant], Program] = {}
        self._uploaded: list[Primitive] = []
        self._shadow_map = Texture(
            width=shadow_map_size, height=shadow_map_size, source_channels="D", data_format=GL.GL_FLOAT
        )
        self._shadow_map._add_to_context()

    def upload(self, mesh: Any) -> Primitive:
        """Copy a mesh (`vertices` [v, 3], `vertex_normals` [v, 3], `faces` [f, 3]) to OpenGL, until `delete`."""
        primitive = Primitive(
            positions=np.asarray(mesh.vertices, np.float32),
            normals=np.asarray(mesh.vertex_normals, np.float32),
            indices=np.asarray(mesh.faces, np.uint32),
        )
        primitive._add_to_context()
        self._uploaded.append(primitive)
        return primitive

    def delete(self) -> None:
        """Free what the graphics side holds."""
        for held in (*self._programs.values(), *self._uploaded, self._shadow_map):
            held.delete()
        self._programs, self._uploaded = {}, []
        super().delete()
        self._shadow_fb = None  # pyrender deletes again when Python forgets this, then perhaps in another's context

    def shadows(self, calls: Iterable[DrawCall], light: np.ndarray) -> None:
        """Draw the shadow map of these meshes; `light` [4, 4] takes world coordinates to what the light sees, -1..1."""
        self._configure_shadow_framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._shadow_fb)
        GL.glFramebufferTexture2D(
            GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_TEXTURE_2D, self._shadow_map._texid, 0
        )
        GL.glDrawBuffer(GL.GL_NONE)
        GL.glReadBuffer(GL.GL_NONE)
        GL.glDisable(GL.GL_CULL_FACE)  # both sides of thin things cast
        self._begin(self._shadow_map.width, GL.GL_DEPTH_BUFFER_BIT)
        program = self._program("depth", _NO_COLOR)
        program.use({"camera": light})
        for call in calls:
            self._draw(call, program)
        GL.glUseProgram(0)

    def color(
        self,
        calls: Iterable[DrawCall],
        camera: np.ndarray,
        scene: Uniforms,
        background: np.ndarray,
        photo: Texture | None = None,
    ) -> np.ndarray:
        """Draw the picture, antialiased, [h, w, 3] uint8 sRGB. Give the calls near ones first: that is fastest.

        `camera` [4, 4] takes world coordinates to what the camera sees, -1..1; `scene` holds the uniforms that all
        calls share; `background` [3] is the color where no mesh is, sRGB 0..1; `photo` that of photo variants.
        """
        self._configure_main_framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._main_fb_ms)
        GL.glEnable(GL.GL_CULL_FACE)
        GL.glClearColor(*background.tolist(), 1.0)
        self._begin(self.viewport_width, GL.GL_COLOR_BUFFER_BIT | GL.GL_DEPTH_BUFFER_BIT)
        for unit, texture in ((_PHOTO_UNIT, photo), (_SHADOW_UNIT, self._shadow_map)):
            if texture is not None:
                GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
                texture._bind()
        for call in calls:
            program = self._program("mesh", call.variant)
            program.use({"camera": camera, "shadow_map": _SHADOW_UNIT, "photo": _PHOTO_UNIT, **scene})
            program.put(call.uniforms)
            self._draw(call, program)
        GL.glUseProgram(0)
        return self._read_color()

    def numbers(
        self, calls: Mapping[int, DrawCall], camera: np.ndarray, *, with_depth: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw which mesh is seen where, and how far away.

        `calls` maps numbers 1..255 to meshes, `camera` [4, 4] is as for `color`. Returns the number of the nearest mesh
        at each pixel, [h, w] uint8, and its distance along the viewing axis in scene units, [h, w] float32; both are 0
        where no mesh is. Without depth the second is empty: reading it back costs as much as drawing.

        Numbers cannot be averaged, so they are drawn without antialiasing, straight to where they are read from.
        """
        self._configure_main_framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._main_fb)
        GL.glEnable(GL.GL_CULL_FACE)
        GL.glClearColor(0.0, 0.0, 0.0, 1.0)
        self._begin(self.viewport_width, GL.GL_COLOR_BUFFER_BIT | GL.GL_DEPTH_BUFFER_BIT)
        program = self._program("number", _NO_COLOR)
        program.use({"camera": camera})
        for number, call in calls.items():
            program.put({"number": number / 255})
            self._draw(call, program)
        GL.glUseProgram(0)
        seen = self._read(GL.GL_RED, GL.GL_UNSIGNED_BYTE, np.uint8, 1)[:, :, 0]
        if not with_depth:
            return seen, np.zeros((0, 0), np.float32)
        stored = self._read(GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, np.float32, 1)[:, :, 0]
        depth = 2 * NEAR * FAR / (FAR + NEAR - (2 * stored - 1) * (FAR - NEAR))
        return seen, np.where(stored == 1, np.float32(0), depth)

    def _begin(self, size: int, cleared: int) -> None:
        GL.glViewport(0, 0, size, size)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDepthFunc(GL.GL_LESS)
        GL.glDisable(GL.GL_BLEND)
        GL.glClear(cleared)

    def _program(self, name: str, variant: ShaderVariant) -> Program:
        if (name, variant) not in self._programs:
            defines = {"VARIANT_CODE": variant.code, "FINISH_CODE": variant.finish, "LOOK_CODE": variant.look}
            if variant.photo:
                defines["HAS_PHOTO"] = 1
            self._programs[name, variant] = Program(name, defines)
        return self._programs[name, variant]

    def _draw(self, call: DrawCall, program: Program) -> None:
        program.put({"pose": call.pose})
        GL.glBindVertexArray(call.primitive._vaid)
        count = call.primitive.indices.size
        GL.glDrawElementsInstanced(GL.GL_TRIANGLES, count, GL.GL_UNSIGNED_INT, c_void_p(0), 1)
        GL.glBindVertexArray(0)

    def _read_color(self) -> np.ndarray:
        width, height = self._main_fb_dims
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._main_fb_ms)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, self._main_fb)
        GL.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._main_fb)
        return self._read(GL.GL_RGB, GL.GL_UNSIGNED_BYTE, np.uint8, 3)

    def _read(self, channels: Any, number: Any, dtype: Any, depth: int) -> np.ndarray:
        width, height = self._main_fb_dims
        pixels = np.frombuffer(GL.glReadPixels(0, 0, width, height, channels, number), dtype)
        return np.ascontiguousarray(pixels.reshape(height, width, depth)[::-1])  # OpenGL's rows begin at the bottom
