"""Claims about sets: by hand where people could disagree, by law everywhere, and as the pixels show them."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.generator.captions.phrases import TEMPLATES
from fourfold.generator.captions.set_templates import SET_TEMPLATES
from fourfold.generator.captions.wording import Wording, word
from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.truth.claims import Absent, Both, Claim, Exists, Not, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.label_check import judge
from fourfold.scenes.truth.pixel_judgement import View
from fourfold.scenes.truth.set_claims import (
    EXCLUSIONS,
    QUANTIFIERS,
    Exclusive,
    FitsBoth,
    NotBoth,
    NothingBut,
    OneOf,
    Quantified,
    SetClaim,
)
from fourfold.scenes.truth.sightings import Sighting

CAMERA = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
CUBE, BALL, RED_CUBE = Description("cube"), Description("sphere"), Description("cube", "red")


def scene(things: str) -> Layout:
    """A scene from two letters an object: kind (c, s or k for a cone), color (r, b or g); "h" behind them: hidden."""
    made = []
    for word_ in things.split():
        shape = {"c": "cube", "s": "sphere", "k": "cone"}[word_[0]]
        color = {"r": "red", "b": "blue", "g": "green"}[word_[1]]
        seen = 0.2 if word_.endswith("h") else 1.0
        made.append(
            PlacedObject(
                shape, color, "small", "matte", "plain", (9, 9, 9), (0.0, 0.0, 0.0), 0.0, 0.6, visible_fraction=seen
            )
        )
    wall = Background("wall", (200, 200, 200), (210, 210, 210))
    return Layout(tuple(made), "floating", CAMERA, Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0), wall)


def quantified(name: str) -> Claim:
    return Quantified(RED_CUBE, "color", name)


def exclusive(name: str) -> Claim:
    return Exclusive(RED_CUBE, "color", name)


@pytest.mark.parametrize(
    ("things", "verdicts"),  # of all, not all, none and some of the cubes are red
    [
        ("cr cr sb", (True, False, False, None)),  # nobody says "some" where all are
        ("cr cb sr", (False, True, False, None)),  # nor, surely, of a single one
        ("cr cr cb", (False, True, False, True)),
        ("cb cb sr", (False, None, True, False)),  # nor "not all" where none is
        ("cr sr sr", (None, None, None, None)),  # "the cubes" are two or more
        ("cb sr", (None, None, None, None)),
        ("sr sr", (None, None, None, None)),
        ("", (None, None, None, None)),
        ("cr cr crh", (True, False, False, None)),
        ("cr cr cbh", (None, None, False, None)),
        ("cr crh", (None, None, None, None)),
        ("cb cb crh", (False, None, None, None)),
        ("cr cr cb cbh srh", (False, True, False, True)),
    ],
)
def test_quantifiers(things: str, verdicts: tuple[bool | None, ...]) -> None:
    assert tuple(quantified(name).holds(scene(things)) for name in QUANTIFIERS) == verdicts


@pytest.mark.parametrize(
    ("things", "verdicts"),  # of only the cube, all but the cube, only cubes, and not only cubes
    [
        ("cr sb kb", (True, False, None, None)),
        ("cb sr kb", (False, False, False, None)),
        ("cb sr kr", (False, True, False, None)),
        ("cb sr", (False, None, False, None)),  # "all the objects" but one are two or more
        ("cr sr kr", (False, False, False, None)),
        ("cb sb kb", (False, False, None, None)),
        ("cr", (None, None, None, None)),  # there is nothing that "only" leaves out
        ("cr cr sb", (None, None, True, False)),
        ("cr cr cb sb", (None, None, True, False)),
        ("cr cr sr sb", (None, None, False, True)),
        ("cr cr", (None, None, None, False)),
        ("sr kr", (None, None, False, None)),
        ("cr sb kb srh", (None, False, None, None)),
        ("cr sb kb sbh", (True, False, None, None)),
        ("cr crh sb kb", (None, None, None, None)),
    ],
)
def test_exclusions(things: str, verdicts: tuple[bool | None, ...]) -> None:
    assert tuple(exclusive(name).holds(scene(things)) for name in EXCLUSIONS) == verdicts


@pytest.mark.parametrize("things", ["cr sb", "sr cb kb", "cr cr srh", "cr", "", "sr sr"])
def test_an_unknown_rule_is_no_claim(things: str) -> None:
    with pytest.raises(KeyError):
        quantified("most").holds(scene(things))
    with pytest.raises(KeyError):
        exclusive("mostly").holds(scene(things))


THINGS = st.lists(st.sampled_from([f"{k}{c}{h}" for k, c, h in product("csk", "rbg", ["", "", "h"])]), max_size=6)
SCENES = THINGS.map(lambda things: scene(" ".join(things)))
KINDS_MEANT = st.sampled_from([CUBE, BALL, Description("cone"), Description(color="red"), Description()])
CLAIMS = st.one_of(
    st.sampled_from([*map(quantified, QUANTIFIERS), *map(exclusive, EXCLUSIONS)]),
    st.builds(NothingBut, KINDS_MEANT),
    st.builds(OneOf, KINDS_MEANT, KINDS_MEANT),
    st.builds(NotBoth, KINDS_MEANT, KINDS_MEANT),
    st.builds(
        FitsBoth,
        *(
            st.sampled_from([Description("cube", excluded=("color", color)) for color in ("red", "blue", "green")])
            for _ in "ab"
        ),
    ),
)


@given(SCENES)
def test_opposites_never_agree(layout: Layout) -> None:
    """Where both are decided, one is true and the other false."""
    for one, other in (
        (quantified("all"), quantified("not-all")),
        (quantified("some"), quantified("none")),
        (exclusive("only-kind"), exclusive("not-only-kind")),
        (Both(Exists(CUBE), Exists(BALL)), NotBoth(CUBE, BALL)),
    ):
        verdicts = one.holds(layout), other.holds(layout)
        assert None in verdicts or verdicts[0] is not verdicts[1]
    assert not (quantified("all").holds(layout) and quantified("none").holds(layout))
    assert not (exclusive("only").holds(layout) and exclusive("except").holds(layout))


@given(SCENES)
def test_all_are_where_none_is_not(layout: Layout) -> None:
    """With two colors alone, all the cubes are red where none is blue."""
    two = replace(
        layout,
        objects=tuple(replace(thing, color="blue") if thing.color == "green" else thing for thing in layout.objects),
    )
    assert quantified("all").holds(two) is Quantified(Description("cube", "blue"), "color", "none").holds(two)


@given(SCENES)
def test_either_or_is_one_without_the_other(layout: Layout) -> None:
    one, other = Exists(CUBE).holds(layout), Exists(BALL).holds(layout)
    if None in (one, other):
        assert OneOf(CUBE, BALL).holds(layout) in (None, False)
        return
    assert OneOf(CUBE, BALL).holds(layout) is (one is not other)
    assert NotBoth(CUBE, BALL).holds(layout) is (not (one and other) if one or other else None)
    assert NotBoth(BALL, CUBE).holds(layout) is NotBoth(CUBE, BALL).holds(layout)


@given(SCENES)
def test_two_negations_are_none(layout: Layout) -> None:
    assert Not(Absent(CUBE)).holds(layout) is Exists(CUBE).holds(layout)
    not_red = Absent(Description("cube", excluded=("color", "red")))
    if quantified("all").holds(layout) is not None:
        assert not_red.holds(layout) is quantified("all").holds(layout)


def view(layout: Layout) -> View:
    """What a perfect eye sights of the scene: of each thing its kind and color."""
    things = []
    for thing in layout.objects:
        may_be = {name: frozenset((getattr(thing, name),)) for name in ("shape", *TABLES)}
        things.append(Sighting(thing.visible_fraction, (0.5, 0.5), np.zeros(3), 0.0, 1.0, 1.0, True, may_be))
    return View(things, CAMERA)


@given(CLAIMS, SCENES)
def test_the_check_by_pixels_never_contradicts_a_right_label(claim: SetClaim, layout: Layout) -> None:
    label = claim.holds(layout)
    if label is not None:
        assert judge(claim, view(layout)) in (label, None)
        if all(thing.visible_fraction == 1 for thing in layout.objects):
            assert judge(claim, view(layout)) is label


@given(CLAIMS, SCENES)
def test_a_thing_never_seen_leaves_the_check_nothing_it_would_take_back(claim: SetClaim, layout: Layout) -> None:
    """Whatever the unseen thing is, a verdict that was given without it being known is the right one."""
    seen = view(layout)
    verdict = judge(claim, View((*seen.things, None), CAMERA))
    for more in ("cr", "cb", "sr", "sb", "kg"):
        if verdict is not None:
            assert judge(claim, view(replace(layout, objects=(*layout.objects, *scene(more).objects)))) in (
                verdict,
                None,
            )


A, B, C = Description("cube", "red"), Description("star", "blue"), Description("hat", "green")
PAIRS = {  # two claims of each form and its opposite, that captions of a group may say
    "all": (quantified("all"), Quantified(B, "color", "all")),
    "not-all": (quantified("not-all"), quantified("all")),
    "none": (quantified("none"), quantified("all")),
    "some": (quantified("some"), quantified("none")),
    "only": (exclusive("only"), Exclusive(B, "color", "only")),
    "except": (exclusive("except"), Exclusive(B, "color", "except")),
    "only-kind": (exclusive("only-kind"), exclusive("not-only-kind")),
    "not-only-kind": (exclusive("not-only-kind"), Exclusive(B, "color", "not-only-kind")),
    "nothing-but": (NothingBut(CUBE), NothingBut(Description(color="red"))),
    "one-of": (OneOf(CUBE, BALL), OneOf(CUBE, Description("cone"))),
    "not-both": (NotBoth(CUBE, BALL), Both(Exists(CUBE), Exists(BALL))),
    "not+absent": (Not(Absent(CUBE)), Absent(CUBE)),
    "fits-both": (
        FitsBoth(Description("cube", excluded=("color", "red")), Description("cube", excluded=("color", "blue"))),
        FitsBoth(Description("cube", excluded=("color", "red")), Description("cube", excluded=("color", "green"))),
    ),
    "not+fits-both": (
        Not(FitsBoth(Description("cube", excluded=("color", "red")), Description("cube", excluded=("color", "blue")))),
        FitsBoth(Description("cube", excluded=("color", "red")), Description("cube", excluded=("color", "blue"))),
    ),
    "unrelated+unrelated": tuple(
        Both(*(Both(Related(CUBE, "right", other), Not(Related(CUBE, "left", other))) for other in others))
        for others in ((BALL, B), (BALL, C))
    ),
}


def test_every_form_is_compared_with_another() -> None:
    assert list(PAIRS) == list(SET_TEMPLATES)


@pytest.mark.parametrize("name", SET_TEMPLATES)
def test_two_claims_are_never_worded_alike(name: str) -> None:
    rows = len(TEMPLATES[name])
    said = [[word(claim, Wording(template, 0)) for template in range(rows)] for claim in PAIRS[name]]
    assert not set(said[0]) & set(said[1])
    assert len(set(said[0])) == rows == len(set(said[1]))
    assert not any("{" in text or "None" in text for texts in said for text in texts)


def test_values_are_said_as_adjectives() -> None:
    large = Quantified(Description("cube", size="medium"), "size", "all")
    assert word(large, Wording(0, 0)) == "all the cubes are medium-sized"
    fish = Exclusive(Description("fish", pattern="striped"), "pattern", "only-kind")
    assert word(fish, Wording(0, 0)) == "only fish are striped"
    named = Quantified(Description("cross", "red", size="large"), "color", "none")
    assert word(named, Wording(0, 0, 1)) == "none of the large plus signs are red"
