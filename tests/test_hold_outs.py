"""What a split keeps to itself: neither shown nor named elsewhere, and in every group of its own."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from fourfold.generator.categories.world import make_world
from fourfold.generator.groups.making import make_group
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
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import Absent, Both, Counted, Exists, Located, Not, Related, claim_from_dict
from fourfold.scenes.truth.descriptions import Description

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
        ({"objects": (5, 5)}, True),
        ({"objects": (1, 4)}, True),
        ({"objects": (4, 4)}, False),
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
    assert allowed_words(words, HoldOuts(unwanted=(RED_CUBE, Description("sphere", material="metal")))) == words
    red = allowed_words(words, HoldOuts(unwanted=(Description(color="red"), Description(color="blue"), CUBE)))
    assert set(words.colors) - set(red.colors) == {"red", "blue"}
    assert set(words.shapes) - set(red.shapes) == {"cube"}


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


def with_objects(layout: Layout, n: int) -> Layout:
    """The layout with as many objects as that, the first ones again and again."""
    return replace(layout, objects=(layout.objects * n)[:n])


@pytest.mark.parametrize(
    ("numbers", "shown", "fits"),
    [
        ((2, 3), (2, 3), True),
        ((2, 2), (2, 3), False),
        ((2, 2), (3, 2), False),
        ((3, 3), (2, 3), False),
        ((2, 3), (4, 3), False),
        ((2, 3), (2, 1), False),
        ((1, 8), (1, 8), True),
    ],
)
def test_both_scenes_of_a_group_hold_the_right_number_of_objects(numbers, shown, fits, layout):
    assert keeps(HoldOuts(numbers=numbers), [with_objects(layout, n) for n in shown], ()) == fits


def test_what_is_held_out_is_in_neither_scene_and_what_is_wanted_in_one(layout):
    other = replace(layout, objects=tuple(replace(thing, shape="cone") for thing in layout.objects))
    for pair in ((layout, other), (other, layout)):
        assert not keeps(HoldOuts(unwanted=(CUBE,)), pair, ())
        assert keeps(HoldOuts(wanted=(CUBE,)), pair, ())
    assert keeps(HoldOuts(unwanted=(CUBE,)), (other, other), ())
    assert not keeps(HoldOuts(wanted=(CUBE,)), (other, other), ())


def test_an_object_that_is_mostly_hidden_counts_as_shown(layout):
    cube, sphere = layout.objects
    hidden = replace(layout, objects=(replace(cube, visible_fraction=0.05), sphere))
    assert CUBE.matches(hidden.objects[0]) is None
    assert not keeps(HoldOuts(unwanted=(CUBE,)), (hidden,), ())
    assert keeps(HoldOuts(wanted=(CUBE,)), (hidden,), ())


def test_any_one_of_several_wanted_objects_will_do(layout):
    assert keeps(HoldOuts(wanted=(STRIPED, CUBE)), (layout,), ())
    assert not keeps(HoldOuts(unwanted=(STRIPED, CUBE)), (layout,), ())


@pytest.mark.parametrize(
    ("split", "numbers", "synonyms"),
    [
        (Split(), None, False),
        (Split(objects=(3, 4)), (3, 4), False),
        (Split(synonyms="hard-positives"), None, False),
        (Split(synonyms="never"), None, False),
        (Split(synonyms="always"), None, True),
    ],
)
def test_numbers_and_synonyms_are_those_of_the_split(split, numbers, synonyms):
    found = make_hold_outs(RECIPE, split)
    assert (found.numbers, found.synonyms) == (numbers, synonyms)


SYNONYMS = re.compile("|".join(rf"\b{re.escape(word)}" for kind in KINDS.values() for word in kind.synonyms))
HELD_OUT = (Description("cube"), Description("star", "red"), Description(material="glossy"))
SPLITS = {
    "train": Split(),
    "kind": Split(held_out=("shape",)),
    "combination": Split(held_out=("shape", "color")),
    "material": Split(held_out=("material",)),
    "templates": Split(templates="held-out"),
    "phrases": Split(phrases="held-out"),
    "unsynonymous": Split(synonyms="never"),
    "synonymous": Split(synonyms="always"),
    "numbers": Split(objects=(4, 4)),
}
CATEGORIES = ("content", "binding", "relation", "negation", "binding+negation")


@pytest.fixture(scope="module", params=SPLITS)
def made(request, small_recipe, flat_renderer):
    """A split's name, and the rows of its groups as a dataset would have them."""
    words = replace(small_recipe.vocabulary, materials=("matte", "metal", "glossy"))
    scene = replace(small_recipe.scene, objects=(2, 3))
    recipe = replace(small_recipe, held_out=HELD_OUT, splits=SPLITS, vocabulary=words, scene=scene)
    world, renderer = make_world(recipe, SPLITS[request.param]), flat_renderer(64)
    groups = [
        make_group(world, request.param, category, index, 11, renderer) for category in CATEGORIES for index in range(5)
    ]
    return request.param, [[picture.row for picture in group.pictures] for group in groups]


def said_in(row: dict) -> list[Description]:
    return [each for caption in row["captions"] for each in descriptions(claim_from_dict(json.loads(caption["claim"])))]


def test_what_is_held_out_is_where_it_belongs_and_nowhere_else(made):
    """Kinds, combinations and values: in every group of their own split, and neither shown nor named in any other."""
    split, groups = made
    own = {"kind": HELD_OUT[0], "combination": HELD_OUT[1], "material": HELD_OUT[2]}
    for rows in groups:
        for held in HELD_OUT:
            values = {key: value for key, value in vars(held).items() if value is not None}
            shown = any(values.items() <= thing.items() for row in rows for thing in row["objects"])
            assert shown == (own.get(split) == held)
            if not shown:
                for said in (each for row in rows for each in said_in(row)):
                    denied = dict([said.excluded]) if said.excluded else {}
                    assert not all(value in (getattr(said, key), denied.get(key)) for key, value in values.items())


def test_words_are_held_out_of_every_split_but_their_own(made):
    split, groups = made
    wordings = [caption["template"].split("/")[1] for rows in groups for caption in rows[0]["captions"]]
    templates, phrases = ({int(name.rstrip("s").split(".")[k]) for name in wordings} for k in (0, 1))
    assert templates <= ({6, 7} if split == "templates" else {0, 1, 2, 3, 4, 5})
    assert phrases <= ({3} if split == "phrases" else {0, 1, 2})
    assert len(templates) > 1


def test_synonyms_are_said_where_they_are_wanted(made):
    split, groups = made
    for rows in groups:
        texts = [caption["text"] for caption in rows[0]["captions"]]
        with_one = [bool(SYNONYMS.search(text)) for text in texts]
        if split == "unsynonymous":
            assert not any(with_one)
        elif split == "synonymous":
            assert all(with_one[:2])
        else:
            assert not any(with_one[:2])
    if split == "train":  # half of the hard positives use them, where a kind has one
        assert any(SYNONYMS.search(caption["text"]) for rows in groups for caption in rows[0]["captions"][2:])


def test_a_split_of_many_objects_shows_no_fewer(made):
    split, groups = made
    numbers = {len(row["objects"]) for rows in groups for row in rows}
    assert numbers == {4} if split == "numbers" else numbers <= {1, 2, 3}


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
