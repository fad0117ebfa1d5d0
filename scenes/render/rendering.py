"""The contract of renderers: a layout in, pixels out, whoever draws."""

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
    """Turns layouts into pixels; a context manager, since it holds a graphics context or a scene."""

    name: str

    def render(self, layout: Layout) -> Rendering:
        """Color, depth and instance ids of a layout."""

    def describe(self) -> dict[str, str]:
        """What draws, for manifests: at least `renderer`, its name and version."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
