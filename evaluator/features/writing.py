"""Features written to their store by a thread, while the model encodes on; none is lost when the run is interrupted."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

from fourfold.evaluator.features.store import FeatureStore, Row

CHUNKS_WAITING = 3  # at most, of about 50 MB each; whoever encodes faster than the disk writes waits

Notes = Sequence[Any] | np.ndarray  # [n], or [n, t] strings of which those at the end are empty


@dataclass(frozen=True)
class _Coming:
    """A row that is not in the store yet."""

    tensors: Mapping[str, torch.Tensor]  # [n, ...] each
    notes: Notes
    row: int
    arrived: Callable[[], None]


class Writer:
    """A store and the thread that writes to it. Leaving the context waits until all that was given is on the disk.

    What was given is there for `load` at once. Errors of the disk, as `FeatureStore.save` raises them, come out of the
    next call of `save`, or of leaving.
    """

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1)
        self._waiting: list[Future] = []
        self._coming: dict[str, _Coming] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            self._finish(0)

    def __contains__(self, key: object) -> bool:
        """Whether a row is likely there, as `FeatureStore` says it, or about to be."""
        return key in self._coming or key in self._store

    def load(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows among `keys` that are stored, or about to be."""
        coming = {key: found for key in keys if (found := self._coming.get(key))}  # once: the thread takes them away
        rows = {key: _read(found) for key, found in coming.items()}
        return self._store.load(key for key in keys if key not in rows) | rows

    def save(self, keys: Sequence[str], tensors: Mapping[str, torch.Tensor], notes: Notes) -> None:
        """Store rows [n, ...], soon. Tensors must not be changed afterwards.

        Notes that are an array [n, t] of strings are stored as lists without the empty strings at their ends.
        """
        self._finish(CHUNKS_WAITING - 1)
        here, arrived = _fetched(tensors)
        self._coming.update((key, _Coming(here, notes, row, arrived)) for row, key in enumerate(keys))

        def write() -> None:
            arrived()
            self._store.save_columns(keys, here, _listed(notes))
            for key in keys:
                self._coming.pop(key, None)

        self._waiting.append(self._pool.submit(write))

    def _finish(self, but: int) -> None:
        """Wait for the oldest, until only so many are left, and for those that are done."""
        while len(self._waiting) > but or (self._waiting and self._waiting[0].done()):
            self._waiting.pop(0).result()


class Writers:
    """One writer for each store that is written to in this context; leaving it waits for all of them."""

    def __init__(self) -> None:
        self._open: dict[Path, Writer] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def to(self, store: FeatureStore | None) -> Writer | None:
        """The writer to a store, the same for all that lie in one folder; None without a store."""
        if store is None:
            return None
        if store.folder not in self._open:
            self._open[store.folder] = self._stack.enter_context(Writer(store))
        return self._open[store.folder]


def _read(coming: _Coming) -> Row:
    coming.arrived()
    [note] = _listed(coming.notes[coming.row : coming.row + 1])
    return Row({name: values[coming.row] for name, values in coming.tensors.items()}, note)


def _fetched(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], Callable[[], None]]:
    """The tensors on the CPU, and what waits until they have come: the GPU sends them while it computes on."""
    on_gpu = tensors["pooled"].device.type == "cuda"
    here = {name: value.detach().to("cpu", non_blocking=on_gpu) for name, value in tensors.items()}
    if not on_gpu:
        return here, lambda: None
    sent = torch.cuda.Event()
    sent.record()
    return here, sent.synchronize


def _listed(notes: Notes) -> Sequence[Any]:
    if not isinstance(notes, np.ndarray):
        return notes
    filled = notes != ""
    ends = [int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0 for row in filled]
    return [row[:end] for row, end in zip(notes.tolist(), ends, strict=True)]
