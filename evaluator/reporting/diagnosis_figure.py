"""The diagnosis as a figure: a row a category, stages from left to right, bits with intervals, where it is lost."""

from collections.abc import Callable
from html import escape
from itertools import pairwise
from pathlib import Path

from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.diagnosis.results import BITS_NOTE, Diagnosis
from fourfold.evaluator.diagnosis.rows import SIDES, StageBits
from fourfold.generator.dataset.reading import write_atomically

NOTE = (
    f"{BITS_NOTE[0].upper()}{BITS_NOTE[1:]}. Gray: the same stages with random weights (dashes) and the probe of "
    "pairings half of which were turned round (dots). A ring marks the stage at which most is lost."
)
LABEL, STEP, GAP, PLOT, HEAD, FOOT = 96, 62, 30, 64, 44, 14
_STYLE = """
.diagnosis text { font: 11px sans-serif; fill: currentColor } .diagnosis .name { font-size: 13px; font-weight: 600 }
.diagnosis .known { stroke: #0b5ea8; stroke-width: 1.8; fill: none } .diagnosis .dot { fill: #0b5ea8 }
.diagnosis .control { stroke: #8a929c; stroke-width: 1.2; fill: none }
.diagnosis .rule { stroke: #8a929c; stroke-width: .5 }
.diagnosis .lost { stroke: #c2410c; stroke-width: 2.2; fill: none }
"""


def diagnosis_chart(result: Diagnosis) -> str:
    """SVG of all categories of a diagnosis; what it shows is in `NOTE`."""
    chains = {side: list(dict.fromkeys(row.stage for row in result.stages if row.side == side)) for side in SIDES}
    places: dict[tuple[str, str], float] = {}
    x = float(LABEL)
    heads = []
    for side, stages in chains.items():
        if stages:
            heads.append(f'<text class="name" x="{x - 14}" y="14">{side}</text>')
        for stage in stages:
            places[side, stage] = x + 8
            heads.append(f'<text x="{x + 8}" y="32" text-anchor="middle">{escape(_short(stage))}</text>')
            x += STEP
        x += GAP if stages else 0
    height = HEAD + (PLOT + FOOT) * len(result.categories)
    parts = [
        part
        for row, category in enumerate(result.categories)
        for part in _row(result, category, HEAD + row * (PLOT + FOOT), places, x - GAP - STEP / 2)
    ]
    said = escape("; ".join(f"{category}: {result.lost_at(category)}" for category in result.categories))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagnosis" viewBox="0 0 {x:.0f} {height}" width="{x:.0f}" '
        f'height="{height}" style="max-width: 100%; height: auto" role="img" aria-label="{said}">'
        f"<style>{_STYLE}</style>{''.join(heads)}{''.join(parts)}</svg>"
    )


def write_figure(result: Diagnosis, path: Path) -> None:
    """The figure as a file of its own, on white, with the name of the model."""
    chart = diagnosis_chart(result)
    title = escape(f"{mark_model(result.model, result.notes)} on {result.dataset}: bits a group, 1 is all")
    inner = chart.replace("<svg ", '<svg y="28" ', 1)
    width, height = (int(chart.partition(f' {name}="')[2].partition('"')[0]) for name in ("width", "height"))
    write_atomically(
        path,
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 32}" color="#1b222c">'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="10" y="20" style="font: 600 14px sans-serif; fill: #1b222c">{title}</text>{inner}</svg>\n',
    )


def _row(result: Diagnosis, category: str, top: float, places: dict[tuple[str, str], float], right: float) -> list[str]:
    def y(bits: float) -> float:
        return top + PLOT * (1 - min(max(bits, -0.15), 1.0))

    parts = [f'<text class="name" x="4" y="{top + PLOT / 2:.0f}">{escape(category)}</text>']
    for bits in (0, 1):
        parts.append(f'<line class="rule" x1="{LABEL - 10}" x2="{right:.0f}" y1="{y(bits):.1f}" y2="{y(bits):.1f}"/>')
        parts.append(f'<text x="{LABEL - 14}" y="{y(bits) + 4:.1f}" text-anchor="end">{bits}</text>')
    for side in SIDES:
        rows = result.of(category, side)
        for name, dash in (("random_weights", "5 3"), ("shuffled", "1 3")):
            known = [(places[side, row.stage], y(value)) for row in rows if (value := getattr(row, name)) is not None]
            parts.append(f'<polyline class="control" stroke-dasharray="{dash}" points="{_points(known)}"/>')
        parts += _known([(places[side, row.stage], row) for row in rows], y)
    for loss in result.losses_of(category)[:1]:
        a, b = places[loss.side, loss.before], places[loss.side, loss.after]
        low = next(row.bits for row in result.of(category, loss.side) if row.stage == loss.after)
        parts.append(
            f'<circle class="lost" cx="{b:.1f}" cy="{y(low):.1f}" r="7"/>'
            f'<text x="{(a + b) / 2 + 12:.1f}" y="{y(low) - 12:.1f}" style="fill: #c2410c">'
            f"−{loss.bits:.2f}</text>"
        )
    return parts


def _known(rows: list[tuple[float, StageBits]], y: Callable[[float], float]) -> list[str]:
    parts = []
    for (x0, one), (x1, other) in pairwise(rows):
        parts.append(
            f'<line class="known" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y(one.bits):.1f}" y2="{y(other.bits):.1f}"/>'
        )
    for x, row in rows:
        if row.low is not None and row.high is not None:
            parts.append(
                f'<line class="known" x1="{x:.1f}" x2="{x:.1f}" y1="{y(row.low):.1f}" y2="{y(row.high):.1f}"/>'
            )
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y(row.bits):.1f}" r="3.5"/>')
    return parts


def _points(known: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in known)


def _short(stage: str) -> str:
    return stage.replace("pooled ", "pooled").removesuffix("image").removesuffix("text").removesuffix("pair").strip()
