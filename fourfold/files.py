"""Files that are there whole or not at all, their hashes, and what may go wrong with a disk."""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import randbits
from typing import Any

from fourfold.errors import InputError

ASIDE = ".tmp"  # how files end that are not whole yet; a killed process leaves some


def write_atomically(path: Path, data: bytes | str | Iterable[bytes]) -> None:
    """Write a file, whole or in blocks, so that it is there whole or not at all: aside, synced, renamed.

    Raises InputError where the disk is full or the place may not be written.
    """
    _write(path, data, sync=True)
    _sync((path.parent,))


def write_together(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write many files, each whole or not at all, and sync them when all are written: waiting once, not each time.

    On return all of them outlast a power cut; before, any may be missing or torn, so record afterwards that they are
    there. Raises InputError as `write_atomically` does.
    """
    written = []
    for path, data in files:
        _write(path, data, sync=False)
        written.append(path)
    _sync(written)
    _sync(sorted({path.parent for path in written}))


def write_file_with(path: Path, write: Callable[[Path], None]) -> None:
    """Let a library that writes files itself (torch, safetensors) write one that is there whole or not at all.

    `write` is called once with the path of a file aside in the same folder, and has to leave a file there. That file is
    then synced to the disk and renamed to `path`, and the folder is synced, so that the file outlasts a power cut. If
    anything fails, the file aside is removed, and what was at `path` before is still there.
    Raises InputError where the disk is full or the place may not be written; other errors of `write` pass as they are.
    """
    _write_aside(path, write, sync=True)
    _sync((path.parent,))


def _write(path: Path, data: bytes | str | Iterable[bytes], *, sync: bool) -> None:
    blocks = (data.encode("utf-8"),) if isinstance(data, str) else (data,) if isinstance(data, bytes) else data

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            file.writelines(blocks)

    _write_aside(path, write, sync=sync)


def _write_aside(path: Path, write: Callable[[Path], None], *, sync: bool) -> None:
    # A number of its own: processes of two machines, or containers, may have the same process number.
    aside = path.with_name(f".{path.name}.{randbits(63)}{ASIDE}")
    with _explained(path):
        try:
            write(aside)
            if sync:
                _sync_file(aside)
            os.replace(aside, path)
        except BaseException:  # an interrupt too must not leave half a file
            with suppress(OSError):
                aside.unlink()
            raise


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        with _explained(path):
            number = os.open(path, os.O_RDONLY)
            try:
                os.fsync(number)
            except OSError as error:
                if not (path.is_dir() and error.errno == errno.EINVAL):  # some network disks cannot sync folders
                    raise
            finally:
                os.close(number)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Tell the user's troubles with a disk from ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FILE_TROUBLE:
            raise InputError(f"{path}: {_FILE_TROUBLE[error.errno]}") from error
        raise


_FULL = "no space left on the disk; free some and run the same command again"
_CLOSED = "may not be written; give a place where you may write"
_IS_FOLDER = "is a folder; name a file"
_NO_FOLDER = "its folder is not there, or is a file"
_FILE_TROUBLE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), _NO_FOLDER),
    errno.EISDIR: _IS_FOLDER,
}


def is_url(place: str | Path) -> bool:
    """Whether this is the URL of something elsewhere, and neither a folder nor NAME:PATH."""
    return "://" in str(place)


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, one after another in no order; nothing if there is no such folder, or it may not be read.

    pathlib and os.walk list a folder whole before they give anything, and one may hold millions of pictures.
    """
    try:
        listing = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    with listing:
        yield from listing


def inside(folder: Path, name: str) -> Path:
    """The path of a file that a dataset names; InputError if it would leave the folder."""
    path = (Path(folder) / name).resolve()
    if not path.is_relative_to(Path(folder).resolve()):
        raise InputError(f"{folder}: file name {name!r} leads out of the folder")
    return path


def dump_json(value: Any) -> str:
    """JSON as files of this project hold it: readable, stable, ending in a newline."""
    return json.dumps(value, indent=2, sort_keys=False, ensure_ascii=False) + "\n"


def canonical_hash(value: Any) -> str:
    """SHA-256 of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 16):
            digest.update(block)
    return digest.hexdigest()
