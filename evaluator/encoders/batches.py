"""Run a model over many inputs in batches that fit into its memory."""

from collections.abc import Callable
from typing import Literal

import torch

from fourfold.errors import unknown_name

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

# Where "auto" starts: beyond these sizes a pass gains no speed, only memory.
_AUTO = {"cpu": 32, "cuda": 256, "mps": 64}


def run_in_batches(
    run: Callable[[int, int], dict[str, torch.Tensor]], n: int, batch_size: int | Literal["auto"], device: torch.device
) -> dict[str, torch.Tensor]:
    """`run(start, stop)` over 0..n, its outputs [stop - start, ...] joined on the CPU as float32.

    With "auto" a batch that does not fit into the device's memory is halved and tried again, down to one.
    """
    size = _AUTO[device.type] if batch_size == "auto" else batch_size
    parts: list[dict[str, torch.Tensor]] = []
    start = 0
    while start < n or not parts:
        try:
            outputs = run(start, min(start + size, n))
        except RuntimeError as error:
            if batch_size != "auto" or size == 1 or "out of memory" not in str(error):
                raise
            size //= 2
            continue
        parts.append({name: value.float().cpu() for name, value in outputs.items()})
        start += size
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def checked_dtype(name: str) -> str:
    """The name of a known precision, or InputError."""
    if name not in DTYPES:
        raise unknown_name("dtype", name, DTYPES)
    return name
