"""`token-transformer`: a light transformer over the frozen patch and text tokens of a pair, one score at its end.

The idea is that of Miranda et al. ("Revisiting Compositionality in Dual-Encoder Vision-Language Models: The Role of
Inference", arXiv 2604.11496): encoders stay frozen, and a small transformer learns which patches and which words belong
together. This is our variant after the paper's abstract, none of its code: two layers of the width and with about the
parameters of `dcsm`, so that the two differ in what they read (the tokens themselves, or their cosines), trained with
the same captions, losses and data by `fourfold train-head --head token-transformer`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.dcsm import TokenMixer, coordinates, positions
from fourfold.evaluator.scoring.valid_tokens import valid_tokens

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder

_SIZES = ("embed_dim", "width", "heads", "layers")
_KINDS = 5  # of members of a sequence: what is read out, pooled image, patch, pooled text, text token


@dataclass(frozen=True)
class TransformerConfig:
    """The size of a head. Raises InputError for sizes that make none."""

    embed_dim: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in _SIZES:
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise InputError(f"token-transformer: {name} {getattr(self, name)!r} must be a whole number from 1 on")
        if self.width % self.heads:
            raise InputError(f"token-transformer: {self.heads} heads do not divide a width of {self.width}")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise InputError(f"token-transformer: dropout {self.dropout!r} must be a share, from 0 to below 1")


def configure_transformer(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head for an encoder."""
    return asdict(TransformerConfig(embed_dim=encoder.embed_dim))


def build_transformer(config: Mapping[str, Any], encoder: "Encoder") -> "TokenTransformer":
    """The network of a configuration, as it stands in a head file."""
    return TokenTransformer(TransformerConfig(**config))


class TokenTransformer(nn.Module):
    """The network; `prepare` once for a set of texts, then call it with any images and any grid."""

    needs_patches = True
    set_dependent = False

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        self.image = nn.Linear(config.embed_dim, config.width)
        self.text = nn.Linear(config.embed_dim, config.width)
        self.place = nn.Linear(2, config.width, bias=False)
        self.kind = nn.Embedding(_KINDS, config.width)
        self.layers = nn.ModuleList(
            TokenMixer(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.score = nn.Linear(config.width + 1, 1)

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """What the head needs of texts [..., m]: "pooled" [..., m, d], "tokens" [..., m, t, d], "mask" [..., m, t]."""
        tokens, mask, _ = valid_tokens(texts)
        return {"pooled": texts.pooled, "tokens": tokens, "mask": mask}

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """Roughly how many floats a layer holds for one pair: its widest state and its attention."""
        assert images.patches is not None
        length = images.patches.shape[-2] + int(texts.dense()[1].sum(-1).max()) + 3
        return length * (8 * self.config.width + self.config.heads * length)

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]; higher means more true."""
        seen, said = self._image_side(images), self._text_side(texts)  # [b, k, 1 + p, w], [b, m, 1 + t, w]
        k, m = seen.shape[1], said.shape[1]
        first = self.kind.weight[0].expand(len(seen), k, m, 1, -1)
        state = torch.cat(
            [first, seen.unsqueeze(2).expand(-1, -1, m, -1, -1), said.unsqueeze(1).expand(-1, k, -1, -1, -1)], dim=-2
        )
        valid = texts["mask"].unsqueeze(1).expand(-1, k, -1, -1)
        always = valid.new_ones(*valid.shape[:-1], state.shape[-2] - valid.shape[-1])
        state, mask = state.flatten(0, 2), torch.cat([always, valid], dim=-1).flatten(0, 2)
        for layer in self.layers:
            state = layer(state, mask)
        read = self.norm(state[:, 0]).unflatten(0, (len(seen), k, m))
        cosine = images.pooled @ texts["pooled"].transpose(-1, -2)
        return self.score(torch.cat([read, cosine.unsqueeze(-1) * 10], dim=-1)).squeeze(-1)

    def _image_side(self, images: ImageFeatures) -> torch.Tensor:
        """The pooled image and the patches, each knowing its place: [b, k, 1 + p, width]."""
        assert images.patches is not None
        assert images.grid is not None
        scale = self.config.embed_dim**0.5  # unit vectors have small numbers; layers expect those of about one
        places = coordinates(images.pooled.new_empty(1, *images.grid))[0].flatten(1).T  # [p, 2]
        patches = self.image(images.patches * scale) + self.place(places) + self.kind.weight[2]
        pooled = self.image(images.pooled * scale) + self.kind.weight[1]
        return torch.cat([pooled.unsqueeze(-2), patches], dim=-2)

    def _text_side(self, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The pooled text and its tokens in their order: [b, m, 1 + t, width]."""
        scale, tokens = self.config.embed_dim**0.5, texts["tokens"]
        order = positions(tokens.shape[-2], self.config.width).to(tokens)
        words = self.text(tokens * scale) + order + self.kind.weight[4]
        pooled = self.text(texts["pooled"] * scale) + self.kind.weight[3]
        return torch.cat([pooled.unsqueeze(-2), words], dim=-2)
