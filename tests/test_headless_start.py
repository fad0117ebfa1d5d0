"""OpenGL starts where there is no X: neither pyglet nor libX11, libXrender or libGL is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.opengl_start import import_pyrender

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="EGL is Linux's")

ROOT = Path(__file__).parent.parent
# A loader that has no library of X, nor libGL, which needs it; what Mesa's own driver links to is Mesa's business.
HIDE = """
import ctypes, ctypes.util, sys
HIDDEN = {hidden!r}
class CDLL(ctypes.CDLL):
    def __init__(self, name, *more, **options):
        if name and any(part in str(name) for part in HIDDEN):
            raise OSError(f"{{name}}: cannot open shared object file")
        super().__init__(name, *more, **options)
find = ctypes.util.find_library
ctypes.CDLL = ctypes.cdll._dlltype = CDLL
ctypes.util.find_library = lambda name: None if any(part in f"lib{{name}}.so" for part in HIDDEN) else find(name)
"""
DRAW = """
import numpy as np
from fourfold.errors import InputError
from fourfold.scenes.model.layout import place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.render.opengl import OpenGLRenderer
layout = place(SceneSpec((ObjectSpec("cube", "red"), ObjectSpec("mug", "blue"))), np.random.default_rng(0))
try:
    with OpenGLRenderer(64) as renderer:
        print(sorted(np.unique(renderer.render(layout).instances).tolist()))
except InputError as error:
    print(error)
mapped = {line.split()[-1].rsplit("/", 1)[-1] for line in open("/proc/self/maps") if ".so" in line}
of_x = [name for name in mapped if name.startswith(("libX11.so", "libXrender", "libGL.so"))]
print("pyglet" in sys.modules, sorted(of_x))
"""


def draw(*hidden: str, **environment: str) -> list[str]:
    """What a fresh interpreter says, in this environment, to whose loader these libraries are not there."""
    code = HIDE.format(hidden=hidden) + DRAW
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout.splitlines()


def test_nothing_of_x_is_needed() -> None:
    assert draw("libX", "libGL.so", "libGLX", "libGLU", "libglut") == ["[0, 1, 2]", "False []"]


def test_the_message_names_the_library_that_is_missing() -> None:
    said = draw("libEGL", "libGL.so", "libOpenGL")[0]
    assert said.startswith("OpenGL could not be started (")
    assert "libEGL.so.1 and libOpenGL.so.0 and libGL.so.1 cannot be loaded" in said
    assert "libEGL.so.1 has no driver" in draw("libEGL_", EGL_DEVICE_ID="99")[0]


class _NotOurs:
    """A card that EGL lists and this container was not given."""

    def get_display(self) -> None:
        raise RuntimeError("no access to the card")


def test_a_device_that_cannot_be_opened_is_passed_over_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import_pyrender()
    from pyrender.platforms import egl

    monkeypatch.delenv("EGL_DEVICE_ID", raising=False)
    devices = egl.query_devices()
    monkeypatch.setattr(egl, "query_devices", lambda: [_NotOurs(), *devices])
    with OpenGLRenderer(16) as renderer:
        assert renderer.describe()["device"]
    assert "EGL_DEVICE_ID" not in os.environ  # the choice is this renderer's alone
    monkeypatch.setattr(egl, "query_devices", lambda: [_NotOurs(), _NotOurs()])
    with pytest.raises(InputError, match="no access to the card"):
        OpenGLRenderer(16)
    monkeypatch.setattr(egl, "query_devices", lambda: [_NotOurs(), *devices])
    monkeypatch.setenv("EGL_DEVICE_ID", "0")
    with pytest.raises(InputError, match="no access to the card"):
        OpenGLRenderer(16)
