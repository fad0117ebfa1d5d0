"""From wishes to places: `place` turns a SceneSpec into a Layout, which fixes everything that a picture depends on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from fourfold.errors import InputError, unknown_name
from fourfold.scenes.model.arrangements import (
    ARRANGEMENTS,
    CAVITIES,
    CLEARANCE,
    Arrangement,
    arrangement,
    crowding,
    scatter,
)
from fourfold.scenes.model.backgrounds import Background, Lights, photo_background, sample_background, sample_lights
from fourfold.scenes.model.bodies import Body
from fourfold.scenes.model.boxes import boxes_overlap, boxes_seen, covered_shares
from fourfold.scenes.model.camera import Camera, world_from_ground
from fourfold.scenes.model.contact import TOUCHING, contact
from fourfold.scenes.model.separation import separation
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import (
    SIZE_JITTER,
    SIZES,
    TABLES,
    check_material_look,
    check_names,
    sample_rgb,
)
from fourfold.scenes.shapes import KINDS, Kind, extents, mesh

WALL_DISTANCE = 2.4  # from the plane of floating objects to the wall behind them
_BORDER = 0.02  # of the picture that stays free, share of its width
_SINKS = 0.04  # most that a thing sinks until its underside rests, where its lowest points hang over
_LEVEL = 0.001  # gaps below this are none
_TURNS = 20  # that a thing is given to rest on another
_COVERED = 0.5  # share of an object's box that the boxes of others may cover
_AT_ONCE = (8, 128)  # tries that are looked at together, first and at most


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
    material_look: int = 1  # a row of MATERIAL_LOOKS


def place(
    spec: SceneSpec,
    rng: np.random.Generator,
    *,
    clearance: Sequence[float] | None = None,
    accept: Callable[[Layout], bool] = lambda layout: True,
    tries: int = 400,
) -> Layout | None:
    """Give every object of the spec a place, look and light; None if no accepted layout was found in `tries`.

    More than three objects may take three times as many tries. `clearance` gives, for each object, the least scale that
    space is kept clear for (default: its own scale), so that an edit may exchange sizes or places without collisions.
    `accept` says whether a layout will do (say, that a relation holds clearly); it must draw nothing from `rng`, for
    many tries are looked at together. Raises InputError for a word that no table holds or a stack on a kind that has no
    flat top, and ValueError for a clearance of another length.
    """
    row = arrangement(spec.arrangement)
    _check_words(spec)
    camera = _sample_camera(row, rng)
    lights = sample_lights(rng)
    background = _sample_background(spec, row, rng)
    looks = [_sample_look(wish, camera, rng) for wish in spec.objects]
    if row.stacked and len(looks) > 1:
        resting = _resting_look(looks[0], looks[1], camera, rng)
        if resting is None:
            return None
        looks[0] = resting
    # Every kind gets the same clearance, or where a thing is would tell what it is.
    radii = CLEARANCE * np.array(
        [max(r, look.scale) for r, look in zip(clearance or [0.0] * len(looks), looks, strict=True)]
    )
    crowd = crowding(row, radii)
    camera = replace(camera, distance=float(np.round(camera.distance * crowd[0], 3)))
    start = Layout(_raised(looks, row, camera), row.name, camera, lights, background, spec.material_look)
    left, at_once = 3 * tries if crowd.max() > 1 else tries, _AT_ONCE[0]
    while left > 0:
        times, before = min(left, at_once), rng.bit_generator.state
        points, apart = scatter(row, radii, crowd, rng, times)
        places = _places(start, points[apart])
        possible = _possible(start, places)
        for number, spots in zip(np.flatnonzero(apart)[possible], places[possible].tolist(), strict=True):
            moved = (replace(thing, position=tuple(spot)) for thing, spot in zip(start.objects, spots, strict=True))
            layout = replace(start, objects=tuple(moved))
            if accept(layout):
                rng.bit_generator.state = before  # what comes next is drawn as if later tries had not been looked at
                scatter(row, radii, crowd, rng, int(number) + 1)
                return layout
        left, at_once = left - times, min(2 * at_once, _AT_ONCE[1])
    return None


def _raised(looks: Sequence[PlacedObject], row: Arrangement, camera: Camera) -> tuple[PlacedObject, ...]:
    """The objects at the heights at which they stand wherever they are put: a stack settled, all others on the ground.

    Those that float have no heights yet.
    """
    objects = tuple(put(look, np.array([0.0, 0.0]), row.name, camera) for look in looks)
    if not row.stacked or len(objects) < 2:
        return objects
    return (*settled((put_on(objects[0], objects[1]), objects[1])), *objects[2:])


def _places(layout: Layout, points: np.ndarray) -> np.ndarray:
    """Where the layout's objects are if put at points [times, n, 2], as `put` reads points; [times, n, 3] rounded."""
    flat = points.reshape(-1, 2)
    standing = ARRANGEMENTS[layout.arrangement].standing
    ground = flat if standing else flat * [1.0, 0.0]
    x, y = world_from_ground(layout.camera, ground.T)
    heights = [thing.position[2] for thing in layout.objects]
    z = np.broadcast_to(heights, points.shape[:2]) if standing else points[..., 1]
    places = np.stack([x.reshape(z.shape), y.reshape(z.shape), z], axis=-1)
    return np.asarray(np.round(places, 4) + 0.0)  # + 0.0: no negative zero in files


def _possible(layout: Layout, places: np.ndarray) -> np.ndarray:
    """The numbers of those `places` [times, n, 3] of the layout's objects where all clearances are in the picture, no
    two objects collide, and none is half hidden.
    """
    halves, turns = _boxes(layout.objects)
    good = np.flatnonzero(_in_frame(layout, places, _BORDER).all(axis=1))
    if len(good):
        good = good[~boxes_overlap(places[good], halves, turns).any(axis=(1, 2))]
    if len(good):
        shares = covered_shares(layout.camera, places[good], halves, turns)
        good = good[shares.max(axis=1, initial=0.0) < _COVERED]
    return good


def put(look: PlacedObject, point: np.ndarray, arrangement_name: str, camera: Camera) -> PlacedObject:
    """Set an object down at a point [2]: (to the right, away) on the ground, or (to the right, up) in the air."""
    if not ARRANGEMENTS[arrangement_name].standing:
        x, y = world_from_ground(camera, np.array([point[0], 0.0]))
        return replace(look, position=_rounded(x, y, point[1]))
    x, y = world_from_ground(camera, point)
    return replace(look, position=_rounded(x, y, resting_height(look)))


def put_on(upper: PlacedObject, lower: PlacedObject) -> PlacedObject:
    """The first object moved to above the middle of the second; `settled` then lets it down on it, or into it."""
    x, y, z = lower.position
    return replace(upper, position=_rounded(x, y, z + height(lower)))


def settled(objects: Sequence[PlacedObject]) -> tuple[PlacedObject, ...]:
    """The objects moved down to stand on the ground, or on or in what is below them; equal x and y make a stack."""
    done = list(objects)
    for i in sorted(range(len(objects)), key=lambda i: objects[i].position[2]):
        x, y, z = objects[i].position
        below = [done[k] for k, other in enumerate(objects) if other.position[:2] == (x, y) and other.position[2] < z]
        done[i] = _settle(objects[i], below)
    return tuple(done)


def _settle(thing: PlacedObject, below: Sequence[PlacedObject]) -> PlacedObject:
    x, y, _ = thing.position
    stood = replace(thing, position=_rounded(x, y, sum(map(_support, below)) + resting_height(thing)))
    if not below or any(other.shape in CAVITIES for other in below):
        return stood
    gap = contact(body(stood), body(max(below, key=lambda other: other.position[2]))).gap
    return replace(stood, position=_rounded(x, y, stood.position[2] - gap)) if _LEVEL < gap <= _SINKS else stood


def rests_on(upper: PlacedObject, lower: PlacedObject) -> bool:
    """Whether the first object stands on the second where it is: surfaces that touch, and enough of its bottom."""
    found = contact(body(upper), body(lower))
    return abs(found.gap) <= TOUCHING and found.holds


def _resting_look(
    look: PlacedObject, lower: PlacedObject, camera: Camera, rng: np.random.Generator
) -> PlacedObject | None:
    """The look, turned anew until it rests on the middle of the lower one; None if it never does."""
    for _ in range(_TURNS):
        upper, base = settled((put_on(look, lower), replace(lower, position=_rounded(0, 0, resting_height(lower)))))
        if lower.shape in CAVITIES or rests_on(upper, base):
            return look
        look = replace(look, yaw=sample_yaw(look.shape, camera, rng))
    return None


def _support(thing: PlacedObject) -> float:
    """Height above its lowest point at which an object carries another: its top, or the floor of what is open."""
    return CAVITIES[thing.shape].floor * thing.scale if thing.shape in CAVITIES else height(thing)


def body(thing: PlacedObject) -> Body:
    """The object's mesh in its place."""
    return Body(thing.shape, thing.scale, thing.yaw, thing.position)


def footprint(thing: PlacedObject) -> float:
    """Radius, in scene units, of the upright cylinder about an object's middle that it never leaves when it turns."""
    return _unit_footprint(KINDS[thing.shape]) * thing.scale


@cache
def _unit_footprint(kind: Kind) -> float:
    return float(np.hypot(*np.asarray(mesh(kind.name).vertices)[:, :2].T).max())


def height(thing: PlacedObject) -> float:
    """From an object's lowest point to its highest, in scene units."""
    return float(extents(thing.shape)[2]) * thing.scale


def resting_height(thing: PlacedObject) -> float:
    """Height of an object's centre when it stands on the ground, in scene units."""
    return height(thing) / 2


def boxes_in_picture(layout: Layout) -> np.ndarray:
    """Left, top, right, bottom of each object's bounding box as the camera sees it, [n, 4], the picture is 0..1.

    Never smaller than the object's silhouette, and for a round thing larger.
    """
    return boxes_seen(layout.camera, _middles(layout.objects), *_boxes(layout.objects))


def in_frame(layout: Layout, border: float = _BORDER) -> np.ndarray:
    """Which objects have their clearance box inside the picture with that border (share of its width), [n] bool.

    The clearance box has one form for all kinds: otherwise wide kinds would keep to the middle, and where a thing is
    would tell what it is. Corners that reach out of it are checked once the scene is drawn. The box is as wide as the
    mean of the object's scale and 1: the border keeps large things in the middle, the clearance between objects keeps
    them out of it, and with this width the two balance.
    """
    return _in_frame(layout, _middles(layout.objects), border)


def _in_frame(layout: Layout, places: np.ndarray, border: float) -> np.ndarray:
    """As `in_frame`, with the objects at `places` [..., n, 3]; [..., n] bool."""
    scales = np.array([thing.scale for thing in layout.objects])  # [n]
    if ARRANGEMENTS[layout.arrangement].standing:  # all stand at their lowest point
        rises = [(thing.scale - height(thing)) / 2 for thing in layout.objects]
        places = places + np.multiply.outer(rises, [0.0, 0.0, 1.0]).reshape(-1, 3)
    wide = (scales + 1) / 4
    halves = np.stack([wide, wide, scales / 2], axis=1)  # [n, 3]
    boxes = boxes_seen(layout.camera, places, halves, np.full(len(scales), np.radians(layout.camera.azimuth)))
    return np.all((boxes > border) & (boxes < 1 - border), axis=-1)


def overlapping(objects: Sequence[PlacedObject], close: Sequence[tuple[int, int]] = ()) -> np.ndarray:
    """Which two objects' bounding boxes come closer than a gap, [n, n] bool; not those of one stack.

    Boxes turn about the vertical only, so they are apart if their heights are, or some side of one parts their bases.
    Pairs in `close` are near each other on purpose: they may touch, and overlap only if their meshes are in each other.
    """
    found = boxes_overlap(_middles(objects), *_boxes(objects))
    for i, j in close:
        found[i, j] = found[j, i] = found[i, j] and separation(body(objects[i]), body(objects[j])) < -TOUCHING
    return found


def covered(layout: Layout) -> np.ndarray:
    """Share of each object's box in the picture that boxes of nearer objects cover, [n], 0 to 1; not in a stack."""
    return covered_shares(layout.camera, _middles(layout.objects), *_boxes(layout.objects))


def _middles(objects: Sequence[PlacedObject]) -> np.ndarray:
    return np.array([thing.position for thing in objects]).reshape(-1, 3)


def _boxes(objects: Sequence[PlacedObject]) -> tuple[np.ndarray, np.ndarray]:
    """Half the sides of the objects' bounding boxes, [n, 3] scene units, and their turns, [n] radians."""
    halves = np.array([extents(thing.shape) * thing.scale / 2 for thing in objects]).reshape(-1, 3)
    return halves, np.radians([thing.yaw for thing in objects])


def _check_words(spec: SceneSpec) -> None:
    check_material_look(spec.material_look)
    for attribute in TABLES:
        check_names(attribute, (getattr(wish, attribute) for wish in spec.objects))
    for wish in spec.objects:
        if wish.shape not in KINDS:
            raise unknown_name("shape", wish.shape, KINDS)
    bases = arrangement(spec.arrangement).bases
    if bases and len(spec.objects) > 1 and spec.objects[1].shape not in bases:
        raise InputError(
            f"arrangement {spec.arrangement!r}: the second object carries the first, so it must be one of "
            f"{', '.join(bases)}; given {spec.objects[1].shape!r}"
        )


def _sample_camera(row: Arrangement, rng: np.random.Generator) -> Camera:
    azimuth, elevation, fov = (float(np.round(rng.uniform(*span), 2)) for span in (row.azimuth, row.elevation, row.fov))
    distance = float(np.round(row.view / np.tan(np.radians(fov) / 2) * rng.uniform(0.97, 1.06), 3))
    return Camera(azimuth, elevation, distance, (0.0, 0.0, row.target_z), fov)


def _sample_background(spec: SceneSpec, row: Arrangement, rng: np.random.Generator) -> Background:
    if spec.photos:
        return photo_background(spec.photos[int(rng.integers(len(spec.photos)))])
    return sample_background(spec.surfaces or row.surfaces, rng)


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
    """A random turn, 0..360 degrees about the vertical, in which this camera sees the kind recognisably."""
    low, high = KINDS[shape].yaw
    return float(np.round((camera.azimuth + rng.uniform(low, high)) % 360, 2))


def _rounded(*values: float) -> tuple[float, float, float]:
    x, y, z = (float(np.round(v, 4)) + 0.0 for v in values)  # + 0.0: no negative zero in files
    return x, y, z


def layout_to_dict(layout: Layout) -> dict[str, Any]:
    """The layout as plain data for JSON; a background without a photo and the first material look are left out.

    So that the rows and hashes of scenes from before there were any stay as they are.
    """
    data = _plain(layout) | {"objects": tuple(map(_plain, layout.objects))}
    data |= {name: _plain(data[name]) for name in ("camera", "lights", "background")}
    if not layout.background.photo:
        del data["background"]["photo"]
    if layout.material_look == 1:
        del data["material_look"]
    return data


def _plain(part: Any) -> dict[str, Any]:
    """The fields of a dataclass in their order; `asdict` copies each tuple of numbers too, at ten times the cost."""
    return {field.name: getattr(part, field.name) for field in fields(part)}


def layout_from_dict(data: dict[str, Any]) -> Layout:
    """The layout that `layout_to_dict` wrote; unknown keys are ignored, a missing part is a KeyError.

    Raises InputError for a material look that no table holds.
    """
    return Layout(
        objects=tuple(_build(PlacedObject, row) for row in data["objects"]),
        arrangement=data["arrangement"],
        camera=_build(Camera, data["camera"]),
        lights=_build(Lights, data["lights"]),
        background=_build(Background, data["background"]),
        material_look=check_material_look(data.get("material_look", 1)),
    )


def _build(kind: type, row: dict[str, Any]) -> Any:
    known = {field.name for field in fields(kind)}
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in row.items() if key in known})
