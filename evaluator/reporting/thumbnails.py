"""Small pictures inside the page: WebP thumbnails, and instance masks as colored overlays."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.generator.dataset.reading import open_source

if TYPE_CHECKING:
    from PIL import Image

# Okabe and Ito's colors without black: told apart by people with any kind of color vision.
OBJECT_COLORS = ("#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2")


def thumbnail(picture: ImageRef, *, size: int, quality: int) -> tuple[str, tuple[int, int]]:
    """The picture as WebP in base64, no side longer than `size` pixels, and its own width and height.

    Raises InputError, naming the file, for a picture that is missing or broken.
    """
    from fourfold.evaluator.data.images import open_image

    image = open_image(picture)
    own_size = image.size
    image.thumbnail((size, size))
    return _webp(image, quality=quality, method=4), own_size


def mask_overlay(path: Path, values: tuple[int, ...], *, size: int) -> str:
    """An instance mask as transparent WebP in base64, no side longer than `size` pixels.

    Pixels of the mask that are `values[i]` get the color `OBJECT_COLORS[i]`, all others are transparent. Raises
    InputError for a mask that is missing or broken.
    """
    from PIL import Image

    ids = _read_mask(path)  # [h, w]
    colored = np.zeros((*ids.shape, 4), np.uint8)
    for i, value in enumerate(values):
        colored[ids == value] = (*_rgb(OBJECT_COLORS[i % len(OBJECT_COLORS)]), 150)
    image = Image.fromarray(colored, "RGBA")
    image.thumbnail((size, size), Image.Resampling.NEAREST)
    return _webp(image, lossless=True, quality=50)


def _read_mask(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(open_source(path)) as image:
            ids = np.asarray(image)  # [h, w] or [h, w, channels]
    except FileNotFoundError:
        raise InputError(f"{path}: no such mask; is the dataset folder complete?") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable mask ({error}); generate the dataset again") from None
    return ids if ids.ndim == 2 else ids[..., 0]


def _webp(image: "Image.Image", **options: int | bool) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **options)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
