"""Features on disk: memory-mapped safetensors files that are only ever added or removed whole.

A cache folder holds `<model>/<images or texts>/<hash>.features.safetensors`. Each file lists the keys of its rows and
a checksum of each in its own header, so there is no index beside the files that could disagree with them. A file is
written aside, synced and renamed: two processes at work in one folder see each other's files whole or not at all,
and at worst encode the same thing twice. What is damaged is removed and encoded again.
"""

import contextlib
import hashlib
import json
import os
import time
import warnings
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fourfold.errors import InputError
from fourfold.files import ASIDE, write_file_with

FORMAT = "2"  # from 2 on, features were checked before they were kept: unit length, shapes, finite
SUFFIX = ".features.safetensors"
_UNFINISHED = (f".*{SUFFIX}.*{ASIDE}", "*.aside")  # files aside: of `write_file_with`, and of earlier versions
_ABANDONED = 24 * 3600  # seconds after which a file aside belongs to no living process


@dataclass(frozen=True)
class Row:
    """The features of one picture or caption: named tensors, and what else must be known of it, as JSON can hold."""

    tensors: Mapping[str, torch.Tensor]
    note: Any = None


class FeatureStore:
    """The stored rows of one model and one kind ("images" or "texts") below a cache folder."""

    def __init__(self, cache_dir: Path, model: str, kind: str, max_bytes: int) -> None:
        self._root = cache_dir
        self.folder = cache_dir / hashlib.sha256(f"{FORMAT} {model}".encode()).hexdigest()[:32] / kind
        self._max_bytes = max_bytes
        self._where: dict[str, Path] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{cache_dir}: cannot keep features there ({error}); name another folder, or none"
            ) from None
        for path in self.folder.glob(f"*{SUFFIX}"):
            self._read(path, keys=())
        for pattern in _UNFINISHED:
            for path in self.folder.glob(pattern):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > _ABANDONED:
                        path.unlink()

    def __contains__(self, key: object) -> bool:
        """Whether a row is likely there: its file may have been removed or damaged since."""
        return key in self._where

    def load(self, keys: Iterable[str]) -> dict[str, Row]:
        """The stored rows among `keys`; rows of files that vanished or are damaged are simply not there."""
        by_file: dict[Path, list[str]] = {}
        for key in keys:
            if key in self._where:
                by_file.setdefault(self._where[key], []).append(key)
        rows: dict[str, Row] = {}
        for path, wanted in by_file.items():
            rows.update(self._read(path, wanted))
        return rows

    def save(self, rows: Mapping[str, Row]) -> None:
        """Store rows in one new file, then remove the files longest unused while the folder is too large."""
        keys = list(rows)
        names = rows[keys[0]].tensors
        tensors = {name: torch.stack([rows[key].tensors[name] for key in keys]) for name in names}
        self.save_columns(keys, tensors, [rows[key].note for key in keys])

    def save_columns(self, keys: Sequence[str], tensors: Mapping[str, torch.Tensor], notes: Sequence[Any]) -> None:
        """Store rows as `save` does, given as the tensors [n, ...] of all."""
        name = hashlib.sha256(" ".join(keys).encode()).hexdigest()[:32]
        path = self.folder / f"{name}{SUFFIX}"
        whole = {name: values.contiguous() for name, values in tensors.items()}
        each = (Row({name: values[i] for name, values in whole.items()}, note) for i, note in enumerate(notes))
        listed = [[key, _checksum(key, row), row.note] for key, row in zip(keys, each, strict=True)]
        try:
            write_file_with(path, lambda aside: save_file(whole, aside, metadata={"rows": json.dumps(listed)}))
        except (InputError, OSError, SafetensorError) as error:
            reason = error.__cause__ or error  # what the disk said, rather than what `write_file_with` makes of it
            raise InputError(
                f"{self._root}: cannot store features there ({reason}); free space, or use no cache"
            ) from error
        self._where.update(dict.fromkeys(keys, path))
        remove_oldest(self._root, self._max_bytes)

    def _read(self, path: Path, keys: Sequence[str]) -> dict[str, Row]:
        try:
            with safe_open(path, framework="pt") as file:
                listed = json.loads(file.metadata()["rows"])
                self._where.update((key, path) for key, _, _ in listed)
                rows = _rows(file, listed, set(keys)) if keys else {}
        except FileNotFoundError:  # removed by another process to make room
            self._forget(path)
            return {}
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"feature cache: {path} is damaged ({error}); its rows are encoded again", stacklevel=2)
            self._forget(path)
            path.unlink(missing_ok=True)
            return {}
        if keys:
            with contextlib.suppress(OSError):  # a folder that others may only read has no order of removal to keep
                os.utime(path)
        return rows

    def _forget(self, path: Path) -> None:
        self._where = {key: where for key, where in self._where.items() if where != path}


def remove_oldest(cache_dir: Path, max_bytes: int) -> None:
    """Remove feature files, longest unused first, until all below `cache_dir` take at most `max_bytes`."""
    sizes: list[tuple[float, int, Path]] = []
    for path in cache_dir.glob(f"*/*/*{SUFFIX}"):
        try:
            status = path.stat()
        except FileNotFoundError:  # another process makes room too
            continue
        sizes.append((status.st_mtime, status.st_size, path))
    excess = sum(size for _, size, _ in sizes) - max_bytes
    for _, size, path in sorted(sizes):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size


def _rows(file: Any, listed: list, wanted: set[str]) -> dict[str, Row]:
    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict; maps, reads nothing yet
    rows = {}
    for position, (key, checksum, note) in enumerate(listed):
        if key in wanted:
            row = Row({name: values[position] for name, values in tensors.items()}, note)
            if _checksum(key, row) != checksum:
                raise ValueError(f"checksum of row {position} does not fit")
            rows[key] = row
    return rows


def _checksum(key: str, row: Row) -> int:
    total = zlib.crc32(json.dumps([key, row.note]).encode())
    for name in sorted(row.tensors):
        total = zlib.crc32(row.tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data, total)
    return total
