"""Parquet: a file a shard, pictures inside, typed so that HuggingFace and its viewer show them as pictures."""

import io
import json
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.generator.dataset.formats.sample import Sample

_IMAGES = ("image", "mask")
_ROWS_TOGETHER = 100  # rows of a row group: what readers that skip about have to read at once


def pack(dataset: Path, split: str, number: int, samples: Sequence[Sample]) -> Iterator[tuple[Path, bytes]]:
    """The file of a shard with its bytes: <split>/<split>-<number>.parquet. Raises InputError without pyarrow."""
    arrow, files = import_pyarrow()
    rows = [
        {
            "image": {"bytes": sample.picture, "path": f"{sample.row['id']}.png"},
            **sample.row,
            "mask": {"bytes": sample.mask, "path": f"{sample.row['id']}.mask.png"},
        }
        for sample in samples
    ]
    # Without this the pictures come back as raw structs; other columns have the types they are stored with.
    features = {"info": {"features": {name: {"_type": "Image"} for name in _IMAGES}}}
    table = arrow.Table.from_pylist(rows).replace_schema_metadata({"huggingface": json.dumps(features)})
    buffer = io.BytesIO()
    files.write_table(table, buffer, row_group_size=_ROWS_TOGETHER, write_statistics=False)
    yield dataset / split / f"{split}-{number:06d}.parquet", buffer.getvalue()


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, with the places of their pictures. Raises InputError if it is damaged, or without pyarrow."""
    arrow, files = import_pyarrow()
    try:
        with files.ParquetFile(path) as opened:
            columns = [name for name in opened.schema_arrow.names if name not in _IMAGES]
            for batch in opened.iter_batches(_ROWS_TOGETHER, columns=columns):
                for row in batch.to_pylist():
                    at = f"{path.name}/{row.get('id')}"
                    yield {**row, "file_name": f"{at}.png", "mask": f"{path.parent.name}/{at}.mask.png"}
    except (arrow.ArrowException, OSError, ValueError) as error:  # the last: text that is no UTF-8
        said = " ".join(str(error).split())  # some of Arrow's messages are of many lines
        raise InputError(f"{path}: not readable as Parquet ({said}); the file is damaged") from error


def read_member(archive: str, name: str) -> bytes:
    """The bytes of one picture or mask.

    Raises FileNotFoundError if the file has none of that name, OSError if it is damaged.
    """
    found = os.stat(archive)
    members = _pictures(archive, found.st_mtime_ns, found.st_size)
    if name not in members:
        raise FileNotFoundError(f"{archive}: no picture {name}")
    return members[name]


def find_problems(path: Path) -> Iterator[str]:
    """The columns of pictures that other readers would take for plain structs, a line of text each.

    Nothing is said of a file that cannot be read: that is said where its rows are read.
    """
    arrow, files = import_pyarrow()
    try:
        stored = (files.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
        features = json.loads(stored)["info"]["features"]
        told = [name for name in _IMAGES if features[name]["_type"] == "Image"]
    except (ValueError, KeyError, TypeError):
        told = []
    except (arrow.ArrowException, OSError):
        return
    yield from (f"column {name!r} is not declared to hold pictures" for name in _IMAGES if name not in told)


@lru_cache(maxsize=2)
def _pictures(archive: str, _mtime: int, _size: int) -> dict[str, bytes]:
    """All pictures of a file by name: a shard's few megabytes, since its readers go through it from end to end."""
    arrow, files = import_pyarrow()
    try:
        table = files.read_table(archive, columns=list(_IMAGES))
        return {item["path"]: item["bytes"] for name in _IMAGES for item in table.column(name).to_pylist()}
    except (arrow.ArrowException, KeyError, TypeError) as error:
        raise OSError(f"{archive}: not readable as Parquet ({error})") from error


def import_pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet.

    Raises InputError, with the command that installs them, where they are missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("--format parquet: needs pyarrow; install it with `pip install fourfold[parquet]`") from error
    return pyarrow, pyarrow.parquet
