"""Several evaluations beside each other: model x category, and paired differences where the items are the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.common_items import find_common
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import correct_differences, summarise
from fourfold.statistics import REPLICATES


@dataclass(frozen=True)
class Entry:
    """One line of a comparison: a model with a scorer."""

    name: str  # "MODEL, SCORER", made distinct where two runs share both
    model: str
    scorer: str
    run: str  # which results it comes from
    facts: Mapping[str, Any] = field(default_factory=dict)  # about the scorer


@dataclass(frozen=True)
class ModelComparison:
    """Metrics of several entries, and each against the first on the items they share.

    In the rows, `scorer` is the name of an entry. Where the runs have items in common, all numbers are of these, and
    `notes` say what was left out. Where they have none, `paired` is False, nothing is compared, and `notes` say so.
    """

    entries: tuple[Entry, ...]
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    paired: bool
    notes: tuple[str, ...]
    dataset: str = "these items"  # what was asked; several names where the runs differ

    @property
    def scorers(self) -> Mapping[str, Mapping[str, Any]]:
        """Facts about each entry's scorer, by the entry's name."""
        return {entry.name: entry.facts for entry in self.entries}


def load_runs(folders: Sequence[Path]) -> dict[str, Results]:
    """Results of each folder, under the shortest end of its path that tells them apart."""
    paths = [Path(folder).resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise InputError("compare: a results folder is named twice")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return {"/".join(path.parts[-depth:]): load(path) for path in paths}


def compare(
    runs: Mapping[str, Results],
    *,
    scorers: Sequence[str] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> ModelComparison:
    """Put runs side by side; the first scorer of the first run is what the others are compared with.

    `scorers` picks and orders them; None takes all that each run has. The items that all runs have (same id, captions,
    truth and pixels) are compared in pairs, with the same resamples and exact McNemar tests. Holm's correction is over
    all the tests together, every category of every line but the first, because one looks through all of them for what
    differs. Raises InputError for fewer than two lines to compare and a scorer that no run has.
    """
    _check_scorers(runs, scorers)
    entries = _name_entries(runs, scorers)
    if len(entries) < 2:
        raise InputError("compare: nothing to compare, name at least two results or scorers")
    common = find_common(runs)
    dataset = " / ".join(dict.fromkeys(name_asked(run.dataset) for run in runs.values()))
    notes = (*([common.note] if common.note else []), *_notes(runs))
    if common.is_empty:
        metrics = tuple(
            replace(row, scorer=entry.name)
            for entry in entries
            for row in runs[entry.run].metrics
            if row.scorer == entry.scorer
        )
        return ModelComparison(entries, metrics, (), False, notes, dataset)
    merged = _merge(common.items, entries)
    summary = summarise(merged, seed=seed, baseline=entries[0].name, replicates=replicates)
    comparisons = correct_differences(summary.comparisons, together=True)
    return ModelComparison(entries, summary.metrics, tuple(comparisons), True, notes, dataset)


def _check_scorers(runs: Mapping[str, Results], scorers: Sequence[str] | None) -> None:
    present = dict.fromkeys(name for run in runs.values() for name in run.scorers)
    for name in scorers or ():
        if name not in present:
            raise InputError(f"compare: no run has the scorer {name!r}. They have: {', '.join(present)}")


def _name_entries(runs: Mapping[str, Results], scorers: Sequence[str] | None) -> tuple[Entry, ...]:
    found = [
        Entry(f"{model}, {scorer}", model, scorer, run, results.scorers[scorer])
        for run, results in runs.items()
        for model in [mark_model(str(results.model["name"]), results.notes)]
        for scorer in (scorers or results.scorers)
        if scorer in results.scorers
    ]
    names = [entry.name for entry in found]
    return tuple(
        replace(entry, name=f"{entry.name} ({entry.run})") if names.count(entry.name) > 1 else entry for entry in found
    )


def _merge(items: Mapping[str, Sequence[ScoredItem]], entries: Sequence[Entry]) -> list[ScoredItem]:
    """The common items once, each with the scores of every entry."""
    first = next(iter(items.values()))
    return [
        replace(item, scores={entry.name: items[entry.run][i].scores[entry.scorer] for entry in entries})
        for i, item in enumerate(first)
    ]


def _notes(runs: Mapping[str, Results]) -> tuple[str, ...]:
    """Each run's own notes, said once if all share them."""
    common = set.intersection(*(set(results.notes) for results in runs.values()))
    said = [note for note in next(iter(runs.values())).notes if note in common]
    return (*said, *(f"{name}: {note}" for name, r in runs.items() for note in r.notes if note not in common))
