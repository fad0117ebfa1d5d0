"""Folders of heads: which file is whose.

    HEADS/MODEL/TYPE.safetensors          the head TYPE (dcsm, mlp, ...) of a model
    HEADS/MODEL/TYPE.seed3.safetensors    the one of the training seed 3, where there are several

MODEL is the model's specification as a folder's name (`fourfold.evaluator.encoders.model_names.folder_name`), the same
as that of its results; `fourfold train-head --models` writes this layout and `fourfold evaluate --head HEADS` reads it.
A folder that holds heads itself, HEADS/TYPE.safetensors, is one model's, or what all models share.

A scorer TYPE means all seeds where there are several, as scorers of their own: TYPE#3 is the head of seed 3. The head
that is shipped for a model is used where HEADS is such a layout and has no folder for the model, and results say so;
where the model has a folder, a head that is missing there is missing.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.encoders.model_names import folder_name

SUFFIX = ".safetensors"


def split_seed(scorer: str) -> tuple[str, int | None]:
    """A scorer's name without its seed, and the seed: "dcsm#3" -> ("dcsm", 3), "dcsm" -> ("dcsm", None)."""
    name, mark, seed = scorer.rpartition("#")
    return (name, int(seed)) if mark and seed.isascii() and seed.isdigit() else (scorer, None)


def with_seed(head_type: str, seed: int | None) -> str:
    """The scorer of a head and its seed; the reverse of `split_seed`."""
    return head_type if seed is None else f"{head_type}#{seed}"


def file_in(folder: Path, scorer: str) -> Path:
    """Where the head of a scorer lies in a model's folder of heads."""
    head_type, seed = split_seed(scorer)
    return folder / (head_type + ("" if seed is None else f".seed{seed}") + SUFFIX)


def folder_of(given: Path | None, model: str) -> Path | None:
    """The model's folder of heads in the layout, if it has one; else what was given."""
    own = None if given is None else given / folder_name(model)
    return own if own is not None and own.is_dir() else given


def is_layout(folder: Path) -> bool:
    """Whether a folder holds folders with heads, and none itself."""
    return not any(folder.glob(f"*{SUFFIX}")) and any(folder.glob(f"*/*{SUFFIX}"))


def expand_seeds(given: Path | None, scorers: Sequence[str], model: str) -> tuple[str, ...]:
    """The scorers with each head of which there are several seeds replaced by one scorer a seed, in their order.

    Raises InputError where a folder holds both a head without a seed and several seeds: which one is meant?
    """
    folder = folder_of(given, model)
    if folder is None or not folder.is_dir():
        return tuple(scorers)
    return tuple(name for scorer in scorers for name in _seeds_of(folder, scorer))


def _seeds_of(folder: Path, scorer: str) -> list[str]:
    outer, colon, inner = scorer.rpartition(":")
    found = (re.fullmatch(rf"{re.escape(inner)}\.seed(\d+){re.escape(SUFFIX)}", path.name) for path in folder.iterdir())
    seeds = sorted(int(match[1]) for match in found if match)
    plain = file_in(folder, inner)
    if seeds and plain.is_file():
        raise InputError(
            f"{folder}: holds {plain.name} and heads of the seeds {', '.join(map(str, seeds))}; name one seed, as "
            f"{with_seed(inner, seeds[0])!r}, or move one kind away"
        )
    return [f"{outer}{colon}{with_seed(inner, seed)}" for seed in seeds] or [scorer]
