"""The device that a model runs on: chosen, checked, and said in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import AUTO_DEVICE

DEVICE_KINDS = ("cuda", "mps", "cpu")  # as "auto" prefers them


def checked_device(name: str) -> torch.device:
    """The device of that name; of "auto" a GPU if there is one. InputError where it is unknown or absent here."""
    if name == AUTO_DEVICE:
        return torch.device(next(kind for kind in DEVICE_KINDS if _is_here(kind)))
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in DEVICE_KINDS:
        raise InputError(f"unknown device {name!r}. Allowed: auto, cpu, cuda, cuda:N, mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {name!r}: {torch.cuda.device_count()} CUDA devices are visible here; use cpu or auto")
    if device.type == "mps" and not _is_here("mps"):
        raise InputError("device 'mps' is not available here; use cpu or auto")
    return device


def choose_device(name: str) -> str:
    """The name of the device that "auto" stands for here; any other name as it was given, unchecked."""
    return str(checked_device(name)) if name == AUTO_DEVICE else name


def describe_device(name: str) -> str:
    """A device in words: its name, and which GPU that is or how many threads compute. Raises as `checked_device`."""
    device = checked_device(name)
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)" if device.type == "cpu" else str(device)


def home_of_features(device: torch.device, n_bytes: int) -> torch.device:
    """Where features of that size are to be kept: on the device that made them, if it is a CUDA GPU with twice as much
    room, for scorers need some beside them; else on the CPU.
    """
    if device.type == "cuda" and 2 * n_bytes <= torch.cuda.mem_get_info(device)[0]:
        return device
    return torch.device("cpu")


@contextmanager
def exact_convolutions(device: torch.device) -> Iterator[None]:
    """On a CUDA GPU, convolutions in float32 as on a CPU, where cuDNN would round what it multiplies to ten bits."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _is_here(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()
