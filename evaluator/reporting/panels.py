"""One panel a category on a page's first screen: what it asks, an example, every scorer's bar, what DCSM changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from fourfold.conditions import BEYOND, DIFFERENCES, condition_of
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.reporting.charts import Bar, bars
from fourfold.evaluator.reporting.systems import System, find_role
from fourfold.evaluator.reporting.verdicts import ABOVE, BELOW, difference
from fourfold.evaluator.reporting.view import Numbers, headline_row, interval, points

# category -> (condition, what differs between the two pictures), as a reader sees them
CATEGORIES = {
    name: (
        condition_of(name).replace("+", " ").replace(BEYOND, ""),
        f"{told[0].upper()}{told[1:]}.".replace("'", "’"),
    )
    for name, told in DIFFERENCES.items()
}


@dataclass(frozen=True)
class Change:
    """With against without, on one category: a line such as "+48.3 points with DCSM (+41.2 to +55.0, p < 0.001)"."""

    value: str
    what: str
    detail: str
    sign: str  # "gain" or "loss" where the test says so, else "even"


@dataclass(frozen=True)
class Panel:
    """One category on the first screen: what it is, an example, the scores, the changes."""

    name: str
    count: str
    what: str
    chart: str  # SVG
    changes: tuple[Change, ...]
    pictures: tuple[str, ...] = field(default=(), repr=False)  # WebP in base64
    captions: tuple[str, ...] = ()
    link: str = ""  # to the group in the explorer


def make_panel(runs: Sequence[Numbers], category: str, name_of: Callable[[System], str]) -> Panel:
    """The panel of a category, without its example: the scorers of all runs that were asked it.

    `name_of` is what charts call a scorer.
    """
    asked = [numbers for numbers in runs if category in numbers.categories]
    rows = [(s, headline_row(numbers, category, s)) for numbers in asked for s in numbers.contestants]
    known = [(system, row) for system, row in rows if row is not None]
    metric = asked[0].headline(category)
    chart = bars(
        [_bar(name_of(system), row, system.style) for system, row in known],
        chance=known[0][1].chance if known else None,
        title=f"{category}: {METRICS[metric].label} score by scorer, in percent",
    )
    condition, what = CATEGORIES.get(category, ("", ""))
    changes = []
    for numbers in asked:
        dcsm = find_role(numbers.systems, "dcsm")
        changes += [describe_change(numbers, category, dcsm, name_of(dcsm))] if dcsm else []
    counts = [numbers.asked(category) for numbers in asked]
    count = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,}–{max(counts):,}"
    told = f"{condition} {count} {asked[0].unit}".strip()
    return Panel(category.capitalize(), told, what, chart, tuple(each for each in changes if each))


def with_example(panel: Panel, pictures: Sequence[str], captions: Sequence[str], link: str) -> Panel:
    """The panel with an example: WebP pictures in base64, captions, and a link to the group in the explorer."""
    return replace(panel, pictures=tuple(pictures), captions=tuple(captions), link=link)


def describe_change(numbers: Numbers, category: str, system: System, name: str = "") -> Change | None:
    """The paired difference between a scorer and the baseline on a category's headline metric; None without one.

    `name` is what charts call the scorer, by default its label.
    """
    row = numbers.comparison(category, system.scorer, numbers.headline(category))
    if row is None:
        return None
    sign = {ABOVE: "gain", BELOW: "loss"}.get(difference(row), "even")
    details = [interval(row.low, row.high, signed=True), p_value(row)]
    if row.wins is not None:
        pairs = numbers.unit if row.clusters == numbers.asked(category) else f"clusters of {numbers.unit}"
        baseline = next((each.label for each in numbers.systems if each.scorer == row.baseline), row.baseline)
        details.append(f"{pairs} won against {baseline}: {row.wins}, lost: {row.losses}")
    what = f"points with {name or system.label}"
    return Change(points(row.difference), what, "; ".join(each for each in details if each), sign)


def p_value(row: ComparisonRow) -> str:
    """ "Holm p = 0.012" where a corrected p is known, else "p = 0.012"; empty where nothing was tested."""
    p, name = (row.p_holm, "Holm p") if row.p_holm is not None else (row.p, "p")
    if p is None:
        return ""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}"


def _bar(name: str, row: MetricRow, style: str) -> Bar:
    low = row.value if row.low is None else row.low
    high = row.value if row.high is None else row.high
    return Bar(name, row.value, low, high, style)
