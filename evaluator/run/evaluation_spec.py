"""From the words of a command to what a model is asked: which items, how it is run, what results say of it."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from fourfold.errors import InputError
from fourfold.evaluator.data.external import BENCHMARKS, LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.external.loading import is_benchmark
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.data.retrieval_set import retrieval_item
from fourfold.evaluator.run.one_model import EvaluationSpec
from fourfold.evaluator.scorers import check_scorer
from fourfold.generator.dataset.reading import choose_split, read_manifest


class SpecOptions(TypedDict, total=False):
    """The further arguments of `make_spec`, for calls that hand them on."""

    split: str | None
    limit: int | None
    retrieval: bool
    images: str | Path | None
    allow_missing: bool
    allow_random_weights: bool
    prompt: str | None
    device: str
    dtype: str
    batch_size: int | Literal["auto"]
    cache_dir: str | Path | None
    seed: int
    command: str | None


def make_spec(
    dataset: str | Path,
    scorers: Sequence[str],
    *,
    split: str | None = None,
    limit: int | None = None,
    retrieval: bool = False,
    images: str | Path | None = None,
    allow_missing: bool = False,
    allow_random_weights: bool = False,
    prompt: str | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    batch_size: int | Literal["auto"] = "auto",
    cache_dir: str | Path | None = None,
    seed: int = 0,
    command: str | None = None,
) -> EvaluationSpec:
    """What a model is asked: the items of a dataset, the scorers, and how the model is to be run.

    `dataset` is a folder that `generate` made, or "name:PATH" of a benchmark by others; `images` is then its image
    folder and `prompt` a template that holds {caption}; both, and `allow_missing`, are refused for a folder, as is
    `split` for a benchmark. `retrieval` adds to a dataset of ours the search for content captions among its pictures.
    `cache_dir` keeps features for later runs.
    """
    for name in scorers:
        check_scorer(name)
    items, info, external = _read(dataset, split, limit, images, allow_missing, prompt)
    if retrieval and external:
        raise InputError(f"{dataset}: --retrieval is for datasets of ours; retrieval:PATH is COCO's and Flickr30k's")
    if retrieval:
        items = (*items, retrieval_item(dataset, split, limit))
    return EvaluationSpec(
        items=items,
        dataset=info,
        scorers=tuple(scorers),
        metric=external.metric if external else None,
        notes=(*(external.notes if external else ()), *_random_note(allow_random_weights)),
        seed=seed,
        command=command or _command_line(),
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        allow_random_weights=allow_random_weights,
        cache_dir=None if cache_dir is None else Path(cache_dir),
    )


def _read(
    dataset: str | Path,
    split: str | None,
    limit: int | None,
    images: str | Path | None,
    allow_missing: bool,
    prompt: str | None,
) -> tuple[tuple[Item, ...], dict[str, Any], LoadedBenchmark | None]:
    """Items of our dataset or another's benchmark, what to say of them, and the latter's own metric."""
    name = str(dataset)
    if is_benchmark(name):
        if split is not None:
            raise InputError(f"{name}: --split {split} is for datasets of ours; PATH says which part of a benchmark")
        found = load_benchmark(
            name, images=None if images is None else Path(images), allow_missing=allow_missing, prompt=prompt
        )
        items = found.items if limit is None else found.items[:limit]
        info: dict[str, Any] = {"name": found.name, "spec": name, "missing": found.missing}
        info |= {} if prompt is None else {"prompt": prompt}
        info |= {} if images is None else {"images": str(images)}
        return items, info, found
    folder = Path(dataset)
    if "://" in name:
        raise InputError(f"{name}: is a URL; copy the dataset to a folder first and name that")
    if not folder.exists():
        known = ", ".join(sorted(BENCHMARKS))
        raise InputError(f"{name}: no such dataset folder; or give NAME:PATH with a benchmark NAME: {known}")
    theirs = {"--images": images is not None, "--allow-missing": allow_missing, "--prompt": prompt is not None}
    if given := [option for option, is_given in theirs.items() if is_given]:
        raise InputError(f"{name}: {given[0]} is for benchmarks by others (NAME:PATH), this is a dataset of ours")
    manifest = read_manifest(folder)
    used = choose_split(folder, split)
    info = {
        "name": manifest["name"],
        "folder": str(folder),
        "split": used,
        "seed": manifest["seed"],
        "scenes_sha256": manifest["scenes_sha256"],
    }
    return load_items(folder, used, limit), info, None


def _random_note(allowed: bool) -> list[str]:
    return (
        ["random weights were allowed: if the model has none of its own, these numbers mean nothing"] if allowed else []
    )


def _command_line() -> str:
    """How this process was called, for whoever wants to repeat it."""
    return shlex.join(["fourfold" if sys.argv[0].endswith("fourfold") else sys.argv[0], *sys.argv[1:]])
