"""The table of object kinds: what they are called, how they may be turned, and who builds their mesh.

A new kind is one row here and one function in `geometric.py` or in a module of everyday things; its tests come with it.
Meshes: z up, front towards the camera (-y), bounding box centred at the origin, largest extent 1, outward normals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from fourfold.errors import unknown_name

if TYPE_CHECKING:
    import trimesh

ANY = (0.0, 360.0)
CORNER = (20.0, 70.0)  # square from above: head on, a cube is a square and a pyramid a triangle
SIDE = (-50.0, 50.0)  # for things whose other sides say less
FRONT = (-35.0, 35.0)  # for flat things: from the side they would be a line


@dataclass(
    frozen=True, eq=False
)  # one row is one object: what is kept of a kind is found by it, thousands of times a scene
class Kind:
    """One kind of object: its words, its mesh, and the turns that keep it recognisable.

    `yaw` is a range in degrees about +z; 0 shows the front. `synonyms` are words that are just as true of the picture;
    their plurals are regular. An empty `article` is the one that the name's sound wants. `front` is the yaw in degrees
    at which the front faces the camera, for kinds of which every side tells people where the front is. `room` is the
    module that builds it, "" for users' own.
    """

    name: str
    plural: str
    synonyms: tuple[str, ...]
    build: Callable[[], trimesh.Trimesh]
    yaw: tuple[float, float]
    family: str
    article: str = "a"
    front: float | None = None
    room: str = ""

    @property
    def exact_synonyms(self) -> tuple[str, ...]:
        """The synonyms that mean neither more nor less than the name, so that one may be denied for the other."""
        return tuple(word for word in self.synonyms if word in EXACT_SYNONYMS)


# The other synonyms are narrower (a table lamp is a lamp) or wider (not every ball is a sphere).
EXACT_SYNONYMS = frozenset(("hemisphere", "cogwheel", "wineglass", "pail", "couch", "plane", "bike", "bunny"))


def _build(module: str, function: str) -> trimesh.Trimesh:
    """Imports the modelling code on first use: the table alone must cost nothing (trimesh takes over a second)."""
    built: trimesh.Trimesh = getattr(import_module(f"fourfold.scenes.shapes.{module}"), function)()
    return built


def _kind(
    module: str,
    name: str,
    plural: str,
    *synonyms: str,
    yaw: tuple[float, float] = ANY,
    article: str = "a",
    front: float | None = None,
) -> Kind:
    family = "geometric" if module == "geometric" else "everyday"
    function = name.replace(" ", "_").replace("-", "_")
    return Kind(name, plural, synonyms, partial(_build, module, function), yaw, family, article, front, module)


_ROWS = (
    _kind("geometric", "cube", "cubes", yaw=CORNER),
    _kind("geometric", "sphere", "spheres", "ball"),
    _kind("geometric", "cylinder", "cylinders"),
    _kind("geometric", "cone", "cones"),
    _kind("geometric", "pyramid", "pyramids", yaw=CORNER),
    _kind("geometric", "torus", "tori", "donut", yaw=FRONT),
    _kind("geometric", "capsule", "capsules", "pill", yaw=FRONT),
    _kind("geometric", "star", "stars", yaw=FRONT),
    _kind("geometric", "heart", "hearts", yaw=FRONT),
    _kind("geometric", "arrow", "arrows", yaw=FRONT, article="an"),
    _kind("geometric", "cross", "crosses", "plus sign", yaw=FRONT),
    _kind("geometric", "crescent", "crescents", "crescent moon", yaw=FRONT),
    _kind("geometric", "half-sphere", "half-spheres", "hemisphere"),
    _kind("geometric", "wedge", "wedges", "ramp", yaw=(10.0, 50.0)),
    _kind("geometric", "arch", "arches", yaw=SIDE, article="an"),
    _kind("geometric", "staircase", "staircases", yaw=(10.0, 55.0)),
    _kind("geometric", "gear", "gears", "cogwheel", yaw=FRONT),
    _kind("geometric", "lightning bolt", "lightning bolts", yaw=FRONT),
    _kind("dishes", "mug", "mugs", "coffee mug", yaw=(-60.0, 20.0)),
    _kind("dishes", "bottle", "bottles"),
    _kind("dishes", "wine glass", "wine glasses", "wineglass"),
    _kind("dishes", "trophy", "trophies", yaw=FRONT),
    _kind("dishes", "teapot", "teapots", yaw=FRONT),
    _kind("dishes", "bucket", "buckets", "pail", yaw=SIDE),
    _kind("dishes", "fork", "forks", yaw=FRONT),
    _kind("containers", "bowl", "bowls"),
    _kind("containers", "basket", "baskets", yaw=FRONT),
    _kind("containers", "crate", "crates", yaw=(15.0, 75.0)),
    _kind("containers", "cooking pot", "cooking pots", "stockpot", yaw=SIDE),
    _kind("furniture", "chair", "chairs", front=0.0),
    _kind("furniture", "table", "tables"),
    _kind("furniture", "sofa", "sofas", "couch", yaw=SIDE),
    _kind("furniture", "bed", "beds", yaw=(-50.0, 20.0)),
    _kind("furniture", "lamp", "lamps", "table lamp"),
    _kind("furniture", "ladder", "ladders", yaw=FRONT),
    _kind("furniture", "clock", "clocks", "alarm clock", yaw=FRONT),
    _kind("furniture", "candle", "candles", yaw=SIDE),
    _kind("vehicles", "car", "cars", yaw=SIDE),
    _kind("vehicles", "boat", "boats", "sailboat", yaw=(-25.0, 25.0)),
    _kind("vehicles", "airplane", "airplanes", "plane", yaw=(15.0, 75.0), article="an"),
    _kind("vehicles", "rocket", "rockets"),
    _kind("vehicles", "train", "trains", "locomotive", yaw=SIDE, front=90.0),
    _kind("vehicles", "bicycle", "bicycles", "bike", yaw=FRONT),
    _kind("outdoors", "house", "houses", yaw=SIDE),
    _kind("outdoors", "castle", "castles", yaw=SIDE),
    _kind("outdoors", "windmill", "windmills", yaw=FRONT),
    _kind("outdoors", "tree", "trees", "fir tree"),
    _kind("outdoors", "cactus", "cacti", yaw=FRONT),
    _kind("outdoors", "mushroom", "mushrooms"),
    _kind("outdoors", "flower", "flowers", yaw=FRONT),
    _kind("outdoors", "snowman", "snowmen", yaw=SIDE),
    _kind("tools", "hammer", "hammers", yaw=FRONT),
    _kind("tools", "axe", "axes", yaw=FRONT, article="an"),
    _kind("tools", "key", "keys", yaw=FRONT),
    _kind("tools", "anchor", "anchors", yaw=FRONT, article="an"),
    _kind("tools", "umbrella", "umbrellas", yaw=(-40.0, 20.0), article="an"),
    _kind("tools", "hourglass", "hourglasses", article="an"),
    _kind("tools", "bell", "bells"),
    _kind("tools", "book", "books", "open book", yaw=FRONT),
    _kind("tools", "guitar", "guitars", yaw=FRONT),
    _kind("tools", "dumbbell", "dumbbells", yaw=FRONT),
    _kind("tools", "spring", "springs", "coil"),
    _kind("toys", "duck", "ducks", "rubber duck", yaw=(-30.0, 55.0), front=90.0),
    _kind("toys", "teddy bear", "teddy bears", yaw=SIDE, front=0.0),
    _kind("toys", "rabbit", "rabbits", "bunny", yaw=(-30.0, 55.0), front=90.0),
    _kind("toys", "fish", "fish", yaw=FRONT),
    _kind("toys", "hat", "hats", "top hat"),
    _kind("toys", "crown", "crowns"),
    _kind("toys", "diamond ring", "diamond rings", yaw=FRONT),
    _kind("toys", "pumpkin", "pumpkins"),
    _kind("toys", "cupcake", "cupcakes"),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ROWS}
WITH_FRONT = tuple(kind.name for kind in _ROWS if kind.front is not None)
SHAPES: dict[str, Callable[[], trimesh.Trimesh]] = {name: kind.build for name, kind in KINDS.items()}


def mesh(name: str) -> trimesh.Trimesh:
    """The mesh of a kind in the table, built once in a process: copy it to change it. InputError for another name."""
    if name not in KINDS:
        raise unknown_name("shape", name, KINDS)
    return _built(KINDS[name])


def extents(name: str) -> np.ndarray:
    """Width, depth and height of a kind's mesh, [3], largest 1; not to be written to. InputError for another name."""
    if name not in KINDS:
        raise unknown_name("shape", name, KINDS)
    return _extents(KINDS[name])


@cache
def _extents(kind: Kind) -> np.ndarray:
    found: np.ndarray = np.array(_built(kind).extents)
    found.flags.writeable = False
    return found


@cache
def _built(kind: Kind) -> trimesh.Trimesh:
    return kind.build()
