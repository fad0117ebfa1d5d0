"""A library's preprocessing in two steps: what Pillow does to one picture, and the arithmetic on a batch of them.

The arithmetic is cheap on the device and dear in Python, and until then a picture travels as bytes, not as floats.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

Preprocess = Callable[[Image.Image], torch.Tensor]  # RGB -> [3, h, w] float32


class _Steps(NamedTuple):
    """The steps of a `Compose` before and after its `ToTensor`."""

    pictures: list[Callable[[Image.Image], Image.Image]]
    numbers: list[Callable[[torch.Tensor], torch.Tensor]]


def to_pixels(preprocess: Preprocess, image: Image.Image) -> torch.Tensor:
    """An RGB picture resized and cropped, [h, w, 3] uint8; of a preprocessing of another kind all that it gives."""
    steps = _split(preprocess)
    if steps is None:
        return preprocess(image)
    for step in steps.pictures:
        image = step(image)
    return torch.from_numpy(np.array(image.convert("RGB")))


def finish(preprocess: Preprocess, batch: torch.Tensor) -> torch.Tensor:
    """What the tower takes, [b, 3, h, w] float32, of a batch that `to_pixels` made, wherever it lies by now.

    To the bit what `preprocess` makes of each picture.
    """
    steps = _split(preprocess)
    if steps is None or batch.dtype != torch.uint8:
        return batch
    batch = batch.permute(0, 3, 1, 2).contiguous().float().div(255)
    for step in steps.numbers:
        batch = step(batch)
    return batch


def _split(preprocess: Any) -> _Steps | None:
    """The steps of a torchvision `Compose` of pictures, one `ToTensor` and normalisations; None for anything else."""
    if not type(preprocess).__module__.startswith("torchvision."):
        return None
    from torchvision import transforms  # has been imported, and cured if need be, by whoever made the preprocessing

    if not isinstance(preprocess, transforms.Compose):
        return None
    steps = preprocess.transforms
    at = [place for place, step in enumerate(steps) if isinstance(step, transforms.ToTensor)]
    if len(at) != 1 or not all(isinstance(step, transforms.Normalize) for step in steps[at[0] + 1 :]):
        return None
    return _Steps(steps[: at[0]], steps[at[0] + 1 :])
