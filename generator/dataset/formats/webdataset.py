"""WebDataset: a tar a shard, its samples next to each other as <id>.png, .txt, .json and .mask.png.

Equal samples give equal bytes: plain USTAR headers without time, owner or machine, members in the order of rows.
"""

import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.generator.dataset.formats.sample import Sample

PICTURE, TEXT, ROW, MASK = ".png", ".txt", ".json", ".mask.png"  # a key ends at its first dot: ids have none


def pack(dataset: Path, split: str, number: int, samples: Sequence[Sample]) -> Iterator[tuple[Path, bytes]]:
    """The file of a shard with its bytes: <split>/<split>-<number>.tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for sample in samples:
            row = json.dumps(sample.row, ensure_ascii=False).encode()
            text = sample.row["caption"].encode()
            for end, data in ((PICTURE, sample.picture), (TEXT, text), (ROW, row), (MASK, sample.mask)):
                member = tarfile.TarInfo(sample.row["id"] + end)  # mtime, uid and gid are 0, the names empty
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    yield dataset / split / f"{split}-{number:06d}.tar", buffer.getvalue()


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a tar, with the places of their files; InputError names the tar and the member that is damaged."""
    try:
        members = _index(*_version(os.fspath(path)))
        for name in members:
            if name.endswith(ROW):
                row = json.loads(read_member(os.fspath(path), name))
                if not isinstance(row, dict):
                    raise InputError(f"{path}, {name}: not a JSON object; the file is damaged")
                key = name.removesuffix(ROW)
                at = f"{path.name}/{key}"
                yield {**row, "file_name": at + PICTURE, "mask": f"{path.parent.name}/{at}{MASK}"}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable tar of rows ({error}); the file is damaged") from error


def read_member(archive: str, name: str) -> bytes:
    """The bytes of one member of a tar.

    Raises FileNotFoundError if the tar has none of that name, OSError if it is damaged.
    """
    members = _index(*_version(archive))
    if name not in members:
        raise FileNotFoundError(f"{archive}: no member {name}")
    start, size = members[name]
    with open(archive, "rb") as file:
        file.seek(start)
        return file.read(size)


def find_problems(path: Path) -> Iterator[str]:
    """What other readers of a tar stumble on or are told wrongly, a line of text each.

    That is: members that are there twice, out of place or of no row, and texts that are not the caption of their row.
    Nothing is said of a tar that cannot be read: that is said where its rows are read.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            names = [member.name for member in archive]
    except (tarfile.TarError, OSError):
        return
    yield from (f"{name} is there {times} times" for name, times in Counter(names).items() if times > 1)
    keys = Counter(key for key, _ in groupby(name.partition(".")[0] for name in names))
    yield from (f"the files of {key} are not next to each other" for key, times in keys.items() if times > 1)
    rows = [name.removesuffix(ROW) for name in dict.fromkeys(names) if name.endswith(ROW)]
    known = {key + end for key in rows for end in (PICTURE, TEXT, ROW, MASK)}
    yield from (f"{name} belongs to no row" for name in dict.fromkeys(names) if name not in known)
    for key in rows:
        if not _is_told(os.fspath(path), key):
            yield f"{key}{TEXT} is not the caption of its row"


def _is_told(archive: str, key: str) -> bool:
    """Whether the text of a sample, which is what trainers read, is the caption that its row has."""
    try:
        return read_member(archive, key + TEXT) == json.loads(read_member(archive, key + ROW))["caption"].encode()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _version(archive: str) -> tuple[str, int, int]:
    """What tells a file from what stood there before."""
    found = os.stat(archive)
    return archive, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=16)
def _index(archive: str, _mtime: int, _size: int) -> dict[str, tuple[int, int]]:
    """Where every member begins, and its length: [name] -> (bytes, bytes)."""
    try:
        with tarfile.open(archive, mode="r:") as opened:  # "r:" never unpacks: a bomb stays what it is
            return {member.name: (member.offset_data, member.size) for member in opened if member.isreg()}
    except tarfile.TarError as error:
        raise OSError(f"{archive}: not a readable tar ({error})") from error
