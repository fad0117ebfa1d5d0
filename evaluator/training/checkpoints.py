"""Checkpoints of trainings: written whole or not at all, and read by the run that left them alone."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch

from fourfold.errors import InputError


def write_checkpoint(path: Path, state: Mapping[str, Any], identity: str) -> None:
    """Write everything that the next step depends on, aside and then renamed; `identity` is that of the run."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    torch.save({"identity": identity, **state}, aside)
    os.replace(aside, path)


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
