"""Claims: Kleene's logic, the truth of every type on scenes laid out by hand, and laws that hold for any claim."""

import json
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.scenes.model.backgrounds import Background, Lights
from fourfold.scenes.model.camera import Camera
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.truth.claims import (
    CLAIMS,
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
    claim_from_dict,
    claim_to_dict,
)
from fourfold.scenes.truth.descriptions import MIN_VISIBLE_FRACTION, Description, all_of, any_of, negation
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan
from fourfold.scenes.truth.relations import COMPARISONS, RELATIONS
from fourfold.scenes.truth.set_claims import (
    EXCLUSIONS,
    QUANTIFIERS,
    Exclusive,
    FitsBoth,
    NotBoth,
    NothingBut,
    OneOf,
    Quantified,
)

TRUTHS = (True, False, None)
VERDICTS = st.lists(st.sampled_from(TRUTHS), max_size=6)
CUBE, BALL = Description(shape="cube"), Description(shape="sphere")
RED_CUBE = Description(shape="cube", color="red")


def thing(shape: str, color: str = "red", x: float = 0.0, z: float = 0.0, **more: object) -> PlacedObject:
    """A thing hanging at x to the right and z up; the picture reaches from -1.95 to 1.95."""
    scale = more.pop("scale", 0.6)
    plain = PlacedObject(shape, color, "small", "matte", "plain", (99, 99, 99), (x, 0.0, z), 0.0, scale)
    return replace(plain, **more)


def scene(*things: PlacedObject) -> Layout:
    camera = Camera(0.0, 0.0, 6.0, (0.0, 0.0, 0.0), 36.0)
    lights = Lights(30.0, 55.0, 0.8, 0.45, 0.1, 0.0)
    return Layout(things, "floating", camera, lights, Background("wall", (200, 200, 200), (210, 210, 210)))


def hidden(shape: str, color: str = "red", x: float = 0.0, z: float = 0.0, **more: object) -> PlacedObject:
    return thing(shape, color, x, z, visible_fraction=MIN_VISIBLE_FRACTION - 0.01, **more)


# What random claims and scenes are made of: few words, so that descriptions often fit.
SHAPES, COLORS = st.sampled_from(["cube", "sphere"]), st.sampled_from(["red", "blue"])
DESCRIPTIONS = st.builds(
    Description,
    shape=st.none() | SHAPES,
    color=st.none() | COLORS,
    excluded=st.none() | st.tuples(st.just("color"), COLORS) | st.tuples(st.just("shape"), SHAPES),
)
SIMPLE = (
    st.builds(Exists, DESCRIPTIONS)
    | st.builds(Absent, DESCRIPTIONS)
    | st.builds(Counted, DESCRIPTIONS, st.integers(0, 4))
    | st.builds(AtLeast, DESCRIPTIONS, st.integers(0, 4))
    | st.builds(MoreThan, DESCRIPTIONS, DESCRIPTIONS)
    | st.builds(AsManyAs, DESCRIPTIONS, DESCRIPTIONS)
    | st.builds(Related, DESCRIPTIONS, st.sampled_from(list(RELATIONS)), DESCRIPTIONS)
    | st.builds(Located, DESCRIPTIONS, st.sampled_from(list(REGIONS)))
    | st.builds(Compared, DESCRIPTIONS, DESCRIPTIONS, st.sampled_from(list(COMPARISONS)))
    | st.builds(
        Quantified, st.builds(Description, SHAPES, COLORS), st.just("color"), st.sampled_from(list(QUANTIFIERS))
    )
    | st.builds(Exclusive, st.builds(Description, SHAPES, COLORS), st.just("color"), st.sampled_from(list(EXCLUSIONS)))
    | st.builds(NothingBut, DESCRIPTIONS)
    | st.builds(OneOf, DESCRIPTIONS, DESCRIPTIONS)
    | st.builds(NotBoth, DESCRIPTIONS, DESCRIPTIONS)
    | st.builds(FitsBoth, DESCRIPTIONS, DESCRIPTIONS)
)
ANY_CLAIM = st.recursive(SIMPLE, lambda part: st.builds(Both, part, part) | st.builds(Not, part), max_leaves=4)
THINGS = st.builds(
    thing,
    shape=SHAPES,
    color=COLORS,
    x=st.sampled_from([-1.2, -0.1, 0.1, 1.2]),
    z=st.sampled_from([-1.2, 0.0, 1.2]),
    scale=st.sampled_from([0.5, 0.55, 1.0]),
    visible_fraction=st.sampled_from([1.0, MIN_VISIBLE_FRACTION, 0.2]),
)
SCENES = st.lists(THINGS, max_size=4).map(lambda things: scene(*things))


@pytest.mark.parametrize(("one", "other"), list(product(TRUTHS, TRUTHS)))
def test_kleene_tables(one: bool | None, other: bool | None) -> None:
    """Open is a value not yet known: a verdict stands if it is the same whatever the open ones turn out to be."""

    def settled(combine: str) -> bool | None:
        worlds = product(*([True, False] if v is None else [v] for v in (one, other)))
        outcomes = {any(world) if combine == "or" else all(world) for world in worlds}
        return outcomes.pop() if len(outcomes) == 1 else None

    assert any_of((one, other)) is settled("or")
    assert all_of((one, other)) is settled("and")


def test_negation_of_each_truth() -> None:
    assert [negation(verdict) for verdict in TRUTHS] == [False, True, None]


def test_of_nothing_none_is_true_and_all_are() -> None:
    assert any_of([]) is False
    assert all_of([]) is True


@given(VERDICTS)
def test_de_morgan(verdicts: list[bool | None]) -> None:
    assert negation(any_of(verdicts)) is all_of(negation(v) for v in verdicts)
    assert negation(all_of(verdicts)) is any_of(negation(v) for v in verdicts)


@given(VERDICTS, VERDICTS, VERDICTS)
def test_order_and_grouping_do_not_matter_and_each_distributes(a: list, b: list, c: list) -> None:
    for combine, other in ((any_of, all_of), (all_of, any_of)):
        assert combine(a + b) is combine(b + a) is combine((combine(a), combine(b)))
        one, two, three = combine(a), combine(b), combine(c)
        assert other((one, combine((two, three)))) is combine((other((one, two)), other((one, three))))
        assert combine((one, other((one, two)))) is one  # absorption


@given(VERDICTS, st.data())
def test_learning_more_never_overturns_a_verdict(verdicts: list[bool | None], data: st.DataObject) -> None:
    learnt = [data.draw(st.booleans()) if v is None and data.draw(st.booleans()) else v for v in verdicts]
    for combine in (any_of, all_of):
        assert combine(verdicts) in (None, combine(learnt))


@pytest.mark.parametrize(
    ("description", "verdict"),
    [
        (Description(), True),
        (Description(shape="cube"), True),
        (Description(shape="sphere"), False),
        (Description("cube", "red", "small", "matte", "plain"), True),
        (Description("cube", "red", "small", "matte", "striped"), False),
        (Description("cube", "red", "large"), False),
        (Description(material="metal"), False),
        (Description(shape="cube", excluded=("color", "blue")), True),
        (Description(shape="cube", excluded=("color", "red")), False),
        (Description(shape="sphere", excluded=("color", "blue")), False),
    ],
)
def test_a_description_needs_every_attribute_and_not_the_excluded_one(description: Description, verdict: bool) -> None:
    assert description.matches(thing("cube")) is verdict
    assert description.matches(hidden("cube")) is (None if verdict else False)


RED, BLUE = thing("cube", "red", x=-1.0), thing("cube", "blue", x=1.0)
ALL_RED, ONLY_RED = Quantified(RED_CUBE, "color", "all"), Exclusive(RED_CUBE, "color", "only")
NOT_RED, NOT_BLUE = (Description(shape="cube", excluded=("color", color)) for color in ("red", "blue"))
LEFT_BALL, MIDDLE_BALL = thing("sphere", x=-1.5), thing("sphere", x=0.0)
# Claims that a row of tests decides by hand, at least one row for each truth of each type.
BY_HAND = [
    (Exists(RED_CUBE), (RED, BLUE), True),
    (Exists(RED_CUBE), (BLUE,), False),
    (Exists(RED_CUBE), (), False),
    (Exists(RED_CUBE), (hidden("cube"), BLUE), None),
    (Exists(RED_CUBE), (hidden("cube"), RED), True),
    (Absent(RED_CUBE), (BLUE, MIDDLE_BALL), True),
    (Absent(RED_CUBE), (), True),
    (Absent(RED_CUBE), (RED,), False),
    (Absent(RED_CUBE), (hidden("cube"), BLUE), None),
    (Counted(CUBE, 2), (RED, BLUE, MIDDLE_BALL), True),
    (Counted(CUBE, 1), (RED, BLUE), False),
    (Counted(CUBE, 3), (RED, BLUE), False),
    (Counted(CUBE, 2), (RED, hidden("cube", x=1.0)), None),
    (Counted(CUBE, 1), (RED, hidden("cube", x=1.0)), None),
    (Counted(CUBE, 3), (RED, hidden("cube", x=1.0)), False),
    (Counted(CUBE, 0), (RED, hidden("cube", x=1.0)), False),
    (Counted(CUBE, 0), (MIDDLE_BALL,), True),
    (Related(CUBE, "left", BALL), (RED, MIDDLE_BALL), True),
    (Related(CUBE, "right", BALL), (RED, MIDDLE_BALL), False),
    (Related(CUBE, "right", BALL), (RED, BLUE, MIDDLE_BALL), True),  # some cube is: the blue one
    (Related(CUBE, "right", BALL), (RED, LEFT_BALL, MIDDLE_BALL), True),  # of some ball: the left one
    (Related(CUBE, "left", BALL), (thing("cube", x=-0.2), MIDDLE_BALL), None),
    (Related(CUBE, "left", BALL), (thing("cube", x=-0.2), BLUE, MIDDLE_BALL), None),
    (Related(CUBE, "left", BALL), (thing("cube", x=-0.2), RED, MIDDLE_BALL), True),
    (Related(CUBE, "left", BALL), (RED, hidden("sphere")), None),
    (Related(CUBE, "right", BALL), (RED, hidden("sphere")), False),
    (Related(CUBE, "left", BALL), (RED,), False),
    (Related(CUBE, "left", CUBE), (RED,), False),  # not of itself
    (Related(CUBE, "left", CUBE), (RED, BLUE), True),
    (Located(CUBE, "left"), (RED,), True),
    (Located(CUBE, "right"), (RED,), False),
    (Located(CUBE, "right"), (RED, BLUE), True),
    (Located(CUBE, "left"), (thing("cube", x=-0.2),), None),
    (Located(CUBE, "left"), (hidden("cube", x=-1.0),), None),
    (Located(CUBE, "right"), (hidden("cube", x=-1.0),), False),
    (Located(CUBE, "top"), (thing("cube", z=1.0),), True),
    (Located(CUBE, "bottom"), (thing("cube", z=1.0),), False),
    (Located(CUBE, "bottom"), (thing("cube", z=-1.0),), True),
    (Located(CUBE, "top"), (RED,), None),
    (Located(BALL, "left"), (RED,), False),
    (Compared(CUBE, BALL), (thing("cube", scale=1.2), thing("sphere", scale=0.6)), True),
    (Compared(BALL, CUBE), (thing("cube", scale=1.2), thing("sphere", scale=0.6)), False),
    (Compared(CUBE, BALL), (thing("cube", scale=0.62), thing("sphere", scale=0.6)), None),
    (Compared(CUBE, BALL), (thing("cube", scale=0.6), thing("cube", scale=1.2), thing("sphere", scale=0.6)), True),
    (Compared(CUBE, BALL), (hidden("cube", scale=1.2), thing("sphere", scale=0.6)), None),
    (Compared(CUBE, CUBE), (thing("cube", scale=1.2),), False),
    (Both(Exists(CUBE), Exists(BALL)), (RED, MIDDLE_BALL), True),
    (Both(Exists(CUBE), Exists(BALL)), (RED,), False),
    (Both(Exists(CUBE), Exists(BALL)), (RED, hidden("sphere")), None),
    (Both(Absent(CUBE), Exists(BALL)), (RED, hidden("sphere")), False),
    (AtLeast(CUBE, 2), (RED, BLUE), True),
    (AtLeast(CUBE, 1), (RED, BLUE), True),
    (AtLeast(CUBE, 3), (RED, BLUE), False),
    (AtLeast(CUBE, 2), (RED, hidden("cube", x=1.0)), None),
    (AtLeast(CUBE, 1), (RED, hidden("cube", x=1.0)), True),
    (AtLeast(CUBE, 3), (RED, hidden("cube", x=1.0)), False),
    (Not(AtLeast(CUBE, 2)), (RED, MIDDLE_BALL), True),
    (MoreThan(CUBE, BALL), (RED, BLUE, MIDDLE_BALL), True),
    (MoreThan(CUBE, BALL), (RED, MIDDLE_BALL), False),
    (MoreThan(BALL, CUBE), (RED, BLUE, MIDDLE_BALL), False),
    (MoreThan(CUBE, BALL), (RED, BLUE), None),  # more than none
    (MoreThan(CUBE, BALL), (MIDDLE_BALL,), False),
    (MoreThan(CUBE, BALL), (RED, hidden("cube", x=1.0), MIDDLE_BALL), None),
    (MoreThan(CUBE, BALL), (RED, BLUE, hidden("sphere")), None),
    (MoreThan(CUBE, BALL), (RED, BLUE, thing("cube"), MIDDLE_BALL, hidden("sphere", x=-1.5)), True),
    (MoreThan(CUBE, RED_CUBE), (RED, BLUE), True),  # what fits both counts for both
    (MoreThan(CUBE, RED_CUBE), (RED, hidden("cube", x=1.0)), False),
    (AsManyAs(CUBE, BALL), (RED, MIDDLE_BALL), True),
    (AsManyAs(CUBE, BALL), (RED, BLUE, MIDDLE_BALL), False),
    (AsManyAs(CUBE, BALL), (RED,), False),
    (AsManyAs(CUBE, BALL), (), None),  # none and none
    (AsManyAs(CUBE, BALL), (RED, hidden("sphere")), None),
    (AsManyAs(CUBE, BALL), (RED, BLUE, hidden("sphere")), False),
    (AsManyAs(CUBE, RED_CUBE), (RED, hidden("cube", x=1.0)), True),
    (Not(Exists(CUBE)), (MIDDLE_BALL,), True),
    (Not(Exists(CUBE)), (RED,), False),
    (Not(Exists(CUBE)), (hidden("cube"),), None),
    # Who speaks of all, only, or not both takes something for granted; tests/test_set_claims.py has more rows.
    (ALL_RED, (RED, RED, MIDDLE_BALL), True),
    (ALL_RED, (RED, BLUE), False),
    (ALL_RED, (RED,), None),
    (ONLY_RED, (RED, thing("sphere", "blue")), True),
    (ONLY_RED, (RED, MIDDLE_BALL), False),
    (ONLY_RED, (RED, RED, thing("sphere", "blue")), None),
    (NothingBut(CUBE), (RED, BLUE), True),
    (NothingBut(CUBE), (RED, BLUE, MIDDLE_BALL), False),
    (NothingBut(CUBE), (RED, BLUE, hidden("sphere")), None),
    (OneOf(CUBE, BALL), (RED, BLUE), True),
    (OneOf(CUBE, BALL), (RED, MIDDLE_BALL), False),
    (OneOf(CUBE, BALL), (), False),
    (OneOf(CUBE, BALL), (RED, hidden("sphere")), None),
    (NotBoth(CUBE, BALL), (RED, BLUE), True),
    (NotBoth(CUBE, BALL), (RED, MIDDLE_BALL), False),
    (NotBoth(CUBE, BALL), (), None),
    (FitsBoth(NOT_RED, NOT_BLUE), (RED, thing("cube", "green")), True),
    (FitsBoth(NOT_RED, NOT_BLUE), (RED, BLUE, thing("sphere", "green")), False),
    (FitsBoth(NOT_RED, NOT_BLUE), (RED, hidden("cube", "green")), None),
]


@pytest.mark.parametrize(("claim", "things", "verdict"), BY_HAND)
def test_truth_on_scenes_laid_out_by_hand(claim: Claim, things: tuple[PlacedObject, ...], verdict: bool | None) -> None:
    assert claim.holds(scene(*things)) is verdict
    for order in permutations(things):
        assert claim.holds(scene(*order)) is verdict


@pytest.mark.parametrize("name", CLAIMS)
def test_every_type_of_claim_is_judged_by_hand(name: str) -> None:
    """A new type needs rows above, one for each of the three truths."""
    assert CLAIMS[name].__name__ == name
    assert {verdict for claim, _, verdict in BY_HAND if type(claim) is CLAIMS[name]} == set(TRUTHS)


@given(ANY_CLAIM, SCENES)
def test_a_verdict_is_one_of_three_and_does_not_depend_on_the_order(claim: Claim, layout: Layout) -> None:
    verdict = claim.holds(layout)
    assert any(verdict is truth for truth in TRUTHS)
    assert claim.holds(replace(layout, objects=layout.objects[::-1])) is verdict


@given(ANY_CLAIM, SCENES)
def test_what_is_decided_does_not_hang_on_a_hidden_object(claim: Claim, layout: Layout) -> None:
    """Whether it were seen or not there at all: the verdict would be the same, or it was open."""
    verdict = claim.holds(layout)
    for i, other in enumerate(layout.objects):
        if other.visible_fraction >= MIN_VISIBLE_FRACTION:
            continue
        seen = replace(other, visible_fraction=1.0)
        shown = replace(layout, objects=(*layout.objects[:i], seen, *layout.objects[i + 1 :]))
        gone = replace(layout, objects=layout.objects[:i] + layout.objects[i + 1 :])
        if verdict is not None:
            assert claim.holds(shown) is verdict
            assert claim.holds(gone) is verdict


@given(ANY_CLAIM, ANY_CLAIM, SCENES)
def test_combined_claims_obey_logic(one: Claim, other: Claim, layout: Layout) -> None:
    assert Not(Not(one)).holds(layout) is one.holds(layout)
    assert Both(one, one).holds(layout) is one.holds(layout)
    assert Both(one, other).holds(layout) is Both(other, one).holds(layout)
    assert Both(one, Not(one)).holds(layout) is not True


@given(DESCRIPTIONS, SCENES)
def test_existence_absence_and_number_agree(description: Description, layout: Layout) -> None:
    verdict = Exists(description).holds(layout)
    assert Absent(description).holds(layout) is negation(verdict)
    assert Counted(description, 0).holds(layout) is negation(verdict)
    counted = [Counted(description, number).holds(layout) for number in range(len(layout.objects) + 1)]
    assert counted.count(True) == 1 or None in counted
    assert any_of(counted) is not False


@given(DESCRIPTIONS, st.integers(0, 4), SCENES)
def test_bounds_and_numbers_agree(description: Description, number: int, layout: Layout) -> None:
    """Exactly so many are at least so many and not more; at least one is one that is there."""
    bounds = AtLeast(description, number), Not(AtLeast(description, number + 1))
    assert all_of(claim.holds(layout) for claim in bounds) is Counted(description, number).holds(layout)
    assert AtLeast(description, 1).holds(layout) is Exists(description).holds(layout)
    assert AtLeast(description, 0).holds(layout) is True


@given(DESCRIPTIONS, DESCRIPTIONS, SCENES)
def test_one_of_more_fewer_and_as_many_is_so(a: Description, b: Description, layout: Layout) -> None:
    verdicts = [claim.holds(layout) for claim in (MoreThan(a, b), AsManyAs(a, b), MoreThan(b, a))]
    assert verdicts.count(True) <= 1
    assert AsManyAs(b, a).holds(layout) is verdicts[1]
    if None not in verdicts:
        assert verdicts.count(True) == 1
    counts = [[d.matches(thing) for thing in layout.objects].count(True) for d in (a, b)]
    if all(thing.visible_fraction >= MIN_VISIBLE_FRACTION for thing in layout.objects) and all(counts):
        assert verdicts == [counts[0] > counts[1], counts[0] == counts[1], counts[0] < counts[1]]


@settings(max_examples=200)
@given(ANY_CLAIM, SCENES)
def test_a_claim_goes_through_json_and_back(claim: Claim, layout: Layout) -> None:
    again = claim_from_dict(json.loads(json.dumps(claim_to_dict(claim))))
    assert again == claim
    assert again.holds(layout) is claim.holds(layout)


def test_a_claim_as_json_says_only_what_is_meant() -> None:
    claim = Both(Exists(RED_CUBE), Not(Counted(Description(excluded=("color", "red")), 0)))
    assert claim_to_dict(claim) == {
        "type": "Both",
        "first": {"type": "Exists", "description": {"shape": "cube", "color": "red"}},
        "second": {
            "type": "Not",
            "claim": {"type": "Counted", "description": {"excluded": ("color", "red")}, "number": 0},
        },
    }


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({}, KeyError),
        ({"type": "Exist", "description": {}}, KeyError),
        ({"type": "Exists"}, TypeError),
        ({"type": "Exists", "description": {"form": "cube"}}, TypeError),
        ({"type": "Exists", "description": {}, "number": 2}, TypeError),
        ({"type": "Not", "claim": {"type": "Maybe"}}, KeyError),
        ("Exists", TypeError),
    ],
)
def test_what_is_not_a_claim_is_refused(row: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        claim_from_dict(row)


@pytest.mark.parametrize(
    "claim", [Related(CUBE, "astride", BALL), Located(CUBE, "middle"), Compared(CUBE, BALL, "wider")]
)
def test_words_without_a_meaning_have_no_truth(claim: Claim) -> None:
    with pytest.raises(KeyError):
        claim.holds(scene(RED, MIDDLE_BALL))


WIDTH = 3.8990  # scene units across the picture of `scene`, at the distance of the things


@pytest.mark.parametrize(("region", "x", "z"), [("left", -1, 0), ("right", 1, 0), ("top", 0, 1), ("bottom", 0, -1)])
@pytest.mark.parametrize(
    ("share", "scale", "verdict"),
    [
        (0.139, 0.2, None),  # of the picture's width, from its middle to that of a small thing
        (0.141, 0.2, True),
        (-0.139, 0.2, None),
        (-0.141, 0.2, False),
        (0.59 / WIDTH, 1.2, None),  # a large thing, which reaches 0.6 from its own middle
        (0.61 / WIDTH, 1.2, True),
        (-0.59 / WIDTH, 1.2, None),
        (-0.61 / WIDTH, 1.2, False),
    ],
)
def test_a_region_has_the_margin_of_its_number(
    region: str, x: int, z: int, share: float, scale: float, verdict: bool | None
) -> None:
    there = thing("cube", x=share * WIDTH * x, z=share * WIDTH * z, scale=scale)
    assert Located(CUBE, region).holds(scene(there)) is verdict
    assert Located(BALL, region).holds(scene(there)) is False


@pytest.mark.parametrize(("fraction", "verdict"), [(0.44, None), (0.449, None), (0.45, True), (0.46, True)])
def test_a_thing_counts_from_45_percent_of_its_silhouette(fraction: float, verdict: bool | None) -> None:
    layout = scene(thing("cube", visible_fraction=fraction))
    assert CUBE.matches(layout.objects[0]) is verdict
    assert Exists(CUBE).holds(layout) is Counted(CUBE, 1).holds(layout) is verdict
    assert Absent(CUBE).holds(layout) is negation(verdict)
    assert Exists(BALL).holds(layout) is False
