"""`marginal`: the cosine minus what the same caption gets from the other images of the set (WhatsUp's calibration).

It takes the caption's prior away, so it can repair text scores and never image scores; and it depends on the set.
"""

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.cosine import cosine
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext


def load_marginal(context: ScorerContext) -> Scorer:
    """The scorer `marginal` over the distinct images of the context. Raises InputError if there is only one."""
    known = context.encoded.images
    n = len(known)
    if n < 2:
        raise InputError(f"marginal: needs at least 2 different images to compare, the set has {n}")
    mean_image = known.pooled.mean(0)  # [d]

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        own = cosine(images, texts)
        over_all = (texts.pooled @ mean_image.to(texts.pooled)).unsqueeze(-2)  # [..., 1, m]
        is_known = torch.from_numpy(np.isin(images.keys, known.keys)).unsqueeze(-1).to(own.device)  # [..., k, 1]
        return own - torch.where(is_known, (n * over_all - own) / (n - 1), over_all)

    return FunctionScorer("marginal", score, set_dependent=True)
