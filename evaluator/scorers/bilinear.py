"""`bilinear`: a trained bilinear form of the two pooled vectors, of `dcsm`'s number of parameters.

The score is <P v + p, Q t + q>, that is <v, W t> with W = P^T Q, plus a linear term for the picture, one for the
caption and a constant. `labclip` is the special case of one square matrix on the caption's side, without linear terms,
that starts as the identity. Here both sides have a map and nothing starts at the model's own cosine. The rank of W is
at most the number of rows of P; where that is d or more, as in fourfold-tiny, W can be any matrix, and further rows
make no more scores possible, they only change how training finds them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.mlp import check_sizes, count_dcsm

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder


def configure_bilinear(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head for an encoder: of the rank that fits into the parameters of its `dcsm` head."""
    return {"embed_dim": encoder.embed_dim, "rank": count_dcsm(encoder.embed_dim) // (2 * (encoder.embed_dim + 1))}


def build_bilinear(config: Mapping[str, Any], encoder: "Encoder") -> "BilinearHead":
    """The network of a configuration, as it stands in a head file."""
    return BilinearHead(**config)


class BilinearHead(nn.Module):
    """<P v + p, Q t + q> with P and Q of the shape [rank, d]."""

    needs_patches = False
    set_dependent = False

    def __init__(self, embed_dim: int, rank: int):
        super().__init__()
        check_sizes("bilinear", {"embed_dim": embed_dim, "rank": rank})
        self.embed_dim, self.rank = embed_dim, rank
        self.image, self.text = nn.Linear(embed_dim, rank), nn.Linear(embed_dim, rank)

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The pooled embeddings are all it needs. texts [..., m] -> "pooled" [..., m, d]."""
        return {"pooled": texts.pooled}

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """The score and a part of the mapped vectors, which pairs share."""
        return 1 + self.rank

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m].

        Unit vectors are scaled so that their numbers have a size of about one, and the sum by the root of its length.
        """
        scale = self.embed_dim**0.5
        mapped = self.text(texts["pooled"] * scale).transpose(-1, -2)
        return self.image(images.pooled * scale) @ mapped / self.rank**0.5
