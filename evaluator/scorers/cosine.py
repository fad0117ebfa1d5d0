"""`cosine`: what a CLIP-like model says itself."""

import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext


def cosine(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
    """<v, t> of the pooled embeddings, both of unit length: [..., k, m]."""
    return images.pooled @ texts.pooled.transpose(-1, -2)


def load_cosine(context: ScorerContext) -> Scorer:
    """The scorer `cosine`; it needs nothing of the context."""
    return FunctionScorer("cosine", cosine)
