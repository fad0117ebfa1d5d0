"""`adaptive.svg`: for each search the groups that were asked, the fitted curve with its band, and the threshold.

A file that stands by itself, unlike the charts of the page: it brings its colors, and sizes in pixels.
"""

from html import escape
from pathlib import Path

import numpy as np

from fourfold.evaluator.analysis.thresholds import CURVES, AdaptiveResults, Search, named_axis
from fourfold.files import write_atomically

FIGURE_FILE = "adaptive.svg"
_WIDTH, _HEIGHT = 460, 230  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 30, 38  # margins of its plot
_POINTS = 60  # of a curve
_KEY = "share right, 95 % band; marks: groups right (top), wrong (bottom); dashed: target"
_STYLE = (
    "text{font:11px sans-serif;fill:#222}.grid{stroke:#ddd}.band{fill:#0b5ea8;opacity:.18}"
    ".curve{fill:none;stroke:#0b5ea8;stroke-width:2}.target{stroke:#222;stroke-dasharray:4 3}"
    ".interval{stroke:#b36b00;stroke-width:3}.asked{stroke:#222;opacity:.35}"
)


def write_figure(results: AdaptiveResults, folder: Path) -> Path:
    """Write the figure of all searches, a panel each, one under another; returns its path."""
    panels = [_panel(search, _HEIGHT * i) for i, search in enumerate(results.searches)]
    height = _HEIGHT * len(panels)
    size = f'width="{_WIDTH}" height="{height + 24}"'
    key = f'<text x="{_LEFT}" y="{height + 10}">{_KEY}</text>'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{"".join(panels)}{key}</svg>\n'
    write_atomically(folder / FIGURE_FILE, text)
    return folder / FIGURE_FILE


def _panel(search: Search, top: int) -> str:
    posterior = search.posterior
    found = CURVES.threshold(posterior)
    levels = np.linspace(0, 1, _POINTS)
    mean, low, high = CURVES.band(posterior, levels).T
    outline = _path([*zip(levels, low, strict=True), *zip(levels[::-1], high[::-1], strict=True)])
    title = f"{search.category}, {search.scorer}: {len(search.asked)} groups"
    parts = [f'<text x="{_LEFT}" y="18">{escape(title)}</text>']
    for share in (0.0, 0.5, 1.0):
        parts.append(_line("grid", 0, 1, share, share))
        parts.append(f'<text x="{_LEFT - 6}" y="{_y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    parts.append(f'<path class="band" d="{outline}Z"/>')
    parts.append(f'<path class="curve" d="{_path([*zip(levels, mean, strict=True)])}"/>')
    parts.append(_line("target", 0, 1, CURVES.target, CURVES.target))
    if found.verdict == "known":
        parts.append(_line("interval", found.low, found.high, CURVES.target, CURVES.target))
    for each in search.asked:  # right ones hang from the upper edge, wrong ones stand on the lower
        at = float(np.clip(search.within.level(each.value), 0, 1))
        parts.append(_line("asked", at, at, *((1.0, 0.96) if each.right else (0.0, 0.04))))
    for level, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        value = f"{search.within.value(level):.3g}"
        parts.append(f'<text x="{_x(level):.1f}" y="{_y(0) + 14:.1f}" text-anchor="{anchor}">{value}</text>')
    axis = escape(named_axis(search.within.axis))
    parts.append(f'<text x="{_x(0.5):.1f}" y="{_y(0) + 29:.1f}" text-anchor="middle">{axis}</text>')
    return f'<g transform="translate(0 {top})">{"".join(parts)}</g>'


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_x(level):.1f} {_y(share):.1f}" for level, share in points)


def _line(style: str, start: float, end: float, first: float, second: float) -> str:
    """From one level and share to another."""
    return f'<line class="{style}" x1="{_x(start):.1f}" x2="{_x(end):.1f}" y1="{_y(first):.1f}" y2="{_y(second):.1f}"/>'


def _x(level: float) -> float:
    return _LEFT + level * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)
