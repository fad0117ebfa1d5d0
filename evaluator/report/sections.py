"""The parts of a report below its first screen: difficulty, checks, configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.report.charts import MARKS, Curve, curves, mark
from evaluator.report.difficulty import Axis, accuracy, as_number
from evaluator.report.entries import Entry, margin
from evaluator.report.systems import System
from evaluator.report.view import Cell, Numbers, Table, interval
from evaluator.results import Results

HARD_POSITIVE_NOTE = (
    "Hard positives: a second true caption of each picture, in another wording, must beat the adversarial one too. "
    "A model that only knows one wording loses here."
)
CONTROLS_NOTE = (
    "Controls: scorers that see no picture, the wrong picture, or draw at random must be at chance; the oracle, which "
    "knows the truth, must be at 100."
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
    shown = [system for system in numbers.systems if system.role != "control"]
    return [LegendEntry(s.label, s.style, mark(MARKS[i % len(MARKS)])) for i, s in enumerate(shown)]


def check_tables(numbers: Numbers) -> list[Table]:
    """Hard positives and controls: what must hold before a gain means anything."""
    tables = []
    hard = [_hard_positive_row(numbers, category) for category in numbers.categories]
    if any(hard):
        head = ("category", *(system.label for system in numbers.systems), "chance")
        rows = tuple(row for row in hard if row)
        note = HARD_POSITIVE_NOTE
        tables.append(Table("Hard-positive accuracy, percent, with 95 % intervals", head, rows, note))
    controls = [system for system in numbers.systems if system.role == "control"]
    if controls:
        head = ("category", *(system.label for system in controls), "chance")
        rows = tuple(
            _score_row(numbers, category, controls, numbers.headline(category)) for category in numbers.categories
        )
        note = CONTROLS_NOTE
        tables.append(Table("Controls, percent, with 95 % intervals", head, rows, note))
    return tables


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


def _hard_positive_row(numbers: Numbers, category: str) -> tuple[Cell, ...]:
    has = any(numbers.metric(category, system.scorer, "hard_positive") for system in numbers.systems)
    return _score_row(numbers, category, numbers.systems, "hard_positive") if has else ()


def _score_row(numbers: Numbers, category: str, systems: Sequence[System], metric: str) -> tuple[Cell, ...]:
    found = [numbers.metric(category, system.scorer, metric) for system in systems]
    cells = [Cell(f"{100 * row.value:.0f}", interval(row.low, row.high)) if row else Cell("") for row in found]
    return (Cell(category), *cells, Cell(next((f"{100 * row.chance:.0f}" for row in found if row), "")))


def _facts_of(facts: Mapping[str, Any]) -> str:
    parts = [f"{facts['n_parameters']:,} parameters"] if facts.get("n_parameters") is not None else []
    if facts.get("set_dependent"):
        parts.append("depends on the other items of the set")
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
