"""SHA256SUMS against the files: each that it names has to be there as it was, and it has to name all that are there."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.files import file_hash, inside
from fourfold.generator.dataset.checksums import CHECKSUMS, read_checksum_line
from fourfold.generator.run.shards import WORK

# Of no dataset, though in its folder: what git and HuggingFace keep there, and what a run killed at its end left.
_OTHERS = (".cache", ".git", ".gitattributes", WORK)


def verify_checksums(folder: Path, progress: bool) -> Iterator[str]:
    """Problems of the checksums, each a line that names the file it speaks of; `progress` shows a bar."""
    sums = folder / CHECKSUMS
    if not sums.is_file():
        yield f"{sums}: no such file, though the manifest names it"
        return
    named: set[str] = set()
    with sums.open("rb") as file:
        lines = tqdm(file, CHECKSUMS, disable=None if progress else True, unit="file")
        for number, line in enumerate(lines, start=1):
            where = f"{sums}, line {number}"
            try:
                digest, name = read_checksum_line(line)
            except ValueError as error:
                yield f"{where}: malformed ({str(error).splitlines()[0]})"
                continue
            if name in named:
                yield f"{where}: names {name!r} a second time"
            elif name == CHECKSUMS:
                yield f"{where}: names the file itself"
            named.add(name)
            yield from _verify_file(folder, name, digest, where)
    yield from _unnamed(folder, named)


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


def _unnamed(folder: Path, named: Iterable[str]) -> Iterator[str]:
    """The files that nobody names, or the whole folder where no file in it is named."""
    known = {CHECKSUMS, *named, *_OTHERS}
    folders = {str(parent) for name in known for parent in PurePosixPath(name).parents}
    for place, below, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        for name in sorted(chain(files, below)):
            found = (here / name).as_posix()
            if found in known or (found in folders and name in below):
                continue
            if name in files or (folder / found).is_symlink() or any((folder / found).rglob("*")):
                yield f"{folder / found}: {CHECKSUMS} does not name it"
        below[:] = sorted(name for name in below if (here / name).as_posix() in folders)
