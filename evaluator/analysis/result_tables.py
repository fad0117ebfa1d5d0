"""What one evaluation is shown as: tables of estimates for the writers in `fourfold.evaluator.tables.formats`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import explain_signs, mark_model, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table

SIGNIFICANT = 0.05  # a difference is marked where its corrected p is below this


class Compared(Protocol):
    """What `comparison_table` reads of an evaluation, or of several side by side."""

    @property
    def comparisons(self) -> tuple[ComparisonRow, ...]:
        """Paired differences to the baseline."""

    @property
    def scorers(self) -> Mapping[str, Mapping[str, Any]]:
        """Facts about each scorer, or model with its scorer, by name, in the order in which they were asked for."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What every table made from this must say."""


class Evaluated(Compared, Protocol):
    """What the tables read of an evaluation; `fourfold.evaluator.analysis.results.Results` is one, and shows them."""

    @property
    def metrics(self) -> tuple[MetricRow, ...]:
        """Every metric of every scorer on every category."""

    @property
    def model(self) -> Mapping[str, Any]:
        """Facts about the model, its name among them."""

    @property
    def dataset(self) -> Mapping[str, Any]:
        """Facts about the dataset."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Baseline, level of the intervals, number of replicates."""

    @property
    def authors(self) -> Mapping[str, Mapping[str, float]]:
        """The benchmark's own metrics, by scorer."""


def category_table(results: Evaluated, metric: str | None = None) -> Table:
    """Categories down, scorers across, with intervals, chance and the number of items.

    `metric` None: each category's headline metric, the group score for fourfold groups. Signs mark scorers whose
    scores depend on other items or that were trained on these; an asterisk what differs from the baseline at 5 % after
    correction (Holm). Raises InputError for an unknown metric, and for one that no category has.
    """
    check_metric(metric)
    rows = {(row.category, row.scorer, row.metric): row for row in results.metrics}
    tested = {(row.category, row.scorer, row.metric): row for row in results.comparisons if is_significant(row)}
    lines: list[tuple[Cell, ...]] = []
    firsts: list[MetricRow] = []
    for category in dict.fromkeys(row.category for row in results.metrics):
        shown = metric or headline_metric(results.metrics, category)
        keys = [(category, scorer, shown) for scorer in results.scorers]
        if found := [rows[key] for key in keys if key in rows]:
            cells = [metric_cell(rows[key], "*" if key in tested else "") for key in keys]
            detectable = None if found[0].detectable is None else Estimate(found[0].detectable)
            chance = Estimate(found[0].chance)
            count = found[0].asked if _is_set(found[0]) else found[0].items
            lines.append((category, METRICS[shown].label, *cells, chance, detectable, count))
            firsts.append(found[0])
    if not lines:
        raise InputError(f"metric {metric!r} applies to no category of these results")
    return Table(
        title=f"{mark_model(str(results.model['name']), results.notes)} on {name_asked(results.dataset)}, percent",
        header=("category", "metric", *_scorer_names(results), "chance", "detectable", "items"),
        rows=tuple(lines),
        notes=(
            _interval_note(results, firsts),
            *_footnotes(results, lines),
            *(_note_of_set(row) for row in firsts if _is_set(row)),
            *results.notes,
        ),
    )


def metric_table(results: Evaluated, category: str) -> Table:
    """Everything measured on one category: metrics down, scorers across, and how many misses were ties.

    Raises InputError for a category that the results do not have.
    """
    found = [row for row in results.metrics if row.category == category]
    if not found:
        raise unknown_name("category", category, {row.category for row in results.metrics})
    lines: list[tuple[Cell, ...]] = []
    for metric in dict.fromkeys(row.metric for row in found):
        rows = [row for row in found if row.metric == metric]
        ties = ", ".join(str(row.ties) for row in rows)
        cells = [metric_cell(row) for row in rows]
        lines.append((METRICS[metric].label, *cells, Estimate(rows[0].chance), rows[0].asked, ties))
    return Table(
        title=f"{category}: every metric, percent",
        header=("metric", *_scorer_names(results), "chance", "questions", "ties"),
        rows=tuple(lines),
        notes=(_interval_note(results, found), *explain_signs(results.scorers), *results.notes),
    )


def comparison_table(found: Compared) -> Table | None:
    """Each scorer, or model, against the baseline on each category's headline: difference, test and effect size.

    None where nothing was tested: there is one scorer alone, or each category is a single set.
    """
    tested = [row for row in found.comparisons if row.p is not None]
    if not tested:
        return None
    lines: list[tuple[Cell, ...]] = [
        (
            row.category,
            _marked(found, row.scorer),
            METRICS[row.metric].label,
            Estimate(row.difference, row.low, row.high, signed=True),
            f"{row.wins} : {row.losses}",
            p_value(row.p),
            p_value(row.p_holm),
            MISSING if row.cohens_g is None else f"{row.cohens_g:+.2f}",
            None if row.detectable is None else Estimate(row.detectable),
        )
        for row in tested
    ]
    return Table(
        title=f"difference to {_marked(found, tested[0].baseline)}, percentage points",
        header=("category", "scorer", "metric", "difference", "won : lost", "p", "p (Holm)", "Cohen's g", "detectable"),
        rows=tuple(lines),
        notes=(
            "p: exact McNemar test on groups; Holm corrects for the number of categories",
            "detectable: the difference that this many groups show with 80 % power",
            *explain_signs(found.scorers),
            *found.notes,
        ),
    )


def retrieval_table(results: Evaluated) -> Table | None:
    """Recall of every scorer on every retrieval set, and what share of the baseline's recall it retains.

    None where nothing was searched.
    """
    found = {(row.category, row.scorer, row.metric): row for row in results.metrics}
    metrics = [name for name in METRICS if "_recall@" in name and any(name == metric for *_, metric in found)]
    baseline = results.settings.get("baseline")
    lines: list[tuple[Cell, ...]] = []
    for category in dict.fromkeys(category for category, _, metric in found if metric in metrics):
        for scorer in results.scorers:
            rows = [found.get((category, scorer, metric)) for metric in metrics]
            name, other = _marked(results, scorer), _marked(results, str(baseline))
            lines.append((category, name, *map(metric_cell, rows)))
            base = [found.get((category, str(baseline), metric)) for metric in metrics]
            if scorer != baseline and baseline in results.scorers:
                lines.append((category, f"{name} / {other}", *map(_retained, rows, base)))
        chances = [
            next((row for key, row in found.items() if key[::2] == (category, metric)), None) for metric in metrics
        ]
        lines.append((category, "chance", *(None if row is None else Estimate(row.chance) for row in chances)))
    if not lines:
        return None
    base_name = _marked(results, str(baseline))
    note = f"SCORER / {base_name}: the share of {base_name}'s recall that the scorer retains"
    header = ("set", "scorer", *(METRICS[metric].label for metric in metrics))
    notes = (note, *explain_signs(results.scorers), *results.notes)
    return Table("retrieval, percent", header, tuple(lines), notes)


def authors_table(results: Evaluated) -> Table:
    """The benchmark's own metric as its authors compute it, ties and all; numbers as they come, not percent."""
    names = list(dict.fromkeys(name for values in results.authors.values() for name in values))
    lines = [
        (name, *(_plain(results.authors.get(scorer, {}).get(name)) for scorer in results.scorers)) for name in names
    ]
    return Table(
        title="as the benchmark's authors count",
        header=("metric", *_scorer_names(results)),
        rows=tuple(lines),
        notes=(*explain_signs(results.scorers), *results.notes),
    )


def check_metric(metric: str | None) -> None:
    """Raise InputError for a metric that `METRICS` does not know; None means each category's headline."""
    if metric is not None and metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)


def _plain(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _retained(row: MetricRow | None, base: MetricRow | None) -> Estimate | None:
    return Estimate(row.value / base.value) if row and base and base.value else None


def p_value(p: float | None) -> str:
    """A p-value as it stands in a cell: ".0123", "<.0001"."""
    if p is None:
        return MISSING
    return "<.0001" if p < 1e-4 else f"{p:.4f}".removeprefix("0")


def _is_set(row: MetricRow) -> bool:
    """Whether one item asks all of it, as a retrieval set does: its questions count then, not the item."""
    return row.items == 1 and row.asked > 1


def _note_of_set(row: MetricRow) -> str:
    side = row.metric.partition("_")[0]  # a metric of text asks each picture for its caption, one of image the reverse
    what = {"text": "pictures", "image": "captions"}.get(side, "questions")
    return f"{row.category} is one set; its items are the {row.asked} {what} asked"


def is_significant(row: ComparisonRow) -> bool:
    """Whether a difference is marked: p < .05 of the exact McNemar test after Holm's correction."""
    return row.p_holm is not None and row.p_holm < SIGNIFICANT


def metric_cell(row: MetricRow | None, mark: str = "") -> Estimate | None:
    """The cell of a metric, with its interval and a mark that a footnote explains; empty without a row."""
    return None if row is None else Estimate(row.value, row.low, row.high, mark)


def _scorer_names(results: Evaluated) -> list[str]:
    return [mark_scorer(name, facts) for name, facts in results.scorers.items()]


def _marked(found: Compared, scorer: str) -> str:
    return mark_scorer(scorer, found.scorers.get(scorer, {}))


def _interval_note(results: Evaluated, rows: Sequence[MetricRow]) -> str:
    level, n = results.settings["level"], results.settings["replicates"]
    single = dict.fromkeys(row.category for row in rows if row.clusters == 1)  # with one there is nothing to resample
    how = ", Wilson's over the questions"
    if any(row.clusters > 1 for row in rows):
        own = f"; that of {' and '.join(single)} is Wilson's over its questions" if single else ""
        how = f" from {n} resamples of groups (Wilson's where all groups agree{own})"
    return f"[low, high]: {100 * level:g} % interval{how}; ties are misses"


def _footnotes(results: Evaluated, lines: Sequence[Sequence[Cell]]) -> list[str]:
    notes = ["detectable: the excess over chance that this many groups show with 80 % power"]
    notes += explain_signs(results.scorers)
    if any(isinstance(cell, Estimate) and cell.mark for line in lines for cell in line):
        notes.append(
            f"* differs from {_marked(results, results.settings['baseline'])} (exact McNemar, Holm-corrected p < .05)"
        )
    return notes
