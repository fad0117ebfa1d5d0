"""One training run in several processes: `accelerate launch` starts them, each takes its share of every batch.

Gradients are averaged over the processes, so that the weights stay the same in all; the first one alone writes.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.devices import choose_device

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class Processes:
    """This process among those of the run; `accelerator` is None where it is alone."""

    device: str
    number: int = 0
    count: int = 1
    accelerator: "Accelerator | None" = None

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.number == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's part of a batch; all of it where there are fewer rows than processes. `rows` [b] -> [b']."""
        return rows[self.number :: self.count] if len(rows) >= self.count else rows

    def average_gradients(self, module: torch.nn.Module, weight: float) -> None:
        """Make every process's gradients the mean over all, each with its weight (its rows over the mean number)."""
        if self.accelerator is None:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients]) * weight
        mean = self.accelerator.reduce(flat, reduction="mean")
        for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def wait(self) -> None:
        """Until every process is here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()


def find_processes(device: str) -> Processes:
    """The processes that `accelerate launch` (or torchrun) started, or this one alone.

    Raises InputError if there are several and accelerate is not installed, or all of them are given one GPU.
    """
    device = choose_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(device)
    if device.startswith("cuda:"):
        raise InputError(f"device {device!r}: several processes take a GPU each; give 'cuda'")
    try:
        from accelerate import Accelerator
    except ImportError:
        raise InputError("several processes need accelerate: pip install 'fourfold[accelerate]'") from None
    accelerator = Accelerator(cpu=device == "cpu")
    mine = str(accelerator.device) if device == "cuda" else device
    return Processes(mine, accelerator.process_index, accelerator.num_processes, accelerator)
