"""`shuffled-images`: a control around any scorer that gives it another image's features instead of the image's own."""

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.statistics import derangement


def shuffle_images(scorer: Scorer, context: ScorerContext) -> Scorer:
    """`scorer` on the wrong images: a seeded derangement of the set's distinct images.

    A scorer that still beats chance reads the captions alone. Raises InputError if the set has fewer than two images.
    """
    known = context.encoded.images
    if len(known) < 2:
        raise InputError(f"shuffled-images: needs at least 2 different images to exchange, the set has {len(known)}")
    stand_in = derangement(len(known), np.random.default_rng([context.seed, len(known)]))
    row_of = {str(key): row for row, key in enumerate(known.keys)}

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        rows = np.array([stand_in[row_of[str(key)]] for key in images.keys.ravel()])
        return scorer(known[rows.reshape(images.keys.shape)], texts)

    return FunctionScorer(
        f"shuffled-images:{scorer.name}",
        score,
        n_parameters=scorer.n_parameters,
        needs_patches=scorer.needs_patches,
        set_dependent=True,
    )
