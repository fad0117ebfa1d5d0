"""Building blocks the object kinds are modelled from: closed surfaces, and `solid`, which makes an object of them.

Every block returns one watertight body with outward normals. Axes as in a scene: x right, y away from the camera, z up.
Outlines are closed polygons in the x-z plane (what the camera sees), profiles are (radius, z) pairs, bottom first.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import trimesh
from trimesh import Trimesh

from fourfold.scenes.shapes.polygons import triangulate

Points = npt.ArrayLike  # [k, 2] or [k, 3]
Vector = npt.ArrayLike  # [3] x, y, z

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
CREASE = 40.0  # degrees; between the 22.5 of a 16-sided tube and the 45 of the flattest edge meant to be seen


def solid(*bodies: Trimesh, crease: float = CREASE) -> Trimesh:
    """Joins bodies into one object: centred, largest extent 1, shaded flat across edges sharper than `crease` degrees.

    Vertices are split along the sharp edges, so that `vertex_normals` alone tells a renderer what is round.
    """
    return normalized(shaded(joined(bodies), crease))


def joined(bodies: Sequence[Trimesh]) -> Trimesh:
    """The bodies as one mesh, in order; coincident vertices are kept apart. At least one body is needed."""
    starts = np.cumsum([0, *(len(body.vertices) for body in bodies[:-1])])
    faces = [body.faces + start for body, start in zip(bodies, starts, strict=True)]
    return Trimesh(np.concatenate([body.vertices for body in bodies]), np.concatenate(faces), process=False)


def shaded(mesh: Trimesh, crease: float = CREASE) -> Trimesh:
    """The same surface, shaded flat at edges sharper than `crease` degrees: vertices are split along these."""
    smooth = mesh.face_adjacency_angles < np.radians(crease)
    pairs, edges = mesh.face_adjacency[smooth], mesh.face_adjacency_edges[smooth]  # [k, 2] faces, [k, 2] vertices
    corner = 3 * pairs[:, :, None] + (mesh.faces[pairs][:, :, None] == edges[:, None, :, None]).argmax(-1)
    same = np.swapaxes(corner, 1, 2).reshape(-1, 2)  # [2k, 2] corners of two faces that share a vertex and its normal
    fan = trimesh.graph.connected_component_labels(same, node_count=3 * len(mesh.faces))
    _, first, faces = np.unique(fan, return_index=True, return_inverse=True)
    return Trimesh(mesh.vertices[mesh.faces.ravel()[first]], faces.reshape(-1, 3), process=False)


def normalized(mesh: Trimesh) -> Trimesh:
    """The mesh itself, moved and scaled in place: bounding box centred at the origin, largest extent 1."""
    low, high = mesh.bounds
    mesh.apply_translation(-(low + high) / 2)
    mesh.apply_scale(1 / mesh.extents.max())
    return mesh


def loft(sections: Points, *, ring: bool = False) -> Trimesh:
    """The skin through closed sections [m, n, 3]; flat caps at both ends, or none where `ring` joins last to first.

    A section whose points coincide is a tip. Sections need not be convex, but must not cross each other.
    """
    grid = np.asarray(sections, dtype=float)
    m, n, _ = grid.shape
    index = np.arange(m * n).reshape(m, n)
    below, above = (index, np.roll(index, -1, axis=0)) if ring else (index[:-1], index[1:])
    right, above_right = np.roll(below, -1, axis=1), np.roll(above, -1, axis=1)
    sides = [np.stack([below, right, above_right], -1), np.stack([below, above_right, above], -1)]
    faces = [side.reshape(-1, 3) for side in sides]
    if not ring:
        faces += [index[0][triangulate(grid[0])][:, ::-1], index[-1][triangulate(grid[-1])]]
    return _closed(grid.reshape(-1, 3), np.concatenate(faces))


def _closed(vertices: np.ndarray, faces: np.ndarray) -> Trimesh:
    """Welds coincident points (tips), drops the faces that collapse there, turns the surface outward."""
    mesh = Trimesh(vertices, faces, process=False)
    mesh.merge_vertices()
    corners = mesh.faces
    mesh.update_faces(
        (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    )
    if mesh.volume < 0:
        mesh.invert()
    return mesh


def box(x: float, y: float, z: float, at: Vector = (0, 0, 0)) -> Trimesh:
    """A block of these extents, centred at `at` [3]."""
    base = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (x / 2, y / 2)
    return moved(loft([level(base, -z / 2), level(base, z / 2)]), at)


def lathe(profile: Points, at: Vector = (0, 0, 0), *, sections: int = 32) -> Trimesh:
    """A profile [k, 2] of (radius, z) turned about z, closed at both ends: by a point at radius 0, else by a disc."""
    around = circle(sections)
    return moved(loft([level(around * radius, z) for radius, z in np.asarray(profile, dtype=float)]), at)


def cone(radius: float, low: float, high: float, *, sections: int = 32) -> Trimesh:
    """A cone on the z axis from `low` to its tip at `high`.

    The narrow ring just under the tip keeps the shading of its side straight: a tip has but one normal.
    """
    ring = (radius * 0.01, low + (high - low) * 0.99)
    return lathe([(radius, low), ring, (0, high)], sections=sections)


def torus(major: float, minor: float, at: Vector = (0, 0, 0), *, sections: int = 32) -> Trimesh:
    """A round ring standing in the x-z plane, centred at `at` [3]; `major` is measured to the middle of the tube."""
    return moved(tube(circle(sections) * major, minor, ring=True, sections=20), at)


def ball(radius: float | Vector, at: Vector = (0, 0, 0), *, sections: int = 24) -> Trimesh:
    """A sphere of this radius, or an ellipsoid of three radii [3], centred at `at` [3]."""
    unit = lathe(arc(1, -90, 90, sections // 2 + 1), sections=sections)
    unit.apply_scale(np.broadcast_to(np.asarray(radius, dtype=float), 3))
    return moved(unit, at)


def prism(outline: Points, depth: float, at: Vector = (0, 0, 0)) -> Trimesh:
    """An outline [n, 2] in (x, z), front faces at y = -depth/2, back at +depth/2."""
    return moved(loft([upright(outline, -depth / 2), upright(outline, depth / 2)]), at)


def frame(outer: Points, inner: Points, depth: float, at: Vector = (0, 0, 0)) -> Trimesh:
    """A flat ring between two outlines [n, 2] with as many points each, paired in order."""
    front, back = -depth / 2, depth / 2
    pairs = [(outer, front), (outer, back), (inner, back), (inner, front)]
    return moved(loft([upright(outline, y) for outline, y in pairs], ring=True), at)


def upright(outline: Points, y: float) -> np.ndarray:
    """An outline [n, 2] as points [n, 3] of the x-z plane, at depth y."""
    return np.insert(np.asarray(outline, dtype=float), 1, y, axis=1)


def level(outline: Points, z: float) -> np.ndarray:
    """An outline [n, 2] as points [n, 3] of the x-y plane, at height z."""
    return np.insert(np.asarray(outline, dtype=float), 2, z, axis=1)


def tube(
    path: Points, radius: float | Sequence[float] | np.ndarray, *, ring: bool = False, sections: int = 12
) -> Trimesh:
    """A round rod along points [k, 3] (or [k, 2] in (x, z)); one radius, or one for each point; 0 makes a tip."""
    points = np.asarray(path, dtype=float)
    if points.shape[1] == 2:
        points = upright(points, 0)
    ahead = np.roll(points, -1, axis=0) - points
    behind = np.roll(ahead, 1, axis=0)
    if not ring:
        ahead[-1], behind[0] = behind[-1], ahead[0]
    tangents = _unit(_unit(ahead) + _unit(behind))
    side, rows = _across(tangents[0]), []
    turn = np.linspace(0, 2 * np.pi, sections, endpoint=False)[:, None]
    for point, tangent, r in zip(points, tangents, np.broadcast_to(radius, len(points)), strict=True):
        side = _unit(side - tangent * (side @ tangent))  # carried along without twisting
        rows.append(point + r * (np.cos(turn) * side + np.sin(turn) * np.cross(tangent, side)))
    return loft(np.array(rows), ring=ring)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _across(tangent: np.ndarray) -> np.ndarray:
    """Any direction that is not the tangent's own; y first, so that plane paths get sections in step."""
    return np.array([0.0, 1.0, 0.0]) if abs(tangent[1]) < 0.9 else np.array([1.0, 0.0, 0.0])


def arc(radius: float, start: float, stop: float, count: int, centre: Vector = (0, 0)) -> np.ndarray:
    """Points [count, 2] on a circle, from `start` to `stop` degrees, both ends included, 0 = +x, 90 = up."""
    angles = np.radians(np.linspace(start, stop, count))
    return np.stack([np.cos(angles), np.sin(angles)], -1) * radius + np.asarray(centre)


def circle(count: int) -> np.ndarray:
    """A closed outline [count, 2] of radius 1 about the origin."""
    return arc(1, 0, 360, count + 1)[:-1]


def symmetric(right: Points) -> np.ndarray:
    """An outline [m, 2] from its right half [k, 2]: points (x, z) bottom to top; those on the axis are not doubled."""
    half = np.asarray(right, dtype=float)
    return np.concatenate([half, half[half[:, 0] > 1e-9][::-1] * (-1, 1)])


def curve(points: Points, count: int) -> np.ndarray:
    """A smooth curve [count, d] through points [k, d] (Catmull-Rom), evenly spaced in their order."""
    given = np.asarray(points, dtype=float)
    padded = np.concatenate([[2 * given[0] - given[1]], given, [2 * given[-1] - given[-2]]])
    where = np.linspace(0, len(given) - 1, count)
    start = np.minimum(where.astype(int), len(given) - 2)
    t = (where - start)[:, None]
    a, b, c, d = (padded[start + offset] for offset in range(4))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def moved(body: Trimesh, by: Vector) -> Trimesh:
    """The body itself, shifted in place by (x, y, z) [3]."""
    body.apply_translation(by)
    return body


def turned(body: Trimesh, axis: str, degrees: float) -> Trimesh:
    """The body itself, turned in place about the x, y or z axis through the origin, by the right-hand rule."""
    body.apply_transform(trimesh.transformations.rotation_matrix(np.radians(degrees), AXES[axis]))
    return body
