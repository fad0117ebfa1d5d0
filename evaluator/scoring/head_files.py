"""Head files: the weights of a trained scorer and what they were trained for, in one safetensors file.

The metadata of the file holds one JSON text: head type and configuration, the encoder it belongs to, the data it saw,
how it was trained and what it reached. Nothing in it is ever executed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fourfold.errors import InputError
from fourfold.files import write_file_with

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder

FORMAT = 1
SHIPPED = Path(__file__).parents[1] / "models"
Part = TypeVar("Part")


@dataclass(frozen=True)
class Head:
    """A trained head as it stands in its file."""

    type: str  # a name in `fourfold.evaluator.scorers.trained.HEADS`
    config: Mapping[str, Any]  # what the network is built from
    encoder_name: str
    encoder_identity: str
    weights: Mapping[str, torch.Tensor] = field(repr=False)
    dataset: Mapping[str, Any] = field(default_factory=dict)  # hash and number of the training items
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)  # on the validation items


def save_head(head: Head, path: Path) -> None:
    """Write a head so that its file is there whole or not at all.

    Raises InputError where the disk is full or the place may not be written.
    """
    described = {
        "format": FORMAT,
        "type": head.type,
        "config": head.config,
        "encoder": {"name": head.encoder_name, "identity": head.encoder_identity},
        "dataset": head.dataset,
        "training": head.training,
        "metrics": head.metrics,
    }
    weights = {name: weight.detach().cpu().contiguous() for name, weight in head.weights.items()}
    metadata = {"fourfold": json.dumps(described, sort_keys=True)}
    write_file_with(path, lambda aside: save_file(weights, aside, metadata=metadata))


def read_head(path: Path) -> Head:
    """Read a head file, whatever model it is for. Raises InputError for a file that is missing, broken or no head."""
    if not path.is_file():
        raise InputError(f"{path}: no such head file")
    try:
        with safe_open(path, framework="pt") as opened:
            text = (opened.metadata() or {}).get("fourfold")
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no dict)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); train the head again") from error
    try:
        return _parse(json.loads(text or ""), weights, path)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: holds tensors but no head; `fourfold train-head` writes head files") from error


def _parse(described: Mapping[str, Any], weights: Mapping[str, torch.Tensor], path: Path) -> Head:
    if described["format"] != FORMAT:
        raise InputError(f"{path}: head format {described['format']}, this version reads {FORMAT}; update fourfold")
    return Head(
        type=_of(str, described["type"]),
        config=_of(dict, described["config"]),
        encoder_name=_of(str, described["encoder"]["name"]),
        encoder_identity=_of(str, described["encoder"]["identity"]),
        weights=weights,
        dataset=_of(dict, described["dataset"]),
        training=_of(dict, described["training"]),
        metrics=_of(dict, described["metrics"]),
    )


def _of(kind: type[Part], value: Any) -> Part:
    if not isinstance(value, kind):
        raise TypeError
    return value


def load_head(path: Path, head_type: str, encoder: "Encoder") -> Head:
    """Read the head that scores with `encoder`. Raises InputError for another type of head or another model's."""
    head = read_head(path)
    if head.type != head_type:
        raise InputError(
            f"{path}: a {head.type!r} head, {head_type!r} was asked for; name the scorer {head.type!r}, or give a "
            "folder with a head of each type"
        )
    if head.encoder_identity != encoder.identity:
        raise InputError(
            f"{path}: this head was trained for the model {head.encoder_name!r} ({head.encoder_identity[:12]}), "
            f"not for {encoder.name!r} ({encoder.identity[:12]}); {how_to_train(head_type, encoder)}"
        )
    return head


def find_head(given: Path | None, head_type: str, encoder: "Encoder") -> Path:
    """The head file to use. Raises InputError if there is none.

    `given` is a head file, or a folder with one `<head type>.safetensors` for each type, so that several trained
    scorers can be run together; without it the head that is shipped for the model is used.
    """
    path = head_file(given, head_type, encoder.name)
    if path is None:
        raise InputError(
            f"scorer {head_type!r}: no head is shipped for the model {encoder.name!r}; "
            f"{how_to_train(head_type, encoder)}"
        )
    return path


def head_file(given: Path | None, head_type: str, model: str) -> Path | None:
    """The file for a type of head: what was given, or the one of its name in a folder; without, the one shipped, or
    None.
    """
    if given is not None:
        return given / f"{head_type}.safetensors" if given.is_dir() else given
    models = {folder.name for folder in SHIPPED.iterdir()}  # a name is looked up, never used as a path
    shipped = SHIPPED / model / f"{head_type}.safetensors"
    return shipped if model in models and shipped.is_file() else None


def check_given(given: str | Path | None) -> None:
    """Raise InputError for a head file, or a folder of them, that was named and is not there."""
    if given is not None and not Path(given).exists():
        raise InputError(f"{given}: no such head file, nor a folder of them")


def how_to_train(head_type: str, encoder: "Encoder") -> str:
    """The end of a message: the command that makes the missing head."""
    return f"train one with: fourfold train-head DATASET --model {encoder.name} --head {head_type} --out FILE"
