"""A caption as literals: its noun phrases, each said to be there or not to be there. Rules, no parser, English only."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fourfold.evaluator.encoders.features import TextFeatures

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder

PHRASES_AT_ONCE = 1024  # text tokens come with the pooled embedding that is kept

DETERMINERS = {"a", "an", "the", "this", "that", "these", "those", "some", "any", "its", "it", "there"}
NEGATE_NEXT = {"no", "not", "without", "neither", "nor", "never", "lacks", "lacking", "n't", "except", "nothing"}
NEGATE_LAST = {"absent", "missing", "gone"}
CARRY_ON = {"or", ","}  # "without a cube or a cone": the negation goes on
# words that end a phrase and are in none
BREAKS = frozenset(
    """
    above over atop below under underneath beneath left right in on of to at by from with and but or front behind next
    near beside between inside top bottom middle center corner side is are was were be has have contains shows than as
    which who where while photo picture image scene here
    """.split()  # noqa: SIM905 (sixty quoted words are not clearer)
)


class Literal(NamedTuple):
    """One noun phrase of a caption."""

    phrase: str
    positive: bool


@lru_cache(maxsize=100_000)  # scorers meet each caption many times
def find_literals(caption: str) -> tuple[Literal, ...]:
    """The literals of a caption, in order.

    A phrase is a run of words that are neither determiners nor functional words. A word of negation before it, or
    "is absent" after it, makes it negative; "or" and commas carry a negation on to the next phrase.
    """
    literals: list[Literal] = []
    run: list[str] = []
    negated = False
    for word in [*re.findall(r"n't|[\w-]+?(?=n't)|[\w-]+|[,.;]", caption.lower()), "."]:
        if word in NEGATE_LAST and (run or literals):
            phrase = " ".join(run) if run else literals.pop().phrase
            literals.append(Literal(phrase, False))
            run = []
        elif word in BREAKS or word in NEGATE_NEXT or not word[0].isalnum():
            if run:
                literals.append(Literal(" ".join(run), not negated))
                negated, run = negated and word in CARRY_ON, []
            negated = negated or word in NEGATE_NEXT
        elif word not in DETERMINERS:
            run.append(word)
    return tuple(literals)


class PhraseBank:
    """Pooled embeddings of phrases, each encoded once, alone, with a prompt around it."""

    def __init__(self, encoder: "Encoder", prompt: str):
        self._encoder, self._prompt = encoder, prompt
        self._rows: dict[str, int] = {}
        self._embeddings = torch.zeros(0, encoder.embed_dim)

    def embed(self, phrases: Sequence[str]) -> torch.Tensor:
        """Unit vectors [n, d]."""
        new = sorted({phrase for phrase in phrases if phrase not in self._rows})
        if new:
            self._rows |= {phrase: len(self._rows) + at for at, phrase in enumerate(new)}
            prompts = [self._prompt.format(phrase) for phrase in new]
            parts = [prompts[at : at + PHRASES_AT_ONCE] for at in range(0, len(prompts), PHRASES_AT_ONCE)]
            encoded = [self._encoder.encode_texts(part).pooled for part in parts]
            self._embeddings = torch.cat([self._embeddings.to(encoded[0].device), *encoded])
        return self._embeddings[[self._rows[phrase] for phrase in phrases]]

    def literals(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The literals of texts [..., m]: "phrases" [..., m, c, d], "mask" and "positive" [..., m, c] bool."""
        found = [find_literals(str(text)) for text in texts.texts.ravel()]
        longest = max(1, *(len(literals) for literals in found)) if found else 1
        mask = np.array([[at < len(literals) for at in range(longest)] for literals in found])
        positive = np.array(
            [[literal.positive for literal in literals] + [False] * (longest - len(literals)) for literals in found]
        )
        device, shape = texts.pooled.device, (*texts.texts.shape, longest)
        phrases, at = texts.pooled.new_zeros(len(found), longest, texts.pooled.shape[-1]), torch.from_numpy(mask)
        if mask.any():
            phrases[at.to(device)] = self.embed([literal.phrase for each in found for literal in each]).to(phrases)
        return {
            "phrases": phrases.reshape(*shape, -1),
            "mask": at.reshape(shape).to(device),
            "positive": torch.from_numpy(positive).reshape(shape).to(device),
        }
