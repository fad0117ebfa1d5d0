"""What a report says in words, numbers and charts, before it becomes HTML or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fourfold.conditions import BEYOND, DIFFERENCES, condition_of
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import metric_cell
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import ALL, headline_metric
from fourfold.evaluator.data.items import RETRIEVAL
from fourfold.evaluator.reporting.charts import Bar, bars
from fourfold.evaluator.reporting.systems import System, find_role
from fourfold.evaluator.tables.formats import Cell, Estimate, Table, percent

# category -> (condition, what differs between the two pictures), as a reader sees them
CATEGORIES = {
    name: (
        condition_of(name).replace("+", " ").replace(BEYOND, ""),
        f"{difference[0].upper()}{difference[1:]}.".replace("'", "’"),
    )
    for name, difference in DIFFERENCES.items()
}
MOST_NAMED = 6  # categories that the first sentence names one by one
MINUS, NBSP = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Change:
    """With against without, on one category: a line such as "+48.3 points with DCSM (+41.2 to +55.0, p < 0.001)"."""

    value: str
    what: str
    detail: str
    sign: str  # "gain", "loss" or "even": does the interval leave zero out?


@dataclass(frozen=True)
class Panel:
    """One category on the first screen: what it is, an example, the scores, the change."""

    name: str
    count: str
    what: str
    chart: str  # SVG
    changes: tuple[Change, ...]
    pictures: tuple[str, ...] = field(default=(), repr=False)  # WebP in base64
    captions: tuple[str, ...] = ()
    link: str = ""  # to the group in the explorer


@dataclass(frozen=True)
class Numbers:
    """The rows of one run, to look numbers up by category, scorer and metric."""

    run: Results
    systems: tuple[System, ...]

    @property
    def model(self) -> str:
        """What the model is called in running text: a path is cut to its last part."""
        return str(self.run.model["name"]).rpartition("/")[2]

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


def make_panel(numbers: Numbers, category: str) -> Panel:
    """The panel of a category, without its example."""
    metric = numbers.headline(category)
    rows = [(s, numbers.metric(category, s.scorer, metric)) for s in numbers.contestants]
    known = [(system, row) for system, row in rows if row is not None]
    chart = bars(
        [Bar(s.label, row.value, _or(row.low, row.value), _or(row.high, row.value), s.style) for s, row in known],
        chance=known[0][1].chance if known else None,
        title=f"{category}: {METRICS[metric].label} score by scorer, in percent",
    )
    condition, what = CATEGORIES.get(category, ("", ""))
    dcsm = find_role(numbers.systems, "dcsm")
    change = describe_change(numbers, category, dcsm) if dcsm else None
    count = f"{condition} {numbers.asked(category):,} {numbers.unit}".strip()
    return Panel(category.capitalize(), count, what, chart, (change,) if change else ())


def with_example(panel: Panel, pictures: Sequence[str], captions: Sequence[str], link: str) -> Panel:
    """The panel with an example: WebP pictures in base64, captions, and a link to the group in the explorer."""
    return replace(panel, pictures=tuple(pictures), captions=tuple(captions), link=link)


def describe_change(numbers: Numbers, category: str, system: System) -> Change | None:
    """The paired difference between a scorer and the baseline on a category's headline metric; None without one."""
    row = numbers.comparison(category, system.scorer, numbers.headline(category))
    if row is None:
        return None
    sign = "even"
    if row.low is not None and row.high is not None:
        sign = "gain" if row.low > 0 else "loss" if row.high < 0 else "even"
    details = [interval(row.low, row.high, signed=True), p_value(row)]
    if row.wins is not None:
        pairs = numbers.unit if row.clusters == numbers.asked(category) else f"clusters of {numbers.unit}"
        details.append(f"{pairs} won against {row.baseline}: {row.wins}, lost: {row.losses}")
    what = f"points with {system.label}"
    return Change(points(row.difference), what, "; ".join(each for each in details if each), sign)


def lede(numbers: Numbers) -> list[str]:
    """The first sentences of a report: what the best scorer gets right, then how to read the numbers."""
    baseline, dcsm = find_role(numbers.systems, "baseline"), find_role(numbers.systems, "dcsm")
    name = numbers.model
    contestant = dcsm or baseline or numbers.systems[0]
    many = len(numbers.categories) > MOST_NAMED
    shares = []
    for category in [ALL] if many else numbers.categories:
        row = numbers.metric(category, contestant.scorer, numbers.headline(category))
        before = numbers.metric(category, baseline.scorer, numbers.headline(category)) if dcsm and baseline else None
        if row is not None:
            without = f" ({percent(before.value)}{NBSP}% without)" if before is not None else ""
            shares.append(f"{percent(row.value)}{NBSP}% of {category} {numbers.unit}{without}")
    scored = "With" if contestant.role == "dcsm" else "Scored with"
    told = f"{scored} {contestant.label}, {name} gets right {_enumerate(shares)}"
    return [f"{told}{_extremes(numbers, contestant) if many else ''}.", *_how_to_read(numbers)]


def _extremes(numbers: Numbers, system: System) -> str:
    """The categories in which the scorer gets most and fewest right, as the end of a sentence."""
    rows = {category: _headline_row(numbers, category, system) for category in numbers.categories}
    values = {category: row.value for category, row in rows.items() if row is not None}
    if not values:
        return ""
    most, fewest = max(values, key=lambda name: values[name]), min(values, key=lambda name: values[name])
    return f": most in {most} ({percent(values[most])}{NBSP}%), fewest in {fewest} ({percent(values[fewest])}{NBSP}%)"


def answer_table(numbers: Numbers) -> Table:
    """Category x scorer on each category's headline metric; last, the change that DCSM makes."""
    shown = numbers.contestants
    dcsm = find_role(numbers.systems, "dcsm")
    header = ["category", *(system.label for system in shown), "chance"]
    if dcsm and numbers.run.comparisons:
        header.append(f"{dcsm.label} minus {numbers.run.settings['baseline']}")
    lines = []
    for category in numbers.with_all:
        metric = numbers.headline(category)
        found = [numbers.metric(category, system.scorer, metric) for system in shown]
        line: list[Cell] = [category, *map(metric_cell, found), chance_of(found)]
        if dcsm and len(header) > len(line):
            row = numbers.comparison(category, dcsm.scorer, metric)
            line.append(None if row is None else Estimate(row.difference, row.low, row.high, signed=True))
        lines.append(tuple(line))
    title = f"{numbers.model}: share of {numbers.unit} right, percent, with 95{NBSP}% intervals"
    return Table(title, tuple(header), tuple(lines))


def matrix(runs: Sequence[Numbers]) -> Table:
    """All models and scorers x categories, each on its headline metric."""
    categories = list(dict.fromkeys(category for numbers in runs for category in numbers.with_all))
    lines = [
        (
            numbers.model,
            system.label,
            *(metric_cell(_headline_row(numbers, category, system)) for category in categories),
        )
        for numbers in runs
        for system in numbers.contestants
    ]
    title = f"{len(runs)} models: share of {runs[0].unit} right, percent, with 95{NBSP}% intervals"
    note = f"The charts and curves below are those of {runs[0].model}; the explorer shows every model."
    return Table(title, ("model", "scorer", *categories), tuple(lines), (note,))


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


def p_value(row: ComparisonRow) -> str:
    """ "Holm p = 0.012" where a corrected p is known, else "p = 0.012"; empty where nothing was tested."""
    p, name = (row.p_holm, "Holm p") if row.p_holm is not None else (row.p, "p")
    if p is None:
        return ""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def _how_to_read(numbers: Numbers) -> list[str]:
    if numbers.unit == "groups":
        return [
            "A group is two pictures that differ in one thing and two captions, each true of one picture. It counts as "
            "right when all four comparisons come out right; guessing gets 1 in 6. Thin lines are "
            f"95{NBSP}% intervals that resample whole groups."
        ]
    single = {row.clusters == 1 for row in numbers.run.metrics if row.category in numbers.categories}
    ways = ["that resample whole clusters of items"] * (False in single)
    ways += ["by Wilson’s formula over the questions of the one set"] * (True in single)
    return [f"Thin lines are 95{NBSP}% intervals {', or '.join(ways)}; the stroke across a bar is chance."]


def _headline_row(numbers: Numbers, category: str, system: System) -> MetricRow | None:
    if category not in numbers.with_all:
        return None
    return numbers.metric(category, system.scorer, numbers.headline(category))


def _enumerate(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
