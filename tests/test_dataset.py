"""The dataset folder at both ends: what is damaged is named, what is written is there whole or not at all."""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.files import canonical_hash, dump_json, file_hash, inside, write_atomically, write_file_with
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.dataset.reading import (
    REQUIRED,
    choose_split,
    read_groups,
    read_manifest,
    read_picture,
    read_rows,
    split_names,
)

DISK_TROUBLE = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left",
    errno.EACCES: "may not be written",
    errno.EROFS: "may not be written",
}


def rows_file(folder: Path) -> Path:
    return folder / "test" / "metadata.jsonl"


def change_row(folder: Path, number: int, **values) -> None:
    """Give one row (from 0) other values; a value of None takes the key away."""
    lines = rows_file(folder).read_text().splitlines()
    row = {key: value for key, value in {**json.loads(lines[number]), **values}.items() if value is not None}
    lines[number] = json.dumps(row)
    rows_file(folder).write_text("\n".join(lines) + "\n")


def test_groups_come_back_as_they_were_written(generated, small_recipe):
    groups = list(read_groups(generated, "test"))
    assert len(groups) == sum(small_recipe.splits["test"].groups.values())
    assert {group.category for group in groups} == set(CATEGORIES)
    for group in groups:
        assert [row["role"] for row in group.rows] == ["a", "b"]
        assert group.image_path(0).is_file()
        assert group.image_path(1).is_file()
        assert [caption.truth for caption in group.captions] == [(True, False), (False, True)] * 2
    assert split_names(generated) == ["held-out", "test", "train"]
    assert choose_split(generated, None) == "test"


def test_items_are_the_groups(generated):
    groups, items = list(read_groups(generated, "test")), load_items(generated)
    assert [item.id for item in items] == [group.id for group in groups]
    for item in items:
        assert item.truth.tolist() == [[True, False] * 2, [False, True] * 2]
        assert all(ref.path.is_file() for ref in item.images)
        assert {"edit", "attribute", "condition", "n_objects", "held_out"} <= set(item.tags)
    limited = load_items(generated, limit=1)
    assert [item.category for item in limited] == list(CATEGORIES)
    assert [item.id for item in load_items(generated, "held-out")] == ["held-out-binding-000000"]


def test_a_split_that_is_not_there_is_refused_with_the_choices(generated):
    with pytest.raises(InputError, match=r"no split 'tset'.*held-out, test, train"):
        choose_split(generated, "tset")
    with pytest.raises(InputError, match=r"no split 'tset'"):
        load_items(generated, "tset")


@pytest.mark.parametrize("cut", [1, 30, 500])
def test_truncated_rows_name_file_and_line(cut, dataset_copy):
    path = rows_file(dataset_copy)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines)[: -len(lines[-1]) + min(cut, len(lines[-1]) - 2)])
    with pytest.raises(InputError) as found:
        list(read_groups(dataset_copy, "test"))
    assert f"{path}, line {len(lines)}: not a JSON object" in str(found.value)


@pytest.mark.parametrize("line", [b"[1]", b"", b"nonsense", b"null", b'"row"', b"\xff\xfe", b'{"id": NaN'])
def test_a_line_that_is_no_row_names_file_and_line(line, dataset_copy):
    path = rows_file(dataset_copy)
    lines = path.read_bytes().splitlines()
    lines[2] = line
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=r"metadata\.jsonl, line \d+: not a JSON object"):
        list(read_rows(dataset_copy, "test"))


@pytest.mark.parametrize("key", REQUIRED)
@pytest.mark.parametrize("value", [None, 5.5], ids=["missing", "malformed"])
def test_a_row_without_what_it_needs_names_line_and_key(key, value, dataset_copy):
    change_row(dataset_copy, 3, **{key: value})
    with pytest.raises(InputError, match=rf"metadata\.jsonl, line 4: (missing|malformed) {key}"):
        list(read_groups(dataset_copy, "test"))


@pytest.mark.parametrize(
    "damage",
    [
        {"truth": ["false", "true"]},
        {"truth": [True]},
        {"truth": None},
        {"truth": [1, 0]},
        {"claim": "{"},
        {"claim": {"type": "Exists"}},
    ],
    ids=str,
)
def test_malformed_captions_name_the_line(damage, dataset_copy):
    row = json.loads(rows_file(dataset_copy).read_text().splitlines()[0])
    row["captions"][1] |= damage
    change_row(dataset_copy, 0, captions=row["captions"])
    with pytest.raises(InputError, match=r"metadata\.jsonl, line 2: malformed captions"):
        list(read_groups(dataset_copy, "test"))


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_an_image_without_its_twin_is_refused(gone, dataset_copy):
    lines = rows_file(dataset_copy).read_text().splitlines(keepends=True)
    del lines[gone]
    rows_file(dataset_copy).write_text("".join(lines))
    with pytest.raises(InputError, match=r"without its twin beside it"):
        list(read_groups(dataset_copy, "test"))


def test_a_last_image_without_its_twin_is_refused(dataset_copy):
    rows_file(dataset_copy).write_text(rows_file(dataset_copy).read_text().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="has no image b"):
        list(read_groups(dataset_copy, "test"))


def test_rows_that_are_gone_name_the_file(dataset_copy):
    rows_file(dataset_copy).unlink()
    with pytest.raises(InputError, match=r"metadata\.jsonl: no such file"):
        list(read_groups(dataset_copy, "test"))


@pytest.mark.parametrize("name", ["../outside.png", "/etc/passwd", "images/../../outside.png", "link/outside.png"])
def test_no_name_leads_out_of_the_folder(name, dataset_copy, tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "outside.png")
    (dataset_copy / "test" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leads out of the folder"):
        inside(dataset_copy / "test", name)
    change_row(dataset_copy, 0, file_name=name)
    with pytest.raises(InputError, match="leads out of the folder"):
        load_items(dataset_copy)


@pytest.mark.parametrize("content", [b"", b"not a png", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_broken_picture_is_named(content, tmp_path):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.png: not a readable image"):
        read_picture(tmp_path, "x.png", "RGB")


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(InputError, match=r"x\.png: no such image"):
        read_picture(tmp_path, "x.png", "RGB")


def test_a_picture_damaged_anywhere_is_read_or_named(generated, tmp_path):
    """Pillow raises many kinds of errors for damaged files; each must become the one that names the file."""
    data = next((generated / "test" / "images").glob("*.png")).read_bytes()
    for place in range(8, len(data), max(1, len(data) // 150)):
        for content in (data[:place], data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]):
            (tmp_path / "x.png").write_bytes(content)
            with suppress(InputError):
                assert read_picture(tmp_path, "x.png", "RGB").mode == "RGB"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "broken JSON"),
        (b"\xff", "broken JSON"),
        (b"[]", "format version None"),
        (b'{"splits": {"test": {}}}', "format version None"),
        (b'{"format_version": 99, "splits": {"test": {}}}', "format version 99, this software reads 1"),
        (b'{"format_version": 1}', "no splits"),
        (b'{"format_version": 1, "splits": {}}', "no splits"),
        (b'{"format_version": 1, "splits": ["test"]}', "no splits"),
        (b'{"format_version": 1, "splits": {"test": 5}}', "no splits"),
        (b'{"format_version": 1, "splits": {"../up": {}}}', "not the name of a folder"),
        (b'{"format_version": 1, "splits": {"/etc": {}}}', "not the name of a folder"),
        (b'{"format_version": 1, "splits": {"..": {}}}', "not the name of a folder"),
    ],
    ids=str,
)
def test_a_broken_manifest_is_named(content, message, tmp_path):
    (tmp_path / "manifest.json").write_bytes(content)
    for read in (read_manifest, split_names, load_items):
        with pytest.raises(InputError, match=message) as found:
            read(tmp_path)
        assert "manifest.json" in str(found.value)


def test_a_folder_without_manifest_is_no_dataset(tmp_path):
    with pytest.raises(InputError, match=r"not a finished Fourfold dataset.*fourfold generate"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"), [("é\n", "é\n".encode()), (b"\x00\xff", b"\x00\xff"), ((b"a", b"b"), b"ab")]
)
def test_writing_replaces_a_file_and_leaves_nothing_else(content, expected, tmp_path):
    (tmp_path / "x").write_bytes(b"before")
    write_atomically(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_two_machines_may_write_the_same_file_at_once(tmp_path):
    def blocks():
        yield b"one, "
        write_atomically(tmp_path / "x", b"another")  # the same process number, as in two containers
        yield b"whole"

    write_atomically(tmp_path / "x", blocks())
    assert (tmp_path / "x").read_bytes() == b"one, whole"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def with_library(path, content):
    """`write_file_with` as if a library wrote the content."""
    write_file_with(path, lambda aside: aside.write_bytes(content))


WRITERS = pytest.mark.parametrize("write", [write_atomically, with_library])


def test_a_library_writes_beside_the_file_that_it_is_to_replace(tmp_path):
    (tmp_path / "x").write_bytes(b"before")
    seen = []

    def write(aside):
        aside.write_bytes(b"after")
        seen.append((aside.parent, aside.name != "x", (tmp_path / "x").read_bytes()))

    write_file_with(tmp_path / "x", write)
    assert seen == [(tmp_path, True, b"before")]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"after")]


@pytest.mark.parametrize("error", [KeyError("a tensor"), KeyboardInterrupt()])
def test_a_library_that_fails_leaves_the_old_file_and_nothing_else(error, tmp_path):
    (tmp_path / "x").write_bytes(b"before")

    def write(aside):
        aside.write_bytes(b"half")
        raise error

    with pytest.raises(type(error)):
        write_file_with(tmp_path / "x", write)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"before")]


@WRITERS
def test_a_file_is_synced_before_it_gets_its_name(write, tmp_path, monkeypatch):
    order = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), rename(*paths)))
    write(tmp_path / "x", b"content")
    assert order == ["sync", "rename", "sync"]  # the last one of the folder, which holds the name


@WRITERS
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", DISK_TROUBLE)
def test_a_full_or_closed_disk_is_said_and_the_old_file_kept(write, call, number, tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"before")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(InputError, match=rf"x: {DISK_TROUBLE[number]}"):
        write(tmp_path / "x", b"after")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"before")]


@WRITERS
def test_trouble_that_is_nobodys_mistake_is_not_hidden(write, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "x", b"after")
    assert not any(tmp_path.iterdir())


@WRITERS
def test_a_folder_that_is_not_there_is_said(write, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere" / "x", tmp_path / "file" / "x"):
        with pytest.raises(InputError, match="its folder is not there"):
            write(path, b"")


@pytest.mark.parametrize("name", ["../set-of-others/x.png", "images/../../set2", "..", "/tmp/set/x.png"])
def test_a_folder_whose_name_begins_alike_is_outside_too(name, tmp_path):
    with pytest.raises(InputError, match="leads out of the folder"):
        inside(tmp_path / "set", name)
    assert inside(tmp_path / "set", "images/../x.png") == (tmp_path / "set" / "x.png").resolve()


def test_hashes_see_content_not_order(tmp_path):
    assert canonical_hash({"a": 1, "b": [1, 2]}) == canonical_hash({"b": [1, 2], "a": 1})
    assert canonical_hash({"a": [1, 2]}) != canonical_hash({"a": [2, 1]})
    (tmp_path / "x").write_bytes(b"abc")
    assert file_hash(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert json.loads(dump_json({"é": 1})) == {"é": 1}
