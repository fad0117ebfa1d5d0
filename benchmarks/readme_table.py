"""Write the README's results table from the stored results: python benchmarks/readme_table.py

The stored results are what `make demo` wrote to demo/results, copied to data_cards/results/fourfold-demo. A test fails
when README and stored results disagree.
"""

from pathlib import Path

from evaluator.results import Results, load
from evaluator.table_formats import write_markdown
from evaluator.tables import category_table

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
STORED = ROOT / "data_cards" / "results" / "fourfold-demo"
START, END = (
    "<!-- demo table: written by `python benchmarks/readme_table.py`, checked by a test -->",
    "<!-- end of demo table -->",
)


def table(results: Results) -> str:
    """The Markdown between the two marks."""
    head = (
        f"`{results.command}`, seed {results.dataset['seed']} of the scenes and {results.settings['seed']} of the "
        f"evaluation, {results.versions['platform']}. Share of groups with all four comparisons right:"
    )
    return f"{START}\n{head}\n\n{write_markdown(category_table(results))}\n{END}"


def with_table(text: str, results: Results) -> str:
    """The README with its table replaced."""
    before, rest = text.split(START)
    return before + table(results) + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8"), load(STORED)), encoding="utf-8")
    print(f"{README}: table of {STORED.name} written")
