"""Run a model over many inputs in batches that fit into its memory."""

from collections.abc import Callable
from typing import Literal

import torch

from fourfold.errors import InputError, unknown_name

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


def checked_device(name: str) -> torch.device:
    """The device of that name, or InputError where it is unknown or absent here."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in _AUTO:
        raise InputError(f"unknown device {name!r}. Allowed: cpu, cuda, cuda:N, mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {name!r}: {torch.cuda.device_count()} CUDA devices are visible here; use cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not available here; use cpu")
    return device


def checked_dtype(name: str) -> str:
    """The name of a known precision, or InputError."""
    if name not in DTYPES:
        raise unknown_name("dtype", name, DTYPES)
    return name
