"""The table of arrangements: points that keep their distance, bases that can carry, cameras in their ranges."""

from itertools import combinations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.scenes.model.arrangements import (
    ARRANGEMENTS,
    BASES,
    CAVITIES,
    Arrangement,
    arrangement,
    crowding,
    scatter,
)
from fourfold.scenes.model.backgrounds import BEHIND, ON_TABLE, SURFACES
from fourfold.scenes.model.layout import Layout, in_frame, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.shapes import KINDS, mesh

EACH = pytest.mark.parametrize("row", ARRANGEMENTS.values(), ids=list(ARRANGEMENTS))
RADII = st.lists(st.floats(0.3, 0.8), max_size=9).map(np.array)
SEEDS = st.integers(0, 2**32 - 1)


def placed(spec: SceneSpec, seed: int) -> Layout | None:
    return place(spec, np.random.default_rng(seed))


def test_rows_are_called_what_the_table_calls_them() -> None:
    assert {name: arrangement(name).name for name in ARRANGEMENTS} == {name: name for name in ARRANGEMENTS}
    with pytest.raises(InputError, match=r"unknown arrangement 'stack'\. Did you mean 'stacked'\?"):
        arrangement("stack")


@EACH
@settings(max_examples=40)
@given(radii=RADII, seed=SEEDS)
def test_points_are_in_the_area_and_apart(row: Arrangement, radii: np.ndarray, seed: int) -> None:
    crowd = crowding(row, radii)
    (points,), (apart,) = scatter(row, radii, crowd, np.random.default_rng(seed), 1)
    if not apart:
        return
    assert points.shape == (len(radii), 2)
    assert (np.abs(points) <= np.array([row.across, row.along]) * crowd * 1.05).all()
    stack = {0, 1} if row.stacked else set()
    for i, j in combinations(range(len(radii)), 2):
        distance = np.linalg.norm(points[i] - points[j])
        assert (distance == 0) if {i, j} == stack else (distance > radii[i] + radii[j] + 0.099)


@EACH
@settings(max_examples=30)
@given(radii=RADII)
def test_the_area_grows_with_what_it_must_hold_and_never_shrinks(row: Arrangement, radii: np.ndarray) -> None:
    crowd = crowding(row, radii)
    assert (crowd >= 1).all()
    if len(radii) <= 3 or row.cells:
        assert (crowd == 1).all()
    assert (crowding(row, np.append(radii, 0.8)) >= crowd).all()


@pytest.mark.parametrize(
    ("name", "n", "radius", "factors"),
    [
        ("table", 3, 0.8, (1.0, 1.0)),
        ("table", 4, 0.8, (1.1228, 1.4156)),  # deeper above all, where the picture has space
        ("table", 6, 0.5, (1.0, 1.0)),  # all of it may just be filled
        ("table", 6, 0.6, (1.0866, 1.2831)),
        ("table", 20, 0.8, (1.2698, 2.0475)),  # 2.6 times the area is the most
        ("floating", 6, 0.6, (1.2675, 1.2675)),
        ("floating", 20, 0.8, (1.6125, 1.6125)),
        ("stacked", 6, 0.5, (1.0767, 1.2481)),
        ("grid", 9, 0.8, (1.0, 1.0)),
    ],
)
def test_the_area_grows_by_what_is_needed(name: str, n: int, radius: float, factors: tuple[float, float]) -> None:
    np.testing.assert_allclose(crowding(ARRANGEMENTS[name], np.full(n, radius)), factors, atol=1e-4)


def test_many_objects_are_pushed_apart_to_the_gap_and_no_further() -> None:
    row, radii = ARRANGEMENTS["table"], np.full(6, 0.6)
    gaps = []
    for seed in range(20):
        (points,), (apart,) = scatter(row, radii, crowding(row, radii), np.random.default_rng(seed), 1)
        if apart:
            gaps.append(min(np.linalg.norm(one - other) for one, other in combinations(points, 2)) - 1.2)
    assert len(gaps) >= 15
    assert min(gaps) == pytest.approx(0.10, abs=1e-5)


def test_cells_of_a_grid_are_left_by_little() -> None:
    row = ARRANGEMENTS["grid"]
    strayed = []
    for seed in range(20):
        (points,), (apart,) = scatter(row, np.full(5, 0.3), np.ones(2), np.random.default_rng(seed), 1)
        assert apart
        cells = points / [row.across, row.along]
        strayed.append(np.abs(cells - np.round(cells)).max())
    assert 0.0145 < max(strayed) <= 0.015


def test_a_grid_has_no_place_for_more_than_its_cells() -> None:
    row = ARRANGEMENTS["grid"]
    radii = np.full(row.cells**2, 0.3)
    (points,), (apart,) = scatter(row, radii, np.ones(2), np.random.default_rng(0), 1)
    assert apart
    cells = np.round(points / [row.across, row.along] * (row.cells - 1) / 2)
    assert len(np.unique(cells, axis=0)) == row.cells**2
    _, none = scatter(row, np.append(radii, 0.3), np.ones(2), np.random.default_rng(0), 3)
    assert none.tolist() == [False] * 3


@EACH
def test_what_cannot_fit_is_none(row: Arrangement) -> None:
    many = (ObjectSpec((*row.bases, "cube")[0], "red", "large"),) * 20
    assert place(SceneSpec(many, row.name), np.random.default_rng(0), tries=20) is None


@EACH
def test_eight_objects_find_places(row: Arrangement) -> None:
    shapes = ("sphere", (*row.bases, "cube")[0], "cone", "torus", "mug", "car", "sphere", "cone")
    sizes = ("small", "medium") * 4
    objects = tuple(ObjectSpec(shape, "red", size) for shape, size in zip(shapes, sizes, strict=True))
    layouts = [layout for seed in range(6) if (layout := placed(SceneSpec(objects, row.name), seed))]
    assert len(layouts) >= 2
    assert all(in_frame(layout).all() for layout in layouts)


@EACH
def test_camera_and_surroundings_are_those_of_the_arrangement(row: Arrangement) -> None:
    for seed in range(20):
        layout = placed(SceneSpec((), row.name), seed)
        assert layout is not None
        camera = layout.camera
        assert row.azimuth[0] <= camera.azimuth <= row.azimuth[1]
        assert row.elevation[0] <= camera.elevation <= row.elevation[1]
        assert row.fov[0] <= camera.fov <= row.fov[1]
        assert camera.target == (0, 0, row.target_z)
        assert layout.background.surface in row.surfaces


def test_a_surface_can_be_wished_for() -> None:
    spec = SceneSpec((ObjectSpec("cube", "red"),), surfaces=("grass", "sand"))
    layouts = [placed(spec, seed) for seed in range(20)]
    assert {layout.background.surface for layout in layouts if layout} == {"grass", "sand"}
    assert {*ON_TABLE, *BEHIND} == set(SURFACES)


@pytest.mark.parametrize("name", BASES)
def test_a_base_has_a_flat_top_around_its_middle(name: str) -> None:
    """Every point of a small disc above the middle is on a face at full height: things stand there and touch."""
    assert name in KINDS
    height = mesh(name).extents[2]
    for point in disc(0.1):
        assert max(heights_at(mesh(name), point)) > height - 1e-3


@pytest.mark.parametrize("name", CAVITIES)
def test_a_container_has_a_level_floor_and_nothing_over_it_but_a_handle(name: str) -> None:
    cavity, built = CAVITIES[name], mesh(name)
    assert name in KINDS
    assert cavity.floor < cavity.rim <= built.extents[2] + 0.01
    for point in (*disc(0.3 * cavity.radius), *disc(0.98 * cavity.radius)):
        found = [height for height in heights_at(built, point) if height <= cavity.rim]
        assert max(found) == pytest.approx(cavity.floor, abs=0.06 if name == "bowl" else 0.01)  # a bowl is round below


def disc(radius: float) -> np.ndarray:
    """Points of a circle that is nowhere on an edge of a mesh, [12, 2]."""
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.1
    return np.array([0.003, 0.002]) + radius * np.column_stack([np.cos(angles), np.sin(angles)])


def heights_at(built: trimesh.Trimesh, point: np.ndarray) -> list[float]:
    """Heights above the lowest point at which a mesh has a surface over a point of the ground."""
    corners = built.vertices[built.faces]  # [f, 3, 3]
    sides = (np.roll(corners, -1, axis=1) - corners)[..., :2]
    to_point = point - corners[..., :2]
    turns = sides[..., 0] * to_point[..., 1] - sides[..., 1] * to_point[..., 0]  # [f, 3]
    areas = turns.sum(axis=1)
    over = (np.abs(areas) > 1e-9) & ((turns >= -1e-9).all(axis=1) | (turns <= 1e-9).all(axis=1))
    weights = np.roll(turns[over], -1, axis=1) / areas[over, None]  # of the corners across from each side
    return [float(z) for z in (weights * corners[over][..., 2]).sum(axis=1) - built.bounds[0, 2]]
