"""A kind's mesh in its place: what contact and distances between objects depend on."""

from dataclasses import dataclass
from functools import cache

from fourfold.scenes.shapes import KINDS, Kind, mesh


@dataclass(frozen=True)
class Body:
    """A mesh of the table of kinds, scaled, turned and placed. Lengths in scene units, the turn in degrees."""

    shape: str
    scale: float  # largest extent
    yaw: float  # about the vertical
    position: tuple[float, float, float]  # centre of the bounding box

    @property
    def height(self) -> float:
        """From its lowest point to its highest."""
        return _tall(KINDS[self.shape]) * self.scale


@cache
def _tall(kind: Kind) -> float:
    return float(mesh(kind.name).extents[2])
