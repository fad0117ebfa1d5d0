"""Where a layout's objects, key light and surface are in the world, as matrices [4, 4] that every renderer uses."""

import numpy as np

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.camera import axes, pose
from fourfold.scenes.model.layout import WALL_DISTANCE, Layout, PlacedObject


def object_pose(thing: PlacedObject) -> np.ndarray:
    """Object-to-world matrix [4, 4]: uniform scale, turn about the vertical, place."""
    c, s = np.cos(np.radians(thing.yaw)), np.sin(np.radians(thing.yaw))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * thing.scale
    matrix[:3, 3] = thing.position
    return matrix


def light_pose(layout: Layout) -> np.ndarray:
    """Light-to-world matrix [4, 4] of the key light, which shines along its -z on the camera's target."""
    lights = layout.lights
    # Camera and light directions share one convention; a light to the right of the camera has the larger azimuth.
    from_light = type(layout.camera)(
        layout.camera.azimuth + lights.azimuth, lights.elevation, 6.0, layout.camera.target, 0.0
    )
    return pose(from_light)


def surface_pose(layout: Layout) -> np.ndarray:
    """Surface-to-world matrix [4, 4] of the plane z = 0: the ground below objects, or the wall behind floating ones."""
    if ARRANGEMENTS[layout.arrangement].standing:
        return np.eye(4)
    right, _, _ = axes(layout.camera)
    towards = np.array([right[1], -right[0], 0.0])  # from the wall to the viewer
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, [0.0, 0.0, 1.0], towards], axis=1)
    matrix[:3, 3] = -towards * WALL_DISTANCE
    return matrix
