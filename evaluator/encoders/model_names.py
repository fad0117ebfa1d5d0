"""Models by their names: lists of them, the folders that are named after them, and whether one has changed since."""

import re
from hashlib import sha256
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.encoders import load_encoder, loader_of
from fourfold.evaluator.encoders.contract import TINY, TINY_RANDOM

_LONGEST = 80  # characters of a folder's name


def read_models(path: Path) -> tuple[str, ...]:
    """The model specifications of a text file, one a line; what follows a "#" is a remark.

    Raises InputError for a file that is missing, names nothing, or names a model twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of models ({error})") from None
    models = [line.partition("#")[0].strip() for line in lines]
    models = [model for model in models if model]
    if not models:
        raise InputError(f"{path}: names no model; write one a line, as --model takes it")
    if twice := next((model for model in models if models.count(model) > 1), None):
        raise InputError(f"{path}: names {twice!r} twice")
    return tuple(models)


def folder_name(model: str) -> str:
    """The name of a model's folder, of results or of heads: letters, digits, dots and hyphens.

    Names that had to be altered or that are longer than 80 characters end in eight digits of a hash, so that two
    models never share a folder.
    """
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", model).strip("-.") or "model"
    if plain == model.replace(",", "-") and len(plain) <= _LONGEST:
        return plain
    return f"{plain[-_LONGEST:].strip('-.')}-{sha256(model.encode()).hexdigest()[:8]}"


def has_changed(model: str, identity: str | None, *, allow_random_weights: bool = False) -> bool:
    """Whether a model on this machine is another than the one of `identity`; tags and hubs are not fetched to see.

    Raises what loading the model raises.
    """
    places = re.split("[:,]", model, maxsplit=1)[-1], model.rpartition(",")[-1]  # ARCH,path; ARCH,tag,path
    is_here = any(Path(place).exists() for place in places) and not model.startswith("hf-hub:")
    if model not in (TINY, TINY_RANDOM) and loader_of(model) != "custom" and not is_here:
        return False
    return load_encoder(model, allow_random_weights=allow_random_weights).identity != identity
