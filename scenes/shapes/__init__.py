"""The table of object kinds: what they are called, how they may be turned, and who builds their mesh.

A new kind is one row here and one function in `geometric.py` or in a module of everyday things; tests come with the row.
Meshes: z up, front towards the camera (-y), bounding box centred at the origin, largest extent 1, outward normals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from scenes.errors import unknown_name

if TYPE_CHECKING:
    import trimesh

ANY = (0.0, 360.0)
FRONT = (-35.0, 35.0)  # for flat things: from the side they would be a line


@dataclass(frozen=True)
class Kind:
    """One kind of object: its words, its mesh, and the turns that keep it recognisable.

    `yaw` is a range in degrees about +z; 0 shows the front. `synonyms` are words that are just as true of the picture.
    """

    name: str
    plural: str
    synonyms: tuple[str, ...]
    build: Callable[[], trimesh.Trimesh]
    yaw: tuple[float, float]
    family: str
    article: str = "a"


def _build(module: str, function: str) -> trimesh.Trimesh:
    """Imports the modelling code on first use: the table alone must cost nothing (trimesh takes over a second)."""
    built: trimesh.Trimesh = getattr(import_module(f"scenes.shapes.{module}"), function)()
    return built


def _kind(
    module: str, name: str, plural: str, *synonyms: str, yaw: tuple[float, float] = ANY, article: str = "a"
) -> Kind:
    family = "geometric" if module == "geometric" else "everyday"
    function = name.replace(" ", "_").replace("-", "_")
    return Kind(name, plural, synonyms, partial(_build, module, function), yaw, family, article)


_ROWS = (
    _kind("geometric", "cube", "cubes"),
    _kind("geometric", "sphere", "spheres", "ball"),
    _kind("geometric", "cylinder", "cylinders"),
    _kind("geometric", "cone", "cones"),
    _kind("geometric", "pyramid", "pyramids"),
    _kind("geometric", "torus", "tori", "donut", yaw=FRONT),
    _kind("geometric", "capsule", "capsules", "pill", yaw=FRONT),
    _kind("geometric", "star", "stars", yaw=FRONT),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ROWS}
SHAPES: dict[str, Callable[[], trimesh.Trimesh]] = {name: kind.build for name, kind in KINDS.items()}


@cache
def mesh(name: str) -> trimesh.Trimesh:
    """The mesh of a built-in kind, built once in a process; InputError for a name that is not in the table."""
    if name not in KINDS:
        raise unknown_name("shape", name, KINDS)
    return KINDS[name].build()
