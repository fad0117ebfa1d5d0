"""One `Table` and its writers: aligned text for the terminal, Markdown, CSV, LaTeX, and HTML for notebooks."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import chain

from fourfold.errors import unknown_name

MISSING = "–"


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, as it stands in a cell: a share, shown in percent, or a plain number."""

    value: float
    low: float | None = None
    high: float | None = None
    mark: str = ""  # what a footnote explains
    signed: bool = False
    percent: bool = True

    def __str__(self) -> str:
        write = percent if self.percent else "{:.3f}".format
        number = write(self.value)
        text = f"+{number}" if self.signed and not number.startswith("-") else number
        if self.low is not None and self.high is not None:
            text += f" [{write(self.low)}, {write(self.high)}]"
        return text + self.mark


def percent(share: float) -> str:
    """A share in percent as every table, chart and sentence writes it: to one decimal, without the sign."""
    return f"{100 * share:.1f}"


Cell = str | int | Estimate | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under one header, what it shows and what must be said about it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def write_table(table: Table, form: str) -> str:
    """The table in one of the forms of `WRITERS`; ends in a line break."""
    if form not in WRITERS:
        raise unknown_name("table format", form, WRITERS)
    return WRITERS[form](table)


def write_text(table: Table) -> str:
    """For the terminal: aligned columns, numbers to the right."""
    rows = [table.header, *([_text(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    numeric = _numeric_columns(table)
    lines = [
        "  ".join(
            cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, numeric, strict=True)
        )
        for row in rows
    ]
    rule = "  ".join("-" * width for width in widths)
    return _join([table.title, "", lines[0], rule, *lines[1:], *([""] if table.notes else []), *table.notes])


def write_markdown(table: Table) -> str:
    """A GitHub table under a bold title, notes below."""
    rule = ["--:" if right else ":--" for right in _numeric_columns(table)]
    rows = [[_escape(name, _MARKDOWN) for name in table.header], rule]
    rows += [[_markdown_cell(cell) for cell in row] for row in table.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"- {_escape(note, _MARKDOWN)}" for note in table.notes]
    return _join([f"**{_escape(table.title, _MARKDOWN)}**", "", *lines, *([""] if notes else []), *notes])


def write_csv(table: Table) -> str:
    """Numbers as fractions, not percent; a column of intervals becomes three.

    Title, notes and the marks of numbers are left out.
    """
    bounded = [any(_has_interval(row[i]) for row in table.rows) for i in range(len(table.header))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [
        [name, f"{name} low", f"{name} high"] if b else [name] for name, b in zip(table.header, bounded, strict=True)
    ]
    writer.writerow(chain.from_iterable(names))
    for row in table.rows:
        writer.writerow(chain.from_iterable(_csv_fields(cell, b) for cell, b in zip(row, bounded, strict=True)))
    return out.getvalue()


def write_latex(table: Table) -> str:
    """A `table` with booktabs rules, everything escaped; notes follow the title in the caption."""
    columns = "".join("r" if right else "l" for right in _numeric_columns(table))
    rows = [
        [_escape(name, _LATEX) for name in table.header],
        *([_latex_cell(cell) for cell in row] for row in table.rows),
    ]
    lines = [" & ".join(row) + r" \\" for row in rows]
    caption = ". ".join(_escape(text.removesuffix("."), _LATEX) for text in (table.title, *table.notes))
    body = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    start = [r"\begin{table}", r"\centering", rf"\caption{{{caption}.}}", rf"\begin{{tabular}}{{{columns}}}"]
    return _join([*start, *body, r"\end{tabular}", r"\end{table}"])


def write_html(table: Table) -> str:
    """A plain `table` element under its title, for notebooks; everything escaped."""
    sides = ["right" if right else "left" for right in _numeric_columns(table)]
    head, *rows = ([*table.header], *([_text(cell) for cell in row] for row in table.rows))
    lines = [
        "<tr>"
        + "".join(
            f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>' for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for tag, row in [("th", head), *(("td", row) for row in rows)]
    ]
    notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in table.notes)
    body = f"<thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody>"
    return f"<div><p><b>{escape(table.title)}</b></p><table>{body}</table>{notes}</div>\n"


WRITERS: dict[str, Callable[[Table], str]] = {
    "text": write_text,
    "markdown": write_markdown,
    "csv": write_csv,
    "latex": write_latex,
    "html": write_html,
}

_MARKDOWN = {**{sign: f"\\{sign}" for sign in "\\`*_|<>[]#~"}, "\n": " "}
_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # bare, at the start of a row, it is read as an argument of the line break before it
    "]": "{]}",
    "*": "{*}",  # likewise
    MISSING: "--",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "§": r"\S{}",
    "▽": r"$\bigtriangledown$",
    "≈": r"$\approx$",
    "\n": " ",
}


def _escape(text: str, signs: Mapping[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in text)


def _markdown_cell(cell: Cell) -> str:
    # the brackets of an interval are no link, and stay readable
    return _text(cell).replace("*", r"\*") if isinstance(cell, Estimate) else _escape(_text(cell), _MARKDOWN)


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        marks = {"-": "$-$", "*": "$^{*}$", "▽": r"$^{\bigtriangledown}$", "≈": r"$^{\approx}$"}
        return "".join(marks.get(sign, sign) for sign in str(cell))
    return _escape(_text(cell), _LATEX)


def _text(cell: Cell) -> str:
    return MISSING if cell is None else str(cell)


def _join(lines: Iterable[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _numeric_columns(table: Table) -> list[bool]:
    """Columns that hold a number in every row, missing ones aside."""
    return [
        all(row[i] in (None, MISSING) or isinstance(row[i], int | Estimate) for row in table.rows)
        for i in range(len(table.header))
    ]


def _has_interval(cell: Cell) -> bool:
    return isinstance(cell, Estimate) and cell.low is not None


def _csv_fields(cell: Cell, bounded: bool) -> list[str | int | float | None]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high] if bounded else [cell.value]
    given = None if cell == MISSING else cell
    return [given, None, None] if bounded else [given]
