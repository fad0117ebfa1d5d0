"""Run a model over many inputs in batches that fit into its memory."""

import warnings
from collections.abc import Callable
from typing import Literal

import torch

from fourfold.errors import InputError, unknown_name

CPU = torch.device("cpu")

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

# Where "auto" starts: beyond these sizes a pass gains no speed, only memory.
_AUTO = {"cpu": 32, "cuda": 256, "mps": 64}


class SmallerBatches(UserWarning):
    """A batch did not fit into the device's memory, and smaller ones are tried."""


def run_in_batches(
    run: Callable[[int, int], dict[str, torch.Tensor]],
    n: int,
    batch_size: int | Literal["auto"],
    device: torch.device,
    *,
    to: torch.device = CPU,
) -> dict[str, torch.Tensor]:
    """`run(start, stop)` over 0..n, its outputs [stop - start, ...] joined on the device `to` as float32.

    With "auto" a batch that does not fit into the device's memory is halved and tried again, down to one. Warns
    `SmallerBatches` when that happens; raises InputError where nothing smaller is left, or a size was asked for.
    """
    size = _AUTO[device.type] if batch_size == "auto" else batch_size
    parts: list[dict[str, torch.Tensor]] = []
    start = 0
    while start < n or not parts:
        tried = min(size, n - start)
        try:
            outputs = {name: value.float().to(to) for name, value in run(start, start + tried).items()}
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if batch_size != "auto" or tried <= 1:
                raise out_of_memory(device, f"a batch of {tried} does not fit") from error
            size = tried // 2
        else:
            parts.append(outputs)
            start += tried
            continue
        # Outside the handler: its exception holds the frames, and with them the tensors, of the pass that failed.
        if device.type == "cuda":
            torch.cuda.empty_cache()
        warnings.warn(
            f"a batch of {tried} does not fit into the memory of {device}: halved", SmallerBatches, stacklevel=2
        )
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether that is what a device says that has no room left."""
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def out_of_memory(device: torch.device, what: str) -> InputError:
    """The refusal to go on without room; features that are stored by then stay, and the same command goes on there."""
    return InputError(
        f"out of memory on {device}: {what}; give a smaller --batch-size, --dtype float16 or --device cpu; what is in "
        "the feature cache stays there, and the run resumes with it"
    )


def checked_dtype(name: str) -> str:
    """The name of a known precision, or InputError."""
    if name not in DTYPES:
        raise unknown_name("dtype", name, DTYPES)
    return name
