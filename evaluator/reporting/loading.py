"""Everything a report is made from: results, the dataset they are about, and both joined group by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.reporting.difficulty import Axis, find_axes
from evaluator.reporting.entries import Entry, entries_of_results
from evaluator.reporting.groups import Group, read_groups
from evaluator.reporting.systems import System, list_systems
from evaluator.reporting.view import Numbers
from evaluator.results import Results, load
from scenes.errors import InputError


@dataclass(frozen=True)
class Material:
    """What was loaded. The number of a system is its place in `systems`; entries name their scores by it."""

    folders: tuple[Path, ...]
    numbers: tuple[Numbers, ...]  # one a folder
    systems: tuple[System, ...]
    entries: tuple[Entry, ...]
    axes: tuple[Axis, ...]

    @property
    def runs(self) -> list[Results]:
        """The results of each folder."""
        return [each.run for each in self.numbers]


def load_material(results: Sequence[Path], dataset: Path | None) -> Material:
    """Read results folders and, for its pictures, the dataset. Raises InputError for what is none or does not fit."""
    if not results:
        raise InputError("report: no results folder given; name at least one that `fourfold evaluate` wrote")
    folders = tuple(Path(folder) for folder in results)
    runs = [load(folder) for folder in folders]
    systems = list_systems(runs)
    numbers = tuple(Numbers(run, tuple(s for s in systems if s.model == i)) for i, run in enumerate(runs))
    entries = entries_of_results(runs, systems, _groups_of(dataset, runs), dataset)
    axes = find_axes([entry.tags for entry in entries])
    return Material(folders, numbers, tuple(systems), tuple(entries), tuple(axes))


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
