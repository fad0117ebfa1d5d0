"""A benchmark of one's own, described by a few lines of TOML beside its files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.data.external.hf_datasets import OPTIONS
from fourfold.evaluator.data.external.plain import ROLES, check_columns, role_of
from fourfold.evaluator.data.external.reading import read_text
from fourfold.files import inside, is_url

_TEXTS = ("name", "format", "path", "images", "prompt", "category", *OPTIONS)
_KEYS = (*_TEXTS, "columns", "notes")


@dataclass(frozen=True)
class Description:
    """What a TOML file says of a benchmark.

    name = "kitchen"                       # of the benchmark in tables
    format = "csv"                         # csv, jsonl, hf, wds
    path = "questions.csv"                 # what would follow the colon, seen from this file
    images = "photos"                      # optional: the folder of the pictures; else that of `path`
    prompt = "a photo of {caption}"        # optional: around every caption
    category = "binding"                   # optional: of rows without one
    notes = ["captions by two annotators"] # optional: said beside every number
    config = ""  split = ""  revision = "" # optional, of hf

    [columns]                              # optional: which column is what
    image = "file"
    caption = "text"
    foils = ["neg1", "neg2"]
    cluster = "photo_id"
    """

    name: str
    format: str
    path: str
    images: Path | None
    prompt: str | None
    category: str | None
    notes: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    options: dict[str, str]


def read_description(path: Path, formats: Mapping[str, tuple[str, ...]]) -> Description:
    """Read such a file; `formats` has the options of each format.

    Raises InputError for broken TOML, an unknown key or format, a key of a wrong type, and files outside its folder.
    """
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: broken TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: TOML that is no description of a benchmark: too deep") from None
    for key, value in found.items():
        if key not in _KEYS:
            raise unknown_name("key", key, _KEYS, where=str(path))
        if key in _TEXTS and not (isinstance(value, str) and value.strip() and value.splitlines() == [value]):
            raise InputError(f"{path}: {key} = {value!r:.60}: must be a text of one line with something in it")
    if lacking := [key for key in ("name", "format", "path") if key not in found]:
        raise InputError(f"{path}: no {', '.join(lacking)}; a benchmark has name, format and path")
    if found["format"] not in formats:
        raise unknown_name("format", found["format"], formats, where=str(path))
    options = {key: str(found[key]) for key in OPTIONS if key in found}
    if foreign := next((key for key in options if key not in formats[found["format"]]), None):
        raise InputError(f"{path}: {foreign} is of the format hf, not of {found['format']}")
    return Description(
        name=found["name"],
        format=found["format"],
        path=_place(path, found["format"], found["path"]),
        images=_images(path, found["images"]) if "images" in found else None,
        prompt=found.get("prompt"),
        category=found.get("category"),
        notes=_list(found.get("notes", []), f"{path}: notes"),
        columns=_columns(found.get("columns", {}), path),
        options=options,
    )


def _place(file: Path, format: str, given: str) -> str:
    """Where the questions are: below the folder of the description, on the Hub, or at a URL."""
    if format == "wds" and is_url(given):
        return given
    below = inside(file.parent, given)
    if format == "hf" and not below.exists():
        return given
    return str(below)


def _images(file: Path, given: str) -> Path:
    folder = inside(file.parent, given)
    if not folder.is_dir():
        raise InputError(f"{file}: images = {given!r}: there is no folder {folder}; or give --images")
    return folder


def _list(value: Any, where: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise InputError(f"{where}: {value!r:.60} is neither a text nor a list of texts")
    return tuple(texts)


def _columns(table: Any, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise InputError(f"{path}: columns: {table!r:.60} is not a table")
    found: dict[str, tuple[str, ...]] = {}
    for key, value in table.items():
        role = role_of(key)
        if role is None:
            raise unknown_name("column", key, ROLES, where=str(path))
        if role in found:
            raise InputError(f"{path}: columns: {role!r} is given twice")
        found[role] = _list(value, f"{path}: columns: {key}")
    return check_columns(found, f"{path}: columns")
