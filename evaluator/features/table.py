"""Rows of features as they come in, from the model or from the store, written into tensors of the whole set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fourfold.evaluator.encoders.batches import CPU
from fourfold.evaluator.encoders.devices import home_of_features
from fourfold.evaluator.features.store import Row
from fourfold.evaluator.features.writing import Notes, Writer


@dataclass(frozen=True)
class Encoded:
    """Features of `n` pictures or captions as a model gives them, and what else must be known of each."""

    tensors: Mapping[str, torch.Tensor]  # [n, ...] each
    notes: Notes  # [n]


class Table:
    """Tensors that are as long as they can get; with `on_device` where the features were made, if there is room."""

    def __init__(self, capacity: int, writer: Writer | None, on_device: bool) -> None:
        self.row_of: dict[str, int] = {}
        self.notes: list[tuple[np.ndarray, Notes]] = []  # (rows, what is known of each)
        self._capacity = capacity
        self._writer = writer
        self._on_device = on_device
        self._values: dict[str, torch.Tensor] = {}

    def add(self, fresh: Sequence[str], encode: Callable[[list[str]], Encoded]) -> None:
        """Append the rows of keys that are not there, from the store where they are in it."""
        first = len(self.row_of)
        stored = self._writer.load(fresh) if self._writer else {}
        self.row_of.update((key, first + at) for at, key in enumerate(fresh))
        missing = [key for key in fresh if key not in stored]
        if missing:
            encoded = encode(missing)
            if self._writer:
                self._writer.save(missing, encoded.tensors, encoded.notes)
            self._write(missing, encoded.tensors, encoded.notes)
        for keys in _alike(stored):
            names = stored[keys[0]].tensors
            tensors = {name: torch.stack([stored[key].tensors[name] for key in keys]) for name in names}
            self._write(keys, tensors, [stored[key].note for key in keys])

    def values(self) -> dict[str, torch.Tensor]:
        """What has come in, [rows, ...]; numbers as float32."""
        return {name: values[: len(self.row_of)] for name, values in self._values.items()}

    def _write(self, keys: Sequence[str], tensors: Mapping[str, torch.Tensor], notes: Notes) -> None:
        rows = np.array([self.row_of[key] for key in keys], dtype=np.int64)
        self.notes.append((rows, notes))
        if not self._values:
            self._values = self._make_room(tensors)
        for name, value in tensors.items():
            values = self._values[name]
            if rows[-1] - rows[0] + 1 == len(rows):
                values[int(rows[0]) : int(rows[-1]) + 1] = value
            else:
                values[torch.from_numpy(rows).to(values.device)] = value.to(values)

    def _make_room(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        dtypes = {name: torch.float32 if value.is_floating_point() else value.dtype for name, value in tensors.items()}
        n_bytes = sum(value[0].numel() * dtypes[name].itemsize for name, value in tensors.items()) * self._capacity
        home = home_of_features(tensors["pooled"].device, n_bytes) if self._on_device else CPU
        # Not zeros: every row is written once, and filling memory twice takes as long as a tower's pass here and there.
        return {
            name: torch.empty((self._capacity, *value.shape[1:]), dtype=dtypes[name], device=home)
            for name, value in tensors.items()
        }


def _alike(rows: Mapping[str, Row]) -> list[list[str]]:
    """The keys of rows that hold the same tensors, together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for key, row in rows.items():
        groups.setdefault(tuple(sorted(row.tensors)), []).append(key)
    return list(groups.values())
