"""Results that are there already: are they of this very question, and which of its scorers do they lack?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import RESULTS_FILE, check_target, load, read_summary
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.model_names import has_changed
from fourfold.evaluator.run.evaluation import hash_heads
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun
from fourfold.evaluator.scorers import own_scorer
from fourfold.evaluator.scoring.head_folders import expand_seeds

_SAID = ("folder", "changes", "limit")  # of a dataset, which seed, scenes and items tell apart already


def run_of_missing(folder: Path, spec: EvaluationSpec, run: ModelRun, *, add: bool = False) -> ModelRun | None:
    """`run`, if the folder holds no results; with what is there, if `add` and scorers are missing; None if none is.

    Raises InputError if the folder holds results on other data, with another seed, precision, head, code or state of
    the model, or lacks scorers and they are not to be added; and what loading the model raises.
    """
    check_target(folder)
    if not (folder / RESULTS_FILE).is_file():
        return run
    found = read_summary(folder)
    scorers = expand_seeds(run.head, spec.scorers, run.model)
    missing = [name for name in scorers if name not in found["scorers"]]
    name = found["model"]["name"]
    if name != run.model and _is_another(found["model"], spec, run):  # first, for its heads are others too
        raise InputError(f"{folder}: holds earlier results of another model; give --model {name}, or another --out")
    other = _unlike(found, spec, run, [name for name in scorers if name in found["scorers"]])
    if not other and (add or not missing) and _is_another(found["model"], spec, run):
        other = "another state of the model"
    if other:
        raise InputError(f"{folder}: holds earlier results with {other}; give another --out, or remove them")
    if missing and not add:
        raise InputError(
            f"{folder}: holds earlier results with no scores of {', '.join(missing)}; add them with --add, or give "
            "another --out"
        )
    return replace(run, earlier=load(folder)) if missing else None


def _unlike(found: Mapping[str, Any], spec: EvaluationSpec, run: ModelRun, present: list[str]) -> str:
    """What of the results is not that of this question: "another seed"; "" if nothing is."""
    # Without a prompt, or a folder of images, the dataset says nothing of one.
    here = {"prompt": None, "images": None, **spec.dataset}
    here |= {"items": len(spec.items), "seed": spec.options.seed}
    here |= {"dtype": spec.options.load.dtype} if run.encoder is None else {}
    there = {"dtype": "float32", **found["model"], **found["dataset"], **found["settings"]}
    for name, value in here.items():
        if name not in _SAID and there.get(name) != value:
            return "other items" if name == "items" else f"another {name}"
    heads = {name: digest for name, digest in found["settings"].get("heads", {}).items() if name in present}
    if heads != hash_heads(run.head, present, run.model):
        return "another head"
    for name in present:
        own, facts = own_scorer(name, spec.own), found["scorers"][name]
        if own is not None and (facts.get("own"), facts.get("source_sha256")) != (own.origin, own.source_sha256):
            return f"another code of {name}"
        if own is not None and not own.source_sha256:
            return f"scores of {name}, whose code lies in no file and may be another now"
    return ""


def _is_another(found: Mapping[str, Any], spec: EvaluationSpec, run: ModelRun) -> bool:
    """Whether the model is not that of the results; tags and hubs of the same name are taken for what they were."""
    identity, allow = found.get("identity"), spec.options.load.allow_random_weights
    if run.encoder is not None:
        return getattr(run.encoder, "identity", None) != identity
    if run.model != found["name"]:
        return load_encoder(run.model, allow_random_weights=allow).identity != identity
    return has_changed(run.model, identity, allow_random_weights=allow)
