"""`dcsm`: our head on dense cosine similarity maps (the idea of Kang et al., arXiv 2503.08723, made sound).

For one image and one caption, every caption token has a map of cosines over the image's patches. A small convolution
reads where each token's map is high, two attention layers let the tokens tell each other (this is where "the cube is
left of the sphere" is decided), and their mean is the score. The caption's own vector has a map too, as if it were one
more token. Nothing here depends on the size of the patch grid, on the length of the caption, or on what else is in the
batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.functional_words import FUNCTIONAL_WORDS, WordFinder
from fourfold.evaluator.scoring.valid_tokens import valid_tokens

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder


N_PAIR_FEATURES = 3  # pooled cosine, mean and spread of the map: standardising the map would lose them


@dataclass(frozen=True)
class DcsmConfig:
    """The size of a head. `words` is stored with it, so that a head file means the same when our table grows."""

    embed_dim: int
    channels: int = 16
    pooled_grid: int = 4
    width: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    words: tuple[tuple[str, ...], ...] = FUNCTIONAL_WORDS
    whole_caption: bool = True  # whether the caption's own vector has a map too, beside those of its tokens

    def __post_init__(self) -> None:
        for name in ("embed_dim", "channels", "pooled_grid", "width", "heads", "layers"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise InputError(f"dcsm: {name} {getattr(self, name)!r} must be a whole number from 1 on")
        if self.width % self.heads:
            raise InputError(f"dcsm: {self.heads} heads do not divide a width of {self.width}")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise InputError(f"dcsm: dropout {self.dropout!r} must be a share, from 0 to below 1")


def configure_dcsm(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head for an encoder."""
    return asdict(DcsmConfig(embed_dim=encoder.embed_dim))


def build_dcsm(config: Mapping[str, Any], encoder: "Encoder") -> "DcsmHead":
    """The network of a configuration, as it stands in a head file."""
    words = tuple(tuple(spellings) for spellings in config["words"])
    read = config.get("whole_caption", False)  # files of earlier heads do not say
    return DcsmHead(DcsmConfig(**{**config, "words": words, "whole_caption": read}))


class DcsmHead(nn.Module):
    """The network; `prepare` once for a set of texts, then call it with any images."""

    needs_patches = True
    set_dependent = False

    def __init__(self, config: DcsmConfig):
        super().__init__()
        self.config = config
        self.find_words: Callable[[TextFeatures], torch.Tensor] = WordFinder(config.words)  # [..., t]
        self.standardise = standardise_maps
        self.read_map = MapReader(config.channels, config.pooled_grid, config.width, config.dropout)
        self.token = nn.Linear(config.embed_dim, config.width)
        kinds = len(config.words) + 1 + config.whole_caption  # of tokens: any word, functional ones, the whole caption
        self.word = nn.Embedding(kinds, config.width, padding_idx=0)
        self.layers = nn.ModuleList(
            TokenMixer(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.score = nn.Linear(config.width + N_PAIR_FEATURES, 1)

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """What the head needs of texts, special tokens and padding cut away; their leading dimensions are kept.

        The caption's own vector comes first, as if it were a token: it is what the model was trained to match. Texts
        [..., m] give "pooled" [..., m, d], "tokens" [..., m, t, d], and "mask" and "words" [..., m, t], t being the
        most tokens that any of them has.
        """
        tokens, mask, order = valid_tokens(texts)
        words = self.find_words(texts).to(mask.device).gather(-1, order)
        if self.config.whole_caption:
            first = torch.ones_like(words[..., :1])
            tokens = torch.cat([texts.pooled.unsqueeze(-2), tokens], dim=-2)
            words = torch.cat([first * (len(self.config.words) + 1), words], dim=-1)
            mask = torch.cat([first.bool(), mask], dim=-1)
        return {"pooled": texts.pooled, "tokens": tokens, "mask": mask, "words": words}

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """Roughly how many floats the largest intermediate result takes for one pair."""
        assert images.patches is not None
        return (int(texts.dense()[1].sum(-1).max()) + 1) * images.patches.shape[-2] * (self.config.channels + 4)

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]; higher means more true."""
        assert images.patches is not None
        assert images.grid is not None
        places = torch.arange(1, texts["mask"].shape[-1] + 1, device=texts["mask"].device)
        longest = max(1, int((texts["mask"] * places).max()))  # a hidden token leaves a hole before the last one
        tokens, mask, words = (texts[name][:, :, :longest] for name in ("tokens", "mask", "words"))
        raw = torch.einsum("bipd,bjtd->bijtp", images.patches, tokens)
        maps, mean, spread = self.standardise(raw, mask)
        cosine = images.pooled @ texts["pooled"].transpose(-1, -2)

        k = raw.shape[1]
        pair_mask = mask.unsqueeze(1).expand(-1, k, -1, -1)  # [b, k, m, t]
        valid = pair_mask.flatten().nonzero().squeeze(1)
        chosen = maps.flatten(0, 3).index_select(0, valid)  # [n, p]
        read = self.read_map(chosen.unflatten(-1, images.grid))
        spoken = self.token(tokens) + self.word(words) + positions(longest, self.config.width, tokens.device).to(tokens)
        state = spoken.unsqueeze(1).expand(-1, k, -1, -1, -1).flatten(0, 3).index_add(0, valid, read)
        state, flat_mask = state.unflatten(0, pair_mask.shape).flatten(0, 2), pair_mask.flatten(0, 2)
        for layer in self.layers:
            state = layer(state, flat_mask)
        summary = masked_mean(self.norm(state), flat_mask).unflatten(0, raw.shape[:3])
        features = torch.stack([cosine * 10, mean * 10, spread * 10], dim=-1)
        return self.score(torch.cat([summary, features], dim=-1)).squeeze(-1)


def standardise_maps(raw: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Each pair's map [b, k, m, t, p] to mean 0 and spread 1 over patches x valid tokens, and that mean and spread.

    `mask` [b, m, t] says which tokens are valid; the others become 0. A constant map becomes 0, not NaN.
    """
    valid = mask[:, None, :, :, None].to(raw.dtype)
    count = (valid.sum((-1, -2)) * raw.shape[-1]).clamp(min=1)
    mean = (raw * valid).sum((-1, -2)) / count  # [b, k, m]
    centred = (raw - mean[..., None, None]) * valid
    spread = (centred.square().sum((-1, -2)) / count + 1e-8).sqrt()
    return centred / spread[..., None, None], mean, spread


class MapReader(nn.Module):
    """One shared convolution over each token's map: [n, h, w] -> [n, width], whatever the grid.

    The coordinates of each cell, -1 to 1 across the picture, enter beside the map, so that places can be read.
    """

    def __init__(self, channels: int, pooled_grid: int, width: int, dropout: float):
        super().__init__()
        self.pooled_grid = pooled_grid
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.place = nn.Conv2d(2, channels, 1, bias=False)  # apart from `first`: computed once, not for each map
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels * pooled_grid**2, width))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[n, h, w] -> [n, width]"""
        x = functional.relu(self.first(maps.unsqueeze(1)) + self.place(coordinates(maps)))
        x = functional.relu(self.second(x))
        rows, columns = (averaging(size, self.pooled_grid, x.device).to(x) for size in x.shape[-2:])
        return self.out((rows @ x @ columns.T).flatten(1))


class TokenMixer(nn.Module):
    """One transformer layer over the tokens of a caption, normalised before each half."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[n, t, width], mask [n, t] -> [n, t, width]; tokens look at valid tokens only."""
        qkv = self.to_qkv(self.norm_attention(state)).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [n, heads, t, width / heads]
        # A caption without any token attends to its (empty) first place: softmax over nothing would be NaN.
        visible = mask | (~mask.any(-1, keepdim=True) & (torch.arange(mask.shape[-1], device=mask.device) == 0))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible[:, None, None])
        state = state + self.dropout(self.from_heads(mixed.transpose(1, 2).flatten(2)))
        return state + self.dropout(self.feedforward(self.norm_feedforward(state)))


def averaging(size: int, parts: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The matrix [parts, size] that takes the mean of each part of a line, as `adaptive_avg_pool2d` cuts it.

    That function itself has no gradient on Apple's GPUs where the parts are not equal.
    """
    at, part = torch.arange(size, device=device), torch.arange(parts, device=device)
    starts = part * size // parts
    ends = -(-(part + 1) * size // parts)
    inside = ((at >= starts[:, None]) & (at < ends[:, None])).float()
    return inside / inside.sum(1, keepdim=True)


def coordinates(maps: torch.Tensor) -> torch.Tensor:
    """Row and column of each cell from -1 to 1: [1, 2, h, w] like `maps` [n, h, w]."""
    rows, columns = (torch.linspace(-1, 1, 2 * size + 1, device=maps.device)[1::2].to(maps) for size in maps.shape[-2:])
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij")).unsqueeze(0)


def positions(length: int, width: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Sinusoidal position of each token in the caption, defined for any length: [length, width]."""
    every = torch.arange(0, width, 2, device=device) / width
    angles = torch.arange(length, device=device)[:, None] / 100**every
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def masked_mean(state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the valid tokens: [n, t, width], [n, t] -> [n, width]; 0 where there is none."""
    weight = mask.unsqueeze(-1).to(state.dtype)
    return (state * weight).sum(-2) / weight.sum(-2).clamp(min=1)
