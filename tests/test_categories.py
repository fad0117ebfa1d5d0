"""Every category, a hundred drafts of each: fourfold by its claims, and one edit apart."""

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest

from generator.categories import CATEGORIES
from generator.config import Recipe, SceneRange, Split, Vocabulary, check_recipe
from generator.groups import FOURFOLD, truth_table, turn
from generator.wording import sample_wordings, word
from generator.world import Draft, World, keeps_hold_outs, make_world
from scenes.claims import Description, claim_from_dict, claim_to_dict
from scenes.layout import Layout, PlacedObject

DRAFTS = 100
# What each edit may change: how many objects at most, and what of them. An object that changes its size or kind stands
# at another height, so its position may change too; its place across the ground is checked apart.
LOOKS = {"color", "rgb", "size", "scale", "material", "pattern"}
EDITS = {
    "replace-object": (1, {"shape", "yaw", "position"}),
    "replace-attribute": (1, LOOKS | {"position"}),
    "swap-attribute": (2, LOOKS | {"position"}),
    "swap-object": (2, {"position", "size", "scale"}),
    "replace-relation": (2, {"position", "size", "scale"}),
    "replace-location": (1, {"position"}),
    "negate": (2, LOOKS | {"shape", "yaw", "position"}),
    "un-negate": (2, LOOKS | {"shape", "yaw", "position"}),
}
# Edits that add and remove whole objects: how many at most.
OBJECTS = {"add-object": 2, "remove-object": 2, "replace-count": 8}
SAME_WORDS = ("swap-attribute", "swap-object")
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
RECIPES = {"small": SMALL, "default": Recipe("default", {"test": Split()})}


def make_drafts(category: str, world: World) -> list[Draft]:
    rng = np.random.default_rng(11)
    drafts: list[Draft] = []
    for _ in range(DRAFTS * 10):
        draft = CATEGORIES[category].sample(world, rng)
        if draft is not None:
            drafts.append(draft)
        if len(drafts) == DRAFTS:
            return drafts
    raise AssertionError(f"{category}: only {len(drafts)} of {DRAFTS * 10} tries found places")


@pytest.fixture(scope="module", params=[(name, world) for world in RECIPES for name in CATEGORIES], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, list[Draft]]:
    """A category and drafts of it in one of the worlds."""
    category, recipe = request.param
    return category, make_drafts(category, make_world(RECIPES[recipe], RECIPES[recipe].splits["test"]))


def test_each_claim_is_true_of_its_own_scene_alone(case):
    category, drafts = case
    for draft in drafts:
        assert truth_table(draft.layouts, draft.claims) == FOURFOLD, (category, draft.edit, draft.claims)


def test_hard_positives_are_as_true_and_as_false(case):
    category, drafts = case
    for draft in drafts:
        assert truth_table(draft.layouts, draft.hard_positives) == FOURFOLD, (category, draft.edit, draft.claims)


def test_a_turned_draft_is_fourfold_too(case):
    _, drafts = case
    for draft in drafts:
        turned = turn(draft)
        assert truth_table(turned.layouts, turned.claims + turned.hard_positives) == tuple(row * 2 for row in FOURFOLD)
        # Where one caption affirms and the other negates, the way back is another edit.
        assert turned.edit == ("un-negate" if draft.attribute == "negate" else draft.edit)


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
        changes = [changed(a, b) for a, b in zip(first, second, strict=True) if a != b]
        assert 1 <= len(changes) <= most, (category, draft)
        assert set().union(*changes) <= allowed, (category, draft.edit, changes)


def changed(a: PlacedObject, b: PlacedObject) -> set[str]:
    return {field.name for field in fields(a) if getattr(a, field.name) != getattr(b, field.name)}


def test_objects_stay_where_they_are_unless_the_edit_moves_them(case):
    _, drafts = case
    for draft in drafts:
        if draft.edit not in ("swap-attribute", "replace-attribute", "replace-object", "negate"):
            continue
        for a, b in zip(draft.layouts[0].objects, draft.layouts[1].objects, strict=True):
            assert a.position[:2] == b.position[:2]


def test_a_named_attribute_is_what_changes(case):
    _, drafts = case
    for draft in drafts:
        if draft.edit not in ("swap-attribute", "replace-attribute"):
            continue
        changes = [changed(a, b) for a, b in zip(*(layout.objects for layout in draft.layouts), strict=True) if a != b]
        assert all(draft.attribute in change for change in changes)
        assert not any(change & (LOOKS - carried(draft.attribute)) for change in changes)


def carried(attribute: str) -> set[str]:
    return {attribute} | {"color": {"rgb"}, "size": {"scale"}}.get(attribute, set())


def test_swaps_keep_the_objects_between_them(case):
    """What two objects exchange is neither lost nor new: over both, every value stands as often in A as in B."""
    _, drafts = case
    for draft in drafts:
        if draft.edit not in SAME_WORDS:
            continue
        first, second = (layout.objects for layout in draft.layouts)
        for name in ("shape", "color", "rgb", "size", "scale", "material", "pattern"):
            assert Counter(getattr(thing, name) for thing in first) == Counter(getattr(thing, name) for thing in second)


def test_swapped_captions_hold_the_same_words(case):
    """For a swap, no bag of words tells the captions apart; that is also so for their hard positives."""
    _, drafts = case
    rng = np.random.default_rng(5)
    for draft in drafts:
        if draft.edit not in SAME_WORDS:
            continue
        wordings = sample_wordings(rng)
        for pair, wording in zip((draft.claims, draft.hard_positives), wordings, strict=True):
            first, second = (Counter(word(claim, wording).split()) for claim in pair)
            for words in (first, second):
                words["a"] += words.pop("an", 0)
            assert first == second, (draft.edit, first, second)


def test_every_claim_has_english_and_survives_json(case):
    _, drafts = case
    rng = np.random.default_rng(6)
    for draft in drafts:
        for wording in sample_wordings(rng):
            first, second = (word(claim, wording) for claim in draft.claims)
            assert first != second
        for claim in draft.claims + draft.hard_positives:
            assert claim_from_dict(claim_to_dict(claim)) == claim


def test_a_hundred_drafts_show_that_the_category_varies(case):
    category, drafts = case
    shapes = {thing.shape for draft in drafts for thing in draft.layouts[0].objects}
    assert len(shapes) >= 8
    assert len({(draft.edit, draft.attribute) for draft in drafts}) >= 2, f"{category}: the same edit every time"


def test_binding_and_content_change_every_attribute():
    for category in ("binding", "content"):
        drafts = make_drafts(category, make_world(SMALL, SMALL.splits["test"]))
        assert {*SMALL.attributes} <= {draft.attribute for draft in drafts}


def test_conditions_are_named_and_every_one_is_tested():
    conditions = {part for category in CATEGORIES.values() for part in category.condition.replace("+", " ").split()}
    assert {"C1", "C2", "C3", "C4"} <= conditions
    assert all(name == category.name and category.summary for name, category in CATEGORIES.items())


@pytest.mark.parametrize("category", CATEGORIES)
def test_held_out_objects_can_be_wanted_or_kept_out(category):
    held_out = (Description("cube", "red"), Description("sphere", pattern="striped"))
    recipe = Recipe("held", {"test": Split(), "held": Split(held_out=True)}, held_out=held_out)
    rng = np.random.default_rng(3)
    for name, split in recipe.splits.items():
        world = make_world(recipe, split)
        drafts = [draft for _ in range(100) if (draft := CATEGORIES[category].sample(world, rng)) is not None]
        kept = [draft for draft in drafts if keeps_hold_outs(world, draft)]
        assert len(kept) > len(drafts) / 4, f"{category}: {name} rejects {len(drafts) - len(kept)} of {len(drafts)}"
        for draft in kept:
            found = [
                any(description.matches(thing) for thing in layout.objects for description in held_out)
                for layout in draft.layouts
            ]
            assert any(found) == (name == "held")


def test_the_small_world_of_these_tests_is_a_good_recipe():
    check_recipe(Recipe(**{**vars(SMALL), "splits": {"test": Split({"binding": 1})}}), "small")
