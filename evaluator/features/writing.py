"""Features written to their store by a thread, while the model encodes on; none is lost when the run is interrupted."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

from fourfold.evaluator.features.store import FeatureStore

CHUNKS_WAITING = 3  # at most, of about 50 MB each; whoever encodes faster than the disk writes waits


class Writer:
    """A store and the thread that writes to it. Leaving the context waits until all that was given is on the disk.

    Errors of the disk, as `FeatureStore.save` raises them, come out of the next call, or of leaving.
    """

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self._pool = ThreadPoolExecutor(1)
        self._waiting: list[Future] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            self._finish(0)

    def save(self, keys: Sequence[str], tensors: Mapping[str, torch.Tensor], notes: Sequence[Any] | np.ndarray) -> None:
        """Store rows [n, ...], soon. Tensors must not be changed afterwards; notes that are an array [n, t] of strings
        are stored as lists without the empty strings at their ends."""
        self._finish(CHUNKS_WAITING - 1)
        here, arrived = _fetched(tensors)

        def write() -> None:
            arrived()
            self.store.save_columns(keys, here, _trimmed(notes) if isinstance(notes, np.ndarray) else notes)

        self._waiting.append(self._pool.submit(write))

    def _finish(self, but: int) -> None:
        """Wait for the oldest, until only so many are left, and for those that are done."""
        while len(self._waiting) > but or (self._waiting and self._waiting[0].done()):
            self._waiting.pop(0).result()


def writing(store: FeatureStore | None) -> AbstractContextManager[Writer | None]:
    """A writer to a store; without a store nothing is written."""
    return nullcontext() if store is None else Writer(store)


def _fetched(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], Callable[[], None]]:
    """The tensors on the CPU, and what waits until they have come: the GPU sends them while it computes on."""
    on_gpu = next(iter(tensors.values())).device.type == "cuda"
    here = {name: value.detach().to("cpu", non_blocking=on_gpu) for name, value in tensors.items()}
    if not on_gpu:
        return here, lambda: None
    sent = torch.cuda.Event()
    sent.record()
    return here, sent.synchronize


def _trimmed(strings: np.ndarray) -> list[list[str]]:
    filled = strings != ""
    ends = (
        np.where(filled.any(1), strings.shape[1] - filled[:, ::-1].argmax(1), 0)
        if strings.shape[1]
        else [0] * len(strings)
    )
    return [row[:end] for row, end in zip(strings.tolist(), ends, strict=True)]
