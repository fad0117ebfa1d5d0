"""The dataset folder, both ends: rows to files and files to rows. Standard library, jsonlines and Pillow only.

    OUT/README.md  manifest.json  audit.json        the card, what made it, blind solvers' scores
    OUT/<split>/metadata.jsonl  images/*.png        a HuggingFace imagefolder as it stands, one row an image
    OUT/masks/<split>/*.png                         instance masks: 0 background, mask_value of an object elsewhere

The two images of a fourfold group are neighbouring rows with the roles "a" and "b".
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonlines

from scenes.errors import InputError

FORMAT_VERSION = 1
NATURAL = "natural"  # category of single pictures with web-like captions, which belong to no group


@dataclass(frozen=True)
class Caption:
    """A caption of a group, with its meaning and its truth on both images."""

    text: str
    kind: str  # relative to the image of its row: "true", "adversarial", "hard-positive", "adversarial-positive"
    claim: dict[str, Any]
    template: str
    truth: tuple[bool, bool]  # of images a and b


@dataclass(frozen=True)
class Group:
    """The two rows of a fourfold group as they stand in metadata.jsonl, and its captions."""

    id: str
    folder: Path  # of the split
    rows: tuple[dict[str, Any], dict[str, Any]]  # images a and b
    captions: tuple[Caption, ...]  # as row a lists them: true of a, true of b, then the hard positives of a and of b

    @property
    def category(self) -> str:
        return str(self.rows[0]["category"])

    def image_path(self, i: int) -> Path:
        """Path of image a (0) or b (1)."""
        return inside(self.folder, self.rows[i]["file_name"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished dataset; InputError if the folder holds none or it is broken."""
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise InputError(
            f"{folder}: not a finished Fourfold dataset (no manifest.json); make one with `fourfold generate`"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: broken JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format_version") != FORMAT_VERSION:
        found = manifest.get("format_version") if isinstance(manifest, dict) else None
        raise InputError(f"{path}: format version {found!r}, this software reads {FORMAT_VERSION}")
    return manifest


def split_names(folder: Path) -> list[str]:
    """Names of the splits that the manifest lists."""
    return sorted(read_manifest(folder)["splits"])


def choose_split(folder: Path, split: str | None) -> str:
    """The named split, or "test", or the only one; InputError lists the choices."""
    names = split_names(folder)
    if split is None:
        return "test" if "test" in names else names[0]
    if split not in names:
        raise InputError(f"{folder}: no split {split!r}. Allowed: {', '.join(names)}")
    return split


def read_rows(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """The rows of one split's metadata.jsonl; a broken line is an InputError with file and line number."""
    yield from read_jsonl(Path(folder) / split / "metadata.jsonl")


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON-lines file, one after another; InputError names file and line for anything else."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with path.open(encoding="utf-8") as file:
        reader = jsonlines.Reader(file)
        number = 0
        while True:
            number += 1
            try:
                yield reader.read(type=dict)
            except EOFError:
                return
            except (jsonlines.InvalidLineError, UnicodeDecodeError) as error:
                message = f"{path}, line {number}: not a JSON object ({error.__class__.__name__}); the file is damaged"
                raise InputError(message) from error


def read_groups(folder: Path, split: str) -> Iterator[Group]:
    """The fourfold groups of a split; rows of natural scenes are passed over."""
    waiting: dict[str, Any] | None = None
    for number, row in enumerate(read_rows(folder, split), start=1):
        where = f"{Path(folder) / split / 'metadata.jsonl'}, line {number}"
        check_row(row, where)
        if row["category"] == NATURAL:
            continue
        if row["role"] == "a" and waiting is None:
            waiting = row
        elif row["role"] == "b" and waiting is not None and waiting["group"] == row["group"]:
            yield Group(row["group"], Path(folder) / split, (waiting, row), read_captions(waiting, where))
            waiting = None
        else:
            raise InputError(f"{where}: image {row['role']!r} of group {row['group']!r} without its twin beside it")
    if waiting is not None:
        raise InputError(f"{Path(folder) / split / 'metadata.jsonl'}: group {waiting['group']!r} has no image b")


REQUIRED = ("file_name", "id", "group", "role", "category", "edit", "captions", "objects", "camera", "difficulty")


def check_row(row: dict[str, Any], where: str) -> None:
    """Refuse a row in which a required key is missing."""
    missing = [key for key in REQUIRED if key not in row]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}")


def read_captions(row: dict[str, Any], where: str) -> tuple[Caption, ...]:
    """The captions of a row with their claims; InputError for a malformed one."""
    try:
        return tuple(
            Caption(
                text=str(item["text"]),
                kind=str(item["kind"]),
                claim=json.loads(item["claim"]),
                template=str(item["template"]),
                truth=(bool(item["truth"][0]), bool(item["truth"][1])),
            )
            for item in row["captions"]
        )
    except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
        raise InputError(f"{where}: malformed captions ({error})") from error


def inside(folder: Path, name: str) -> Path:
    """The path of a file that a dataset names; InputError if it would leave the folder."""
    path = (Path(folder) / name).resolve()
    if not path.is_relative_to(Path(folder).resolve()):
        raise InputError(f"{folder}: file name {name!r} leads out of the folder")
    return path


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a file so that it is there whole or not at all: aside, synced, renamed."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise _file_error(path, error) from error


def _file_error(path: Path, error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{path}: no space left on the disk; free some and run the same command again to resume")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(f"{path}: may not be written ({error.strerror})")
    return error


def dump_json(value: Any) -> str:
    """JSON as files of this project hold it: readable, stable, ending in a newline."""
    return json.dumps(value, indent=2, sort_keys=False, ensure_ascii=False) + "\n"


def canonical_hash(value: Any) -> str:
    """SHA-256 of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
