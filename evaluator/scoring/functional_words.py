"""Functional words, found in a tokenised caption by token span: all tokens of every occurrence, whatever the case."""

from collections.abc import Sequence
from functools import lru_cache
from string import punctuation

import numpy as np
import torch

from fourfold.evaluator.encoders.features import TextFeatures

# One row a meaning; spellings of one meaning share it. The paper's eleven first, in its order.
FUNCTIONAL_WORDS: tuple[tuple[str, ...], ...] = (
    ("above", "over", "atop"),
    ("below", "under", "underneath", "beneath"),
    ("left", "leftmost"),
    ("right", "rightmost"),
    ("small", "little", "tiny"),
    ("big", "large", "huge"),
    ("not", "n't", "'t", "isn't", "aren't", "doesn't", "don't", "nor", "never"),
    ("no", "none", "nothing", "nobody"),
    ("without", "lacks", "lacking", "missing"),
    ("but", "except", "although", "though"),
    ("absent", "gone"),
    ("neither",),
    ("front", "before"),
    ("behind", "back"),
    ("in", "inside", "within"),
    ("on", "onto"),
    ("top", "upper"),
    ("bottom", "lower"),
    ("near", "beside", "next", "close", "closer", "nearer", "nearest"),
    ("far", "farther", "further", "away", "farthest"),
    ("middle", "center", "centre", "between"),
    ("and", "with", "together"),
    ("or", "either"),
    ("there", "is", "are", "has", "have"),
    ("bigger", "larger", "largest", "biggest"),
    ("smaller", "smallest"),
    ("taller", "higher", "tallest"),
    ("shorter", "shortest"),
    ("than", "as"),
    ("more", "many", "several", "most"),
    ("fewer", "few", "less"),
    ("one", "single", "1"),
    ("two", "both", "pair", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("all", "every", "each"),
    ("only", "exactly", "just"),
)


def find_words(token_strings: Sequence[str], rows: dict[str, int]) -> list[int]:
    """For each token the row of the functional word it is a part of, 0 where it is of none: [t].

    A word is the run of token strings up to the one that ends in "</w>" ("beh", "ind</w>"), lower-cased, punctuation at
    its ends dropped unless the word is listed with it.
    """
    found = [0] * len(token_strings)
    start = 0
    for at, piece in enumerate(token_strings):
        if piece == "":
            start = at + 1
        elif piece.endswith("</w>") or at + 1 == len(token_strings) or token_strings[at + 1] == "":
            word = "".join(token_strings[start : at + 1]).removesuffix("</w>").lower()
            row = rows.get(word) or rows.get(word.strip(punctuation), 0)
            found[start : at + 1] = [row] * (at + 1 - start)
            start = at + 1
    return found


def word_rows(words: Sequence[Sequence[str]]) -> dict[str, int]:
    """Spelling -> row; row 0 is kept for tokens that are no functional word."""
    return {spelling: row for row, spellings in enumerate(words, start=1) for spelling in spellings}


class WordFinder:
    """`find_words` over text features; remembers captions it has seen, because scorers meet each one many times."""

    def __init__(self, words: Sequence[Sequence[str]]):
        rows = word_rows(words)
        self._find = lru_cache(maxsize=100_000)(lambda token_strings: find_words(token_strings, rows))

    def __call__(self, texts: TextFeatures) -> torch.Tensor:
        """Rows of the functional words: [..., t] int64."""
        _, _, token_strings = texts.dense()
        strings = token_strings.reshape(-1, token_strings.shape[-1])
        spelled = np.flatnonzero((strings != "").any(0))
        end = int(spelled[-1]) + 1 if len(spelled) else 0  # no caption of these spells anything behind it
        found = np.zeros(strings.shape, dtype=np.int64)
        for row, line in enumerate(strings[:, :end].tolist()):
            found[row, :end] = self._find(tuple(line))
        return torch.from_numpy(found).reshape(token_strings.shape)
