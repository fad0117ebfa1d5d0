"""Overlapping crops of pictures, each encoded once, as pooled vectors: what a model makes of a part by itself."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.changed import changed
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.features.encoding import encode_items, encoding_bar

Box = tuple[int, int, int, int]


def crop_boxes(width: int, height: int, n: int) -> list[Box]:
    """The boxes (left, top, right, bottom) of n x n crops of half a picture's width and height, evenly spaced.

    They lie row by row, cover the picture from n = 2 on, and overlap from n = 3 on; each is at least a pixel large.
    """
    w, h = max(1, (width + 1) // 2), max(1, (height + 1) // 2)
    xs, ys = ([round(at) for at in np.linspace(0, side - part, n)] for side, part in ((width, w), (height, h)))
    return [(x, y, x + w, y + h) for y in ys for x in xs]


def encode_crops(
    encoder: Encoder, refs: Sequence[ImageRef], n: int, cache_dir: Path | None, progress: bool
) -> torch.Tensor:
    """Pooled vectors of the n x n crops of each picture: [pictures, n * n, d].

    Kept in the cache folder, if one is given, by the pixels of a crop. Raises InputError for a picture that cannot be
    read.
    """
    crops = [ref for whole in refs for ref in _crops(whole, n)]
    item = Item("crops", tuple(crops), ("a photo",), np.zeros((len(crops), 1), bool), "crops", "crops")
    with encoding_bar(progress) as advance:
        encoded = encode_items(_pooled_alone(encoder), [item], cache_dir, progress=advance)
    return encoded.images.pooled[encoded.image_index[0]].unflatten(0, (len(refs), n * n))


def _crops(ref: ImageRef, n: int) -> list[ImageRef]:
    image = open_image(ref)
    left, top = ref.box[:2] if ref.box else (0, 0)
    return [
        replace(ref, box=(left + x, top + y, left + right, top + bottom))
        for x, y, right, bottom in crop_boxes(image.width, image.height, n)
    ]


def _pooled_alone(encoder: Encoder) -> Encoder:
    """The encoder without patch tokens, of which the many crops would take room; a cache keeps the two apart."""

    def encode_images(images: Sequence[Image.Image]) -> ImageFeatures:
        return replace(encoder.encode_images(images), patches=None, cls=None, grid=None)

    pooled = changed(encoder, identity=f"{encoder.identity} pooled", encode_images=encode_images)
    return replace(pooled, has_patches=False)
