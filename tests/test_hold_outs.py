"""What a split keeps to itself: neither shown nor named elsewhere, and in every group of its own."""

from dataclasses import replace

import numpy as np
import pytest

from fourfold.generator.categories.world import make_world
from fourfold.generator.groups.natural import make_scene
from fourfold.generator.recipe.hold_outs import (
    HoldOuts,
    allowed_words,
    descriptions,
    is_held_out,
    keeps,
    make_hold_outs,
    names,
)
from fourfold.generator.recipe.recipe import Recipe, Split, Vocabulary
from fourfold.scenes.model.layout import Layout, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.truth.claims import Absent, Both, Counted, Description, Exists, Located, Not, Related

CUBE, RED_CUBE, STRIPED = Description("cube"), Description("cube", "red"), Description(pattern="striped")
RECIPE = Recipe("hold-outs", {}, held_out=(CUBE, RED_CUBE, STRIPED))


@pytest.fixture
def layout() -> Layout:
    spec = SceneSpec((ObjectSpec("cube", "red"), ObjectSpec("sphere", "blue")), "table")
    found = place(spec, np.random.default_rng(3))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("held_out", "wanted"),
    [
        (False, ()),
        (True, (CUBE, RED_CUBE, STRIPED)),
        (("shape",), (CUBE,)),
        (("color", "shape"), (RED_CUBE,)),
        (("pattern",), (STRIPED,)),
    ],
)
def test_a_split_wants_what_it_names_and_nothing_else_that_is_held_out(held_out, wanted):
    found = make_hold_outs(RECIPE, Split(held_out=held_out))
    assert found.wanted == wanted
    assert set(found.wanted) | set(found.unwanted) == set(RECIPE.held_out)
    assert not set(found.wanted) & set(found.unwanted)


@pytest.mark.parametrize(
    ("changes", "is_one"),
    [
        ({}, False),
        ({"objects": (2, 4)}, False),
        ({"objects": (3, 3)}, False),
        ({"synonyms": "never"}, False),
        ({"objects": (4, 5)}, True),
        ({"synonyms": "always"}, True),
        ({"templates": "held-out"}, True),
        ({"phrases": "held-out"}, True),
        ({"phrases": "held-out", "synonyms": "never"}, True),
        ({"held_out": ("shape",)}, True),
    ],
)
def test_a_split_counts_as_held_out_where_it_shows_or_says_what_others_do_not(changes, is_one):
    assert is_held_out(RECIPE, Split(**changes)) == is_one


def test_words_that_are_held_out_by_themselves_leave_the_vocabulary_of_others():
    words = Vocabulary()
    left = allowed_words(words, HoldOuts(unwanted=(CUBE, RED_CUBE, STRIPED)))
    assert left == replace(
        words,
        shapes=tuple(shape for shape in words.shapes if shape != "cube"),
        patterns=tuple(pattern for pattern in words.patterns if pattern != "striped"),
    )
    assert allowed_words(words, HoldOuts(wanted=(CUBE,))) == words


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (Description("cube", "red"), True),
        (Description("cube", "red", "large"), True),
        (Description("cube", excluded=("color", "red")), True),
        (Description(None, "red", excluded=("shape", "cube")), True),
        (Description("cube"), False),
        (Description("cube", "blue"), False),
        (Description("sphere", "red"), False),
    ],
)
def test_words_name_a_combination_be_it_to_deny_it(said, named):
    assert names(RED_CUBE, said) == named


def test_every_description_of_a_claim_is_found():
    a, b, c, d = (Description(shape) for shape in ("cube", "sphere", "cone", "star"))
    claim = Both(Both(Related(a, "left", b), Not(Located(c, "left"))), Both(Absent(d), Counted(a, 2)))
    assert list(descriptions(claim)) == [a, b, c, d, a]


@pytest.mark.parametrize(
    ("hold_outs", "fits"),
    [
        (HoldOuts(), True),
        (HoldOuts(wanted=(RED_CUBE,)), True),
        (HoldOuts(wanted=(STRIPED,)), False),
        (HoldOuts(unwanted=(RED_CUBE,)), False),
        (HoldOuts(unwanted=(STRIPED,)), True),
        (HoldOuts(unwanted=(Description("star"),)), False),  # not shown, but named
        (HoldOuts(unwanted=(Description("heart"),)), False),  # by a hard positive
        (HoldOuts(numbers=(2, 2)), True),
        (HoldOuts(numbers=(3, 4)), False),
        (HoldOuts(synonyms=True), False),  # one of the captions names a star alone
    ],
)
def test_scenes_and_captions_fit_their_split_or_not(hold_outs, fits, layout):
    claims = Exists(Description("sphere")), Absent(Description("star"))
    assert keeps(hold_outs, (layout,), claims, (Absent(Description("heart")),)) == fits


def test_every_caption_has_to_name_a_kind_with_a_synonym(layout):
    ball, cube = Exists(Description("sphere")), Exists(Description("cube"))
    assert keeps(HoldOuts(synonyms=True), (layout,), (ball, Both(cube, ball)))
    assert not keeps(HoldOuts(synonyms=True), (layout,), (ball, cube))


def test_natural_scenes_keep_to_their_split(flat_renderer, small_recipe):
    recipe = replace(small_recipe, held_out=(Description("cube"), Description(color="red")))
    for split in (Split(scenes=1, objects=(2, 3)), Split(scenes=1, held_out=("shape",))):
        world = make_world(recipe, split)
        for index in range(12):
            [picture] = make_scene(world, "train", index, 5, flat_renderer(64)).pictures
            things = picture.row["objects"]
            assert any(thing["shape"] == "cube" for thing in things) == bool(split.held_out)
            assert all(thing["color"] != "red" for thing in things)
            assert not split.objects or len(things) in (2, 3)
