"""Names with the places that give them, sorted: what stands there twice, or on one side alone, are neighbours then.

The ids and files of millions of rows are too many to keep, so they wait in a temporary file.
"""

import heapq
import json
import os
from collections.abc import Iterator
from itertools import groupby
from tempfile import TemporaryFile

_RUN = 100_000  # names in memory
_BLOCK = 16_384  # bytes of each run that are read at a time


class SortedNames:
    """Any number of names, each with the number of a place, in constant memory and on disk what they take as text.

    A context manager, which closes its file. Read, it gives each name once, with all its numbers in order; more may be
    added then, and it may be read again.
    """

    def __init__(self) -> None:
        self._run: list[bytes] = []
        self._ends = [0]  # of the sorted runs in the file
        self._file = TemporaryFile()  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> "SortedNames":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, name: str, number: int) -> None:
        """Add a name, which may be any text, and a number from 0 on."""
        self._run.append(b"%s %020d\n" % (json.dumps(name).encode(), number))  # a line of ASCII, whatever the name is
        if len(self._run) == _RUN:
            self._file.seek(0, os.SEEK_END)
            self._file.writelines(sorted(self._run))
            self._ends.append(self._file.tell())
            self._run.clear()

    def __iter__(self) -> Iterator[tuple[str, list[int]]]:
        runs = [self._read(begin, end) for begin, end in zip(self._ends, self._ends[1:], strict=False)]
        merged = heapq.merge(*runs, sorted(self._run))
        for name, lines in groupby(merged, key=lambda line: line.rpartition(b" ")[0]):
            yield json.loads(name), [int(line.rpartition(b" ")[2]) for line in lines]

    def _read(self, begin: int, end: int) -> Iterator[bytes]:
        while begin < end:
            self._file.seek(begin)
            for line in self._file.readlines(_BLOCK):
                if begin == end:  # the lines after it are of the next run
                    return
                begin += len(line)
                yield line
