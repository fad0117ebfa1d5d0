"""From a dataset's name and options to what a model is asked: which items, how it is run, what results say of it."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS
from fourfold.evaluator.data.external import BENCHMARKS, LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.external.loading import is_benchmark
from fourfold.evaluator.data.fourfold_items import describe_dataset, load_items
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.data.retrieval_set import retrieval_item
from fourfold.evaluator.run.one_model import EvaluationSpec
from fourfold.evaluator.run.options import ReadOptions, RunOptions
from fourfold.evaluator.scorers import check_scorer
from fourfold.generator.dataset.reading import choose_split, read_manifest


def make_spec(
    dataset: str | Path,
    scorers: Sequence[str],
    reading: ReadOptions | None = None,
    running: RunOptions | None = None,
    *,
    command: str | None = None,
) -> EvaluationSpec:
    """What a model is asked: the items of a dataset, the scorers, and how the model is to be run.

    `dataset` is a folder that `generate` made, or "name:PATH" of a benchmark by others; `reading` says which of its
    questions are asked; `command` is what the results say of how to repeat the run, by default how this process was
    called.

    Raises InputError for an unknown scorer, a dataset that is not there, and an option of `reading` that is not for
    this kind of dataset.
    """
    reading, running = reading or ReadOptions(), running or RunOptions()
    for name in scorers:
        check_scorer(name)
    items, info, external = _read(dataset, reading)
    if reading.retrieval and external:
        raise InputError(f"{dataset}: --retrieval is for datasets of ours; retrieval:PATH is COCO's and Flickr30k's")
    if reading.retrieval:
        items = (*items, retrieval_item(dataset, reading.split, reading.limit))
    return EvaluationSpec(
        items=items,
        dataset=info,
        scorers=tuple(scorers),
        options=running,
        authors_metric=external.metric if external else None,
        notes=(*(external.notes if external else ()), *_random_note(running.load.allow_random_weights)),
        command=command or _command_line(),
    )


def _read(dataset: str | Path, reading: ReadOptions) -> tuple[tuple[Item, ...], dict[str, Any], LoadedBenchmark | None]:
    """Items of our dataset or another's benchmark, what to say of them, and the latter's own metric."""
    name = str(dataset)
    if is_benchmark(name):
        if reading.split is not None:
            raise InputError(
                f"{name}: --split {reading.split} is for datasets of ours; PATH says which part of a benchmark"
            )
        found = load_benchmark(name, images=reading.images, allow_missing=reading.allow_missing, prompt=reading.prompt)
        items = found.items if reading.limit is None else found.items[: reading.limit]
        info: dict[str, Any] = {"name": found.name, "spec": name, "missing": found.missing}
        info |= {} if reading.prompt is None else {"prompt": reading.prompt}
        info |= {} if reading.images is None else {"images": str(reading.images)}
        info |= {"limit": reading.limit} if len(items) < len(found.items) else {}
        return items, info, found
    folder = Path(dataset)
    if "://" in name:
        raise InputError(f"{name}: is a URL; copy the dataset to a folder first and name that")
    if not folder.exists():
        known = ", ".join(sorted(BENCHMARKS))
        raise InputError(f"{name}: no such dataset folder; or give NAME:PATH with a benchmark NAME: {known}")
    theirs = {
        "--images": reading.images is not None,
        "--allow-missing": reading.allow_missing,
        "--prompt": reading.prompt is not None,
    }
    if given := [option for option, is_given in theirs.items() if is_given]:
        raise InputError(f"{name}: {given[0]} is for benchmarks by others (NAME:PATH), this is a dataset of ours")
    read_manifest(folder)  # a folder that is no dataset is said before its splits are looked for
    used = choose_split(folder, reading.split)
    return load_items(folder, used, reading.limit), describe_dataset(folder, used, reading.limit), None


def _random_note(allowed: bool) -> list[str]:
    return [RANDOM_WEIGHTS] if allowed else []


def _command_line() -> str:
    """How this process was called, for whoever wants to repeat it."""
    return shlex.join(["fourfold" if sys.argv[0].endswith("fourfold") else sys.argv[0], *sys.argv[1:]])
