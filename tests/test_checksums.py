"""SHA256SUMS holds every byte of a dataset, and what speaks of the whole is made again: no damage is missed."""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.files import dump_json, file_hash
from fourfold.generator.audits import independence
from fourfold.generator.dataset.checksums import CHECKSUMS, checksum_line, read_checksum_line
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.presentation.cards import write_card
from fourfold.generator.recipe.reading import Split, recipe_from_dict
from fourfold.generator.run import pool, shards
from fourfold.generator.run.pipeline import generate
from fourfold.generator.verification import sorted_names, verify
from fourfold.generator.verification.derivation import (
    verify_derived_card,
    verify_derived_croissant,
    verify_derived_manifest,
)
from fourfold.generator.verification.findings import problems_found
from fourfold.generator.verification.manifest import verify_croissant, verify_manifest
from fourfold.version import software_version

DAMAGES = 54  # of each format


@pytest.fixture(scope="session")
def small_sets(small_recipe, flat_renderer, tmp_path_factory) -> dict[str, Path]:
    """A small dataset in every format, in shards of one group. To be left as it was found."""
    recipe = replace(
        small_recipe,
        image_size=64,
        splits={
            "test": Split({"content": 1, "binding+relation": 1}, scenes=1),
            "held-out": Split({"binding": 1}, held_out=True),
        },
    )
    place = tmp_path_factory.mktemp("sums")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "open_renderer", lambda size, name: flat_renderer(size))
        patch.setattr(shards, "SHARD_SIZE", 1)
        patch.setattr(independence, "_PERMUTATIONS", 19)
        return {
            name: generate(recipe, place / name, workers=1, renderer="raytrace", format=name, progress=False)
            for name in FORMATS
        }


@pytest.fixture(params=FORMATS)
def small_set(request, small_sets) -> Path:
    return small_sets[request.param]


@pytest.fixture
def small_copy(small_set, tmp_path) -> Path:
    """A copy, to be damaged."""
    return Path(shutil.copytree(small_set, tmp_path / "copy"))


@pytest.fixture
def copy_of_tars(small_sets, tmp_path) -> Path:
    """A copy with few files, where the format makes no difference."""
    return Path(shutil.copytree(small_sets["webdataset"], tmp_path / "copy"))


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sum_anew(folder: Path) -> None:
    """Hide a damage as its author would: every file gets the hash that it has now, in the order that was there."""
    names = [read_checksum_line(line)[1] for line in (folder / CHECKSUMS).read_bytes().splitlines(keepends=True)]
    (folder / CHECKSUMS).write_text("".join(checksum_line(file_hash(folder / name), name) for name in names))


def problems_of(folder: Path) -> list[str]:
    problems = verify(folder, audits=False, progress=False)
    assert all(problem.startswith(str(folder)) and "\n" not in problem for problem in problems), problems
    return problems


def test_every_file_is_named_once_and_nothing_is_wrong(small_set):
    names = [read_checksum_line(line)[1] for line in (small_set / CHECKSUMS).read_bytes().splitlines(keepends=True)]
    assert sorted(names) == sorted(
        path.relative_to(small_set).as_posix() for path in files_of(small_set) if path.name != CHECKSUMS
    )
    assert problems_of(small_set) == []


def test_names_that_fill_no_memory_are_the_same_names(small_copy, monkeypatch):
    """Of a large dataset most names wait on disk; what is found there is found alike."""
    monkeypatch.setattr(sorted_names, "_RUN", 3)
    assert problems_of(small_copy) == []
    (small_copy / "test" / "notes.txt").write_text("x")
    lines = (small_copy / CHECKSUMS).read_text().splitlines(keepends=True)
    (small_copy / CHECKSUMS).write_text("".join([*lines, lines[0]]))
    first = read_checksum_line(lines[0].encode())[1]
    assert problems_of(small_copy) == [
        f"{small_copy / 'test' / 'notes.txt'}: belongs to no row",
        f"{small_copy / CHECKSUMS}, line {len(lines) + 1}: names {first!r} a second time",
        f"{small_copy / 'test' / 'notes.txt'}: {CHECKSUMS} does not name it",
    ]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_sha256sum_finds_every_file_as_it_was(small_copy):
    command = ["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS]
    assert subprocess.run(command, cwd=small_copy, capture_output=True).stdout == b""
    path = files_of(small_copy)[-1]
    path.write_bytes(path.read_bytes() + b"\0")
    found = subprocess.run(command, cwd=small_copy, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, f"{path.relative_to(small_copy)}: FAILED\n")


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda name: name not in (".", "..")
)


@given(st.lists(NAMES, min_size=1, max_size=3).map("/".join))
def test_a_line_gives_back_its_name(name):
    assert read_checksum_line(checksum_line("0a" * 32, name).encode()) == ("0a" * 32, name)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
@pytest.mark.parametrize("name", ["plain.png", "two words", "back\\slash", "new\nline", "*star", " space", "ä"])
def test_names_are_escaped_as_coreutils_do(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    said = subprocess.run(["sha256sum", "--", name], cwd=tmp_path, capture_output=True, check=True).stdout
    assert said == checksum_line(file_hash(tmp_path / name), name).encode()


DIGEST = b"0a" * 32
MALFORMED = {
    "empty": b"\n",
    "no end of line": DIGEST + b"  x",
    "one space": DIGEST + b" x\n",
    "star": DIGEST + b" *x\n",
    "capitals": DIGEST.upper() + b"  x\n",
    "short": DIGEST[1:] + b"  x\n",
    "no name": DIGEST + b"  \n",
    "comment": b"# sums\n",
    "end of a line of Windows": DIGEST + b"  x\r\n",
    "no UTF-8": DIGEST + b"  \xff\n",
    "null": DIGEST + b"  x\0\n",
    "escape without need": b"\\" + DIGEST + b"  x\n",
    "no escape": DIGEST + b"  back\\slash\n",
    "unknown escape": b"\\" + DIGEST + b"  x\\ty\n",
    "long way": DIGEST + b"  ./x\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_lines_are_found_by_their_number(name, copy_of_tars):
    with pytest.raises(ValueError, match=r"."):
        read_checksum_line(MALFORMED[name])
    path = copy_of_tars / CHECKSUMS
    number = len(path.read_bytes().splitlines()) + 1
    path.write_bytes(path.read_bytes() + MALFORMED[name])
    assert any(problem.startswith(f"{path}, line {number}: malformed (") for problem in problems_of(copy_of_tars))


def test_what_the_lines_name_wrongly_is_said_in_one_line_each(copy_of_tars):
    path, lines = copy_of_tars / CHECKSUMS, (copy_of_tars / CHECKSUMS).read_text().splitlines(keepends=True)
    first = read_checksum_line(lines[0].encode())[1]
    (copy_of_tars.parent / "outside").write_text("x")
    more = [
        lines[0],
        *(checksum_line("0" * 64, name) for name in ("../outside", "/etc/passwd", "none", "x" * 300, CHECKSUMS)),
    ]
    path.write_text("".join(lines + more))
    number = len(lines) + 1
    assert problems_of(copy_of_tars) == [
        f"{path}, line {number}: names {first!r} a second time",
        f"{path}, line {number + 1}: {copy_of_tars}: file name '../outside' leads out of the folder",
        f"{path}, line {number + 2}: {copy_of_tars}: file name '/etc/passwd' leads out of the folder",
        f"{copy_of_tars / 'none'}: no such file, {CHECKSUMS} names it",
        f"{path}, line {number + 4}: {'x' * 300!r} cannot be read (OSError)",
        f"{path}, line {number + 5}: names the file itself",
        f"{path}: is not what its hash in {CHECKSUMS} says",
    ]


def test_files_and_folders_that_nobody_names_are_found(small_copy):
    (small_copy / "notes.txt").write_text("x")
    (small_copy / "test" / "deep" / "deeper").mkdir(parents=True)
    (small_copy / "test" / "deep" / "deeper" / "a").write_text("x")
    (small_copy / "test" / "deep" / "b").write_text("x")
    (small_copy / "link").symlink_to(small_copy / "test")
    (small_copy / "empty").mkdir()
    assert {problem for problem in problems_of(small_copy) if CHECKSUMS in problem} == {
        f"{small_copy / name}: {CHECKSUMS} does not name it" for name in ("notes.txt", "test/deep", "link")
    }


def test_what_git_and_huggingface_keep_in_the_folder_is_no_part_of_the_dataset(small_copy):
    (small_copy / ".gitattributes").write_text("*.tar filter=lfs")
    for name in (".git/config", ".cache/huggingface/download/x.metadata", ".shards/left.json"):
        (small_copy / name).parent.mkdir(parents=True)
        (small_copy / name).write_text("x")
    assert problems_of(small_copy) == []


def test_without_its_checksums_a_dataset_is_damaged_unless_it_was_made_before_there_were_any(small_copy):
    (small_copy / CHECKSUMS).unlink()
    [derived, missing] = problems_of(small_copy)
    assert missing == f"{small_copy / CHECKSUMS}: no such file, though the manifest names it"
    assert CHECKSUMS in derived
    edit_json(small_copy / "manifest.json", lambda manifest: manifest.pop("checksums"))
    assert problems_of(small_copy) == []


def test_a_dataset_of_another_version_is_held_by_its_checksums_alone(small_copy):
    path = small_copy / "README.md"
    path.write_text(path.read_text() + "\nas another version writes it\n")
    for name in ("manifest.json", "croissant.json"):
        (small_copy / name).write_text(
            (small_copy / name).read_text().replace(f"Fourfold {software_version()}", "Fourfold 9.9.9")
        )
    edit_json(small_copy / "manifest.json", lambda manifest: manifest["software"].update(fourfold="9.9.9"))
    sum_anew(small_copy)
    assert problems_of(small_copy) == []


@pytest.mark.parametrize("end", [b"\n", b" ", b"\0", b'{"a": 1}\n'], ids=repr)
def test_trailing_bytes_are_found_in_every_kind_of_file(end, small_copy):
    for path in {path.suffix: path for path in files_of(small_copy)}.values():
        honest = path.read_bytes()
        path.write_bytes(honest + end)
        assert problems_of(small_copy), path
        path.write_bytes(honest)
    assert problems_of(small_copy) == []


def test_pictures_and_archives_changed_behind_new_checksums_are_found_by_the_manifest(small_copy):
    """Bytes after a picture's end, or a tar's, change no pixel and no row."""
    path = next(path for path in files_of(small_copy) if path.suffix in (".png", ".tar", ".parquet"))
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path)
    else:
        path.write_bytes(path.read_bytes() + b"\0" * 512)
    edit_json(small_copy / "manifest.json", lambda manifest: hash_archive(manifest, path))
    sum_anew(small_copy)
    assert any("checksums_sha256" in problem for problem in problems_of(small_copy))


def hash_archive(manifest: dict[str, Any], path: Path) -> None:
    for shard in manifest["shards"]:
        shard["files"].update({name: file_hash(path) for name in shard["files"] if name.endswith(path.name)})


# Random damages, each to one file.


def flip(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(1) + data[at:]


def delete(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.randint(1, 40)
    return data[:at] + data[at + size :]


def append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice([b"\n", b" ", b"\0", rng.randbytes(7)])


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from places_of(inner)


def change_number(value: Any, rng: random.Random) -> None:
    inside, key = rng.choice([place for place in places_of(value) if type(place[0][place[1]]) in (int, float)])
    inside[key] = rng.choice([inside[key] + 1, -1 - inside[key], 10**9, 1e300, inside[key] + 0.5])


def rename_key(value: Any, rng: random.Random) -> None:
    inside, key = rng.choice([place for place in places_of(value) if isinstance(place[0], dict)])
    inside[f"{key}_"] = inside.pop(key)


def in_json(edit: Callable[[Any, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def damage(data: bytes, rng: random.Random) -> bytes:
        try:
            value = json.loads(data)
        except ValueError:  # JSON lines: one of them
            lines = data.splitlines(keepends=True)
            number = rng.randrange(len(lines))
            value = json.loads(lines[number])
            edit(value, rng)
            lines[number] = json.dumps(value, ensure_ascii=False).encode() + b"\n"
            return b"".join(lines)
        edit(value, rng)
        return dump_json(value).encode()

    return damage


BYTES = {"flip": flip, "insert": insert, "delete": delete, "append": append}
JSON = {"number": in_json(change_number), "key": in_json(rename_key)}
NUMBERLESS = "croissant.json"  # all its numbers are texts


def damaged(folder: Path, rng: random.Random) -> Iterator[str]:
    """Damage the folder, say how, and mend it when asked to go on."""
    kind = rng.choice([*BYTES, *BYTES, *JSON, *JSON, "remove", "add"])
    files = [path for path in files_of(folder) if kind not in JSON or path.suffix in (".json", ".jsonl")]
    by_kind = {path.suffix: [] for path in files} | {path.name: [] for path in files if path.parent == folder}
    for path in files:
        by_kind[path.name if path.parent == folder else path.suffix].append(path)
    if kind == "number":
        by_kind.pop(NUMBERLESS)
    path = rng.choice(rng.choice([some for some in by_kind.values() if some]))
    honest = path.read_bytes()
    if kind == "add":
        added = rng.choice([path.with_name("added"), path.with_name(f"a{path.name}"), path.parent / "new" / "added"])
        added.parent.mkdir(exist_ok=True)
        added.write_bytes(rng.randbytes(3))
        yield f"{kind}: {added}"
        added.unlink()
        if added.parent.name == "new":
            added.parent.rmdir()
        return
    if kind == "remove":
        path.unlink()
    else:
        path.write_bytes((BYTES | JSON)[kind](honest, rng))
    yield f"{kind}: {path}"
    path.write_bytes(honest)


def test_no_random_damage_is_missed(small_copy):
    rng = random.Random(len(files_of(small_copy)))
    missed = []
    for number in range(DAMAGES):
        for what in damaged(small_copy, rng):
            if not problems_of(small_copy):
                missed.append((number, what))
    assert missed == []
    assert problems_of(small_copy) == []


# Damages whose author made SHA256SUMS anew.


def edit_json(path: Path, edit: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(dump_json(value))
    if (path.parent / CHECKSUMS).is_file():
        sum_anew(path.parent)


# What only the run knew, so that nothing that is there can contradict it: the keys, and why.
TAKEN = {
    ("software", "numpy"): "whichever versions were installed where the dataset was finished",
    ("software", "trimesh"): "as above",
    ("software", "pyrender"): "as above",
    ("software", "pillow"): "as above",
}
EDITS: dict[str, Callable[[Any, Any], object]] = {
    "change": lambda inside, key: inside.__setitem__(key, other_than(inside[key])),
    "rename": lambda inside, key: inside.update({f"{key}_": inside.pop(key)}) if isinstance(inside, dict) else None,
    "remove": lambda inside, key: inside.pop(key),
    "add": lambda inside, key: inside.update(unknown=1) if isinstance(inside, dict) else inside.append(inside[key]),
}


def other_than(value: Any) -> Any:
    """A value of the same type, where JSON has another."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    return [*value, "x"] if isinstance(value, list) else {**value, "x": 1}


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key and index, at whatever depth."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from leaves_of(inner, (*path, key))


def derived_problems(folder: Path, manifest: Any) -> list[str]:
    checks = (verify_derived_manifest, verify_derived_croissant, verify_derived_card, verify_croissant)
    given = [(folder, manifest)] * len(checks)
    found = [text for check, pair in zip(checks, given, strict=True) for text in problems_found(check, *pair)]
    return [*found, *problems_found(verify_manifest, manifest)]


@pytest.mark.parametrize("kind", EDITS)
def test_whatever_is_changed_in_the_manifest_is_found_without_any_hash(kind, small_copy):
    path = small_copy / "manifest.json"
    honest = path.read_text()
    missed = set()
    for place in leaves_of(json.loads(honest)):
        if place[:1] == ("recipe",) and len(place) > 3:
            continue  # the hash of the recipe is over all of it
        manifest = json.loads(honest)
        inside = manifest
        for key in place[:-1]:
            inside = inside[key]
        EDITS[kind](inside, place[-1])
        path.write_text(text := dump_json(manifest))
        if text != honest and not derived_problems(small_copy, manifest):
            missed.add(place)
    assert missed == (set(TAKEN) if kind == "change" else set())


@pytest.mark.parametrize("name", ["manifest.json", "croissant.json"])
@pytest.mark.parametrize("key", ["first", "last"])
@pytest.mark.parametrize("kind", EDITS)
def test_a_change_of_json_is_found_behind_new_checksums(kind, key, name, copy_of_tars):
    def edit(value: dict[str, Any]) -> None:
        EDITS[kind](value, list(value)[0 if key == "first" else -1])

    edit_json(copy_of_tars / name, edit)
    assert any(problem.startswith(f"{copy_of_tars / name}: ") for problem in problems_of(copy_of_tars))


def test_whatever_is_changed_in_croissant_json_is_found_without_any_hash(small_copy):
    path = small_copy / "croissant.json"
    honest, manifest = path.read_text(), json.loads((small_copy / "manifest.json").read_text())
    for place in leaves_of(json.loads(honest)):
        described = json.loads(honest)
        inside = described
        for key in place[:-1]:
            inside = inside[key]
        EDITS["change"](inside, place[-1])
        path.write_text(dump_json(described))
        assert problems_found(verify_derived_croissant, small_copy, manifest), place


@pytest.mark.parametrize("edit", [flip, insert, delete, append])
def test_a_changed_card_is_found_behind_new_checksums(edit, small_copy):
    path = small_copy / "README.md"
    honest, rng = path.read_bytes(), random.Random(1)
    for _ in range(5):
        path.write_bytes(edit(honest, rng))
        sum_anew(small_copy)
        assert any(problem.startswith(f"{path}: line ") for problem in problems_of(small_copy))


@pytest.mark.parametrize("name", ["manifest.json", "croissant.json"])
def test_the_same_values_in_other_bytes_are_found_behind_new_checksums(name, small_copy):
    path = small_copy / name
    text = path.read_text()
    for other in (
        text + "\n",
        text.replace("{", "{ ", 1),
        json.dumps(json.loads(text)),
        text.replace("{", '{"a": 1,', 1),
    ):
        path.write_text(other)
        sum_anew(small_copy)
        assert any(problem.startswith(f"{path}: ") for problem in problems_of(small_copy))


# Lies told alike wherever they are told, in the card too: nothing but the run itself could contradict them.
LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "day": lambda manifest: manifest.update(published="2020-02-02"),
    "rejections": lambda manifest: (
        manifest["shards"][0].update(rejections={"of a lie": 3}),
        manifest.update(
            rejections=dict(sum((Counter(shard["rejections"]) for shard in manifest["shards"]), Counter()))
        ),
    ),
    "renderer": lambda manifest: [each.update(renderer={"device": "x"}) for each in (manifest, *manifest["shards"])],
    "library": lambda manifest: manifest["software"].update(numpy="0.0.1"),
}


@pytest.mark.parametrize("name", LIES)
def test_what_only_the_run_knew_is_taken_from_the_manifest(name, small_copy):
    manifest = json.loads((small_copy / "manifest.json").read_text())
    LIES[name](manifest)
    (small_copy / "manifest.json").write_text(dump_json(manifest))
    write_card(small_copy, recipe_from_dict(manifest["recipe"], "recipe"), manifest)
    sum_anew(small_copy)
    assert problems_of(small_copy) == []


def test_where_manifest_is_gone_or_broken_its_problem_and_all_others_are_listed(small_copy):
    path = small_copy / "manifest.json"
    (small_copy / "notes.txt").write_text("x")
    path.write_text(path.read_text()[:-9])
    assert [problem.removeprefix(f"{small_copy}/").partition(":")[0] for problem in problems_of(small_copy)] == [
        "manifest.json",
        "manifest.json",
        "notes.txt",
    ]
    path.unlink()
    assert "no such file" in problems_of(small_copy)[1]
    (small_copy / CHECKSUMS).unlink()
    with pytest.raises(InputError, match="not a finished Fourfold dataset"):
        verify(small_copy)
