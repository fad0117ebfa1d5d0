"""What an encoder gives and a scorer takes: pooled and dense features in the joint space, as frozen dataclasses."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fourfold.errors import InputError


def send(array: np.ndarray, device: torch.device | str) -> torch.Tensor:
    """A small array as a tensor on the device. A GPU of CUDA is not waited for: what it still has to do goes on."""
    chosen = torch.device(device)
    return torch.as_tensor(array).to(chosen, non_blocking=chosen.type == "cuda")


@dataclass(frozen=True)
class ImageFeatures:
    """Image embeddings, every vector of unit length in the joint space.

    Leading dimensions are free: `[n, d]` for one set of images, `[items, n, d]` for a batch of items.
    """

    keys: np.ndarray  # [..., n] str: content hash of the pixels that were encoded
    pooled: torch.Tensor  # [..., n, d]: the library's own image embedding
    patches: torch.Tensor | None = None  # [..., n, h*w, d], rows of the grid one after another; None: no patch tokens
    cls: torch.Tensor | None = None  # [..., n, d]: the class token alone, where the model has one
    grid: tuple[int, int] | None = None  # (h, w) of the patches

    def __len__(self) -> int:
        return int(self.pooled.shape[0])

    def __getitem__(self, index: Any) -> "ImageFeatures":
        """Select along the first dimension; an index array [items, k] gives features [items, k, ...]."""
        rows = np.asarray(index)
        at = send(rows, self.pooled.device)
        return ImageFeatures(
            keys=self.keys[rows],
            pooled=self.pooled[at],
            patches=None if self.patches is None else self.patches[at],
            cls=None if self.cls is None else self.cls[at],
            grid=self.grid,
        )

    def to(self, device: torch.device | str) -> "ImageFeatures":
        """The same features on a device; those that are there already as they are."""
        return ImageFeatures(
            keys=self.keys,
            pooled=self.pooled.to(device),
            patches=None if self.patches is None else self.patches.to(device),
            cls=None if self.cls is None else self.cls.to(device),
            grid=self.grid,
        )


@dataclass(frozen=True)
class TextFeatures:
    """Text embeddings, every vector of unit length in the joint space. Leading dimensions are free."""

    texts: np.ndarray  # [..., n] str: the captions themselves
    pooled: torch.Tensor  # [..., n, d]: the library's own text embedding
    # The dense features, all three or none: without them only scorers of pooled features can be used.
    tokens: torch.Tensor | None = None  # [..., n, t, d]: every position, special tokens and padding included
    mask: torch.Tensor | None = None  # [..., n, t] bool: True on tokens that spell the caption, not start, end, padding
    token_strings: np.ndarray | None = None  # [..., n, t] str: what each token spells; a word's last piece ends in
    # "</w>"; "" where masked
    truncated: torch.Tensor | None = None  # [..., n] bool: captions longer than the context; None: not known

    def __len__(self) -> int:
        return int(self.pooled.shape[0])

    def __getitem__(self, index: Any) -> "TextFeatures":
        """Select along the first dimension; an index array [items, m] gives features [items, m, ...]."""
        rows = np.asarray(index)
        at = send(rows, self.pooled.device)
        return TextFeatures(
            texts=self.texts[rows],
            pooled=self.pooled[at],
            tokens=None if self.tokens is None else self.tokens[at],
            mask=None if self.mask is None else self.mask[at],
            token_strings=None if self.token_strings is None else self.token_strings[rows],
            truncated=None if self.truncated is None else self.truncated[at],
        )

    def to(self, device: torch.device | str) -> "TextFeatures":
        """The same features on a device; those that are there already as they are."""
        return TextFeatures(
            texts=self.texts,
            pooled=self.pooled.to(device),
            tokens=None if self.tokens is None else self.tokens.to(device),
            mask=None if self.mask is None else self.mask.to(device),
            token_strings=self.token_strings,
            truncated=None if self.truncated is None else self.truncated.to(device),
        )

    def dense(self) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        """Tokens [..., n, t, d], their mask [..., n, t] and what they spell [..., n, t].

        Raises InputError for features that are pooled alone.
        """
        if self.tokens is None or self.mask is None or self.token_strings is None:
            raise InputError(
                "the model gives pooled text features alone, and this scorer reads text tokens; cosine, labclip and "
                "the controls work without them"
            )
        return self.tokens, self.mask, self.token_strings
