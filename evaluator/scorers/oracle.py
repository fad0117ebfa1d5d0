"""`oracle`: a control that knows the truth. Where it gets less than 100 %, data or metric are wrong."""

from functools import partial

import numpy as np
import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext

Truth = dict[tuple[str, str], float]


def oracle(images: ImageFeatures, texts: TextFeatures, truth: Truth) -> torch.Tensor:
    """1 for a true pair, 0 for a false one or one that no item asks about: [..., k, m]."""
    table = np.zeros((*images.keys.shape, texts.texts.shape[-1]), dtype=np.float32)
    for place in np.ndindex(table.shape):
        *leading, image, text = place
        pair = (str(images.keys[(*leading, image)]), str(texts.texts[(*leading, text)]))
        table[place] = truth.get(pair, 0.0)
    return torch.from_numpy(table)


def load_oracle(context: ScorerContext) -> Scorer:
    """The control `oracle`, from the items' truth tables.

    Where two items contradict each other about the same pixels and the same words, the pair gets the mean of what
    they say, and the oracle misses 100 %: that is a finding about the data.
    """
    said: dict[tuple[str, str], list[bool]] = {}
    encoded = context.encoded
    for item, image_rows, text_rows in zip(context.items, encoded.image_index, encoded.text_index, strict=True):
        for (image, text), true in np.ndenumerate(item.truth):
            pair = (str(encoded.images.keys[image_rows[image]]), str(encoded.texts.texts[text_rows[text]]))
            said.setdefault(pair, []).append(bool(true))
    truth = {pair: float(np.mean(labels)) for pair, labels in said.items()}
    return FunctionScorer("oracle", partial(oracle, truth=truth))
