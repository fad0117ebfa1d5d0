"""Hard positives of edition 2: no word under negation says more or less, and rows tell what is a paraphrase."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fourfold.evaluator.data.fourfold_items import group_item
from fourfold.generator.captions.paraphrases import IMPLIED, PARAPHRASE, denies, meaning, without_implications
from fourfold.generator.captions.phrases import RELATION_PHRASES, WEAKER_PHRASES
from fourfold.generator.captions.wording import Wording, word, wordings_named
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.relation import unrelated
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.reading import Group, read_captions
from fourfold.generator.groups.making import make_group
from fourfold.generator.groups.natural import make_scene
from fourfold.generator.recipe.reading import Recipe, Split
from fourfold.generator.verification.groups import verify_group
from fourfold.scenes.shapes import EXACT_SYNONYMS, KINDS
from fourfold.scenes.truth.claims import Absent, Both, Claim, Exists, Not, Related, claim_from_dict
from fourfold.scenes.truth.descriptions import Description

MUG, SOFA, CUBE = Description("mug"), Description("sofa"), Description("cube")
PLAIN = Wording(0, 0)


@pytest.mark.parametrize(
    ("claim", "denied"),
    [
        (Exists(MUG), False),
        (Both(Exists(MUG), Exists(CUBE)), False),
        (Related(MUG, "left", CUBE), False),
        (Absent(MUG), True),
        (Both(Exists(MUG), Absent(CUBE)), True),
        (unrelated(MUG, "left", CUBE), True),
        (Exists(Description("mug", excluded=("color", "red"))), True),
    ],
)
def test_what_denies(claim: Claim, denied: bool) -> None:
    assert denies(claim) is denied


def test_exact_synonyms_are_synonyms() -> None:
    assert {word for kind in KINDS.values() for word in kind.synonyms} >= EXACT_SYNONYMS
    assert KINDS["sofa"].exact_synonyms == ("couch",)
    assert KINDS["mug"].exact_synonyms == KINDS["cube"].exact_synonyms == ()


def test_weaker_phrases_are_phrases_and_no_relation_has_them_alone() -> None:
    """The first phrase of a relation is the plain one; those that say less are said of relations that have others."""
    phrases = {phrase for row in RELATION_PHRASES.values() for phrase in row}
    assert phrases >= WEAKER_PHRASES
    assert all(set(row) - WEAKER_PHRASES for row in RELATION_PHRASES.values())


@pytest.mark.parametrize("synonym", range(-6, 7))
def test_a_wording_is_found_by_its_name(synonym: int) -> None:
    wording = Wording(3, 1, synonym)
    assert wording in wordings_named(wording.name)
    assert {each.name for each in wordings_named(wording.name)} == {wording.name}


def test_under_negation_kinds_keep_their_names_or_have_exact_synonyms() -> None:
    wordings = PLAIN, Wording(1, 2, 4)
    assert without_implications((Exists(MUG), Exists(SOFA)), wordings) == wordings
    first, second = without_implications((Absent(MUG), Absent(SOFA)), wordings)
    assert first == PLAIN
    assert [word(Absent(each), second) for each in (MUG, SOFA)] == ["a photo with no mug", "a photo with no couch"]
    always = Wording(0, 0, 2), Wording(1, 2, 4)  # both call it by its synonym
    assert without_implications((Absent(MUG), Absent(SOFA)), always) == always


def test_under_negation_no_phrase_says_more_or_less() -> None:
    """What is not above may be higher."""
    claims = unrelated(MUG, "above", CUBE), unrelated(CUBE, "above", MUG)
    for phrase in range(4):
        for other in range(4):
            first, second = without_implications(claims, (Wording(0, phrase), Wording(1, other)))
            assert second.phrase == (other if (phrase < 2) == (other < 2) else phrase)
            assert meaning(claims[0], first, unrelated(CUBE, "below", MUG), second) == PARAPHRASE
    sides = unrelated(MUG, "left", CUBE), unrelated(CUBE, "left", MUG)
    assert without_implications(sides, (Wording(0, 0), Wording(1, 3)))[1].phrase == 3


@pytest.mark.parametrize(
    ("claim", "hard_positive", "other", "said"),
    [
        (Exists(CUBE), Exists(CUBE), Wording(1, 0, 1), PARAPHRASE),
        (Exists(SOFA), Exists(SOFA), Wording(1, 0, 1), PARAPHRASE),
        (Exists(MUG), Exists(MUG), Wording(1, 0, 1), IMPLIED),
        (Exists(MUG), Exists(MUG), Wording(1, 0, -1), PARAPHRASE),
        (Related(CUBE, "above", SOFA), Related(SOFA, "below", CUBE), Wording(1, 1), PARAPHRASE),
        (Related(CUBE, "above", SOFA), Related(SOFA, "below", CUBE), Wording(1, 2), IMPLIED),
        (Related(CUBE, "left", SOFA), Related(SOFA, "right", CUBE), Wording(1, 3), PARAPHRASE),
        (Exists(Description(color="red", excluded=("shape", "mug"))),) * 2 + (Wording(1, 0, 1), IMPLIED),
    ],
)
def test_what_a_hard_positive_is(claim: Claim, hard_positive: Claim, other: Wording, said: str) -> None:
    assert meaning(claim, PLAIN, hard_positive, other) == said


@pytest.fixture(scope="module")
def made(flat_renderer) -> dict[str, list[tuple[dict, dict]]]:
    """Rows of groups of the second edition, by category."""
    world, renderer = make_world(Recipe("second", {}, edition=2), Split()), flat_renderer(96)
    return {
        category: [
            tuple(picture.row for picture in make_group(world, "test", category, i, 0, renderer).pictures)
            for i in range(5)
        ]
        for category in CATEGORIES
    }


@pytest.mark.parametrize("category", CATEGORIES)
def test_rows_say_what_their_hard_positives_are(category: str, made, tmp_path) -> None:
    for rows in made[category]:
        assert list(verify_group(*rows, worded=True)) == []
        said = [caption["meaning"] for caption in rows[0]["captions"]]
        assert said[:2] == ["", ""]
        assert {*said[2:]} <= {PARAPHRASE, IMPLIED}
        claims = [claim_from_dict(json.loads(caption["claim"])) for caption in rows[0]["captions"]]
        if any(map(denies, claims)):
            assert said[2:] == [PARAPHRASE, PARAPHRASE]
            assert not [caption for caption in rows[0]["captions"] if caption["template"].endswith("s")]
        named = [row | {"file_name": "x.png"} for row in rows]
        item = group_item(Group("x", tmp_path, (named[0], named[1]), read_captions(rows[0], "row")))
        assert item.implied == tuple(k for k, each in enumerate(said) if each == IMPLIED)


def test_both_are_met(made) -> None:
    rows = [rows[0] for groups in made.values() for rows in groups]
    found = Counter(caption["meaning"] for row in rows for caption in row["captions"])
    assert found[PARAPHRASE] > found[IMPLIED] > 0


def test_not_right_is_never_said_for_not_left_of_the_same_two(made) -> None:
    """Turned round it is the same; of the same two it says something else."""
    for first, _ in made["relation+negation"]:
        claims = [claim_from_dict(json.loads(caption["claim"])) for caption in first["captions"]]
        for claim, positive in zip(claims[:2], claims[2:], strict=True):
            denied, again = _denied(claim), _denied(positive)
            turned = again.subject == denied.reference and again.reference == denied.subject
            assert again == denied or (turned and again.relation != denied.relation)


def _denied(claim: Claim) -> Related:
    while not isinstance(claim, Not):
        claim = claim.second
    return claim.claim


def test_the_first_edition_says_nothing_of_it(flat_renderer) -> None:
    world = make_world(Recipe("first", {}), Split())
    row = make_group(world, "test", "content", 0, 0, flat_renderer(96)).pictures[0].row
    assert all("meaning" not in caption for caption in row["captions"])
    assert all(caption.meaning == "" for caption in read_captions(row, "row"))


@pytest.mark.parametrize("edition", [1, 2])
def test_captions_of_an_edition_have_the_same_columns_everywhere(edition: int, flat_renderer) -> None:
    """Or HuggingFace refuses the dataset."""
    world = replace(make_world(Recipe("x", {}, edition=edition), Split()), holds_out=False)
    scene = make_scene(world, "test", 0, 0, flat_renderer(96)).pictures[0].row
    group = make_group(world, "test", "content", 0, 0, flat_renderer(96)).pictures[0].row
    assert scene["captions"][0].keys() == group["captions"][0].keys()
    assert np.array_equal(list(scene), list(group))
