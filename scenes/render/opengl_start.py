"""Starting pyrender on OpenGL without a screen, and what to say where that fails."""

import os
import sys
from typing import Any

import numpy as np

from fourfold.errors import InputError


def destroy_egl_context(platform: Any) -> None:
    """What pyrender does, but for ending the display: every renderer of the process is on that."""
    from OpenGL.EGL import EGL_NO_CONTEXT, EGL_NO_SURFACE, eglDestroyContext, eglMakeCurrent

    eglMakeCurrent(platform._egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT)
    eglDestroyContext(platform._egl_display, platform._egl_context)
    platform._egl_context = platform._egl_display = None


def import_pyrender() -> Any:
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
        raise InputError(no_opengl(error)) from error
    if not hasattr(np, "infty"):
        pyrender.mesh.np = _NumpyWithInfty()
    for handler in FormatHandler.all():
        if handler.name == "ctypesparameter" and "_ctypes.CArgObject" not in handler.check:
            handler.check = [*handler.check, "_ctypes.CArgObject"]
    return pyrender


class _NumpyWithInfty:
    infty = np.inf

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def no_opengl(error: Exception) -> str:
    """The message for an OpenGL that does not start, with the packages to install."""
    return (
        f"OpenGL could not be started ({type(error).__name__}: {error}). Install a driver for off-screen rendering: "
        "Debian/Ubuntu `apt install libegl1 libgl1 libgl1-mesa-dri`; Fedora `dnf install mesa-libEGL mesa-libGL "
        "mesa-dri-drivers`; conda `conda install -c conda-forge libegl libgl mesalib`. PYOPENGL_PLATFORM is "
        f"{os.environ.get('PYOPENGL_PLATFORM', 'unset')!r}; EGL needs 'egl'."
    )
