"""The path tracer shows what OpenGL shows: the same objects in the same places and colors, in another light."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.backgrounds import photo_background
from fourfold.scenes.model.layout import Layout, layout_to_dict, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, SIZES
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.path_tracing import PathTracingRenderer
from fourfold.scenes.render.renderers import RENDERERS, open_renderer
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.shapes import KINDS

SIZE = 96
SEEN = 40  # pixels: below, two at the edge are more than the 3 % that may differ
Pair = tuple[OpenGLRenderer, PathTracingRenderer]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    pytest.importorskip("mitsuba")
    with OpenGLRenderer(SIZE) as opengl, PathTracingRenderer(SIZE, samples=4) as paths:
        yield opengl, paths


def random_layout(number: int, **wished: str) -> Layout:
    """A scene of three objects; one number after the other goes through kinds and arrangements."""
    rng = np.random.default_rng(number)
    name = [name for name, row in ARRANGEMENTS.items() if not row.stacked][number % 3]
    tables = {"color": COLORS, "size": SIZES, "material": MATERIALS, "pattern": PATTERNS}
    shapes = [list(KINDS)[(3 * number + i) % len(KINDS)] for i in range(3)]
    words = [{key: str(rng.choice(list(table))) for key, table in tables.items()} | wished for _ in shapes]
    things = tuple(ObjectSpec(shape, **said) for shape, said in zip(shapes, words, strict=True))
    layout = place(SceneSpec(things, name), rng, tries=5000)
    assert layout is not None
    return layout


def compare(one: Rendering, other: Rendering) -> list[float]:
    """Intersection over union of the masks of every object; depths and silhouettes must agree as well."""
    found = []
    for number in range(1, len(one.silhouettes) + 1):
        a, b = one.instances == number, other.instances == number
        if max(a.sum(), b.sum()) >= SEEN:
            found.append((a & b).sum() / (a | b).sum())
    both = (one.instances == other.instances) & (one.instances > 0)
    assert np.quantile(np.abs(one.depth - other.depth)[both], 0.95) < 1e-3, "scene units"
    assert (one.depth == 0).sum() == (one.instances == 0).sum()
    assert np.abs(one.silhouettes - other.silhouettes).max() <= np.maximum(3, 0.03 * one.silhouettes).max()
    return found


@pytest.mark.parametrize("number", range(6))
def test_objects_are_where_opengl_has_them(pair: Pair, number: int) -> None:
    layout = random_layout(number)
    one, other = (renderer.render(layout) for renderer in pair)
    assert min(compare(one, other)) >= 0.97, layout
    assert other.color.dtype == np.uint8
    brightness = [picture.color[picture.instances == 0].mean() for picture in (one, other)]
    assert abs(brightness[0] - brightness[1]) < 25, "a floor or wall as bright as it is drawn"


@pytest.mark.slow
def test_objects_are_where_opengl_has_them_in_a_hundred_scenes() -> None:
    pytest.importorskip("mitsuba")
    with OpenGLRenderer(224) as opengl, PathTracingRenderer(224, samples=1) as paths:
        found = [
            share
            for number in range(1000, 1100)
            for layout in [random_layout(number)]
            for share in compare(opengl.render(layout), paths.render(layout))
        ]
    assert min(found) >= 0.97


@pytest.mark.parametrize("material", MATERIALS)
def test_colors_are_those_of_the_layout(pair: Pair, material: str) -> None:
    layout = random_layout(1, material=material, pattern="plain", color="red", size="large")
    for number, thing in enumerate(layout.objects, start=1):
        seen = pair[1].render(layout)
        red, green, blue = np.median(seen.color[seen.instances == number], axis=0)
        assert red > 1.8 * max(green, blue), (thing.shape, red, green, blue)


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if name != "plain"])
def test_patterns_are_where_opengl_has_them(pair: Pair, pattern: str) -> None:
    things = tuple(ObjectSpec(shape, "red", "large", "matte", pattern) for shape in ("cube", "sphere"))
    layout = place(SceneSpec(things, "floating"), np.random.default_rng(3), tries=5000)
    assert layout is not None
    one, other = (renderer.render(layout) for renderer in pair)
    inside = (one.instances > 0) & (other.instances > 0)
    second = [picture.color[inside][:, 1].astype(int) > 90 for picture in (one, other)]  # white, where there is green
    assert 0.1 < second[0].mean() < 0.9
    assert (second[0] == second[1]).mean() > 0.9


def test_a_layout_gives_the_same_pixels_again_and_in_another_process(pair: Pair) -> None:
    layout = random_layout(2)
    first, again = (pair[1].render(layout) for _ in range(2))
    np.testing.assert_array_equal(first.color, again.color)
    program = (
        "import json, sys; from fourfold.scenes.model.layout import layout_from_dict; "
        "from fourfold.scenes.render.path_tracing import PathTracingRenderer as R; "
        f"print(R({SIZE}, samples=4).render(layout_from_dict(json.load(sys.stdin))).color.tobytes().hex())"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(layout_to_dict(layout)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == first.color.tobytes().hex()


def test_a_photo_is_behind_the_objects_and_takes_their_shadows(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    photo = np.repeat(np.repeat(rng.integers(60, 220, (8, 8, 3), dtype=np.uint8), 12, axis=0), 12, axis=1)
    for module in ("path_tracing", "opengl"):
        monkeypatch.setattr(f"fourfold.scenes.render.{module}.photo_pixels", lambda name, size: photo)
    layout = replace(random_layout(0), background=photo_background("street"))
    one, other = (renderer.render(layout) for renderer in pair)
    bare = (one.instances == 0) & (other.instances == 0)
    assert np.median(np.abs(one.color.astype(int) - other.color)[bare]) < 12
    assert np.corrcoef(other.color[bare].ravel(), photo[bare].ravel())[0, 1] > 0.9


def test_a_scene_of_nothing_is_its_background(pair: Pair) -> None:
    seen = pair[1].render(replace(random_layout(0), objects=()))
    assert not seen.instances.any()
    assert not seen.depth.any()
    assert len(seen.silhouettes) == 0


def test_it_says_what_it_draws_with(pair: Pair) -> None:
    words = pair[1].describe()
    assert words["renderer"].startswith("mitsuba 3")
    assert isinstance(RENDERERS["path-traced"](32), PathTracingRenderer)


def test_without_mitsuba_the_line_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    monkeypatch.setitem(sys.modules, "drjit", None)
    with pytest.raises(InputError, match=r"pip install 'fourfold\[path-traced\]'"):
        open_renderer(32, "path-traced")
