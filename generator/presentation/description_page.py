"""The portrait of a dataset as one page: no script, nothing loaded, charts as SVG written by hand."""

from html import escape
from pathlib import Path

from fourfold.errors import InputError
from fourfold.files import write_atomically
from fourfold.generator.presentation.description import Counts, Portrait

_PITCH = 22  # pixels from bar to bar
_HEIGHT = 130  # of the columns of a histogram
_CROWDED = 9  # columns whose names stand upright
_SIGN = 7  # pixels that a sign of a name takes at most, on average
_STYLE = """
:root { --ink: #1c2230; --soft: #667085; --paper: #fbfbfc; --card: #ffffff; --line: #e3e6ec; --bar: #4467c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaf0; --soft: #9aa3b5; --paper: #14171d; --card: #1b1f27; --line: #2d333f; --bar: #7f9cf0; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 28px 20px 60px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 12px; font-size: 26px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 0 0 28px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
main { columns: 340px; column-gap: 16px; }
figure { break-inside: avoid; margin: 0 0 16px; padding: 14px 16px;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
figcaption { margin-bottom: 8px; font-weight: 600; }
figcaption span { color: var(--soft); font-weight: 400; }
svg { display: block; width: 100%; overflow: visible; font: 12px system-ui, sans-serif; }
text { fill: var(--ink); }
.number { fill: var(--soft); }
rect { fill: var(--bar); }
line { stroke: var(--line); }
"""


def write_page(portrait: Portrait, out: str | Path) -> Path:
    """Write the page to `out`, whose name ends in .html; returns its path. Raises InputError for another ending."""
    out = Path(out)
    if out.suffix != ".html":
        raise InputError(f"{out}: the page is HTML; give a name that ends in .html")
    alone = [tally for tally in portrait.tallies if len(tally.rows) == 1]  # one bar is no chart
    said = [(tally.title, f"{name} ({count:,})") for tally in alone for name, count in tally.rows]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in (*portrait.facts, *said))
    figures = "".join(_figure(tally) for tally in portrait.tallies if tally not in alone)
    title = escape(portrait.name)
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    head += f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
    write_atomically(out, f"{head}<body><h1>{title}</h1><dl>{facts}</dl><main>{figures}</main></body></html>\n")
    return out


def _figure(tally: Counts) -> str:
    total = sum(count for _, count in tally.rows)
    chart = _columns(tally) if tally.ordered else _bars(tally)
    caption = f"<figcaption>{escape(tally.title)} <span>{total:,}</span></figcaption>"
    return f"<figure>{caption}{chart}</figure>"


def _bars(tally: Counts) -> str:
    """Horizontal bars, name above number-and-bar never colliding: names left, bars in the right half."""
    most = max(count for _, count in tally.rows)
    long = max(len(name) for name, _ in tally.rows) > 24
    pitch, start, room = (2 * _PITCH - 8, 0.0, 84.0) if long else (_PITCH, 46.0, 40.0)
    parts = []
    for i, (name, count) in enumerate(tally.rows):
        top = i * pitch + (15 if long else 0)
        width = room * count / most
        parts.append(f'<text x="0" y="{i * pitch + 12}">{escape(name)}</text>')
        parts.append(f'<rect x="{start}%" y="{top + 3}" width="{width:.2f}%" height="10" rx="2"/>')
        parts.append(f'<text class="number" x="{start + width + 1.5:.2f}%" y="{top + 12}">{count:,}</text>')
    return _svg(parts, len(tally.rows) * pitch, tally.title)


def _columns(tally: Counts) -> str:
    """A histogram; the names of many bins stand upright."""
    most = max(count for _, count in tally.rows)
    step = 100 / len(tally.rows)
    upright = len(tally.rows) >= _CROWDED or max(len(name) for name, _ in tally.rows) * len(tally.rows) > 42
    floor = _HEIGHT + 18
    parts = [f'<line x1="0" x2="100%" y1="{floor}" y2="{floor}"/>']
    for i, (name, count) in enumerate(tally.rows):
        height, middle = _HEIGHT * count / most, (i + 0.5) * step
        left, width = i * step + 0.1 * step, 0.8 * step
        parts.append(f'<rect x="{left:.2f}%" y="{floor - height:.1f}" width="{width:.2f}%" height="{height:.1f}"/>')
        number = f'x="{middle:.2f}%" y="{floor - height - 4:.1f}" text-anchor="middle"'
        parts.append(f'<text class="number" {number}>{_short(count) if upright else f"{count:,}"}</text>')
        parts.append(_tick(name, middle, floor, upright))
    deepest = max(len(name) for name, _ in tally.rows)
    return _svg(parts, floor + (_SIGN * deepest + 14 if upright else 22), tally.title)


def _tick(name: str, middle: float, floor: float, upright: bool) -> str:
    if not upright:
        return f'<text x="{middle:.2f}%" y="{floor + 16}" text-anchor="middle">{escape(name)}</text>'
    # A nested picture moves with the percentage, so that its text can turn about its own beginning.
    text = f'<text transform="translate(4 8) rotate(90)">{escape(name)}</text>'
    return (
        f'<svg x="{middle:.2f}%" y="{floor}" style="overflow: visible"><g transform="translate(-8 0)">{text}</g></svg>'
    )


def _short(count: int) -> str:
    """At most four signs: "950", "1.2k", "34k", "2M"."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}{sign}" if count < 10 * size else f"{count // size}{sign}"
    return str(count)


def _svg(parts: list[str], height: float, title: str) -> str:
    return f'<svg role="img" aria-label="{escape(title)}" height="{height:.0f}">{"".join(parts)}</svg>'
