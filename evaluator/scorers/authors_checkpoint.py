"""Reading the authors' `dcsm-ref` checkpoints, which are pickles of strangers, without running anything in them.

A pickle is a program: it names functions and has them called. Here the names of a few tensor constructors mean our own
records of tensors, and every other name, `os.system` included, a class that takes whatever comes and does nothing.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import torch

from fourfold.errors import InputError
from fourfold.evaluator.scorers.dcsm_ref import REPLACED_WORDS, TEXT_TOKENS
from fourfold.evaluator.scoring.head_files import Head

STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
}
LAYERS = ("conv1", "conv2", "fc1", "fc2")
PARTS = ("weight", "bias")


class Inert:
    """What stands for an object that a pickle asks for: keeps the state it is given, does nothing."""

    state: Any = None

    def __init__(self, *arguments: Any, **named: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Takes a list's item."""

    def add(self, value: Any) -> None:
        """Takes a set's item."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in the file; it is read when it is needed, most (a whole CLIP) never are."""

    dtype: torch.dtype
    key: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class InertUnpickler(pickle.Unpickler):
    """An unpickler for which no name is code."""

    def find_class(self, module: str, name: str) -> Any:
        """A tensor's constructor as our record of it, a container, or `Inert`."""
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._stored_tensor  # a bound method: unlike functions and classes, a pickle cannot change it
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return self._parameter
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        return STORAGES.get(name, Inert) if module == "torch" else Inert

    def persistent_load(self, reference: Any) -> Any:
        """A storage, written as ("storage", type, key, device, length): its type and key."""
        return reference[1], str(reference[2])

    def _stored_tensor(self, storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> StoredTensor:
        return StoredTensor(storage[0], storage[1], offset, tuple(size), tuple(stride))

    def _parameter(self, tensor: Any, *rest: Any) -> Any:
        return tensor


def read_authors_checkpoint(path: Path) -> Head:
    """The head in a checkpoint of the paper's code, as `torch.save` writes it since 1.6.

    It names no model: it belongs to CLIP ViT-B/16 of OpenAI, and only its number of patches can be checked, when it
    scores. Raises InputError if the file is no such checkpoint. Nothing in it is executed.
    """
    try:
        with ZipFile(path) as opened:
            return _read_head(opened)
    except (OSError, BadZipFile, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path}: not a checkpoint of the paper's code ({type(error).__name__}: {error})") from error


def _read_head(opened: ZipFile) -> Head:
    names = [name for name in opened.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1 or any(entry.compress_type != ZIP_STORED for entry in opened.infolist()):
        raise ValueError("not written by torch.save")
    folder = names[0].removesuffix("/data.pkl")
    state = _unpickle(opened, names[0])
    layers = {f"{layer}.{part}": state["model_state_dict"][f"{layer}.{part}"] for layer in LAYERS for part in PARTS}
    weights = {name: _read_tensor(stored, opened, folder) for name, stored in layers.items()}
    table = state["external_logic_token_embeddings"]
    weights["rows"] = _read_tensor(table.state["_parameters"]["weight"], opened, folder)
    config = {
        "image_tokens": weights["rows"].shape[1],
        "text_tokens": TEXT_TOKENS,
        "words": [str(word) for word in state.get("learned_lookup") or REPLACED_WORDS],
    }
    return Head("dcsm-ref", config, "the paper's CLIP ViT-B/16", "", weights)


def _unpickle(opened: ZipFile, name: str) -> Any:
    with opened.open(name) as stream:
        try:
            return InertUnpickler(stream).load()
        except Exception as error:  # a broken pickle raises anything at all
            raise ValueError(f"broken pickle: {error}") from error


def _read_tensor(stored: StoredTensor, opened: ZipFile, folder: str) -> torch.Tensor:
    """The tensor in float32. Raises RuntimeError or ValueError if it does not lie within its storage."""
    content = bytearray(opened.read(f"{folder}/data/{stored.key}"))
    if prod(stored.size) * stored.dtype.itemsize > len(content):
        raise ValueError(f"a tensor of {stored.size} does not fit its storage of {len(content)} bytes")
    flat = torch.frombuffer(content, dtype=stored.dtype)
    return torch.as_strided(flat, stored.size, stored.stride, stored.offset).float().contiguous()
