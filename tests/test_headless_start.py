"""OpenGL starts where there is no X: neither pyglet nor libX11, libXrender or libGL is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

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


def draw(*hidden: str) -> list[str]:
    """What a fresh interpreter says, to whose loader these libraries are not there."""
    code = HIDE.format(hidden=hidden) + DRAW
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is Linux's")
def test_nothing_of_x_is_needed() -> None:
    assert draw("libX", "libGL.so", "libGLX", "libGLU", "libglut") == ["[0, 1, 2]", "False []"]


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is Linux's")
def test_the_message_names_the_library_that_is_missing() -> None:
    said = draw("libEGL", "libGL.so", "libOpenGL")[0]
    assert said.startswith("OpenGL could not be started (")
    assert "libEGL.so.1 and libOpenGL.so.0 and libGL.so.1 cannot be loaded" in said
