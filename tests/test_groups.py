"""One group: a function of seed, split, category and index; accepted only if meaning and picture agree."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import Draft, World, make_world
from fourfold.generator.groups import making as groups
from fourfold.generator.groups.making import (
    FOURFOLD,
    MAX_TRIES,
    MadeGroup,
    make_group,
    make_rng,
    truth_table,
    turn,
)
from fourfold.generator.recipe.reading import Recipe, Split
from fourfold.scenes.model.layout import Layout, layout_from_dict
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.truth.claims import claim_from_dict

KINDS_OF = (
    ["true", "adversarial", "hard-positive", "adversarial-positive"],
    ["adversarial", "true", "adversarial-positive", "hard-positive"],
)


@pytest.fixture
def world(small_recipe: Recipe) -> World:
    return make_world(small_recipe, small_recipe.splits["test"])


@pytest.fixture
def make(world, flat_renderer):
    """Make a group with the flat renderer; what is not named is as in the default call."""

    def call(category="binding", *, split="test", index=0, seed=1, world=world, renderer=None) -> MadeGroup:
        return make_group(world, split, category, index, seed, renderer or flat_renderer())

    return call


def rows(made: MadeGroup) -> str:
    return json.dumps([picture.row for picture in made.pictures])


def test_the_random_generator_depends_on_each_of_the_four_alone():
    base = (0, "test", "binding", 0)
    others = [
        (1, "test", "binding", 0),
        (0, "train", "binding", 0),
        (0, "test", "content", 0),
        (0, "test", "binding", 1),
    ]
    draws = [make_rng(*row).random(4).tolist() for row in [base, base, *others]]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 5


def test_neighbouring_examples_are_unlike_each_other():
    draws = np.array([make_rng(seed, "test", "binding", index).random(50) for seed in (0, 1) for index in range(50)])
    correlations = np.corrcoef(draws) - np.eye(100)
    assert np.abs(correlations).max() < 0.75  # 4,950 pairs of 50 draws: five deviations


def test_a_group_depends_on_seed_split_category_and_index_alone(make, flat_renderer, world):
    expected = rows(make())
    used = flat_renderer()
    for index in (5, 3):  # what a renderer and a world were used for before leaves no trace
        make(index=index, renderer=used)
    np.random.default_rng(9).random()
    assert rows(make(renderer=used)) == expected
    for other in ({"index": 1}, {"seed": 2}, {"split": "train"}, {"category": "content"}):
        assert rows(make(**other)) != expected


@pytest.mark.parametrize("category", CATEGORIES)
def test_both_rows_of_a_group_say_what_is_so(category, make):
    made = make(category, index=7)
    a, b = (picture.row for picture in made.pictures)
    assert (a["id"], b["id"], a["group"]) == (f"test-{category}-000007-a", f"test-{category}-000007-b", b["group"])
    assert [(row["role"], row["category"], row["condition"]) for row in (a, b)] == [
        (role, category, CATEGORIES[category].condition) for role in "ab"
    ]
    layouts = tuple(layout_from_dict(row) for row in (a, b))
    claims = tuple(claim_from_dict(json.loads(caption["claim"])) for caption in a["captions"])
    assert truth_table(layouts, claims) == tuple(row * 2 for row in FOURFOLD)
    for own, row in enumerate((a, b)):
        texts = [caption["text"] for caption in row["captions"]]
        assert texts == [caption["text"] for caption in a["captions"]]
        assert [caption["kind"] for caption in row["captions"]] == KINDS_OF[own]
        assert [caption["truth"] for caption in row["captions"]] == [[True, False], [False, True]] * 2
        said = row["caption"], row["adversarial_caption"], row["hard_positive"]
        assert said == (texts[own], texts[1 - own], texts[2 + own])
        assert {caption["template"].partition("/")[0] for caption in row["captions"]} == {category}
        assert row["difficulty"]["n_objects"] == len(row["objects"])
        assert row["difficulty"]["caption_length"] == len(row["caption"].split())
        shapes = {thing["shape"] for thing in row["objects"]}
        assert not shapes & set(row["absences"].split(", "))
        instances = made.pictures[own].rendering.instances
        for thing in row["objects"]:
            left, top, right, bottom = thing["bbox"]
            inside = instances[top:bottom, left:right] == thing["mask_value"]
            assert inside.sum() == thing["visible_pixels"] == (instances == thing["mask_value"]).sum()
            assert inside[0].any()
            assert inside[-1].any()
            assert inside[:, 0].any()
            assert inside[:, -1].any()


def test_two_captions_share_a_wording_and_their_hard_positives_another(make):
    for index in range(6):
        row = make(index=index).pictures[0].row
        names = [caption["template"].rstrip("s") for caption in row["captions"]]
        assert names[0] == names[1]
        assert names[2] == names[3]
        assert names[0].split(".")[0] != names[2].split(".")[0]


@pytest.mark.parametrize(
    ("edit", "attribute", "turned"),
    [
        ("negate", "negate", "un-negate"),
        ("negate", "negate-attribute", "un-negate"),
        ("negate", "negate-relation", "un-negate"),
        ("negate", "no", "negate"),  # both captions deny
        ("negate", "neither-nor", "negate"),
        ("swap-attribute", "color", "swap-attribute"),
    ],
)
def test_what_is_negated_is_un_negated_the_other_way_round(edit, attribute, turned):
    draft = turn(Draft(("first", "second"), ("a", "b"), ("c", "d"), edit, attribute))
    assert draft == Draft(("second", "first"), ("b", "a"), ("d", "c"), turned, attribute)


def test_absences_are_the_kinds_that_captions_name_and_the_picture_lacks(make, world):
    denied = 0
    for index in range(12):
        for row in (picture.row for picture in make("negation", index=index).pictures):
            texts = " ".join(caption["text"] for caption in row["captions"][:2])  # the others may say synonyms
            named = {kind for kind in world.vocabulary.shapes if re.search(rf"\b{kind}(s|es)?\b", texts)}
            assert row["absences"] == ", ".join(sorted(named - {thing["shape"] for thing in row["objects"]}))
            denied += bool(re.search(rf"is not an? ({'|'.join(named)})\b", texts) and row["absences"])
    assert denied


def test_which_scene_is_called_a_is_a_coin(make, world, monkeypatch):
    draft = None
    while draft is None:
        draft = CATEGORIES["content"].sample(world, np.random.default_rng(8))
    monkeypatch.setitem(CATEGORIES, "content", replace(CATEGORIES["content"], sample=lambda *_: draft))
    layouts = [layout_from_dict(make("content", index=index).pictures[0].row) for index in range(60)]
    objects = [tuple(replace(thing, visible_fraction=1.0) for thing in layout.objects) for layout in layouts]
    counts = Counter(draft.layouts.index(replace(draft.layouts[0], objects=seen)) for seen in objects)
    assert 15 <= counts[0] <= 45  # 30 expected, less than one in 10,000 outside
    assert counts.total() == 60


class NothingSeen:
    """A renderer whose pictures show nothing, or everything but objects' colors."""

    def __init__(self, shown: bool, inner) -> None:
        self.shown, self.inner, self.calls = shown, inner, 0

    def render(self, layout: Layout) -> Rendering:
        self.calls += 1
        drawn = self.inner.render(layout)
        if self.shown:
            color = drawn.color.copy()
            color[:, ::2], color[:, 1::2] = (204, 24, 30), (28, 76, 210)  # half red, half blue: of no one color
            return replace(drawn, color=color)
        return replace(drawn, instances=np.zeros_like(drawn.instances))


@pytest.mark.parametrize(
    ("shown", "reason"),
    [(False, "an object covers too few pixels"), (True, "color as rendered is not clearly its own")],
)
def test_tries_are_bounded_and_the_commonest_reason_is_named(shown, reason, make, flat_renderer):
    renderer = NothingSeen(shown, flat_renderer())
    with pytest.raises(InputError) as found:
        make(renderer=renderer)
    assert f"{MAX_TRIES} tries" in str(found.value)
    assert reason in str(found.value)
    assert "test-binding-0" in str(found.value)
    assert "\n" not in str(found.value)
    assert renderer.calls <= MAX_TRIES


def test_a_category_that_finds_no_places_says_so(make, monkeypatch):
    monkeypatch.setitem(CATEGORIES, "binding", replace(CATEGORIES["binding"], sample=lambda *_: None))
    with pytest.raises(InputError, match=rf"most often \({MAX_TRIES} times\) because the objects found no places"):
        make()


@pytest.mark.parametrize("what", ["claims", "hard_positives"])
def test_a_draft_that_is_not_fourfold_is_never_accepted(what, make, monkeypatch, flat_renderer):
    honest = CATEGORIES["binding"].sample

    def wrong(world, rng):
        draft = honest(world, rng)
        return draft and replace(draft, **{what: (getattr(draft, what)[0],) * 2})

    monkeypatch.setitem(CATEGORIES, "binding", replace(CATEGORIES["binding"], sample=wrong))
    renderer = NothingSeen(True, flat_renderer())
    with pytest.raises(InputError, match="truth table is not fourfold" if what == "claims" else "hard positive"):
        make(renderer=renderer)
    assert renderer.calls == 0  # refused before anything is drawn


def test_rejections_are_counted_and_harmless(make, monkeypatch):
    honest = groups.find_problems
    answers = iter([["an object is hidden"], ["an object is hidden"], ["an object is cut by the border"]])

    def picky(layout, seen, n_pixels):
        return next(answers, None) or honest(layout, seen, n_pixels)

    calm = make(index=2)
    monkeypatch.setattr(groups, "find_problems", picky)
    made = make(index=2)
    assert made.rejections - calm.rejections >= Counter({"an object is hidden": 2, "an object is cut by the border": 1})
    assert len(made.pictures) == 2


@pytest.mark.parametrize(("visible", "accepted"), [(0.46, True), (0.44, False)])
def test_what_a_picture_leaves_open_is_no_label(visible, accepted, make, monkeypatch):
    """Even where the limits of what must be seen let it pass: below 0.45 nobody can tell what a thing is."""
    measure = groups.annotate
    monkeypatch.setattr(groups, "find_problems", lambda *_: [])
    monkeypatch.setattr(
        groups, "annotate", lambda *given: tuple(replace(seen, visible_fraction=visible) for seen in measure(*given))
    )
    if accepted:
        assert len(make().pictures) == 2
        return
    with pytest.raises(InputError, match=re.escape("because the picture leaves a claim open")):
        make()


def test_held_out_objects_are_in_their_split_alone(small_recipe, flat_renderer):
    for name, split in {"test": Split(), "held-out": Split(held_out=True)}.items():
        world = make_world(small_recipe, split)
        for index in range(12):
            made = make_group(world, name, "binding", index, 1, flat_renderer())
            red_cubes = [
                any((thing["shape"], thing["color"]) == ("cube", "red") for thing in picture.row["objects"])
                for picture in made.pictures
            ]
            assert any(red_cubes) == (name == "held-out")
            assert all(picture.row["difficulty"]["held_out"] == (name == "held-out") for picture in made.pictures)
