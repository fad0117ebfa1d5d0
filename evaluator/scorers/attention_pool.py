"""`attention-pool`: each noun phrase pools the patches by its own attention, without a parameter, and is compared.

The pooling is that of Pham et al. ("No Hard Negatives Required: Concept Centric Learning Leads to Compositionality
without Degrading Zero-shot Capabilities of Contrastive Models", arXiv 2603.25722), who tune a CLIP with it: noun
phrases of the caption are the queries, patches keys and values. Here it is a scorer of a model as it is; this is our
variant after the paper's abstract, none of its code. A phrase that the caption says is absent counts like any other.
"""

import torch
from torch.nn import functional

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.cosine import cosine
from fourfold.evaluator.scorers.phrase_align import WHOLE
from fourfold.evaluator.scoring.blocks import score_in_blocks
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.phrases import PhraseBank, find_literals

TEMPERATURE = 0.01  # of the attention: CLIP's own, with which it was trained to compare cosines


def load_attention_pool(context: ScorerContext) -> Scorer:
    """The scorer `attention-pool`; encodes the phrases of the context's captions, and of others as they come.

    Half of a score is the cosine of the whole sentence, as in `phrase-align`, half the mean over its phrases of the
    cosine between phrase and what it pools; a caption without a phrase scores by its cosine alone.
    """
    bank = PhraseBank(context.encoder, "{}")
    bank.embed([literal.phrase for item in context.items for text in item.captions for literal in find_literals(text)])

    def score_block(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        literals = bank.literals(texts)
        pooled = attention_pool(images, literals["phrases"])  # [b, k, m, c, d]
        found = (pooled * literals["phrases"].unsqueeze(1)).sum(-1)  # [b, k, m, c]
        mask = literals["mask"].unsqueeze(1)
        of_phrases = (found * mask).sum(-1) / mask.sum(-1).clamp(min=1)
        whole = cosine(images, texts)
        return torch.where(mask.any(-1), WHOLE * whole + (1 - WHOLE) * of_phrases, whole)

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        assert images.patches is not None  # load_scorer refuses models without patch tokens
        most = max(1, *(len(find_literals(str(text))) for text in texts.texts.ravel()))
        return score_in_blocks(score_block, images, texts, most * sum(images.patches.shape[-2:]))

    return FunctionScorer("attention-pool", score, needs_patches=True)


def attention_pool(images: ImageFeatures, queries: torch.Tensor) -> torch.Tensor:
    """What each query sees: the mean of the patches by its attention over them, of unit length.

    Images [b, k], queries [b, m, c, d] -> [b, k, m, c, d].
    """
    assert images.patches is not None
    cosines = torch.einsum("bipd,bjcd->bijcp", images.patches, queries)
    attention = torch.softmax(cosines / TEMPERATURE, dim=-1)
    return functional.normalize(torch.einsum("bijcp,bipd->bijcd", attention, images.patches), dim=-1)
