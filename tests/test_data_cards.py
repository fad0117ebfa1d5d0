"""Every recipe in data_cards: it has its card, it can be sampled, and what a test split holds out is not trained on."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fourfold.generator.captions.phrases import HELD_OUT_PHRASES, HELD_OUT_TEMPLATES, RELATION_PHRASES, TEMPLATES
from fourfold.generator.captions.wording import Wording, sample_wordings, word
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import Draft, keeps_hold_outs, make_world
from fourfold.generator.groups.making import FOURFOLD, make_rng, truth_table
from fourfold.generator.recipe.hold_outs import descriptions, names
from fourfold.generator.recipe.reading import load_recipe
from fourfold.generator.recipe.recipe import named_values, wanted_objects
from fourfold.scenes.shapes import KINDS

FOLDER = Path(__file__).parent.parent / "data_cards"
CARDS = sorted(path.stem for path in FOLDER.glob("*.toml"))
RELEASED = ("fourfold-v1", "fourfold-v2", "fourfold-heads-v1", "fourfold-mini-v1")
FIRST = 10  # categories, which were all when the first sets were made
TRAINED = ("train", "validation")
GROUPS = 1  # of each category: drafts alone, without pictures
Sampled = list[tuple[Draft, tuple[Wording, Wording]]]


@cache
def sampled(name: str, split: str) -> Sampled:
    """Drafts as `make_group` accepts them before it draws, with their wordings."""
    recipe = load_recipe(name)
    world = make_world(recipe, recipe.splits[split])
    found: Sampled = []
    for category in recipe.splits[split].groups:
        for index in range(GROUPS):
            rng = make_rng(recipe.seed, split, category, index)
            for _ in range(200):
                draft = CATEGORIES[category].sample(world, rng)
                wordings = sample_wordings(rng, world.language)
                fits = draft is not None and keeps_hold_outs(world, draft)
                if fits and truth_table(draft.layouts, draft.claims) == FOURFOLD:
                    found.append((draft, wordings))
                    break
            else:
                pytest.fail(f"{name}, {split}, {category}: no draft in 200 tries")
    return found


def objects(groups: Sampled) -> Iterator[Any]:
    return (thing for draft, _ in groups for layout in draft.layouts for thing in layout.objects)


def texts(groups: Sampled) -> list[str]:
    return [
        word(claim, wording)
        for draft, wordings in groups
        for claims, wording in zip((draft.claims, draft.hard_positives), wordings, strict=True)
        for claim in claims
    ]


def test_the_released_sets_are_there():
    assert set(RELEASED) <= set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_a_recipe_has_its_name_and_its_card(name):
    assert load_recipe(name).name == name
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {name}")
    assert f"fourfold generate {name}" in card
    for part in ("How it was made", "Limits", "Licence") if name in RELEASED else ("Licence",):
        assert part in card


@pytest.mark.parametrize("name", RELEASED)
def test_a_card_names_every_split_and_category(name):
    recipe, card = load_recipe(name), (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for split, row in recipe.splits.items():
        assert f"`{split}`" in card
        assert set(row.groups) <= set(CATEGORIES)
        assert all(f"{count:,}" in card for count in row.groups.values())


@pytest.mark.parametrize("name", ["fourfold-v1", "fourfold-v2", "fourfold-mini-v1"])
def test_benchmarks_are_test_only_and_hold_every_category_of_their_time(name):
    recipe = load_recipe(name)
    assert list(recipe.splits) == ["test"]
    assert list(recipe.splits["test"].groups) == list(CATEGORIES)[: None if recipe.edition else FIRST]
    assert len(set(recipe.splits["test"].groups.values())) == 1


def test_seeds_differ_so_that_no_set_holds_scenes_of_another():
    seeds = [load_recipe(name).seed for name in CARDS]
    assert len(set(seeds)) == len(seeds)


def splits_with(name: str) -> list[str]:
    return list(load_recipe(name).splits)


SPLITS = [(name, split) for name in CARDS for split in splits_with(name) if load_recipe(name).splits[split].groups]


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_a_split_holds_what_it_should_and_nothing_that_is_kept_for_another(name, split):
    recipe = load_recipe(name)
    row, groups = recipe.splits[split], sampled(name, split)
    wanted = wanted_objects(recipe, row)
    unwanted = [each for each in recipe.held_out if each not in wanted]
    for draft, wordings in groups:
        things = [thing for layout in draft.layouts for thing in layout.objects]
        assert not [each for each in unwanted for thing in things if each.matches(thing)]
        said = [each for claim in draft.claims + draft.hard_positives for each in descriptions(claim)]
        assert not [each for held in unwanted for each in said if names(held, each)]
        assert not wanted or any(each.matches(thing) for each in wanted for thing in things)
        if row.objects:
            assert {len(layout.objects) for layout in draft.layouts} <= set(range(row.objects[0], row.objects[1] + 1))
        templates, phrases = min(map(len, TEMPLATES.values())), min(map(len, RELATION_PHRASES.values()))
        for wording in wordings:
            assert (wording.template >= templates - HELD_OUT_TEMPLATES) == (row.templates == "held-out")
            assert (wording.phrase >= phrases - HELD_OUT_PHRASES) == (row.phrases == "held-out")
    if row.synonyms == "never":
        assert not synonyms_in(groups)


def synonyms_in(groups: Sampled) -> set[str]:
    """Synonyms that captions use for a kind; "pill" is none in "caterpillar"."""
    words = " ".join(f" {text} " for text in texts(groups))
    known = {synonym for kind in KINDS.values() for synonym in kind.synonyms}
    return {synonym for synonym in known if f" {synonym} " in words}


HEADS = load_recipe("fourfold-heads-v1")


def trained() -> Sampled:
    return [group for split in TRAINED for group in sampled(HEADS.name, split)]


def held(kind: str) -> Sampled:
    return sampled(HEADS.name, f"test-{kind}")


def test_every_hold_out_of_the_heads_is_a_split_of_its_own():
    ordinary = {"held_out": False, "templates": "ordinary", "phrases": "ordinary", "synonyms": "never"}
    usual = ordinary | {"objects": HEADS.scene.objects}
    changed = {
        name: [key for key, value in usual.items() if getattr(row, key) != value] for name, row in HEADS.splits.items()
    }
    assert all(not changed.pop(name) for name in (*TRAINED, "test"))
    assert sorted(key for (key,) in changed.values()) == sorted([*usual, "held_out"])


def test_whole_objects_are_neither_shown_nor_named_in_training():
    kinds = {each.shape for each in HEADS.held_out if set(named_values(each)) == {"shape"}}
    assert len(kinds) >= 5
    assert kinds & {thing.shape for thing in objects(held("objects"))}
    assert not kinds & {thing.shape for thing in objects(trained())}
    assert not [kind for kind in kinds if f" {kind}" in " ".join(texts(trained()))]


def test_colors_and_kinds_of_held_out_combinations_are_both_known():
    pairs = {(each.shape, each.color) for each in HEADS.held_out if each.color}
    assert len(pairs) >= 10
    assert not pairs & {(thing.shape, thing.color) for thing in objects(trained())}
    words = make_world(HEADS, HEADS.splits["train"]).vocabulary
    assert {shape for shape, _ in pairs} <= set(words.shapes)
    assert {color for _, color in pairs} <= set(words.colors)


def test_other_names_are_said_in_every_caption_of_their_split_and_in_no_other():
    assert not synonyms_in(trained())
    for draft, (wording, _) in held("synonyms"):
        for claim in draft.claims:
            assert word(claim, wording) != word(claim, replace(wording, synonym=0))


def test_numbers_of_objects_are_apart():
    known = {len(layout.objects) for draft, _ in trained() for layout in draft.layouts}
    new = {len(layout.objects) for draft, _ in held("counts") for layout in draft.layouts}
    assert max(known) < min(new)


@pytest.mark.parametrize("kind", ["templates", "phrases"])
def test_sentences_of_a_split_of_words_are_in_no_other(kind):
    assert not set(texts(held(kind))) & set(texts(trained()))
