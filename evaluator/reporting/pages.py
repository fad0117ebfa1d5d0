"""What stands on an HTML page: the report's, and the dataset browser's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import quote

from fourfold.evaluator.reporting.diagnosis_figure import NOTE as DIAGNOSIS_NOTE
from fourfold.evaluator.reporting.difficulty import MIN_CLUSTERS
from fourfold.evaluator.reporting.entries import Entry
from fourfold.evaluator.reporting.html_tables import HtmlTable, to_html
from fourfold.evaluator.reporting.lead import MOST_NAMED, Lead, make_lead
from fourfold.evaluator.reporting.loading import Material
from fourfold.evaluator.reporting.panels import CATEGORIES, Panel, make_panel, with_example
from fourfold.evaluator.reporting.probe_figures import NOTE as PROBE_NOTE
from fourfold.evaluator.reporting.scrutiny import scrutiny_tables
from fourfold.evaluator.reporting.sections import (
    AxisSection,
    Figure,
    LegendEntry,
    ProbeSection,
    RunConfiguration,
    check_tables,
    configuration,
    detail_tables,
    diagnosis_figures,
    difficulty_sections,
    legend,
    probe_sections,
)
from fourfold.evaluator.reporting.systems import System, find_role
from fourfold.evaluator.reporting.trends import MOST_MODELS, find_trends
from fourfold.evaluator.reporting.view import Numbers, answer_table, count_models, matrix, notes_of

EXPLORER_NOTES = {  # by what is right or wrong as one
    "groups": "Each group is two pictures, A and B, and two captions, a true of A, b true of B. Between the four "
    "scores stand the four comparisons as the model has them; a filled sign is one it gets wrong.",
    "questions": "Each question is one or more pictures and captions; framed scores are those of captions that are "
    "true of the picture.",
}


@dataclass(frozen=True)
class Page:
    """Everything that the template of an HTML page writes out; the data of its explorer are given beside it."""

    title: str
    lead: Lead
    facts: tuple[str, ...]
    explorer_note: str
    unit: str = "groups"  # what is right or wrong as one
    explorer: bool = True  # is there anything to look at one by one?
    matrix: HtmlTable | None = None  # of several models, in the place of an answer for each
    panels: tuple[Panel, ...] = ()
    answers: tuple[HtmlTable, ...] = ()
    details: tuple[HtmlTable, ...] = ()
    scrutiny: tuple[HtmlTable, ...] = ()
    axes: tuple[AxisSection, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    curves_of: str = ""  # whose curves are drawn, where there are too many
    probe: tuple[ProbeSection, ...] = ()
    checks: tuple[HtmlTable, ...] = ()
    configuration: tuple[RunConfiguration, ...] = ()
    notes: tuple[str, ...] = ()
    maps: bool = False  # do any groups carry maps of their words?
    min_groups: int = MIN_CLUSTERS
    most_named: int = MOST_NAMED
    probe_note: str = PROBE_NOTE
    diagnosis: tuple[Figure, ...] = ()
    diagnosis_note: str = DIAGNOSIS_NOTE

    @property
    def explorer_title(self) -> str:
        """The heading above the explorer: "Group by group" or "Question by question"."""
        one = self.unit.removesuffix("s")
        return f"{one.capitalize()} by {one}"

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Anchor and name of each part that the page has, for its menu."""
        there = {
            "answer": ("Answer" if self.configuration else "Categories", self.panels),
            "difficulty": ("Difficulty", self.axes),
            "geometry": ("Geometry", self.probe),
            "diagnosis": ("Diagnosis", self.diagnosis),
            "checks": ("Checks", self.checks),
            "explorer": (self.unit.capitalize(), self.explorer),
            "configuration": ("Configuration", self.configuration),
        }
        return [(address, name) for address, (name, content) in there.items() if content]


def report_page(material: Material, blocks: Mapping[str, Any]) -> Page:
    """What stands on the page of a report; `blocks` are the explorer's data, from which the examples are taken."""
    runs = material.numbers
    first, several = runs[0], len(runs) > 1
    notes = notes_of(runs)
    answers = [answer_table(each) for each in runs]
    details = [*(answers if several else ()), *(table for each in runs for table in detail_tables(each))]
    said = {*notes, *(note for each in runs for note in each.notes)}
    trends = find_trends(material)
    categories = dict.fromkeys(name for numbers in runs for name in numbers.categories)
    return Page(
        title=make_title(runs),
        lead=make_lead(runs),
        facts=tuple(facts_of(runs)),
        explorer_note=EXPLORER_NOTES[first.unit],
        unit=first.unit,
        explorer=bool(blocks["data"]["groups"]),
        matrix=to_html(matrix(runs), best="column", sortable=True, said=said) if several else None,
        panels=tuple(_panel(category, material, blocks) for category in categories),
        answers=() if several else tuple(to_html(table, best="row", said=said) for table in answers),
        details=tuple(to_html(table, said=said) for table in details),
        scrutiny=tuple(to_html(table, said=said) for table in scrutiny_tables(runs)),
        axes=tuple(difficulty_sections(trends)),
        legend=tuple(legend(trends)),
        curves_of=f"The curves are those of the first {MOST_MODELS} of {len(runs)}." if len(runs) > MOST_MODELS else "",
        probe=tuple(probe_sections(material.folders)),
        diagnosis=tuple(diagnosis_figures(material.folders)),
        checks=tuple(
            to_html(table, said=said)
            for table in (
                *material.looks,
                *chain.from_iterable(map(check_tables, material.numbers, material.folders)),
            )
        ),
        configuration=tuple(configuration(run) for run in material.runs),
        notes=notes,
        maps=any(blocks["maps"]),
    )


def browser_page(folder: str, name: str, entries: Sequence[Entry], blocks: Mapping[str, Any]) -> Page:
    """What stands on the page of a dataset that no model was asked about: its categories with an example each.

    `folder` is what its place is called, `name` the dataset itself.
    """
    categories = list(dict.fromkeys(entry.category for entry in entries))
    n_images = sum(len(entry.pictures) for entry in entries)
    return Page(
        title=folder,
        lead=Lead("Every group is two pictures that differ in one thing and two captions, each true of one picture."),
        facts=(name, f"{len(entries):,} groups", f"{n_images:,} pictures", ", ".join(categories)),
        explorer_note="Captions after the first two are hard positives, true in other words, and further foils.",
        panels=tuple(_bare_panel(category, entries, blocks) for category in categories),
    )


def make_title(numbers: Sequence[Numbers]) -> str:
    """The heading of a report on one or several runs."""
    if len(numbers) > 1:
        return f"{count_models(numbers)} compared"
    systems = numbers[0].systems
    dcsm, baseline = find_role(systems, "dcsm"), find_role(systems, "baseline")
    compared = f", and what {dcsm.label} changes" if dcsm and baseline else ""
    return f"What {numbers[0].model} gets right{compared}"


def facts_of(runs: Sequence[Numbers]) -> list[str]:
    """What was asked, how much, and of which models, in short."""
    names = " / ".join(dict.fromkeys(each.asked_of for each in runs if each.run.dataset.get("name")))
    counts = dict.fromkeys(f"{sum(map(each.asked, each.categories)):,} {each.unit}" for each in runs)
    models = [f"{each.run.model['name']} ({str(each.run.model.get('identity', ''))[:12]})" for each in runs]
    return [each for each in (names, " / ".join(counts), *models) if each]


def _panel(category: str, material: Material, blocks: Mapping[str, Any]) -> Panel:
    panel = make_panel(material.numbers, category, material.name_of)
    return _illustrate(panel, category, material.systems, blocks)


def _bare_panel(category: str, entries: Sequence[Entry], blocks: Mapping[str, Any]) -> Panel:
    condition, what = CATEGORIES.get(category, ("", ""))
    n = sum(entry.category == category for entry in entries)
    panel = Panel(category.capitalize(), f"{condition} {n:,} groups".strip(), what, chart="", changes=())
    return _illustrate(panel, category, [], blocks)


def _illustrate(panel: Panel, category: str, systems: Sequence[System], blocks: Mapping[str, Any]) -> Panel:
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
