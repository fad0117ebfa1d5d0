"""Draws the shuffled captions of COCO-Order and Flickr30k-Order once and stores them, so that all score the same."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonlines
import numpy as np

from fourfold.evaluator.data.external.fields import get_text, get_texts
from fourfold.evaluator.data.external.reading import entries, read_json

_MOST_WORDS = 30
_TRIGRAM = 3

Tagger = Callable[[Sequence[str]], Sequence[str]]  # words to Penn Treebank tags, e.g. made from nltk.pos_tag


def freeze(captions: Path, out: Path, tag: Tagger, rng: np.random.Generator) -> int:
    """Write one line {image, caption_options} for every caption of a Karpathy split file; returns their number.

    Option 0 is the caption, then the four shuffles of the authors: nouns and adjectives, all but these, words within
    trigrams, trigrams. All are normalised alike (lower case, no punctuation, 30 words).
    """
    count = 0
    with jsonlines.open(out, "w") as writer:
        for key, row in entries(read_json(captions), captions):
            where = f"{captions}: item {key}"
            for caption in get_texts(row, "caption", where):
                options = [normalised(option) for option in (caption, *shuffles(caption, tag, rng))]
                writer.write({"image": get_text(row, "image", where), "caption_options": options})
                count += 1
    return count


def normalised(caption: str) -> str:
    """Lower case, punctuation to spaces, at most 30 words."""
    return " ".join(re.sub(r"[.!\"()*#:;~]", " ", caption.lower()).split()[:_MOST_WORDS])


def shuffles(caption: str, tag: Tagger, rng: np.random.Generator) -> list[str]:
    """The four wrong options of a caption, not normalised."""
    words = caption.split()
    tags = tag(words)
    nouns = [number for number, name in enumerate(tags) if name.startswith("NN")]
    adjectives = [number for number, name in enumerate(tags) if name.startswith("JJ")]
    others = [number for number in range(len(words)) if number not in nouns and number not in adjectives]
    chunks = [words[start : start + _TRIGRAM] for start in range(0, len(words), _TRIGRAM)]
    return [
        " ".join(_moved(_moved(words, nouns, rng), adjectives, rng)),
        " ".join(_moved(words, others, rng)),
        " ".join(word for chunk in chunks for word in _moved(chunk, range(len(chunk)), rng)),
        " ".join(word for number in rng.permutation(len(chunks)) for word in chunks[number]),
    ]


def _moved(words: Sequence[str], places: Sequence[int], rng: np.random.Generator) -> list[str]:
    """The words with those at `places` put in a random order."""
    result = list(words)
    for place, other in zip(places, rng.permutation(places) if len(places) else (), strict=True):
        result[place] = words[int(other)]
    return result
