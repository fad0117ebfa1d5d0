"""`fourfold kinds`: every name of every table, as text and as JSON."""

import json

import numpy as np
import pytest

from fourfold import kinds
from fourfold.calls.kinds import LISTS, kinds_table
from fourfold.conditions import DIFFERENCES, condition_of
from fourfold.evaluator.tables.formats import write_text
from fourfold.generator.captions.phrases import TEMPLATES
from fourfold.generator.captions.wording import form
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import make_world
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, SIZES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import REGIONS
from fourfold.scenes.truth.relations import RELATIONS

TABLES = {
    "objects": KINDS,
    "colors": COLORS,
    "sizes": SIZES,
    "materials": MATERIALS,
    "patterns": PATTERNS,
    "relations": RELATIONS,
    "regions": REGIONS,
    "arrangements": ARRANGEMENTS,
    "categories": DIFFERENCES,
    "templates": TEMPLATES,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_list_has_every_name_of_its_table(name: str) -> None:
    assert [row["name"] for row in kinds()[name]] == list(TABLES[name])


def test_rows_say_what_people_look_for() -> None:
    found = {name: {row["name"]: row for row in rows} for name, rows in kinds().items()}
    assert found["objects"]["duck"] == {
        "name": "duck",
        "room": "toys",
        "plural": "ducks",
        "synonyms": ["rubber duck"],
        "front": True,
    }
    assert all(row["room"] for row in found["objects"].values())
    assert found["relations"]["left"]["converse"] == "right"
    assert "to the left of" in found["relations"]["left"]["phrases"]
    for name, row in found["categories"].items():
        assert (row["condition"], row["summary"]) == (condition_of(name), DIFFERENCES[name])
    assert "there is no {bare_a}" in found["templates"]["absent"]["phrases"]


@pytest.mark.parametrize("name", CATEGORIES)
def test_forms_of_a_category_are_those_of_its_drafts(name: str) -> None:
    recipe = Recipe("all", {"test": Split()}, scene=SceneRange((1, 3), tuple(ARRANGEMENTS)))
    world, rng = make_world(recipe, recipe.splits["test"]), np.random.default_rng(3)
    found: set[str] = set()
    for tries in range(300):
        if (draft := CATEGORIES[name].sample(world, rng)) is not None:
            found |= {form(claim) for claim in draft.claims}
        if tries >= 8 and found >= set(CATEGORIES[name].forms):
            break
    assert found == set(CATEGORIES[name].forms)


def test_every_form_with_templates_is_some_categorys() -> None:
    assert {each for row in CATEGORIES.values() for each in row.forms} == set(TEMPLATES)
    found = {row["name"]: row["categories"] for row in kinds()["templates"]}
    assert found["counted"] == ["counting", "numerosity"]


def test_the_command_lists_all_or_one_as_text_or_json(fourfold) -> None:
    told = fourfold("kinds")
    assert told.code == 0
    for name, rows in kinds().items():
        assert f"{name} ({len(rows)}): {rows[0]['name']}" in told.out
    assert json.loads(fourfold("kinds", "--json").out) == kinds()
    for name in LISTS:
        assert json.loads(fourfold("kinds", name, "--json").out) == kinds()[name]
        assert fourfold("kinds", name).out.strip() == write_text(kinds_table(name)).strip()
    assert all(name in fourfold("kinds", "--help").out for name in LISTS)
    told = fourfold("kinds", "color")
    allowed = ", ".join(sorted(LISTS))
    assert told.code == 2
    assert told.err == f"fourfold: kinds: unknown list 'color'. Did you mean 'colors'? Allowed: {allowed}\n"
