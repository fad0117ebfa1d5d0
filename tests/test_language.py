"""Reads what all categories say, over 10,000 captions, with a grammar that knows nothing of how they were made."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fourfold.english import regular_plural
from fourfold.generator.captions.phrases import (
    COMPARISON_PHRASES,
    HELD_OUT_PHRASES,
    HELD_OUT_TEMPLATES,
    REGION_PHRASES,
    RELATION_PHRASES,
    TEMPLATES,
)
from fourfold.generator.captions.wording import (
    HOLD_OUTS,
    SYNONYMS,
    Language,
    Wording,
    form,
    sample_wordings,
    word,
)
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.categories.world import Draft, make_world
from fourfold.generator.recipe.reading import Recipe, SceneRange, Split
from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS

DRAFTS = 56  # of each category; each is worded in several ways
WORDINGS = 6
RECIPE = Recipe("all", {"test": Split()}, scene=SceneRange((2, 3), tuple(ARRANGEMENTS)))

SIZES = ("small", "medium-sized", "large")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "zero")
MANY = ("more", "fewer", "many", "as", "than", "of", "and")  # before what is in the plural and has no article
SINGULAR = {name for kind in KINDS.values() for name in (kind.name, *kind.synonyms)} | {"object"}
PLURAL = {kind.plural for kind in KINDS.values()} | {regular_plural(s) for k in KINDS.values() for s in k.synonyms}
PLURAL |= {"objects"}
# Everything else that a caption may be made of, written down by hand.
CLOSED_CLASS = {
    word
    for line in (
        "not neither nor and but also without with of in on at to than that which is are there it",
        "scene contains contain shows does can be seen sight exactly the camera viewer centre",
        "left right above over below under higher lower up down front behind closer nearer further farther back from",
        "top resting standing directly underneath supporting carrying hand side half upper part bottom",
        "inside within holding containing around enclosing next beside close",
        "near far vicinity up against pressed touching contact",
        "least less more fewer as many same",
        "larger bigger smaller size taller shorter height greater lesser less tall away more distant",
        "all every one none some least only nothing everything except for apart exception else alone them",
        "either or both two true have be show",
        "between middle space this here as furthest farthest nearest closest largest smallest greatest second counting",
        "facing turned towards face its",
    )
    for word in line.split()
}
FRAME = re.compile(
    r"\b(?:a photo|a picture|an image|a (?:larger|smaller) size|(?:a greater|an equal|the same) number|a short way"
    r"|(?:two|three|four|five|six|seven) or)\b"
)
RANKS = (
    *("leftmost", "rightmost", "topmost", "uppermost", "highest", "bottommost", "lowermost", "lowest"),
    *("nearest", "closest", "farthest", "most distant", "largest", "biggest", "smallest", "tiniest"),
    *("tallest", "least tall", "shortest", "first", "second"),
)
VOWEL_SPELLED_CONSONANT = re.compile(r"uni(?!n|m)|us[ei]|ut[ei]|uk|eu|ewe|one\b|once\b")  # "a unicorn"
CONSONANT_SPELLED_VOWEL = re.compile(r"hour|heir|honest|honou?r")  # "an hourglass"


def any_of(words: set[str] | tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


LOOK = "".join(
    f"(?:(?:{any_of(tuple(words))}) )?"
    for words in (SIZES, tuple(TABLES["pattern"]), tuple(TABLES["color"]), tuple(TABLES["material"]))
)
LOOKS = (*SIZES, *TABLES["pattern"], *TABLES["color"], *TABLES["material"])
NOUN_PHRASE = re.compile(
    rf"\b(?P<determiner>an?|no|{any_of(NUMBERS + MANY)}) {LOOK}(?P<noun>{any_of(SINGULAR | PLURAL)})"
    rf"(?: that (?P<verb>is|are) not (?:{any_of(LOOKS)}|an? (?P<other>{any_of(SINGULAR)})))?(?![\w-])"
)
# Captions about sets name kinds with "the", and in the plural without an article; others must not.
ABOUT_SETS = re.compile(r"\b(all|every|none|not one|some|at least one|only|nothing|everything|exception|alone)\b")
OF_A_SET = re.compile(
    r"\b(?P<part>one of )?(?P<excepted>(?:except|but) )?(?P<determiner>the (?:only )?|every )?"
    rf"{LOOK}(?P<noun>{any_of(SINGULAR | PLURAL)})(?: alone)?(?: (?P<verb>is|are)\b)?"
    rf"(?: (?:not )?(?:all )?(?:{any_of(LOOKS)})\b(?! objects?))?(?![\w-])"
)
PREDICATE = re.compile(rf"\b(is|are|neither|nor|them) (?:{any_of(LOOKS)})\b")
# "the second object from the left is red", "the leftmost object is a cube": its look, or a noun phrase read apart.
RANKED = re.compile(
    rf"\bthe (?:(?:{any_of(RANKS)}) )*object (?P<where>[a-z -]*?)is "
    rf"(?:(?:{any_of(LOOKS)})$|(?=an? {LOOK}(?:{any_of(SINGULAR)})$))"
)


def defects(text: str) -> list[str]:
    """What is wrong with a caption, in a few words each; nothing for a good one."""
    found = []
    if text != " ".join(text.split()) or not text:
        found.append("spaces")
    if re.search(r"[^a-z ,-]|,$|^,|,(?! )| ,", text):
        found.append("stray sign or capital")
    words = text.replace(",", "").split()
    found += [f"{a} twice" for a, b in pairwise(words) if a == b]
    found += [f"{a} {b}" for a, b in pairwise(words) if a in ("a", "an") and a != ("an" if vowel_sound(b) else "a")]
    phrases = list(NOUN_PHRASE.finditer(text))
    found += [f"number of {match[0]!r}" for match in phrases if not agrees(match, text)]
    ranked = RANKED.search(text)
    rest = NOUN_PHRASE.sub(" ", RANKED.sub(r" \g<where> ", text))
    if ABOUT_SETS.search(text) and not ranked:
        sets = list(OF_A_SET.finditer(rest))
        found += [f"number of {match[0]!r}" for match in sets if not agrees_in_a_set(match)]
        phrases += sets
        rest = OF_A_SET.sub(" ", rest)
    found += [] if phrases or ranked else ["no noun phrase"]
    nouns = Counter(
        # More red mugs than blue mugs: what is compared in number may be of one kind.
        match[0].removeprefix(match["determiner"]) if match["determiner"] in MANY and noun == match["noun"] else noun
        for match in phrases
        for noun in (match["noun"], match.groupdict().get("other"))
        if noun not in (None, "object", "objects")
    )
    found += [f"{noun} twice" for noun, times in nouns.items() if times > 1]
    rest = PREDICATE.sub(" ", FRAME.sub(" ", rest)).replace("-", " ").replace(",", "")
    return found + [f"unknown {word!r}" for word in rest.split() if word not in CLOSED_CLASS]


def vowel_sound(word: str) -> bool:
    if CONSONANT_SPELLED_VOWEL.match(word):
        return True
    return word[0] in "aeiou" and not VOWEL_SPELLED_CONSONANT.match(word)


def agrees(match: re.Match[str], text: str) -> bool:
    """Determiner, noun and verb of a noun phrase are all singular or all plural."""
    many = match["determiner"] in NUMBERS[1:] + MANY
    nouns = PLURAL if many else SINGULAR
    verbs = {match["verb"], *re.findall(rf"there (is|are) {re.escape(match[0])}", text)} - {None}
    return match["noun"] in nouns and verbs <= {"are" if many else "is"}


def agrees_in_a_set(match: re.Match[str]) -> bool:
    """ "The cube is", "the cubes are", "one of the cubes is", "every object is", "cubes are": and no others."""
    one, many = match["noun"] in SINGULAR, match["noun"] in PLURAL
    determiner = (match["determiner"] or "").strip()
    fits = one if determiner == "every" else many if not determiner or match["part"] else True
    if match["verb"] is None or match["excepted"]:  # "all the objects except the cube are red"
        return fits
    return fits and (match["verb"] == "is" if match["part"] or not many else True if one else match["verb"] == "are")


@pytest.fixture(scope="module")
def drafts() -> dict[str, list[Draft]]:
    world = make_world(RECIPE, RECIPE.splits["test"])
    rng = np.random.default_rng(8)
    made = {name: [category.sample(world, rng) for _ in range(DRAFTS)] for name, category in CATEGORIES.items()}
    return {name: [draft for draft in rows if draft is not None] for name, rows in made.items()}


def captions(draft: Draft, wordings: tuple[Wording, Wording]) -> list[str]:
    return [word(claim, wordings[k // 2]) for k, claim in enumerate(draft.claims + draft.hard_positives)]


def test_ten_thousand_captions_have_no_defect(drafts):
    rng = np.random.default_rng(2)
    languages = [Language(t, p, s) for t in HOLD_OUTS for p in HOLD_OUTS for s in SYNONYMS]
    read, bad, different = 0, {}, set()
    for category, rows in drafts.items():
        assert len(rows) >= 0.75 * DRAFTS, f"{category}: {DRAFTS - len(rows)} of {DRAFTS} drafts found no places"
        for draft in rows:
            for _ in range(WORDINGS):
                language = languages[int(rng.integers(len(languages)))]
                for text in captions(draft, sample_wordings(rng, language)):
                    read += 1
                    different.add(text)
                    if found := defects(text):
                        bad[text] = (category, found)
    assert not bad, f"{len(bad)} of {read}: {dict(list(bad.items())[:8])}"
    assert read >= 10_000
    assert len(different) >= read / 2  # it is not one caption ten thousand times


@pytest.mark.parametrize(
    "text",
    [
        "a  cube",
        "a cube ",
        "",
        "a umbrella",
        "an cube",
        "an orange cube and a arrow",
        "a hourglass",
        "an unicorn",
        "{a} and a cube",
        "a cube and {bare_b}",
        "None",
        "a cube and and a sphere",
        "a cube left of a cube",
        "two mug",
        "one mugs",
        "a mugs",
        "there is two mugs",
        "there are one mug",
        "two cubes that is not red",
        "a red large cube",
        "a cube and a",
        "no a cube",
        "a cubes left of a sphere",
        "A cube",
        "a cube.",
        "a cube ,but not left of a sphere",
        "a cube that is not cone",
        "a photo of",
        "a frobnicator",
        "all the cube are red",
        "all the cubes is red",
        "not one of the cubes are red",
        "only cube are red",
        "only the cube are red",
        "every objects except the cube is red",
        "all cubes the are reddish",
        "cubes left of a sphere",
    ],
)
def test_the_reader_finds_planted_defects(text):
    assert defects(text)


@pytest.mark.parametrize(
    "text",
    [
        "an orange umbrella and no hourglass",
        "there are two mugs",
        "there is one mug",
        "five open books can be seen",
        "a red object that is not a cube",
        "a large striped red metal cube",
        "two cubes that are not medium-sized",
        "a table lamp on a table",
        "a cube can be seen, but not to the left of a fir tree",
        "not all the fish are red",
        "a photo in which not one of the open books is checkered",
        "every object except the cube is red",
        "a cube that is neither red nor blue",
    ],
)
def test_the_reader_lets_good_english_pass(text):
    assert not defects(text)


def test_each_form_has_templates_enough_for_everyday_and_to_hold_out():
    """Tables of one length, for the last rows of the shortest would be ordinary ones of a longer."""
    (templates,) = {len(rows) for rows in TEMPLATES.values()}
    (phrases,) = {
        len(rows) for table in (RELATION_PHRASES, REGION_PHRASES, COMPARISON_PHRASES) for rows in table.values()
    }
    assert templates - HELD_OUT_TEMPLATES >= 6
    assert phrases - HELD_OUT_PHRASES >= 3


def test_every_form_is_said_by_some_category(drafts):
    said = {form(claim) for rows in drafts.values() for draft in rows for claim in draft.claims}
    assert said == set(TEMPLATES)


def test_held_out_words_are_in_no_ordinary_caption(drafts):
    """The same drafts in both languages: no frame, relation or synonym of the one in the other."""
    rng = np.random.default_rng(4)
    ordinary, held_out = Language(synonyms="never"), Language("held-out", "held-out", "always")
    frames: dict[Language, set[str]] = {}
    synonyms = {synonym for kind in KINDS.values() for synonym in kind.synonyms}
    for language in (ordinary, held_out):
        texts = [
            text
            for rows in drafts.values()
            for draft in rows
            for text in captions(draft, sample_wordings(rng, language))
        ]
        frames[language] = {NOUN_PHRASE.sub("*", text) for text in texts}
        nouns = {match["noun"] for text in texts for match in NOUN_PHRASE.finditer(text)}
        assert bool(nouns & synonyms) == (language == held_out)
    assert not sorted(frames[ordinary] & frames[held_out])


def test_hard_positives_say_it_differently(drafts):
    rng = np.random.default_rng(5)
    for rows in drafts.values():
        for draft in rows:
            texts = captions(draft, sample_wordings(rng, Language()))
            assert len({*texts}) == 4, texts
