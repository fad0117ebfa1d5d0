"""Articles, plurals and the order of adjectives; captions and the geometry probe say the same."""

from itertools import product

import pytest

from fourfold.english import adjective, noun_phrase, regular_plural, with_article
from fourfold.evaluator.analysis.composites import part_phrases
from fourfold.generator.captions.wording import articled
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import Exists, claim_to_dict
from fourfold.scenes.truth.descriptions import Description

LOOKS = [dict(zip(TABLES, values, strict=True)) for values in product(*((None, *table) for table in TABLES.values()))]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("orange umbrella", "an orange umbrella"),
        ("umbrella", "an umbrella"),
        ("arrow", "an arrow"),
        ("red arrow", "a red arrow"),
        ("egg", "an egg"),
        ("igloo", "an igloo"),
        ("yacht", "a yacht"),
        ("unicorn", "a unicorn"),
        ("Unicorn", "a Unicorn"),
        ("used car", "a used car"),
        ("utility pole", "a utility pole"),
        ("ukulele", "a ukulele"),
        ("euphonium", "a euphonium"),
        ("ewer", "a ewer"),
        ("one-way sign", "a one-way sign"),
        ("onion", "an onion"),
        ("unintended mug", "an unintended mug"),
        ("unimportant mug", "an unimportant mug"),
        ("hourglass", "an hourglass"),
        ("heirloom", "an heirloom"),
        ("honest face", "an honest face"),
        ("honorary chair", "an honorary chair"),
        ("house", "a house"),
        ("honey pot", "a honey pot"),
    ],
)
def test_articles_follow_the_sound(phrase: str, expected: str) -> None:
    assert with_article(phrase) == expected


def test_an_article_of_its_own_goes_before_the_sound() -> None:
    assert with_article("uakari", own="a") == "a uakari"
    assert with_article("herb", own="an") == "an herb"
    assert with_article("herb", own="") == "a herb"


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("cube", "cubes"),
        ("bus", "buses"),
        ("box", "boxes"),
        ("quiz", "quizes"),  # a rule without doublings; kinds name such plurals themselves
        ("couch", "couches"),
        ("brush", "brushes"),
        ("bath", "baths"),
        ("bunny", "bunnies"),
        ("key", "keys"),
        ("toy", "toys"),
        ("plus sign", "plus signs"),
    ],
)
def test_regular_plurals(noun: str, plural: str) -> None:
    assert regular_plural(noun) == plural


def test_adjectives_stand_in_english_order_and_in_their_own_form() -> None:
    assert noun_phrase("cube", material="metal", color="red", pattern="striped", size="large") == (
        "large striped red metal cube"
    )
    assert noun_phrase("cube", size="medium", material="glossy") == "medium-sized glossy cube"
    assert noun_phrase("wine glass") == "wine glass"
    assert [adjective(value) for value in ("small", "medium", "large")] == ["small", "medium-sized", "large"]


@pytest.mark.parametrize("shape", [None, *KINDS])
def test_the_probe_names_an_object_as_captions_do(shape: str | None) -> None:
    for look in LOOKS:
        description = Description(shape=shape, **look)
        assert part_phrases(claim_to_dict(Exists(description))) == (articled(description),)


def test_the_probe_says_an_hourglass_and_medium_sized() -> None:
    assert part_phrases({"type": "Exists", "description": {"shape": "hourglass"}}) == ("an hourglass",)
    assert part_phrases({"type": "Exists", "description": {"shape": "hourglass", "size": "medium"}}) == (
        "a medium-sized hourglass",
    )


def test_the_probe_names_kinds_that_a_dataset_brought_along_by_their_sound() -> None:
    assert part_phrases({"type": "Exists", "description": {"shape": "obelisk"}}) == ("an obelisk",)
