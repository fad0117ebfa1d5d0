"""A dataset that is not as its recipe was published is called so: changed, cut, or another split."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.data.fourfold_items import describe_dataset
from fourfold.evaluator.reporting import write_browser
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.options import ReadOptions
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.presentation.cards import card_text
from fourfold.generator.presentation.croissant import describe
from fourfold.generator.recipe.changes import describe_changes
from fourfold.generator.recipe.reading import (
    Recipe,
    load_recipe,
    recipe_from_dict,
    recipe_hash,
    recipe_to_dict,
    shipped_cards,
    with_overrides,
)

V1, HEADS = load_recipe("fourfold-v1"), load_recipe("fourfold-heads-v1")


def changed(recipe: Recipe, *, groups: int | None = None, seed: int | None = None, split: str | None = None) -> Recipe:
    return with_overrides(recipe, groups=groups, seed=seed, split=split)


@pytest.mark.parametrize("name", shipped_cards())
def test_as_published_nothing_is_changed(name: str) -> None:
    recipe = load_recipe(name)
    assert describe_changes(recipe) == []
    assert describe_changes(recipe_from_dict(recipe_to_dict(recipe), "manifest")) == []  # as `verify` reads it
    assert describe_changes(replace(recipe, description="mine", publication=None)) == []


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (changed(V1, groups=20, seed=7), ["20 groups", "seed 7"]),
        (changed(V1, groups=2000), ["2,000 groups"]),
        (changed(HEADS, split="train"), ["only split train"]),
        (replace(V1, image_size=64), ["image_size 64"]),
        (replace(V1, scene=replace(V1.scene, arrangements=("table",), patterned=0.0)),
         ["other scene.arrangements", "scene.patterned 0.0"]),
        (replace(V1, splits={"test": replace(V1.splits["test"], groups={**V1.splits["test"].groups, "binding": 0})}),
         ["without binding"]),
        (replace(V1, splits={"test": replace(V1.splits["test"], groups={**V1.splits["test"].groups, "logic": 9})}),
         ["with logic"]),
        (replace(V1, splits={"test": replace(V1.splits["test"], groups={**V1.splits["test"].groups, "binding": 9})}),
         ["other numbers of groups"]),
        (replace(V1, splits={"test": replace(V1.splits["test"], synonyms="never")}), ["other rules for split test"]),
        (replace(V1, splits={**V1.splits, "more": V1.splits["test"]}), ["split more added"]),
    ],
)  # fmt: skip
def test_each_change_of_a_published_recipe_is_told(recipe: Recipe, told: list[str]) -> None:
    assert recipe_hash(recipe) not in (recipe_hash(V1), recipe_hash(HEADS))
    assert describe_changes(recipe) == told


def test_a_recipe_of_ones_own_is_what_it_is() -> None:
    assert describe_changes(replace(changed(V1, groups=3), name="mine")) == []


@pytest.mark.parametrize("name", ["fourfold-v1", "fourfold-heads-v1", "fourfold-tiny"])
def test_no_change_of_the_scenes_goes_untold(name: str) -> None:
    """Whatever key of a recipe is changed, something is said."""
    recipe = load_recipe(name)
    for key, value in vars(recipe).items():
        if key in ("name", "description", "publication", "splits"):
            continue
        other = {int: lambda v: v + 1, tuple: lambda v: (*v, *v)[1:] or None}.get(type(value))
        if other is not None and other(value) is not None:
            assert describe_changes(replace(recipe, **{key: other(value)})), key


def test_names_say_what_was_changed_what_was_cut_and_which_split() -> None:
    facts = {"name": "fourfold-v1", "changes": ["20 groups", "seed 7"], "split": "test"}
    assert full_name(facts) == "fourfold-v1, modified: 20 groups, seed 7"
    assert name_asked(facts) == full_name(facts)
    assert name_asked({"name": "v", "split": "train", "limit": 20}) == "v; split train; first 20 of each category"
    assert name_asked({"name": "sugarcrepe", "limit": 20}) == "sugarcrepe; first 20 items"
    assert name_asked({"name": "sugarcrepe"}) == "sugarcrepe"
    assert full_name({}) == "these items"
    assert full_name({"name": "v1"}) == "v1"  # of a manifest that does not know, nothing is said


def manifest_of(recipe: Recipe) -> dict:
    said = {
        "name": recipe.name,
        "changes": describe_changes(recipe),
        "splits": {},
        "format": "folder",
        "rejections": {},
    }
    said |= {"renderer": {}, "other_renderers": [], "recipe_sha256": "ab" * 32, "slight_dependences": []}
    return said | {"software": {"fourfold": "1.0.0"}, "published": "2026-01-01", "recipe": recipe_to_dict(recipe)}


def test_card_and_croissant_say_it_too() -> None:
    recipe = changed(V1, groups=20, seed=7)
    for text in (card_text(recipe, manifest_of(recipe)), str(describe(recipe, manifest_of(recipe)))):
        assert "20 groups, seed 7" in text
    for text in (card_text(V1, manifest_of(V1)), str(describe(V1, manifest_of(V1)))):
        assert "modified" not in text.lower()
        assert "as it is published" not in text


@pytest.fixture
def folder(report_data: SimpleNamespace, tmp_path: Path) -> Path:
    """A dataset of four categories with two groups each, whose manifest says what was changed."""
    made = report_data.make_dataset(tmp_path / "set", 2, draw=False)
    manifest = json.loads((made / "manifest.json").read_text())
    manifest |= {"name": "fourfold-demo", "changes": ["2 groups"]}
    manifest["splits"]["test"]["groups"] = dict.fromkeys(report_data.edits, 2)
    (made / "manifest.json").write_text(json.dumps(manifest))
    return made


@pytest.mark.parametrize(("limit", "cut"), [(1, "; first 1 of each category"), (2, ""), (9, ""), (None, "")])
def test_results_say_what_was_asked(folder: Path, limit: int | None, cut: str) -> None:
    spec = make_spec(folder, ["cosine"], ReadOptions(limit=limit))
    assert name_asked(spec.dataset) == f"fourfold-demo, modified: 2 groups{cut}"
    assert len(spec.items) == (4 if limit == 1 else 8)


def test_a_manifest_that_does_not_know_is_read_as_before(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["changes"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "changes" not in describe_dataset(folder, "test")
    assert name_asked(describe_dataset(folder, "test")) == "fourfold-demo"


def test_the_page_of_a_dataset_names_it(folder: Path, tmp_path: Path) -> None:
    text = write_browser(folder, tmp_path / "browse.html").read_text(encoding="utf-8")
    assert "fourfold-demo, modified: 2 groups" in text
