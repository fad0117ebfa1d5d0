"""The report as Markdown, for a terminal, a pull request or a README."""

from collections.abc import Sequence

from fourfold.evaluator.reporting.lead import Lead
from fourfold.evaluator.reporting.sections import RunConfiguration
from fourfold.evaluator.tables.formats import Table, write_markdown

_SPECIAL = str.maketrans({c: "\\" + c for c in "\\`*_[]<>|#~"} | {"\n": " ", "\r": " "})


def render_markdown(
    title: str, lead: Lead, facts: Sequence[str], tables: Sequence[Table], configurations: Sequence[RunConfiguration]
) -> str:
    """The whole document: title, the answer in sentences, what was asked, every table, then how each run was made."""
    parts = [f"# {escape(title)}", escape(lead.verdict)]
    parts.append("\n".join(f"- **{escape(name)}**: {escape(sentence)}" for name, sentence in lead.categories))
    parts += [escape(sentence) for sentence in (*lead.reading, " · ".join(facts))]
    parts += [write_markdown(table).strip() for table in tables]
    parts.append("## Configuration")
    for run in configurations:
        parts.append("\n".join("    " + line for line in run.command.splitlines()))
        parts.append(
            "\n".join(f"- {escape(key)}: {escape(value)}" for block in run.blocks for key, value in block.rows)
        )
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """The text escaped, so that Markdown shows it as it is, on one line: nothing in it is markup or HTML."""
    return text.translate(_SPECIAL)
