"""The geometry probe as figures: for each condition, on both sides, the margins of its groups and its distances."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from fourfold.evaluator.analysis.geometry_measures import RESOLUTION
from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.analysis.probe_results import ProbeResult, ProbeRow
from fourfold.evaluator.reporting.charts import mark
from fourfold.evaluator.tables.formats import percent
from fourfold.generator.dataset.reading import write_atomically

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
class Section:
    """What one figure shows: a condition, its categories together; a category alone where none were put together."""

    condition: str
    categories: tuple[str, ...]
    rows: tuple[ProbeRow, ...]  # those on just these categories
    margins: np.ndarray  # [n, 4]
    name: str  # of its file, and so nothing that could lead elsewhere

    @property
    def title(self) -> str:
        """The heading of the figure: condition and categories."""
        return f"{self.condition}: {', '.join(self.categories)}"


def sections_of(probe: ProbeResult) -> list[Section]:
    """One section for each condition, in order; categories that no condition joins ("beyond") have one each."""
    found: list[Section] = []
    for condition in sorted({row.condition for row in probe.rows}):
        rows = [row for row in probe.rows if row.condition == condition]
        names = tuple(dict.fromkeys(row.category for row in rows if row.category))
        together = [row for row in rows if not row.category]
        if together or len(names) == 1:
            found.append(_section(probe, condition, names, together or rows, condition))
        else:
            alone = [(name, [row for row in rows if row.category == name]) for name in names]
            found += [_section(probe, condition, (name,), own, f"{condition}-{name}") for name, own in alone]
    return found


def _section(
    probe: ProbeResult, condition: str, categories: tuple[str, ...], rows: list[ProbeRow], name: str
) -> Section:
    margins = np.concatenate([probe.margins.get(each, np.zeros((0, 4))) for each in categories])
    return Section(condition, categories, tuple(rows), margins, re.sub(r"[^\w+-]+", "-", name))


def write_figures(probe: ProbeResult, folder: Path) -> list[Path]:
    """Write one SVG for each section, captions and pictures side by side: `C1.svg`, `beyond-counting.svg` and so on."""
    paths = []
    for section in sections_of(probe):
        paths.append(folder / f"{section.name}.svg")
        write_atomically(paths[-1], _standalone(section, mark_model(probe.model, probe.notes)))
    return paths


def side_chart(section: Section, side: str) -> str:
    """SVG of one side ("text" or "image") of a section: histogram of its margins, then its ratios of distances."""
    parts, height = _side(section, side)
    title = f"{section.title}, {SIDES[side].lower()}: {WHAT[side]}"
    return (
        f'<svg class="chart" width="100%" height="{height}" role="img" aria-label="{escape(title)}">'
        f'<g class="dcsm">{"".join(parts)}</g></svg>'
    )


def _side(section: Section, side: str) -> tuple[list[str], int]:
    rows = {row.measure: row for row in section.rows if row.side == side}
    ratios = [(name, rows[measure]) for measure, name in RATIOS.items() if measure in rows]
    parts = _histogram(margins_of(section, side))
    parts += [part for i, (name, row) in enumerate(ratios) for part in _ratio(name, row, TOP + PLOT + 34 + i * PITCH)]
    return parts, TOP + PLOT + 34 + PITCH * len(ratios)


def margins_of(section: Section, side: str) -> np.ndarray:
    """All margins [2 * n] of a section's n groups on one side ("text" or "image"), two a group, in units of cosine."""
    return section.margins[:, COLUMNS[side]].ravel()


def _histogram(values: np.ndarray) -> list[str]:
    limit = float(np.abs(values).max(initial=0)) or 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(-limit, limit))
    heights = PLOT * counts / max(1, counts.max(initial=0))
    width, base = 100 / BINS, TOP + PLOT
    above = percent(float((values > RESOLUTION).mean()) if len(values) else 0)  # as the probe counts
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


def _ratio(name: str, row: ProbeRow, top: int) -> list[str]:
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


def _standalone(section: Section, model: str) -> str:
    """A file of its own: white ground, both sides, what is shown."""
    sides = {side: _side(section, side) for side in SIDES}
    height = HEAD + max(height for _, height in sides.values()) + MARGIN
    width = len(sides) * (WIDTH + MARGIN) + MARGIN
    satisfied = next((row for row in section.rows if row.measure == "satisfied"), None)
    title = f"{section.condition} ({', '.join(section.categories)}) in the space of {model}"
    said = (
        ""
        if satisfied is None
        else f": all four margins positive in {percent(satisfied.value)} % of {satisfied.groups}"
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
