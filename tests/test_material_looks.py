"""Looks of materials: the first stays as it is, in the second the material is seen on every kind of object."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.files import canonical_hash
from fourfold.scenes.model.edits import swap_attribute
from fourfold.scenes.model.layout import Layout, layout_from_dict, layout_to_dict, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIAL_LOOKS, MATERIALS, PATTERNS, can_wear
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.raycasting import RaycastingRenderer
from fourfold.scenes.render.rendering import Renderer, Rendering
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.annotations import annotate
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE, changed_share
from fourfold.scenes.truth.verification import find_problems

SIZE = 96
RENDERERS = {"opengl": partial(OpenGLRenderer, SIZE), "rays": partial(RaycastingRenderer, SIZE)}
EACH_RENDERER = pytest.mark.parametrize("opened", RENDERERS, indirect=True)
PAIRS = tuple(combinations(MATERIALS, 2))
NEW_LOOKS = [look for look in MATERIAL_LOOKS if look != 1]
FEW_KINDS = ("cube", "book", "star", "mug", "table")  # flat faces, of which the first look says least, and one round
# Mean color of a large blue sphere in the first look, as it was before there was a second.
FIRST_LOOK = {"matte": (47, 68, 179), "metal": (54, 74, 184), "glossy": (63, 78, 178)}


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[Renderer]:
    if request.param == "rays":
        pytest.importorskip("embreex")
    with RENDERERS[request.param]() as renderer:
        yield renderer


def placed(kind: str, look: int, seed: int = 0, arrangement: str = "table", color: str = "blue") -> Layout:
    """A scene of one large object."""
    spec = SceneSpec((ObjectSpec(kind, color, "large"),), arrangement, material_look=look)
    layout = place(spec, np.random.default_rng(seed), tries=5000)
    assert layout is not None
    return layout


def worn(layout: Layout, **words: str) -> Layout:
    return replace(layout, objects=(replace(layout.objects[0], **words),))


def shares(renderer: Renderer, layout: Layout, pattern: str) -> dict[tuple[str, str], float]:
    """By pair of materials: the share of the object's pixels that differ."""
    drawn = {name: renderer.render(worn(layout, material=name, pattern=pattern)) for name in MATERIALS}
    return {pair: share_between(*(drawn[name] for name in pair)) for pair in PAIRS}


def share_between(one: Rendering, other: Rendering) -> float:
    return changed_share(one.color, other.color, one.instances, other.instances, 1)


@EACH_RENDERER
@pytest.mark.parametrize("material", MATERIALS)
def test_the_first_look_is_as_it_was(opened: Renderer, material: str) -> None:
    rendering = opened.render(worn(placed("sphere", 1), material=material))
    mean = rendering.color[rendering.instances == 1].mean(axis=0)
    np.testing.assert_allclose(mean, FIRST_LOOK[material], atol=1.5)


def test_scenes_in_the_first_look_keep_their_rows_and_hashes() -> None:
    layout = placed("cube", 1)
    data = layout_to_dict(layout)
    assert "material_look" not in data
    assert canonical_hash(data) == "dea595f1f4fd265f5f36851157959bb1b72849f1598ccda5b6238c5097024e56"
    assert layout_from_dict(data) == layout


@pytest.mark.parametrize("look", MATERIAL_LOOKS)
def test_a_look_travels_from_wish_to_scene_to_file_and_back(look: int) -> None:
    spec = SceneSpec((ObjectSpec("cube", "red"), ObjectSpec("sphere", "blue", material="metal")), material_look=look)
    layout = place(spec, np.random.default_rng(0))
    assert layout is not None
    assert layout.material_look == look
    assert layout_from_dict(json.loads(json.dumps(layout_to_dict(layout)))) == layout
    assert swap_attribute(layout, 0, 1, "material").material_look == look
    assert replace(layout, material_look=1) == place(replace(spec, material_look=1), np.random.default_rng(0))


@pytest.mark.parametrize("look", [0, max(MATERIAL_LOOKS) + 1, "1", True, 2.0, None])
def test_an_unknown_look_is_refused_with_the_choices(look: Any) -> None:
    choices = rf"unknown material look '{look}'.*Allowed: 1, 2"
    with pytest.raises(InputError, match=choices):
        place(SceneSpec((ObjectSpec("cube", "red"),), material_look=look), np.random.default_rng(0))
    with pytest.raises(InputError, match=choices):
        layout_from_dict(layout_to_dict(placed("cube", 1)) | {"material_look": look})


@EACH_RENDERER
@pytest.mark.parametrize("look", NEW_LOOKS)
@pytest.mark.parametrize("pattern", ["plain", "striped"])
@pytest.mark.parametrize("kind", FEW_KINDS)
def test_a_material_shows(opened: Renderer, kind: str, pattern: str, look: int) -> None:
    assert min(shares(opened, placed(kind, look), pattern).values()) >= MIN_CHANGED_SHARE


@pytest.mark.slow  # with rays it takes minutes
@EACH_RENDERER
@pytest.mark.parametrize("look", NEW_LOOKS)
def test_a_material_shows_on_every_kind(opened: Renderer, look: int) -> None:
    """Each in one of two scenes at least, and nearly always: now and then no window falls on a thin thing."""
    found = {}
    for kind in KINDS:
        scenes = [placed(kind, look, seed, arrangement) for seed, arrangement in enumerate(("table", "floating"))]
        for pattern in PATTERNS:
            rows = [shares(opened, layout, pattern) for layout in scenes]
            found |= {(kind, pattern, pair): [row[pair] for row in rows] for pair in PAIRS}
    assert not {key: both for key, both in found.items() if max(both) < MIN_CHANGED_SHARE}
    assert (np.array(list(found.values())) < MIN_CHANGED_SHARE).mean() < 0.01


@pytest.mark.parametrize("opened", ["opengl"], indirect=True)
@pytest.mark.parametrize("look", MATERIAL_LOOKS)
@pytest.mark.parametrize("material", MATERIALS)
def test_colors_keep_their_names(opened: Renderer, material: str, look: int) -> None:
    """With the verification's own limits, on every color, plain and patterned, standing and floating."""
    lost = []
    for number, (color, arrangement) in enumerate((c, a) for c in COLORS for a in ("table", "floating")):
        kind, pattern = FEW_KINDS[number % len(FEW_KINDS)], list(PATTERNS)[number % len(PATTERNS)]
        layout = placed(kind, look, number, arrangement, color)
        for name in {"plain", pattern if can_wear(color, pattern) else "plain"}:
            shown = worn(layout, material=material, pattern=name)
            rendering = opened.render(shown)
            problems = find_problems(shown, annotate(shown, rendering), rendering.instances.size)
            lost += [(color, kind, name)] if any("color" in problem for problem in problems) else []
    assert len(lost) <= 1, lost


@pytest.mark.parametrize("look", NEW_LOOKS)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("material", ["metal", "glossy"])
def test_both_renderers_draw_a_look_alike(
    material: str, pattern: str, look: int, pair: tuple[Renderer, Renderer]
) -> None:
    things = tuple(ObjectSpec(shape, "orange", "large", material, pattern) for shape in ("sphere", "crate"))
    layout = place(SceneSpec(things, "table", material_look=look), np.random.default_rng(3), tries=5000)
    assert layout is not None
    one, other = (renderer.render(layout) for renderer in pair)
    inside = (one.instances > 0) & (one.instances == other.instances)
    difference = np.abs(one.color.astype(int) - other.color)[inside]
    assert difference.mean() < 12
    assert np.abs(one.color[inside].mean(axis=0) - other.color[inside].mean(axis=0)).max() < 4


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Renderer, Renderer]]:
    pytest.importorskip("embreex")
    with OpenGLRenderer(128) as opengl, RaycastingRenderer(128) as rays:
        yield opengl, rays
