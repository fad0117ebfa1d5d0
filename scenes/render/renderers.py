"""Which renderers there are, and the choice among them: OpenGL, or rays where OpenGL cannot start."""

import warnings
from collections.abc import Callable

from fourfold.errors import InputError, unknown_name
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.path_tracing import PathTracingRenderer
from fourfold.scenes.render.raycasting import RaycastingRenderer
from fourfold.scenes.render.rendering import Renderer

AUTO = "auto"
RENDERERS: dict[str, Callable[[int], Renderer]] = {
    "opengl": OpenGLRenderer,
    "raytrace": RaycastingRenderer,
    "path-traced": PathTracingRenderer,
}
_TRIAL_SIZE = 16  # pixels: enough to see whether a renderer starts


def open_renderer(size: int, name: str = AUTO) -> Renderer:
    """A renderer of square pictures; `name` is a key of RENDERERS, or "auto" as `choose_renderer` reads it.

    Raises InputError for an unknown name, or naming the cure if the renderer cannot start.
    """
    return RENDERERS[choose_renderer(name)](size)


def choose_renderer(name: str = AUTO) -> str:
    """The renderer meant by a name: "auto" is OpenGL, or ray casting with a warning where OpenGL cannot start.

    Raises InputError for an unknown name, and naming both cures if "auto" finds no renderer at all.
    """
    check_renderer(name)
    if name != AUTO:
        return name
    try:
        OpenGLRenderer(_TRIAL_SIZE).close()
        return "opengl"
    except InputError as error:
        _try_rays(error)
        warnings.warn(f"drawing by ray casting, which is slower: {error}", stacklevel=2)
        return "raytrace"


def check_renderer(name: str) -> None:
    """Raise InputError for an unknown renderer name; nothing is started."""
    if name not in (AUTO, *RENDERERS):
        raise unknown_name("renderer", name, (AUTO, *RENDERERS))


def _try_rays(opengl_error: InputError) -> None:
    try:
        RaycastingRenderer(_TRIAL_SIZE)
    except InputError as error:
        raise InputError(f"{opengl_error} Or do without it: {error}") from error
