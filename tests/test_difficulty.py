"""Difficulty speaks of the objects that captions name: hand-made scenes, and claims drawn at random."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.generator.dataset.difficulty_axes import AXES, NOT_APPLICABLE, applicable
from fourfold.generator.groups.difficulty import CHANGED, changed_pixels, difficulty, named_objects
from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.truth.annotations import ObjectAnnotation
from fourfold.scenes.truth.claims import (
    REGIONS,
    Absent,
    Both,
    Claim,
    Compared,
    Counted,
    Exists,
    Located,
    Not,
    Related,
    region_offsets,
)
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.margins import clearness, margin_to_ambiguity
from fourfold.scenes.truth.relations import COMPARISONS, RELATIONS

CUBE, BALL, CONE = Description("cube"), Description("sphere"), Description("cone")
RED_CUBE, BLUE_BALL = Description("cube", "red"), Description("sphere", "blue")
OF_PAIRS = ("distance", "picture_distance", "size_ratio", "color_distance")


def thing(shape: str, color: str = "red", x: float = 0.0, z: float = 0.0, **more: object) -> PlacedObject:
    """A thing hanging at x to the right and z up; the picture reaches from -1.95 to 1.95."""
    plain = PlacedObject(shape, color, "small", "matte", "plain", (99, 99, 99), (x, 0.0, z), 0.0, 0.6)
    return replace(plain, **more)


def scene(*things: PlacedObject, arrangement: str = "floating") -> Layout:
    camera = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
    lights = Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(things, arrangement, camera, lights, Background("wall", (200, 200, 200), (210, 210, 210)))


def measure(*layouts: Layout, claims: tuple[Claim, ...], role: int = 0, **more: object) -> dict:
    seen = [
        ObjectAnnotation(i, (0, 0, 9, 9), int(1000 * each.visible_fraction) + i, each.visible_fraction, False, {})
        for i, each in enumerate(layouts[role].objects, start=1)
    ]
    given = {"caption": "a red cube", "changed": None, "held_out": False} | more
    return difficulty(layouts, role, seen, claims, **given)


PAIR = thing("cube", "red", -1.0), thing("sphere", "blue", 0.5, scale=1.2)
CLAIMS = Both(Exists(RED_CUBE), Exists(BLUE_BALL)), Both(Exists(Description("cube", "blue")), Exists(BALL))


def test_every_axis_has_its_row_and_its_number():
    found = measure(scene(*PAIR), claims=CLAIMS, changed=0.25)
    assert list(found) == list(AXES)
    assert all(type(value) in (bool, int, float) for value in found.values())
    assert found | {"color_distance": 0} == {
        "n_objects": 2,
        "distance": 1.5,
        "picture_distance": round(1.5 / (2 * 6 * np.tan(np.radians(18))), 4),
        "size_ratio": 2.0,
        "occlusion": 0.0,
        "color_distance": 0,
        "visible_pixels": 1001,
        "kind_distractors": 0,
        "attribute_distractors": 0,
        "margin": NOT_APPLICABLE,
        "changed_pixels": 0.25,
        "caption_length": 3,
        "held_out": False,
    }
    assert found["color_distance"] > 20


@pytest.mark.parametrize("claims", [CLAIMS, (Related(RED_CUBE, "left", BLUE_BALL), Related(BALL, "left", CUBE))])
def test_what_no_caption_names_changes_nothing_but_how_full_the_scene_is(claims):
    """Be it far away, hidden, tiny, or of a color and a size as like another's as can be."""
    alone = measure(scene(*PAIR), claims=claims)
    for other in (
        thing("star", "green", 40.0, scale=9.0),
        thing("star", "green", 0.49, visible_fraction=0.0),
        thing("star", "green", -1.0, scale=0.01),
    ):
        assert measure(scene(*PAIR, other), claims=claims) == alone | {"n_objects": 3}
        assert measure(scene(other, *PAIR), claims=claims) == alone | {"n_objects": 3, "visible_pixels": 1002}


def test_naming_decides():
    """The same scene is as hard as what is asked of it."""
    layout = scene(*PAIR, thing("cone", "red", 0.9, visible_fraction=0.6))
    near = measure(layout, claims=(Exists(BALL), Exists(CONE)))
    far = measure(layout, claims=(Exists(CUBE), Exists(CONE)))
    assert (near["distance"], far["distance"]) == (0.4, 1.9)
    assert far["color_distance"] == 0 < near["color_distance"]
    assert near["occlusion"] == far["occlusion"] == 0.4
    assert measure(layout, claims=(Exists(CUBE), Exists(BALL)))["occlusion"] == 0


def test_with_one_named_object_there_is_no_pair():
    found = measure(scene(*PAIR), claims=(Exists(CUBE), Absent(CONE)))
    assert {name for name, value in found.items() if value == NOT_APPLICABLE} == {*OF_PAIRS, "margin", "changed_pixels"}
    assert all(type(found[name]) is float for name in (*OF_PAIRS, "margin", "changed_pixels"))
    assert set(applicable(found)) == set(AXES) - {*OF_PAIRS, "margin", "changed_pixels"}


def test_where_nothing_is_named_there_is_nothing_to_hide():
    found = measure(scene(*PAIR), claims=(Absent(CONE), Absent(Description("star"))))
    assert found["occlusion"] == found["visible_pixels"] == NOT_APPLICABLE
    assert type(found["visible_pixels"]) is int


def test_distractors_are_those_that_words_would_fit_and_that_are_not_meant():
    claims = Exists(RED_CUBE), Absent(Description("sphere", pattern="striped"))
    others = (
        thing("cube", "blue"),  # a kind that is named
        thing("sphere", "green"),  # a kind that is denied
        thing("star", "red"),  # a color
        thing("star", "blue", pattern="striped"),  # a pattern
        thing("cube", "blue", pattern="striped"),  # a kind and a pattern
        thing("star", "blue"),  # nothing
    )
    found = measure(scene(thing("cube", "red"), *others), claims=claims)
    assert (found["kind_distractors"], found["attribute_distractors"]) == (3, 3)
    excluded = (Exists(Description("cube", excluded=("color", "red"))),)
    found = measure(scene(thing("cube", "blue"), thing("star", "red"), thing("cube", "red")), claims=excluded)
    assert (found["kind_distractors"], found["attribute_distractors"]) == (1, 2)


def test_objects_that_are_mostly_hidden_are_named_too():
    assert named_objects(scene(thing("cube", visible_fraction=0.1), thing("cone")), (Exists(CUBE),)) == [0]


@pytest.mark.parametrize("relation", ["left", "below"])
def test_turning_a_group_round_leaves_the_axes_of_its_pictures(relation):
    one = scene(thing("cube", x=-1.0, z=-0.9), thing("sphere", x=0.3, z=0.6), thing("star"))
    other = scene(thing("cube", x=0.3, z=0.6), thing("sphere", x=-1.0, z=-0.9), thing("star"))
    claims = Related(CUBE, relation, BALL), Related(BALL, relation, CUBE)
    straight = [measure(one, other, claims=claims, role=role, changed=0.1) for role in (0, 1)]
    turned = [measure(other, one, claims=claims[::-1], role=role, changed=0.1) for role in (1, 0)]
    assert straight == turned
    assert straight[0]["margin"] == straight[1]["margin"] > 0


def test_the_margin_is_that_of_the_weakest_in_units_of_what_it_needs():
    """Left of takes a tenth of the width: the weaker scene has 1.5 of it, whatever the other has."""
    width = 2 * 6 * np.tan(np.radians(18))
    weak, strong = (scene(thing("cube"), thing("sphere", x=share * width)) for share in (0.15, 0.4))
    claim = Related(CUBE, "left", BALL)
    assert margin_to_ambiguity([claim], [weak, strong]) == pytest.approx(0.5)
    assert margin_to_ambiguity([Not(Related(CUBE, "right", BALL))], [strong]) == pytest.approx(3.0)
    assert margin_to_ambiguity([Both(Exists(CUBE), claim)], [strong]) == pytest.approx(3.0)
    assert margin_to_ambiguity([Exists(CUBE)], [weak]) is None
    assert margin_to_ambiguity([Related(CUBE, "on", BALL)], [weak]) is None  # contact is there or not


def test_only_clear_changes_are_counted():
    first = np.zeros((4, 5, 3), np.uint8)
    second = first.copy()
    second[0, 0, 1], second[1, 1, 2], second[2, 2] = CHANGED, CHANGED + 1, 255
    assert changed_pixels(first, second) == changed_pixels(second, first) == 2 / 20
    assert changed_pixels(first, first) == 0


SHAPES, COLORS = st.sampled_from(["cube", "sphere"]), st.sampled_from(["red", "blue"])
DESCRIPTIONS = st.builds(Description, shape=st.none() | SHAPES, color=st.none() | COLORS)
SIMPLE = (
    st.builds(Exists, DESCRIPTIONS)
    | st.builds(Absent, DESCRIPTIONS)
    | st.builds(Counted, DESCRIPTIONS, st.integers(0, 3))
    | st.builds(Related, DESCRIPTIONS, st.sampled_from(list(RELATIONS)), DESCRIPTIONS)
    | st.builds(Located, DESCRIPTIONS, st.sampled_from(list(REGIONS)))
    | st.builds(Compared, DESCRIPTIONS, DESCRIPTIONS, st.sampled_from(list(COMPARISONS)))
)
RANDOM_CLAIMS = st.recursive(SIMPLE, lambda inner: st.builds(Both, inner, inner) | st.builds(Not, inner), max_leaves=4)
PLACES = st.tuples(*[st.floats(-1.5, 1.5)] * 3)
THINGS = st.builds(thing, SHAPES, COLORS, position=PLACES, scale=st.floats(0.3, 1.5))
SCENES = st.builds(
    lambda things, arrangement: scene(*things, arrangement=arrangement),
    st.lists(THINGS, max_size=4),
    st.sampled_from(["floating", "table"]),
)


@settings(max_examples=300, deadline=None)
@given(RANDOM_CLAIMS, SCENES)
def test_clearness_is_the_verdict_with_a_measure(claim, layout):
    found = clearness(claim, layout)
    assert claim.holds(layout) is (None if abs(found) < 1 else found > 0)


@settings(max_examples=100, deadline=None)
@given(SCENES, st.sampled_from([("left", "right"), ("top", "bottom")]))
def test_opposite_regions_have_opposite_offsets(layout, regions):
    one, other = (region_offsets(layout, region) for region in regions)
    np.testing.assert_allclose(one, -other, atol=1e-9)
