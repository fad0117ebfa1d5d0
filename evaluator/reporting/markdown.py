"""The report as Markdown, for a terminal, a pull request or a README."""

from collections.abc import Sequence

from fourfold.evaluator.reporting.sections import RunConfiguration
from fourfold.evaluator.tables.formats import Table, write_markdown

_SPECIAL = str.maketrans({c: "\\" + c for c in "\\`*_[]<>|#~"} | {"\n": " ", "\r": " "})


def render_markdown(
    title: str, lede: Sequence[str], tables: Sequence[Table], configurations: Sequence[RunConfiguration]
) -> str:
    """One document: the answer, every table, then what was run."""
    parts = [f"# {escape(title)}", *(escape(sentence) for sentence in lede)]
    parts += [write_markdown(table).strip() for table in tables]
    parts.append("## Configuration")
    for run in configurations:
        parts.append("\n".join("    " + line for line in run.command.splitlines()))
        parts.append(
            "\n".join(f"- {escape(key)}: {escape(value)}" for block in run.blocks for key, value in block.rows)
        )
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it is markup, HTML or a new line."""
    return text.translate(_SPECIAL)
