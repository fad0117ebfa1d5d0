"""Our own datasets at URLs: the files that are needed are copied to a folder here, and held against SHA256SUMS.

A copy is kept for later runs, in FOURFOLD_CACHE or ~/.cache/fourfold, under a name made of the URL and the checksums:
what changed at the URL is copied anew, and what changed on this disk too.
"""

import hashlib
import os
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.urls import is_absent, open_url
from fourfold.files import file_hash, inside, write_atomically
from fourfold.generator.dataset.checksums import CHECKSUMS, read_checksum_line
from fourfold.generator.dataset.reading import choose_split, split_names

_MANIFEST = "manifest.json"
_AT_ONCE = 8  # files; a folder of pictures is many small ones, far away
_BLOCK = 1 << 20  # bytes


def copy_split(url: str, split: str | None) -> Path:
    """The folder with the copy of a split, pictures too: the named one, else "test", else the first.

    Raises InputError where no finished dataset with checksums is, for a split that it has not, and for files that are
    missing, broken off or not what their checksums say.
    """
    folder, files = _begin(url)
    used = choose_split(folder, split)
    return _copy(url, folder, {name: digest for name, digest in files.items() if name.startswith(f"{used}/")})


def copy_rows(url: str) -> Path:
    """The folder with the copy of the rows of all splits, without pictures where these are files of their own.

    Raises InputError as `copy_split` does.
    """
    folder, files = _begin(url)
    splits = tuple(f"{split}/" for split in split_names(folder))
    rows = {name: each for name, each in files.items() if name.startswith(splits) and not name.endswith(".png")}
    return _copy(url, folder, rows)


def _begin(url: str) -> tuple[Path, dict[str, str]]:
    """The folder of the copy with its manifest, and the hashes of all files by name."""
    base = url.rstrip("/")
    try:
        with open_url(f"{base}/{CHECKSUMS}") as file:
            text = b"".join(iter(lambda: file.read(_BLOCK), b""))
    except InputError as error:
        if is_absent(error):
            raise InputError(f"{url}: no finished dataset of ours with {CHECKSUMS} is there: {error}") from error
        raise
    files = dict(_read_checksums(text, base))
    if _MANIFEST not in files:
        raise InputError(f"{base}/{CHECKSUMS}: does not name {_MANIFEST}; the dataset is not finished")
    name = PurePosixPath(urllib.parse.unquote(base)).name
    folder = _cache() / f"{name[:80]}-{hashlib.sha256(base.encode() + text).hexdigest()[:16]}"
    return _copy(url, folder, {_MANIFEST: files[_MANIFEST]}), files


def _read_checksums(text: bytes, base: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        try:
            digest, name = read_checksum_line(line)
        except ValueError as error:
            raise InputError(f"{base}/{CHECKSUMS}: line {number}: {error}; the file is damaged") from None
        yield name, digest


def _cache() -> Path:
    if given := os.environ.get("FOURFOLD_CACHE"):
        return Path(given).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "fourfold"


def _copy(url: str, folder: Path, files: Mapping[str, str]) -> Path:
    """Copy what is not there yet as its hash says; `files` are hashes by name. Gives the folder."""
    missing = []
    for name, digest in files.items():
        path = inside(folder, name)
        if not path.is_file() or file_hash(path) != digest:
            missing.append(name)
            _make_folder(path.parent)

    def fetch(name: str) -> None:
        address = f"{url.rstrip('/')}/{urllib.parse.quote(name) if url.startswith('http') else name}"
        write_atomically(inside(folder, name), _checked(address, files[name]))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        bar = tqdm(pool.map(fetch, missing), total=len(missing), desc="copying", unit="file", disable=None, leave=False)
        try:
            for _ in bar:
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return folder


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); name another in FOURFOLD_CACHE") from error


def _checked(address: str, digest: str) -> Iterator[bytes]:
    """The blocks of a file; at its end InputError, if it is not what its checksum says."""
    found = hashlib.sha256()
    with open_url(address) as file:
        while block := file.read(_BLOCK):
            found.update(block)
            yield block
    if found.hexdigest() != digest:
        raise InputError(f"{address}: is not what {CHECKSUMS} says; is the upload complete?")
