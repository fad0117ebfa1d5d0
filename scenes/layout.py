"""From wishes to places: `place` turns a SceneSpec into a Layout, which fixes everything that a picture depends on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from scenes.backgrounds import BEHIND, ON_TABLE, Background, Lights, sample_background, sample_lights
from scenes.camera import Camera, project, world_from_ground
from scenes.errors import unknown_name
from scenes.shapes import KINDS, mesh
from scenes.spec import ObjectSpec, SceneSpec
from scenes.vocabulary import SIZE_JITTER, SIZES, sample_rgb

WALL_DISTANCE = 2.4  # from the plane of floating objects to the wall behind them
_ROOM = 0.60  # radius that an object of scale 1 needs around its centre, whatever its shape
_GAP = 0.10  # least empty space between the rooms of two objects
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)


@dataclass(frozen=True)
class PlacedObject:
    """An object with everything that its look depends on. Lengths in scene units, angles in degrees."""

    shape: str
    color: str
    size: str
    material: str
    pattern: str
    rgb: tuple[int, int, int]  # surface color, sRGB 0..255
    position: tuple[float, float, float]  # centre of the bounding box, world coordinates
    yaw: float  # about the vertical
    scale: float  # largest extent
    visible_fraction: float = 1.0  # of its silhouette; measured after rendering


@dataclass(frozen=True)
class Layout:
    """A scene with places: equal layouts give equal pictures on the same renderer."""

    objects: tuple[PlacedObject, ...]
    arrangement: str
    camera: Camera
    lights: Lights
    background: Background


@dataclass(frozen=True)
class Arrangement:
    """Where objects may be, and how the camera looks at them. Ranges are (low, high)."""

    name: str
    surfaces: tuple[str, ...]
    across: float  # half-width of the area for object centres, to the right
    along: float  # half-height of it: away from the camera on a table, upwards in the air
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    fov: tuple[float, float]
    view: float  # half-width of the picture at the target, scene units
    target_z: float


ARRANGEMENTS = {
    row.name: row
    for row in (
        Arrangement("table", ON_TABLE, 1.4, 1.5, (-25, 25), (26, 40), (30, 42), 1.95, 0.25),
        Arrangement("floating", BEHIND, 1.35, 1.35, (-6, 6), (-3, 7), (30, 42), 1.85, 0.0),
    )
}


def arrangement(name: str) -> Arrangement:
    """The row of that name; an unknown one is refused with the choices."""
    if name not in ARRANGEMENTS:
        raise unknown_name("arrangement", name, ARRANGEMENTS)
    return ARRANGEMENTS[name]


def place(
    spec: SceneSpec,
    rng: np.random.Generator,
    *,
    room: Sequence[float] | None = None,
    accept: Callable[[Layout], bool] = lambda layout: True,
    tries: int = 200,
) -> Layout | None:
    """Give every object of the spec a place, look and light; None if no accepted layout was found in `tries`.

    `room` is the scale to keep room for around each object (default its own): an edit may exchange sizes or
    places without collisions. `accept` says whether a layout will do (say, that a relation holds clearly).
    """
    row = arrangement(spec.arrangement)
    camera = _sample_camera(row, rng)
    lights = sample_lights(rng)
    background = sample_background(spec.surfaces or row.surfaces, rng)
    looks = [_sample_look(wish, camera, rng) for wish in spec.objects]
    radii = np.array([_ROOM * max(r, look.scale) for r, look in zip(room or [0.0] * len(looks), looks, strict=True)])
    for _ in range(tries):
        points = rng.uniform(-1, 1, size=(len(looks), 2)) * (row.across, row.along)  # [n, 2]
        if _collide(points, radii):
            continue
        objects = tuple(put(look, point, row.name, camera) for look, point in zip(looks, points, strict=True))
        layout = Layout(objects, row.name, camera, lights, background)
        if bool(np.all(in_frame(layout))) and accept(layout):
            return layout
    return None


def put(look: PlacedObject, point: np.ndarray, arrangement_name: str, camera: Camera) -> PlacedObject:
    """Set an object down at (to the right, away) on the table, or at (to the right, up) in the air."""
    if arrangement_name == "floating":
        x, y = world_from_ground(camera, np.array([point[0], 0.0]))
        return replace(look, position=_rounded(x, y, point[1]))
    x, y = world_from_ground(camera, point)
    return replace(look, position=_rounded(x, y, resting_height(look)))


def resting_height(thing: PlacedObject) -> float:
    """Height of an object's centre when it stands on the table."""
    return float(mesh(thing.shape).extents[2]) * thing.scale / 2


def in_frame(layout: Layout, border: float = 0.02) -> np.ndarray:
    """Which objects are wholly inside the picture with that border (share of its width), [n] bool, by their boxes."""
    halves = np.array([mesh(thing.shape).extents * thing.scale / 2 for thing in layout.objects])  # [n, 3]
    turns = np.radians([thing.yaw for thing in layout.objects])
    c, s = np.cos(turns)[:, None], np.sin(turns)[:, None]  # [n, 1]
    corners = _CORNERS[None] * halves[:, None]  # [n, 8, 3]
    x, y = corners[..., 0] * c - corners[..., 1] * s, corners[..., 0] * s + corners[..., 1] * c
    world = np.stack([x, y, corners[..., 2]], axis=-1) + np.array([t.position for t in layout.objects])[:, None]
    seen = project(layout.camera, world.reshape(-1, 3)).reshape(-1, 8, 2)
    return np.all((seen > border) & (seen < 1 - border), axis=(1, 2))


def _sample_camera(row: Arrangement, rng: np.random.Generator) -> Camera:
    azimuth, elevation, fov = (float(np.round(rng.uniform(*span), 2)) for span in (row.azimuth, row.elevation, row.fov))
    distance = float(np.round(row.view / np.tan(np.radians(fov) / 2) * rng.uniform(0.97, 1.06), 3))
    return Camera(azimuth, elevation, distance, (0.0, 0.0, row.target_z), fov)


def _sample_look(wish: ObjectSpec, camera: Camera, rng: np.random.Generator) -> PlacedObject:
    scale = SIZES[wish.size].scale * rng.uniform(1 - SIZE_JITTER, 1 + SIZE_JITTER)
    return PlacedObject(
        shape=wish.shape,
        color=wish.color,
        size=wish.size,
        material=wish.material,
        pattern=wish.pattern,
        rgb=sample_rgb(wish.color, rng),
        position=(0.0, 0.0, 0.0),
        yaw=sample_yaw(wish.shape, camera, rng),
        scale=float(np.round(scale, 4)),
    )


def sample_yaw(shape: str, camera: Camera, rng: np.random.Generator) -> float:
    """A turn in which the kind stays recognisable to this camera."""
    low, high = KINDS[shape].yaw
    return float(np.round((camera.azimuth + rng.uniform(low, high)) % 360, 2))


def _collide(points: np.ndarray, radii: np.ndarray) -> bool:
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) - radii[:, None] - radii[None]  # [n, n]
    return bool((gaps[np.triu_indices(len(points), 1)] < _GAP).any())


def _rounded(*values: float) -> tuple[float, float, float]:
    x, y, z = (float(np.round(v, 4)) + 0.0 for v in values)  # + 0.0: no negative zero in files
    return x, y, z


def layout_to_dict(layout: Layout) -> dict[str, Any]:
    """The layout as plain data for JSON."""
    return asdict(layout)


def layout_from_dict(data: dict[str, Any]) -> Layout:
    """The layout that `layout_to_dict` wrote; keys that it does not know are left out (annotations add some)."""
    return Layout(
        objects=tuple(_build(PlacedObject, row) for row in data["objects"]),
        arrangement=data["arrangement"],
        camera=_build(Camera, data["camera"]),
        lights=_build(Lights, data["lights"]),
        background=_build(Background, data["background"]),
    )


def _build(kind: type, row: dict[str, Any]) -> Any:
    known = {field.name for field in fields(kind)}
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in row.items() if key in known})
