"""Several evaluations beside each other: model x category, and paired differences where the items are the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import summarise
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

    In the rows, `scorer` is the name of an entry. `paired` is False where the runs were not made on the same items;
    then there are no differences, and `notes` say why.
    """

    entries: tuple[Entry, ...]
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    paired: bool
    notes: tuple[str, ...]

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

    `scorers` picks and orders them; None takes all that each run has. Runs on the same items (same ids, captions,
    truth and content hash) are compared in pairs, with the same resamples, exact McNemar tests and Holm's correction
    over categories. Raises InputError for fewer than two lines to compare and a scorer that no run has.
    """
    _check_scorers(runs, scorers)
    entries = _name_entries(runs, scorers)
    if len(entries) < 2:
        raise InputError("compare: nothing to compare, name at least two results or scorers")
    if obstacle := _why_unpaired(runs):
        metrics = tuple(
            replace(row, scorer=entry.name)
            for entry in entries
            for row in runs[entry.run].metrics
            if row.scorer == entry.scorer
        )
        return ModelComparison(entries, metrics, (), False, (obstacle, *_notes(runs)))
    merged = _merge(runs, entries)
    summary = summarise(merged, seed=seed, baseline=entries[0].name, replicates=replicates)
    return ModelComparison(entries, summary.metrics, summary.comparisons, True, _notes(runs))


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


def _why_unpaired(runs: Mapping[str, Results]) -> str:
    """Empty if all runs were made on the same items and pixels; else what differs."""
    (first_name, first), *others = runs.items()
    for name, results in others:
        hashes = first.dataset.get("content_sha256"), results.dataset.get("content_sha256")
        if len(first.items) != len(results.items):
            return f"not paired: {first_name} has {len(first.items)} items, {name} has {len(results.items)}"
        for one, two in zip(first.items, results.items, strict=True):
            if not _same_question(one, two):
                return f"not paired: item {one.id} of {first_name} is not the same as item {two.id} of {name}"
        if hashes[0] != hashes[1]:
            return f"not paired: {first_name} and {name} were run on different pixels"
    return ""


def _same_question(one: ScoredItem, two: ScoredItem) -> bool:
    questions = [(each.id, each.category, each.cluster, each.captions) for each in (one, two)]
    return questions[0] == questions[1] and np.array_equal(one.truth, two.truth)


def _merge(runs: Mapping[str, Results], entries: Sequence[Entry]) -> list[ScoredItem]:
    """The items once, each with the scores of every entry."""
    items = next(iter(runs.values())).items
    return [
        replace(item, scores={entry.name: runs[entry.run].items[i].scores[entry.scorer] for entry in entries})
        for i, item in enumerate(items)
    ]


def _notes(runs: Mapping[str, Results]) -> tuple[str, ...]:
    """Each run's own notes, said once if all share them."""
    common = set.intersection(*(set(results.notes) for results in runs.values()))
    said = [note for note in next(iter(runs.values())).notes if note in common]
    return (*said, *(f"{name}: {note}" for name, r in runs.items() for note in r.notes if note not in common))
