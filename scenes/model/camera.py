"""Where the camera stands and where it sees a point. No OpenGL here."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at a target; world z is up, azimuth 0 looks along +y. Angles in degrees."""

    azimuth: float
    elevation: float
    distance: float
    target: tuple[float, float, float]
    fov: float  # vertical and horizontal: pictures are square


def axes(camera: Camera) -> np.ndarray:
    """Rows right, up, backward of the camera as unit vectors in the world, [3, 3]."""
    a, e = np.radians(camera.azimuth), np.radians(camera.elevation)
    (sin_a, sin_e), (cos_a, cos_e) = np.sin([a, e]), np.cos([a, e])
    up = [-sin_a * sin_e, cos_a * sin_e, cos_e]
    return np.array([[cos_a, sin_a, 0.0], up, [sin_a * cos_e, -cos_a * cos_e, sin_e]])


def pose(camera: Camera) -> np.ndarray:
    """Camera-to-world matrix [4, 4] in the OpenGL convention (camera looks along its -z)."""
    matrix = np.eye(4)
    matrix[:3, :3] = axes(camera).T
    matrix[:3, 3] = np.array(camera.target) + axes(camera)[2] * camera.distance
    return matrix


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Picture coordinates [n, 2] of world points [n, 3] or [3]: x to the right, y down, the picture is 0..1."""
    local = (np.atleast_2d(points) - pose(camera)[:3, 3]) @ axes(camera).T  # [n, 3]
    half = np.tan(np.radians(camera.fov) / 2)
    return np.stack([local[:, 0], -local[:, 1]], axis=1) / (-local[:, 2:3] * 2 * half) + 0.5


def ground_depth(camera: Camera, points: np.ndarray) -> np.ndarray:
    """How far away points [n, 3] or [3] are along the viewing direction laid flat on the ground, [n], scene units."""
    a = np.radians(camera.azimuth)
    return np.atleast_2d(points)[:, :2] @ np.array([-np.sin(a), np.cos(a)])


def world_from_ground(camera: Camera, ground: np.ndarray) -> np.ndarray:
    """World (x, y) [2] of a point on the ground given as (to the right, away) [2], as the camera sees it.

    [2, m] of m points [2, m] as well.
    """
    a = np.radians(camera.azimuth)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.asarray(ground)
