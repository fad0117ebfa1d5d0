"""`mlp`: a multilayer perceptron on the two pooled vectors alone; the baseline that says what a head owes to patches.

It reads [v, t, v * t, |v - t|], the features of a pair of sentences in InferSent (Conneau et al., arXiv 1705.02364),
and may combine them as it likes. Where `dcsm` is ahead of it with as many parameters, trained on the same groups, the
gain is not one of having a trained head.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.dcsm import DcsmConfig, DcsmHead

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder


def configure_mlp(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head for an encoder: as wide as fits into the parameters of its `dcsm` head."""
    d, budget = encoder.embed_dim, count_dcsm(encoder.embed_dim)
    half = (4 * d + 3) / 2  # width**2 + (4 d + 3) width + 1 parameters, solved for the width
    return {"embed_dim": d, "width": max(1, int((half**2 + budget - 1) ** 0.5 - half)), "dropout": 0.1}


def build_mlp(config: Mapping[str, Any], encoder: "Encoder") -> "MlpHead":
    """The network of a configuration, as it stands in a head file."""
    return MlpHead(**config)


def count_dcsm(embed_dim: int) -> int:
    """The number of parameters of a new `dcsm` head for vectors of this dimension."""
    with torch.device("meta"):  # counted, not made: neither memory nor random numbers are used
        return sum(weight.numel() for weight in DcsmHead(DcsmConfig(embed_dim)).parameters())


def check_sizes(head: str, sizes: Mapping[str, Any]) -> None:
    """Raise InputError for a size of a network that is no whole number from 1 on."""
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{head}: {name} {value!r} must be a whole number from 1 on")


class MlpHead(nn.Module):
    """Two hidden layers of the same width over [v, t, v * t, |v - t|], 4 d numbers, and one score."""

    needs_patches = False
    set_dependent = False

    def __init__(self, embed_dim: int, width: int, dropout: float):
        super().__init__()
        check_sizes("mlp", {"embed_dim": embed_dim, "width": width})
        if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
            raise InputError(f"mlp: dropout {dropout!r} must be a share, from 0 to below 1")
        self.embed_dim, self.width = embed_dim, width
        self.layers = nn.Sequential(
            nn.Linear(4 * embed_dim, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, 1),
        )

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The pooled embeddings are all it needs. texts [..., m] -> "pooled" [..., m, d]."""
        return {"pooled": texts.pooled}

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """The input and the hidden layers of one pair."""
        return 2 * (4 * self.embed_dim + 2 * self.width)

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m].

        Unit vectors are scaled so that their numbers, and the products, have a size of about one, as layers expect.
        """
        scale = self.embed_dim**0.5
        v, t = torch.broadcast_tensors(images.pooled.unsqueeze(-2) * scale, texts["pooled"].unsqueeze(-3) * scale)
        return self.layers(torch.cat([v, t, v * t, (v - t).abs()], dim=-1)).squeeze(-1)
