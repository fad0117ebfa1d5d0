"""The numbers of a report, looked up and put into its first tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import explain_signs, mark_model
from fourfold.evaluator.analysis.result_tables import metric_cell
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import ALL, headline_metric
from fourfold.evaluator.data.items import RETRIEVAL
from fourfold.evaluator.reporting.systems import System, find_role
from fourfold.evaluator.tables.formats import Cell, Estimate, Table, percent

MINUS, NBSP = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Numbers:
    """The rows of one run, to look numbers up by category, scorer and metric."""

    run: Results
    systems: tuple[System, ...]
    name: str = ""  # of the model, where another run has the same

    @property
    def model(self) -> str:
        """What the model is called in running text: a path is cut to its last part; with its sign."""
        return mark_model(self.name or str(self.run.model["name"]).rpartition("/")[2], self.run.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What every table of the run must say: the signs of its scorers, and the notes of its results."""
        return (*explain_signs(self.run.scorers), *self.run.notes)

    @property
    def asked_of(self) -> str:
        """What was asked: the dataset, and which part of it."""
        return name_asked(self.run.dataset)

    @property
    def unit(self) -> str:
        """What is counted as right or wrong: "groups" where every category asks fourfold groups, else "questions"."""
        fourfold = all(self.headline(category) == "group_score" for category in self.categories)
        return "groups" if fourfold else "questions"

    @property
    def categories(self) -> list[str]:
        """The categories in order of first appearance, without `all`, and without retrieval sets where others exist."""
        found = [name for name in dict.fromkeys(row.category for row in self.run.metrics) if name != ALL]
        return [name for name in found if name != RETRIEVAL] or found

    @property
    def with_all(self) -> list[str]:
        """The categories, and all items together where there are several."""
        return [*self.categories, ALL] if len(self.categories) > 1 else self.categories

    @property
    def contestants(self) -> list[System]:
        """The systems that are compared: all but the controls."""
        return [system for system in self.systems if system.role != "control"]

    def headline(self, category: str) -> str:
        """The headline metric of the category."""
        return headline_metric(self.run.metrics, category)

    def asked(self, category: str) -> int:
        """How many groups, or questions, a category asks."""
        wanted = (category, self.headline(category))
        return next(row.asked for row in self.run.metrics if (row.category, row.metric) == wanted)

    def metric(self, category: str, scorer: str, metric: str) -> MetricRow | None:
        """One row of metrics, if it exists."""
        wanted = (category, scorer, metric)
        return next((row for row in self.run.metrics if (row.category, row.scorer, row.metric) == wanted), None)

    def comparison(self, category: str, scorer: str, metric: str) -> ComparisonRow | None:
        """One paired comparison with the baseline, if it exists."""
        wanted = (category, scorer, metric)
        return next((row for row in self.run.comparisons if (row.category, row.scorer, row.metric) == wanted), None)


def answer_table(numbers: Numbers) -> Table:
    """Category x scorer on each category's headline metric; last, the change that DCSM makes."""
    shown = numbers.contestants
    baseline, dcsm = find_role(numbers.systems, "baseline"), find_role(numbers.systems, "dcsm")
    header = ["category", *(system.label for system in shown), "chance"]
    if dcsm and baseline and numbers.run.comparisons:
        header.append(f"{dcsm.label} minus {baseline.label}")
    lines = []
    for category in numbers.with_all:
        metric = numbers.headline(category)
        found = [numbers.metric(category, system.scorer, metric) for system in shown]
        line: list[Cell] = [category, *map(metric_cell, found), chance_of(found)]
        if dcsm and len(header) > len(line):
            row = numbers.comparison(category, dcsm.scorer, metric)
            line.append(None if row is None else Estimate(row.difference, row.low, row.high, signed=True))
        lines.append(tuple(line))
    title = f"{numbers.model} on {numbers.asked_of}: share of {numbers.unit} right, percent, with 95{NBSP}% intervals"
    return Table(title, tuple(header), tuple(lines), numbers.notes)


def matrix(runs: Sequence[Numbers]) -> Table:
    """All models and scorers x categories, each on its headline metric."""
    categories = list(dict.fromkeys(category for numbers in runs for category in numbers.with_all))
    lines = [
        (
            numbers.model,
            system.label,
            *(metric_cell(headline_row(numbers, category, system)) for category in categories),
        )
        for numbers in runs
        for system in numbers.contestants
    ]
    asked = " / ".join(dict.fromkeys(numbers.asked_of for numbers in runs))
    title = f"{count_models(runs)} on {asked}: share of {runs[0].unit} right, percent, with 95{NBSP}% intervals"
    return Table(title, ("model", "scorer", *categories), tuple(lines), (_chances(runs, categories), *notes_of(runs)))


def count_models(runs: Sequence[Numbers]) -> str:
    """ "3 models", or "3 evaluations of MODEL" where it is one model each time."""
    names = {str(numbers.run.model["name"]) for numbers in runs}
    if len(names) == len(runs):
        return f"{len(runs)} models"
    of = f" of {names.pop().rpartition('/')[2]}" if len(names) == 1 else ""
    return f"{len(runs)} evaluations{of}"


def notes_of(runs: Sequence[Numbers]) -> tuple[str, ...]:
    """What tables of several runs must say: the notes of each, with its model where not all share them."""
    common = set.intersection(*(set(numbers.notes) for numbers in runs))
    signs = dict.fromkeys(note for numbers in runs for note in explain_signs(numbers.run.scorers))
    own = [
        (numbers.model, note) for numbers in runs for note in numbers.notes if note not in common and note not in signs
    ]
    shared = [note for note in runs[0].notes if note in common and note not in signs]
    return (*signs, *shared, *(f"{model}: {note}" for model, note in own))


def _chances(runs: Sequence[Numbers], categories: Sequence[str]) -> str:
    """Chance of each category, said once where it is one number."""
    shown = [(numbers, each) for numbers in runs for each in numbers.contestants]
    rows = [(category, headline_row(numbers, category, each)) for category in categories for numbers, each in shown]
    found = {category: percent(row.chance) for category, row in rows if row is not None}
    if len(set(found.values())) == 1:
        return f"Chance: {next(iter(found.values()))}"
    return f"Chance: {', '.join(f'{category} {chance}' for category, chance in found.items())}"


def chance_of(rows: Sequence[MetricRow | None]) -> Estimate | None:
    """Chance, which is the same for all scorers of a category."""
    return next((Estimate(row.chance) for row in rows if row is not None), None)


def interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """ "41.2–55.0", or "+41.2 to +55.0" for differences; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{points(low)} to {points(high)}" if signed else f"{percent(low)}–{percent(high)}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    number = percent(abs(difference))
    return number if float(number) == 0 else ("+" if difference > 0 else MINUS) + number


def headline_row(numbers: Numbers, category: str, system: System) -> MetricRow | None:
    """A scorer's row on the headline metric of a category; None where it was not asked."""
    if category not in numbers.with_all:
        return None
    return numbers.metric(category, system.scorer, numbers.headline(category))
