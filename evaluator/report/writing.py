"""The main path of a report: results and dataset in, one file out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evaluator.report.difficulty import MIN_CLUSTERS, find_axes
from evaluator.report.entries import Entry, entries_of_groups, entries_of_results
from evaluator.report.explorer import make_blocks
from evaluator.report.groups import Group, read_groups
from evaluator.report.html import render
from evaluator.report.html_tables import HtmlTable, to_html
from evaluator.report.maps import load_maps
from evaluator.report.markdown import render_markdown
from evaluator.report.sections import (
    AxisSection,
    LegendEntry,
    RunConfiguration,
    check_tables,
    configuration,
    difficulty_sections,
    legend,
)
from evaluator.report.systems import System, find_role, list_systems
from evaluator.report.view import (
    CATEGORIES,
    Numbers,
    Panel,
    answer_table,
    lede,
    make_panel,
    matrix,
    with_example,
)
from evaluator.results import Results, load
from evaluator.table_formats import Table
from evaluator.tables import comparison_table, metric_table
from generator.dataset import write_atomically
from scenes.errors import InputError

GROUPS_WITH_PICTURES = 100  # a category
EXPLORER_NOTE = (
    "Each group is two pictures, A and B, and two captions, a true of A, b true of B. Between the four scores stand "
    "the four comparisons as the model has them; a filled sign is one it gets wrong."
)


@dataclass(frozen=True)
class Page:
    """Everything on an HTML page that is written out; its explorer's data come beside it."""

    title: str
    lede: tuple[str, ...]
    facts: tuple[str, ...]
    explorer_title: str
    explorer_note: str
    matrix: HtmlTable | None = None  # of several models
    panels: tuple[Panel, ...] = ()
    answers: tuple[HtmlTable, ...] = ()
    details: tuple[HtmlTable, ...] = ()
    axes: tuple[AxisSection, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    checks: tuple[HtmlTable, ...] = ()
    configuration: tuple[RunConfiguration, ...] = ()
    notes: tuple[str, ...] = ()

    min_groups: int = MIN_CLUSTERS

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Address and name of each part, for the page's menu."""
        there = {
            "answer": ("Answer", self.panels),
            "difficulty": ("Difficulty", self.axes),
            "checks": ("Checks", self.checks),
            "explorer": ("Groups", True),
            "configuration": ("Configuration", self.configuration),
        }
        return [(address, name) for address, (name, content) in there.items() if content]


def write_report(
    results: Sequence[Path], out: Path, dataset: Path | None = None, *, per_category: int = GROUPS_WITH_PICTURES
) -> Path:
    """Write the report on one or several results folders to `out`: Markdown if it ends in .md, else HTML.

    With several folders the explorer switches between their models. `dataset` is the folder that was evaluated; with
    it the page shows pictures, the first `per_category` groups of each category within it and all others linked.
    Raises InputError for a folder that holds no results or no dataset.
    """
    if not results:
        raise InputError("report: no results folder given; name at least one that `fourfold evaluate` wrote")
    runs = [load(Path(folder)) for folder in results]
    systems = list_systems(runs)
    numbers = [Numbers(run, tuple(s for s in systems if s.model == i)) for i, run in enumerate(runs)]
    if out.suffix == ".md":
        return _write(out, _markdown(numbers))
    groups = _groups_of(dataset, runs)
    entries = entries_of_results(runs, systems, groups, dataset)
    axes = find_axes([entry.tags for entry in entries])
    names = [each.model for each in numbers]
    maps = [load_maps(Path(folder)) for folder in results]
    blocks = make_blocks(entries, systems, names, axes, maps, out=out, per_category=per_category)
    first = numbers[0]
    notes = tuple(dict.fromkeys(note for run in runs for note in run.notes))
    page = Page(
        title=_title(numbers),
        lede=tuple(lede(first)),
        facts=tuple(_facts(runs)),
        explorer_title="Group by group",
        explorer_note=EXPLORER_NOTE,
        matrix=to_html(matrix(numbers), best="column", sortable=True) if len(numbers) > 1 else None,
        panels=tuple(_panel(first, category, entries, systems, blocks) for category in first.categories),
        answers=tuple(to_html(answer_table(each), best="row") for each in numbers),
        details=tuple(
            to_html(table, said=notes) for each in numbers for table in (*_comparisons(each), *_metric_tables(each))
        ),
        axes=tuple(difficulty_sections(entries, first, axes, 0)),
        legend=tuple(legend(first)),
        checks=tuple(to_html(table) for each in numbers for table in check_tables(each)),
        configuration=tuple(configuration(run) for run in runs),
        notes=notes,
    )
    return _write(out, render(page, blocks, metadata.version("fourfold")))


def write_browser(dataset: Path, out: Path, *, per_category: int = GROUPS_WITH_PICTURES) -> Path:
    """Write the page that shows a dataset group by group, with no model asked: the explorer without scores."""
    groups = read_groups(Path(dataset))
    entries = entries_of_groups(groups)
    axes = find_axes([entry.tags for entry in entries])
    blocks = make_blocks(entries, [], ["no model"], axes, [None], out=out, per_category=per_category)
    categories = list(dict.fromkeys(entry.category for entry in entries))
    n_images = sum(len(entry.pictures) for entry in entries)
    page = Page(
        title=Path(dataset).resolve().name,
        lede=("Every group is two pictures that differ in one thing and two captions, each true of one picture.",),
        facts=(f"{len(entries):,} groups", f"{n_images:,} pictures", ", ".join(categories)),
        explorer_title="Group by group",
        explorer_note="Captions after the first two are hard positives, true in other words, and further foils.",
        panels=tuple(_bare_panel(category, entries, blocks) for category in categories),
    )
    return _write(out, render(page, blocks, metadata.version("fourfold")))


def _markdown(numbers: Sequence[Numbers]) -> str:
    tables = [matrix(numbers)] if len(numbers) > 1 else []
    for each in numbers:
        tables += [answer_table(each), *_comparisons(each), *check_tables(each), *_metric_tables(each)]
    return render_markdown(_title(numbers), lede(numbers[0]), tables, [configuration(each.run) for each in numbers])


def _comparisons(numbers: Numbers) -> list[Table]:
    return [comparison_table(numbers.run)] if numbers.run.comparisons else []


def _metric_tables(numbers: Numbers) -> list[Table]:
    return [metric_table(numbers.run, category) for category in numbers.with_all]


def _title(numbers: Sequence[Numbers]) -> str:
    if len(numbers) > 1:
        return f"{len(numbers)} models compared"
    with_dcsm = ", and what DCSM changes" if find_role(numbers[0].systems, "dcsm") else ""
    return f"What {numbers[0].model} gets right{with_dcsm}"


def _facts(runs: Sequence[Results]) -> list[str]:
    data = runs[0].dataset
    name = " ".join(str(data[key]) for key in ("name", "split") if data.get(key))
    models = [f"{run.model['name']} ({str(run.model.get('identity', ''))[:12]})" for run in runs]
    return [each for each in (name, f"{len(runs[0].items):,} groups", *models) if each]


def _groups_of(dataset: Path | None, runs: Sequence[Results]) -> Mapping[str, Group]:
    """Those groups of the dataset that were scored; none for a folder of plain pictures."""
    if dataset is None:
        return {}
    if not (dataset / "manifest.json").is_file():
        return {}  # an external benchmark: its pictures are found by the names that results give
    scored = {item.id for run in runs for item in run.items}
    groups = {name: group for name, group in read_groups(dataset).items() if name in scored}
    if not groups:
        raise InputError(f"{dataset}: holds none of the groups that were scored; name the dataset that was evaluated")
    return groups


def _panel(
    numbers: Numbers, category: str, entries: Sequence[Entry], systems: Sequence[System], blocks: Mapping[str, Any]
) -> Panel:
    return _illustrate(make_panel(numbers, category), category, entries, systems, blocks)


def _bare_panel(category: str, entries: Sequence[Entry], blocks: Mapping[str, Any]) -> Panel:
    condition, what = CATEGORIES.get(category, ("", ""))
    n = sum(entry.category == category for entry in entries)
    panel = Panel(category.capitalize(), f"{condition} {n:,} groups".strip(), what, chart="", changes=())
    return _illustrate(panel, category, entries, [], blocks)


def _illustrate(
    panel: Panel, category: str, entries: Sequence[Entry], systems: Sequence[System], blocks: Mapping[str, Any]
) -> Panel:
    """Add the most telling group that carries its pictures: one that DCSM repairs if there is one, in few words."""
    rows = [row for row in blocks["data"]["groups"] if row["category"] == category]
    rows = [row for row in rows if len(row["images"]) == 2 and all(image["picture"] >= 0 for image in row["images"])]
    if not rows:
        return panel
    roles = {system.role: number for number, system in reversed(list(enumerate(systems)))}

    def dullness(row: Mapping[str, Any]) -> tuple[bool, int]:
        before, after = (row["margins"][roles[role]] if role in roles else None for role in ("baseline", "dcsm"))
        repaired = before is not None and after is not None and before <= 0 < after
        return not repaired, sum(len(caption["text"]) for caption in row["captions"][:2])

    row = min(rows, key=dullness)
    pictures = [blocks["pictures"][image["picture"]] for image in row["images"]]
    captions = [caption["text"] for caption in row["captions"][:2]]
    return with_example(panel, pictures, captions, f"group={quote(row['id'], safe='')}")


def _write(out: Path, text: str) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, text)
    return out
