"""Two renderers that share no line of drawing code must show the same: an error of one is seen by the other."""

import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.backgrounds import SURFACES
from fourfold.scenes.model.layout import Layout, layout_from_dict, layout_to_dict, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, SIZES
from fourfold.scenes.render import renderers
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.raycasting import RaycastingRenderer
from fourfold.scenes.render.renderers import RENDERERS, choose_renderer, open_renderer
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.shapes import KINDS

pytest.importorskip("embreex")

SIZE = 128
SEEN = 20  # pixels: below, one pixel at the edge is more than the 3 % that may differ
Pair = tuple[OpenGLRenderer, RaycastingRenderer]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with OpenGLRenderer(SIZE) as opengl, RaycastingRenderer(SIZE) as rays:
        yield opengl, rays


def random_layout(number: int) -> Layout:
    """A scene of three objects; one number after the other goes through every kind and arrangement."""
    rng = np.random.default_rng(number)
    kinds, name = list(KINDS), list(ARRANGEMENTS)[number % len(ARRANGEMENTS)]
    shapes = [kinds[number % len(kinds)], *rng.choice(kinds, 2, replace=False)]
    for _ in range(20):  # not every kind rests on every base
        if ARRANGEMENTS[name].stacked:
            shapes[1] = rng.choice(list(ARRANGEMENTS[name].bases))
        things = tuple(
            ObjectSpec(str(shape), *(str(rng.choice(list(table))) for table in (COLORS, SIZES, MATERIALS, PATTERNS)))
            for shape in shapes
        )
        layout = place(SceneSpec(things, name), rng, tries=5000)
        if layout is not None:
            return layout
    raise AssertionError(f"no places in scene {number}")


def overlaps(one: Rendering, other: Rendering) -> list[float]:
    """Intersection over union of the masks of every object that one of them shows."""
    found = []
    for number in range(1, len(one.silhouettes) + 1):
        a, b = one.instances == number, other.instances == number
        if max(a.sum(), b.sum()) >= SEEN:
            found.append((a & b).sum() / (a | b).sum())
    return found


def compare(pair: Pair, number: int) -> float:
    """Check that both renderers agree on a random scene; the worst overlap of two masks."""
    layout = random_layout(number)
    one, other = (renderer.render(layout) for renderer in pair)
    worst = min(overlaps(one, other))
    assert worst >= 0.97, layout
    both = (one.instances == other.instances) & (one.instances > 0)
    assert np.quantile(np.abs(one.depth - other.depth)[both], 0.95) < 1e-3, "scene units"
    assert np.abs(one.silhouettes - other.silhouettes).max() <= np.maximum(3, 0.03 * one.silhouettes).max()
    difference = np.abs(one.color.astype(int) - other.color)  # of 255
    assert difference.mean() < 2.5
    assert difference[one.instances == 0].mean() < 1.5
    return worst


@pytest.mark.parametrize("number", range(30))
def test_both_renderers_agree(pair: Pair, number: int) -> None:
    compare(pair, number)


@pytest.mark.slow
def test_both_renderers_agree_on_two_hundred_scenes() -> None:
    with OpenGLRenderer(224) as opengl, RaycastingRenderer(224) as rays:
        worst = [compare((opengl, rays), number) for number in range(1000, 1200)]
    assert min(worst) >= 0.97


@pytest.mark.parametrize("surface", SURFACES)
def test_surfaces_look_alike(pair: Pair, surface: str) -> None:
    row = layout_to_dict(random_layout(0 if surface != "wall" else 1))
    row["background"]["surface"] = surface
    one, other = (renderer.render(layout_from_dict(row)).color.astype(int) for renderer in pair)
    assert np.abs(one - other).mean() < 2.5
    assert np.abs(one.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max() < 1.5


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_objects_look_alike(pair: Pair, material: str, pattern: str) -> None:
    things = tuple(ObjectSpec(shape, "green", "large", material, pattern) for shape in ("sphere", "cube"))
    layout = place(SceneSpec(things, "floating"), np.random.default_rng(3), tries=5000)
    assert layout is not None
    one, other = (renderer.render(layout) for renderer in pair)
    inside = (one.instances > 0) & (other.instances > 0)
    difference = np.abs(one.color.astype(int) - other.color)[inside]
    assert difference.mean() < 12
    assert np.abs(one.color[inside].mean(axis=0) - other.color[inside].mean(axis=0)).max() < 4


def test_a_layout_gives_the_same_pixels_again(pair: Pair) -> None:
    first, again = (pair[1].render(random_layout(2)) for _ in range(2))
    np.testing.assert_array_equal(first.color, again.color)
    np.testing.assert_array_equal(first.instances, again.instances)


@pytest.mark.parametrize("number", [0, 1])
def test_a_scene_of_nothing_is_its_background(pair: Pair, number: int) -> None:
    layout = random_layout(number)
    empty = Layout((), layout.arrangement, layout.camera, layout.lights, layout.background)
    rendering = pair[1].render(empty)
    assert not rendering.instances.any()
    assert not rendering.depth.any()
    assert rendering.silhouettes.shape == (0,)
    assert rendering.color.min() > 120


@pytest.mark.parametrize("name", RENDERERS)
def test_renderers_are_opened_by_name(name: str) -> None:
    if name == "path-traced":
        pytest.importorskip("mitsuba")
    with open_renderer(32, name) as opened:
        assert isinstance(opened, RENDERERS[name])
        words = opened.describe()
        assert all(type(word) is str and word for word in words.values())
        assert {"renderer", "device"} <= set(words)


def test_opengl_is_chosen_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_renderer() == "opengl"


def test_an_unknown_renderer_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match=r"raytracing.*Did you mean 'raytrace'.*auto, opengl, path-traced, raytrace"):
        open_renderer(32, "raytracing")


def _no_opengl(size: int) -> OpenGLRenderer:
    raise InputError("OpenGL could not be started. Install a driver.")


def test_where_opengl_cannot_start_rays_are_cast_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "OpenGLRenderer", _no_opengl)
    with pytest.warns(UserWarning, match="ray casting.*Install a driver") as caught:
        opened = open_renderer(32)
    assert isinstance(opened, RaycastingRenderer)
    assert len(caught) == 1


def test_without_embree_the_line_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.rtcore_scene", None)
    with pytest.raises(InputError, match=r"pip install 'fourfold\[raytrace\]'"):
        RaycastingRenderer(32)
    monkeypatch.setattr(renderers, "OpenGLRenderer", _no_opengl)
    with pytest.raises(InputError, match=r"Install a driver.*pip install 'fourfold\[raytrace\]'"):
        open_renderer(32)
