"""`blind`: a control that never looks at the picture."""

from functools import partial

import numpy as np
import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.random_scores import hash_strings, to_unit
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext


def blind(images: ImageFeatures, texts: TextFeatures, seed: int) -> torch.Tensor:
    """Prefers the caption with fewer words; among equally long ones a seeded hash of the text decides: [..., k, m].

    The hash is there because ties count as misses: without it swapped captions, always equally long, would give this
    control 0 % instead of chance. Its image and group scores are 0 by construction (every image gets the same score).
    """
    words = np.char.count(np.char.strip(texts.texts.astype(str)), " ").astype(np.float32)
    tie_break = to_unit(hash_strings(texts.texts.ravel(), f"{seed} blind")).reshape(texts.texts.shape)
    scores = tie_break - torch.from_numpy(words)  # [..., m]
    return scores.unsqueeze(-2).expand(*scores.shape[:-1], images.pooled.shape[-2], scores.shape[-1]).clone()


def load_blind(context: ScorerContext) -> Scorer:
    """The control `blind`; the context's seed breaks its ties."""
    return FunctionScorer("blind", partial(blind, seed=context.seed))
