"""Captions to token ids, and which of them spell the caption: open_clip's and transformers' tokenizers alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.token_strings import END, marker_of, spell


@dataclass(frozen=True)
class Tokens:
    """The tokens of `n` captions at all `t` positions."""

    ids: torch.Tensor  # [n, t] int64
    mask: torch.Tensor  # [n, t] bool: True on tokens that spell the caption
    token_strings: np.ndarray  # [n, t] str, "" where masked
    truncated: torch.Tensor  # [n] bool: the caption was longer than the context and lost its end


Tokenize = Callable[[Sequence[str]], Tokens]


def byte_pair_tokens(tokenizer: Any) -> Tokenize:
    """For open_clip's own `SimpleTokenizer`: what lies between start and end spells the caption."""

    special = [word for word in tokenizer.encoder if tokenizer.encoder[word] in tokenizer.all_special_ids]

    def tokenize(texts: Sequence[str]) -> Tokens:
        _refuse_special(texts, special)
        ids = tokenizer(list(texts))
        last = (ids == tokenizer.eot_token_id).int().argmax(dim=1)  # [n]: the first end token
        position = torch.arange(ids.shape[1])
        mask = (position > 0) & (position < last[:, None])
        token_strings = _pieces(ids, mask, lambda kept: [tokenizer.decoder[i] for i in kept], END)
        full = (last + 1 == ids.shape[1]).tolist()
        truncated = [
            fills and len(tokenizer.encode(text)) > ids.shape[1] - 2 for text, fills in zip(texts, full, strict=True)
        ]
        return Tokens(ids, mask, token_strings, torch.tensor(truncated, dtype=torch.bool))

    return tokenize


def vocabulary_tokens(
    tokenizer: Any, encode: Callable[[list[str]], torch.Tensor], clean: Callable[[str], str]
) -> Tokenize:
    """For a transformers `tokenizer`, however it is called: all but its special tokens spells the caption.

    `encode` gives the ids as the model wants them, [n, t]; `clean` is what it does to a caption beforehand.
    """
    ends = {tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id}
    # An unknown word is a word of the caption; CLIP's tokenizer, however, gives its end token as the unknown one.
    unknown = {tokenizer.unk_token_id} - ends
    special = torch.tensor(sorted({*tokenizer.all_special_ids, *ends} - unknown - {None}))
    marker = marker_of(tokenizer.get_vocab())

    strings = [word for word in {*tokenizer.all_special_tokens} if word != tokenizer.unk_token or unknown == set()]

    def tokenize(texts: Sequence[str]) -> Tokens:
        _refuse_special(texts, strings)
        ids = encode(list(texts))
        mask = ~torch.isin(ids, special)
        token_strings = _pieces(ids, mask, tokenizer.convert_ids_to_tokens, marker)
        kept = mask.sum(dim=1)
        uncut = tokenizer([clean(text) for text in texts], add_special_tokens=False, verbose=False)["input_ids"]
        return Tokens(ids, mask, token_strings, kept < torch.tensor([len(row) for row in uncut]))

    return tokenize


def _refuse_special(texts: Sequence[str], special: Sequence[str]) -> None:
    """A caption that spells a special token would be read as one, and cut there or pooled at the wrong place."""
    for text in texts:
        lower = text.lower()
        if found := [word for word in special if word.lower() in lower]:
            raise InputError(
                f"caption {text!r} holds {found[0]!r}, which this model's tokenizer takes for a special token; "
                "remove it"
            )


def _pieces(
    ids: torch.Tensor, mask: torch.Tensor, tokens_of: Callable[[list[int]], list[str]], marker: str
) -> np.ndarray:
    if marker == END:  # what a token spells does not depend on its neighbours: once for each that there is
        kept = mask.numpy()
        distinct, which = np.unique(ids.numpy()[kept], return_inverse=True)
        spellings = np.array(spell(tokens_of(distinct.tolist()), marker), dtype=np.str_)
        strings = np.zeros(kept.shape, dtype=spellings.dtype)
        strings[kept] = spellings[which]
        return strings
    rows = []
    for row, keep in zip(ids, mask, strict=True):
        spelled = iter(spell(tokens_of(row[keep].tolist()), marker))
        rows.append([next(spelled) if kept else "" for kept in keep.tolist()])
    return np.array(rows, dtype=np.str_).reshape(ids.shape)
