"""From a dataset's name and options to what a model is asked: which items, how it is run, what results say of it."""

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS
from fourfold.evaluator.data.dataset_copies import copy_split
from fourfold.evaluator.data.external import BENCHMARKS, LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.external.loading import is_benchmark
from fourfold.evaluator.data.external.plain_table import PLAIN, TOML, check_no_file
from fourfold.evaluator.data.fourfold_items import describe_dataset, load_items
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.data.retrieval_set import retrieval_item
from fourfold.evaluator.run.evaluation import check_items
from fourfold.evaluator.run.one_model import EvaluationSpec
from fourfold.evaluator.run.options import ReadOptions, RunOptions
from fourfold.evaluator.scorers import check_scorer
from fourfold.files import is_url
from fourfold.generator.dataset.reading import choose_split, read_manifest


def make_spec(
    dataset: str | Path | Iterable[Item],
    scorers: Sequence[str],
    reading: ReadOptions | None = None,
    running: RunOptions | None = None,
    *,
    command: str | None = None,
    own: Mapping[str, Callable] | None = None,
) -> EvaluationSpec:
    """What a model is asked: the items of a dataset, the scorers, and how the model is to be run.

    `dataset` is a folder that `generate` made, or its URL, "name:PATH" of a benchmark by others, "csv:FILE" and the
    like of questions of one's own, or items; `reading` says which of its questions are asked; `command` is what the
    results say of how to repeat the run, by default how this process was called; `own` are the user's objects among the
    scorers, by name.

    Raises InputError for an unknown scorer, a dataset that is not there, items that are not well formed, and an option
    of `reading` that is not for this kind of dataset.
    """
    reading, running = reading or ReadOptions(), running or RunOptions()
    for name in scorers:
        check_scorer(name, own)
    if isinstance(dataset, str | Path):
        items, info, external = _read(dataset, reading)
    else:
        items, info, external = _items_of(dataset, reading), {}, None
    if reading.retrieval and external:
        raise InputError(f"{dataset}: --retrieval is for datasets of ours; retrieval:PATH is COCO's and Flickr30k's")
    if reading.retrieval and isinstance(dataset, str | Path):
        items = (*items, retrieval_item(info["folder"], info["split"], reading.limit))
    return EvaluationSpec(
        items=items,
        dataset=info,
        scorers=tuple(scorers),
        options=running,
        authors_metric=external.metric if external else None,
        notes=(*(external.notes if external else ()), *_random_note(running.load.allow_random_weights)),
        command=command or _command_line(),
        own=own or {},
    )


def _items_of(given: Iterable[Item], reading: ReadOptions) -> tuple[Item, ...]:
    """Items that the user has as objects: all of them, or the first of each category."""
    items = tuple(given) if isinstance(given, Iterable) else (given,)
    if strange := next((each for each in items if not isinstance(each, Item)), None):
        raise InputError(
            f"dataset: {strange!r:.80} is no Item; give a folder, NAME:PATH of a benchmark by others, or a sequence of "
            "fourfold.Item"
        )
    usual = replace(ReadOptions(), limit=reading.limit)
    if told := [each.name for each in fields(reading) if getattr(reading, each.name) != getattr(usual, each.name)]:
        raise InputError(f"dataset: {told[0]} says how a dataset is read, and these are items already; leave it out")
    check_items(items)
    seen: Counter[str] = Counter()
    kept = []
    for item in items:
        seen[item.category] += 1
        if reading.limit is None or seen[item.category] <= reading.limit:
            kept.append(item)
    return tuple(kept)


def _read(dataset: str | Path, reading: ReadOptions) -> tuple[tuple[Item, ...], dict[str, Any], LoadedBenchmark | None]:
    """Items of our dataset or another's benchmark, what to say of them, and the latter's own metric."""
    name = str(dataset)
    if is_benchmark(name):
        if reading.split is not None:
            part = f"{name}#split={reading.split}" if name.startswith("hf:") else "PATH, which says what part is meant"
            raise InputError(f"{name}: --split {reading.split} is for datasets of ours; give {part}")
        found = load_benchmark(name, images=reading.images, allow_missing=reading.allow_missing, prompt=reading.prompt)
        items = found.items if reading.limit is None else found.items[: reading.limit]
        info: dict[str, Any] = {"name": found.name, "spec": name, "missing": found.missing}
        info |= {} if reading.prompt is None else {"prompt": reading.prompt}
        info |= {} if reading.images is None else {"images": str(reading.images)}
        info |= {"limit": reading.limit} if len(items) < len(found.items) else {}
        return items, info, found
    if not is_url(name):
        check_no_file(name)
    if not is_url(name) and not Path(dataset).exists():
        known = ", ".join(sorted((*BENCHMARKS, *PLAIN, TOML)))
        raise InputError(f"{name}: no such dataset folder; or give NAME:PATH with NAME one of: {known}")
    theirs = {
        "--images": reading.images is not None,
        "--allow-missing": reading.allow_missing,
        "--prompt": reading.prompt is not None,
    }
    if given := [option for option, is_given in theirs.items() if is_given]:
        raise InputError(f"{name}: {given[0]} is for benchmarks by others (NAME:PATH), this is a dataset of ours")
    folder = copy_split(name, reading.split) if is_url(name) else Path(dataset)
    read_manifest(folder)  # a folder that is no dataset is said before its splits are looked for
    used = choose_split(folder, reading.split)
    return load_items(folder, used, reading.limit), describe_dataset(folder, used, reading.limit), None


def _random_note(allowed: bool) -> list[str]:
    return [RANDOM_WEIGHTS] if allowed else []


def _command_line() -> str:
    """How this process was called, for whoever wants to repeat it."""
    return shlex.join(["fourfold" if sys.argv[0].endswith("fourfold") else sys.argv[0], *sys.argv[1:]])
