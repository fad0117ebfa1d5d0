"""One split: its files and their hashes, its rows one after the other, their number, and files that no row names."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.files import entries, file_hash, inside
from fourfold.generator.dataset.formats import row_files
from fourfold.generator.dataset.reading import NATURAL, read_rows, row_place, rows_place
from fourfold.generator.recipe.recipe import Vocabulary
from fourfold.generator.verification.deciding import verify_deciding
from fourfold.generator.verification.findings import problems_found
from fourfold.generator.verification.groups import verify_group
from fourfold.generator.verification.rows import verify_natural, verify_row
from fourfold.generator.verification.sorted_names import SortedNames

_FOUND = 0  # the number of a file that is there, where those that are named have one from 1 on


def verify_split(
    folder: Path,
    split: str,
    expected: dict[str, Any],
    hashes: dict[str, str | None],
    vocabulary: Vocabulary | None,
    worded: bool,
    progress: bool,
) -> list[str]:
    """Problems of one split, each a line that names its file or row.

    `expected` is what the manifest says of the split; `hashes` are the files that hold its rows, with their SHA-256;
    `vocabulary` are its words, None where its edition does not list the words that decide a group;
    `worded` says that its captions were made by this version's templates, against which they are held then; `progress`
    shows a bar.
    """
    problems = [*_verify_files(folder, hashes), *_verify_archives(folder / split)]
    counts: Counter[str] = Counter()
    previous: dict[str, Any] = {}
    rows = tqdm(read_rows(folder, split), split, expected.get("images"), disable=None if progress else True, unit="row")
    with SortedNames() as ids, SortedNames() as files:
        try:
            for number, row in enumerate(rows, start=1):
                counts["images"] += 1
                where = f"{row_place(folder, split, number)} ({row.get('id')})"
                problems += [f"{where}: {text}" for text in problems_found(verify_row, folder, split, row)]
                if row.get("category") == NATURAL:
                    counts["scenes"] += 1
                    problems += [f"{where}: {text}" for text in problems_found(verify_natural, row)]
                elif (previous.get("role"), previous.get("group"), row.get("role")) == ("a", row.get("group"), "b"):
                    counts[f"groups of {row.get('category')}"] += 1
                    problems += [f"{where}: {text}" for text in problems_found(verify_group, previous, row, worded)]
                    if vocabulary is not None:
                        found = problems_found(verify_deciding, folder, split, (previous, row), vocabulary)
                        problems += [f"{where}: {text}" for text in found]
                elif row.get("role") != "a":
                    problems.append(f"{where}: image {row.get('role')!r} without its image a before it")
                ids.add(str(row.get("id")), number)
                files.add(str(folder / split / str(row.get("file_name"))), number)
                files.add(str(folder / str(row.get("mask"))), number)
                previous = row
        except InputError as error:
            problems.append(str(error))
        problems += _verify_ids(folder, split, ids)
        place = rows_place(folder, split)
        problems += [f"{place}: {text}" for text in problems_found(_verify_counts, counts, expected)]
        return [*problems, *_strangers(folder, split, files, hashes)]


def row_hashes(folder: Path, split: str, manifest: dict[str, Any]) -> dict[str, str | None]:
    """The files that hold the rows of a split, with the SHA-256 that the manifest has for each; None if it has none."""
    if rows_place(folder, split).is_file():
        return {f"{split}/metadata.jsonl": manifest["splits"][split].get("metadata_sha256")}
    try:
        shards = [shard.get("files", {}) for shard in manifest.get("shards", [])]
        return {name: digest for files in shards for name, digest in files.items() if name.startswith(f"{split}/")}
    except (AttributeError, TypeError):  # a damaged list names no files; what it should be is said of the manifest
        return {}


def _verify_files(folder: Path, hashes: dict[str, str | None]) -> Iterator[str]:
    for name, wanted in hashes.items():
        try:
            path = inside(folder, name)
        except (InputError, ValueError) as error:
            yield f"{folder}: a file of the manifest: {error}"
            continue
        if not path.is_file():
            yield f"{path}: no such file"
        elif file_hash(path) != wanted:
            yield f"{path}: is not what the manifest's hash says; rows were changed or lost"


def _verify_archives(place: Path) -> Iterator[str]:
    """What is wrong with the archives of a split beside their rows and pictures."""
    form, files = row_files(place)
    if form.find_problems is not None:
        for path in files:
            yield from (f"{path}: {text}" for text in form.find_problems(path))


def _verify_ids(folder: Path, split: str, ids: SortedNames) -> Iterator[str]:
    for name, numbers in ids:
        for number in numbers[1:]:
            yield f"{row_place(folder, split, number)} ({name}): has the id of an earlier row"


def _strangers(folder: Path, split: str, files: SortedNames, hashes: Iterable[str]) -> Iterator[str]:
    """The files of a split that neither a row nor the manifest names; `files` are those that rows name."""
    for name in hashes:
        files.add(str(folder / name), 1)
    for place in (folder / split, folder / split / "images", folder / "masks" / split):
        for entry in entries(place):
            if not entry.is_dir():
                files.add(str(place / entry.name), _FOUND)
    yield from (f"{name}: belongs to no row" for name, numbers in files if not any(numbers))


def _verify_counts(counts: Counter[str], expected: dict[str, Any]) -> Iterator[str]:
    groups = {f"groups of {category}": number for category, number in expected["groups"].items()}
    for what, number in {"images": expected["images"], "scenes": expected["scenes"], **groups}.items():
        if counts[what] != number:
            yield f"{counts[what]} {what}, the manifest says {number}"
