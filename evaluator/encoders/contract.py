"""The contract of encoders: what every model offers to scorers, heads and caches, and how it is to be run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:  # torch takes seconds to import, and naming a model needs none of it
    import torch
    from PIL import Image

    from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
    from fourfold.evaluator.encoders.tokenization import Tokens

# How a picture that is not square is made so: its middle is taken, it is squeezed, or room is added at its sides.
ResizeMode = Literal["crop", "squash", "pad"]
TINY = "fourfold-tiny"
TINY_RANDOM = "fourfold-tiny-random"
AUTO_DEVICE = "auto"  # a GPU if there is one: cuda, else mps, else cpu
TINY_FOLDER = Path(__file__).parents[1] / "models" / TINY


class Encoder(Protocol):
    """A frozen two-tower model: pictures and captions in, unit vectors of one joint space out."""

    @property
    def name(self) -> str:
        """The model specification as the user wrote it."""

    @property
    def identity(self) -> str:
        """Hash of architecture, weights, preprocessing and tokenizer: heads and caches are bound to it."""

    @property
    def context_length(self) -> int:
        """Number of text positions, special tokens included."""

    @property
    def embed_dim(self) -> int:
        """Dimension of the joint space."""

    @property
    def has_patches(self) -> bool:
        """Whether `encode_images` gives patch tokens."""

    def encode_images(self, images: Sequence["Image.Image"]) -> "ImageFeatures":
        """Features of `n` pictures of any size, on the CPU, float32."""

    def encode_texts(self, texts: Sequence[str]) -> "TextFeatures":
        """Features of `n` captions at all `context_length` positions, on the CPU, float32."""


@runtime_checkable
class PreparingEncoder(Encoder, Protocol):
    """An encoder whose pictures can be made ready, by other threads, while it encodes those before them."""

    def prepare(self, image: "Image.Image") -> "torch.Tensor":
        """What the model takes of a picture of any size, on the CPU; called from several threads at once."""

    def encode_prepared(self, pixels: "Sequence[torch.Tensor] | torch.Tensor", keys: Sequence[str]) -> "ImageFeatures":
        """What `encode_images` gives of `n` pictures, from what `prepare` made of them and their pixels' hashes.

        `pixels` may be one tensor [n, ...], in pinned memory if the device is a GPU. The features may stay on it.
        """


@runtime_checkable
class TokenizingEncoder(Encoder, Protocol):
    """An encoder whose captions can be made ready, by another thread, while it encodes those before them."""

    def prepare_texts(self, texts: Sequence[str]) -> "Tokens":
        """What the model takes of captions, on the CPU."""

    def encode_tokens(self, texts: Sequence[str], tokens: "Tokens") -> "TextFeatures":
        """What `encode_texts` gives of these captions, from what `prepare_texts` made of them; says nothing of cuts.

        The features may stay on the model's device.
        """


def resize_mode_of(encoder: Encoder) -> ResizeMode:
    """How an encoder makes pictures square: its `resize_mode`, which users' own need not have, or "crop"."""
    resize_mode: ResizeMode = getattr(encoder, "resize_mode", getattr(encoder, "fit", "crop"))
    return resize_mode


@dataclass(frozen=True)
class LoadOptions:
    """How a model is to be run, whichever library it comes from."""

    device: str = AUTO_DEVICE
    dtype: str = "float32"
    allow_random_weights: bool = False
    batch_size: int | Literal["auto"] = "auto"
