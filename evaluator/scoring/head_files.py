"""Head files: the weights of a trained scorer and what they were trained for, in one safetensors file.

The metadata of the file holds one JSON text: head type and configuration, the encoder it belongs to, the data it saw,
how it was trained and what it reached. Nothing in it is ever executed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fourfold.errors import InputError
from fourfold.evaluator.scoring.head_folders import file_in, folder_of, is_layout, split_seed
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


def find_head(given: Path | None, scorer: str, encoder: "Encoder") -> Path:
    """The head file that a scorer is to use, as `head_file` finds it. Raises InputError if there is none."""
    path = head_file(given, scorer, encoder.name)
    if path is None:
        raise InputError(
            f"scorer {scorer!r}: no head is shipped for the model {encoder.name!r}; {how_to_train(scorer, encoder)}"
        )
    return path


def head_file(given: Path | None, scorer: str, model: str) -> Path | None:
    """The file for a scorer, such as "dcsm" or "dcsm#0", which need not be there; None if none is given or shipped.

    `given` is a head file, a folder with a head of each type, or a folder with such a folder for each model
    (`fourfold.evaluator.scoring.head_folders`). Without it, or where it is of the last kind and has no folder for the
    model, the head that is shipped for the model is used. Raises InputError for a seed asked of a single file.
    """
    shipped = _shipped(scorer, model)
    folder = folder_of(given, model)
    if folder is None:
        return shipped
    if not folder.is_dir():
        if split_seed(scorer)[1] is not None:
            raise InputError(f"scorer {scorer!r}: {folder} is one head; heads of several seeds lie in a folder")
        return folder
    return shipped if shipped is not None and is_layout(folder) else file_in(folder, scorer)


def note_shipped(given: Path | None, scorers: Sequence[str], model: str) -> list[str]:
    """A sentence for each scorer that has a shipped head although a folder of heads was given."""
    heads = {} if given is None else {name: head_file(given, name.rpartition(":")[2], model) for name in scorers}
    return [
        f"{name}: the head that is shipped for {model}; the folder of heads that was given has none of this model"
        for name, path in heads.items()
        if path is not None and path.is_relative_to(SHIPPED)
    ]


def _shipped(scorer: str, model: str) -> Path | None:
    models = {folder.name for folder in SHIPPED.iterdir()}  # a name is looked up, never used as a path
    shipped = SHIPPED / model / f"{scorer}.safetensors"
    return shipped if model in models and shipped.is_file() else None


def check_given(given: str | Path | None) -> None:
    """Raise InputError for a head file, or a folder of them, that was named and is not there."""
    if given is not None and not Path(given).exists():
        raise InputError(f"{given}: no such head file, nor a folder of them")


def how_to_train(scorer: str, encoder: "Encoder") -> str:
    """The end of a message: the command that makes the missing head."""
    head_type, seed = split_seed(scorer)
    end = "--out FILE" if seed is None else f"--seeds {seed} --out HEADS"
    return f"train one with: fourfold train-head DATASET --model {encoder.name} --head {head_type} {end}"
