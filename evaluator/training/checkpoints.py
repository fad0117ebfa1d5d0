"""Checkpoints of trainings: written whole or not at all, and read by the run that left them alone."""

from collections.abc import Collection, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch

from fourfold.errors import InputError
from fourfold.files import write_file_with


def write_checkpoint(path: Path, state: Mapping[str, Any], identity: str) -> None:
    """Write everything that the next step depends on, whole or not at all; `identity` is that of the run.

    Raises InputError where the disk is full or the place may not be written.
    """
    write_file_with(path, lambda aside: torch.save({"identity": identity, **state}, aside))


def read_checkpoint(path: Path, parts: Collection[str], identity: str, device: str) -> dict[str, Any]:
    """The state of a run with this identity, its tensors on `device`.

    Raises InputError for a file that is damaged or somebody else's, lacks one of `parts`, or was left by another run.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True) if is_zipfile(path) else None
    except (RuntimeError, UnpicklingError, ValueError, KeyError, EOFError, OSError, AttributeError, TypeError):
        state = None  # what torch raises for archives that are damaged, or hold more than weights
    if not isinstance(state, dict) or not state.keys() >= {"identity", *parts}:
        raise InputError(f"{path}: not a readable checkpoint; delete it to start anew")
    if state["identity"] != identity:
        raise InputError(
            f"{path}: left by a run with other data, model or settings; repeat that run to finish it, or delete the "
            "file to start anew"
        )
    return state
