"""The contract of every renderer: a layout goes in, the pixels of a `Rendering` come out."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from fourfold.scenes.model.layout import Layout


@dataclass(frozen=True)
class Rendering:
    """Pixels of one layout."""

    color: np.ndarray  # [h, w, 3] uint8 sRGB
    depth: np.ndarray  # [h, w] float32, scene units along the viewing axis; 0 where nothing is
    instances: np.ndarray  # [h, w] uint8: 0 background, i + 1 for object i
    silhouettes: np.ndarray  # [n] int: pixels that object i would cover if nothing hid it


class Renderer(Protocol):
    """Turns layouts into pixels; a context manager, since it may hold a graphics context."""

    name: str

    def render(self, layout: Layout) -> Rendering:
        """Draw a layout. InputError for a shape or a background photo that this process does not know."""
        ...

    def describe(self) -> dict[str, str]:
        """Names of the library ("renderer") and of what it draws on ("device"), for manifests."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...
