"""How OpenGL starts and ends without a screen: pyrender without X, a device of EGL that works, or good advice."""

import ctypes
import os
import sys
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from fourfold.errors import InputError

_DRIVERS = ("libEGL_nvidia.so.0", "libEGL_mesa.so.0")  # what libEGL hands its calls to


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


def open_offscreen(pyrender: Any, size: int) -> Any:
    """pyrender's renderer on the device that EGL_DEVICE_ID names, or on the first of EGL's devices that can be opened.

    pyrender itself takes the first in the list, which in a container may be a card that the container was not given.
    Raises InputError with what the first device said, and with advice.
    """
    try:
        return _open_first(pyrender, size)
    except Exception as error:  # the platform layers raise anything from ImportError to EGLError
        raise InputError(_no_opengl(error)) from error


def _open_first(pyrender: Any, size: int) -> Any:
    if os.environ.get("PYOPENGL_PLATFORM") != "egl" or "EGL_DEVICE_ID" in os.environ:
        return pyrender.OffscreenRenderer(size, size)
    from pyrender.platforms import egl

    number_of_devices = 1  # where EGL cannot list them, there is a default one
    with suppress(RuntimeError):
        number_of_devices = len(egl.query_devices())
    errors: list[Exception] = []
    for number in range(max(number_of_devices, 1)):
        os.environ["EGL_DEVICE_ID"] = str(number)  # pyrender has no other way to be told
        try:
            return pyrender.OffscreenRenderer(size, size)
        except Exception as error:
            errors.append(error)
        finally:
            del os.environ["EGL_DEVICE_ID"]
    raise errors[0]


def close_offscreen(offscreen: Any) -> None:
    """Free pyrender's renderer and its graphics context; other renderers of the process keep theirs."""
    if os.environ.get("PYOPENGL_PLATFORM") == "egl":
        offscreen._platform.delete_context = partial(_destroy_egl_context, offscreen._platform)
    offscreen.delete()


def _destroy_egl_context(platform: Any) -> None:
    """What pyrender does, but for ending the display: every renderer of the process is on that."""
    from OpenGL.EGL import EGL_NO_CONTEXT, EGL_NO_SURFACE, eglDestroyContext, eglMakeCurrent

    eglMakeCurrent(platform._egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT)
    eglDestroyContext(platform._egl_display, platform._egl_context)
    platform._egl_context = platform._egl_display = None


def _no_opengl(error: Exception) -> str:
    said = " ".join(str(error).split())  # PyOpenGL's errors have several lines
    return (
        f"OpenGL could not be started ({type(error).__name__}: {said}{_missing()}). Install a driver for off-screen "
        "rendering: Debian/Ubuntu `apt install libegl1 libgl1 libgl1-mesa-dri`; Fedora `dnf install mesa-libEGL "
        "mesa-libGL mesa-dri-drivers`; conda `conda install -c conda-forge libegl libgl mesalib`. PYOPENGL_PLATFORM is "
        f"{os.environ.get('PYOPENGL_PLATFORM', 'unset')!r}; EGL needs 'egl'."
    )


def _missing() -> str:
    """Which library is not there, as the loader tells it: "; libGL.so.1 cannot be loaded (no libX11.so.6)"."""
    if sys.platform != "linux":
        return ""
    egl, gl = _trouble("libEGL.so.1"), [_trouble(name) for name in ("libOpenGL.so.0", "libGL.so.1")]
    troubles = [*filter(None, (egl,)), *(gl if all(gl) else [])]  # one of the last two is enough
    if troubles:
        return f"; {' and '.join(troubles)} cannot be loaded"
    drivers = [_trouble(name) for name in _DRIVERS]
    if all(drivers):
        return f"; libEGL.so.1 has no driver, for neither {' nor '.join(drivers)} can be loaded"
    return "; the libraries load, so that a driver's own file, or the right to use the card, may be missing"


def _trouble(library: str) -> str:
    """The name of a library that cannot be loaded, with the one that it lacks; "" if it loads."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        lacking = str(error).split(":")[0]
        return f"{library} (which needs {lacking})" if lacking.startswith("lib") and lacking != library else library
    return ""
