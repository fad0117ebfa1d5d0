"""Batches of encoded items: drawn in a seeded order, gathered on the device or by threads that are ahead of it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from fourfold.evaluator.encoders.features import send
from fourfold.evaluator.training.ahead import made_ahead
from fourfold.evaluator.training.data import Batch, TrainingData, on_each


def batches(n: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """All of 0..n-1 once, in random order, at most `size` together. Each batch is [b] int64."""
    order = rng.permutation(n)
    for start in range(0, n, size):
        yield order[start : start + size]


def placed(data: TrainingData, device: str) -> TrainingData:
    """The data with its features on the device, if it is a GPU that has room for them and as much again.

    Batches are then gathered there, and only their rows travel.
    """
    return held_on(data, device, torch.cuda.mem_get_info(device)[0]) if device.startswith("cuda") else data


def held_on(data: TrainingData, device: str, free: int) -> TrainingData:
    """The data with its features on the device; as it is, if twice their bytes are more than are `free` there.

    Patches and tokens, nearly all of it, are held as float16 where that loses nothing, as with all that `encode_items`
    gives; `gather` makes them float32 again.
    """
    images, texts = data.images, dict(data.texts)
    dense = {"patches": images.patches, "tokens": texts.pop("tokens", None)}
    there = {name: values for name, values in dense.items() if values is not None}
    others = sum(part.nbytes for part in (images.pooled, images.cls, *texts.values()) if part is not None)
    if 2 * (others + sum(values.nbytes // 2 for values in there.values())) > free:
        return data
    there = {name: _as_half(values, device) for name, values in there.items()}
    if 2 * (others + sum(values.nbytes for values in there.values())) > free:
        return data
    moved = {name: values.to(device) for name, values in (texts | there).items()}
    held = replace(images, patches=moved.pop("patches", None))
    return replace(data, images=on_each(held, lambda values: values.to(device)), texts=moved)


def _as_half(values: torch.Tensor, device: str, rows: int = 256) -> torch.Tensor:
    """Values [n, ...] as float16 on the device, a few rows at a time; as they are, where it would round them."""
    held = torch.empty(values.shape, dtype=torch.float16, device=device)
    for place, block in zip(held.split(rows), values.split(rows), strict=True):
        moved = block.to(device)
        place.copy_(moved)
        if not torch.equal(place.to(moved.dtype), moved):
            return values
    return held


def draw_versions(data: TrainingData, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where the images of the items `rows` [b] are, each in any of its versions: [b, k]."""
    first = data.image_rows[rows]
    if data.versions == 1:
        return first
    return first + len(data.images) // data.versions * rng.integers(data.versions, size=first.shape)


def gather(data: TrainingData, rows: np.ndarray, device: str, image_rows: np.ndarray | None = None) -> Batch:
    """The batch of the items `rows` [b], on the device; its images are those of `image_rows` [b, k], or the first."""
    image_rows = data.image_rows[rows] if image_rows is None else image_rows
    text_rows, places = data.text_rows[rows], {values.device for values in data.texts.values()}
    at = {place: send(text_rows, place) for place in places}
    return Batch(
        images=on_each(data.images[image_rows], partial(_whole, device=device)),
        texts={name: _whole(values[at[values.device]], device) for name, values in data.texts.items()},
        truth=send(data.truth[rows], device),
        known=send(data.known[rows], device),
    )


def gathered_ahead(
    data: TrainingData, items: Sequence[np.ndarray], device: str, rng: np.random.Generator
) -> Iterator[Batch]:
    """`gather` for each of `items` [b], versions drawn.

    Where a GPU is to get what lies in the processor's memory, so many threads as `ahead_of` says gather ahead of it.
    What is gathered does not depend on them.
    """
    image_rows = [draw_versions(data, rows, rng) for rows in items]
    workers = ahead_of(data, device)
    if not workers:
        for rows, places in zip(items, image_rows, strict=True):
            yield gather(data, rows, device, places)
        return

    def make(step: int) -> Batch:
        return _on_each(gather(data, items[step], "cpu", image_rows[step]), _pinned)

    for batch in made_ahead(make, range(len(items)), workers):
        yield _on_each(batch, lambda values: values.to(device, non_blocking=values.is_pinned()))


def ahead_of(data: TrainingData, device: str) -> int:
    """How many threads gather batches: none where they are gathered on the device itself."""
    return 0 if data.images.pooled.device.type == torch.device(device).type else min(4, os.cpu_count() or 1)


def _whole(values: torch.Tensor, device: str) -> torch.Tensor:
    """On the device, and float32 again if they were held as less."""
    return values.to(device, torch.float32 if values.dtype == torch.float16 else values.dtype)


def _pinned(values: torch.Tensor) -> torch.Tensor:
    """In memory that a GPU reads by itself, where there is one."""
    return values.pin_memory() if torch.cuda.is_available() else values


def _on_each(batch: Batch, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
    texts = {name: change(values) for name, values in batch.texts.items()}
    return Batch(on_each(batch.images, change), texts, change(batch.truth), change(batch.known))
