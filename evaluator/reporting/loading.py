"""Everything a report is made from: results, the dataset they are about, and both joined group by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.looks import compare_looks, looks_table
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.reporting.difficulty import Axis, find_axes
from fourfold.evaluator.reporting.entries import Entry, entries_of_results
from fourfold.evaluator.reporting.groups import Group, read_groups
from fourfold.evaluator.reporting.systems import System, list_systems
from fourfold.evaluator.reporting.view import Numbers
from fourfold.evaluator.tables.formats import Table
from fourfold.generator.dataset.reading import read_manifest


@dataclass(frozen=True)
class Material:
    """What was loaded. The number of a system is its place in `systems`; entries name their scores by it."""

    folders: tuple[Path, ...]
    numbers: tuple[Numbers, ...]  # one a folder
    systems: tuple[System, ...]
    entries: tuple[Entry, ...]
    axes: tuple[Axis, ...]
    looks: tuple[Table, ...] = ()  # the first folder against the same scenes in another look

    def name_of(self, system: System) -> str:
        """What charts call a scorer: by itself where there is one model, else with its model."""
        alone = len(self.numbers) == 1
        return system.label if alone else f"{self.numbers[system.model].model}, {system.label}"

    @property
    def runs(self) -> list[Results]:
        """The results of each folder, in their order."""
        return [each.run for each in self.numbers]


def load_material(results: Sequence[Path], dataset: Path | None, look: Path | None = None) -> Material:
    """Read results folders and, for its pictures, the dataset that they are about.

    `look` holds results of the first folder's model on the same scenes in another look. Raises InputError without any
    folder, for a folder that holds no results, results on different datasets, a dataset that is not the one that was
    evaluated, and a `look` that has no item in common with the first folder.
    """
    if not results:
        raise InputError("report: no results folder given; name at least one that `fourfold evaluate` wrote")
    folders = tuple(Path(folder) for folder in results)
    runs = [load(folder) for folder in folders]
    _check_runs(folders, runs)
    if dataset is not None:
        _check_dataset(dataset, runs)
    systems = list_systems(runs)
    names = _tell_apart(folders, runs)
    numbers = tuple(Numbers(run, tuple(s for s in systems if s.model == i), names[i]) for i, run in enumerate(runs))
    entries = entries_of_results(runs, systems, _groups_of(dataset, runs), dataset)
    if dataset is not None and not any(picture for entry in entries for picture in entry.pictures):
        raise InputError(f"{dataset}: holds no dataset (no manifest.json) and none of the pictures that were scored")
    axes = find_axes([entry.tags for entry in entries])
    looks = () if look is None else (_compare_looks(folders[0], runs[0], look),)
    return Material(folders, numbers, tuple(systems), tuple(entries), tuple(axes), looks)


def _compare_looks(folder: Path, run: Results, look: Path) -> Table:
    found = compare_looks(run, load(look))
    if found is None:
        raise InputError(
            f"{look}: shows none of the scenes of {folder} in another look, or by no scorer of both; make its dataset "
            "with the same recipe and seed and another --renderer, and evaluate the same scorers"
        )
    first, other = (place.resolve().name for place in (folder, look))
    return looks_table(found, first, other if other != first else f"{other} (look)")


def _tell_apart(folders: Sequence[Path], runs: Sequence[Results]) -> list[str]:
    """What each run's model is called: a path is cut to its last part, and runs of one model name their folders."""
    plain = [str(run.model["name"]).rpartition("/")[2] for run in runs]
    named = [f"{name} ({folder.resolve().name})" for name, folder in zip(plain, folders, strict=True)]
    told = [full if plain.count(name) > 1 else name for name, full in zip(plain, named, strict=True)]
    return [f"{name} {i + 1}" if told.count(name) > 1 else name for i, name in enumerate(told)]


def _check_runs(folders: Sequence[Path], runs: Sequence[Results]) -> None:
    """Groups of all our datasets have the same ids: those of different sets must not be taken for one another."""
    first: dict[str, tuple[Path, ScoredItem]] = {}
    sets: dict[str, Path] = {}
    for folder, run in zip(folders, runs, strict=True):
        name = run.dataset.get("scenes_sha256") or run.dataset.get("name")
        sets |= {str(name): folder} if name else {}
        for item in run.items:
            earlier, same = first.setdefault(item.id, (folder, item))
            if item.captions != same.captions or not np.array_equal(item.truth, same.truth):
                raise InputError(f"{earlier} and {folder}: {item.id} is not the same in both; {_ONE_SET}")
    if len(sets) > 1:
        raise InputError(f"{' and '.join(map(str, sets.values()))}: results on different datasets; {_ONE_SET}")


def _check_dataset(dataset: Path, runs: Sequence[Results]) -> None:
    if not dataset.is_dir():
        raise InputError(f"{dataset}: no such dataset folder")
    scored = {run.dataset["scenes_sha256"] for run in runs if "scenes_sha256" in run.dataset}
    there = (dataset / "manifest.json").is_file() and read_manifest(dataset).get("scenes_sha256")
    if scored and there and there not in scored:
        raise InputError(f"{dataset}: not the dataset that was evaluated; name that one, or move this one away")


_ONE_SET = "a report is on one dataset, so write one for each"


def _groups_of(dataset: Path | None, runs: Sequence[Results]) -> Mapping[str, Group]:
    """Those groups of the dataset that were scored; none for a folder of plain pictures."""
    if dataset is None:
        return {}
    if not (dataset / "manifest.json").is_file():
        return {}  # an external benchmark: its pictures are found by the names that results give
    scored = {item.id for run in runs for item in run.items}
    groups = {name: group for name, group in read_groups(dataset).items() if name in scored}
    if not groups:
        raise InputError(f"{dataset}: holds none of the groups that were scored; name the dataset that was evaluated")
    return groups
