"""Disturbed copies of training pictures, encoded once like the pictures themselves; a head then sees one or the other.

What is disturbed must leave every caption true: small turns, shifts, zooms, light, contrast and noise; no mirror image,
which would make left right, no crop that could lose an object, no change of hue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

from evaluator.encoders import Encoder
from evaluator.features import ImageFeatures, TextFeatures
from evaluator.images import pixel_hash

TURN = 4.0  # degrees, to either side
SHIFT = 0.03  # of the picture's side
ZOOM = 0.05  # smaller or larger by as much
LIGHT = 0.15  # brightness and contrast, to either side
NOISE = 6.0  # standard deviation, of 255


@dataclass(frozen=True)
class AugmentedEncoder:
    """An encoder that disturbs each picture before it encodes it, always in the same way for one `version`."""

    encoder: Encoder
    version: int
    seed: int

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def identity(self) -> str:
        """Another one than the encoder's own, so that a feature cache keeps them apart."""
        return f"{self.encoder.identity}-augmented-{self.seed}-{self.version}"

    @property
    def dtype(self) -> str:
        return str(getattr(self.encoder, "dtype", "float32"))

    @property
    def context_length(self) -> int:
        return self.encoder.context_length

    @property
    def embed_dim(self) -> int:
        return self.encoder.embed_dim

    @property
    def has_patches(self) -> bool:
        return self.encoder.has_patches

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        """Features of disturbed copies of `n` pictures; what is done to one depends on its pixels and the version."""
        return self.encoder.encode_images([disturbed(image, self._rng(image)) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        """Features of captions as they are."""
        return self.encoder.encode_texts(texts)

    def _rng(self, image: Image.Image) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.version, int(pixel_hash(image)[:16], 16)])


def disturbed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A copy of a picture, slightly turned, moved, scaled, lit otherwise, and noisy. Same size, RGB."""
    image = image.convert("RGB")
    width, height = image.size
    angle, scale = np.radians(rng.uniform(-TURN, TURN)), 1 / rng.uniform(1 - ZOOM, 1 + ZOOM)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    x, y = width / 2, height / 2
    dx, dy = rng.uniform(-SHIFT, SHIFT, 2) * (width, height)
    moved = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (cos, sin, x - cos * (x + dx) - sin * (y + dy), -sin, cos, y + sin * (x + dx) - cos * (y + dy)),
        Image.Resampling.BILINEAR,
        fillcolor=tuple(int(v) for v in np.asarray(image)[0].mean(axis=0)),  # the top edge: mostly wall or sky
    )
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast):
        moved = change(moved).enhance(rng.uniform(1 - LIGHT, 1 + LIGHT))
    noisy = np.asarray(moved) + rng.normal(0, NOISE, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
