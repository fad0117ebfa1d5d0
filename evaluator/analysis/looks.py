"""The look as an axis: the same questions about the same scenes, drawn by two renderers. What does each scorer lose?

Items are paired by id, captions, truth and what difficulty says of the scene; their pixels must differ. A group that
one look refused (a color that was not clear in its light, say) shows another scene under its number there, and is left
out.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.result_tables import metric_cell, p_value
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.analysis.summary import correct_differences, summarise
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.generator.dataset.difficulty_axes import AXES
from fourfold.statistics import REPLICATES

_MEASURED = ("occlusion", "visible_pixels", "changed_pixels")  # on pixels, which a look may change a little
_SCENE = tuple(name for name in AXES if name not in _MEASURED)
_FIRST, _OTHER = "first", "other"


@dataclass(frozen=True)
class LookRow:
    """One scorer on one category in both looks."""

    scorer: str
    first: MetricRow
    other: MetricRow
    difference: ComparisonRow  # of the other look to the first, on the same groups


@dataclass(frozen=True)
class Looks:
    """What was found on the items that two results have in two looks."""

    rows: tuple[LookRow, ...]
    pairs: int
    unpaired: int  # items of the first that the other shows no look of, or the other way round
    scorers: Mapping[str, Mapping[str, Any]]  # facts about each


def compare_looks(first: Results, other: Results, *, seed: int = 0, replicates: int = REPLICATES) -> Looks | None:
    """Each scorer that both results have, on the items that they show in two looks; None where there are no such items.

    Differences are on each category's headline metric: paired intervals, exact McNemar tests, and Holm's correction
    over all scorers and categories. Raises InputError for results of two models: what differs would not be the look.
    """
    if first.model.get("name") != other.model.get("name"):
        raise InputError(
            f"looks: the results are of two models, {first.model.get('name')} and {other.model.get('name')}; compare "
            "looks with the same model"
        )
    pairs = _pairs(first, other)
    scorers = [name for name in first.scorers if name in other.scorers]
    if not pairs or not scorers:
        return None
    metrics: dict[tuple[str, str, str, str], MetricRow] = {}
    differences: list[ComparisonRow] = []
    for scorer in scorers:
        both = [replace(a, scores={_FIRST: a.scores[scorer], _OTHER: b.scores[scorer]}) for a, b in pairs]
        found = summarise(both, seed=seed, baseline=_FIRST, replicates=replicates)
        metrics |= {(scorer, row.scorer, row.category, row.metric): row for row in found.metrics}
        differences += [replace(row, scorer=scorer) for row in found.comparisons if row.p is not None]
    rows = []
    for row in correct_differences(differences, together=True):
        before, after = (metrics[row.scorer, look, row.category, row.metric] for look in (_FIRST, _OTHER))
        rows.append(LookRow(row.scorer, before, after, row))
    unpaired = len(first.items) + len(other.items) - 2 * len(pairs)
    return Looks(tuple(rows), len(pairs), unpaired, {name: first.scorers[name] for name in scorers})


def looks_table(looks: Looks, first: str, other: str) -> Table:
    """One line a scorer and category: both looks, called `first` and `other`, and the difference."""
    lines: list[tuple[Cell, ...]] = [
        (
            mark_scorer(row.scorer, looks.scorers[row.scorer]),
            row.difference.category,
            metric_cell(row.first),
            metric_cell(row.other),
            Estimate(row.difference.difference, row.difference.low, row.difference.high, signed=True),
            p_value(row.difference.p),
            p_value(row.difference.p_holm),
            row.difference.clusters,
        )
        for row in looks.rows
    ]
    left = f"; left out are {looks.unpaired} that stand in one of the two alone" if looks.unpaired else ""
    return Table(
        title=f"the look as an axis: {other} against {first}, percent",
        header=("scorer", "category", first, other, "difference", "p", "p (Holm)", "groups"),
        rows=tuple(lines),
        notes=(
            f"the same {looks.pairs} items, scenes and captions in two looks{left}",
            "difference: the second look minus the first on the same groups, 95 % interval; p: exact McNemar test, "
            "corrected (Holm) over all lines but `all`",
            *explain_signs(looks.scorers),
        ),
    )


def _pairs(first: Results, other: Results) -> list[tuple[ScoredItem, ScoredItem]]:
    there = {_scene_and_question(item): item for item in other.items}
    found = [(item, there.get(_scene_and_question(item))) for item in first.items]
    return [(one, two) for one, two in found if two is not None and one.pixels != two.pixels]


def _scene_and_question(item: ScoredItem) -> Hashable:
    scene = tuple(item.tags.get(name) for name in _SCENE)
    return item.id, item.category, item.captions, item.truth.shape, item.truth.tobytes(), scene
