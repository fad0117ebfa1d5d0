"""Users' own CSV, TSV and JSONL files; what their columns mean is told in `fourfold.evaluator.data.external.plain`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.plain import Place, Rows
from fourfold.evaluator.data.external.reading import Row, csv_lines, parse_json, read_text
from fourfold.files import is_url


def read_csv_file(place: Place) -> Rows:
    """The rows of a CSV file: UTF-8, a header, cells between commas.

    Tabs part the cells of a .tsv file; tabs or semicolons where there is no comma in the header.
    """
    path = _file(place)
    return Rows(path.stem, _source(place, path), _csv_rows(path))


def read_jsonl_file(place: Place) -> Rows:
    """The rows of a JSONL file: UTF-8, a JSON object a line, which may hold lists."""
    path = _file(place)
    return Rows(path.stem, _source(place, path), _jsonl_rows(path))


def _csv_rows(path: Path) -> Iterator[tuple[str, Row]]:
    text = read_text(path)
    header = text.partition("\n")[0]
    others = [mark for mark in "\t;" if mark in header]
    tabs = path.suffix.lower() == ".tsv"
    delimiter = "\t" if tabs else others[0] if others and "," not in header else ","
    for number, row in csv_lines(path, text, (), delimiter):
        yield f"{path}: line {number}", row


def _jsonl_rows(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        row = parse_json(line, where, _object)
        if not isinstance(row, dict):
            raise InputError(f'{where}: is {type(row).__name__}, not an object; a line is {{"image": ..., ...}}')
        yield where, row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which Python's reader would drop a key that is there twice without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return found


def _file(place: Place) -> Path:
    path = Path(place.text).expanduser().absolute()
    if is_url(place.text):
        raise InputError(f"{place.text}: is a URL; download the file and its pictures, and name the file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the file in it")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path


def _source(place: Place, path: Path) -> Source:
    return Source(path, path.parent if place.images is None else place.images, place.look)
