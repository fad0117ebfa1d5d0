"""The main path of a report: results and dataset in, one file out."""

from collections.abc import Sequence
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.reporting.difficulty import find_axes
from fourfold.evaluator.reporting.entries import entries_of_groups
from fourfold.evaluator.reporting.explorer import make_blocks
from fourfold.evaluator.reporting.groups import read_groups
from fourfold.evaluator.reporting.html import render
from fourfold.evaluator.reporting.lead import make_lead
from fourfold.evaluator.reporting.loading import Material, load_material
from fourfold.evaluator.reporting.maps import load_maps
from fourfold.evaluator.reporting.markdown import render_markdown
from fourfold.evaluator.reporting.pages import browser_page, facts_of, make_title, report_page
from fourfold.evaluator.reporting.scrutiny import scrutiny_tables
from fourfold.evaluator.reporting.sections import check_tables, configuration, detail_tables
from fourfold.evaluator.reporting.view import answer_table, matrix
from fourfold.evaluator.tables.formats import Table
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.dataset.reading import read_manifest, write_atomically
from fourfold.version import software_version

GROUPS_WITH_PICTURES = 100  # a category


def write_report(
    results: Sequence[Path],
    out: Path,
    dataset: Path | None = None,
    *,
    look: Path | None = None,
    per_category: int = GROUPS_WITH_PICTURES,
) -> Path:
    """Write the report on one or several results folders to `out`: Markdown if it ends in .md, else HTML.

    Lead, first table and charts are over all folders; the explorer switches between their models. `dataset` is the
    folder that was evaluated; with it the page shows pictures, the first `per_category` groups of each category within
    it and all others linked. `look` are results of the first folder's model on the same scenes in another look.
    Raises InputError for another ending, results on different datasets, and a folder that holds no results or not
    the dataset that was evaluated.
    """
    check_ending(out, ".html", ".md")
    material = load_material(results, dataset, look)
    if out.suffix == ".md":
        return write_page(out, _markdown(material))
    maps = [load_maps(folder) for folder in material.folders]
    names = [numbers.model for numbers in material.numbers]
    blocks = make_blocks(
        material.entries, material.systems, names, material.axes, maps, out=out, per_category=per_category
    )
    return write_page(out, render(report_page(material, blocks), blocks, software_version()))


def write_browser(dataset: Path, out: Path, *, per_category: int = GROUPS_WITH_PICTURES) -> Path:
    """Write the page that shows a dataset group by group, with no model asked: the explorer without scores.

    Raises InputError for an `out` that does not end in .html, and a folder that is no dataset.
    """
    check_ending(out, ".html")
    entries = entries_of_groups(read_groups(dataset))
    axes = find_axes([entry.tags for entry in entries])
    blocks = make_blocks(entries, [], ["no model"], axes, [None], out=out, per_category=per_category)
    page = browser_page(dataset.resolve().name, full_name(read_manifest(dataset)), entries, blocks)
    return write_page(out, render(page, blocks, software_version()))


def list_tables(material: Material) -> list[Table]:
    """Every table of a report, the answer first."""
    tables = [matrix(material.numbers)] if len(material.numbers) > 1 else []
    for numbers, folder in zip(material.numbers, material.folders, strict=True):
        tables += [answer_table(numbers), *check_tables(numbers, folder), *detail_tables(numbers)]
    return [*tables, *material.looks, *scrutiny_tables(material.numbers)]


def check_ending(out: Path, *endings: str) -> None:
    """Raise InputError for a file whose name ends otherwise."""
    if out.suffix not in endings:
        raise InputError(f"{out}: give a name that ends in {' or '.join(endings)}")


def _markdown(material: Material) -> str:
    runs = [configuration(run) for run in material.runs]
    numbers = material.numbers
    return render_markdown(make_title(numbers), make_lead(numbers), facts_of(numbers), list_tables(material), runs)


def write_page(out: Path, text: str) -> Path:
    """Write a page whole or not at all, and its folder if need be. Returns `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, text)
    return out
