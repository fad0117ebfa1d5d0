"""The geometry probe as figures: for each condition, on both sides, the margins of its groups and its distances."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from evaluator.reporting.charts import mark
from evaluator.table_formats import Table
from evaluator.tables import probe_table
from scenes.errors import InputError

PROBE_FILE = "probe.json"
SIDES = {"text": "Captions", "image": "Pictures"}
# Margins between twin captions are those of a picture (A, B), margins between twin pictures those of a caption (a, b).
COLUMNS = {"text": slice(0, 2), "image": slice(2, 4)}
WHAT = {
    "text": "margin of a picture between its twin captions",
    "image": "margin of a caption between its twin pictures",
}
RATIOS = {  # measure -> what the figure calls it
    "twin_distance": "twins (unrelated: 1)",
    "twin_per_paraphrase": "twins (paraphrase: 1)",
    "superposition_distance": "parts (others’: 1)",
}
NOTE = (
    "Above, how many margins lie where: right of the line the cosine ranks rightly, on it the twins are one vector to "
    "the other side. Below, distances, 0 being the same vector: between twins, as a share of that between unrelated "
    "ones and of that between two wordings; from a whole to the sum of its parts, as a share of that to another’s. A "
    "failure is one of the cosine: while twins differ at all, a bilinear score on the same vectors may tell them apart."
)
BINS, PLOT, PITCH, TOP = 24, 84, 36, 18
WIDEST = 1.5  # ratios beyond are drawn at the edge, with their number


@dataclass(frozen=True)
class Probe:
    """What a probe.json holds."""

    model: str
    rows: tuple[Any, ...]  # with the fields of `evaluator.geometry.ProbeRow`
    margins: Mapping[str, np.ndarray]  # category -> [n, 4]

    @property
    def conditions(self) -> list[str]:
        """The conditions that were measured, in order."""
        return sorted({row.condition for row in self.rows})

    def of_condition(self, condition: str) -> list[Any]:
        """The rows on all categories of a condition together."""
        rows = [row for row in self.rows if row.condition == condition]
        return [row for row in rows if row.category == ""] or rows

    def categories(self, condition: str) -> list[str]:
        """The categories of a condition."""
        return list(dict.fromkeys(row.category for row in self.rows if row.condition == condition and row.category))


def read_probe(folder: Path) -> Probe | None:
    """The `probe.json` of a folder; None without one. Raises InputError for a file that is no probe."""
    path = folder / PROBE_FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != ("fourfold-probe", 1):
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        margins = {name: np.array(rows, dtype=float).reshape(-1, 4) for name, rows in content["margins"].items()}
        found = Probe(str(content["model"]), tuple(SimpleNamespace(**row) for row in content["rows"]), margins)
        table_of(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a probe as fourfold writes it ({error}); probe again or remove it") from None
    return found


def table_of(probe: Probe) -> Table:
    """The probe's numbers."""
    return probe_table(cast(Any, probe))


def write_figures(probe: Probe, folder: Path) -> list[Path]:
    """One SVG a condition, captions and pictures side by side: `C1.svg` and so on."""
    from generator.dataset import write_atomically

    paths = []
    for condition in probe.conditions:
        paths.append(folder / f"{condition}.svg")
        write_atomically(paths[-1], _standalone(probe, condition))
    return paths


def side_chart(probe: Probe, condition: str, side: str) -> str:
    """One side of a condition's figure, for the page: histogram of margins, then the ratios of distances."""
    parts, height = _side(probe, condition, side)
    title = f"{condition}, {SIDES[side].lower()}: {WHAT[side]}"
    return (
        f'<svg class="chart" width="100%" height="{height}" role="img" aria-label="{escape(title)}">'
        f'<g class="dcsm">{"".join(parts)}</g></svg>'
    )


def _side(probe: Probe, condition: str, side: str) -> tuple[list[str], int]:
    values = margins_of(probe, condition, side)
    rows = {row.measure: row for row in probe.of_condition(condition) if row.side == side}
    ratios = [(name, rows[measure]) for measure, name in RATIOS.items() if measure in rows]
    parts = _histogram(values)
    parts += [part for i, (name, row) in enumerate(ratios) for part in _ratio(name, row, TOP + PLOT + 34 + i * PITCH)]
    return parts, TOP + PLOT + 34 + PITCH * len(ratios)


def margins_of(probe: Probe, condition: str, side: str) -> np.ndarray:
    """All margins of a condition's groups on one side, two a group."""
    tables = [probe.margins[name][:, COLUMNS[side]].ravel() for name in probe.categories(condition)]
    return np.concatenate(tables) if tables else np.zeros(0)


def _histogram(values: np.ndarray) -> list[str]:
    limit = float(np.abs(values).max(initial=0)) or 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(-limit, limit))
    heights = PLOT * counts / max(1, counts.max(initial=0))
    width, base = 100 / BINS, TOP + PLOT
    above = f"{100 * float((values > 0).mean()) if len(values) else 0:.0f}"
    bars = [
        f'<rect class="bar" x="{i * width + 0.2:.2f}%" y="{base - h:.1f}" width="{width - 0.4:.2f}%" height="{h:.1f}"/>'
        for i, h in enumerate(heights)
        if h
    ]
    return [
        *bars,
        f'<line class="chance tick" x1="50%" x2="50%" y1="{TOP - 4}" y2="{base + 4}"/>',
        f'<text class="label" x="100%" y="12" text-anchor="end">{above} % above 0</text>',
        f'<text class="tick" x="0" y="{base + 16}">−{limit:.2g}</text>',
        f'<text class="tick" x="50%" y="{base + 16}" text-anchor="middle">margin 0</text>',
        f'<text class="tick" x="100%" y="{base + 16}" text-anchor="end">{limit:.2g}</text>',
    ]


def _ratio(name: str, row: Any, top: int) -> list[str]:
    low, high = (row.value if bound is None else bound for bound in (row.low, row.high))
    x, x0, x1 = (f"{100 * min(max(value, 0), WIDEST) / WIDEST:.2f}%" for value in (row.value, low, high))
    form = ".2f" if high < 10 else ".1f"
    one, y = f"{100 / WIDEST:.2f}%", top + 20
    return [
        f'<text class="label" x="0" y="{top + 12}">{escape(name)}</text>',
        f'<text class="number" x="100%" y="{top + 12}" text-anchor="end">{row.value:{form}}'
        f'<tspan class="interval" dx="5">{low:{form}}–{high:{form}}</tspan></text>',
        f'<rect class="track" x="0" y="{y - 3}" width="100%" height="6" rx="1.5"/>',
        f'<line class="chance tick" x1="{one}" x2="{one}" y1="{y - 6}" y2="{y + 6}"/>',
        f'<line class="whisker" x1="{x0}" x2="{x1}" y1="{y}" y2="{y}"/>',
        f'<svg class="mark" x="{x}" y="{y}" overflow="visible">{mark("circle")}</svg>',
    ]


_STYLE = """
text { font: 12px sans-serif; fill: #1b222c } .tick, .interval { fill: #55606e; font-size: 11px }
.number { font-weight: 600 } .interval { font-weight: 400 } h1 { font-weight: 600 }
.bar, .mark { fill: #0b5ea8 } .track { fill: #eceeed } .whisker { stroke: #1b222c; stroke-width: 1.25 }
.chance { stroke: #1b222c; stroke-width: 1.5 }
"""
WIDTH, MARGIN, HEAD = 380, 24, 56


def _standalone(probe: Probe, condition: str) -> str:
    """A file of its own: white ground, both sides, what is shown."""
    sides = {side: _side(probe, condition, side) for side in SIDES}
    height = HEAD + max(height for _, height in sides.values()) + MARGIN
    width = len(sides) * (WIDTH + MARGIN) + MARGIN
    [satisfied] = [row for row in probe.of_condition(condition) if row.measure == "satisfied"][:1] or [None]
    title = f"{condition} ({', '.join(probe.categories(condition))}) in the space of {probe.model}"
    said = (
        ""
        if satisfied is None
        else f": all four margins positive in {100 * satisfied.value:.0f} % of {satisfied.groups}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{MARGIN}" y="24" style="font-weight: 600">{escape(title)}{escape(said)}</text>',
    ]
    for i, (side, (drawn, own)) in enumerate(sides.items()):
        x = MARGIN + i * (WIDTH + MARGIN)
        parts.append(f'<text class="tick" x="{x}" y="44">{escape(SIDES[side])}: {escape(WHAT[side])}</text>')
        parts.append(
            f'<svg x="{x}" y="{HEAD}" width="{WIDTH}" height="{own}" overflow="visible">{"".join(drawn)}</svg>'
        )
    return "\n".join([*parts, "</svg>", ""])
