"""Image names from strangers' files become `ImageRef`s that cannot leave the folder the user gave."""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.image_refs import ImageRef

Box = tuple[int, int, int, int]
_LONGEST_NAME, _LONGEST_PATH = 255, 3000  # bytes of one part of a path, and of all together below any folder


def locate(source: Source, *names: str, where: str, box: Box | None = None) -> ImageRef:
    """The first of `names` that exists in the images folder, else the first name, to be counted as missing.

    A name with "..", or one that a link leads out of the folder, raises `InputError`.
    """
    paths = [_inside(source.images, name, where) for name in names]
    if not source.look:
        return ImageRef(paths[0], box)
    return ImageRef(next((path for path in paths if _exists(source.images, path, where)), paths[0]), box)


def tails(name: str) -> tuple[str, ...]:
    """The name, then the name with its leading folders taken off one by one.

    For files that recorded the paths of their authors' machine: "/home/x/val2017/1.jpg" is looked for as
    "home/x/val2017/1.jpg", ..., "val2017/1.jpg", "1.jpg".
    """
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "/"]
    return tuple("/".join(parts[start:]) for start in range(len(parts))) or (name,)


def embedded(source: Source, row: Mapping[str, Any], column: str, where: str) -> ImageRef:
    """An image cell of a table: the bytes a HuggingFace parquet file carries, or the name of a file."""
    cell = row.get(column) if source.look else None
    if isinstance(cell, Mapping) and isinstance(cell.get("bytes"), bytes):
        return ImageRef(Path(f"{where}: {column}"), data=cell["bytes"])
    name = cell.get("path") if isinstance(cell, Mapping) else cell
    if isinstance(name, str) and name.strip():
        return locate(source, *tails(name), where=where)
    if source.look:
        raise InputError(f"{where}: {column!r} holds neither image bytes nor a file name")
    return ImageRef(Path(f"{where}: {column}"))


def name_of_cell(row: Mapping[str, Any], column: str, image: ImageRef, otherwise: str) -> str:
    """What tells the source image of an `embedded` one: its file's name, else its bytes, that items may share."""
    cell = row.get(column)
    name = cell.get("path") if isinstance(cell, Mapping) else cell
    if isinstance(name, str) and name.strip():
        return name
    return otherwise if image.data is None else hashlib.sha256(image.data).hexdigest()[:16]


def box_of(x: float, y: float, width: float, height: float) -> Box:
    """Corner and size in pixels as (left, top, right, bottom)."""
    return int(x), int(y), int(x + width), int(y + height)


def is_there(image: ImageRef) -> bool:
    """Whether the pixels can be read: carried along, or a file on disk."""
    return image.data is not None or image.path.is_file()


def _inside(root: Path, name: str, where: str) -> Path:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if any(len(part.encode()) > _LONGEST_NAME for part in parts) or len(name.encode()) > _LONGEST_PATH:
        raise InputError(f"{where}: image name {name!r:.80} is longer than a file name can be")
    if ".." in parts or PurePosixPath(name).is_absolute() or Path(name).is_absolute() or "\0" in name:
        raise InputError(
            f"{where}: image name {name!r} leaves the images folder {root}; it must be a plain relative path"
        )
    return root.joinpath(*parts)


def _exists(root: Path, path: Path, where: str) -> bool:
    if not path.is_file():
        return False
    if not path.resolve().is_relative_to(root.resolve()):
        target = path.resolve()
        raise InputError(
            f"{where}: {path} is a link out of the images folder to {target}; give --images the folder it is in"
        )
    return True
