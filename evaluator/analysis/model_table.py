"""What several evaluations side by side are shown as: one table of models by categories."""

from fourfold.evaluator.analysis.comparison import ModelComparison
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import check_metric, is_significant, metric_cell
from fourfold.evaluator.analysis.summary import headline_metric
from fourfold.evaluator.tables.formats import Cell, Estimate, Table


def model_table(comparison: ModelComparison, metric: str | None = None) -> Table:
    """Models (with their scorer) down, categories across; `metric` None: each category's headline metric.

    An asterisk marks what differs from the first model at 5 % after correction (Holm). Raises InputError for an
    unknown metric.
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
            *(metric_cell(rows.get(key), "*" if key in clear else "") for key in found),
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
        title="models by category, percent",
        header=("model", *(f"{category}: {METRICS[shown[category]].label}" for category in categories)),
        rows=tuple(lines),
        notes=(*(marked if clear else ()), *explain_signs(comparison.scorers), *comparison.notes),
    )
