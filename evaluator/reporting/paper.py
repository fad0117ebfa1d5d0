"""A report for papers: every table as CSV and LaTeX, every figure as SVG and PDF, each with the command behind it."""

import re
from collections.abc import Sequence
from importlib import import_module
from itertools import chain, count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, read_probe
from fourfold.evaluator.diagnosis.results import DIAGNOSIS_FILE, Diagnosis, read_diagnosis
from fourfold.evaluator.diagnosis.rows import SIDES as STAGE_SIDES
from fourfold.evaluator.reporting.loading import Material, load_material
from fourfold.evaluator.reporting.pages import facts_of
from fourfold.evaluator.reporting.probe_figures import SIDES, WHAT, Section, margins_of, sections_of
from fourfold.evaluator.reporting.trends import Trend, find_trends
from fourfold.evaluator.reporting.view import NBSP, Numbers, chance_of, headline_row, notes_of
from fourfold.evaluator.reporting.writing import list_tables
from fourfold.evaluator.tables.formats import WRITERS
from fourfold.generator.dataset.reading import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TABLE_FORMS = {"csv": "csv", "tex": "latex"}  # file name ending -> form
FIGURE_FORMS = ("svg", "pdf")
COLORS = {  # by style of the system, as on the page
    "baseline": "#7b8794",
    "dcsm": "#0b5ea8",
    "s1": "#b36b00",
    "s2": "#00775a",
    "s3": "#94477a",
    "s4": "#2c7fb0",
}
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "turned": "v", "cross": "X"}
HATCHES = ("", "////", "....", "xxxx", "----", "++++")  # by model, where there are several
COLUMN, PAGE = 3.3, 6.9  # inches
SMALL = 8  # points
LEGEND_LETTERS = 17  # of that size, an inch
MARK = "<!-- made by `fourfold report --paper`, which writes this folder anew -->"  # how it knows a folder of its own


def write_paper(
    results: Sequence[Path], out: Path, dataset: Path | None = None, *, look: Path | None = None
) -> list[Path]:
    """Write tables/*.csv, tables/*.tex, figures/*.svg, figures/*.pdf and README.md into the folder `out`.

    Same results, same bytes. README.md lists every file under the exact commands that made its numbers; each LaTeX
    file repeats them in a comment. Raises InputError, before anything is written, without matplotlib (the extra
    `plots`) and for a folder that holds anything but an earlier report of this kind.
    """
    _find_matplotlib()
    _check_folder(out)
    material = load_material(results, dataset, look)
    commands = [run.command for run in material.runs]
    (out / "tables").mkdir(parents=True, exist_ok=True)
    write_atomically(out / "README.md", f"{MARK}\n")  # first, so that a run that was cut short can be repeated
    (out / "figures").mkdir(exist_ok=True)
    tables = _write_tables(material, out / "tables", commands)
    names = _names(material.numbers)
    figures = _write_figures(material, out / "figures", names[0] if len(names) == 1 else "models")
    runs = list(zip(material.folders, names, strict=True))
    inside = [_write_geometry(run, out / "figures", n) + _write_diagnosis(run, out / "figures", n) for run, n in runs]
    said = [f"On {'; '.join(facts_of(material.numbers))}.", "", *(f"{note}\n" for note in notes_of(material.numbers))]
    parts = [_listed("Tables", commands, tables, out), _listed("Figures", commands, figures, out)]
    parts += [_listed("Figures", [each], own, out) for each, own in zip(commands, inside, strict=True) if own]
    write_atomically(out / "README.md", "\n".join([MARK, "", *said, *parts]))
    return [*tables, *figures, *chain.from_iterable(inside)]


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder for tables and figures")
    readme = out / "README.md"
    ours = readme.is_file() and readme.read_bytes().startswith(MARK.encode())
    if not ours and out.exists() and (names := sorted(each.name for each in out.iterdir())):
        raise InputError(
            f"{out}: holds something else ({names[0]}); nothing was overwritten. Give --paper a new or empty folder"
        )


def _names(numbers: Sequence[Numbers]) -> list[str]:
    """How the figures of each run begin: its model, and a number where an earlier run has that name."""
    names: list[str] = []
    for each in numbers:
        plain = _slug(each.model)
        names.append(next(name for k in count(1) if (name := plain if k == 1 else f"{plain}-{k}") not in names))
    return names


def _listed(what: str, commands: Sequence[str], paths: Sequence[Path], out: Path) -> str:
    lines = [f"{what} made from the results of:", "", *(f"    {command}" for command in commands), ""]
    return "\n".join([*lines, *(f"- {path.relative_to(out)}" for path in paths), ""])


def _write_figures(material: Material, folder: Path, name: str) -> list[Path]:
    """The figures over all runs: scores, and a curve for each axis of difficulty."""
    written = _save(_scores(material), folder, f"{name}-scores")
    for label, trends in _by_axis(find_trends(material)).items():
        written += _save(_trend(trends, label), folder, f"{name}-{_slug(label)}")
    return written


def _write_geometry(results: Path, folder: Path, name: str) -> list[Path]:
    """The figures of the probe of one run, if it has one."""
    probe = read_probe(results / PROBE_FILE)
    written = []
    for section in sections_of(probe) if probe else ():
        written += _save(_geometry(section), folder, f"{name}-geometry-{_slug(section.name)}")
    return written


def _write_diagnosis(results: Path, folder: Path, name: str) -> list[Path]:
    """The figure of the diagnosis of one run, if it has one."""
    found = read_diagnosis(results / DIAGNOSIS_FILE)
    return _save(_diagnosis(found), folder, f"{name}-diagnosis") if found else []


def _write_tables(material: Material, folder: Path, commands: Sequence[str]) -> list[Path]:
    written = []
    for number, table in enumerate(list_tables(material), start=1):
        for ending, form in TABLE_FORMS.items():
            path = folder / f"{number:02d}-{_slug(table.title)[:60]}.{ending}"
            comments = (
                [f"% {line}\n" for command in commands for line in command.splitlines()] if ending == "tex" else []
            )
            write_atomically(path, "".join(comments) + WRITERS[form](table))
            written.append(path)
    return written


def _scores(material: Material) -> "Figure":
    """Categories side by side, a bar a scorer of every model, with intervals and chance."""
    figure, (axes,) = _figure(PAGE, 2.6, 1)
    shown = [(numbers, system) for numbers in material.numbers for system in numbers.contestants]
    categories = list(dict.fromkeys(name for numbers in material.numbers for name in numbers.categories))
    width = 0.8 / len(shown)
    for s, (numbers, system) in enumerate(shown):
        rows = [headline_row(numbers, category, system) for category in categories]
        known = [(c + (s - (len(shown) - 1) / 2) * width, row) for c, row in enumerate(rows) if row is not None]
        heights = [100 * row.value for _, row in known]
        spread = 100 * _spread([(row.value, row.low, row.high) for _, row in known])
        bars = axes.bar([x for x, _ in known], heights, width * 0.92, yerr=spread, error_kw={"linewidth": 0.8})
        bars.set_label(material.name_of(system))
        for bar in bars:
            bar.set(facecolor=COLORS[system.style], hatch=HATCHES[system.model % len(HATCHES)], edgecolor="white")
    name = "chance"
    for c, category in enumerate(categories):
        found = chance_of([headline_row(numbers, category, system) for numbers, system in shown])
        if found is not None:
            axes.hlines(100 * found.value, c - 0.42, c + 0.42, "black", "dashed", linewidth=0.8, label=name)
            name = "_again"  # names with an underscore stay out of the legend
    axes.set_xticks(range(len(categories)), categories)
    axes.set_ylabel(f"{material.numbers[0].unit} right,{NBSP}%", fontsize=SMALL)
    _legend(figure, axes)
    return figure


def _trend(trends: Sequence[Trend], label: str) -> "Figure":
    """One panel a category, a curve a scorer."""
    figure, panels = _figure(max(COLUMN, PAGE * len(trends) / 4), 2.2, len(trends))
    for axes, trend in zip(panels, trends, strict=True):
        for s, curve in enumerate(trend.curves):
            known = [(i + 0.08 * s, point) for i, point in enumerate(curve.points) if point is not None]
            values = [100 * value for _, (value, _, _) in known]
            errors = [[100 * (v - low) for _, (v, low, _) in known], [100 * (high - v) for _, (v, _, high) in known]]
            axes.errorbar(
                [x for x, _ in known],
                values,
                errors,
                color=COLORS[curve.style],
                marker=MARKERS[curve.mark],
                label=curve.label,
                markersize=3.5,
                linewidth=1.1,
                elinewidth=0.7,
            )
            fitted = [(i + 0.08 * s, 100 * value) for i, value in enumerate(curve.fitted) if value is not None]
            axes.plot(*zip(*fitted, strict=True), color=COLORS[curve.style], linestyle="dotted", linewidth=1.1)
        if trend.chance is not None:
            axes.axhline(100 * trend.chance, color="black", linestyle="dashed", linewidth=0.8)
        axes.set_xticks(range(len(trend.axis.bins)), [each.label for each in trend.axis.bins])
        if max(len(each.label) for each in trend.axis.bins) > 4:
            axes.tick_params("x", rotation=25)
        axes.set_title(trend.category, fontsize=SMALL)
    figure.supxlabel(label, fontsize=SMALL)
    _legend(figure, panels[0])
    return figure


def _geometry(section: Section) -> "Figure":
    """Margins of a section's groups between twin captions, and between twin pictures."""
    figure, panels = _figure(PAGE, 2.0, len(SIDES))
    for axes, (side, name) in zip(panels, SIDES.items(), strict=True):
        margins = margins_of(section, side)
        limit = float(np.abs(margins).max(initial=0)) or 1.0
        shares = np.full(len(margins), 100 / max(1, len(margins)))
        axes.hist(margins, bins=24, range=(-limit, limit), weights=shares, color=COLORS["dcsm"])
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_ylim(auto=True)
        axes.set_title(name, fontsize=SMALL)
        axes.set_xlabel(WHAT[side], fontsize=SMALL)
    panels[0].set_ylabel(f"margins,{NBSP}%", fontsize=SMALL)
    return figure


def _diagnosis(found: Diagnosis) -> "Figure":
    """Bits along the stages, one panel a side, a curve a category."""
    shown = [side for side in STAGE_SIDES if any(row.side == side for row in found.stages)]
    figure, panels = _figure(PAGE, 2.4, len(shown))
    for axes, side in zip(panels, shown, strict=True):
        stages = list(dict.fromkeys(row.stage for row in found.stages if row.side == side))
        for c, (category, style) in enumerate(zip(found.categories, cycle(COLORS))):
            rows = found.of(category, side)
            errors = _spread([(row.bits, row.low, row.high) for row in rows])
            places = [stages.index(row.stage) + 0.06 * c for row in rows]
            marker = list(MARKERS.values())[c % len(MARKERS)]
            drawn = axes.errorbar(places, [row.bits for row in rows], errors, color=COLORS[style], marker=marker)
            drawn.set_label(category)
            drawn.lines[0].set(markersize=3.5, linewidth=1.1)
        axes.set_ylim(-0.1, 1.05)
        axes.set_xticks(range(len(stages)), stages, rotation=40, ha="right")
        axes.set_title(side, fontsize=SMALL)
    panels[0].set_ylabel("bits a group", fontsize=SMALL)
    _legend(figure, panels[0])
    return figure


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, names = axes.get_legend_handles_labels()
    columns = max(
        1, min(len(names), int(LEGEND_LETTERS * figure.get_figwidth()) // (4 + max(map(len, names), default=1)))
    )
    figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False, fontsize=SMALL)


def _find_matplotlib() -> None:
    try:
        import_module("matplotlib")
    except ImportError:
        raise InputError("figures for papers need matplotlib: pip install 'fourfold[plots]'") from None


def _figure(width: float, height: float, panels: int) -> tuple["Figure", Sequence["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=SMALL - 1)
        each.set_ylim(0, 103)
    return figure, axes


def _save(figure: "Figure", folder: Path, name: str) -> list[Path]:
    from matplotlib import rc_context

    # without dates and with fixed names inside, the same results give the same bytes
    same: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    paths = [folder / f"{name}.{form}" for form in FIGURE_FORMS]
    with rc_context({"svg.hashsalt": "fourfold", "pdf.fonttype": 42}):
        for path, form in zip(paths, FIGURE_FORMS, strict=True):
            figure.savefig(path, metadata=same[form])
    return paths


def _spread(points: Sequence[tuple[float, float | None, float | None]]) -> np.ndarray:
    """How far the interval of each (value, low, high) reaches below and above it, [2, n]; 0 where there is none."""
    found = np.array([[value if end is None else end for end in (value, low, high)] for value, low, high in points])
    value, low, high = found.reshape(-1, 3).T
    return np.maximum([value - low, high - value], 0)


def _by_axis(trends: Sequence[Trend]) -> dict[str, list[Trend]]:
    found: dict[str, list[Trend]] = {}
    for trend in trends:
        found.setdefault(trend.axis.label, []).append(trend)
    return found


def _slug(text: str) -> str:
    """A file name of plain letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"
