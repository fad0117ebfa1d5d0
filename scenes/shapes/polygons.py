"""Triangles for flat polygons that need not be convex (ear clipping), so that modelling needs no geometry library."""

import numpy as np


def triangulate(polygon: np.ndarray) -> np.ndarray:
    """Triangles [n-2, 3] (indices) of a flat simple polygon [n, 3], wound as the polygon is; none if it is a point."""
    flat = _in_its_plane(polygon)
    if flat is None:
        return np.zeros((0, 3), dtype=int)
    left, triangles = list(range(len(flat))), []
    while len(left) > 3:
        ear = _best_ear(flat, left)
        triangles.append([left[ear - 1], left[ear], left[(ear + 1) % len(left)]])
        del left[ear]
    return np.array([*triangles, left])


def _in_its_plane(polygon: np.ndarray) -> np.ndarray | None:
    """The polygon as [n, 2], counter-clockwise; None where it encloses no area."""
    centred = polygon - polygon.mean(axis=0)
    area = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    size = np.linalg.norm(area)
    if size < 1e-12:
        return None
    normal = area / size
    u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    u /= np.linalg.norm(u)
    return np.stack([centred @ u, centred @ np.cross(normal, u)], -1)


def _best_ear(flat: np.ndarray, left: list[int]) -> int:
    """Position in `left` of the corner to cut off: convex, no other point in it, and as far from a sliver as may be."""
    points = flat[left]
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    areas = _cross(points - before, after - points)
    longest = np.maximum.reduce(
        [((p - q) ** 2).sum(-1) for p, q in ((before, points), (points, after), (after, before))]
    )
    for ear in np.argsort(-areas / longest, kind="stable"):
        if areas[ear] <= 0:
            break
        if not _holds_a_point(before[ear], points[ear], after[ear], points):
            return int(ear)
    return int(np.abs(areas).argmin())  # only straight corners are left: cutting one off loses nothing


def _holds_a_point(a: np.ndarray, b: np.ndarray, c: np.ndarray, points: np.ndarray) -> bool:
    """Whether a point other than the corners lies in the triangle or on its edges."""
    inside = np.ones(len(points), dtype=bool)
    for start, stop in ((a, b), (b, c), (c, a)):
        inside &= _cross(stop - start, points - start) >= -1e-12
    corner = ((points == a) | (points == b) | (points == c)).all(axis=1)
    return bool((inside & ~corner).any())


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
