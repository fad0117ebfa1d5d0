"""The parts of a report below its first screen: difficulty, checks, configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourfold.evaluator.analysis.joint_satisfaction import joint_table
from fourfold.evaluator.analysis.marks import mark_model, mark_scorer
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, probe_table, read_probe
from fourfold.evaluator.analysis.result_tables import comparison_table, metric_cell, metric_table, retrieval_table
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.seed_table import seed_table
from fourfold.evaluator.diagnosis.results import DIAGNOSIS_FILE, diagnosis_tables, read_diagnosis
from fourfold.evaluator.reporting.charts import curves, mark
from fourfold.evaluator.reporting.diagnosis_figure import diagnosis_chart
from fourfold.evaluator.reporting.probe_figures import SIDES, WHAT, sections_of, side_chart
from fourfold.evaluator.reporting.systems import System
from fourfold.evaluator.reporting.trends import Trend
from fourfold.evaluator.reporting.view import NBSP, Numbers, chance_of
from fourfold.evaluator.tables.formats import Table

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
    """One chart with its heading."""

    name: str
    chart: str  # SVG


@dataclass(frozen=True)
class AxisSection:
    """Accuracy against one difficulty axis: one figure for each category."""

    label: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class ProbeSection:
    """One condition of the geometry probe: one figure for captions, one for pictures."""

    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class LegendEntry:
    """How one scorer is drawn in the curves: its name, CSS class and mark."""

    label: str
    style: str
    mark: str  # SVG


@dataclass(frozen=True)
class ConfigurationBlock:
    """Facts about one part of a run, such as its model or its settings: name and value of each."""

    name: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunConfiguration:
    """How a run was made: its command, and facts about model, data, settings, scorers and versions."""

    command: str
    blocks: tuple[ConfigurationBlock, ...]


def difficulty_sections(trends: Sequence[Trend]) -> list[AxisSection]:
    """One section for each difficulty axis, with one chart for each category."""
    by_axis: dict[str, list[Trend]] = {}
    for trend in trends:
        by_axis.setdefault(trend.axis.label, []).append(trend)
    return [AxisSection(label, tuple(_figure(trend) for trend in found)) for label, found in by_axis.items()]


def legend(trends: Sequence[Trend]) -> list[LegendEntry]:
    """The legend of the curves: one entry for each that is drawn in any of them."""
    drawn = {curve.label: curve for trend in trends for curve in trend.curves}
    return [LegendEntry(label, curve.style, mark(curve.mark)) for label, curve in drawn.items()]


def check_tables(numbers: Numbers, folder: Path) -> list[Table]:
    """The tables beside the answer, those that there are: seeds of heads, geometry probe, hard positives, retrieval,
    controls.

    Raises InputError for a `probe.json` in the results folder that is no probe.
    """
    hard = _table(numbers, "hard-positive accuracy", HARD_POSITIVE_NOTE, numbers.systems, ("hard_positive",))
    controls = [system for system in numbers.systems if system.role == "control"]
    # a blind scorer ties on every image comparison, so the group score would flatter the captions
    controlled = _table(numbers, "controls, 2AFC accuracy", CONTROLS_NOTE, controls, ("text_2afc", "text_choice"))
    of_scores = [table for table in (hard, retrieval_table(numbers.run), controlled) if table is not None]
    probe = read_probe(folder / PROBE_FILE)
    measured = [] if probe is None else [probe_table(probe), joint_table(probe.joint, probe.model)]
    diagnosis = read_diagnosis(folder / DIAGNOSIS_FILE)
    measured += [] if diagnosis is None else diagnosis_tables(diagnosis)
    of_seeds = [seed_table(numbers.run)]
    found = [*of_seeds, *measured, *(replace(table, title=f"{numbers.model}, {table.title}") for table in of_scores)]
    return [table for table in found if table is not None]


def detail_tables(numbers: Numbers) -> list[Table]:
    """The table of paired comparisons, then for each category the table of all its metrics."""
    tables = [*filter(None, [comparison_table(numbers.run)])]
    tables += [metric_table(numbers.run, category) for category in numbers.with_all]
    return [replace(table, title=f"{numbers.model}, {table.title}") for table in tables]


def probe_sections(folders: Sequence[Path]) -> list[ProbeSection]:
    """The sections of every `probe.json` that the results folders hold. Raises InputError for one that is no probe."""
    probes = [probe for folder in folders if (probe := read_probe(folder / PROBE_FILE)) is not None]
    return [
        ProbeSection(
            section.title + (f" ({mark_model(probe.model, probe.notes)})" if len(probes) > 1 else ""),
            tuple(Figure(f"{SIDES[side]}: {WHAT[side]}", side_chart(section, side)) for side in SIDES),
        )
        for probe in probes
        for section in sections_of(probe)
    ]


def diagnosis_figures(folders: Sequence[Path]) -> list[Figure]:
    """The figure of every `diagnosis.json` that the results folders hold. Raises InputError for one that is none."""
    found = [each for folder in folders if (each := read_diagnosis(folder / DIAGNOSIS_FILE)) is not None]
    return [Figure(mark_model(each.model, each.notes), diagnosis_chart(each)) for each in found]


def configuration(run: Results) -> RunConfiguration:
    """The exact command, model, data, settings and versions of a run."""
    scorers = {mark_scorer(name, facts): _facts_of(facts) for name, facts in run.scorers.items()}
    blocks = {
        "Model": run.model,
        "Data": run.dataset,
        "Settings": run.settings,
        "Scorers": scorers,
        "Versions": run.versions,
    }
    shown = tuple(
        ConfigurationBlock(name, tuple((key, _plain(value)) for key, value in facts.items()))
        for name, facts in blocks.items()
    )
    return RunConfiguration(run.command or "(made from Python; no command was recorded)", shown)


def _figure(trend: Trend) -> Figure:
    labels = [each.label for each in trend.axis.bins]
    title = f"{trend.category}: share right against {trend.axis.label}, {', '.join(labels)}"
    return Figure(trend.category, curves(trend.curves, labels, chance=trend.chance, title=title))


def _table(numbers: Numbers, title: str, note: str, systems: Sequence[System], metrics: Sequence[str]) -> Table | None:
    """Category x scorer on the first of `metrics` that each category has; None if no category has any."""
    lines = []
    for category in numbers.categories:
        for metric in metrics:
            found = [numbers.metric(category, system.scorer, metric) for system in systems]
            if any(found):
                lines.append((category, *map(metric_cell, found), chance_of(found)))
                break
    header = ("category", *(system.label for system in systems), "chance")
    told = f"{title}, percent, with 95{NBSP}% intervals"
    return Table(told, header, tuple(lines), (note, *numbers.notes)) if lines else None


def _facts_of(facts: Mapping[str, Any]) -> str:
    parts = [f"{facts['n_parameters']:,} parameters"] if facts.get("n_parameters") is not None else []
    if facts.get("set_dependent"):
        parts.append("depends on the other items of the set")
    if facts.get("training_items"):
        parts.append(f"trained on {facts['training_items']:,} of these items")
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
