"""What one evaluation is shown as: tables of estimates for the writers in `fourfold.evaluator.tables.formats`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.chance_marks import SIGNIFICANT, chance_mark, chance_notes
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import explain_signs, mark_model, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table


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

    `metric` None: each category's headline metric; for fourfold groups the group score, and below it `match`. Signs
    mark scorers whose scores depend on other items or that were trained on these; an asterisk what differs from the
    baseline at 5 % after correction (Holm); a triangle what lies below chance, and a double tilde what cannot be told
    from it. Raises InputError for an unknown metric, and for one that no category has.
    """
    check_metric(metric)
    rows = {(row.category, row.scorer, row.metric): row for row in results.metrics}
    tested = {(row.category, row.scorer, row.metric): row for row in results.comparisons if is_significant(row)}
    lines: list[tuple[Cell, ...]] = []
    shown: list[MetricRow] = []
    for category in dict.fromkeys(row.category for row in results.metrics):
        for name in [metric] if metric else _headlines(results.metrics, category):
            keys = [(category, scorer, name) for scorer in results.scorers]
            found = [rows[key] for key in keys if key in rows]
            if not found:
                continue
            marks = [("*" if key in tested else "") + chance_mark(rows.get(key)) for key in keys]
            cells = [metric_cell(rows.get(key), mark) for key, mark in zip(keys, marks, strict=True)]
            detectable = None if found[0].detectable is None else Estimate(found[0].detectable)
            count = found[0].asked if _is_set(found[0]) else found[0].items
            lines.append((category, METRICS[name].label, *cells, Estimate(found[0].chance), detectable, count))
            shown += found
    if not lines:
        raise InputError(f"metric {metric!r} applies to no category of these results")
    sets = {row.category: row for row in shown if _is_set(row)}
    return Table(
        title=f"{mark_model(str(results.model['name']), results.notes)} on {name_asked(results.dataset)}, percent",
        header=("category", "metric", *scorer_names(results), "chance", "detectable", "items"),
        rows=tuple(lines),
        notes=(
            _interval_note(results, shown),
            *_footnotes(results, shown, bool(tested.keys() & _keys(shown))),
            *map(_note_of_set, sets.values()),
            *results.notes,
        ),
    )


def _headlines(metrics: Sequence[MetricRow], category: str) -> list[str]:
    """The metric that speaks for a category; beside the group score, that which no offset can fake or hide."""
    first = headline_metric(metrics, category)
    return [first, "match_score"] if first == "group_score" else [first]


def _keys(rows: Sequence[MetricRow]) -> set[tuple[str, str, str]]:
    return {(row.category, row.scorer, row.metric) for row in rows}


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
        cells = [metric_cell(row, chance_mark(row)) for row in rows]
        lines.append((METRICS[metric].label, *cells, Estimate(rows[0].chance), rows[0].asked, ties))
    return Table(
        title=f"{category}: every metric, percent",
        header=("metric", *scorer_names(results), "chance", "questions", "ties"),
        rows=tuple(lines),
        notes=(
            _interval_note(results, found),
            *chance_notes(found),
            *explain_signs(results.scorers),
            *results.notes,
        ),
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
            f"p: exact McNemar test on groups; {_family_note(tested)}",
            "detectable: the difference that this test shows on so many groups with 80 % power",
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
        header=("metric", *scorer_names(results)),
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


def scorer_names(results: Evaluated) -> list[str]:
    """The scorers as tables head their columns, with the signs that notes explain."""
    return [mark_scorer(name, facts) for name, facts in results.scorers.items()]


def _marked(found: Compared, scorer: str) -> str:
    return mark_scorer(scorer, found.scorers.get(scorer, {}))


def _family_note(tested: Sequence[ComparisonRow]) -> str:
    """What the tests are corrected for: the categories, or those of all models together."""
    corrected = [row for row in tested if row.p_holm is not None and row.family is not None]
    if any(row.family > sum(other.scorer == row.scorer for other in corrected) for row in corrected if row.family):
        return f"Holm corrects for all {corrected[0].family} tests, of categories and models together"
    return "Holm corrects for the number of categories"


def _interval_note(results: Evaluated, rows: Sequence[MetricRow]) -> str:
    """How the intervals of these rows were made: Wilson's, by resampling, or both."""
    level = f"{100 * results.settings['level']:g} %"
    resampled = f"from {results.settings['replicates']} resamples of groups"
    several = [row for row in rows if row.clusters > 1]
    sets = dict.fromkeys(row.category for row in rows if row.clusters == 1)  # with one there is nothing to resample
    own = f"; that of {' and '.join(sets)} over its questions" if sets and several else ""
    if not several:
        how = f"{level} interval, Wilson's over the questions"
    elif all(row.asked == row.clusters for row in several):
        how = f"{level} interval, Wilson's over groups{own}"
    else:
        how = f"{level} interval, Wilson's where groups ask one question or all agree, else {resampled}{own}"
    return f"[low, high]: {how}; ties are misses"


def _footnotes(results: Evaluated, rows: Sequence[MetricRow], marked: bool) -> list[str]:
    notes = ["detectable: the excess over chance that an exact test shows on so many groups with 80 % power"]
    if any(row.metric == "match_score" for row in rows):
        notes.append(
            "match: the right pairing has the larger sum, which no offset of a picture or a caption can change"
        )
    notes += explain_signs(results.scorers)
    if marked:
        of = " of each category's first metric" if len(_keys(rows)) > len({key[:2] for key in _keys(rows)}) else ""
        test = f"exact McNemar{of}, Holm-corrected p < .05"
        notes.append(f"* differs from {_marked(results, results.settings['baseline'])} ({test})")
    return [*notes, *chance_notes(rows)]
