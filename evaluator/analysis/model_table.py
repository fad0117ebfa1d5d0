"""What several evaluations side by side are shown as: one table of models by categories."""

from fourfold.evaluator.analysis.chance_marks import chance_mark, chance_notes
from fourfold.evaluator.analysis.comparison import ModelComparison
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import check_metric, is_significant, metric_cell
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.tables.formats import Cell, Estimate, Table


def model_table(comparison: ModelComparison, metric: str | None = None) -> Table:
    """Models (with their scorer) down, categories across; `metric` None: each category's headline metric.

    An asterisk marks what differs from the first model at 5 % after correction (Holm), a triangle what lies below
    chance, a double tilde what cannot be told from it. Raises InputError for an unknown metric.
    """
    check_metric(metric)
    categories = list(dict.fromkeys(row.category for row in comparison.metrics))
    shown = {each: metric or headline_metric(comparison.metrics, each) for each in categories}
    rows = {(row.scorer, row.category, row.metric): row for row in comparison.metrics}
    clear = {(row.scorer, row.category, row.metric) for row in comparison.comparisons if is_significant(row)}
    keys = {entry.name: [(entry.name, each, shown[each]) for each in categories] for entry in comparison.entries}
    lines: list[tuple[Cell, ...]] = [
        (
            mark_scorer(name, comparison.scorers[name]),
            *(metric_cell(rows.get(key), ("*" if key in clear else "") + chance_mark(rows.get(key))) for key in found),
        )
        for name, found in keys.items()
    ]
    chances = {(row.category, row.metric): row.chance for row in comparison.metrics}
    lines.append(
        ("chance", *(Estimate(chance) if (chance := chances.get(each)) is not None else None for each in shown.items()))
    )
    first = comparison.entries[0]
    marked = [f"* differs from {mark_scorer(first.name, first.facts)} (exact McNemar, Holm-corrected p < .05)"]
    return Table(
        title=f"models by category on {comparison.dataset}, percent",
        header=("model", *(f"{category}: {METRICS[shown[category]].label}" for category in categories)),
        rows=tuple(lines),
        notes=(
            *(marked if clear else ()),
            *chance_notes(rows.get(key) for found in keys.values() for key in found),
            *explain_signs(comparison.scorers),
            *comparison.notes,
        ),
    )
