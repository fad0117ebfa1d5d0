"""Recipes: every mistake is said in one line with file, key and what would be right; good ones survive JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import make_world
from fourfold.generator.recipe.reading import (
    Publication,
    Recipe,
    Split,
    load_recipe,
    recipe_from_dict,
    recipe_hash,
    recipe_to_dict,
    with_overrides,
)
from fourfold.scenes.assets.custom import CustomKind
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.descriptions import Description

CARDS = sorted((Path(__file__).parent.parent / "data_cards").glob("*.toml"))
GOOD = {"name": '"good"', "splits.test.groups": "{binding = 2}"}
SHAPES = ("cube", "sphere", "cone", "star", "mug", "car")
FIVE_SHAPES = str(list(SHAPES[:5]))
# Lines of a recipe (None: left out), and what the message must name.
MISTAKES = [
    ({"sedd": "3"}, ["sedd", "'seed'"]),
    ({"sead": "3", "name": None}, ["sead", "'seed'"]),
    ({"name": None}, ["name"]),
    ({"splits.test.groups": None}, ["splits"]),
    ({"name": "5"}, ["name", "string", "5"]),
    ({"name": '""'}, ["name"]),
    ({"name": '"two\\nlines"'}, ["name"]),
    ({"description": "[1]"}, ["description", "string"]),
    ({"seed": '"1"'}, ["seed", "whole number"]),
    ({"seed": "true"}, ["seed", "whole number"]),
    ({"seed": "-1"}, ["seed", "-1"]),
    ({"image_size": "224.5"}, ["image_size", "whole number"]),
    ({"image_size": "8"}, ["image_size", "32", "2048"]),
    ({"scene": "3"}, ["scene", "table"]),
    ({"scene.object": "[2, 3]"}, ["scene", "'object'", "'objects'"]),
    ({"scene.objects": "[2]"}, ["scene.objects", "two whole numbers"]),
    ({"scene.objects": "[-2, 3]"}, ["scene.objects", "two whole numbers"]),
    ({"scene.objects": "[4, 2]"}, ["scene.objects"]),
    ({"scene.objects": "[0, 2]"}, ["scene.objects"]),
    ({"scene.objects": "[2, 9]"}, ["scene.objects"]),
    ({"scene.patterned": '"much"'}, ["scene.patterned", "number"]),
    ({"scene.patterned": "nan"}, ["scene.patterned", "0 to 1"]),
    ({"scene.arrangements": '["tabel"]'}, ["scene.arrangements", "'tabel'", "'table'"]),
    ({"scene.arrangements": "[]"}, ["scene.arrangements", "empty"]),
    ({"vocabulary": '"all"'}, ["vocabulary", "table"]),
    ({"vocabulary.shape": FIVE_SHAPES}, ["vocabulary", "'shape'", "'shapes'"]),
    ({"vocabulary.shapes": '"cube"'}, ["vocabulary.shapes", "list of strings"]),
    ({"vocabulary.shapes": "[1, 2]"}, ["vocabulary.shapes", "list of strings"]),
    ({"vocabulary.shapes": '["cube", "sphear", "cone"]'}, ["vocabulary.shapes", "'sphear'", "'sphere'"]),
    ({"vocabulary.shapes": FIVE_SHAPES, "scene.objects": "[2, 4]"}, ["vocabulary.shapes", "scene.objects"]),
    (
        {"vocabulary.shapes": str(list(SHAPES[:3])), "scene.objects": "[1, 1]"},
        ["vocabulary.shapes", "at least 4", "not 3", "scene.objects"],
    ),
    ({"vocabulary.shapes": str([*SHAPES, "cube"])}, ["vocabulary.shapes", "twice", "cube"]),
    ({"vocabulary.colors": '["red", "gren", "blue"]'}, ["vocabulary.colors", "'gren'", "'green'"]),
    ({"vocabulary.colors": '["red", "blue"]'}, ["vocabulary.colors", "3"]),
    ({"vocabulary.sizes": '["smal", "large"]'}, ["vocabulary.sizes", "'smal'", "'small'"]),
    ({"vocabulary.sizes": '["small"]'}, ["attributes", "size", "vocabulary.sizes"]),
    ({"vocabulary.materials": '["metl", "matte"]'}, ["vocabulary.materials", "'metl'", "'metal'"]),
    ({"vocabulary.materials": "[]", "attributes": '["color"]'}, ["vocabulary.materials", "empty"]),
    ({"vocabulary.patterns": '["striped", "doted"]'}, ["vocabulary.patterns", "'doted'", "'dotted'"]),
    ({"attributes": '["colour"]'}, ["attributes", "'colour'", "'color'"]),
    ({"attributes": "[]"}, ["attributes", "empty"]),
    ({"attributes": '["color", "color"]'}, ["attributes", "twice"]),
    ({"splits.test.groups": "{bindin = 2}"}, ["splits.test.groups", "'bindin'", "'binding'"]),
    ({"splits.test.groups": "{binding = -2}"}, ["splits.test.groups", "number of groups"]),
    ({"splits.test.groups": "{binding = true}"}, ["splits.test.groups", "number of groups"]),
    ({"splits.test.groups": "5"}, ["splits.test.groups", "number of groups"]),
    ({"splits.test.groups": "{binding = 0}"}, ["splits", "at least one"]),
    ({"splits.test.group": "{binding = 2}"}, ["splits.test", "'group'", "'groups'"]),
    ({"splits.test.scenes": "-1"}, ["scenes", "not negative"]),
    ({"edition": "3"}, ["edition", "one of 1, 2"]),
    ({"edition": '"2"'}, ["edition", "a whole number"]),
    ({"splits.test.groups": None, "splits.test": "5"}, ["splits.test", "table"]),
    ({"splits.test.groups": None, "splits": "5"}, ["splits", "table"]),
    ({"splits.test.templates": '"helt-out"'}, ["splits.test", "'helt-out'", "'held-out'"]),
    ({"splits.test.phrases": "3"}, ["splits.test.phrases", "string"]),
    ({"splits.test.synonyms": '"alway"'}, ["splits.test", "'alway'", "'always'"]),
    ({"splits.masks.scenes": "5"}, ["splits", "'masks'"]),
    ({"splits.all.scenes": "5"}, ["splits", "'all'", "HuggingFace"]),
    ({"splits.ALL.scenes": "5"}, ["splits", "'ALL'", "HuggingFace"]),
    ({"splits.x": "{}"}, ["splits.x", "at least one group or scene"]),
    ({"splits.x.groups": "{binding = 0}"}, ["splits.x", "at least one group or scene"]),
    ({"splits.test.groups": None, "splits": "{}"}, ["splits", "at least one"]),
    ({'splits."../up".scenes': "5"}, ["splits", "'../up'"]),
    ({'splits."".scenes': "5"}, ["splits", "''"]),
    ({"splits.a-b.scenes": "5", "splits.a_b.scenes": "5"}, ["splits", "a-b", "a_b"]),
    ({"splits.test.held_out": "true"}, ["splits.test.held_out", "[[held_out]]"]),
    ({"splits.test.held_out": "1"}, ["splits.test.held_out", "true or false"]),
    ({"splits.test.held_out": "[]"}, ["splits.test.held_out", "list of attributes"]),
    (
        {"splits.test.held_out": '["shape"]', "held_out": '[{shape = "cube", color = "red"}]'},
        ["splits.test.held_out", "[[held_out]]", "shape and no more"],
    ),
    (
        {"held_out": '[{size = "large"}]'},
        ["splits.test", "'size'", "at least 2", "vocabulary.sizes", "held_out", "['small']"],
    ),
    (
        {"held_out": '[{pattern = "striped"}]', "vocabulary.patterns": '["plain", "striped"]'},
        ["splits.test", "'pattern'", "vocabulary.patterns", "['plain']"],
    ),
    (
        {"held_out": '[{color = "red"}, {color = "blue"}]', "vocabulary.colors": '["red", "blue", "green"]'},
        ["splits.test", "'color'", "at least 2", "vocabulary.colors", "['green']"],
    ),
    (
        {
            "held_out": '[{color = "red"}, {color = "blue"}]',
            "vocabulary.colors": '["red", "blue", "green"]',
            "attributes": '["size"]',
            "scene.arrangements": '["table", "inside"]',
            "splits.test.groups": "{relation = 2}",
        },
        ["splits.test", "'inside'", "at least 2", "vocabulary.colors", "['green']"],
    ),
    (
        {
            "held_out": '[{size = "small"}, {size = "large"}]',
            "splits.test.groups": None,
            "splits.test.scenes": "1",
        },
        ["splits.test", "at least 1", "vocabulary.sizes", "[]"],
    ),
    ({"splits.test.objects": "3"}, ["splits.test.objects", "two whole numbers"]),
    ({"splits.test.objects": "[3]"}, ["splits.test.objects", "two whole numbers"]),
    ({"splits.test.objects": "[4, 3]"}, ["splits.test.objects", "1 to at most 8"]),
    ({"splits.test.objects": "[2, 9]"}, ["splits.test.objects", "1 to at most 8"]),
    (
        {"scene.objects": "[2, 3]", "splits.test.objects": "[2, 4]", "vocabulary.shapes": FIVE_SHAPES},
        ["splits.test.objects", "vocabulary.shapes"],
    ),
    ({"publication.date": '"yesterday"'}, ["publication.date", "2026-12-31"]),
    ({"publication.date": "2026-12-31"}, ["publication.date", "string"]),
    ({"publication.version": '"1"'}, ["publication.version", "MAJOR.MINOR.PATCH"]),
    ({"publication.author": '"me"'}, ["publication", "'author'"]),
    ({"held_out": '"red"'}, ["held_out", "list of tables"]),
    ({"held_out": "5"}, ["held_out", "list of tables"]),
    ({"held_out": "[5]"}, ["held_out.0", "table"]),
    ({"held_out": '[{color = "red"}, {shap = "cube"}]'}, ["held_out.1", "'shap'", "'shape'"]),
    ({"held_out": '[{shape = "cubee"}]'}, ["held_out.0.shape", "'cubee'", "'cube'"]),
    ({"held_out": '[{color = "rad"}]'}, ["held_out.0.color", "'rad'", "'red'"]),
    ({"held_out": "[{color = 3}]"}, ["held_out.0.color", "string"]),
    ({"held_out": "[{}]"}, ["held_out.0", "names nothing"]),
    ({"held_out": '[{excluded = ["color", "red"]}]'}, ["held_out.0.excluded"]),
    ({"held_out": '[{excluded = ["color"]}]'}, ["held_out.0.excluded", "two strings"]),
    ({"held_out": "[{excluded = [1, 2]}]"}, ["held_out.0.excluded", "two strings"]),
]


def write(path: Path, changes: dict[str, str | None]) -> Path:
    lines = {**GOOD, **changes}
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None))
    return path


@pytest.mark.parametrize(("changes", "named"), MISTAKES, ids=[str(changes)[:70] for changes, _ in MISTAKES])
def test_a_mistake_names_file_key_and_cure(changes, named, tmp_path):
    path = write(tmp_path / "bad.toml", changes)
    with pytest.raises(InputError) as found:
        load_recipe(path)
    message = str(found.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert [word for word in named if word not in message] == []


def test_the_recipe_that_the_mistakes_were_made_in_is_good(tmp_path):
    assert load_recipe(write(tmp_path / "good.toml", {})) == Recipe("good", {"test": Split({"binding": 2})})


@pytest.mark.parametrize(
    "changes",
    [
        {"held_out": '[{size = "large"}]', "splits.test.held_out": "true"},
        {"held_out": '[{size = "large"}]', "attributes": '["color"]'},
        {"held_out": '[{size = "large", shape = "cube"}]'},
        {"scene.objects": "[1, 1]", "vocabulary.shapes": str(list(SHAPES[:4]))},
    ],
    ids=str,
)
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_recipe_that_is_let_through_can_be_sampled(category, changes, tmp_path):
    """Whatever is held out, no category is left with nothing to choose from."""
    lines = {"splits.test.groups": f'{{"{category}" = 1}}'} | changes
    if category == "conjunction" and "attributes" in changes:
        with pytest.raises(InputError, match="'conjunction' needs two"):
            load_recipe(write(tmp_path / "bad.toml", lines))
        return
    recipe = load_recipe(write(tmp_path / "good.toml", lines))
    world = make_world(recipe, recipe.splits["test"])
    for seed in range(30):
        CATEGORIES[category].sample(world, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("key", "least", "most", "below", "above"),
    [
        ("image_size", "32", "2048", "31", "2049"),
        ("scene.objects", "[1, 1]", "[8, 8]", "[0, 1]", "[2, 9]"),
        ("scene.patterned", "0", "1", "-0.01", "1.01"),
        ("seed", "0", "99", "-1", "-2"),
    ],
)
def test_limits_belong_to_what_is_allowed(key, least, most, below, above, tmp_path):
    for value in (least, most):
        load_recipe(write(tmp_path / "good.toml", {key: value}))
    for value in (below, above):
        with pytest.raises(InputError, match=key):
            load_recipe(write(tmp_path / "bad.toml", {key: value}))


@pytest.mark.parametrize(("objects", "least"), [((1, 1), 4), ((1, 2), 4), ((2, 3), 5), ((2, 4), 6), ((8, 8), 10)])
def test_two_kinds_more_than_objects_are_needed(objects, least, tmp_path):
    def changes(number: int) -> dict[str, str | None]:
        return {"scene.objects": str(list(objects)), "vocabulary.shapes": str(list(KINDS)[:number]).replace("'", '"')}

    load_recipe(write(tmp_path / "good.toml", changes(least)))
    with pytest.raises(InputError, match=rf"vocabulary\.shapes: at least {least}.*not {least - 1}"):
        load_recipe(write(tmp_path / "bad.toml", changes(least - 1)))


def test_three_colors_are_enough_and_two_are_not(tmp_path):
    load_recipe(write(tmp_path / "good.toml", {"vocabulary.colors": '["red", "blue", "green"]'}))
    with pytest.raises(InputError, match="at least 3"):
        load_recipe(write(tmp_path / "bad.toml", {"vocabulary.colors": '["red", "blue"]'}))


def test_natural_scenes_need_one_value_of_an_attribute_and_no_more(tmp_path):
    changes = {"held_out": '[{size = "large"}]', "splits.test.groups": None, "splits.test.scenes": "3"}
    assert load_recipe(write(tmp_path / "good.toml", changes)).splits["test"] == Split(scenes=3)


@pytest.mark.parametrize("content", [b'name = "x\n', b"splits = {\n", b'name = "\xff"\n', b"name = 1\nname = 2\n"])
def test_broken_toml_names_its_file(content, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.toml: not valid TOML"):
        load_recipe(path)


def test_broken_toml_names_its_line(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\n\nseed = = 3\n')
    with pytest.raises(InputError, match="line 3"):
        load_recipe(path)


def test_a_missing_recipe_names_the_nearest_card(tmp_path):
    with pytest.raises(InputError, match=r"no recipe 'fourfold-dem'.*Did you mean 'fourfold-demo'"):
        load_recipe("fourfold-dem")
    with pytest.raises(InputError, match=r"no recipe '.*nowhere\.toml'"):
        load_recipe(tmp_path / "nowhere.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match=r"no recipe '.*folder\.toml'"):
        load_recipe(tmp_path / "folder.toml")


def test_a_file_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    path = write(tmp_path / "closed.toml", {})

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match=r"closed\.toml: cannot be read"):
        load_recipe(path)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_every_card_loads_by_name_and_survives_json(card):
    recipe = load_recipe(card.stem)
    assert recipe == load_recipe(card)
    again = recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe))), "manifest")
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)


def test_held_out_objects_survive_json(small_recipe):
    again = recipe_from_dict(json.loads(json.dumps(recipe_to_dict(small_recipe))), "manifest")
    assert again == small_recipe
    assert again.held_out == (Description("cube", "red"),)


def test_the_hash_depends_on_every_field(small_recipe):
    others = {
        "name": "other",
        "splits": {"test": Split({"binding": 3})},
        "seed": small_recipe.seed + 1,
        "image_size": 96,
        "description": "other",
        "vocabulary": replace(small_recipe.vocabulary, colors=("red", "green", "blue")),
        "scene": replace(small_recipe.scene, patterned=0.5),
        "attributes": ("color",),
        "held_out": (),
        "publication": Publication(creator="other"),
        "assets": (CustomKind("obelisk", "obelisks", "an", (), (0.0, 360.0), "", ""),),
        "edition": 2,
    }
    assert set(others) == set(vars(small_recipe))
    hashes = {recipe_hash(replace(small_recipe, **{key: value})) for key, value in others.items()}
    assert len(hashes | {recipe_hash(small_recipe)}) == len(others) + 1


def test_overrides_change_what_they_name_and_nothing_else(small_recipe):
    assert with_overrides(small_recipe, groups=None, seed=None, split=None) == small_recipe
    many = replace(small_recipe, splits={**small_recipe.splits, "train": Split(scenes=9)})
    other = with_overrides(many, groups=7, seed=0, split="test")
    assert other == replace(many, seed=0, splits={"test": Split(dict.fromkeys(CATEGORIES, 7), scenes=1)})
    assert with_overrides(many, groups=7, seed=None, split=None).splits["train"] == Split(scenes=7)


def test_overrides_leave_what_is_switched_off_switched_off(small_recipe):
    one = replace(small_recipe, splits={"test": Split({"binding": 3, "content": 0})})
    assert with_overrides(one, groups=7, seed=None, split=None).splits["test"].groups == {"binding": 7, "content": 0}


def test_overrides_that_cannot_be_are_refused(small_recipe):
    with pytest.raises(InputError, match=r"unknown split 'tset'.*Did you mean 'test'"):
        with_overrides(small_recipe, groups=None, seed=None, split="tset")
    with pytest.raises(InputError, match="--groups 0"):
        with_overrides(small_recipe, groups=0, seed=None, split=None)


def test_a_recipe_that_names_no_edition_has_the_first_and_keeps_its_hash(small_recipe):
    assert make_world(small_recipe, Split()).edition == 1
    assert make_world(replace(small_recipe, edition=2), Split()).edition == 2
    former = {key: value for key, value in recipe_to_dict(small_recipe).items() if key != "edition"}
    assert recipe_hash(recipe_from_dict(former, "recipe")) == recipe_hash(small_recipe)
