"""What a renderer holds: it is given back, shared with no other renderer, and not lost by a layout that fails."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import COLORS
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.rendering import Rendering

SIZE = 64


@pytest.fixture(scope="module")
def renderer() -> Iterator[OpenGLRenderer]:
    with OpenGLRenderer(SIZE) as opened:
        yield opened


def thing(shape: str, color: str = "red", at: tuple[float, float, float] = (0, 0, 0), **more: object) -> PlacedObject:
    plain = PlacedObject(shape, color, "large", "matte", "plain", COLORS[color].rgb, at, 30.0, 1.2)
    return replace(plain, **more)


def scene(*things: PlacedObject) -> Layout:
    camera = Camera(0.0, 30.0, 6.0, (0.0, 0.0, 0.25), 36.0)
    background = Background("wood", (206, 178, 140), (206, 209, 212))
    return Layout(things, "table", camera, Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0), background)


PAIR = scene(thing("cube", at=(-0.6, 0, 0.6)), thing("mug", "green", at=(0.6, 0.4, 0.6), pattern="striped"))


def assert_equal(one: Rendering, other: Rendering) -> None:
    for name in ("color", "depth", "instances", "silhouettes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_another_renderer_gives_the_same_pixels_and_may_come_and_go(renderer: OpenGLRenderer) -> None:
    first = renderer.render(PAIR)
    with OpenGLRenderer(SIZE) as other:
        assert_equal(other.render(PAIR), first)
        assert_equal(renderer.render(PAIR), first)
    assert_equal(renderer.render(PAIR), first)


@pytest.mark.parametrize("bad", [thing("cub"), thing("cube", material="stone"), thing("cube", pattern="tartan")])
def test_a_layout_that_cannot_be_drawn_leaves_nothing_behind(renderer: OpenGLRenderer, bad: PlacedObject) -> None:
    good = scene(thing("cube"))
    first = renderer.render(good)
    with pytest.raises((InputError, KeyError)):
        renderer.render(scene(thing("sphere", "blue", at=(0.9, 0, 0.9)), bad))
    assert_equal(renderer.render(good), first)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts memory the Linux way")
def test_two_hundred_pictures_need_no_more_memory_than_twenty() -> None:
    shapes = ("cube", "sphere", "mug", "torus")

    def draw(opened: OpenGLRenderer, times: int) -> None:
        for k in range(times):
            opened.render(scene(*(thing(shapes[(k + i) % 4], at=(i - 1, 0, 0), scale=0.6) for i in range(3))))

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    with OpenGLRenderer(48) as opened:
        draw(opened, 20)
        before = resident()
        draw(opened, 200)
        assert resident() - before < 6, "MB"


def test_the_driver_is_described_in_words(renderer: OpenGLRenderer) -> None:
    words = renderer.describe()
    assert words["renderer"].startswith("pyrender ")
    assert all(type(word) is str and word for word in words.values())
    assert {"device", "opengl"} <= set(words)
    renderer.render(scene(thing("cube")))


def test_closing_twice_is_closing() -> None:
    with OpenGLRenderer(32) as opened:
        opened.close()


@pytest.mark.parametrize(
    ("setup", "platform"),
    [("", "nonsense"), ("sys.modules['pyrender'] = None", "egl"), ("sys.modules['OpenGL.plugins'] = None", "egl")],
)
def test_missing_opengl_names_the_packages_to_install(setup: str, platform: str) -> None:
    code = f"""
import sys
from fourfold.errors import InputError
from fourfold.scenes.render.opengl import OpenGLRenderer
{setup}
try:
    OpenGLRenderer(32)
except InputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYOPENGL_PLATFORM": platform},
    )
    (line,) = done.stdout.splitlines()
    for part in ("Debian", "apt install libegl1", "Fedora", "dnf install mesa-libEGL", "conda install -c conda-forge"):
        assert part in line
    assert repr(platform) in line
