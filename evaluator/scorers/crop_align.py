"""`crop-align`: crops of the picture against segments of the caption, both as pooled vectors; no patch tokens needed.

After Miranda et al. ("Adding simple structure at inference improves Vision-Language Compositionality", arXiv
2506.09691): a picture is cut into crops, a caption into segments, each segment finds its best crop, and the
similarities of these matches make the score. This is our variant after the paper's abstract, none of its code: segments
are the noun phrases that our rules find, with their attributes, and the whole caption; crops overlap, nine to a
picture, and the whole picture is one more. Relations are read nowhere but in the whole caption, and so are negations: a
phrase that the caption says is absent counts like any other. It costs nine more encodings a picture.
"""

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.crops import encode_crops
from fourfold.evaluator.scorers.cosine import cosine
from fourfold.evaluator.scoring.blocks import score_in_blocks
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.phrases import PhraseBank, find_literals

CROPS = 3  # in a row and in a column


def load_crop_align(context: ScorerContext) -> Scorer:
    """The scorer `crop-align`; encodes the crops of the context's pictures and the phrases of its captions.

    A score is the mean over segments of the best cosine of a crop, the whole caption being compared with the whole
    picture. Raises InputError for a picture that cannot be read, or that is none of the context's.
    """
    found: dict[str, ImageRef] = {}  # a reference to the pixels of each key
    for item, rows in zip(context.items, context.encoded.image_index, strict=True):
        found.update(zip(context.encoded.images.keys[rows].tolist(), item.images, strict=True))
    crops = encode_crops(context.encoder, list(found.values()), CROPS, context.cache_dir, context.progress)
    row_of = {key: row for row, key in enumerate(found)}
    bank = PhraseBank(context.encoder, "{}")
    bank.embed([literal.phrase for item in context.items for text in item.captions for literal in find_literals(text)])

    def score_block(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        literals = bank.literals(texts)
        parts = crops[_rows(row_of, images.keys)].to(images.pooled)  # [b, k, n * n, d]
        parts = torch.cat([images.pooled.unsqueeze(-2), parts], dim=-2)
        best = torch.einsum("bipd,bjcd->bijcp", parts, literals["phrases"]).amax(-1)  # [b, k, m, c]
        mask = literals["mask"].unsqueeze(1)
        return (cosine(images, texts) + (best * mask).sum(-1)) / (1 + mask.sum(-1))

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        most = max(1, *(len(find_literals(str(text))) for text in texts.texts.ravel()))
        return score_in_blocks(score_block, images, texts, most * (CROPS**2 + 1) + images.pooled.shape[-1])

    return FunctionScorer("crop-align", score)


def _rows(row_of: dict[str, int], keys: np.ndarray) -> np.ndarray:
    try:
        return np.array([row_of[str(key)] for key in keys.ravel()], dtype=np.int64).reshape(keys.shape)
    except KeyError as error:
        raise InputError(f"crop-align: picture {error} is none of the items that the scorer was made for") from None
