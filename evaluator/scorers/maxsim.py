"""`maxsim`: late interaction of patch and text tokens, without training (FILIP, arXiv 2111.07783)."""

import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.blocks import score_in_blocks
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext


def maxsim(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
    """Half the mean over patches of the best token, half the mean over caption tokens of the best patch: [..., k, m].

    A patch may choose any position, start, end and padding included (the end token is where CLIP puts the sentence);
    only tokens that spell the caption look for a patch. A caption with no token at all scores by its patches' half.
    """
    assert images.patches is not None  # load_scorer refuses models without patch tokens
    floats = images.patches.shape[-2] * texts.dense()[0].shape[-2]
    return score_in_blocks(_maxsim_block, images, texts, floats)


def _maxsim_block(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
    tokens, mask, _ = texts.dense()
    maps = torch.einsum("bipd,bjtd->bijpt", images.patches, tokens)
    valid = mask[:, None].to(maps.dtype)  # [b, 1, m, t]
    by_patch = maps.amax(-1).mean(-1)
    by_token = (maps.amax(-2) * valid).sum(-1) / valid.sum(-1).clamp(min=1)
    return (by_patch + by_token) / 2


def load_maxsim(context: ScorerContext) -> Scorer:
    """The scorer `maxsim`; it needs nothing of the context."""
    return FunctionScorer("maxsim", maxsim, needs_patches=True)
