"""Proximity: distances between meshes, the margins of near and touching, and the groups that are made of them."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES, proximity
from fourfold.generator.categories.world import Draft, make_world
from fourfold.generator.groups.making import FOURFOLD, make_group, truth_table, turn
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split
from fourfold.scenes.model.bodies import Body
from fourfold.scenes.model.edits import move_beside
from fourfold.scenes.model.layout import Layout, body, height, layout_from_dict, overlapping, place
from fourfold.scenes.model.separation import FARTHEST, distance_to_stand, separation, surface_distance
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.shapes import KINDS, mesh
from fourfold.scenes.truth.claims import Related, claim_from_dict
from fourfold.scenes.truth.label_check import check_labels
from fourfold.scenes.truth.pixel_judgement import View
from fourfold.scenes.truth.relations import stands
from fourfold.scenes.truth.sightings import look

WORLD = make_world(Recipe("proximity", {}, scene=SceneRange(arrangements=("table", "floating"))), Split())
SOME_KINDS = st.sampled_from(["cube", "sphere", "cone", "torus", "mug", "chair", "hourglass", "star"])
TURNS = st.floats(0, 360)


def standing(shape: str, at: tuple[float, float] = (0, 0), scale: float = 1.0, yaw: float = 0.0) -> Body:
    return Body(shape, scale, yaw, (*at, float(mesh(shape).extents[2]) * scale / 2))


def two(shapes: tuple[str, str], gap: float, scales: tuple[float, float] = (0.8, 0.8), turn: float = 20.0) -> Layout:
    """Two things on the ground of which the first stands beside the second with that gap between their outlines."""
    spec = SceneSpec(tuple(ObjectSpec(shape, "red", "medium") for shape in shapes), "table")
    layout = place(spec, np.random.default_rng(0), tries=2000)
    assert layout is not None
    things = (replace(t, scale=scale) for t, scale in zip(layout.objects, scales, strict=True))
    objects = tuple(replace(t, position=(*t.position[:2], round(height(t) / 2, 4))) for t in things)
    return move_beside(replace(layout, objects=objects), 0, 1, turn, gap)


@cache
def drafts() -> tuple[Draft, ...]:
    found = (proximity.sample(WORLD, np.random.default_rng(seed)) for seed in range(25))
    return tuple(draft for draft in found if draft is not None)


@pytest.mark.parametrize("apart", [1.0, 1.3, 2.0])
@pytest.mark.parametrize("turn", [0.0, 33.0, 90.0])
def test_balls_are_apart_by_what_is_between_their_middles(apart: float, turn: float) -> None:
    at = apart * np.cos(np.radians(turn)), apart * np.sin(np.radians(turn))
    assert separation(standing("sphere"), standing("sphere", at)) == pytest.approx(apart - 1, abs=0.01)


@pytest.mark.parametrize(("yaw", "expected"), [(0.0, 0.5), (45.0, 1.5 - 0.5 - np.sqrt(0.5)), (90.0, 0.5), (180.0, 0.5)])
def test_turned_cubes_are_apart_by_their_corners(yaw: float, expected: float) -> None:
    assert separation(standing("cube"), standing("cube", (1.5, 0.0), yaw=yaw)) == pytest.approx(expected, abs=0.005)


def test_a_cone_leaves_room_beside_its_tip() -> None:
    """At every height its own section counts: a small thing at its foot is nearer than one as high as its tip is."""
    cone, low = standing("cone", scale=1.2), standing("cube", (0.9, 0.0), scale=0.4)
    high = replace(low, position=(0.9, 0.0, 1.0))
    assert separation(cone, high) > separation(cone, low) + 0.3
    assert separation(cone, replace(low, position=(0.9, 0.0, 5.0))) == float("inf")


@settings(max_examples=40, deadline=None)
@given(a=SOME_KINDS, b=SOME_KINDS, turns=st.tuples(TURNS, TURNS, TURNS), gap=st.floats(0, 0.5))
def test_a_thing_is_put_at_that_distance(a: str, b: str, turns: tuple[float, float, float], gap: float) -> None:
    one, other = standing(a, yaw=turns[0]), standing(b, scale=0.8, yaw=turns[1])
    towards = np.array([np.cos(np.radians(turns[2])), np.sin(np.radians(turns[2]))])
    away = distance_to_stand(one, other, towards, gap)
    x, y = away * towards
    put = replace(other, position=(float(x), float(y), other.position[2]))
    assert separation(one, put) == pytest.approx(separation(put, one), abs=1e-9)
    assert separation(one, put) == pytest.approx(gap, abs=1e-6)
    # Outlines seen from above are at least as wide as the surfaces.
    assert surface_distance(one, put) >= min(gap, FARTHEST) - 0.02


@pytest.mark.parametrize("shapes", [("cube", "cube"), ("sphere", "cube"), ("cone", "mug"), ("hourglass", "torus")])
def test_surfaces_of_what_touches_are_close(shapes: tuple[str, str]) -> None:
    layout = two(shapes, 0.0)
    one, other = map(body, layout.objects)
    assert abs(separation(one, other)) < 0.002
    assert surface_distance(one, other) < 0.05
    assert surface_distance(one, replace(other, position=(9.0, 9.0, 0.5))) == float("inf")


@pytest.mark.parametrize(
    ("name", "gap", "verdict"),
    [
        ("touching", 0.018, True),
        ("touching", 0.022, None),
        ("touching", -0.018, True),
        ("touching", -0.022, None),
        ("touching", 0.248, None),
        ("touching", 0.252, False),
        ("near", 0.002, True),
        ("near", -0.01, None),
        ("near", 0.278, True),  # 0.35 of 0.8
        ("near", 0.282, None),
        ("near", 0.798, None),
        ("near", 0.802, False),
    ],
)
def test_margins_have_their_numbers(name: str, gap: float, verdict: bool | None) -> None:
    layout = two(("sphere", "sphere"), gap)
    assert stands(name, layout, 0, 1) is stands(name, layout, 1, 0) is verdict


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.348, True), (0.352, None), (1.198, None), (1.202, False)]
)  # 0.35 of the mean of 0.8 and 1.2, and the larger
def test_near_is_by_the_sizes(gap: float, verdict: bool | None) -> None:
    layout = two(("sphere", "cube"), gap, (0.8, 1.2))
    assert stands("near", layout, 0, 1) is stands("near", layout, 1, 0) is verdict


@pytest.mark.parametrize("name", proximity.RELATIONS)
def test_in_the_air_nothing_is_said(name: str) -> None:
    layout = two(("sphere", "cube"), 0.01)
    lifted = replace(layout.objects[0], position=(*layout.objects[0].position[:2], 0.9))
    assert stands(name, replace(layout, objects=(lifted, layout.objects[1])), 0, 1) is None
    assert stands(name, replace(layout, arrangement="floating"), 0, 1) is None


def test_what_is_in_anothers_hollow_does_not_touch_it() -> None:
    """Between the legs of a table."""
    layout = two(("table", "cube"), 0.0, (1.2, 0.3))
    inside = replace(layout.objects[1], position=(*layout.objects[0].position[:2], layout.objects[1].position[2]))
    assert stands("touching", replace(layout, objects=(layout.objects[0], inside)), 0, 1) is None


def test_only_pairs_that_are_close_on_purpose_may_touch() -> None:
    layout = two(("cube", "cube"), 0.0)
    assert overlapping(layout.objects).tolist() == [[False, True], [True, False]]
    assert not overlapping(layout.objects, ((0, 1),)).any()
    deep = two(("cube", "cube"), -0.1)
    assert overlapping(deep.objects, ((0, 1),)).tolist() == [[False, True], [True, False]]


def test_a_draft_is_fourfold_and_moves_one_object() -> None:
    assert len(drafts()) >= 18
    for draft in drafts():
        assert truth_table(draft.layouts, draft.claims) == FOURFOLD
        assert truth_table(draft.layouts, draft.hard_positives) == FOURFOLD
        first, second = draft.layouts
        assert first.objects[1:] == second.objects[1:]
        assert replace(first.objects[0], position=second.objects[0].position) == second.objects[0]
        assert not any(overlapping(layout.objects, draft.close).any() for layout in draft.layouts)
        assert turn(draft).close == draft.close
        assert turn(turn(draft)) == draft


def test_captions_name_the_thing_that_moves_first_as_often_as_last() -> None:
    moved = [draft.layouts[0].objects[0].shape for draft in drafts()]
    claims = [draft.claims[0] for draft in drafts()]
    first = [isinstance(c, Related) and c.subject.shape == shape for c, shape in zip(claims, moved, strict=True)]
    assert 0.25 < np.mean(first) < 0.75
    assert {draft.attribute for draft in drafts()} == set(proximity.RELATIONS)


def test_without_the_ground_nothing_can_be_shown() -> None:
    world = replace(WORLD, scene=SceneRange(arrangements=("floating",)))
    with pytest.raises(InputError, match=r"'proximity': scene\.arrangements must name 'table'"):
        CATEGORIES["proximity"].sample(world, np.random.default_rng(0))


def test_every_kind_can_stand_beside_another() -> None:
    cube = standing("cube")
    for shape in KINDS:
        away = distance_to_stand(cube, standing(shape), np.array([1.0, 0.0]), 0.1)
        assert separation(cube, standing(shape, (away, 0.0))) == pytest.approx(0.1, abs=1e-6)


def test_the_pixels_bear_out_sixty_groups() -> None:
    decided = rejected = 0
    with OpenGLRenderer(224) as renderer:
        for index in range(60):
            made = make_group(WORLD, "test", "proximity", index, 0, renderer)
            captions = made.pictures[0].row["captions"]
            claims = [claim_from_dict(json.loads(caption["claim"])) for caption in captions]
            truth = [[caption["truth"][i] for caption in captions] for i in (0, 1)]
            views = []
            for picture in made.pictures:
                layout = layout_from_dict(picture.row)
                shapes = [thing.shape for thing in layout.objects]
                views.append(View(look(picture.rendering, shapes, layout.camera), layout.camera))
            checked = check_labels(claims, truth, views)
            assert checked.contradictions == ()
            decided += checked.decided
            rejected += sum(made.rejections.values())
    assert decided >= 300  # of 480
    assert rejected <= 20  # a quarter of 80
