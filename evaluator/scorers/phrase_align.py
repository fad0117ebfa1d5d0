"""`phrase-align`: each noun phrase, encoded alone, looks for its own patches; without training.

After ABE-CLIP (arXiv 2512.17178), whose formula is not public: this is our variant of it.
"""

import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.cosine import cosine
from fourfold.evaluator.scoring.blocks import score_in_blocks
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.phrases import PhraseBank, find_literals

WHOLE = 0.5  # weight of the cosine of the whole sentence; the phrases have the rest
TOP_SHARE = 1 / 16  # of the patches: how many of the best a phrase is averaged over


def load_phrase_align(context: ScorerContext) -> Scorer:
    """The scorer `phrase-align`; encodes the phrases of the context's captions, and of others as they come."""
    bank = PhraseBank(context.encoder, "{}")
    bank.embed([literal.phrase for item in context.items for text in item.captions for literal in find_literals(text)])

    def score_block(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        assert images.patches is not None
        literals = bank.literals(texts)
        maps = torch.einsum("bipd,bjcd->bijcp", images.patches, literals["phrases"])
        best = maps.topk(max(1, round(maps.shape[-1] * TOP_SHARE)), dim=-1).values.mean(-1)  # [b, k, m, c]
        mask = literals["mask"].unsqueeze(1)
        aligned = (best * mask).sum(-1) / mask.sum(-1).clamp(min=1)
        whole = cosine(images, texts)
        return torch.where(mask.any(-1), WHOLE * whole + (1 - WHOLE) * aligned, whole)

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        assert images.patches is not None
        floats = images.patches.shape[-2] * max(len(find_literals(str(text))) for text in texts.texts.ravel())
        return score_in_blocks(score_block, images, texts, floats)

    return FunctionScorer("phrase-align", score, needs_patches=True)
