"""The report as Markdown, for a terminal, a pull request or a README."""

from collections.abc import Sequence

from evaluator.report.sections import RunConfiguration
from evaluator.report.view import Table

_SPECIAL = str.maketrans({c: "\\" + c for c in "\\`*_[]<>|#~"} | {"\n": " ", "\r": " "})


def render_markdown(
    title: str, lede: Sequence[str], tables: Sequence[Table], configurations: Sequence[RunConfiguration]
) -> str:
    """One document: the answer, every table, then what was run."""
    parts = [f"# {escape(title)}", *(escape(sentence) for sentence in lede)]
    parts += [part for table in tables for part in _table(table)]
    parts.append("## Configuration")
    for run in configurations:
        parts.append(_code(run.command))
        parts.append(
            "\n".join(f"- {escape(key)}: {escape(value)}" for block in run.blocks for key, value in block.rows)
        )
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it is markup, HTML or a new line."""
    return text.translate(_SPECIAL)


def _table(table: Table) -> list[str]:
    lines = [_line(list(table.head)), "|" + " :--- |" + " ---: |" * (len(table.head) - 1)]
    for row in table.rows:
        cells = [f"{cell.text} ({cell.detail})" if cell.detail else cell.text for cell in row]
        lines.append(_line(cells))
    return [f"## {escape(table.title)}", *([escape(table.note)] if table.note else []), "\n".join(lines)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def _code(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
