"""Every category, many drafts of each: fourfold by their claims, and one edit apart."""

from collections import Counter
from dataclasses import fields, replace
from itertools import islice

import numpy as np
import pytest

from fourfold.generator.captions.wording import Language, sample_wordings, word
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import Draft, World, keeps_hold_outs, make_world
from fourfold.generator.groups.making import FOURFOLD, truth_table, turn
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split, Vocabulary, check_recipe
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.layout import Layout, PlacedObject
from fourfold.scenes.truth.claims import claim_from_dict, claim_to_dict
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import RELATIONS

DRAFTS = {"small": 100, "large": 12}  # of each category in each world
# What each edit may change: how many objects at most, and what of them. An object that changes its size or kind stands
# at another height, so its position may change too; its place across the ground is checked apart.
LOOKS = {"color", "rgb", "size", "scale", "material", "pattern"}
EDITS = {
    "replace-object": (2, {"shape", "yaw", "position"}),  # two where one takes the other's place in a container
    "replace-attribute": (1, LOOKS | {"position"}),
    "swap-attribute": (2, LOOKS | {"position"}),
    "swap-attributes": (8, LOOKS | {"position"}),  # as many of one kind with as many of another
    "cycle-attribute": (3, LOOKS | {"position"}),
    "swap-object": (2, {"position", "size", "scale"}),
    "replace-relation": (2, {"position", "size", "scale"}),
    "replace-location": (1, {"position"}),
    "swap-places": (2, {"position"}),
    "swap-sizes": (2, {"position", "size", "scale"}),
    "turn-object": (1, {"yaw"}),
    "negate": (2, LOOKS | {"shape", "yaw", "position"}),
    "un-negate": (2, LOOKS | {"shape", "yaw", "position"}),
}
# Edits that add and remove whole objects: how many at most.
OBJECTS = {"add-object": 2, "remove-object": 2, "replace-count": 8}
SWAPS = ("swap-attribute", "swap-attributes", "cycle-attribute")
STAYING = (*SWAPS, "replace-attribute", "replace-object", "negate", "turn-object", "swap-sizes")
SAME_VALUES = (*SWAPS, "swap-object", "swap-places", "swap-sizes", "turn-object")
BY_FORM = ("quantification", "exclusivity")  # categories whose drafts name the form of the question as `attribute`
SMALL = Recipe(
    "small",
    {"test": Split()},
    vocabulary=Vocabulary(
        ("cube", "sphere", "cylinder", "cone", "torus", "star", "heart", "mug", "bottle", "chair"),
        sizes=("small", "large"),
        materials=("matte", "glossy"),
    ),
    scene=SceneRange((2, 3), ("table", "floating")),
    attributes=("color", "size", "pattern"),
)
LARGE = Recipe(
    "large",
    {"test": Split()},
    vocabulary=Vocabulary(sizes=("small", "medium", "large")),
    scene=SceneRange((2, 6), tuple(ARRANGEMENTS)),
)
RECIPES = {"small": SMALL, "large": LARGE}


def make_drafts(category: str, world: World, number: int) -> list[Draft]:
    rng = np.random.default_rng(11)
    tries = (CATEGORIES[category].sample(world, rng) for _ in range(2 * number))
    drafts = list(islice((draft for draft in tries if draft is not None), number))
    assert len(drafts) == number, f"{category}: only {len(drafts)} of {2 * number} tries found places"
    return drafts


@pytest.fixture(scope="module", params=[(name, world) for world in RECIPES for name in CATEGORIES], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, list[Draft]]:
    """A category and drafts of it in one of the worlds."""
    category, recipe = request.param
    world = make_world(RECIPES[recipe], RECIPES[recipe].splits["test"])
    return category, make_drafts(category, world, DRAFTS[recipe])


def test_each_claim_is_true_of_its_own_scene_alone(case):
    check_truth(*case, "claims")


def test_hard_positives_are_as_true_and_as_false(case):
    check_truth(*case, "hard_positives")


def check_truth(category: str, drafts: list[Draft], which: str) -> None:
    """No claim has the wrong truth; now and then one may be open, since the generator throws such drafts away."""
    tables = [truth_table(draft.layouts, getattr(draft, which)) for draft in drafts]
    for draft, table in zip(drafts, tables, strict=True):
        for row, expected in zip(table, FOURFOLD, strict=True):
            assert all(verdict in (None, truth) for verdict, truth in zip(row, expected, strict=True)), (
                category,
                draft,
            )
    assert np.mean([table == FOURFOLD for table in tables]) >= 0.95


def test_a_turned_draft_is_the_same_group_the_other_way_round(case):
    _, drafts = case
    for draft in drafts:
        turned = turn(draft)
        for which in ("claims", "hard_positives"):
            table = truth_table(draft.layouts, getattr(draft, which))
            assert truth_table(turned.layouts, getattr(turned, which)) == tuple(row[::-1] for row in table[::-1])
        # Where one caption affirms and the other negates, the way back is another edit.
        assert turned.edit == ("un-negate" if draft.attribute.startswith("negate") else draft.edit)


def test_scenes_differ_in_nothing_but_their_objects(case):
    _, drafts = case
    for draft in drafts:
        first, second = (strip(layout) for layout in draft.layouts)
        assert first == second


def strip(layout: Layout) -> tuple:
    return layout.arrangement, layout.camera, layout.lights, layout.background


def test_only_what_the_edit_names_differs(case):
    category, drafts = case
    for draft in drafts:
        first, second = (layout.objects for layout in draft.layouts)
        assert first != second
        if draft.edit in OBJECTS:
            lost, gained = Counter(first) - Counter(second), Counter(second) - Counter(first)
            assert max(lost.total(), gained.total()) <= OBJECTS[draft.edit], (category, draft)
            assert len({*first} & {*second}) == min(len(first) - lost.total(), len(second) - gained.total())
            continue
        assert draft.edit in EDITS, f"{category}: edit {draft.edit!r} has no row in EDITS"
        most, allowed = EDITS[draft.edit]
        if draft.edit == "replace-object" and draft.layouts[0].arrangement != "inside":
            most = 1
        changes = [changed(a, b) for a, b in zip(first, second, strict=True) if a != b]
        assert 1 <= len(changes) <= most, (category, draft)
        assert set().union(*changes) <= allowed, (category, draft.edit, changes)


def changed(a: PlacedObject, b: PlacedObject) -> set[str]:
    return {field.name for field in fields(a) if getattr(a, field.name) != getattr(b, field.name)}


def test_objects_stay_where_they_are_unless_the_edit_moves_them(case):
    _, drafts = case
    for draft in drafts:
        stays = draft.edit in STAYING
        moves = draft.attribute in ("negate-relation", *RELATIONS)
        if not stays or moves or ARRANGEMENTS[draft.layouts[0].arrangement].stacked:
            continue
        for a, b in zip(draft.layouts[0].objects, draft.layouts[1].objects, strict=True):
            assert a.position[:2] == b.position[:2]


def test_a_named_attribute_is_what_changes(case):
    category, drafts = case
    for draft in drafts:
        if draft.edit not in (*SWAPS, "replace-attribute"):
            continue
        changes = [changed(a, b) for a, b in zip(*(layout.objects for layout in draft.layouts), strict=True) if a != b]
        name = draft.claims[0].attribute if category in BY_FORM else draft.attribute
        assert all(name in change for change in changes)
        assert not any(change & (LOOKS - carried(name)) for change in changes)


def carried(attribute: str) -> set[str]:
    return {attribute} | {"color": {"rgb"}, "size": {"scale"}}.get(attribute, set())


def test_swaps_keep_the_objects_between_them(case):
    """What two objects exchange is neither lost nor new: over both, every value stands as often in A as in B."""
    _, drafts = case
    for draft in drafts:
        if draft.edit not in SAME_VALUES:
            continue
        first, second = (layout.objects for layout in draft.layouts)
        for name in ("shape", "color", "rgb", "size", "scale", "material", "pattern"):
            assert Counter(getattr(thing, name) for thing in first) == Counter(getattr(thing, name) for thing in second)


def test_swapped_captions_hold_the_same_words(case):
    """Where a caption only exchanges words, no bag of words tells it from its twin, nor their hard positives."""
    category, drafts = case
    rng = np.random.default_rng(5)
    for draft in drafts:
        if category != "binding" and draft.edit != "swap-object":
            continue
        wordings = sample_wordings(rng, Language())
        for pair, wording in zip((draft.claims, draft.hard_positives), wordings, strict=True):
            first, second = (words_of(word(claim, wording)) for claim in pair)
            assert first == second, (category, draft.edit, first, second)


def words_of(text: str) -> Counter[str]:
    """The words of a caption, "an" counted as "a"."""
    return Counter("a" if word == "an" else word for word in text.split())


def test_every_claim_has_english_and_survives_json(case):
    _, drafts = case
    rng = np.random.default_rng(6)
    for draft in drafts:
        for wording in sample_wordings(rng, Language()):
            first, second = (word(claim, wording) for claim in draft.claims)
            assert first != second
        for claim in draft.claims + draft.hard_positives:
            assert claim_from_dict(claim_to_dict(claim)) == claim


def test_drafts_show_that_the_category_varies(case):
    category, drafts = case
    shapes = {thing.shape for draft in drafts for thing in draft.layouts[0].objects}
    assert len(shapes) >= 8
    assert len({(draft.edit, draft.attribute) for draft in drafts}) >= 2, f"{category}: the same edit every time"


def test_binding_and_content_change_every_attribute():
    for category in ("binding", "content"):
        drafts = make_drafts(category, make_world(SMALL, SMALL.splits["test"]), 60)
        assert {*SMALL.attributes} <= {draft.attribute for draft in drafts}


def test_conditions_are_named_and_every_one_is_tested():
    conditions = {part for category in CATEGORIES.values() for part in category.condition.replace("+", " ").split()}
    assert {"C1", "C2", "C3", "C4"} <= conditions
    assert all(name == category.name and category.summary for name, category in CATEGORIES.items())


@pytest.mark.parametrize("category", CATEGORIES)
def test_held_out_objects_can_be_wanted_or_kept_out(category):
    held_out = (Description("cube", "red"), Description("sphere", pattern="striped"))
    recipe = replace(SMALL, splits={"test": Split(), "held": Split(held_out=True)}, held_out=held_out)
    rng = np.random.default_rng(3)
    for name, split in recipe.splits.items():
        world = make_world(recipe, split)
        drafts = [draft for _ in range(14) if (draft := CATEGORIES[category].sample(world, rng)) is not None]
        kept = [draft for draft in drafts if keeps_hold_outs(world, draft)]
        assert len(kept) > len(drafts) / 4, f"{category}: {name} rejects {len(drafts) - len(kept)} of {len(drafts)}"
        for draft in kept:
            found = [
                any(description.matches(thing) for thing in layout.objects for description in held_out)
                for layout in draft.layouts
            ]
            assert any(found) == (name == "held")


def test_the_worlds_of_these_tests_are_good_recipes():
    for recipe in RECIPES.values():
        check_recipe(replace(recipe, splits={"test": Split({"binding": 1})}), recipe.name)
