"""Reads strangers' annotation files: JSON, CSV, parquet. A defect is an `InputError` naming file and line or row.

Nothing in a file is ever executed or unpickled.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourfold.errors import InputError

Row = Mapping[str, Any]
TABLES = (".parquet", ".csv", ".json", ".jsonl")
_ROWS_AT_ONCE = 64  # they may hold images


def read_text(path: Path) -> str:
    """The file as text, with or without a byte order mark."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); is the download complete?") from None


def read_json(path: Path) -> Any:
    """The parsed file; broken JSON is reported with its line and column."""
    return _parsed(read_text(path), str(path))


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: broken JSON at {at}: {error.msg}; is the download complete?") from None
    except (RecursionError, ValueError) as error:  # brackets without end, numbers of thousands of digits
        raise InputError(f"{where}: JSON that is no annotation file: {error}") from None


def read_csv(path: Path, columns: Sequence[str]) -> list[Row]:
    """Rows as mappings; `columns` must be in the header and every row must be as long as the header."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise InputError(f"{path}: line 1: the header names a column twice: {', '.join(header)}")
        _require(columns, header, str(path))
        rows: list[Row] = []
        for cells in reader:
            if cells and len(cells) != len(header):
                given = f"{len(cells)} cells where the header has {len(header)}"
                raise InputError(f"{path}: line {reader.line_num}: {given}; is the file cut short?")
            if cells:
                rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}; is the file cut short?") from None
    return rows


def read_parquet(paths: Sequence[Path], columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of parquet files one after another: `columns`, and those of `optional` that a file has."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("reading parquet needs pyarrow: pip install 'fourfold[parquet]'") from None
    for path in paths:
        try:
            file = pyarrow.parquet.ParquetFile(path)
            present = file.schema_arrow.names
            _require(columns, present, str(path))
            wanted = [*columns, *(name for name in optional if name in present)]
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=wanted):
                yield from batch.to_pylist()
        except (pyarrow.ArrowException, OSError) as error:
            raise InputError(f"{path}: not a readable parquet file: {error}") from None


def read_table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, Row]]:
    """(where, row) of a CSV, JSON or JSONL file, a parquet file, or a folder of parquet files.

    `where` names the row in an error message. Rows hold `columns`, and those of `optional` that the file has.
    """
    if path.is_dir() or path.suffix == ".parquet":
        paths = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not paths:
            raise InputError(f"{path}: holds no .parquet file; name a file ({', '.join(TABLES)}) or such a folder")
        rows: Iterable[Row] = read_parquet(paths, columns, optional)
    elif path.suffix == ".csv":
        rows = read_csv(path, columns)
    elif path.suffix == ".jsonl":
        lines = enumerate(read_text(path).split("\n"), start=1)
        rows = [_parsed(line, f"{path}: line {number}") for number, line in lines if line.strip()]
    elif path.suffix == ".json":
        rows = [row for _, row in entries(read_json(path), path)]
    else:
        raise InputError(f"{path}: cannot read {path.suffix or 'a file without suffix'}; allowed: {', '.join(TABLES)}")
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        if not isinstance(row, Mapping):
            raise InputError(f"{where}: is {type(row).__name__}, not a mapping")
        _require(columns, row, where)
        yield where, row


def _require(columns: Iterable[str], present: Iterable[str], where: str) -> None:
    names = list(present)
    lacking = [column for column in columns if column not in names]
    if lacking:
        raise InputError(
            f"{where}: no {', '.join(map(repr, lacking))}; there is {', '.join(map(repr, names)) or 'nothing'}"
        )


def files_named(path: Path, names: Sequence[str]) -> list[Path]:
    """The file itself, or those of `names` that the folder holds; none is an error that lists them."""
    if not path.is_dir():
        return [path]
    found = [path / name for name in names if (path / name).is_file()]
    if not found:
        raise InputError(f"{path}: holds none of {', '.join(names)}; name the folder that has them, or one file")
    return found


def first_file(path: Path, names: Sequence[str]) -> Path:
    """The first of `names` that the folder holds, else `path` as it is."""
    return next((path / name for name in names if (path / name).is_file()), path)


def entries(data: Any, path: Path) -> list[tuple[str, Any]]:
    """(key, value) of a JSON list or dictionary of items, in file order."""
    if isinstance(data, dict):
        return list(data.items())
    if isinstance(data, list):
        return [(str(number), value) for number, value in enumerate(data)]
    raise InputError(f"{path}: holds {type(data).__name__}, not a list or dictionary of items")
