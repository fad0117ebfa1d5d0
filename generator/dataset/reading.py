"""The dataset folder, as its readers see it: manifest, rows, groups and pictures, whatever format they lie in.

    OUT/README.md  manifest.json  audit.json        the card, what made it, blind solvers' scores
    OUT/croissant.json  SHA256SUMS                  the dataset for machines, the hash of every file
    folder       OUT/<split>/metadata.jsonl  images/*.png  and  OUT/masks/<split>/*.png
    webdataset   OUT/<split>/<split>-000000.tar ...         parquet   OUT/<split>/<split>-000000.parquet ...

A folder is a HuggingFace imagefolder as it stands, one row an image. Masks: 0 background, mask_value of an object
elsewhere. The two images of a fourfold group are neighbouring rows with the roles "a" and "b".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from fourfold.errors import InputError
from fourfold.files import canonical_hash as canonical_hash
from fourfold.files import dump_json as dump_json
from fourfold.files import file_hash as file_hash
from fourfold.files import inside as inside
from fourfold.files import write_atomically as write_atomically
from fourfold.generator.dataset.formats import open_source as open_source
from fourfold.generator.dataset.formats import row_files

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
    meaning: str = ""  # of a hard positive, from edition 2 on: "paraphrase", or "implied" where it says something else


@dataclass(frozen=True)
class Group:
    """The two rows of a fourfold group as they stand in the files, and its captions."""

    id: str
    folder: Path  # of the split
    rows: tuple[dict[str, Any], dict[str, Any]]  # images a and b
    captions: tuple[Caption, ...]  # as row a lists them: true of a, true of b, then the hard positives of a and of b

    @property
    def category(self) -> str:
        """The failure category that the group belongs to."""
        return str(self.rows[0]["category"])

    def image_path(self, i: int) -> Path:
        """Path of image a (0) or b (1), to be opened with `open_source`: it may lie in an archive."""
        return inside(self.folder, self.rows[i]["file_name"])

    def _repr_html_(self) -> str:
        from fourfold.notebook import grid_html, truth_sign

        pictures = [read_picture(self.folder, row["file_name"], "RGB") for row in self.rows]
        cells = [[truth_sign(caption.truth[i]) for caption in self.captions] for i in (0, 1)]
        title = f"{self.id}: {self.category}, {self.rows[0]['edit']}"
        return grid_html(title, pictures, [caption.text for caption in self.captions], cells)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished dataset. Raises InputError if the folder holds none, or a broken or foreign one."""
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
    """Names of the splits that the manifest lists, sorted. Raises InputError as `read_manifest` does."""
    return sorted(read_manifest(folder)["splits"])


def choose_split(folder: Path, split: str | None) -> str:
    """The split of that name; without a name "test" if there is such a split, else the first.

    Raises InputError, with the choices, for the name of another split.
    """
    names = split_names(folder)
    if split is None:
        return "test" if "test" in names else names[0]
    if split not in names:
        raise InputError(f"{folder}: no split {split!r}. Allowed: {', '.join(names)}")
    return split


def read_rows(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """The rows of one split in order, in any format. Raises InputError, with file and place, at what is damaged."""
    place = Path(folder) / split
    found, files = row_files(place)
    if not files:
        raise InputError(f"{place / found.pattern}: no such file")
    for path in files:
        yield from found.read_rows(path)


def rows_place(folder: Path, split: str) -> Path:
    """What messages about a split's rows name: the file that holds all of them, or the folder of its archives."""
    path = Path(folder) / split / "metadata.jsonl"
    return path if path.is_file() else path.parent


def row_place(folder: Path, split: str, number: int) -> str:
    """What messages about one row name: its file and its number, counted from 1."""
    place = rows_place(folder, split)
    return f"{place}, {'line' if place.suffix else 'row'} {number}"


def read_groups(folder: Path, split: str) -> Iterator[Group]:
    """The fourfold groups of a split in order; rows of natural scenes are passed over.

    Raises InputError at a damaged row, and where the two rows of a group are not neighbours.
    """
    waiting: dict[str, Any] | None = None
    for number, row in enumerate(read_rows(folder, split), start=1):
        where = row_place(folder, split, number)
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
        raise InputError(f"{rows_place(folder, split)}: group {waiting['group']!r} has no image b")


_TEXTS = ("file_name", "id", "group", "role", "category", "condition", "edit", "attribute")
REQUIRED = dict.fromkeys(_TEXTS, str) | {"captions": list, "objects": list, "camera": dict, "difficulty": dict}


def check_row(row: dict[str, Any], where: str) -> None:
    """Raise InputError for a row in which a required key is missing, or holds something of another type."""
    missing = [key for key in REQUIRED if key not in row]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}")
    wrong = [key for key, kind in REQUIRED.items() if not isinstance(row[key], kind)]
    if "objects" not in wrong and not all(isinstance(thing, dict) for thing in row["objects"]):
        wrong.append("objects")
    if wrong:
        raise InputError(f"{where}: malformed {', '.join(wrong)}")


def read_captions(row: dict[str, Any], where: str) -> tuple[Caption, ...]:
    """The captions of a row with their claims. Raises InputError for a malformed one; `where` names the row in it."""
    try:
        return tuple(
            Caption(
                text=str(item["text"]),
                kind=str(item["kind"]),
                claim=json.loads(item["claim"]),
                template=str(item["template"]),
                truth=_read_truth(item["truth"]),
                meaning=str(item.get("meaning", "")),
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


def read_picture(folder: Path, name: str, mode: str) -> Image.Image:
    """A picture that a dataset names, in Pillow's `mode` ("RGB" for pictures, "L" for masks).

    Raises InputError if it is missing or broken, or if its name leads out of the folder.
    """
    path = inside(folder, name)
    try:
        with Image.open(open_source(path)) as image:
            return image.convert(mode)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image") from error
    # What Pillow's decoders raise for damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error.__class__.__name__})") from error
