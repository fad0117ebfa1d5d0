"""Pixels: the same layout gives the same picture, what the ids say is what the layout says, and nothing leaks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fourfold.scenes.model.arrangements import ARRANGEMENTS
from fourfold.scenes.model.backgrounds import ON_TABLE, Background, Lights
from fourfold.scenes.model.camera import Camera, axes, pose, project
from fourfold.scenes.model.colors import lab_from_srgb
from fourfold.scenes.model.layout import Layout, PlacedObject, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, color_distances
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.poses import light_pose, object_pose, surface_pose
from fourfold.scenes.render.rendering import Rendering
from fourfold.scenes.shapes import mesh

SIZE = 96
EACH_ARRANGEMENT = pytest.mark.parametrize("name", ARRANGEMENTS)
SPEC = (
    ObjectSpec("sphere", "blue", "small", "metal"),
    ObjectSpec("cube", "red", "large", "matte", "striped"),
    ObjectSpec("mug", "green", "medium", "glossy"),
)


@pytest.fixture(scope="module")
def renderer() -> Iterator[OpenGLRenderer]:
    with OpenGLRenderer(SIZE) as opened:
        yield opened


def placed(name: str, seed: int = 0) -> Layout:
    held, holder, *others = SPEC
    things = (held, replace(holder, shape="crate"), *others) if name == "inside" else SPEC
    layout = place(SceneSpec(things, name), np.random.default_rng(seed), tries=5000)
    assert layout is not None
    return layout


def thing(shape: str, color: str = "red", at: tuple[float, float, float] = (0, 0, 0), **more: object) -> PlacedObject:
    plain = PlacedObject(shape, color, "large", "matte", "plain", COLORS[color].rgb, at, 30.0, 1.2)
    return replace(plain, **more)


def scene(*things: PlacedObject, arrangement: str = "floating", light: float = 30.0) -> Layout:
    elevation, target = (30.0, (0.0, 0.0, 0.25)) if arrangement == "table" else (0.0, (0.0, 0.0, 0.0))
    camera = Camera(0.0, elevation, 6.0, target, 36.0)
    surface = "studio" if arrangement == "table" else "wall"
    background = Background(surface, (206, 209, 212), (206, 209, 212))
    return Layout(things, arrangement, camera, Lights(light, 55.0, 0.8, 0.45, 0.1, 0.0), background)


def assert_equal(one: Rendering, other: Rendering) -> None:
    for name in ("color", "depth", "instances", "silhouettes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def vertices_in_world(item: PlacedObject) -> np.ndarray:
    corners = np.asarray(mesh(item.shape).vertices)
    return (object_pose(item) @ np.column_stack([corners, np.ones(len(corners))]).T).T[:, :3]


def depths(layout: Layout, points: np.ndarray) -> np.ndarray:
    """Distance along the viewing axis, [n]."""
    return (pose(layout.camera)[:3, 3] - points) @ axes(layout.camera)[2]


@EACH_ARRANGEMENT
def test_a_layout_gives_the_same_pixels_again_and_after_other_scenes(renderer: OpenGLRenderer, name: str) -> None:
    first = renderer.render(placed(name))
    assert_equal(renderer.render(placed(name)), first)
    for other in ARRANGEMENTS:
        assert (renderer.render(placed(other, seed=7)).color != first.color).any()
    three_cubes = (thing("cube", "white", at=(x, 0, 0), scale=0.5, pattern="dotted") for x in (-1, 0, 1))
    renderer.render(scene(*three_cubes))
    assert_equal(renderer.render(placed(name)), first)


@pytest.mark.parametrize("size", [32, 81])
def test_a_picture_has_the_wished_size(size: int) -> None:
    with OpenGLRenderer(size) as other:
        rendering = other.render(scene(thing("cube")))
    assert (rendering.color.shape, rendering.color.dtype) == ((size, size, 3), np.uint8)
    assert (rendering.depth.shape, rendering.depth.dtype) == ((size, size), np.float32)
    assert (rendering.instances.shape, rendering.instances.dtype) == ((size, size), np.uint8)
    assert rendering.silhouettes.shape == (1,)


@EACH_ARRANGEMENT
@pytest.mark.parametrize("seed", range(3))
def test_ids_and_depth_say_where_the_layout_has_its_objects(renderer: OpenGLRenderer, name: str, seed: int) -> None:
    layout = placed(name, seed)
    rendering = renderer.render(layout)
    np.testing.assert_array_equal(rendering.depth > 0, rendering.instances > 0)
    shown = set(np.unique(rendering.instances)) - {0}
    assert shown <= set(range(1, len(layout.objects) + 1))
    assert len(shown) >= 2, "at most one of three is wholly hidden"
    for number in shown:
        item, mask = layout.objects[number - 1], rendering.instances == number
        corners = vertices_in_world(item)
        away = depths(layout, corners)
        assert away.min() - 0.02 < rendering.depth[mask].min()
        assert rendering.depth[mask].max() < away.max() + 0.02
        pixels = project(layout.camera, corners) * SIZE
        rows, columns = np.nonzero(mask)
        assert pixels[:, 0].min() - 1 < columns.min() <= columns.max() < pixels[:, 0].max() + 1
        assert pixels[:, 1].min() - 1 < rows.min() <= rows.max() < pixels[:, 1].max() + 1


@pytest.mark.parametrize("shape", ["cube", "sphere", "torus", "arrow"])
def test_a_lone_object_fills_the_box_of_its_projected_vertices(renderer: OpenGLRenderer, shape: str) -> None:
    layout = scene(thing(shape, at=(0.3, 0.1, -0.2)))
    mask = renderer.render(layout).instances == 1
    pixels = project(layout.camera, vertices_in_world(layout.objects[0])) * SIZE
    rows, columns = np.nonzero(mask)
    measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(measured, [*pixels.min(axis=0), *pixels.max(axis=0)], atol=1.1)


def test_the_nearer_object_hides_the_other(renderer: OpenGLRenderer) -> None:
    near, far = thing("sphere", "red", at=(0.2, -0.8, 0)), thing("cube", "blue", at=(0, 0.8, 0))
    for things, hidden in (((near, far), 1), ((far, near), 0)):
        rendering = renderer.render(scene(*things))
        alone = [renderer.render(scene(item)) for item in things]
        np.testing.assert_array_equal(rendering.silhouettes, [one.silhouettes[0] for one in alone])
        visible = [(rendering.instances == i + 1).sum() for i in (0, 1)]
        assert visible[hidden] < 0.8 * rendering.silhouettes[hidden]
        assert visible[1 - hidden] == rendering.silhouettes[1 - hidden]
        both = (alone[0].instances > 0) & (alone[1].instances > 0)
        assert (rendering.instances[both] == 2 - hidden).all()


def test_an_object_wholly_hidden_or_out_of_the_picture_keeps_its_silhouette(renderer: OpenGLRenderer) -> None:
    layout = scene(thing("cube", at=(0, -1, 0)), thing("sphere", at=(0, 1, 0), scale=0.4), thing("cone", at=(9, 0, 0)))
    rendering = renderer.render(layout)
    assert set(np.unique(rendering.instances)) == {0, 1}
    assert rendering.silhouettes[1] == renderer.render(scene(layout.objects[1])).silhouettes[0] > 50
    assert rendering.silhouettes[2] == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_object_shows_more_than_its_silhouette(renderer: OpenGLRenderer, seed: int) -> None:
    layout = placed("table", seed)
    rendering = renderer.render(layout)
    visible = np.bincount(rendering.instances.ravel(), minlength=len(SPEC) + 1)[1:]
    assert (visible <= rendering.silhouettes).all()
    for i, item in enumerate(layout.objects):
        alone = renderer.render(replace(layout, objects=(item,)))
        assert rendering.silhouettes[i] == (alone.instances == 1).sum()


@pytest.mark.parametrize("arrangement", ["table", "floating"])
@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("color", COLORS)
def test_an_object_has_the_color_of_its_name(
    renderer: OpenGLRenderer, color: str, material: str, arrangement: str
) -> None:
    for light in (-30.0, 30.0):
        layout = scene(thing("sphere", color, at=(0, 0, 0.6), material=material), arrangement=arrangement, light=light)
        rendering = renderer.render(layout)
        middle = np.median(rendering.color[rendering.instances == 1], axis=0) / 255
        distances = color_distances(lab_from_srgb(middle)[None])[0]
        assert list(COLORS)[distances.argmin()] == color


def test_materials_and_patterns_look_different(renderer: OpenGLRenderer) -> None:
    looks = [thing("sphere", material=material) for material in MATERIALS]
    looks += [thing("sphere", pattern=pattern) for pattern in PATTERNS if pattern != "plain"]
    pictures = [renderer.render(scene(look)).color.astype(int) for look in looks]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert (np.abs(one - other).max(axis=2) > 20).mean() > 0.01


@pytest.mark.parametrize("color", ["red", "yellow", "black", "white"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_shows_a_second_color_beside_the_first(renderer: OpenGLRenderer, pattern: str, color: str) -> None:
    """Near white on dark colors, near black on light ones, each on a good part of the surface."""
    rendering = renderer.render(scene(thing("sphere", color, pattern=pattern)))
    lightness = lab_from_srgb(rendering.color[rendering.instances == 1] / 255)[:, 0]
    own = lab_from_srgb(np.array(COLORS[color].rgb) / 255)[0]
    second = (lightness < own - 40) if color in ("yellow", "white") else (lightness > own + 30)
    if pattern == "plain":
        assert second.mean() < 0.03
    else:
        assert 0.1 < second.mean() < 0.75


def test_one_shape_twice_keeps_two_looks_and_two_places(renderer: OpenGLRenderer) -> None:
    """Uploaded meshes are reused between scenes; two of a kind in one scene must not share a material."""
    left, right = thing("cube", "red", at=(-0.9, 0, 0), scale=1.0), thing("cube", "blue", at=(0.9, 0, 0.3), scale=0.8)
    for things in ((left, right), (right, left)):
        rendering = renderer.render(scene(*things))
        for i, item in enumerate(things):
            mask = rendering.instances == i + 1
            nearest = color_distances(lab_from_srgb(rendering.color[mask] / 255)).argmin(axis=1)
            assert (nearest == list(COLORS).index(item.color)).mean() > 0.8
            assert (np.nonzero(mask)[1].mean() < SIZE / 2) == (item is left)
    with OpenGLRenderer(SIZE) as fresh:
        assert_equal(fresh.render(scene(left, right)), renderer.render(scene(left, right)))


def test_rendering_leaves_the_shared_mesh_as_it_was(renderer: OpenGLRenderer) -> None:
    before = mesh("cube").vertices.copy(), mesh("cube").vertex_normals.copy()
    renderer.render(scene(thing("cube", scale=0.7, yaw=77.0)))
    np.testing.assert_array_equal(mesh("cube").vertices, before[0])
    np.testing.assert_array_equal(mesh("cube").vertex_normals, before[1])


@pytest.mark.parametrize("arrangement", ["table", "floating"])
def test_a_scene_of_nothing_is_its_background(renderer: OpenGLRenderer, arrangement: str) -> None:
    rendering = renderer.render(scene(arrangement=arrangement))
    assert not rendering.instances.any()
    assert not rendering.depth.any()
    assert rendering.silhouettes.shape == (0,)
    assert rendering.color.min() > 120
    assert rendering.color.std(axis=(0, 1)).max() < 12, "no shadow without an object"


@pytest.mark.parametrize("side", [-1, 1])
def test_shadows_fall_away_from_the_light(renderer: OpenGLRenderer, side: int) -> None:
    ball = thing("sphere", at=(0, 0, 0.6))
    layout = scene(ball, arrangement="table", light=45.0 * side)
    lit, empty = renderer.render(layout), renderer.render(replace(layout, objects=()))
    darker = (empty.color.astype(int) - lit.color).sum(axis=2) * (lit.instances == 0)  # [h, w]
    left, right = darker[:, : SIZE // 2].sum(), darker[:, SIZE // 2 :].sum()
    assert darker.max() > 100
    assert (left > 3 * right) if side > 0 else (right > 3 * left)


def test_surfaces_look_different(renderer: OpenGLRenderer) -> None:
    pictures = {}
    for surface in ON_TABLE:
        background = Background(surface, (200, 190, 180), (206, 209, 212))
        layout = replace(scene(arrangement="table"), background=background)
        pictures[surface] = renderer.render(layout).color.astype(int)[SIZE // 2 :]
    for one in ON_TABLE:
        for other in ON_TABLE:
            assert (one == other) == (np.abs(pictures[one] - pictures[other]).mean() < 0.5)


def test_pose_of_an_object_is_scale_turn_and_place() -> None:
    matrix = object_pose(thing("cube", at=(1, 2, 3), yaw=90.0, scale=0.5))
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1, 2.5, 3, 1], atol=1e-12)
    np.testing.assert_allclose(matrix @ [0, 0, 1, 1], [1, 2, 3.5, 1], atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(0.5**3)


def test_the_wall_is_behind_the_middle_and_the_ground_is_at_height_0() -> None:
    np.testing.assert_allclose(surface_pose(scene())[:3, 3], [0, 2.4, 0], atol=1e-12)
    np.testing.assert_array_equal(surface_pose(scene(arrangement="table")), np.eye(4))


@pytest.mark.parametrize("azimuth", [-60.0, 0.0, 45.0])
def test_the_key_light_shines_on_the_target_from_its_side(azimuth: float) -> None:
    layout = scene(arrangement="table", light=azimuth)
    matrix = light_pose(layout)
    to_light = matrix[:3, 3] - layout.camera.target
    np.testing.assert_allclose(matrix[:3, 2], to_light / np.linalg.norm(to_light), atol=1e-12)
    right, _, _ = axes(layout.camera)
    assert np.sign(to_light @ right) == np.sign(azimuth)
    assert to_light[2] / np.linalg.norm(to_light) == pytest.approx(np.sin(np.radians(layout.lights.elevation)))


@EACH_ARRANGEMENT
def test_the_surface_is_under_or_behind_every_object(name: str) -> None:
    layout = placed(name)
    matrix = surface_pose(layout)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    above = (pose(layout.camera)[:3, 3] - matrix[:3, 3]) @ matrix[:3, 2]
    assert above > 0, "the camera sees its front"
    for item in layout.objects:
        assert ((vertices_in_world(item) - matrix[:3, 3]) @ matrix[:3, 2]).min() > -2e-4
