"""The forms in which users bring questions of their own, one row each, and the one way to read them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.data.external.hf_datasets import OPTIONS, read_hub
from fourfold.evaluator.data.external.plain import Place, Rows, split_options
from fourfold.evaluator.data.external.plain_files import read_csv_file, read_jsonl_file
from fourfold.evaluator.data.external.plain_items import plain_items
from fourfold.evaluator.data.external.reading import place_of
from fourfold.evaluator.data.external.toml_benchmarks import read_description
from fourfold.evaluator.data.external.wds_tars import read_tars
from fourfold.evaluator.data.items import Item

TOML = "toml"  # describes one of the others
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".tar": "wds", ".toml": TOML}


@dataclass(frozen=True)
class PlainFormat:
    """One row of the table: what follows the colon, and how its rows are read."""

    expects: str  # what PLACE in "name:PLACE" has to be
    read: Callable[[Place], Rows]
    options: tuple[str, ...] = ()


PLAIN: dict[str, PlainFormat] = {
    "csv": PlainFormat("a .csv or .tsv file with a question a row", read_csv_file),
    "jsonl": PlainFormat("a .jsonl file with a question a line", read_jsonl_file),
    "hf": PlainFormat("ORG/NAME of a dataset on the HuggingFace Hub, or a folder that it reads", read_hub, OPTIONS),
    "wds": PlainFormat("a folder, file, pattern or URL of WebDataset tars", read_tars),
}


@dataclass(frozen=True)
class PlainBenchmark:
    """Questions of a user's own, and what their description says of them."""

    name: str
    items: list[Item]
    images: Path  # the folder that image names are relative to
    notes: tuple[str, ...] = ()
    prompt: str | None = None


def is_plain(spec: str) -> bool:
    """Whether this is NAME:PLACE of a form in the table, and no URL such as hf://..."""
    name, colon, rest = spec.partition(":")
    return bool(colon) and name in (*PLAIN, TOML) and not rest.startswith("//")


def check_no_file(dataset: str) -> None:
    """Raise InputError for a file where a folder is meant; with what would read it, if it holds questions."""
    path = place_of(dataset, dataset)
    if path.is_file():
        form = _SUFFIXES.get(path.suffix.lower())
        hint = f"questions of your own are read as {form}:{dataset}" if form else "name the folder of a dataset"
        raise InputError(f"{dataset}: is a file; {hint}")


def expected(name: str) -> str:
    """What has to follow "csv:", "toml:", ..."""
    return "a .toml file that describes a benchmark" if name == TOML else PLAIN[name].expects


def read_plain(spec: str, images: Path | None, look: bool) -> PlainBenchmark:
    """The questions of "csv:PLACE", "toml:FILE", ...; `look=False`: captions only, nothing is asked of the images.

    Raises InputError for what cannot be read, and for rows that are no questions.
    """
    name, _, rest = spec.partition(":")
    if not rest.strip():
        raise InputError(f"{spec}: give {name}:PLACE; PLACE is {expected(name)}")
    path = place_of(rest, spec)
    if name == TOML:
        return _described(path, images, look)
    text, options, columns = split_options(spec, rest, PLAIN[name].options)
    form = _SUFFIXES.get(Path(text).suffix.lower(), name)
    if form != name and Path(text).is_file():
        raise InputError(f"{spec}: {Path(text).name} is read as {form}:{text}")
    rows = PLAIN[name].read(Place(text, images, options, look))
    return _benchmark(rows, columns, None)


def _described(path: Path, images: Path | None, look: bool) -> PlainBenchmark:
    said = read_description(path, {name: row.options for name, row in PLAIN.items()})
    rows = PLAIN[said.format].read(Place(said.path, images or said.images, said.options, look))
    found = _benchmark(replace(rows, name=said.name), said.columns, said.category)
    return replace(found, notes=(*said.notes, *found.notes), prompt=said.prompt)


def _benchmark(rows: Rows, columns: dict[str, tuple[str, ...]], category: str | None) -> PlainBenchmark:
    items, unread = plain_items(rows, columns, category)
    notes = (f"columns not read: {', '.join(unread)}",) if unread else ()
    return PlainBenchmark(rows.name, items, rows.source.images, notes)
