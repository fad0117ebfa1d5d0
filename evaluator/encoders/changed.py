"""An encoder that does one thing otherwise than the one it is made from, and everything else alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from fourfold.evaluator.encoders.contract import Encoder, ResizeMode, resize_mode_of
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures

EncodeImages = Callable[[Sequence[Image.Image]], ImageFeatures]
EncodeTexts = Callable[[Sequence[str]], TextFeatures]


@dataclass(frozen=True)
class ChangedEncoder:
    """The facts of an `Encoder` and its two functions, as plain values."""

    name: str
    identity: str
    dtype: str
    context_length: int
    embed_dim: int
    has_patches: bool
    encode_images: EncodeImages
    encode_texts: EncodeTexts
    resize_mode: ResizeMode


def changed(
    encoder: Encoder,
    *,
    identity: str | None = None,
    encode_images: EncodeImages | None = None,
    encode_texts: EncodeTexts | None = None,
) -> ChangedEncoder:
    """`encoder` with another function; with another identity too, if its features are others."""
    return ChangedEncoder(
        name=encoder.name,
        identity=identity or encoder.identity,
        dtype=str(getattr(encoder, "dtype", "float32")),
        context_length=encoder.context_length,
        embed_dim=encoder.embed_dim,
        has_patches=encoder.has_patches,
        encode_images=encode_images or encoder.encode_images,
        encode_texts=encode_texts or encoder.encode_texts,
        resize_mode=resize_mode_of(encoder),
    )
