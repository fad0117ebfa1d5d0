"""Tables as the page's template draws them: each cell a text, small print, and whether it stands out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fourfold.evaluator.reporting.view import interval, points
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table, percent

_PROSE = 60  # letters that no number or name has


@dataclass(frozen=True)
class HtmlCell:
    """One cell of an HTML table."""

    text: str
    detail: str = ""  # the interval
    strong: bool = False

    @property
    def prose(self) -> bool:
        """Whether it is a sentence, which is read in lines of its own."""
        return len(self.text) >= _PROSE


@dataclass(frozen=True)
class HtmlTable:
    """A table ready to be drawn; the first cell of each row names it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[HtmlCell, ...], ...]
    notes: tuple[str, ...] = ()
    sortable: bool = False


def to_html(table: Table, *, best: str = "", sortable: bool = False, said: Collection[str] = ()) -> HtmlTable:
    """A table in percent; `best` "row" or "column" makes the largest share of each stand out, and a note say so.

    Notes among `said` stand elsewhere on the page already.
    """
    lines = table.rows
    tops = {"row": [_top(line) for line in lines], "column": [_top(column) for column in zip(*lines, strict=True)]}
    rows = tuple(
        tuple(
            _cell(cell, {"row": tops["row"][i], "column": tops["column"][j], "": None}[best])
            for j, cell in enumerate(line)
        )
        for i, line in enumerate(lines)
    )
    notes = tuple(note for note in table.notes if note not in said)
    if any(cell.strong for row in rows for cell in row):
        notes = (f"Bold: the highest share of its {best}.", *notes)
    return HtmlTable(table.title, table.header, rows, notes, sortable)


def _cell(cell: Cell, top: float | None) -> HtmlCell:
    if cell is None:
        return HtmlCell(MISSING)
    if not isinstance(cell, Estimate):
        return HtmlCell(f"{cell:,}" if isinstance(cell, int) else cell)
    if not cell.percent:
        return HtmlCell(str(cell))
    if cell.signed:
        return HtmlCell(points(cell.value) + cell.mark, interval(cell.low, cell.high, signed=True))
    strong = top is not None and cell.low is not None and cell.value == top
    return HtmlCell(percent(cell.value) + cell.mark, interval(cell.low, cell.high), strong)


def _top(cells: Sequence[Cell]) -> float | None:
    """The largest of several measured shares; chance and other numbers without an interval do not compete."""
    shares = [c.value for c in cells if isinstance(c, Estimate) and c.low is not None and not c.signed]
    return max(shares) if len(shares) > 1 else None
