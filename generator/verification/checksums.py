"""SHA256SUMS against the files: each that it names has to be there as it was, and it has to name all that are there."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.files import entries, file_hash, inside
from fourfold.generator.dataset.checksums import CHECKSUMS, read_checksum_line
from fourfold.generator.run.shards import WORK
from fourfold.generator.verification.sorted_names import SortedNames

# Not named: SHA256SUMS itself, what git and HuggingFace keep in the folder, and what a run killed at its end left.
_OTHERS = (CHECKSUMS, ".cache", ".git", ".gitattributes", WORK)
_FOUND = 0  # the number of a file that is there, where those that are named have that of their line


def verify_checksums(folder: Path, progress: bool) -> Iterator[str]:
    """Problems of the checksums, each a line that names the file it speaks of; `progress` shows a bar."""
    sums = folder / CHECKSUMS
    if not sums.is_file():
        yield f"{sums}: no such file, though the manifest names it"
        return
    with SortedNames() as names:
        folders = _read_names(sums, names)
        again = {number for _, numbers in names for number in numbers[1:]}
        with sums.open("rb") as file:
            lines = tqdm(file, CHECKSUMS, disable=None if progress else True, unit="file")
            for number, line in enumerate(lines, start=1):
                where = f"{sums}, line {number}"
                try:
                    digest, name = read_checksum_line(line)
                except ValueError as error:
                    yield f"{where}: malformed ({str(error).splitlines()[0]})"
                    continue
                if number in again:
                    yield f"{where}: names {name!r} a second time"
                elif name == CHECKSUMS:
                    yield f"{where}: names the file itself"
                yield from _verify_file(folder, name, digest, where)
        for name in _found(folder, "", folders):
            names.add(name, _FOUND)
        yield from (f"{folder / name}: {CHECKSUMS} does not name it" for name, numbers in names if not any(numbers))


def _read_names(sums: Path, names: SortedNames) -> set[str]:
    """Add the names in SHA256SUMS, each with the number of its line; gives the folders that they lie in."""
    folders: set[str] = set()
    with sums.open("rb") as file:
        for number, line in enumerate(file, start=1):
            with suppress(ValueError):  # malformed, which is said when the files are compared
                _, name = read_checksum_line(line)
                names.add(name, number)
                folders.update(map(str, PurePosixPath(name).parents))
    return folders


def _verify_file(folder: Path, name: str, wanted: str, where: str) -> Iterator[str]:
    try:
        path = inside(folder, name)
        if not path.is_file():
            yield f"{folder / name}: no such file, {CHECKSUMS} names it"
        elif file_hash(path) != wanted:
            yield f"{folder / name}: is not what its hash in {CHECKSUMS} says"
    except InputError as error:
        yield f"{where}: {error}"
    except (OSError, RuntimeError) as error:  # a name too long, links in a ring, a file nobody may read
        yield f"{where}: {name!r} cannot be read ({error.__class__.__name__})"


def _found(folder: Path, below: str, folders: Collection[str]) -> Iterator[str]:
    """The files below a folder by their names in the dataset; where `folders` lacks a folder, its name alone."""
    for entry in entries(folder / below):
        name = f"{below}{entry.name}"
        if name in folders and entry.is_dir():
            if not entry.is_symlink():
                yield from _found(folder, f"{name}/", folders)
        elif name not in _OTHERS and (not entry.is_dir() or entry.is_symlink() or any(entries(folder / name))):
            yield name
