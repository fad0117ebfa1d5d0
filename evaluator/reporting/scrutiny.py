"""What a referee asks of a report beyond its differences and tests: the tables at the end of its details."""

from collections.abc import Sequence
from dataclasses import replace

from fourfold.evaluator.analysis.calibration import calibration, calibration_table
from fourfold.evaluator.analysis.difficulty_slopes import difficulty_slopes, slopes_table
from fourfold.evaluator.analysis.equivalence import MARGIN, equivalence_table
from fourfold.evaluator.analysis.marks import explain_signs
from fourfold.evaluator.analysis.reliability import find_reliability, merge_systems, reliability_table
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.threshold_accuracy import threshold_accuracy, threshold_table
from fourfold.evaluator.reporting.view import Numbers
from fourfold.evaluator.tables.formats import Table


def scrutiny_tables(runs: Sequence[Numbers], *, margin: float = MARGIN, seed: int = 0) -> list[Table]:
    """Reliability over all runs; then for each run equivalence, threshold accuracy, calibration, slopes along axes.

    Controls are left out. `margin` of equivalence in percentage points; `seed` draws halves, parts and resamples.
    """
    names = _distinct([numbers.model for numbers in runs])
    scorers = {name: _ranked(numbers) for name, numbers in zip(names, runs, strict=True)}
    systems = merge_systems({name: each.run for name, each in zip(names, runs, strict=True)}, scorers)
    signs = explain_signs({s: numbers.run.scorers[s] for numbers in runs for s in _ranked(numbers)})
    notes = [*signs, *(note for numbers in runs for note in numbers.run.notes)]
    found = [_with_notes(reliability_table(find_reliability(systems, seed=seed)), notes)]
    for name, numbers in zip(names, runs, strict=True):
        run = _without_controls(numbers.run, scorers[name])
        slopes = slopes_table(difficulty_slopes(run.items), run.scorers)
        accuracy = threshold_table(threshold_accuracy(run.items, seed=seed), run.scorers)
        calibrated = calibration_table(calibration(run.items, logits=_logits(run), seed=seed), run.scorers)
        tables = (equivalence_table(run, margin), accuracy, calibrated, slopes)
        found += [_with_notes(table, run.notes, f"{name}, ") for table in tables]
    return [table for table in found if table is not None]


def _ranked(numbers: Numbers) -> list[str]:
    return [system.scorer for system in numbers.contestants]


def _with_notes(table: Table | None, notes: Sequence[str], start: str = "") -> Table | None:
    """The table with what must be said of its results, and with its title begun."""
    if table is None:
        return None
    return replace(table, title=start + table.title, notes=tuple(dict.fromkeys((*table.notes, *notes))))


def _without_controls(run: Results, scorers: Sequence[str]) -> Results:
    return replace(
        run,
        items=tuple(replace(item, scores={name: item.scores[name] for name in scorers}) for item in run.items),
        scorers={name: run.scorers[name] for name in scorers},
        comparisons=tuple(row for row in run.comparisons if row.scorer in scorers),
    )


def _logits(run: Results) -> list[str]:
    """Scorers whose loss reads their scores as logits, as `fourfold train-head` does: all heads but the authors'."""
    return [name for name in run.settings.get("heads", {}) if not name.startswith("dcsm-ref")]


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number where an earlier one is the same."""
    return [name if name not in names[:i] else f"{name} {names[:i].count(name) + 1}" for i, name in enumerate(names)]
