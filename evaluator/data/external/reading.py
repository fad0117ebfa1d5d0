"""Reads strangers' annotation files: JSON, CSV, parquet. A defect is an `InputError` naming file and line or row.

Nothing in a file is ever executed or unpickled.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourfold.errors import InputError

Row = Mapping[str, Any]
TABLES = (".parquet", ".csv", ".json", ".jsonl")
_ROWS_AT_ONCE = 64  # they may hold images


def place_of(given: str, where: str) -> Path:
    """The absolute path that a user gave, whether anything is there or not.

    Raises InputError for one at which nobody can look: too long, with a zero byte, in a closed folder, of no user.
    """
    try:
        path = Path(given).expanduser().absolute()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path  # which is said better by who knows what should be there
    except (OSError, ValueError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{where:.200}: cannot be looked at ({said})") from None
    return path


def read_text(path: Path) -> str:
    """The file as text, with or without a byte order mark."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        at = f"line {error.object.count(10, 0, error.start) + 1}, byte {error.start}"
        raise InputError(f"{path}: not UTF-8 text ({at}); save it as UTF-8, or is the download not complete?") from None


def read_json(path: Path) -> Any:
    """The parsed file; broken JSON is reported with its line and column."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str, as_object: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of JSON text; InputError, with the place in it, where it is none. `where` names it in the error.

    `as_object` makes what stands for an object of its keys and values, or raises ValueError; None: a dictionary.
    """
    try:
        return json.loads(text, object_pairs_hook=as_object)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: broken JSON at {at}: {error.msg}; is the download complete?") from None
    except (RecursionError, ValueError) as error:  # brackets without end, numbers of thousands of digits
        raise InputError(f"{where}: JSON that is no annotation file: {error}") from None


def read_csv(path: Path, columns: Sequence[str]) -> list[Row]:
    """Rows as mappings; `columns` must be in the header and every row must be as long as the header."""
    return [row for _, row in csv_lines(path, read_text(path), columns)]


def csv_lines(path: Path, text: str, columns: Sequence[str], delimiter: str = ",") -> Iterator[tuple[int, Row]]:
    """(line, row) of the text of a CSV file, checked as `read_csv` does; a row of several lines has its last one's."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        named = [name for name in header if name]  # spreadsheets leave commas behind the last column
        if len(set(named)) < len(named):
            raise InputError(f"{path}: line 1: the header names a column twice: {', '.join(named)}")
        _require(columns, header, str(path))
        for cells in reader:
            if cells and len(cells) != len(header):
                given = f"{len(cells)} cells where the header has {len(header)}"
                raise InputError(f"{path}: line {reader.line_num}: {given}; is the file cut short?")
            if cells:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}; is the file cut short?") from None


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
        rows = [parse_json(line, f"{path}: line {number}") for number, line in lines if line.strip()]
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
