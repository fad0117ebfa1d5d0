"""A device that no machine lacks: tensors that say they are on a GPU, and refuse to meet those that are not.

Real GPUs are stricter than a CPU in one thing that matters: tensors of two devices do not mix. This shows it anywhere.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DEVICE = torch.device("cuda", 0)
_MAY_MIX = {"to", "copy_", "__setitem__", "__getitem__"}  # a GPU fetches what these are given, and indices


class Tensor(torch.Tensor):
    """A tensor on that device."""


class Elsewhere(TorchFunctionMode):
    """In this context `.to(DEVICE)` and `device=DEVICE` lead there, and what is there stays there until `.cpu()`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        given = list(_tensors((args, list(kwargs.values()))))
        there = [each for each in given if _is_there(each)]
        if func == torch.Tensor.device.__get__:
            return DEVICE if there else func(*args)
        if there and name == "numpy":
            raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")
        if there and name not in _MAY_MIX and any(each.ndim and not _is_there(each) for each in given):
            raise RuntimeError(f"{name}: expected all tensors to be on the same device, found cuda:0 and cpu")
        if name == "__getitem__" and there and not _is_there(args[0]):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor")
        named = [each for each in (*args, *kwargs.values()) if isinstance(each, torch.device)]
        goes = DEVICE in named and name != "_parse_to"  # which only reads what a module is to be moved to
        if goes:
            args = tuple("cpu" if isinstance(each, torch.device) else each for each in args)
            kwargs = {key: "cpu" if key == "device" else each for key, each in kwargs.items()}
        found = func(*args, **kwargs)
        if not isinstance(found, torch.Tensor):
            return found
        if name == "to" and goes and isinstance(given[0], torch.nn.Parameter):
            given[0].went = True  # a module puts the numbers of what it gets into the parameter that it has
            return found
        if name == "cpu" or (name == "to" and not goes and (named or "cpu" in args)):
            return found.as_subclass(torch.Tensor)
        return found.as_subclass(Tensor) if goes or there else found


def _is_there(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, Tensor) or getattr(tensor, "went", False)


def _tensors(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
