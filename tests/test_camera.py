"""The pinhole: where it stands, what it sees where, and how it sees the ground."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.scenes.model.camera import Camera, axes, ground_depth, pose, project, world_from_ground

COORDINATE = st.floats(-3, 3)
CAMERAS = st.builds(
    Camera,
    azimuth=st.floats(-180, 180),
    elevation=st.floats(-80, 80),
    distance=st.floats(5, 12),
    target=st.tuples(COORDINATE, COORDINATE, COORDINATE),
    fov=st.floats(15, 80),
)
LEVEL = Camera(azimuth=0.0, elevation=0.0, distance=5.0, target=(0.0, 0.0, 0.0), fov=90.0)


@given(CAMERAS)
def test_axes_are_right_up_backward(camera: Camera) -> None:
    right, up, backward = axes(camera)
    np.testing.assert_allclose(axes(camera) @ axes(camera).T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(right, up), backward, atol=1e-12)
    assert right[2] == 0, "the horizon is level"
    assert up[2] > 0


@given(CAMERAS)
def test_the_camera_stands_at_its_distance_and_above_by_its_elevation(camera: Camera) -> None:
    matrix = pose(camera)
    offset = matrix[:3, 3] - camera.target
    assert np.linalg.norm(offset) == pytest.approx(camera.distance)
    assert offset[2] == pytest.approx(camera.distance * np.sin(np.radians(camera.elevation)), abs=1e-9)
    np.testing.assert_allclose(matrix[:3, 2] * camera.distance, offset, atol=1e-9)  # it looks along its -z
    np.testing.assert_array_equal(matrix[3], [0, 0, 0, 1])


@given(CAMERAS)
def test_the_target_is_the_middle_and_the_field_of_view_reaches_the_edges(camera: Camera) -> None:
    half = camera.distance * np.tan(np.radians(camera.fov) / 2)
    right, up, _ = axes(camera)
    points = np.array(camera.target) + half * np.array([0 * up, right, -right, up, -up])
    expected = [[0.5, 0.5], [1, 0.5], [0, 0.5], [0.5, 0], [0.5, 1]]
    np.testing.assert_allclose(project(camera, points), expected, atol=1e-9)


def test_azimuth_0_looks_along_y_with_x_to_the_right() -> None:
    np.testing.assert_allclose(axes(LEVEL), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)
    np.testing.assert_allclose(project(LEVEL, np.array([[2.5, 0, 0]])), [[0.75, 0.5]])
    np.testing.assert_allclose(project(LEVEL, np.array([[2.5, 5, 0]])), [[0.625, 0.5]], atol=1e-12)  # twice as far


def test_one_point_is_a_table_of_one() -> None:
    assert project(LEVEL, np.array([0.0, 1.0, 2.0])).shape == (1, 2)
    assert ground_depth(LEVEL, np.array([0.0, 1.0, 2.0])).shape == (1,)


@given(CAMERAS, st.floats(-180, 180), COORDINATE, COORDINATE, COORDINATE)
def test_turning_camera_and_world_together_changes_nothing(
    camera: Camera, turn: float, x: float, y: float, z: float
) -> None:
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    turned = Camera(camera.azimuth + turn, camera.elevation, camera.distance, tuple(matrix @ camera.target), camera.fov)
    point = np.array(camera.target) + np.array([x, y, z]) / 2
    np.testing.assert_allclose(project(turned, matrix @ point), project(camera, point), atol=1e-9)
    np.testing.assert_allclose(ground_depth(turned, matrix @ point), ground_depth(camera, point), atol=1e-9)


@given(CAMERAS, COORDINATE, COORDINATE)
def test_the_ground_is_measured_to_the_right_and_away(camera: Camera, across: float, away: float) -> None:
    x, y = world_from_ground(camera, np.array([across, away]))
    point = np.array([x, y, 0.0])
    assert ground_depth(camera, point)[0] == pytest.approx(away, abs=1e-9)
    assert point @ axes(camera)[0] == pytest.approx(across, abs=1e-9)


@given(st.floats(-180, 180), st.floats(5, 80), st.floats(-1, 1), st.floats(0.1, 2))
def test_on_a_table_what_is_deeper_is_farther_and_higher_in_the_picture(
    azimuth: float, elevation: float, across: float, step: float
) -> None:
    camera = Camera(azimuth, elevation, 6.0, (0.0, 0.0, 0.0), 40.0)
    points = np.array([[*world_from_ground(camera, np.array([across, away])), 0.0] for away in (0.0, step)])
    near, far = (points - pose(camera)[:3, 3]) @ -axes(camera)[2]
    assert far - near == pytest.approx(step * np.cos(np.radians(elevation)), abs=1e-9)
    below, above = project(camera, points)[:, 1]
    assert above < below
