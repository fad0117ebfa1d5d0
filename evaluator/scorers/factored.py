"""`factored`: the caption as independent literals, each its own yes-or-no question.

After LCSE (arXiv 2607.23052), whose formula is not public: this is our variant of it. It can say no to "no cube",
which a cosine cannot, and it knows nothing of who stands where, because its literals are a bag.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.phrases import PhraseBank

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder

UNCALIBRATED = 0.01  # CLIP's own temperature, for use without a fitted one


def configure_factored(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """There is nothing to configure."""
    return {}


def build_factored(config: Mapping[str, Any], encoder: "Encoder") -> "FactoredHead":
    """The network of a configuration, as it stands in a head file."""
    return FactoredHead(encoder, **config)


class FactoredHead(nn.Module):
    """Sum of log p(c) over what the caption says is there and of log (1 - p(c)) over what it says is not.

    p(c) = sigmoid((s(I, "a photo of c") - s(I, "a photo")) / tau); tau is the one number that training fits.
    """

    needs_patches = False
    set_dependent = False

    def __init__(self, encoder: "Encoder"):
        super().__init__()
        self.log_tau = nn.Parameter(torch.tensor(UNCALIBRATED).log())
        self._bank = PhraseBank(encoder, "a photo of {}")
        self._nothing = encoder.encode_texts(["a photo"]).pooled[0]  # [d]

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The literals of the captions, as what their embeddings add to those of "a photo".

        texts [..., m] -> tensors [..., m, c, ...] of c literals at most.
        """
        literals = self._bank.literals(texts)
        literals["phrases"] = literals["phrases"] - self._nothing.to(texts.pooled)
        return literals

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """A few numbers for each literal; a caption has at most as many as it has words."""
        return 4 * max(len(str(text).split()) for text in texts.texts.ravel())

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]; 0 for a caption without literals."""
        evidence = torch.einsum("bid,bjcd->bijc", images.pooled, texts["phrases"]) / self.log_tau.exp()
        positive, mask = texts["positive"].unsqueeze(1), texts["mask"].unsqueeze(1)
        return (logsigmoid(torch.where(positive, evidence, -evidence)) * mask).sum(-1)
