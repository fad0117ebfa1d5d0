"""Users' own meshes: what is taken, and what is refused in which words."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from fourfold.errors import InputError
from fourfold.scenes.assets.meshes import load_assets, words
from fourfold.scenes.shapes import KINDS

CARD = 'name = "obelisk"\nplural = "obelisks"\nup = "z"\n'


def obelisk() -> trimesh.Trimesh:
    """Tall along z, its lower half to the front (-y), its top to the right (+x): every turn shows."""
    tall = trimesh.creation.box((1, 2, 6))
    foot = trimesh.creation.box((1, 1, 1)).apply_translation((0, -1.2, -2.4))
    head = trimesh.creation.box((1, 1, 1)).apply_translation((0.7, 0, 2.4))
    return trimesh.util.concatenate([tall, foot, head])


def write(folder: Path, stem: str = "obelisk", suffix: str = ".ply", card: str = CARD) -> Path:
    obelisk().export(folder / f"{stem}{suffix}")
    (folder / f"{stem}.toml").write_text(card)
    return folder / f"{stem}{suffix}"


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_a_mesh_of_each_format_becomes_a_kind(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, suffix=suffix)
    kind = load_assets(tmp_path)["obelisk"]
    built = kind.build()
    assert (kind.plural, kind.article, kind.synonyms, kind.yaw) == ("obelisks", "", (), (0.0, 360.0))
    np.testing.assert_allclose(built.bounds.sum(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(built.extents, np.array([1.7, 2.7, 6]) / 6, atol=1e-6)
    assert np.isclose(np.abs(built.vertex_normals).max(axis=1), 1, atol=1e-5).all(), "edges of a box are sharp"


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_the_named_axis_is_turned_up(tmp_path: Path, up: str) -> None:
    """The obelisk is laid along each axis, as if exported so, and stands again with its parts where they were."""
    laid = {"z": np.eye(3), "y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]], "x": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]}[up]
    path = write(tmp_path, card=CARD.replace('"z"', f'"{up}"'))
    turn = np.eye(4)
    turn[:3, :3] = laid
    obelisk().apply_transform(turn).export(path)
    built = load_assets(tmp_path)["obelisk"].build()
    right = built.vertices[np.isclose(built.vertices[:, 0], built.vertices[:, 0].max())]
    front = built.vertices[np.isclose(built.vertices[:, 1], built.vertices[:, 1].min())]
    assert built.extents.argmax() == 2
    assert front[:, 2].mean() < 0
    assert right[:, 2].mean() > 0


def test_all_keys_are_read(tmp_path: Path) -> None:
    card = CARD + 'article = "a"\nsynonyms = ["stone needle", "monolith"]\nyaw = [-30, 30.5]\n'
    write(tmp_path, card=card)
    kind = load_assets(tmp_path)["obelisk"]
    assert (kind.article, kind.synonyms, kind.yaw) == ("a", ("stone needle", "monolith"), (-30.0, 30.5))
    assert words(kind) == ("obelisk", "obelisks", "stone needle", "monolith")


def test_an_open_surface_of_several_parts_is_enough(tmp_path: Path) -> None:
    path = write(tmp_path, suffix=".glb")
    scene = trimesh.Scene()
    half = obelisk()
    half.update_faces(np.arange(len(half.faces)) > 3)
    scene.add_geometry(half)
    scene.add_geometry(trimesh.creation.icosphere(), transform=trimesh.transformations.translation_matrix((5, 0, 0)))
    scene.export(path)
    built = load_assets(tmp_path)["obelisk"].build()
    assert not built.is_watertight
    assert built.extents.max() == pytest.approx(1)


def test_an_inside_out_mesh_is_turned(tmp_path: Path) -> None:
    path = write(tmp_path)
    inverted = trimesh.creation.icosphere()
    inverted.invert()
    inverted.export(path)
    assert load_assets(tmp_path)["obelisk"].build().volume > 0


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ('name = "obelisk"\nup = "z"\n', r"obelisk\.toml: key 'plural' is missing"),
        (CARD + 'synonym = ["a"]\n', r"obelisk\.toml: unknown key 'synonym'\. Did you mean 'synonyms'\?"),
        (CARD.replace('"z"', '"w"'), r'obelisk\.toml: up = .w. will not do\. It must be .*"x", "y" or "z"'),
        (CARD.replace('"z"', "[2]"), r"obelisk\.toml: up = \[2\] will not do"),
        (CARD.replace('"obelisk"', '"two  spaces"'), r"obelisk\.toml: name = 'two  spaces' will not do"),
        (CARD.replace('"obelisk"', '""'), r"obelisk\.toml: name = '' will not do"),
        (CARD + 'article = "the"\n', r'obelisk\.toml: article = .the. will not do\. It must be "a" or "an"'),
        (CARD + 'synonyms = "needle"\n', r"obelisk\.toml: synonyms = 'needle' will not do\. It must be a list"),
        (CARD + "yaw = [30, -30]\n", r"obelisk\.toml: yaw = \[30, -30\] will not do"),
        (CARD + "yaw = [0, true]\n", r"obelisk\.toml: yaw = \[0, True\] will not do"),
        (CARD + "yaw = [0, inf]\n", r"obelisk\.toml: yaw = \[0, inf\] will not do"),
        ("name = obelisk", r"obelisk\.toml: not a TOML file"),
        (CARD.replace('"obelisk"', '"cube"'), r"obelisk\.toml: name 'cube' already means the kind 'cube'"),
        (CARD.replace('"obelisk"', '"Ball"'), r"obelisk\.toml: name 'Ball' already means the kind 'sphere'"),
        (CARD + 'synonyms = ["couch"]\n', r"obelisk\.toml: synonyms 'couch' already means the kind 'sofa'"),
        (CARD.replace('"obelisk"', '"object"'), r"obelisk\.toml: name 'object' is what captions call any thing"),
        (CARD.replace('"obelisks"', '"Objects"'), r"obelisk\.toml: plural 'Objects' is what captions call any thing"),
        (CARD.replace('"obelisk"', '"metal cube"'), r"name 'metal cube' reads as the kind 'cube' that is 'metal'"),
        (CARD.replace('"obelisk"', '"metal-cube"'), r"name 'metal-cube' reads as the kind 'cube' that is 'metal'"),
        (CARD.replace('"obelisks"', '"tall Red Balls"'), r"plural 'tall Red Balls' reads as the kind 'sphere'"),
        (CARD + 'synonyms = ["striped obelisk"]\n', r"synonyms 'striped obelisk' reads as the kind 'obelisk' that is"),
        (CARD + 'synonyms = ["medium-sized car"]\n', r"'medium-sized car' reads as the kind 'car' that is 'medium'"),
        (CARD + 'synonyms = ["gray object"]\n', r"synonyms 'gray object' reads as the object that is 'gray'"),
    ],
)
def test_a_wrong_card_is_refused_by_key(tmp_path: Path, card: str, message: str) -> None:
    write(tmp_path, card=card)
    with pytest.raises(InputError, match=message):
        load_assets(tmp_path)


def test_two_assets_may_not_share_a_word(tmp_path: Path) -> None:
    write(tmp_path, "first")
    write(tmp_path, "second", card=CARD.replace('"obelisk"', '"needle"'))
    with pytest.raises(InputError, match=r"second\.toml: plural 'obelisks' already means the kind 'obelisk'"):
        load_assets(tmp_path)


def test_no_asset_reads_as_a_look_of_another_whichever_is_read_first(tmp_path: Path) -> None:
    write(tmp_path, "first", card='name = "metal zebu"\nplural = "herd"\nup = "z"\n')
    write(tmp_path, "second", card='name = "zebu"\nplural = "zebus"\nup = "z"\n')
    with pytest.raises(InputError, match=r"first\.toml: name 'metal zebu' reads as the kind 'zebu' that is 'metal'"):
        load_assets(tmp_path)


@pytest.mark.parametrize("name", ["metalsmith", "redwood tree", "orange", "cube of metal", "black box"])
def test_words_of_looks_before_no_kind_are_no_matter(tmp_path: Path, name: str) -> None:
    write(tmp_path, card=CARD.replace('"obelisk"', f'"{name}"'))
    assert set(load_assets(tmp_path)) == {name}


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
@pytest.mark.parametrize("content", [b"", b"\x00\xffnot a mesh", b"v 0 0 0\nf 1 2 99\n", b"ply\nformat ascii 1.0\n"])
def test_a_broken_mesh_is_refused_by_file(tmp_path: Path, suffix: str, content: bytes) -> None:
    write(tmp_path, suffix=suffix).write_bytes(content)
    with pytest.raises(InputError, match=rf"obelisk\{suffix}: "):
        load_assets(tmp_path)


@pytest.mark.parametrize("points", ["v 0 0 0\nv 1 0 0\nv 2 0 0\n", "v 0 0 nan\nv 1 0 0\nv 0 1 0\n"])
def test_a_mesh_without_a_surface_is_refused(tmp_path: Path, points: str) -> None:
    write(tmp_path, suffix=".obj").write_text(points + "f 1 2 3\n")
    with pytest.raises(InputError, match=r"obelisk\.obj: (has|holds|not)"):
        load_assets(tmp_path)


def test_mesh_and_card_belong_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no meshes here"):
        load_assets(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        load_assets(tmp_path / "nowhere")
    mesh_path = write(tmp_path)
    write(tmp_path, suffix=".obj")
    with pytest.raises(InputError, match=r"needs one mesh .* found obelisk\.obj, obelisk\.ply"):
        load_assets(tmp_path)
    mesh_path.unlink()
    (tmp_path / "obelisk.obj").unlink()
    with pytest.raises(InputError, match=r"obelisk\.toml: needs one mesh .* found none"):
        load_assets(tmp_path)
    write(tmp_path)
    (tmp_path / "obelisk.toml").unlink()
    with pytest.raises(InputError, match=r"obelisk\.ply: needs obelisk\.toml beside it"):
        load_assets(tmp_path)


def textured(folder: Path, library: str = "paint.mtl", texture: str = "wood.png") -> None:
    path = write(folder, suffix=".obj")
    bare = "\n".join(line for line in path.read_text().splitlines() if line[:2] in ("v ", "f "))
    path.write_text(f"mtllib {library}\nusemtl paint\n{bare}\n")
    (folder / "paint.mtl").write_text(f"newmtl paint\nKd 1 1 1\nmap_Kd {texture}\n")


@pytest.mark.filterwarnings("error")
def test_a_texture_that_is_there_is_no_matter(tmp_path: Path) -> None:
    textured(tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "wood.png")
    assert load_assets(tmp_path)["obelisk"].build().extents.max() == pytest.approx(1)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    textured(tmp_path)
    with pytest.warns(UserWarning, match=r"obelisk\.obj: refers to 'wood\.png', which is not there"):
        load_assets(tmp_path)
    textured(tmp_path, library="lost.mtl")
    with pytest.warns(UserWarning, match=r"obelisk\.obj: refers to 'lost\.mtl', which is not there"):
        load_assets(tmp_path)


@pytest.mark.parametrize("outside", ["../secret.png", "/etc/hostname", "sub/../../secret.png"])
def test_no_path_leaves_the_folder(tmp_path: Path, outside: str) -> None:
    folder = tmp_path / "assets"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    textured(folder, texture=outside)
    with pytest.raises(InputError, match=r"obelisk\.obj: refers to '.*', which is outside its folder"):
        load_assets(folder)
    textured(folder, library=outside)
    with pytest.raises(InputError, match="outside its folder"):
        load_assets(folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "assets"
    folder.mkdir()
    path = write(folder)
    path.rename(tmp_path / "elsewhere.ply")
    path.symlink_to(tmp_path / "elsewhere.ply")
    with pytest.raises(InputError, match=r"obelisk\.ply: leads out of its folder"):
        load_assets(folder)


def test_built_in_words_are_such_as_assets_may_use() -> None:
    """The rule for users' words holds for our own, so that the two cannot drift apart."""
    from fourfold.scenes.assets.meshes import CHECKS, _check_looks

    for kind in KINDS.values():
        _check_looks(kind, Path("built-in"), KINDS)
        assert all(CHECKS["name"][1](word) for word in words(kind))
        assert CHECKS["yaw"][1](list(kind.yaw))
