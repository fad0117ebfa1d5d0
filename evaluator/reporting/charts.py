"""Charts as hand-written SVG: bars with intervals and chance, curves over bins.

Horizontal positions are percentages of the figure's width, so that a chart fills whatever room it is given while its
type keeps one size; the colors are CSS classes, so that light and dark are the page's choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from fourfold.evaluator.tables.formats import percent

BAR_HEIGHT = 9
BAR_PITCH = 39  # one line of type, the bar, and air
NUMBER_LINE = 15
LONG_NAME = 14  # letters that leave room for number and interval beside them in the narrowest panel
PLOT_HEIGHT = 150
TICK_LINE = 14
LONG_TICKS = 24  # letters that fit in one line below the narrowest plot
GUTTER = 7  # percent of the width, for the names of the grid lines


@dataclass(frozen=True)
class Bar:
    """One bar: `value`, `low` and `high` are fractions from 0 to 1; `style` is a CSS class."""

    label: str
    value: float
    low: float
    high: float
    style: str


@dataclass(frozen=True)
class Curve:
    """One curve over bins: a `(value, low, high)` a bin, None where the bin has too few items to say."""

    label: str
    points: tuple[tuple[float, float, float] | None, ...]
    style: str
    mark: str  # a shape that `mark` draws
    fitted: tuple[float | None, ...] = ()  # what a fitted curve says in each bin; empty without one


def bars(rows: Sequence[Bar], *, chance: float | None, title: str) -> str:
    """Horizontal bars one under another, each with name, number and interval; a stroke marks chance on every bar.

    Where a name is long, the numbers of all stand in a line below the names.
    """
    drop = NUMBER_LINE if max((len(row.label) for row in rows), default=0) > LONG_NAME else 0
    pitch = BAR_PITCH + drop
    parts = [_bar(row, pitch * i, drop) for i, row in enumerate(rows)]
    if chance is not None:
        parts.append(_chance_marks(chance, len(rows), pitch, drop))
    return _figure(parts, pitch * len(rows) + 8, title)


def curves(series: Sequence[Curve], bins: Sequence[str], *, chance: float | None, title: str) -> str:
    """Value against bin, one curve a scorer, with intervals; bins stand at equal distances whatever their width."""
    parts = [_grid_line(value) for value in (0.0, 0.5, 1.0)]
    if chance is not None:
        y = _y(chance)
        parts.append(f'<line class="chance" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
    step = min(2.0, 0.8 * (100 - GUTTER) / len(bins) / len(series))  # many curves stay within their bin
    for offset, curve in enumerate(series):
        parts += _curve(curve, _bin_centres(len(bins), shift=step * (offset - (len(series) - 1) / 2)))
    lines = 2 if sum(map(len, bins)) > LONG_TICKS else 1  # names that would touch stand in turns
    for i, (x, name) in enumerate(zip(_bin_centres(len(bins), 0.0), bins, strict=True)):
        y = PLOT_HEIGHT + 28 + TICK_LINE * (i % lines)
        parts.append(f'<text class="tick" x="{x:.2f}%" y="{y}" text-anchor="middle">{escape(name)}</text>')
    return _figure(parts, PLOT_HEIGHT + 36 + TICK_LINE * (lines - 1), title)


def _bar(row: Bar, top: int, drop: int) -> str:
    y = top + drop + 18
    middle = y + BAR_HEIGHT / 2
    return (
        f'<g class="{escape(row.style)}">'
        f'<text class="label" x="0" y="{top + 12}">{escape(row.label)}</text>'
        f'<text class="number" x="100%" y="{top + drop + 12}" text-anchor="end">{percent(row.value)}'
        f'<tspan class="interval" dx="5">{percent(row.low)}–{percent(row.high)}</tspan></text>'
        f'<rect class="track" x="0" y="{y}" width="100%" height="{BAR_HEIGHT}" rx="1.5"/>'
        f'<rect class="bar" x="0" y="{y}" width="{100 * row.value:.2f}%" height="{BAR_HEIGHT}" rx="1.5"/>'
        + "".join(
            f'<line class="{name}" x1="{100 * row.low:.2f}%" x2="{100 * row.high:.2f}%" y1="{middle}" y2="{middle}"/>'
            for name in ("halo", "whisker")
        )
        + "</g>"
    )


def _chance_marks(chance: float, n_rows: int, pitch: int, drop: int) -> str:
    """A stroke across every bar at chance, named once below them; a line through all would cut through the type."""
    x = f"{100 * chance:.2f}%"
    tops = [pitch * i + drop + 16 for i in range(n_rows)]
    strokes = "".join(
        f'<line class="chance tick" x1="{x}" x2="{x}" y1="{top}" y2="{top + BAR_HEIGHT + 4}"/>' for top in tops
    )
    below = pitch * n_rows + 4
    name = f'<text class="tick" x="{x}" y="{below}" text-anchor="{_anchor(chance)}">chance {percent(chance)}</text>'
    return strokes + name


def _curve(curve: Curve, xs: Sequence[float]) -> list[str]:
    known = [(x, point) for x, point in zip(xs, curve.points, strict=True) if point is not None]
    parts = [f'<g class="{escape(curve.style)}">']
    for (x0, start), (x1, end) in pairwise(known):
        parts.append(
            f'<line class="curve" x1="{x0:.2f}%" x2="{x1:.2f}%" y1="{_y(start[0]):.1f}" y2="{_y(end[0]):.1f}"/>'
        )
    model = [(x, value) for x, value in zip(xs, curve.fitted, strict=False) if value is not None]
    for (x0, start_y), (x1, end_y) in pairwise(model):
        parts.append(
            f'<line class="fitted" x1="{x0:.2f}%" x2="{x1:.2f}%" y1="{_y(start_y):.1f}" y2="{_y(end_y):.1f}"/>'
        )
    for x, (value, low, high) in known:
        parts.append(f'<line class="spread" x1="{x:.2f}%" x2="{x:.2f}%" y1="{_y(low):.1f}" y2="{_y(high):.1f}"/>')
        parts.append(f'<svg class="mark" x="{x:.2f}%" y="{_y(value):.1f}" overflow="visible">{mark(curve.mark)}</svg>')
    return [*parts, "</g>"]


def mark(shape: str) -> str:
    """SVG of one of the shapes that tell scorers or models apart, drawn around the origin."""
    return {
        "circle": '<circle r="3.5"/>',
        "square": '<rect x="-3.2" y="-3.2" width="6.4" height="6.4"/>',
        "diamond": '<path d="M0-4.6 4.6 0 0 4.6-4.6 0z"/>',
        "triangle": '<path d="M0-4.4 4.2 3.2H-4.2z"/>',
        "turned": '<path d="M0 4.4 4.2-3.2H-4.2z"/>',
        "cross": '<path d="M-4-2.2-2.2-4 0-1.8 2.2-4 4-2.2 1.8 0 4 2.2 2.2 4 0 1.8-2.2 4-4 2.2-1.8 0z"/>',
    }[shape]


def _bin_centres(n_bins: int, shift: float) -> list[float]:
    """Percentages of the width; `shift` moves the curves a little apart so that their intervals can be told apart."""
    return [GUTTER + (100 - GUTTER) * (i + 0.5) / n_bins + shift for i in range(n_bins)]


def _grid_line(value: float) -> str:
    y = _y(value)
    return (
        f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="0" y="{y - 3:.1f}">{100 * value:.0f}{" %" if value == 1 else ""}</text>'
    )


def _y(value: float) -> float:
    return 12 + (1 - value) * PLOT_HEIGHT


def _anchor(fraction: float) -> str:
    return "start" if fraction < 0.15 else "end" if fraction > 0.85 else "middle"


def _figure(parts: Sequence[str], height: float, title: str) -> str:
    return (
        f'<svg class="chart" width="100%" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
