"""English from claims: any claim in any template is one clean phrase, and both polarities say it alike."""

import re
from dataclasses import replace
from functools import partial
from itertools import pairwise
from string import Formatter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.english import with_article
from fourfold.generator.captions.order_templates import (
    FACING_OBJECT_PHRASES,
    FACING_PHRASES,
    ORDINAL_PHRASES,
    SUPERLATIVE_PHRASES,
)
from fourfold.generator.captions.phrases import (
    COMPARISON_PHRASES,
    HELD_OUT_PHRASES,
    HELD_OUT_TEMPLATES,
    NUMBERS,
    REGION_PHRASES,
    RELATION_PHRASES,
    TEMPLATES,
)
from fourfold.generator.captions.wording import (
    HOLD_OUTS,
    SYNONYMS,
    Language,
    Wording,
    articled,
    form,
    noun_phrase,
    sample_wordings,
    word,
    wordings_named,
)
from fourfold.scenes.assets.custom import CustomKind, known
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import (
    REGIONS,
    Absent,
    Both,
    Compared,
    Counted,
    Exists,
    Located,
    Not,
    Related,
)
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.facing_claims import (
    Facing,
    FacingObject,
)
from fourfold.scenes.truth.number_claims import AsManyAs, AtLeast, MoreThan
from fourfold.scenes.truth.order_claims import (
    Between,
    Ranked,
)
from fourfold.scenes.truth.relations import COMPARISONS, RELATIONS
from fourfold.scenes.truth.set_claims import (
    EXCLUSIONS,
    QUANTIFIERS,
    Exclusive,
    FitsBoth,
    NotBoth,
    NothingBut,
    OneOf,
    Quantified,
)

VALUES = {"shape": list(KINDS)} | {name: list(table) for name, table in TABLES.items()}
NEGATIONS = {"no", "not", "without", "neither", "nor", "none"}
# Words that carry a caption whatever it says: the two polarities of a template must share them.
FRAMES = {"photo", "picture", "image", "scene", "there", "seen", "in", "contains", "contain"}
# Spelled with a vowel and spoken with a consonant, and the other way round.
SPOKEN_OTHERWISE = ("uni", "use", "uti", "uku", "one", "hourglass", "heirloom")


def one_of(name: str) -> st.SearchStrategy:
    return st.none() | st.sampled_from(VALUES[name])


excluded = st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))
descriptions = st.builds(Description, **{name: one_of(name) for name in VALUES}, excluded=st.none() | excluded)
simple = st.builds(Exists, descriptions) | st.builds(Absent, descriptions)
exists = st.builds(Exists, descriptions)
absent = st.builds(Absent, descriptions)
denied = st.builds(lambda said, denial: replace(said, excluded=denial), descriptions, excluded)
fits_both = st.builds(FitsBoth, denied, denied)
valued = st.builds(
    lambda said, color, name: name(replace(said, color=color)),
    descriptions,
    st.sampled_from(VALUES["color"]),
    st.sampled_from(
        [
            *(partial(Quantified, attribute="color", quantifier=name) for name in QUANTIFIERS),
            *(partial(Exclusive, attribute="color", exclusion=name) for name in EXCLUSIONS),
        ]
    ),
)
at_least = st.builds(AtLeast, descriptions, st.integers(1, 8))
related = st.builds(Related, descriptions, st.sampled_from(list(RELATIONS)), descriptions)
unrelated = st.builds(lambda claim: Both(claim, Not(claim)), related)
claims = (
    simple
    | st.builds(Both, st.builds(Exists, descriptions), simple)
    | st.builds(Both, absent, absent)
    | related
    | unrelated
    | st.builds(Both, related, unrelated)
    | st.builds(Both, unrelated, unrelated)
    | st.builds(Located, descriptions, st.sampled_from(list(REGIONS)))
    | st.builds(Counted, descriptions, st.integers(0, 8))
    | at_least
    | st.builds(Not, at_least)
    | st.builds(MoreThan, descriptions, descriptions)
    | st.builds(AsManyAs, descriptions, descriptions)
    | st.builds(Both, exists, st.builds(Both, exists, exists))
    | st.builds(Compared, descriptions, descriptions, st.sampled_from(list(COMPARISONS)))
    | valued
    | st.builds(NothingBut, descriptions)
    | st.builds(OneOf, descriptions, descriptions)
    | st.builds(NotBoth, descriptions, descriptions)
    | fits_both
    | st.builds(Not, absent | fits_both)
    | st.builds(Between, descriptions, descriptions, descriptions)
    | st.builds(Ranked, descriptions, st.sampled_from(list(SUPERLATIVE_PHRASES)))
    | st.builds(Ranked, descriptions, st.sampled_from(list(ORDINAL_PHRASES)), st.just(2))
    | st.builds(Facing, descriptions, st.sampled_from(list(FACING_PHRASES)))
    | st.builds(FacingObject, descriptions, st.sampled_from(list(FACING_OBJECT_PHRASES)), descriptions)
)
wordings = st.builds(Wording, st.integers(0, 50), st.integers(0, 50), st.integers(0, 6))


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
    for synonym in range(len(KINDS[kind].synonyms) + 1):
        check(with_article(noun_phrase(Description(kind), synonym=synonym)))
        for wording in (Wording(0, 0, synonym), Wording(6, 0, synonym)):
            check(word(Exists(Description(kind)), wording))
            check(word(Counted(Description(kind), 2), wording))
    called = {noun_phrase(Description(kind), synonym=synonym) for synonym in range(5)}
    assert called == {kind, *KINDS[kind].synonyms}
    assert noun_phrase(Description(kind), plural=True) == KINDS[kind].plural


@pytest.mark.parametrize("kind", KINDS)
def test_the_articles_of_our_kinds_are_those_of_their_sound(kind):
    """So that what gives a kind its own article and what goes by sound say the same of them."""
    assert articled(Description(kind)) == with_article(kind) == f"{KINDS[kind].article} {kind}"


# What each wording has to say, and how nothing else may: its pattern fits it, and no other wording of the table.
MEANING = {
    "left": r"\bleft\b",
    "right": r"\bright\b(?! beside)",
    "above": r"^(above|over|higher .*than|higher than)$",
    "below": r"^(below|under|lower .*than|lower than)$",
    "front": r"^(in front of|closer .*|nearer .*)$",
    "behind": r"^(behind|further .*|farther .*)$",
    "on": r"^(on top of|on|(resting|standing) on)$",
    "under": r"^(directly under|underneath|supporting|carrying)$",
    "inside": r"^(inside|in|within|in the inside of)$",
    "holding": r"^(holding|containing|around|enclosing)$",
    "beside": r"^(next to|(right )?beside|close to)$",
    "near": r"^(near|not far from|in the vicinity of|a short way from)$",
    "touching": r"^(touching|in contact with|(pressed|up) against)$",
}
MEANING_OF_REGIONS = {
    "left": r"\bleft\b",
    "right": r"\bright\b",
    "top": r"\b(top|upper|above)\b",
    "bottom": r"\b(bottom|lower|below)\b",
}
MEANING_OF_COMPARISONS = {
    "larger": r"^(larger|bigger|of a larger size|larger in size) than$",
    "smaller": r"^(smaller|of a smaller size|smaller in size|lesser in size) than$",
    "taller": r"^(taller|of greater height|greater in height|larger in height) than$",
    "shorter": r"^(shorter|of smaller height|smaller in height|less tall) than$",
    "nearer": r"^(nearer|closer) (to the (camera|viewer) )?than$",
    "farther": r"^(farther|further|more distant) .*than$|^more distant than$",
}


@pytest.mark.parametrize(
    ("table", "meaning"),
    [
        (RELATION_PHRASES, MEANING),
        (REGION_PHRASES, MEANING_OF_REGIONS),
        (COMPARISON_PHRASES, MEANING_OF_COMPARISONS),
    ],
    ids=["relations", "regions", "comparisons"],
)
def test_every_wording_says_what_it_stands_for_and_nothing_else(table, meaning):
    assert set(table) == set(meaning)
    for name, phrases in table.items():
        assert len(set(phrases)) == len(phrases) == 4
        for phrase in phrases:
            assert [other for other in meaning if re.search(meaning[other], phrase)] == [name], phrase


def test_number_words_count_up():
    assert NUMBERS == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


@pytest.mark.parametrize(("number", "said"), [(0, "are zero cubes"), (1, "is one cube"), (2, "are two cubes")])
def test_number_noun_and_verb_agree(number, said):
    assert word(Counted(Description("cube"), number), Wording(5, 0)) == f"there {said}"


def test_a_denial_denies_all_that_it_names():
    """Of two absent things each is denied, of one present and one absent the second alone."""
    a, b = Description("cube"), Description("star")
    for template in range(8):
        both = word(Both(Absent(a), Absent(b)), Wording(template, 0))
        assert re.search(r"neither .*cube nor .*star|(no|without a) cube and (no|without a) star", both), both
        one = word(Both(Exists(a), Absent(b)), Wording(template, 0))
        assert re.search(r"\ba cube\b.*\b(no|not a|without a) star\b", one), one
        assert not re.search(r"\b(no|not|without|neither)\b.*cube", one), one


OWN = [
    # Said with a y and written with a u; and one that leaves its article to its sound.
    CustomKind("uakari", "uakaris", "a", ("ape",), (0.0, 360.0), "", ""),
    CustomKind("unicycle", "unicycles", "", (), (0.0, 360.0), "", ""),
]


@pytest.mark.parametrize(
    ("description", "synonym", "said"),
    [
        (Description("uakari"), 0, "a uakari"),
        (Description("uakari"), 1, "an ape"),
        (Description("uakari", "orange"), 0, "an orange uakari"),
        (Description("unicycle"), 0, "a unicycle"),
        (Description(color="red", excluded=("shape", "uakari")), 0, "a red object that is not a uakari"),
        (Description(color="red", excluded=("shape", "uakari")), 1, "a red object that is not an ape"),
        (Description(color="red", excluded=("shape", "unicycle")), 0, "a red object that is not a unicycle"),
    ],
)
def test_users_kinds_have_their_own_article_wherever_they_are_named(description, synonym, said):
    with known(OWN):
        assert articled(description, synonym) == said
        assert word(Exists(description), Wording(0, 0, synonym)) == said


@given(claims, wordings)
def test_the_name_of_a_wording_finds_its_text_again(claim, wording):
    assert word(claim, wording) in {word(claim, each) for each in wordings_named(wording.name)}


@pytest.mark.parametrize("name", ["", "natural", "1", "1.", "1.2x", "-1.2", "1.2s.3"])
def test_what_is_no_name_of_a_wording_has_none(name):
    assert wordings_named(name) == []


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
    parts = [{part.removeprefix("bare_") for _, part, _, _ in Formatter().parse(row) if part} for row in rows]
    assert len({frozenset(row - {"are"}) for row in parts}) == 1  # nothing left unsaid


NEGATIVE = ("absent", "unrelated", "not-all", "none", "not-only-kind", "one-of", "not-both", "fits-both")


def polarities() -> list[tuple[str, str]]:
    """Forms that differ in polarity alone: "exists+exists" and "exists+absent", and every other such pair."""
    return [(name, other) for name in TEMPLATES for other in TEMPLATES if name < other and plain(name) == plain(other)]


def plain(name: str) -> list[str]:
    return [{"absent": "exists", "unrelated": "related"}.get(part, part) for part in name.split("+")]


@pytest.mark.parametrize(("first", "second"), polarities())
def test_both_polarities_are_framed_alike(first, second):
    assert len(TEMPLATES[first]) == len(TEMPLATES[second])
    for row, twin in zip(TEMPLATES[first], TEMPLATES[second], strict=True):
        frames = [
            {word.rstrip("s") for word in re.findall(r"\w+", re.sub(r"\{\w+\}", "", text)) if word in FRAMES}
            for text in (row, twin)
        ]
        # "can be seen" and the like stay; "in it" may go where "but not" takes its place.
        assert frames[0] - {"in"} == frames[1] - {"in"}, (row, twin)


@pytest.mark.parametrize("name", TEMPLATES)
def test_negation_words_are_where_something_is_denied(name):
    for row in TEMPLATES[name]:
        found = bool(NEGATIONS & set(re.sub(r"\{\w+\}", "", row).split()))
        assert found == any(part in NEGATIVE for part in name.split("+")), row


def test_pairs_of_polarities_are_found():
    assert ("absent", "exists") in polarities()
    assert ("exists+absent", "exists+exists") in polarities()
    assert ("related", "unrelated") in polarities()


@pytest.mark.parametrize(
    "claim", [Not(Exists(Description("cube"))), Both(Not(Exists(Description())), Exists(Description()))]
)
def test_a_claim_without_english_is_refused(claim):
    with pytest.raises(ValueError, match="no template"):
        form(claim)


@pytest.mark.parametrize("templates", HOLD_OUTS)
@pytest.mark.parametrize("phrases", HOLD_OUTS)
def test_a_split_draws_every_wording_that_is_its_own_and_no_other(templates, phrases):
    rng = np.random.default_rng(0)
    pairs = [sample_wordings(rng, Language(templates, phrases)) for _ in range(500)]
    assert all(first.template != second.template for first, second in pairs)
    for rows, n_held_out, which, name in (
        *((rows, HELD_OUT_TEMPLATES, templates, "template") for rows in TEMPLATES.values()),
        *((rows, HELD_OUT_PHRASES, phrases, "phrase") for rows in RELATION_PHRASES.values()),
    ):
        drawn = {getattr(wording, name) % len(rows) for pair in pairs for wording in pair}
        kept = len(rows) - n_held_out
        assert drawn == (set(range(kept, len(rows))) if which == "held-out" else set(range(kept)))


@pytest.mark.parametrize("synonyms", SYNONYMS)
def test_synonyms_are_where_the_split_wants_them(synonyms):
    rng = np.random.default_rng(0)
    pairs = [sample_wordings(rng, Language(synonyms=synonyms)) for _ in range(200)]
    captions, positives = ({bool(pair[k].synonym) for pair in pairs} for k in (0, 1))
    assert captions == {synonyms == "always"}
    assert positives == {"never": {False}, "always": {True}, "hard-positives": {True, False}}[synonyms]
