"""`verify` on tars and Parquet files: the corruptions of a folder where they make sense, and archives' own."""

import io
import json
import runpy
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from fourfold.files import file_hash
from fourfold.generator.dataset.formats import FORMATS, open_source, row_files
from fourfold.generator.dataset.formats.sample import Sample
from fourfold.generator.dataset.reading import read_manifest, read_rows
from fourfold.generator.presentation.cards import write_card
from fourfold.generator.recipe.reading import recipe_from_dict
from fourfold.generator.verification import verify

_FORMATS, _FOLDERS = (
    runpy.run_path(str(Path(__file__).with_name(f"test_{name}.py"))) for name in ("formats", "generator_verification")
)
repacked = _FORMATS["repacked"]
ROW_DAMAGE, MANIFEST_DAMAGE, edit_manifest, paint = (
    _FOLDERS[name] for name in ("ROW_DAMAGE", "MANIFEST_DAMAGE", "edit_manifest", "paint")
)
Rows = list[dict[str, Any]]
ARCHIVES = [name for name, row in FORMATS.items() if row.read_member]
PLACES = ("file_name", "mask")  # keys that rows of archives do not have: where a row lies says where its pictures lie
PER_ARCHIVE = 8


@pytest.fixture(scope="module")
def packed(generated, tmp_path_factory) -> dict[str, Path]:
    """The generated dataset in every format of archives. To be read only."""
    place = tmp_path_factory.mktemp("packed")
    return {name: repacked(generated, place / name, name) for name in ARCHIVES}


@pytest.fixture(params=ARCHIVES)
def archives(request, packed, tmp_path) -> tuple[str, Path]:
    """A format, and a copy of the dataset in it, to be damaged."""
    return request.param, Path(shutil.copytree(packed[request.param], tmp_path / "copy"))


def read_samples(dataset: Path) -> Rows:
    """The rows of the split "test" with the bytes of their pictures under the keys of their files."""
    rows = []
    for row in read_rows(dataset, "test"):
        color, mask = (open_source(dataset / "test" / row["file_name"]), open_source(dataset / row["mask"]))
        rows.append({**row, "file_name": color.read(), "mask": mask.read()})
    return rows


def write_samples(dataset: Path, format: str, rows: Rows) -> None:
    """Write the split "test" anew, with honest hashes."""
    shutil.rmtree(dataset / "test")
    (dataset / "test").mkdir()
    for number, start in enumerate(range(0, len(rows), PER_ARCHIVE)):
        samples = [
            Sample({key: row[key] for key in row if key not in PLACES}, row["file_name"], row["mask"])
            for row in rows[start : start + PER_ARCHIVE]
        ]
        for path, data in FORMATS[format].pack(dataset, "test", number, samples):
            path.write_bytes(data)
    hash_honestly(dataset)


def hash_honestly(dataset: Path) -> None:
    """Give the manifest and croissant.json the hashes of the archives that are there."""
    found = [path for split in read_manifest(dataset)["splits"] for path in row_files(dataset / split)[1]]
    files = {f"{path.parent.name}/{path.name}": file_hash(path) for path in found}
    edit_manifest(dataset, lambda manifest: manifest["shards"][0].update(files=files))
    manifest = read_manifest(dataset)
    write_card(dataset, recipe_from_dict(manifest["recipe"], "recipe"), manifest)


def problems_of(dataset: Path) -> list[str]:
    problems = verify(dataset, audits=False, progress=False)
    assert all(problem.startswith(str(dataset)) and "\n" not in problem for problem in problems)
    return problems


def assert_found(said: str, dataset: Path) -> None:
    problems = problems_of(dataset)
    assert any(said in problem for problem in problems), problems


def test_written_anew_a_dataset_has_no_problems(archives):
    format, dataset = archives
    write_samples(dataset, format, read_samples(dataset))
    assert problems_of(dataset) == []


OF_PLACES = {name for name in ROW_DAMAGE if name.startswith(("file ", "mask outside", "images exchanged"))}
SAID = {  # where an archive says it otherwise
    ("webdataset", "row twice"): "is there 2 times",
    ("parquet", "object without shape"): "scene is not that of its hash",
}
UNTYPED = ("truth that is text", "key of another type")  # a column of Parquet holds one type


@pytest.mark.parametrize("name", [name for name in ROW_DAMAGE if name not in OF_PLACES])
def test_damaged_rows_are_found_behind_an_honest_hash(name, archives):
    format, dataset = archives
    edit, said = ROW_DAMAGE[name]
    rows = read_samples(dataset)
    edit(rows)
    if format == "parquet" and name in UNTYPED:
        with pytest.raises(pyarrow.ArrowException):
            write_samples(dataset, format, rows)
        return
    write_samples(dataset, format, rows)
    assert_found(SAID.get((format, name), said), dataset)


def painted(data: bytes, edit: Callable[[np.ndarray], object]) -> bytes:
    pixels = np.array(Image.open(io.BytesIO(data)))
    edit(pixels)
    return png(pixels)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def exchange(rows: Rows) -> None:
    rows[0]["file_name"], rows[1]["file_name"] = rows[1]["file_name"], rows[0]["file_name"]


def change(key: str, edit: Callable[[bytes], bytes]) -> Callable[[Rows], object]:
    return lambda rows: rows[0].update({key: edit(rows[0][key])})


PICTURE_DAMAGE: dict[str, tuple[Callable[[Rows], object], str]] = {
    "picture emptied": (change("file_name", lambda data: b""), "not a readable image"),
    "picture cut": (change("file_name", lambda data: data[: len(data) * 3 // 5]), "not a readable image"),
    "picture that is none": (change("file_name", lambda data: b"hello"), "not a readable image"),
    "pictures exchanged": (exchange, "pixels are not those of its hash"),
    "pixel changed": (change("file_name", lambda data: painted(data, paint(9))), "pixels are not those of its hash"),
    "picture scaled": (change("file_name", lambda data: png(np.zeros((9, 9, 3), np.uint8))), "not of one size"),
    "mask emptied": (change("mask", lambda data: painted(data, lambda pixels: pixels.fill(0))), "shows 0 pixels"),
    "mask value new": (change("mask", lambda data: painted(data, paint(200))), "holds values [200] of no object"),
    "mask value of an object": (change("mask", lambda data: painted(data, paint(1))), "pixels in the mask"),
    "group twice in place of another": (
        lambda rows: rows.__setitem__(slice(2, 4), [dict(row) for row in rows[:2]]),
        "test-content-000000-a",
    ),
    "split": (lambda rows: [row.update(split="train") for row in rows[:2]], "is of split 'train'"),
}


@pytest.mark.parametrize("name", PICTURE_DAMAGE)
def test_damaged_samples_are_found_behind_an_honest_hash(name, archives):
    format, dataset = archives
    edit, said = PICTURE_DAMAGE[name]
    rows = read_samples(dataset)
    edit(rows)
    write_samples(dataset, format, rows)
    assert_found(said, dataset)


def archive(dataset: Path, number: int = 0) -> Path:
    return row_files(dataset / "test")[1][number]


def exchange_archives(dataset: Path) -> None:
    first, second = archive(dataset), archive(dataset, 1)
    first.rename(dataset / "x")
    second.rename(first)
    (dataset / "x").rename(second)


def append_row(dataset: Path) -> None:
    """A folder's rows beside archives: readers would take them first."""
    (dataset / "test" / "metadata.jsonl").write_text("{}\n")


FILE_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "archive deleted": (lambda dataset: archive(dataset).unlink(), "no such file"),
    "archive cut": (lambda dataset: archive(dataset).write_bytes(archive(dataset).read_bytes()[:-5000]), "hash says"),
    "archive emptied": (lambda dataset: archive(dataset).write_bytes(b""), "damaged"),
    "archives exchanged": (exchange_archives, "hash says"),
    "archive nobody knows": (
        lambda dataset: shutil.copy(archive(dataset), archive(dataset).with_stem("z")),
        "belongs to no row",
    ),
    "archive twice": (
        lambda dataset: shutil.copy(archive(dataset), archive(dataset).with_stem("z")),
        "has the id of an earlier row",
    ),
    "file nobody knows": (lambda dataset: (dataset / "test" / "notes.txt").write_text("x"), "belongs to no row"),
    "rows of a folder beside them": (append_row, "hash says"),
    "split deleted": (lambda dataset: shutil.rmtree(dataset / "held-out"), "no such file"),
    "card deleted": (lambda dataset: (dataset / "README.md").unlink(), "README.md: no such file"),
    "croissant deleted": (lambda dataset: (dataset / "croissant.json").unlink(), "croissant.json: no such file"),
    "croissant of another dataset": (
        lambda dataset: (dataset / "croissant.json").write_text(
            '{"distribution": [{"contentUrl": "test/x", "sha256": "0"}]}'
        ),
        "croissant.json: has other files or hashes",
    ),
}


@pytest.mark.parametrize("name", FILE_DAMAGE)
def test_damaged_files_are_found(name, archives):
    _, dataset = archives
    damage, said = FILE_DAMAGE[name]
    damage(dataset)
    assert_found(said, dataset)


@pytest.mark.parametrize("name", [name for name in MANIFEST_DAMAGE if not name.startswith("rows' hash")])
def test_a_wrong_manifest_is_found(name, archives):
    _, dataset = archives
    edit, said = MANIFEST_DAMAGE[name]
    edit_manifest(dataset, edit)
    assert_found(said, dataset)


@pytest.mark.parametrize("said", ["0", None], ids=["wrong", "left out"])
def test_a_wrong_hash_of_an_archive_is_found(said, archives):
    _, dataset = archives
    name = f"test/{archive(dataset).name}"

    def spoil(manifest: dict[str, Any]) -> None:
        files = manifest["shards"][0]["files"]
        files |= {name: said} if said else {}
        if not said:
            del files[name]

    edit_manifest(dataset, spoil)
    assert_found("hash says" if said else "belongs to no row", dataset)


# What only a tar can have wrong: its members as (name, bytes), edited in place.
Members = list[tuple[str, bytes]]


def index_of(members: Members, end: str) -> int:
    return next(number for number, (name, _) in enumerate(members) if name.endswith(end))


def set_text(members: Members, data: bytes) -> None:
    number = index_of(members, ".txt")
    members[number] = members[number][0], data


TAR_DAMAGE: dict[str, tuple[Callable[[Members], object], str]] = {
    "text that is a lie": (lambda members: set_text(members, b"a lie"), ".txt is not the caption of its row"),
    "text left out": (lambda members: members.pop(index_of(members, ".txt")), ".txt is not the caption of its row"),
    "picture left out": (lambda members: members.pop(index_of(members, ".png")), "no such image"),
    "mask left out": (lambda members: members.pop(index_of(members, ".mask.png")), "no such image"),
    "row left out": (lambda members: members.pop(index_of(members, ".json")), "belongs to no row"),
    "row of nonsense": (
        lambda members: members.__setitem__(index_of(members, ".json"), (members[index_of(members, ".json")][0], b"[")),
        "damaged",
    ),
    "member nobody knows": (lambda members: members.append(("x.png", members[0][1])), "x.png belongs to no row"),
    "member twice": (lambda members: members.insert(4, members[0]), "is there 2 times"),
    "sample twice": (lambda members: members.extend(members[:4]), "is there 2 times"),
    "members apart": (lambda members: members.insert(8, members.pop(0)), "are not next to each other"),
}


@pytest.mark.parametrize("name", TAR_DAMAGE)
def test_what_is_wrong_with_a_tar_is_found(name, packed, tmp_path):
    dataset = Path(shutil.copytree(packed["webdataset"], tmp_path / "copy"))
    path = archive(dataset)
    with tarfile.open(path) as opened:
        members = [(member.name, opened.extractfile(member).read()) for member in opened]
    damage, said = TAR_DAMAGE[name]
    damage(members)
    write_tar(path, members)
    hash_honestly(dataset)
    assert_found(said, dataset)


def write_tar(path: Path, members: Sequence[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as opened:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))


def without_pictures(table: pyarrow.Table) -> pyarrow.Table:
    return table.set_column(0, "image", pyarrow.nulls(len(table), table.schema.field("image").type))


def renamed(table: pyarrow.Table) -> pyarrow.Table:
    images = [{**row, "path": "x.png"} for row in table.column("image").to_pylist()]
    return table.set_column(0, "image", pyarrow.array(images))


TABLE_DAMAGE: dict[str, tuple[Callable[[pyarrow.Table], pyarrow.Table], str]] = {
    "pictures not declared": (lambda table: table.replace_schema_metadata({}), "'image' is not declared to hold"),
    "one picture column declared": (
        lambda table: table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
        ),
        "'mask' is not declared to hold",
    ),
    "pictures left out": (without_pictures, "not a readable image"),
    "pictures with other names": (renamed, "no such image"),
    "column left out": (lambda table: table.drop_columns(["camera"]), "missing camera"),
    "column of masks left out": (lambda table: table.drop_columns(["mask"]), "not a readable image"),
}


@pytest.mark.parametrize("name", TABLE_DAMAGE)
def test_what_is_wrong_with_a_table_is_found(name, packed, tmp_path):
    dataset = Path(shutil.copytree(packed["parquet"], tmp_path / "copy"))
    path = archive(dataset)
    damage, said = TABLE_DAMAGE[name]
    table = damage(pyarrow.parquet.read_table(path))
    pyarrow.parquet.write_table(table, path)
    hash_honestly(dataset)
    assert_found(said, dataset)
