"""`dcsm-ref`: the scorer of Kang et al. (arXiv 2503.08723) as their public code computes it, defects included.

For comparison, and to run their checkpoints. Known defects, all kept: the map column a functional word overwrites is
that of its *word* index, although columns are tokens; its rows are never trained; maps are standardised over the whole
call, here over all images x captions of one item, so that a score depends on the other captions of the item; special
tokens and padding are not masked; and the network fits one patch grid and one text length only.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.blocks import BLOCK_FLOATS

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder

REPLACED_WORDS = ("above", "below", "left", "right", "small", "big", "not", "no", "without", "but", "absent")
TEXT_TOKENS = 30


def configure_dcsm_ref(encoder: "Encoder", images: ImageFeatures) -> dict[str, Any]:
    """The configuration of a new head: one image token more than there are patches, for the class token."""
    assert images.patches is not None
    return {"image_tokens": images.patches.shape[-2] + 1, "text_tokens": TEXT_TOKENS, "words": list(REPLACED_WORDS)}


def build_dcsm_ref(config: Mapping[str, Any], encoder: "Encoder") -> "DcsmRefHead":
    """The network of a configuration, as it stands in a head file."""
    return DcsmRefHead(**config)


class DcsmRefHead(nn.Module):
    """The paper's network and its table of rows; attribute names are those of the authors' checkpoints."""

    needs_patches = True
    set_dependent = True  # on the other images and captions of the item

    def __init__(self, image_tokens: int, text_tokens: int, words: list[str], dropout: float = 0.001):
        super().__init__()
        self.image_tokens, self.text_tokens, self.words = image_tokens, text_tokens, words
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc1 = nn.Linear(4 * image_tokens * text_tokens, 128)
        self.fc2 = nn.Linear(128, 1)
        self.dropout = dropout
        random = torch.randn(len(words), image_tokens)
        self.register_buffer("rows", (functional.normalize(random, dim=1) + 1) / 3)  # a buffer: never trained
        self.rows: torch.Tensor

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """The first `text_tokens` positions and, for each of them, the row that overwrites its column (-1: none).

        A shorter context is filled up with its last position, which is padding or the end token, as the paper pads
        with the end token. Models whose tokenizer pads differently get what their own padding encodes to.
        texts [..., m] -> tensors [..., m, t, ...].
        """
        tokens = texts.dense()[0][..., : self.text_tokens, :]
        missing = self.text_tokens - tokens.shape[-2]
        if missing > 0:
            tokens = torch.cat([tokens, tokens[..., -1:, :].repeat_interleave(missing, dim=-2)], dim=-2)
        return {"tokens": tokens, "replaced": self._find_columns(texts).to(tokens.device)}

    def _find_columns(self, texts: TextFeatures) -> torch.Tensor:
        columns = torch.full((texts.texts.size, self.text_tokens), -1)
        for row, caption in enumerate(texts.texts.ravel()):
            words = str(caption).split(" ")
            for word, text in enumerate(self.words):
                if text in words and words.index(text) < self.text_tokens:
                    columns[row, words.index(text)] = word
        return columns.reshape(*texts.texts.shape, self.text_tokens)

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """The output of a convolution."""
        return 4 * self.image_tokens * self.text_tokens

    def forward(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]; each item of the batch is one call."""
        image_tokens = self._image_tokens(images)
        mean, std = self._moments(image_tokens, texts)
        b, k, m = (*image_tokens.shape[:2], texts["tokens"].shape[1])
        step = max(1, BLOCK_FLOATS // (b * k * 4 * self.image_tokens * self.text_tokens))
        scores = []
        for part in range(0, m, step):  # an item cannot be cut before its moments are known, so it is cut here
            maps = self._maps(image_tokens, {name: values[:, part : part + step] for name, values in texts.items()})
            standard = (maps - mean[:, None, None, None, None]) / std[:, None, None, None, None]
            scores.append(self._network(standard.flatten(0, 2).unsqueeze(1)).reshape(maps.shape[:3]))
        return torch.cat(scores, dim=-1)

    def _maps(self, image_tokens: torch.Tensor, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Cosines with the columns of functional words overwritten: [b, k, m, p, t]."""
        maps = torch.einsum("bipd,bjtd->bijpt", image_tokens, texts["tokens"])
        rows = self.rows[texts["replaced"].clamp(min=0)].transpose(-1, -2)[:, None]  # [b, 1, m, p, t]
        return torch.where(texts["replaced"][:, None, :, None] >= 0, rows, maps)

    def _moments(
        self, image_tokens: torch.Tensor, texts: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and unbiased standard deviation of all maps of an item, without making them: [b] each.

        The sum of all cosines is the product of the sums of vectors; the sum of squares a quadratic form in V^T V.
        """
        k = image_tokens.shape[1]
        vectors, columns = _exact(image_tokens).flatten(1, 2), _exact(texts["tokens"]).flatten(1, 2)
        replaced = texts["replaced"].flatten(1).to(vectors.device)  # [b, m * t]
        rows = _exact(self.rows)[replaced.clamp(min=0)]  # [b, m * t, p]
        gram = vectors.transpose(1, 2) @ vectors
        total = torch.where(replaced >= 0, k * rows.sum(-1), (columns @ vectors.sum(1)[..., None])[..., 0]).sum(1)
        squares = torch.where(replaced >= 0, k * rows.square().sum(-1), ((columns @ gram) * columns).sum(-1)).sum(1)
        n = k * self.image_tokens * replaced.shape[1]
        mean = total / n
        std = ((squares - n * mean.square()) / (n - 1)).sqrt()
        return mean.float().to(image_tokens.device), std.float().to(image_tokens.device)

    def _image_tokens(self, images: ImageFeatures) -> torch.Tensor:
        """Class token first, then the patches: [b, k, p, d]. A model without class token gives its pooled vector."""
        assert images.patches is not None
        if images.patches.shape[-2] + 1 != self.image_tokens:
            raise InputError(
                f"this dcsm-ref head is for {self.image_tokens - 1} patches, the model gives "
                f"{images.patches.shape[-2]}; train one for this model, or use dcsm, whose heads fit any grid"
            )
        first = images.pooled if images.cls is None else images.cls
        return torch.cat([first.unsqueeze(-2), images.patches], dim=-2)

    def _network(self, maps: torch.Tensor) -> torch.Tensor:
        """[n, 1, p, t] -> [n, 1]"""
        x = functional.relu(self.conv2(functional.relu(self.conv1(maps))))
        x = functional.dropout2d(x, self.dropout, self.training).flatten(1)
        x = functional.dropout(functional.relu(self.fc1(x)), self.dropout, self.training)
        return functional.dropout(self.fc2(x), self.dropout, self.training)


def _exact(values: torch.Tensor) -> torch.Tensor:
    """In double precision, which Apple's GPUs do not have: there on the processor."""
    return (values.cpu() if values.device.type == "mps" else values).double()
