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
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonlines
from PIL import Image

from scenes.errors import InputError

FORMAT_VERSION = 1
ASIDE = ".tmp"  # how files end that are not whole yet; a killed process leaves some
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
        """Path of image a (0) or b (1), to be opened with `open_source`: it may lie in an archive."""
        return inside(self.folder, self.rows[i]["file_name"])

    def _repr_html_(self) -> str:
        from generator.notebook import grid_html, truth_sign

        pictures = [read_picture(self.folder, row["file_name"], "RGB") for row in self.rows]
        cells = [[truth_sign(caption.truth[i]) for caption in self.captions] for i in (0, 1)]
        title = f"{self.id}: {self.category}, {self.rows[0]['edit']}"
        return grid_html(title, pictures, [caption.text for caption in self.captions], cells)


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
    _check_splits(manifest.get("splits"), path)
    return manifest


def _check_splits(splits: Any, path: Path) -> None:
    """Split names become folder names, so each must be one."""
    if not isinstance(splits, dict) or not splits or not all(isinstance(row, dict) for row in splits.values()):
        raise InputError(f"{path}: lists no splits; the file is damaged")
    for name in splits:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise InputError(f"{path}: split {name!r} is not the name of a folder")


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


_TEXTS = ("file_name", "id", "group", "role", "category", "condition", "edit", "attribute")
REQUIRED = dict.fromkeys(_TEXTS, str) | {"captions": list, "objects": list, "camera": dict, "difficulty": dict}


def check_row(row: dict[str, Any], where: str) -> None:
    """Refuse a row in which a required key is missing or holds something of another type."""
    missing = [key for key in REQUIRED if key not in row]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}")
    wrong = [key for key, kind in REQUIRED.items() if not isinstance(row[key], kind)]
    if wrong:
        raise InputError(f"{where}: malformed {', '.join(wrong)}")


def read_captions(row: dict[str, Any], where: str) -> tuple[Caption, ...]:
    """The captions of a row with their claims; InputError for a malformed one."""
    try:
        return tuple(
            Caption(
                text=str(item["text"]),
                kind=str(item["kind"]),
                claim=json.loads(item["claim"]),
                template=str(item["template"]),
                truth=_read_truth(item["truth"]),
            )
            for item in row["captions"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: malformed captions ({error})") from error


def _read_truth(truth: Any) -> tuple[bool, bool]:
    a, b = truth
    if not (isinstance(a, bool) and isinstance(b, bool)):  # "false" would count as true
        raise ValueError(f"truth {truth!r} is not two of true and false")
    return a, b


def inside(folder: Path, name: str) -> Path:
    """The path of a file that a dataset names; InputError if it would leave the folder."""
    path = (Path(folder) / name).resolve()
    if not path.is_relative_to(Path(folder).resolve()):
        raise InputError(f"{folder}: file name {name!r} leads out of the folder")
    return path


def read_picture(folder: Path, name: str, mode: str) -> Image.Image:
    """A picture that a dataset names, in Pillow's `mode`; InputError if it is missing, broken or out of the folder."""
    path = inside(folder, name)
    try:
        with Image.open(path) as image:
            return image.convert(mode)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image") from error
    # What Pillow's decoders raise for damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error.__class__.__name__})") from error


def write_atomically(path: Path, data: bytes | str | Iterable[bytes]) -> None:
    """Write a file, whole or in blocks, so that it is there whole or not at all: aside, synced, renamed.

    Raises InputError where the disk is full or the place may not be written.
    """
    blocks = (data.encode("utf-8"),) if isinstance(data, str) else (data,) if isinstance(data, bytes) else data
    aside = path.with_name(f".{path.name}.{os.getpid()}{ASIDE}")
    try:
        with aside.open("wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        if error.errno in _FILE_TROUBLE:
            raise InputError(f"{path}: {_FILE_TROUBLE[error.errno]}") from error
        raise


_FULL = "no space left on the disk; free some and run the same command again"
_CLOSED = "may not be written; give a place where you may write"
_NO_FOLDER = "its folder is not there, or is a file"
_FILE_TROUBLE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), _NO_FOLDER),
}


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
