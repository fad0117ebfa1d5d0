"""The parts of a report below its first screen: difficulty, checks, configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from evaluator.report.charts import MARKS, Curve, curves, mark
from evaluator.report.difficulty import Axis, accuracy, as_number
from evaluator.report.entries import Entry, margin
from evaluator.report.systems import System
from evaluator.report.view import NBSP, Numbers, chance_of, estimate
from evaluator.results import Results
from evaluator.table_formats import Table

HARD_POSITIVE_NOTE = (
    "Hard positives: a second true caption of each picture, in another wording, must beat the adversarial one too. "
    "A model that only knows one wording loses here."
)
CONTROLS_NOTE = (
    "Controls: scorers that see no picture, the wrong picture, or draw at random must find the true caption of a "
    "picture no more often than chance; the oracle, which knows the truth, always."
)


@dataclass(frozen=True)
class Figure:
    """One chart with its name."""

    name: str
    chart: str  # SVG


@dataclass(frozen=True)
class AxisSection:
    """Accuracy against one axis, a figure a category."""

    label: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class LegendEntry:
    """One scorer's mark and name."""

    label: str
    style: str
    mark: str  # SVG


@dataclass(frozen=True)
class Block:
    """A named list of facts."""

    name: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunConfiguration:
    """What was run, and with what."""

    command: str
    blocks: tuple[Block, ...]


def difficulty_sections(
    entries: Sequence[Entry], numbers: Numbers, axes: Sequence[Axis], first: int
) -> list[AxisSection]:
    """One section an axis that says anything; `first` is the number `Entry.scores` gives the run's first system."""
    shown = [(first + i, system) for i, system in enumerate(numbers.systems) if system.role != "control"]
    right = {number: _right(entries, number) for number, _ in shown}
    sections = []
    for axis in axes:
        figures = [_figure(axis, category, entries, numbers, shown, right) for category in numbers.categories]
        known = tuple(figure for figure in figures if figure is not None)
        if known:
            sections.append(AxisSection(axis.label, known))
    return sections


def legend(numbers: Numbers) -> list[LegendEntry]:
    """Which mark is whose in the curves."""
    marks = cycle(MARKS)
    return [LegendEntry(s.label, s.style, mark(next(marks))) for s in numbers.contestants]


def check_tables(numbers: Numbers) -> list[Table]:
    """Hard positives and controls: what must hold before a gain means anything."""
    hard = _table(numbers, "Hard-positive accuracy", HARD_POSITIVE_NOTE, numbers.systems, ("hard_positive",))
    controls = [system for system in numbers.systems if system.role == "control"]
    # a blind scorer ties on every image comparison, so the group score would flatter the captions
    controlled = _table(numbers, "Controls, two-way accuracy", CONTROLS_NOTE, controls, ("text_two_way", "text_choice"))
    return [table for table in (hard, controlled) if table is not None]


def configuration(run: Results) -> RunConfiguration:
    """The exact command, model, data, settings and versions of a run."""
    scorers = {name: _facts_of(facts) for name, facts in run.scorers.items()}
    blocks = {
        "Model": run.model,
        "Data": run.dataset,
        "Settings": run.settings,
        "Scorers": scorers,
        "Versions": run.versions,
    }
    shown = tuple(
        Block(name, tuple((key, _plain(value)) for key, value in facts.items())) for name, facts in blocks.items()
    )
    return RunConfiguration(run.command or "(made from Python; no command was recorded)", shown)


def _right(entries: Sequence[Entry], number: int) -> np.ndarray:
    found = [entry.scores.get(number) for entry in entries]
    pairs = zip(entries, found, strict=True)
    return np.array([np.nan if each is None else float(margin(entry.truth, each) > 0) for entry, each in pairs])


def _figure(
    axis: Axis,
    category: str,
    entries: Sequence[Entry],
    numbers: Numbers,
    shown: Sequence[tuple[int, System]],
    right: Mapping[int, np.ndarray],
) -> Figure | None:
    members = [i for i, e in enumerate(entries) if e.category == category and not np.isnan(right[shown[0][0]][i])]
    values = [as_number(entries[i].tags.get(axis.name)) for i in members]
    clusters = [entries[i].cluster for i in members]
    series = [
        Curve(system.label, tuple(accuracy(axis, values, right[number][members], clusters)), system.style)
        for number, system in shown
    ]
    if sum(point is not None for point in series[0].points) < 2:
        return None
    row = numbers.metric(category, shown[0][1].scorer, numbers.headline(category))
    labels = [each.label for each in axis.bins]
    title = f"{category}: share right against {axis.label}, {', '.join(labels)}"
    return Figure(category, curves(series, labels, chance=row.chance if row else None, title=title))


def _table(numbers: Numbers, title: str, note: str, systems: Sequence[System], metrics: Sequence[str]) -> Table | None:
    """Category x scorer on the first of `metrics` that each category has; None if no category has any."""
    lines = []
    for category in numbers.categories:
        for metric in metrics:
            found = [numbers.metric(category, system.scorer, metric) for system in systems]
            if any(found):
                lines.append((category, *map(estimate, found), chance_of(found)))
                break
    header = ("category", *(system.label for system in systems), "chance")
    return Table(f"{title}, percent, with 95{NBSP}% intervals", header, tuple(lines), (note,)) if lines else None


def _facts_of(facts: Mapping[str, Any]) -> str:
    parts = [f"{facts['n_parameters']:,} parameters"] if facts.get("n_parameters") is not None else []
    if facts.get("set_dependent"):
        parts.append("depends on the other items of the set")
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
