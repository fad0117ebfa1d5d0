"""A kind's mesh in its place: what contact and distances between objects depend on."""

from dataclasses import dataclass

from fourfold.scenes.shapes import mesh


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
        return float(mesh(self.shape).extents[2]) * self.scale
