"""What the younger categories promise beyond a fourfold truth table: compounds need both their parts, and the like."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.location import OPPOSITE
from fourfold.generator.categories.negation import FORMS
from fourfold.generator.categories.world import Draft, World, make_world
from fourfold.generator.groups.making import turn
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split, Vocabulary, check_recipe
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.layout import boxes_in_picture, covered, height, in_frame, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
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
    claim_from_dict,
    claim_to_dict,
)
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import COMPARISONS, stands

DRAFTS = 60
RECIPE = Recipe(
    "new",
    {"test": Split()},
    vocabulary=Vocabulary(
        (
            "cube",
            "sphere",
            "cylinder",
            "cone",
            "torus",
            "star",
            "heart",
            "mug",
            "bottle",
            "hat",
            "arch",
            "bowl",
            "crate",
        )
    ),
    scene=SceneRange((1, 3), tuple(ARRANGEMENTS)),
)
WORLD = make_world(RECIPE, RECIPE.splits["test"])


@pytest.fixture(scope="module")
def made() -> dict[str, list[Draft]]:
    return {name: drafts(name, WORLD, DRAFTS) for name in CATEGORIES}


def drafts(category: str, world: World, number: int) -> list[Draft]:
    rng = np.random.default_rng(21)
    found = (draft for _ in range(2 * number) if (draft := CATEGORIES[category].sample(world, rng)) is not None)
    return list(islice(found, number))


def truths(draft: Draft, claim: Claim) -> tuple[bool | None, ...]:
    return tuple(claim.holds(layout) for layout in draft.layouts)


def parts(claim: Claim) -> list[Claim]:
    """The claims that a claim is made of, itself left out where it only joins or negates others."""
    match claim:
        case Both(first, second):
            return parts(first) + parts(second)
        case Not(inner):
            return parts(inner)
    return [claim]


def without_look(description: Description) -> Description:
    return Description(shape=description.shape)


def affirmed(claim: Claim) -> Claim:
    """The claim as one who overhears every negation would take it."""
    match claim:
        case Both(first, second):
            return Both(affirmed(first), affirmed(second))
        case Not(inner):
            return inner
        case Absent(description):
            return Exists(description)
    return claim


def test_binding_and_relation_are_both_needed(made):
    for draft in made["binding+relation"]:
        for claim in draft.claims + draft.hard_positives:
            assert isinstance(claim, Related)
            # Who knows the things with their attributes, but not where they are, learns nothing.
            for description in (claim.subject, claim.reference):
                assert truths(draft, Exists(description)) == (True, True)
            # Nor does one who knows what is where, but not its attributes.
            plain = Related(without_look(claim.subject), claim.relation, without_look(claim.reference))
            assert truths(draft, plain) == (True, True)


def test_binding_and_negation_are_both_needed(made):
    for draft in made["binding+negation"]:
        first, second = (layout.objects for layout in draft.layouts)
        assert Counter(thing.shape for thing in first) == Counter(thing.shape for thing in second)
        assert any(isinstance(part, Absent) for claim in draft.claims for part in parts(claim))
        for claim in draft.claims:
            for part in parts(claim):  # without its attribute, what is said to be absent is in both scenes
                if isinstance(part, Absent):
                    assert truths(draft, Exists(without_look(part.description))) == (True, True)
        overheard = [truths(draft, affirmed(claim)) for claim in draft.claims]
        assert overheard != [(True, False), (False, True)]


def test_relation_and_negation_are_both_needed(made):
    for draft in made["relation+negation"]:
        first, second = (Counter(replace(thing, position=(0, 0, 0)) for thing in x.objects) for x in draft.layouts)
        assert first == second  # the same things, in other places
        for claim in draft.claims + draft.hard_positives:
            related = [part for part in parts(claim) if isinstance(part, Related)]
            assert len(related) == len(parts(claim)) >= 2
            denied = Not(related[-1])
            assert truths(draft, denied) == truths(draft, claim)
            assert truths(draft, affirmed(denied)) == tuple(not truth for truth in truths(draft, claim))


def test_what_is_denied_has_but_one_reading(made):
    """ "Not left of" is said where the one thing is clearly right of the other, and there is one of each kind."""
    for name in ("relation+negation", "negation"):
        for draft in made[name]:
            for claim in draft.claims:
                match claim:
                    case Both(Related(a, converse, b), Not(Related(c, relation, d))):
                        assert (a, b) == (c, d)
                        assert converse != relation
                        for layout in draft.layouts:
                            assert all(sum(x.matches(t) is True for t in layout.objects) == 1 for x in (a, b))


def test_counts_are_from_one_to_five_and_only_the_counted_differ(made):
    pairs = set()
    for draft in made["counting"]:
        many, few = (claim.number for claim in draft.claims if isinstance(claim, Counted))
        pairs.add((few, many))
        assert 1 <= few < many <= 5
        larger, smaller = (layout.objects for layout in draft.layouts)
        assert set(smaller) < set(larger)
        description = draft.claims[0].description
        assert all(description.matches(thing) for thing in set(larger) - set(smaller))
        assert any(not description.matches(thing) for thing in smaller)
    assert len(pairs) >= 9  # of ten


def test_counted_things_can_be_told_apart(made):
    for draft in made["counting"]:
        layout = draft.layouts[0]
        counted = [i for i, thing in enumerate(layout.objects) if draft.claims[0].description.matches(thing)]
        boxes = boxes_in_picture(layout)
        for i, j in combinations(counted, 2):
            shared = np.clip(np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2]), 0, None)
            assert shared.prod() <= 0.2 * min(np.prod(boxes[k, 2:] - boxes[k, :2]) for k in (i, j))


def test_a_counted_attribute_has_a_decoy(made):
    """Beside two red mugs stands one that is not red, or counting the mugs would do."""
    said = [
        draft for draft in made["counting"] if draft.claims[0].description != without_look(draft.claims[0].description)
    ]
    assert said
    for draft in said:
        kind = without_look(draft.claims[0].description)
        for layout, claim in zip(draft.layouts, draft.claims, strict=True):
            assert sum(kind.matches(thing) is True for thing in layout.objects) == claim.number + 1


def test_one_thing_goes_to_the_other_side(made):
    seen = set()
    for draft in made["location"]:
        first, second = draft.claims
        assert second.region == OPPOSITE[first.region]
        seen.add(first.region)
        moved = [i for i, (a, b) in enumerate(zip(*(x.objects for x in draft.layouts), strict=True)) if a != b]
        assert moved == [0]
        # Wholly on its side: nothing of the thing crosses the middle.
        for layout, claim in zip(draft.layouts, draft.claims, strict=True):
            left, top, right, bottom = boxes_in_picture(layout)[0]
            edge = {"left": 0.5 - right, "right": left - 0.5, "top": 0.5 - bottom, "bottom": top - 0.5}[claim.region]
            assert edge >= 0
        if ARRANGEMENTS[draft.layouts[0].arrangement].standing:
            assert first.region in ("left", "right")
    assert seen == set(REGIONS)


def test_located_things_in_the_middle_are_not_judged():
    layout = drafts("location", WORLD, 1)[0].layouts[0]
    thing = layout.objects[0]
    x, y, _ = layout.camera.target
    middle = replace(layout, objects=(replace(thing, position=(x, y, thing.position[2])),))
    assert Located(Description(thing.shape), "left").holds(middle) is None
    assert Located(Description("bottle"), "left").holds(replace(layout, objects=())) is False


def test_comparisons_hold_in_the_world_and_in_the_picture(made):
    seen = set()
    for draft in made["comparison"]:
        claim = draft.claims[0]
        assert isinstance(claim, Compared)
        seen.add(claim.dimension)
        layout = draft.layouts[0]
        a, b = (
            next(i for i, thing in enumerate(layout.objects) if x.matches(thing))
            for x in (claim.subject, claim.reference)
        )
        if claim.dimension in ("smaller", "shorter", "farther"):
            a, b = b, a
        one, other = layout.objects[a], layout.objects[b]
        if claim.dimension in ("larger", "smaller"):
            areas = [np.prod(box[2:] - box[:2]) for box in boxes_in_picture(layout)]
            assert one.scale > 1.3 * other.scale
            assert areas[a] > areas[b]
        elif claim.dimension in ("taller", "shorter"):
            assert height(one) > 1.3 * height(other)
        else:
            assert stands("behind", layout, a, b) is not True
    assert seen == set(COMPARISONS)


def test_no_comparison_speaks_of_sizes_by_size(made):
    for draft in made["comparison"]:
        if draft.attribute in ("nearer", "farther"):
            continue
        assert all(x.size is None for x in (draft.claims[0].subject, draft.claims[0].reference))


def test_comparisons_are_open_where_the_signs_disagree():
    """A flat thing of greater extent and a bulky one of less: neither is called larger."""
    layout = next(d for d in drafts("comparison", WORLD, 60) if d.attribute == "larger").layouts[0]
    thing = layout.objects[0]
    flat, bulky = replace(thing, shape="bottle", scale=1.3), replace(thing, shape="sphere", scale=0.95)
    claim = Compared(Description("bottle"), Description("sphere"))
    assert claim.holds(replace(layout, objects=(flat, bulky))) is None
    assert claim.holds(replace(layout, objects=(replace(flat, scale=3.0), bulky))) is True


def test_every_negation_is_said_about_as_often(made):
    rng = np.random.default_rng(1)
    world = replace(WORLD, scene=SceneRange((2, 3), ("floating",)))
    found = Counter(d.attribute for _ in range(400) if (d := CATEGORIES["negation"].sample(world, rng)) is not None)
    assert set(found) == set(FORMS)
    assert min(found.values()) > 400 / len(FORMS) / 3


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("negate")])
def test_both_polarities_are_said_of_the_same(form, made):
    """One caption affirms what the other denies; which of them is the first scene's is turned half of the time."""
    for draft in (draft for draft in made["negation"] if draft.attribute == form):
        denials = [claim_to_dict(claim) != claim_to_dict(affirmed_form(claim)) for claim in draft.claims]
        assert denials == [False, True]
        assert turn(draft).edit == "un-negate"
        assert turn(turn(draft)).claims == draft.claims


def affirmed_form(claim: Claim) -> Claim:
    if isinstance(claim, Exists):
        return Exists(replace(claim.description, excluded=None))
    return affirmed(claim)


def test_dimension_survives_json_and_older_files_mean_larger():
    claim = Compared(Description("cube"), Description("cone"), "taller")
    row = claim_to_dict(claim)
    assert claim_from_dict(row) == claim
    del row["dimension"]
    assert claim_from_dict(row) == replace(claim, dimension="larger")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scene": SceneRange(arrangements=("stacked",))}, "scene.arrangements: another beside 'stacked'"),
        ({"scene": SceneRange(objects=(0, 2))}, "scene.objects: from 1 to at most 8"),
        ({"splits": {"test": Split({"content": 1}, templates="odd")}}, "splits.test: unknown templates 'odd'"),
        ({"splits": {"test": Split({"content": 1}, phrases="odd")}}, "splits.test: unknown phrases 'odd'"),
        ({"splits": {"test": Split({"content": 1}, synonyms="always ")}}, "Did you mean 'always'?"),
    ],
)
def test_bad_recipes_are_refused(change, message):
    recipe = replace(RECIPE, splits={"test": Split({"content": 1})})
    check_recipe(recipe, "here")
    with pytest.raises(InputError) as caught:
        check_recipe(replace(recipe, **change), "here")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("category", "vocabulary", "scene", "message"),
    [
        (
            "relation",
            Vocabulary(("cone", "star", "cube", "heart")),
            SceneRange((2, 2), ("stacked",)),
            "at least two of",
        ),
        ("comparison", Vocabulary(sizes=("small",)), SceneRange((2, 2), ("floating",)), "'small' and 'large'"),
    ],
)
def test_what_a_recipe_cannot_show_is_said(category, vocabulary, scene, message):
    world = replace(WORLD, vocabulary=vocabulary, scene=scene)
    with pytest.raises(InputError, match=message):
        CATEGORIES[category].sample(world, np.random.default_rng(0))


@pytest.mark.parametrize("name", ARRANGEMENTS)
@pytest.mark.parametrize("number", [5, 8])
def test_up_to_eight_objects_find_places(name, number):
    rng = np.random.default_rng(number)
    base = (*ARRANGEMENTS[name].bases, "cube")[0]
    kinds = ("bottle", base, "chair", "sphere", "mug", "star", "cone", "heart")[:number]
    layouts = []
    for _ in range(16):
        wishes = [ObjectSpec(kind, "red", str(rng.choice(["small", "large"]))) for kind in kinds]
        layouts.append(place(SceneSpec(tuple(wishes), name), rng))
    assert sum(layout is None for layout in layouts) <= 4
    for layout in layouts:
        if layout is not None:
            assert in_frame(layout).all()
            assert covered(layout).max() < 0.5
