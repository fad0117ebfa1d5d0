"""Where one object rests on another: the underside of the upper one against the top of the lower one, as meshes."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from fourfold.scenes.model.bodies import Body
from fourfold.scenes.shapes import KINDS, Kind, mesh

TOUCHING = 0.02  # scene units between surfaces that touch
_NEAR = 0.04  # of a kind's largest extent: undersides this near its lowest point, and tops this near its highest
_SLANT = 0.1  # least vertical part of the normal of a face that looks up or down
_SPACING = 0.1  # most between neighbouring sample points of an underside, at scale 1
_JOINED = 0.06  # most between points of one foot, at scale 1
_DIRECTIONS = 16
_POINT = 0.004  # scene units added to every reach: what stands on a point or an edge reaches nowhere
_SMALLER = 0.97  # size of a lower kind that has to carry an upper one, of the upper one's
_TURNS = (0.0, 30.0, 60.0, 90.0)  # of the upper one
_MOST_TURNS = 3
_FOOT = 0.2  # least share of a foot's area that is carried where the foot stands
_STABLE = 0.2  # least share of the bottom's reach that is carried on every side
_MOST = 0.6  # least share of the feet that stand


@dataclass(frozen=True)
class Contact:
    """How an object lies over another."""

    gap: float  # scene units between the surfaces where they are closest, negative where they cross; inf: nowhere over
    reach: float  # 0..1: how far the carried part reaches from the bottom's middle, of all of it, on the worst side
    feet: float  # 0..1: share of the bottom's separate parts that are carried

    @property
    def holds(self) -> bool:
        """Whether what is carried is enough for the object to stand: most of its feet, and its middle from all sides.

        A cube rests on a plate of half its width, a table on three of its legs does not.
        """
        return self.reach >= _STABLE and self.feet >= _MOST


@dataclass(frozen=True)
class _Underside:
    points: np.ndarray  # [n, 3] of the faces that look down, about the object's centre
    areas: np.ndarray  # [n] of the surface around each point
    feet: np.ndarray  # [n] number of the part of the bottom that the point belongs to


def contact(upper: Body, lower: Body) -> Contact:
    """The contact of an upper object with a lower one.

    The bottom is all of the upper object that is within `TOUCHING` of its lowest point: the base of a cube, the ends of
    a table's legs, a spot under a ball. What is carried is where the two surfaces are no more than `TOUCHING` farther
    apart than where they are closest.
    """
    x, y, z = (a - b for a, b in zip(upper.position, lower.position, strict=True))
    kinds = KINDS[upper.shape], KINDS[lower.shape]
    return _contact(*kinds, (upper.scale, lower.scale), (upper.yaw, lower.yaw), (x, y, z))


@lru_cache(maxsize=512)
def _contact(
    upper: Kind,
    lower: Kind,
    scales: tuple[float, float],
    turns: tuple[float, float],
    offset: tuple[float, float, float],
) -> Contact:
    under = _underside(upper)
    plan = _turned(under.points[:, :2] * scales[0], turns[0])  # [n, 2] about the upper one's centre
    heights = under.points[:, 2] * scales[0]  # [n]
    tops = _heights(_top(lower), _turned(plan + offset[:2], -turns[1]) / scales[1]) * scales[1]  # [n]
    gaps = heights + offset[2] - tops
    gap = float(gaps.min())
    if not np.isfinite(gap):
        return Contact(gap, 0.0, 0.0)
    bottom, carried = heights <= heights.min() + TOUCHING, gaps <= gap + TOUCHING
    middle = (plan[bottom].min(axis=0) + plan[bottom].max(axis=0)) / 2
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    ways = np.stack([np.cos(angles), np.sin(angles)])  # [2, directions]
    whole, part = (((plan[which] - middle) @ ways).max(axis=0) + _POINT for which in (bottom, carried))
    feet = np.unique(under.feet[bottom])
    areas, stands = (np.bincount(under.feet, under.areas * which)[feet] for which in (bottom, bottom & carried))
    # What rests on one part may rest on what is farther in: a hat whose brim hangs over.
    standing = float((stands >= _FOOT * areas).mean()) if len(feet) > 1 else 1.0
    return Contact(gap, float(np.clip(part / whole, 0, 1).min()), standing)


def can_carry(lower: str, upper: str) -> bool:
    """Whether the one kind rests on the middle of the other, about as large, in most turns."""
    return _can_carry(KINDS[lower], KINDS[upper])


@cache
def _can_carry(lower: Kind, upper: Kind) -> bool:
    tops = (mesh(lower.name).extents[2] * _SMALLER + mesh(upper.name).extents[2]) / 2
    found = (_contact(upper, lower, (1.0, _SMALLER), (turn, 0.0), (0.0, 0.0, float(tops))) for turn in _TURNS)
    return sum(one.holds and one.gap <= _NEAR for one in found) >= _MOST_TURNS


def _turned(points: np.ndarray, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ np.array([[c, s], [-s, c]])


@cache
def _underside(kind: Kind) -> _Underside:
    """The faces that look down near the lowest point of a kind at scale 1, as points."""
    from scipy.spatial import cKDTree
    from trimesh.graph import connected_component_labels  # over a second to import
    from trimesh.remesh import subdivide_to_size

    built = mesh(kind.name)
    vertices, faces = np.asarray(built.vertices), np.asarray(built.faces)
    lowest = vertices[:, 2].min()
    low = (vertices[faces, 2].min(axis=1) <= lowest + _NEAR) & (built.face_normals[:, 2] < -_SLANT)
    fine, fine_faces = subdivide_to_size(vertices, faces[low], _SPACING, max_iter=20)
    points, number = np.unique(np.round(fine, 6), axis=0, return_inverse=True)
    corners = number.reshape(-1)[fine_faces]  # [m, 3]
    sides = points[corners[:, 1:]] - points[corners[:, :1]]  # [m, 2, 3]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 6  # a third of a face for each corner
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]]])
    bottom = np.flatnonzero(points[:, 2] <= lowest + TOUCHING)
    along = edges[np.isin(edges, bottom).all(axis=1)]
    across = bottom[cKDTree(points[bottom]).query_pairs(_JOINED, output_type="ndarray")]  # of boards side by side
    feet = connected_component_labels(np.concatenate([along, across]), node_count=len(points))
    return _Underside(points, np.bincount(corners.ravel(), np.repeat(areas, 3), len(points)), np.asarray(feet))


@cache
def _top(kind: Kind) -> np.ndarray:
    """The triangles that look up near the highest point of a kind at scale 1, [m, corner, 3]."""
    built = mesh(kind.name)
    triangles = np.asarray(built.triangles)
    near = triangles[:, :, 2].max(axis=1) >= triangles[:, :, 2].max() - _NEAR
    return triangles[near & (built.face_normals[:, 2] > _SLANT)]


def _heights(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Height of the triangles [m, 3, 3] above each point [n, 2], the highest where several are; -inf where none is."""
    a, b, c = (triangles[:, k] for k in range(3))  # [m, 3]
    one, other, away = b - a, c - a, points[:, None] - a[:, :2]  # [m, 3], [m, 3], [n, m, 2]
    across = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]  # [m]
    v = (away[..., 0] * other[:, 1] - away[..., 1] * other[:, 0]) / across  # [n, m]
    w = (one[:, 0] * away[..., 1] - one[:, 1] * away[..., 0]) / across
    inside = (v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9)
    return np.where(inside, a[:, 2] + v * one[:, 2] + w * other[:, 2], -np.inf).max(axis=1, initial=-np.inf)
