"""`ImageRef`: where the pixels of a picture are; opening it is the business of `fourfold.evaluator.data.images`."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ImageRef:
    """Where the pixels are: a file, or bytes of an encoded image; and the part of it that is meant."""

    path: Path  # the file; with `data`, only the name to say in messages
    box: tuple[int, int, int, int] | None = None  # left, top, right, bottom in pixels
    data: bytes | None = field(default=None, repr=False)
