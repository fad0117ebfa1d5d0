"""`BlindItem`, a question without its picture, and what can be read off the words of its options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[\w']+")
# Function words, and the few nouns and verbs that captions are built around; everything else fills a slot.
_KEPT_IN_TEMPLATE = frozenset(
    word
    for line in (
        "a an the this that there it its is are was has have and or but",
        "no not none without neither nor never nothing only any some both either",
        "of in on at to by with from for as than while which who whose",
        "left right above below under over behind front top bottom next near inside",
        "more fewer less larger smaller taller same image photo picture scene",
        "shows show features feature includes include contains contain does do",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class BlindItem:
    """What a solver may see of an item (options, template), and what it is judged by (truth)."""

    id: str
    cluster: str  # items of one cluster are never split between training and testing
    options: tuple[str, ...]
    truth: tuple[int, ...]  # indices of the true options
    category: str
    template: str | None = None  # which wording made the options, where it is known
    tags: Mapping[str, str | int | float | bool] = field(default_factory=dict)


def words(option: str) -> list[str]:
    """The words of an option in lower case; punctuation is left out."""
    return _WORD.findall(option.lower())


def same_multiset(item: BlindItem) -> bool:
    """Whether all options are made of the same words equally often, so that no bag of words can tell them apart."""
    return len({tuple(sorted(words(option))) for option in item.options}) == 1


@lru_cache(maxsize=256)  # both images of a group ask for the same options, one after the other
def skeleton(option: str) -> str:
    """The template of an option, guessed from its words: "a * and no *" for "a red cube and no ball".

    Articles, negations, prepositions and the other words that captions are built around stay; each run of other words
    becomes one star.
    """
    starred = " ".join(word if word in _KEPT_IN_TEMPLATE else "*" for word in words(option))
    return re.sub(r"\*( \*)+", "*", starred)


def ngrams(option: str, longest: int) -> list[str]:
    """The words of an option, and for `longest` 2 also all pairs of neighbouring words.

    In the pairs "^" stands before the first word and "$" after the last.
    """
    tokens = words(option)
    if longest == 1:
        return tokens
    bounded = ["^", *tokens, "$"]
    return tokens + [f"{one} {other}" for one, other in pairwise(bounded)]
