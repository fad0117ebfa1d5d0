"""The formats of a dataset on disk, one file each. Rows and pictures are the same in all; where they lie is not.

A picture inside an archive has a path too, `test/test-000000.tar/<name>.png`, and `open_source` opens either kind.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfold.errors import unknown_name
from fourfold.generator.dataset.formats import folder, parquet, webdataset
from fourfold.generator.dataset.formats.sample import Sample


@dataclass(frozen=True)
class Format:
    """How the samples of a shard become files, and how files become rows and pictures again.

    `pattern` finds the files with a split's rows in the folder of the split; sorted by name they are in the order of
    rows. `data_files` are the patterns that HuggingFace's `configs` name, with {split} for the folder.
    """

    pattern: str
    data_files: tuple[str, ...]
    # (dataset, split, number of the shard in its split, samples) -> files and their bytes
    pack: Callable[[Path, str, int, Sequence[Sample]], Iterator[tuple[Path, bytes]]]
    read_rows: Callable[[Path], Iterator[dict[str, Any]]]  # of one file that `pattern` found
    read_member: Callable[[str, str], bytes] | None  # (archive, name) -> bytes; None where pictures are files
    # Of an archive: what is wrong beside rows and pictures.
    find_problems: Callable[[Path], Iterator[str]] | None = None


FORMATS: dict[str, Format] = {
    "folder": Format(
        "metadata.jsonl", ("{split}/metadata.jsonl", "{split}/images/*.png"), folder.pack, folder.read_rows, None
    ),
    "webdataset": Format(
        "*.tar",
        ("{split}/*.tar",),
        webdataset.pack,
        webdataset.read_rows,
        webdataset.read_member,
        webdataset.find_problems,
    ),
    "parquet": Format(
        "*.parquet",
        ("{split}/*.parquet",),
        parquet.pack,
        parquet.read_rows,
        parquet.read_member,
        parquet.find_problems,
    ),
}
_ARCHIVES = {Path(row.pattern).suffix: row.read_member for row in FORMATS.values() if row.read_member is not None}


def check_format(name: str) -> None:
    """Raise InputError, with the choices, for a format that is not in the table."""
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS, "--format")


def row_files(place: Path) -> tuple[Format, list[Path]]:
    """The format in which a split's folder lies, and the files with its rows, in order; no files if it has none."""
    for found in FORMATS.values():
        files = sorted(place.glob(found.pattern))
        if files:
            return found, files
    return FORMATS["folder"], []


def open_source(path: Path) -> Path | io.BytesIO:
    """What Pillow can open for the path of a picture: the path itself, or the bytes of an archive's member.

    Raises FileNotFoundError if the archive has no such member, OSError if it is damaged.
    """
    read = _ARCHIVES.get(path.parent.suffix)
    if read is None or not path.parent.is_file():
        return path
    return io.BytesIO(read(os.fspath(path.parent), path.name))
