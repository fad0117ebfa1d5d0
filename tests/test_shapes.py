"""Every object kind, by the table: a new row is tested by being added."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from fourfold.errors import InputError
from fourfold.scenes.shapes import ANY, KINDS, SHAPES, Kind, mesh
from fourfold.scenes.shapes.parts import box, circle, level, loft, shaded, tube
from fourfold.scenes.shapes.polygons import triangulate

EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
FLAT = (
    "star",
    "heart",
    "arrow",
    "cross",
    "crescent",
    "gear",
    "lightning bolt",
    "fork",
    "key",
    "axe",
    "anchor",
    "ladder",
)


def bodies_of(built: trimesh.Trimesh) -> list[trimesh.Trimesh]:
    """The closed surfaces a mesh was put together from: its split vertices welded again."""
    welded = trimesh.Trimesh(built.vertices, built.faces, process=False)
    welded.merge_vertices()
    return list(welded.split(only_watertight=False))


def silhouette(built: trimesh.Trimesh, size: int = 64) -> np.ndarray:
    """What covers the picture, seen from the front."""
    picture = Image.new("1", (size, size))
    draw = ImageDraw.Draw(picture)
    corners = built.vertices[:, [0, 2]][built.faces] * (size - 4) + size / 2  # [f, 3, 2]
    for triangle in corners:
        draw.polygon([tuple(point) for point in triangle], fill=1, outline=1)
    return np.array(picture)  # [size, size]


def test_the_table_is_as_large_as_promised() -> None:
    families = [kind.family for kind in KINDS.values()]
    assert families.count("geometric") >= 12
    assert families.count("everyday") >= 18
    assert len(KINDS) >= 34
    first = ["cube", "sphere", "cylinder", "cone", "pyramid", "torus", "capsule", "star"]
    assert list(KINDS)[:8] == list(SHAPES)[:8] == first


@EACH_KIND
def test_is_centred_and_unit_sized(kind: Kind) -> None:
    low, high = mesh(kind.name).bounds
    assert (high - low).max() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(low + high, 0, atol=1e-12)
    assert (high - low).min() > 0.02, "thinner would flicker from the side"


@EACH_KIND
def test_is_made_of_volumes_facing_outward(kind: Kind) -> None:
    for body in bodies_of(mesh(kind.name)):
        assert body.is_volume
        assert body.volume > 0


@EACH_KIND
def test_normals_go_with_the_faces(kind: Kind) -> None:
    built = mesh(kind.name)
    normals = built.vertex_normals  # [v, 3]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-9)
    assert (built.area_faces > 0).all()
    lean = np.einsum("fcd,fd->fc", normals[built.faces], built.face_normals).min(axis=1)  # [f]
    assert built.area_faces[lean < 0.8].sum() < 0.005 * built.area, "shading would show seams"


@EACH_KIND
def test_is_light_and_leaves_no_vertex_unused(kind: Kind) -> None:
    built = mesh(kind.name)
    assert len(built.faces) <= 4000
    assert set(built.faces.ravel()) == set(range(len(built.vertices)))


@EACH_KIND
def test_is_built_the_same_every_time(kind: Kind) -> None:
    again, cached = kind.build(), mesh(kind.name)
    assert again is not cached
    np.testing.assert_array_equal(again.vertices, cached.vertices)
    np.testing.assert_array_equal(again.faces, cached.faces)


@EACH_KIND
def test_yaw_is_a_range(kind: Kind) -> None:
    low, high = kind.yaw
    assert 0 < high - low <= 360
    assert -180 <= low < 180


@EACH_KIND
def test_article_goes_with_the_sound(kind: Kind) -> None:
    sounds_open = kind.name[0] in "aeio" or kind.name in ("umbrella", "hourglass")
    assert kind.article == ("an" if sounds_open else "a")


def test_no_word_means_two_kinds() -> None:
    words = [word for kind in KINDS.values() for word in {kind.name, kind.plural, *kind.synonyms}]
    assert len(words) == len(set(words))
    assert all(word == word.strip().lower() for word in words)


@pytest.mark.parametrize("elevation", [0, 20, 33])
def test_silhouettes_differ(elevation: float) -> None:
    """From eye level and from above, as things float and stand; the nearest pairs differ in their insides as well."""
    tilt = trimesh.transformations.rotation_matrix(np.radians(elevation), (1, 0, 0))
    turns = {name: np.radians(sum(kind.yaw) / 2 if kind.yaw != ANY else 0.0) for name, kind in KINDS.items()}
    seen = {
        name: silhouette(
            mesh(name).copy().apply_transform(tilt @ trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))
        )
        for name, turn in turns.items()
    }
    overlap = {
        (a, b): (seen[a] & seen[b]).sum() / (seen[a] | seen[b]).sum() for a, b in itertools.combinations(KINDS, 2)
    }
    nearest = max(overlap, key=overlap.__getitem__)
    assert overlap[nearest] < 0.86, nearest


@pytest.mark.parametrize("name", FLAT)
def test_flat_things_face_the_camera(name: str) -> None:
    x, y, z = mesh(name).extents
    assert y < 0.5 * max(x, z)
    assert z > y


@pytest.mark.parametrize(
    ("name", "axis", "end", "coordinate", "sign"),
    [
        ("chair", 2, "high", 1, 1),  # the back is at the back
        ("sofa", 2, "high", 1, 1),
        ("snowman", 1, "low", 2, 1),  # the nose points to the camera, above the middle
        ("teddy bear", 1, "low", 2, -1),  # the feet do, below it
        ("bed", 2, "high", 0, -1),  # the headboard on the left
        ("staircase", 2, "high", 0, 1),  # rises to the right
        ("half-sphere", 0, "high", 2, 1),  # widest at the top
    ],
)
def test_front_is_in_front(name: str, axis: int, end: str, coordinate: int, sign: int) -> None:
    vertices = mesh(name).vertices
    extreme = vertices[:, axis].max() if end == "high" else vertices[:, axis].min()
    there = vertices[np.isclose(vertices[:, axis], extreme)]
    assert there[:, coordinate].mean() * sign > 0


def test_flat_faces_are_flat_and_round_ones_round() -> None:
    assert np.isclose(np.abs(mesh("cube").vertex_normals).max(axis=1), 1).all()
    ball = mesh("sphere")
    np.testing.assert_allclose(ball.vertex_normals, ball.vertices / 0.5, atol=0.02)
    rod = mesh("cylinder").vertex_normals
    assert (np.isclose(np.abs(rod[:, 2]), 1) | np.isclose(rod[:, 2], 0, atol=1e-6)).all()


def test_volumes_are_those_of_the_solids() -> None:
    assert mesh("cube").volume == pytest.approx(1)
    assert mesh("sphere").volume == pytest.approx(np.pi / 6, rel=0.01)
    assert mesh("cylinder").volume == pytest.approx(np.pi * 0.36**2, rel=0.01)
    assert mesh("cone").volume == pytest.approx(np.pi * 0.42**2 / 3, rel=0.01)
    assert mesh("torus").volume == pytest.approx(2 * np.pi**2 * 0.36 * 0.14**2, rel=0.03)


def test_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown shape 'spere'. Did you mean 'sphere'\?"):
        mesh("spere")


def test_the_table_alone_loads_no_geometry_library() -> None:
    code = "import sys, fourfold.scenes.shapes; print([name for name in ('trimesh', 'scipy') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@given(st.lists(st.floats(0.1, 1.0), min_size=3, max_size=40), st.floats(0, 6.2), st.floats(-1, 1))
def test_triangles_cover_a_polygon_exactly(radii: list[float], turn: float, tilt: float) -> None:
    """Star-shaped polygons of any radii, on a tilted plane: wound as the polygon, and with its area in sum."""
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    flat = np.stack([np.cos(angles), np.sin(angles)], -1) * np.array(radii)[:, None]
    normal = np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])
    u = np.cross(normal, [0.3, 0.5, 0.81])
    u /= np.linalg.norm(u)
    polygon = flat @ np.stack([u, np.cross(normal, u)])  # [n, 3]
    triangles = triangulate(polygon)
    assert triangles.shape == (len(radii) - 2, 3)
    a, b, c = (polygon[triangles[:, corner]] for corner in range(3))
    areas = np.cross(b - a, c - a) @ normal / 2
    following = np.roll(flat, -1, axis=0)
    whole = (flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]).sum() / 2
    assert areas.min() > -1e-9
    assert areas.sum() == pytest.approx(whole, abs=1e-9)


def test_a_point_has_no_triangles() -> None:
    assert len(triangulate(np.ones((6, 3)))) == 0


def test_a_loft_is_outward_whichever_way_it_is_drawn() -> None:
    low, high = level(circle(4), 0), level(circle(4), 1)
    up, down = loft([low, high]), loft([high, low])
    assert up.volume == pytest.approx(down.volume) == pytest.approx(2)


def test_a_tube_keeps_its_radius_round_a_bend() -> None:
    path = np.column_stack([np.cos(np.linspace(0, 3, 60)), np.sin(np.linspace(0, 3, 60)), np.linspace(0, 1, 60)])
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    assert tube(path, 0.1, sections=32).volume == pytest.approx(np.pi * 0.01 * length, rel=0.02)


def test_shading_splits_only_the_sharp_edges() -> None:
    assert len(shaded(box(1, 1, 1), crease=40).vertices) == 24
    assert len(shaded(box(1, 1, 1), crease=100).vertices) == 8
