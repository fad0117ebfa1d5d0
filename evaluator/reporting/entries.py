"""The groups a page shows: what results say of them joined with what the dataset says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import group_score, has_core, image_choice, text_choice
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.reporting.groups import Group, Picture
from fourfold.evaluator.reporting.systems import System

MAX_CELLS = 256  # images x captions of an item that can be looked at; a retrieval set has millions


@dataclass(frozen=True)
class Entry:
    """One group or item as the explorer shows it."""

    id: str
    category: str
    cluster: str
    captions: tuple[str, ...]
    kinds: tuple[str, ...]
    truth: np.ndarray  # [k, m] bool
    pictures: tuple[Picture | None, ...]  # None: the file is not at hand
    facets: Mapping[str, str]  # what can be filtered by: edit, attribute, relation, ...
    tags: Mapping[str, Any]  # difficulty axes among them
    scores: Mapping[int, np.ndarray] = field(default_factory=dict)  # number of the system -> [k, m]


def entries_of_results(
    runs: Sequence[Results], systems: Sequence[System], groups: Mapping[str, Group], folder: Path | None
) -> list[Entry]:
    """Every item of every run once, with the scores of all systems; `folder` is where image names may be looked up."""
    items = {item.id: item for run in reversed(runs) for item in reversed(run.items)}
    by_run = [{item.id: item for item in run.items} for run in runs]
    entries = []
    for name, item in reversed(items.items()):
        scores = {
            number: by_run[system.model][name].scores[system.scorer]
            for number, system in enumerate(systems)
            if name in by_run[system.model]
        }
        entries.append(_join(item, groups.get(name), folder, scores))
    return entries


def entries_of_groups(groups: Mapping[str, Group]) -> list[Entry]:
    """The groups of a dataset that no model has been asked about."""
    return [
        Entry(
            id=group.id,
            category=group.category,
            cluster=group.id,
            captions=group.captions,
            kinds=group.kinds,
            truth=np.array(group.truth),
            pictures=group.pictures,
            facets=group.facets,
            tags=group.difficulty,
        )
        for group in groups.values()
    ]


def margin(truth: np.ndarray, scores: np.ndarray) -> float:
    """How far an item is from being wrong: the smallest margin of the questions its headline metric asks.

    Truth [k, m] bool and scores [k, m]; the margin is in units of the scores, and 0 where nothing is asked.
    """
    ask = group_score if has_core(truth) else text_choice if truth.shape[1] > 1 else image_choice
    margins = ask(scores[None].astype(np.float64), truth[None])
    return float(np.nanmin(margins)) if np.isfinite(margins).any() else 0.0


def _join(item: ScoredItem, group: Group | None, folder: Path | None, scores: Mapping[int, np.ndarray]) -> Entry:
    text_tags = {key: value for key, value in item.tags.items() if isinstance(value, str)}
    kind_of = dict(zip(group.captions, group.kinds, strict=True)) if group else {}
    return Entry(
        id=item.id,
        category=item.category,
        cluster=item.cluster,
        captions=item.captions,
        kinds=tuple(kind_of.get(text, "") for text in item.captions),
        truth=item.truth,
        pictures=group.pictures if group else tuple(_look_up(name, folder) for name in item.images),
        facets=group.facets if group else text_tags,
        tags={**(group.difficulty if group else {}), **item.tags},
        scores=scores,
    )


def _look_up(name: str, folder: Path | None) -> Picture | None:
    """The file an item names, if it lies in the folder; results write a cut-out as name#left,top,right,bottom."""
    if folder is None:
        return None
    file_name, _, box = name.partition("#")
    path = folder / file_name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return None
    left, top, right, bottom = (int(number) for number in box.split(",")) if box else (0, 0, 0, 0)
    return Picture(path, box=(left, top, right, bottom) if box else None)
