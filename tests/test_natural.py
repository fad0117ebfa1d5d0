"""Natural scenes: captions as people write them, all of them true, none with negation or sides."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.generator.captions.phrases import HELD_OUT_TEMPLATES, TEMPLATES
from fourfold.generator.categories.world import make_world, sample_layout, sample_objects
from fourfold.generator.groups.natural import (
    CAPTIONS_PER_SCENE,
    FORMS,
    NEXT_TO_RATE,
    PLACES,
    close_up_caption,
    make_scene,
    natural_caption,
)
from fourfold.generator.recipe.reading import Recipe, Split
from fourfold.scenes.assets.custom import CustomKind, known
from fourfold.scenes.model.layout import layout_from_dict
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.annotations import ObjectAnnotation
from fourfold.scenes.truth.claims import Both, Exists, Related, claim_from_dict, claim_to_dict
from fourfold.scenes.truth.descriptions import Description

NEGATIONS = r"\b(no|not|without|neither|nor|never|none|nothing|n't|absent|missing|lacks?)\b"
SIDES = r"\b(left|right|above|below|over|under|behind|front|before|top|bottom|beneath|closer|nearer|further|farther)\b"
WORLD = make_world(Recipe("natural", {}), Split(scenes=1))


@pytest.fixture(scope="module")
def captions():
    """Two thousand (layout, text, claim) of scenes with one to four objects; sizes in pixels are made up."""
    rng = np.random.default_rng(2)
    found = []
    while len(found) < 2000:
        layout = sample_layout(WORLD, sample_objects(WORLD, rng, int(rng.integers(1, 5))), rng)
        if layout is not None:
            seen = annotations(rng.integers(200, 4000, len(layout.objects)))
            found += [(layout, *natural_caption(layout, seen, rng, WORLD)) for _ in range(20)]
    return found


def annotations(pixels: Iterable[int]) -> tuple[ObjectAnnotation, ...]:
    return tuple(ObjectAnnotation(i, (0, 0, 9, 9), int(n), 1.0, False, {}) for i, n in enumerate(pixels, start=1))


def test_every_caption_is_true_of_its_scene(captions):
    assert all(claim.holds(layout) is True for layout, _, claim in captions)


def test_captions_name_only_what_is_there(captions):
    for layout, text, _ in captions:
        words = re.sub(r"\b(orange|glass)\b", "", text)
        named = [kind for kind in KINDS if re.search(rf"\b{kind}\b", words)]
        there = {thing.shape for thing in layout.objects}
        assert all(any(kind in shape for shape in there) for kind in named), (text, there)
        for attribute, table in TABLES.items():
            values = {getattr(thing, attribute) for thing in layout.objects}
            said = {value for value in table if re.search(rf"\b{value}\b", text.replace("medium-sized", "medium"))}
            assert said <= values, text


def test_no_caption_negates_or_says_sides(captions):
    for _, text, _ in captions:
        assert not re.search(NEGATIONS, text)
        assert not re.search(SIDES, text)


def test_captions_are_clean_and_varied(captions):
    texts = [text for _, text, _ in captions]
    assert all(text == " ".join(text.split()) for text in texts)
    assert not any(re.search(r"[{}]|None|\ba [aeio]|\ban [^aeiouh]", text) for text in texts)
    assert len(set(texts)) > 1000


def test_attributes_are_rare_and_relations_rarer(captions):
    """What natural captions are like: few colors, things left out, hardly a relation or a place."""
    counts = Counter[str]()
    for layout, text, _ in captions:
        counts["color"] += any(re.search(rf"\b{color}\b", text) for color in TABLES["color"])
        counts["next to"] += "next to" in text
        counts["incomplete"] += sum(thing.shape in text for thing in layout.objects) < len(layout.objects)
        counts["place"] += any(place in text for place in PLACES.values())
    assert 0.2 < counts["color"] / len(captions) < 0.6
    assert 0 < counts["next to"] / len(captions) < NEXT_TO_RATE
    assert counts["incomplete"] / len(captions) > 0.3
    assert 0 < counts["place"] / len(captions) < 0.15


def test_what_goes_without_saying_is_said_seldom_but_said(captions):
    """A word that no caption holds would be an unknown one in every question that asks for it."""
    patterns = Counter[str]()
    for layout, text, _ in captions:
        there = {thing.pattern for thing in layout.objects}
        patterns.update(("there", pattern) for pattern in there)
        patterns.update(("said", pattern) for pattern in there if re.search(rf"\b{pattern}\b", text))
    shares = {p: patterns["said", p] / number for (what, p), number in patterns.items() if what == "there"}
    assert 0.02 < shares.pop("plain") < 0.15
    assert shares
    assert min(shares.values()) > 0.2


@pytest.mark.parametrize("sentence", TEMPLATES["exists"][-HELD_OUT_TEMPLATES:])
def test_words_of_held_out_sentences_are_known_but_not_the_sentences(captions, sentence):
    """As a model knows them that was trained on the web: what a test of new sentences asks of a head is the form."""
    said = {word for _, text, _ in captions for word in text.split()}
    assert set(sentence.replace("{a}", "").split()) <= said
    assert sentence.replace("{a}", "{}") not in FORMS


@pytest.fixture(scope="module")
def later_captions():
    """As `captions`, of the second edition, whose recipe speaks of colors and sizes alone."""
    world = replace(WORLD, edition=2, attributes=("color", "size"))
    rng, found = np.random.default_rng(3), []
    while len(found) < 4000:
        layout = sample_layout(world, sample_objects(world, rng, int(rng.integers(1, 5))), rng)
        if layout is not None:
            seen = annotations(rng.integers(200, 4000, len(layout.objects)))
            found += [(layout, *natural_caption(layout, seen, rng, world)) for _ in range(10)]
    return found


def test_in_the_second_edition_captions_keep_to_the_recipes_attributes(captions, later_captions):
    words = rf"\b({'|'.join([*TABLES['material'], *TABLES['pattern']])})\b"
    assert any(re.search(words, text) for _, text, _ in captions)
    assert not [text for _, text, _ in later_captions if re.search(words, text)]
    assert any(re.search(r"\blarge\b", text) for _, text, _ in later_captions)


def test_in_the_second_edition_next_to_is_said_where_it_is_so_and_claimed(later_captions):
    said, named = Counter[bool](), Counter[str]()
    for layout, text, claim in later_captions:
        assert claim.holds(layout) is True
        assert ("next to" in text) == isinstance(claim, Related)
        named[claim_to_dict(claim)["type"]] += 1
        if isinstance(claim, Related):
            assert claim.relation == "beside"
            assert layout.arrangement == "table"
        elif isinstance(claim, Both) and isinstance(claim.first, Exists) and isinstance(claim.second, Exists):
            pair = Related(claim.first.description, "beside", claim.second.description)
            said[pair.holds(layout) is True] += 1
    share = named["Related"] / (named["Related"] + named["Both"])
    assert NEXT_TO_RATE / 3 < share < NEXT_TO_RATE * 1.5
    assert said[True] < 0.3 * named["Related"]  # seldom left unsaid


def test_objects_are_named_first_in_proportion_to_what_is_seen_of_them():
    rng = np.random.default_rng(4)
    layout = None
    while layout is None:
        layout = sample_layout(WORLD, sample_objects(WORLD, rng, 2), rng)
    large, small = (thing.shape for thing in layout.objects)
    texts = [natural_caption(layout, annotations((900, 100)), rng, WORLD)[0] for _ in range(300)]
    first = [large in text and (small not in text or text.index(large) < text.index(small)) for text in texts]
    assert 0.84 < np.mean(first) < 0.96  # 0.9 expected


def test_a_scene_is_a_row_of_its_own(flat_renderer):
    made = make_scene(WORLD, "train", 3, 5, flat_renderer())
    assert json.dumps(made.pictures[0].row) == json.dumps(
        make_scene(WORLD, "train", 3, 5, flat_renderer()).pictures[0].row
    )
    row = made.pictures[0].row
    assert (row["id"], row["group"], row["role"], row["category"]) == ("train-natural-000003",) * 2 + (
        "single",
        "natural",
    )
    assert row["caption"] == row["captions"][0]["text"]
    assert row["adversarial_caption"] == row["hard_positive"] == row["absences"] == ""
    assert len(row["captions"]) == CAPTIONS_PER_SCENE
    layout = layout_from_dict(row)
    for caption in row["captions"]:
        assert caption["truth"] == [True]
        assert claim_from_dict(json.loads(caption["claim"])).holds(layout) is True


def test_a_scene_of_a_split_that_holds_out_says_so(flat_renderer):
    recipe = Recipe("natural", {}, held_out=(Description("cube"),))
    for held_out in (True, False):
        world = make_world(recipe, Split(scenes=1, held_out=held_out))
        [picture] = make_scene(world, "x", 0, 5, flat_renderer()).pictures
        assert picture.row["difficulty"]["held_out"] is held_out


def test_captions_give_a_users_kind_its_own_article():
    uakari = CustomKind("uakari", "uakaris", "a", (), (0.0, 360.0), "", "")  # said with a y, which no spelling tells
    rng = np.random.default_rng(0)
    with known([uakari]):
        layout = None
        while layout is None:
            layout = sample_layout(WORLD, sample_objects(WORLD, rng, 1), rng)
        thing = replace(layout.objects[0], shape="uakari")
        alone = replace(layout, objects=(thing,))
        texts = [natural_caption(alone, annotations([900]), rng, WORLD)[0] for _ in range(50)]
        texts += [close_up_caption(thing, rng)[0] for _ in range(50)]
    assert any("a uakari" in text for text in texts)
    assert not any("an uakari" in text for text in texts)


def test_a_scene_that_cannot_be_shown_names_the_reason(flat_renderer, monkeypatch):
    monkeypatch.setattr("fourfold.generator.groups.natural.find_problems", lambda *_: ["an object is hidden"])
    with pytest.raises(InputError, match=r"train-3: none acceptable in 80 tries; 79 times because an object is hidden"):
        make_scene(WORLD, "train", 3, 5, flat_renderer())
