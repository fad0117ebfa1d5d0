"""English from claims: any claim in any template is one clean phrase, and both polarities say it alike."""

import re
from itertools import pairwise
from string import Formatter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.wording import TEMPLATES, Wording, form, noun_phrase, sample_wordings, with_article, word
from scenes.claims import REGIONS, Absent, Both, Compared, Counted, Description, Exists, Located, Not, Related
from scenes.relations import RELATIONS
from scenes.shapes import KINDS
from scenes.vocabulary import TABLES

VALUES = {"shape": list(KINDS)} | {name: list(table) for name, table in TABLES.items()}
NEGATIONS = {"no", "not", "without", "neither", "nor"}
# Words that carry a caption whatever it says: the two polarities of a template must share them.
FRAMES = {"photo", "picture", "image", "scene", "there", "seen", "in", "contains", "contain"}
# Spelled with a vowel and spoken with a consonant, and the other way round.
SPOKEN_OTHERWISE = ("uni", "use", "uti", "one", "hourglass", "heirloom")


def one_of(name: str) -> st.SearchStrategy:
    return st.none() | st.sampled_from(VALUES[name])


excluded = st.sampled_from(list(TABLES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))
descriptions = st.builds(Description, **{name: one_of(name) for name in VALUES}, excluded=st.none() | excluded)
simple = st.builds(Exists, descriptions) | st.builds(Absent, descriptions)
absent = st.builds(Absent, descriptions)
claims = (
    simple
    | st.builds(Both, st.builds(Exists, descriptions), simple)
    | st.builds(Both, absent, absent)
    | st.builds(Related, descriptions, st.sampled_from(list(RELATIONS)), descriptions)
    | st.builds(Located, descriptions, st.sampled_from(list(REGIONS)))
    | st.builds(Counted, descriptions, st.integers(0, 8))
    | st.builds(Compared, descriptions, descriptions)
)
wordings = st.builds(Wording, st.integers(0, 50), st.integers(0, 50))


def wants_an(following: str) -> bool:
    return (following[0] in "aeiou") != following.startswith(SPOKEN_OTHERWISE)


def check(text: str) -> None:
    """One clean phrase: single spaces, no braces, no article that its noun does not want."""
    assert text == " ".join(text.split())
    assert not re.search(r"[{}]|None|\(|\)|,\s*$", text)
    words = text.split()
    for article, following in pairwise(words):
        if article in ("a", "an"):
            assert article == ("an" if wants_an(following) else "a"), text
    for first, second in pairwise(words):
        assert first != second, text  # "a a", "no no"
    assert not re.search(r"\b(a|an|no) (a|an|no)\b", text)


@given(claims, wordings)
def test_any_claim_is_one_clean_phrase(claim, wording):
    check(word(claim, wording))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_article_and_plural(kind):
    check(with_article(noun_phrase(Description(kind))))
    check(word(Counted(Description(kind), 2), Wording(0, 0)))
    assert noun_phrase(Description(kind), plural=True).endswith(KINDS[kind].plural)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("orange umbrella", "an orange umbrella"),
        ("umbrella", "an umbrella"),
        ("unicorn", "a unicorn"),
        ("hourglass", "an hourglass"),
        ("house", "a house"),
        ("arrow", "an arrow"),
        ("red arrow", "a red arrow"),
    ],
)
def test_articles_follow_the_sound(phrase, expected):
    assert with_article(phrase) == expected


@given(descriptions, st.booleans())
def test_a_noun_phrase_says_every_word_of_its_description_once(description, plural):
    text = noun_phrase(description, plural=plural)
    for name in ("color", "material", "pattern"):
        value = getattr(description, name)
        others = [description.excluded[1]] if description.excluded else []
        if value and value not in others:
            assert len(re.findall(rf"\b{value}\b", text)) == 1
    noun = KINDS[description.shape] if description.shape else None
    assert (noun.plural if plural else noun.name) in text if noun else "object" in text
    assert ("not" in text.split()) == (description.excluded is not None)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_different_and_take_known_parts(name):
    rows = TEMPLATES[name]
    assert len(set(rows)) == len(rows) >= 5
    known = {"a", "b", "bare_a", "bare_b", "relation", "region", "number", "plural_a", "plural_b"}
    parts = [{part for _, part, _, _ in Formatter().parse(row) if part} for row in rows]
    assert set().union(*parts) <= known
    assert len({frozenset(part.removeprefix("bare_") for part in row) for row in parts}) == 1  # nothing left unsaid


def polarities() -> list[tuple[str, str]]:
    """Forms that differ in polarity alone: "exists+exists" and "exists+absent", and every other such pair."""
    names = [name for name in TEMPLATES if "absent" in name or "exists" in name]
    return [(name, other) for name in names for other in names if name < other and parts(name) == parts(other)]


def parts(name: str) -> list[str]:
    return [part.replace("absent", "exists") for part in name.split("+")]


@pytest.mark.parametrize(("first", "second"), polarities())
def test_both_polarities_are_framed_alike(first, second):
    assert len(TEMPLATES[first]) == len(TEMPLATES[second])
    for row, twin in zip(TEMPLATES[first], TEMPLATES[second], strict=True):
        frames = [
            {word.rstrip("s") for word in re.sub(r"\{\w+\}", "", text).split() if word in FRAMES}
            for text in (row, twin)
        ]
        # "can be seen" and the like stay; "in it" may go where "but not" takes its place.
        assert frames[0] - {"in"} == frames[1] - {"in"}, (row, twin)


@pytest.mark.parametrize("name", TEMPLATES)
def test_negation_words_are_where_something_is_absent(name):
    for row in TEMPLATES[name]:
        found = bool(NEGATIONS & set(re.sub(r"\{\w+\}", "", row).split()))
        assert found == ("absent" in name or "not" in name), row


def test_pairs_of_polarities_are_found():
    assert ("absent", "exists") in polarities()
    assert ("exists+absent", "exists+exists") in polarities()


@pytest.mark.parametrize(
    "claim", [Not(Exists(Description("cube"))), Both(Not(Exists(Description())), Exists(Description()))]
)
def test_a_claim_without_english_is_refused(claim):
    with pytest.raises(ValueError, match="no template"):
        form(claim)


def test_two_wordings_differ_and_every_template_is_drawn():
    rng = np.random.default_rng(0)
    pairs = [sample_wordings(rng) for _ in range(500)]
    assert all(first.template != second.template for first, second in pairs)
    for name, rows in TEMPLATES.items():
        assert {first.template % len(rows) for first, _ in pairs} == set(range(len(rows))), name
