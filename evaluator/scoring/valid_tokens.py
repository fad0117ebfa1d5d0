"""The text tokens that spell a caption, one after another, without special tokens and padding between them."""

from typing import NamedTuple

import torch

from fourfold.evaluator.encoders.features import TextFeatures


class ValidTokens(NamedTuple):
    """Of texts [..., m]; t is the most tokens that any of them has, at least 1."""

    tokens: torch.Tensor  # [..., m, t, d]
    mask: torch.Tensor  # [..., m, t] bool
    order: torch.Tensor  # [..., m, t]: the position that each was at


def valid_tokens(texts: TextFeatures) -> ValidTokens:
    """The valid tokens of each text first, in their order. Raises InputError for features that are pooled alone."""
    tokens, mask, _ = texts.dense()
    longest = max(1, int(mask.sum(-1).max()))
    order = torch.argsort((~mask).to(torch.uint8), dim=-1, stable=True)[..., :longest]
    tokens = tokens.gather(-2, order.unsqueeze(-1).expand(*order.shape, tokens.shape[-1]))
    return ValidTokens(tokens, mask.gather(-1, order), order)
