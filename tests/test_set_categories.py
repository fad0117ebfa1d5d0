"""Quantification, exclusivity and logic: what every group promises beyond a fourfold truth table."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.captions.wording import HOLD_OUTS, Language, sample_wordings, word
from fourfold.generator.categories import CATEGORIES, exclusivity, logic, quantification
from fourfold.generator.categories.world import Draft, World, keeps_hold_outs, make_world
from fourfold.generator.groups.making import FOURFOLD, make_group, truth_table
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split, Vocabulary, check_recipe
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Claim, Exists
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.set_claims import Exclusive, NothingBut, Quantified

FORMS = {
    "quantification": list(quantification.FORMS),
    "exclusivity": list(exclusivity.FORMS),
    "logic": list(logic.FORMS),
}
DRAFTS = 90
SHAPES = ("cube", "sphere", "cylinder", "cone", "torus", "star", "heart", "mug", "bottle", "hat")
RECIPE = Recipe("sets", {"test": Split()}, vocabulary=Vocabulary(SHAPES), edition=2)
WORLD = make_world(RECIPE, RECIPE.splits["test"])


def drafts(category: str, world: World, number: int) -> list[Draft]:
    rng = np.random.default_rng(31)
    found = (draft for _ in range(2 * number) if (draft := CATEGORIES[category].sample(world, rng)) is not None)
    return list(islice(found, number))


@pytest.fixture(scope="module")
def made() -> dict[str, list[Draft]]:
    return {category: drafts(category, WORLD, DRAFTS) for category in FORMS}


@pytest.mark.parametrize("category", FORMS)
def test_every_form_is_asked_about_as_often(category, made):
    found = Counter(draft.attribute for draft in made[category])
    assert set(found) == set(FORMS[category])
    assert min(found.values()) > DRAFTS / len(found) / 3


@pytest.mark.parametrize("category", FORMS)
def test_every_draft_is_fourfold_and_so_are_its_paraphrases(category, made):
    assert len(made[category]) == DRAFTS
    for draft in made[category]:
        assert truth_table(draft.layouts, draft.claims) == FOURFOLD
        assert truth_table(draft.layouts, draft.hard_positives) == FOURFOLD


@pytest.mark.parametrize("category", FORMS)
def test_colors_and_patterns_are_asked_for_and_plain_is_not(category, made):
    values = {value for draft in made[category] for claim in draft.claims for value in values_said(claim)}
    assert {"red", "striped"} <= values
    assert not values & {"plain", "matte", "metal", "small", "large"}


def values_said(claim: Claim | Description) -> set[str]:
    """The values of attributes, kinds left out, that a claim names or denies."""
    if isinstance(claim, Description):
        said = {claim.color, claim.size, claim.material, claim.pattern} - {None}
        return said | ({claim.excluded[1]} if claim.excluded else set())
    parts = [value for value in vars(claim).values() if hasattr(value, "__dataclass_fields__")]
    return set().union(*map(values_said, parts))


def looks(layout: Layout, name: str) -> Counter:
    return Counter(getattr(thing, name) for thing in layout.objects)


def test_what_is_exchanged_is_as_often_in_both_pictures(made):
    """Kinds, colors and patterns are the same in A and B: to know what is there is not enough."""
    exchanging = [
        *made["quantification"],
        *(draft for draft in made["exclusivity"] if draft.attribute != "nothing-but"),
        *(draft for draft in made["logic"] if draft.attribute in logic.OF_VALUES),
    ]
    for draft in exchanging:
        for name in ("shape", "color", "pattern", "rgb"):
            assert looks(draft.layouts[0], name) == looks(draft.layouts[1], name)
        assert sum(a != b for a, b in zip(*(layout.objects for layout in draft.layouts), strict=True)) % 2 == 0


def test_all_and_not_all_cannot_be_told_by_a_thing_that_has_it(made):
    """A red cube is in both pictures, and so are a red sphere and one that is not, where spheres are spoken of."""
    for draft in made["quantification"]:
        if draft.attribute not in ("all", "not-all", "all-or-not-all"):
            continue
        for claim in draft.claims:
            assert isinstance(claim, Quantified)
            assert [Exists(claim.description).holds(layout) for layout in draft.layouts] == [True, True]


def test_kinds_that_are_quantified_have_two_to_four(made):
    numbers = Counter()
    for draft in made["quantification"]:
        for claim in draft.claims:
            for layout in draft.layouts:
                numbers[looks(layout, "shape")[claim.description.shape]] += 1
    assert set(numbers) == {2, 3, 4}


def test_who_overhears_only_and_except_gets_it_wrong(made):
    """Where "only" is taken away nothing decides, and "all but the cube are red" is said where no cube is."""
    for draft in made["exclusivity"]:
        for claim in draft.claims:
            if isinstance(claim, NothingBut):
                assert [Exists(claim.description).holds(layout) for layout in draft.layouts] == [True, True]
                continue
            assert isinstance(claim, Exclusive)
            there = tuple(Exists(claim.description).holds(layout) for layout in draft.layouts)
            truth = tuple(claim.holds(layout) for layout in draft.layouts)
            if claim.exclusion == "except":
                assert there == truth[::-1]
            elif claim.exclusion in ("only-kind", "not-only-kind"):
                assert there == (True, True)


def test_logic_names_what_is_there_and_what_is_not(made):
    """Of all captions with a true "either a cube or a sphere", each half of the two is the one that is there."""
    for form in ("either-or", "not-both"):
        there = Counter()
        for draft in (draft for draft in made["logic"] if draft.attribute == form):
            for layout, claim in zip(draft.layouts, draft.claims, strict=True):
                there[tuple(Exists(said).holds(layout) for said in (claim.first, claim.second))] += 1
        assert set(there) == {(True, False), (False, True)}


@pytest.mark.parametrize("category", FORMS)
@pytest.mark.parametrize("held_out", HOLD_OUTS)
def test_both_captions_are_one_template_and_two_texts(category, held_out, made):
    rng = np.random.default_rng(0)
    for draft in made[category]:
        for wording, pair in zip(
            sample_wordings(rng, Language(templates=held_out)), (draft.claims, draft.hard_positives), strict=True
        ):
            texts = [word(claim, wording) for claim in pair]
            assert texts[0] != texts[1]
            assert not any(mark in text for text in texts for mark in "{}")


@pytest.mark.parametrize("category", FORMS)
def test_few_groups_are_thrown_away(category, flat_renderer):
    rejected = 0
    with flat_renderer(160) as renderer:
        for index in range(40):
            group = make_group(WORLD, "test", category, index, 5, renderer)
            assert {picture.row["category"] for picture in group.pictures} == {category}
            rejected += group.rejections.total()
    assert rejected <= 0.25 * (40 + rejected)


@pytest.mark.parametrize("category", FORMS)
def test_a_split_of_other_numbers_keeps_them(category):
    for numbers in ((3, 3), (5, 6)):
        world = make_world(RECIPE, Split({category: 1}, objects=numbers))
        kept = [draft for draft in drafts(category, world, 10) if keeps_hold_outs(world, draft)]
        assert len(kept) >= 6
        assert {len(layout.objects) for draft in kept for layout in draft.layouts} <= set(
            range(numbers[0], numbers[1] + 1)
        )


@pytest.mark.parametrize("category", FORMS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attributes": ("size", "material")}, "attributes must name 'color'"),
        ({"attributes": ("pattern",), "vocabulary": Vocabulary(SHAPES, patterns=("plain", "striped"))}, "'pattern'"),
        ({"scene": SceneRange((1, 1)), "held_out": tuple(Description(color=name) for name in ("red", "blue"))}, ""),
    ],
)
def test_a_recipe_that_cannot_ask_is_refused_before_it_is_drawn(category, change, message):
    recipe = replace(RECIPE, splits={"test": Split({category: 1})}, **change)
    if not message:
        check_recipe(recipe, "here")
        return
    with pytest.raises(InputError, match=message):
        check_recipe(recipe, "here")
    with pytest.raises(InputError, match=message):
        CATEGORIES[category].sample(make_world(recipe, recipe.splits["test"]), np.random.default_rng(0))


def test_too_few_objects_are_refused():
    for category, least in (("quantification", 3), ("exclusivity", 3), ("logic", 2)):
        for most in (least - 1, least):
            recipe = replace(RECIPE, splits={"test": Split({category: 1}, objects=(1, most))})
            if most == least:
                check_recipe(recipe, "here")
                continue
            with pytest.raises(InputError, match=f"needs at least {least} objects"):
                check_recipe(recipe, "here")
