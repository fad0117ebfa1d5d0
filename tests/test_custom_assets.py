"""What users bring with a recipe: meshes used like any kind, photos as backgrounds, in every process and by verify."""

import base64
import json
import pickle
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from fourfold.errors import InputError
from fourfold.generator.recipe.reading import load_recipe, recipe_from_dict, recipe_hash, recipe_to_dict
from fourfold.generator.recipe.recipe import known_assets
from fourfold.generator.run.pipeline import generate
from fourfold.generator.verification import verify
from fourfold.scenes.assets import custom
from fourfold.scenes.assets.custom import CustomKind, known
from fourfold.scenes.assets.photos import PHOTOS
from fourfold.scenes.model.layout import Layout, layout_from_dict, layout_to_dict, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.raycasting import RaycastingRenderer
from fourfold.scenes.shapes import KINDS, mesh

RECIPE = """
name = "custom"
image_size = 96
assets = "assets"
[vocabulary]
shapes = ["obelisk", "cube", "sphere", "cone", "mug", "star"]
[scene]
photos = "photos"
objects = [1, 2]
[splits.test.groups]
content = 3
[[held_out]]
shape = "obelisk"
[splits.obelisks]
held_out = true
[splits.obelisks.groups]
content = 2
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a recipe, a mesh and two photos."""
    for name in ("assets", "photos"):
        (tmp_path / name).mkdir()
    trimesh.creation.cone(radius=0.3, height=1.0, sections=4).export(tmp_path / "assets/obelisk.ply")
    (tmp_path / "assets/obelisk.toml").write_text('name = "obelisk"\nplural = "obelisks"\nup = "z"\n')
    paint((150, 170, 150)).save(tmp_path / "photos/meadow.png")
    paint((180, 170, 160)).save(tmp_path / "photos/room.jpg")
    (tmp_path / "custom.toml").write_text(RECIPE)
    return tmp_path


def paint(color: tuple[int, int, int], size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A photo that is brighter towards the top left."""
    x, y = np.meshgrid(*(np.linspace(0, 30, n) for n in size))
    return Image.fromarray(np.clip(np.array(color) - (x + y)[..., None], 0, 255).astype(np.uint8))


def test_a_dataset_holds_what_the_user_brought(home: Path) -> None:
    folder = generate(home / "custom.toml", home / "out", workers=1, progress=False)
    assert "obelisk" not in KINDS, "it is known only while it is needed"
    assert not PHOTOS
    rows = [json.loads(line) for line in (folder / "obelisks/metadata.jsonl").read_text().splitlines()]
    assert any(thing["shape"] == "obelisk" for row in rows for thing in row["objects"])
    assert {row["background"]["photo"] for row in rows} <= {"meadow.png", "room.jpg"}
    assert any("an obelisk" in caption["text"] for row in rows for caption in row["captions"])
    assert verify(folder, audits=False, progress=False) == []
    manifest = json.loads((folder / "manifest.json").read_text())
    assert recipe_hash(recipe_from_dict(manifest["recipe"], "recipe")) == manifest["recipe_sha256"]
    assert [photo["name"] for photo in manifest["recipe"]["scene"]["photos"]] == ["meadow.png", "room.jpg"]


def test_the_recipe_travels_and_its_hash_is_that_of_what_it_brings(home: Path) -> None:
    recipe = load_recipe(home / "custom.toml")
    copy = pickle.loads(pickle.dumps(recipe))
    assert copy == recipe
    with known_assets(copy):
        assert mesh("obelisk").extents.max() == pytest.approx(1)
        assert KINDS["obelisk"].article == "", "by its sound"
        assert set(PHOTOS) == {"meadow.png", "room.jpg"}
        with known_assets(recipe):
            pass
        assert "obelisk" in KINDS, "an inner block takes nothing away from the outer"
    assert recipe_hash(recipe_from_dict(recipe_to_dict(recipe), "recipe")) == recipe_hash(recipe)
    before = recipe_hash(recipe)
    paint((10, 20, 30)).save(home / "photos/meadow.png")
    painted = recipe_hash(load_recipe(home / "custom.toml"))
    trimesh.creation.cone(radius=0.2, height=1.0, sections=4).export(home / "assets/obelisk.ply")
    assert len({before, painted, recipe_hash(load_recipe(home / "custom.toml"))}) == 3


def test_without_a_list_of_shapes_all_are_used(home: Path) -> None:
    text = RECIPE.replace('shapes = ["obelisk", "cube", "sphere", "cone", "mug", "star"]', "")
    (home / "custom.toml").write_text(text)
    assert load_recipe(home / "custom.toml").vocabulary.shapes == (*KINDS, "obelisk")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda home: (home / "photos/room.jpg").write_bytes(b"no picture"),
            r"room\.jpg: not a readable picture",
        ),
        (lambda home: paint((9, 9, 9), (20, 90)).save(home / "photos/meadow.png"), r"20 x 90 pixels; at least 32"),
        (lambda home: [path.unlink() for path in (home / "photos").iterdir()], "no photos here"),
        (lambda home: (home / "photos/a.png").symlink_to(home / "secret.png"), "leads out of its folder"),
        (lambda home: write(home, '"photos"', '"../photos"'), r"scene\.photos: '\.\./photos' leads out"),
        (lambda home: write(home, '"assets"', '"/etc"'), r"assets: '/etc' leads out of the recipe's folder"),
        (lambda home: write(home, '"assets"', '"nothing"'), "no such folder"),
        (lambda home: write(home, 'photos = "photos"', "photos = 3"), "scene.photos: the name of a folder is needed"),
        (lambda home: write(home, 'assets = "assets"', ""), "unknown shape 'obelisk'"),
        (
            lambda home: write(home, 'photos = "photos"', 'photos = [{name = "a", sha256 = "b", pixels = "c"}]'),
            "pixels: no key of a file",
        ),
    ],
)
def test_what_will_not_do_is_said(home: Path, spoil, message: str) -> None:
    paint((1, 2, 3)).save(home / "secret.png")
    spoil(home)
    with pytest.raises(InputError, match=message):
        load_recipe(home / "custom.toml")


def spoil_mesh(data: bytes) -> str:
    return base64.b64encode(data).decode()


BOMB = zlib.compress(bytes(1 << 28), 9)  # 256 MiB in 256 KiB
FOUR = np.zeros((4, 3), "<f4").tobytes()


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (BOMB, zlib.compress(bytes(12)), "more than 64 MiB"),
        (zlib.compress(FOUR), BOMB, "more than 64 MiB"),
        (zlib.compress(FOUR)[:-3], zlib.compress(bytes(12)), "cut short"),
        (b"no zlib at all", zlib.compress(bytes(12)), "not a mesh"),
        (zlib.compress(FOUR[:-4]), zlib.compress(bytes(12)), "not a mesh"),
        (zlib.compress(np.array([0, 1, np.nan] * 4, "<f4").tobytes()), zlib.compress(bytes(12)), "that are no numbers"),
        (zlib.compress(FOUR), zlib.compress(b""), "no faces"),
        (zlib.compress(FOUR), zlib.compress(np.array([0, 1, 4], "<i4").tobytes()), "vertices that are not there"),
        (zlib.compress(FOUR), zlib.compress(np.array([0, 1, -1], "<i4").tobytes()), "vertices that are not there"),
    ],
    ids=[
        *("vertices of a bomb", "faces of a bomb", "cut", "nonsense", "not by three", "not a number", "no faces"),
        *("no such vertex", "negative"),
    ],
)
def test_a_strangers_mesh_is_no_bomb(vertices: bytes, faces: bytes, message: str) -> None:
    kind = CustomKind("thing", "things", "a", (), (0.0, 0.0), spoil_mesh(vertices), spoil_mesh(faces))
    tracemalloc.start()
    try:
        with known([kind]), pytest.raises(InputError, match=f"assets: thing: .*{message}"):
            KINDS["thing"].build()
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def test_a_mesh_is_text_in_base64_or_refused() -> None:
    kind = CustomKind("thing", "things", "a", (), (0.0, 0.0), "!!", "!!")
    with known([kind]), pytest.raises(InputError, match="not a mesh"):
        KINDS["thing"].build()


def test_a_bomb_in_a_manifest_is_a_problem_among_others(home: Path) -> None:
    folder = generate(home / "custom.toml", home / "out", workers=1, progress=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["recipe"]["assets"][0]["vertices"] = spoil_mesh(BOMB)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert any("more than 64 MiB" in problem for problem in verify(folder, audits=False, progress=False))


def test_a_mesh_too_large_to_travel_is_refused_at_once(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(custom, "_LARGEST", 50)
    with pytest.raises(InputError, match=r"obelisk: .* too many; at most 4 of each"):
        load_recipe(home / "custom.toml")


def write(home: Path, old: str, new: str) -> None:
    (home / "custom.toml").write_text(RECIPE.replace(old, new))


def test_a_photo_is_everywhere_and_shadows_fall_on_it_in_both_renderers(home: Path) -> None:
    pytest.importorskip("embreex")
    recipe = load_recipe(home / "custom.toml")
    with known(recipe.assets, recipe.scene.photos), OpenGLRenderer(96) as opengl, RaycastingRenderer(96) as rays:
        for arrangement in ("table", "floating", "stacked"):
            layout = scene(arrangement)
            pictures = [renderer.render(layout) for renderer in (opengl, rays)]
            photo = PHOTOS["meadow.png"].astype(float)
            for picture in pictures:
                around = picture.instances == 0
                brightness = (picture.color.astype(float) / photo)[around]
                assert np.median(np.abs(picture.color - photo)[around]) <= 1, "the photo is what was given"
                assert brightness.min() < 0.85, "there is a shadow"
                assert np.quantile(brightness, 0.97) < 1.02, "and nothing is lit twice"
            assert np.abs(pictures[0].color.astype(float) - pictures[1].color).mean() < 1.5
            plain = opengl.render(place(SceneSpec((ObjectSpec("cube", "red"),)), np.random.default_rng(0)))
            assert np.abs(plain.color[plain.instances == 0] - photo[plain.instances == 0]).mean() > 5, (
                "taken down again"
            )


def scene(arrangement: str) -> Layout:
    wishes = (ObjectSpec("sphere", "red", "small"), ObjectSpec("cube", "blue", "large"), ObjectSpec("obelisk", "green"))
    layout = place(SceneSpec(wishes, arrangement, photos=("meadow.png",)), np.random.default_rng(3))
    assert layout is not None
    assert layout_from_dict(layout_to_dict(layout)) == layout
    return layout
