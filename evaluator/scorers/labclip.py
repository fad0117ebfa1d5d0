"""`labclip`: a linear map of the text embedding before the cosine (LABCLIP, arXiv 2502.03566).

The whole family of bilinear scores: what it repairs needed no patch tokens, and the cosine alone was to blame.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder


def configure_labclip(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head for an encoder."""
    return {"embed_dim": encoder.embed_dim}


class LabclipHead(nn.Module):
    """scale <v, A t>: A starts as the identity, so an untrained head ranks as the cosine does."""

    needs_patches = False
    set_dependent = False

    def __init__(self, embed_dim: int):
        super().__init__()
        self.map = nn.Parameter(torch.eye(embed_dim))
        self.log_scale = nn.Parameter(torch.tensor(3.0))  # about 20: cosines are too close together for a loss
        self.offset = nn.Parameter(torch.zeros(()))  # the threshold between true and false, no part of the ranking

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The pooled embeddings are all it needs. texts [..., m] -> "pooled" [..., m, d]."""
        return {"pooled": texts.pooled}

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """The score itself."""
        return 1

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]."""
        mapped = texts["pooled"] @ self.map.T
        return images.pooled @ mapped.transpose(-1, -2) * self.log_scale.exp() + self.offset


def build_labclip(config: Mapping[str, Any], encoder: "Encoder") -> LabclipHead:
    """The network of a configuration, as it stands in a head file."""
    return LabclipHead(**config)
