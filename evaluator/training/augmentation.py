"""Disturbed copies of training pictures, encoded once like the pictures themselves; a head then sees one or the other.

What is disturbed must leave every caption true: small turns, shifts, zooms, light, contrast and noise; no mirror image,
which would make left right, no crop that could lose an object, no change of hue.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageEnhance

from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.encoders.changed import changed
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import ImageFeatures

TURN = 4.0  # degrees, to either side
SHIFT = 0.03  # of the picture's side
ZOOM = 0.05  # smaller or larger by as much
LIGHT = 0.15  # brightness and contrast, to either side
NOISE = 6.0  # standard deviation, of 255


def augmented(encoder: Encoder, version: int, seed: int) -> Encoder:
    """`encoder`, but that it disturbs each picture first, always in the same way for one version and seed.

    Its identity is another one than the encoder's own, so that a feature cache keeps them apart.
    """

    def encode_images(images: Sequence[Image.Image]) -> ImageFeatures:
        rngs = [np.random.default_rng([seed, version, int(pixel_hash(image)[:16], 16)]) for image in images]
        return encoder.encode_images([disturbed(image, rng) for image, rng in zip(images, rngs, strict=True)])

    return changed(encoder, identity=f"{encoder.identity}-augmented-{seed}-{version}", encode_images=encode_images)


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
