"""One split: its files and their hashes, its rows one after the other, their number, and files that no row names."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.files import file_hash, inside
from fourfold.generator.dataset.formats import row_files
from fourfold.generator.dataset.reading import NATURAL, read_rows, row_place, rows_place
from fourfold.generator.recipe.recipe import Vocabulary
from fourfold.generator.verification.deciding import verify_deciding
from fourfold.generator.verification.findings import problems_found
from fourfold.generator.verification.groups import verify_group
from fourfold.generator.verification.rows import verify_natural, verify_row


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
    files: set[Path] = set()
    ids: set[str] = set()
    previous: dict[str, Any] = {}
    rows = tqdm(read_rows(folder, split), split, expected.get("images"), disable=None if progress else True, unit="row")
    try:
        for number, row in enumerate(rows, start=1):
            counts["images"] += 1
            where = f"{row_place(folder, split, number)} ({row.get('id')})"
            problems += [f"{where}: {text}" for text in problems_found(verify_row, folder, split, row)]
            if str(row.get("id")) in ids:
                problems.append(f"{where}: has the id of an earlier row")
            ids.add(str(row.get("id")))
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
            files |= {folder / split / str(row.get("file_name")), folder / str(row.get("mask"))}
            previous = row
    except InputError as error:
        problems.append(str(error))
    place = rows_place(folder, split)
    problems += [f"{place}: {text}" for text in problems_found(_verify_counts, counts, expected)]
    known = files | {folder / name for name in hashes}
    for place in (folder / split, folder / split / "images", folder / "masks" / split):
        strangers = (file for file in sorted(place.glob("*")) if not file.is_dir() and file not in known)
        problems += [f"{file}: belongs to no row" for file in strangers]
    return problems


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


def _verify_counts(counts: Counter[str], expected: dict[str, Any]) -> Iterator[str]:
    groups = {f"groups of {category}": number for category, number in expected["groups"].items()}
    for what, number in {"images": expected["images"], "scenes": expected["scenes"], **groups}.items():
        if counts[what] != number:
            yield f"{counts[what]} {what}, the manifest says {number}"
