"""Numerosity, conjunction and half-truth: what two pictures and two captions leave to be told by meaning alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.captions.wording import HOLD_OUTS, Language, Wording, form, sample_wordings, word
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.numerosity import MOST, PLANS
from fourfold.generator.categories.world import Draft, World, keeps_hold_outs, make_world
from fourfold.generator.groups.making import FOURFOLD, make_group, truth_table, turn
from fourfold.generator.recipe.hold_outs import descriptions
from fourfold.generator.recipe.recipe import Recipe, SceneRange, Split, Vocabulary
from fourfold.scenes.model.layout import Layout, boxes_in_picture
from fourfold.scenes.truth.claims import Both, Claim, Counted, Exists, Not, Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan

NAMES = ("numerosity", "conjunction", "half-truth")
DRAFTS = 40
SHAPES = ("cube", "sphere", "cylinder", "cone", "torus", "star", "heart", "mug", "bottle", "hat", "arch", "chair")
RECIPE = Recipe(
    "numbers",
    {"test": Split()},
    vocabulary=Vocabulary(SHAPES),
    scene=SceneRange((2, 4), ("table", "floating", "grid")),
)
WORLD = make_world(RECIPE, RECIPE.splits["test"])


def sampled(category: str, world: World, number: int, seed: int = 7) -> list[Draft]:
    rng = np.random.default_rng(seed)
    found = (CATEGORIES[category].sample(world, rng) for _ in range(2 * number))
    return list(islice((draft for draft in found if draft is not None), number))


@pytest.fixture(scope="module")
def drafts() -> dict[str, list[Draft]]:
    return {name: sampled(name, WORLD, DRAFTS) for name in NAMES}


def counts(layout: Layout, *descriptions: Description) -> list[int]:
    return [sum(each.matches(thing) is True for thing in layout.objects) for each in descriptions]


def parts(claim: Claim) -> list[Claim]:
    return [*parts(claim.first), *parts(claim.second)] if isinstance(claim, Both) else [claim]


def values(layout: Layout) -> list[Counter[str]]:
    return [
        Counter(getattr(thing, name) for thing in layout.objects)
        for name in ("shape", "color", "size", "material", "pattern")
    ]


def test_every_form_is_drawn(drafts):
    forms = Counter(draft.attribute for draft in drafts["numerosity"])
    assert set(forms) == {plan.form for plan in PLANS}
    assert min(forms.values()) >= DRAFTS / len(forms) / 3
    assert {draft.attribute for draft in drafts["conjunction"]} == {"color", "pattern"}
    assert {len(parts(draft.claims[0])) for draft in drafts["conjunction"]} == {2, 3}
    longer = {form(draft.claims[0]) for draft in drafts["half-truth"]}
    assert longer == {"exists+exists", "exists+exists+exists", "related"}
    assert {draft.edit for draft in drafts["half-truth"]} == {"replace-attribute", "replace-object", "replace-relation"}


def test_both_pictures_hold_alike_many_objects(drafts):
    for name in NAMES:
        for draft in drafts[name]:
            first, second = draft.layouts
            assert len(first.objects) == len(second.objects) <= MOST
            changed = sum(a != b for a, b in zip(first.objects, second.objects, strict=True))
            assert 1 <= changed <= 3


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.form}-{plan.first}-{plan.second}")
def test_the_plans_of_numerosity_are_one_change_apart(plan):
    """Exact numbers are neighbours, and of what is compared there is one more or as many, and some in both scenes."""
    first, second = Counter(plan.first), Counter(plan.second)
    assert len(plan.first) == len(plan.second) <= MOST
    assert 1 <= sum(x != y for x, y in zip(plan.first, plan.second, strict=True)) <= 2
    if plan.form == "exactly":
        assert (first["a"], second["a"]) == (plan.number + 1, plan.number)
        assert plan.number in (0, 5, 6, 7)
    elif plan.form == "at-least":
        assert first["a"] >= plan.number > second["a"] >= 1
    elif plan.form == "more":
        assert first["a"] - first["b"] == second["b"] - second["a"] == 1
    elif plan.form == "as-many":
        assert first["a"] == second["a"] == first["b"] == second["c"] > first["c"] == second["b"]
    else:
        assert first["a"] == first["b"]
        assert {second["a"], second["b"]} == {first["a"], first["a"] + 1}


def test_numbers_in_the_pictures_are_what_the_captions_say(drafts):
    for draft in drafts["numerosity"]:
        for layout, claim in zip(draft.layouts, draft.claims, strict=True):
            match claim:
                case Counted(said, number):
                    assert counts(layout, said) == [number]
                case AtLeast(said, number):
                    assert counts(layout, said)[0] >= number
                case Not(AtLeast(said, number)):
                    assert 1 <= counts(layout, said)[0] < number
                case MoreThan(one, other):
                    assert counts(layout, one)[0] > counts(layout, other)[0] >= 1
                case AsManyAs(one, other):
                    assert counts(layout, one) == counts(layout, other) != [0]
                case _:
                    pytest.fail(str(claim))


def test_more_of_them_is_told_by_no_size(drafts):
    """Sizes are drawn for each object alone, and what becomes something else keeps its size."""
    for draft in drafts["numerosity"]:
        first, second = draft.layouts
        assert [thing.scale for thing in first.objects] == [thing.scale for thing in second.objects]
    sizes = Counter(thing.size for draft in drafts["numerosity"] for thing in draft.layouts[0].objects)
    assert set(sizes) == set(RECIPE.vocabulary.sizes)


def test_nothing_is_counted_by_a_color_that_patterns_show_too(drafts):
    """A pink umbrella with black stripes is no black one, but who counts black ones may well ask."""
    said = [each for draft in drafts["numerosity"] for claim in draft.claims for each in descriptions(claim)]
    assert {each.color for each in said if each.color} > {"red"}
    assert not {each.color for each in said} & {"black", "white"}


def test_what_covers_more_is_not_told_to_be_more():
    """Who takes what covers more of the picture for what is more is right about half of the time."""
    right = []
    for draft in sampled("numerosity", WORLD, 120, seed=9):
        if draft.attribute != "more":
            continue
        for layout, claim in zip(draft.layouts, draft.claims, strict=True):
            boxes = boxes_in_picture(layout)
            areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
            covered = [
                sum(area for area, thing in zip(areas, layout.objects, strict=True) if each.matches(thing))
                for each in (claim.subject, claim.reference)
            ]
            right.append(covered[0] > covered[1])
    assert len(right) >= 40
    assert 0.4 <= np.mean(right) <= 0.6


@pytest.mark.parametrize("numbers", [(1, 1), (2, 4), (5, 6), (8, 8)])
def test_numerosity_keeps_to_the_numbers_of_its_split(numbers):
    world = make_world(RECIPE, Split(objects=numbers))
    found = sampled("numerosity", world, 8)
    assert len(found) == 8
    assert all(keeps_hold_outs(world, draft) for draft in found)


@pytest.mark.parametrize("arrangements", [("table",), ("floating",), ("grid",)])
def test_numerosity_finds_room_in_every_arrangement(arrangements):
    world = make_world(replace(RECIPE, scene=SceneRange((2, 4), arrangements)), Split())
    assert len(sampled("numerosity", world, 6)) == 6


def test_an_attribute_goes_round_and_leaves_everything_else(drafts):
    for draft in drafts["conjunction"]:
        first, second = draft.layouts
        assert values(first) == values(second)
        moved = [[getattr(thing, draft.attribute) for thing in layout.objects[:3]] for layout in draft.layouts]
        assert moved[1] == [*moved[0][1:], moved[0][0]]
        assert len(set(moved[0])) == 3
        for claim in draft.claims:
            for part in parts(claim):
                named = [name for name in ("color", "size", "material", "pattern") if getattr(part.description, name)]
                assert len(named) == 2
                assert draft.attribute in named
        # Every object that a caption names has another look in the other scene.
        for k, claim in enumerate(draft.claims):
            assert all(part.holds(draft.layouts[1 - k]) is False for part in parts(claim))


def details(claim: Claim) -> Iterator[Claim]:
    """What a claim says, one thing at a time: each object's kind, each look, and how the two stand."""
    if isinstance(claim, Both):
        yield from details(claim.first)
        yield from details(claim.second)
        return
    said = [claim.description] if isinstance(claim, Exists) else [claim.subject, claim.reference]
    yield from (Exists(Description(shape=each.shape)) for each in said)
    yield from (Exists(each) for each in said if each != Description(shape=each.shape))
    if isinstance(claim, Related):
        yield Related(Description(shape=said[0].shape), claim.relation, Description(shape=said[1].shape))


def test_the_longer_caption_has_one_wrong_detail(drafts):
    for draft in drafts["half-truth"]:
        longer, shorter = draft.claims
        wrong = [detail for detail in details(longer) if detail.holds(draft.layouts[1]) is not True]
        if draft.attribute == "shape":  # no such kind, so no such look of it, and nothing that it stands left of
            assert {type(detail) for detail in wrong} <= {Exists, Related}
            wrong = [detail for detail in wrong if isinstance(detail, Exists) and detail.description.color is None]
            assert len({detail.description.shape for detail in wrong}) == 1
        else:
            assert len(wrong) == 1
        assert len(list(details(shorter))) < len(list(details(longer)))


def test_the_longer_caption_has_more_words_and_is_as_often_true_as_the_shorter(drafts):
    rng = np.random.default_rng(4)
    true_of = Counter()
    for draft in drafts["half-truth"]:
        for given in (draft, turn(draft)):
            for wording in sample_wordings(rng, Language()):
                lengths = [len(word(claim, wording).split()) for claim in given.claims]
                assert lengths[0] != lengths[1]
                longer = int(np.argmax(lengths))
                true_of.update(truth_table(given.layouts, given.claims)[k][longer] for k in (0, 1))
    assert set(true_of) == {True, False}
    assert true_of[True] == true_of[False]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("templates", HOLD_OUTS)
def test_every_wording_tells_the_two_captions_apart(name, templates, drafts):
    rows = range(6) if templates == "ordinary" else (6, 7)
    for draft in drafts[name][:20]:
        for pair in (draft.claims, draft.hard_positives):
            for row in rows:
                for phrase in range(4):
                    texts = [word(claim, Wording(row, phrase)) for claim in pair]
                    assert texts[0] != texts[1]
                    assert not any("{" in text for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_groups_are_made_and_few_drafts_are_thrown_away(name, flat_renderer):
    made = [make_group(WORLD, "test", name, index, 3, flat_renderer(96)) for index in range(40)]
    assert all(
        [caption["truth"] for caption in group.pictures[0].row["captions"]] == [list(row) for row in FOURFOLD] * 2
        for group in made
    )
    rejected = sum((group.rejections for group in made), Counter())
    assert rejected["the truth table is not fourfold"] == rejected["a hard positive is not one"] == 0
    assert rejected["the objects found no places"] <= 0.25 * len(made)


def test_as_many_is_said_so_that_more_would_not_do():
    claim = AsManyAs(Description("cube"), Description("sphere"))
    for row in range(8):
        assert any(sure in word(claim, Wording(row, 0)) for sure in ("exactly as many", "same number", "equal number"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (0, "more cubes than spheres"),
        (3, "an image with fewer spheres than cubes"),
        (7, "a greater number of cubes than of spheres"),
    ],
)
def test_more_is_said_from_either_side(row, said):
    assert word(MoreThan(Description("cube"), Description("sphere")), Wording(row, 0)) == said


def test_a_recipe_without_two_attributes_shows_no_conjunction():
    for attributes in (("color",), ("size", "material")):
        world = replace(WORLD, attributes=attributes)
        with pytest.raises(InputError, match="category 'conjunction': attributes must name two"):
            CATEGORIES["conjunction"].sample(world, np.random.default_rng(0))
