"""How the share right changes along each difficulty axis, for whoever draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fourfold.evaluator.reporting.charts import Curve
from fourfold.evaluator.reporting.difficulty import Axis, accuracy, as_number
from fourfold.evaluator.reporting.entries import Entry, margin
from fourfold.evaluator.reporting.loading import Material
from fourfold.evaluator.reporting.systems import System


@dataclass(frozen=True)
class Trend:
    """Share right against one difficulty axis in one category: one curve for each scorer, over the bins of the axis."""

    axis: Axis
    category: str
    curves: tuple[Curve, ...]
    chance: float | None


def find_trends(material: Material, model: int = 0) -> list[Trend]:
    """The trends of one model, controls left out; only those in which at least two bins hold enough groups."""
    shown = [(i, s) for i, s in enumerate(material.systems) if s.model == model and s.role != "control"]
    right = {number: _right(material.entries, number) for number, _ in shown}
    found = [
        Trend(
            axis, category, _curves(axis, category, material.entries, shown, right), _chance(material, model, category)
        )
        for axis in material.axes
        for category in material.numbers[model].categories
    ]
    return [each for each in found if sum(point is not None for point in each.curves[0].points) >= 2]


def _curves(
    axis: Axis,
    category: str,
    entries: Sequence[Entry],
    shown: Sequence[tuple[int, System]],
    right: Mapping[int, np.ndarray],
) -> tuple[Curve, ...]:
    first = right[shown[0][0]]
    members = [i for i, entry in enumerate(entries) if entry.category == category and not np.isnan(first[i])]
    values = [as_number(entries[i].tags.get(axis.name)) for i in members]
    clusters = [entries[i].cluster for i in members]
    return tuple(
        Curve(system.label, tuple(accuracy(axis, values, right[number][members], clusters)), system.style)
        for number, system in shown
    )


def _right(entries: Sequence[Entry], number: int) -> np.ndarray:
    """[n] 1 where the system is right, 0 where it is wrong, NaN where it was not asked."""
    found = [entry.scores.get(number) for entry in entries]
    pairs = zip(entries, found, strict=True)
    return np.array([np.nan if each is None else float(margin(entry.truth, each) > 0) for entry, each in pairs])


def _chance(material: Material, model: int, category: str) -> float | None:
    numbers = material.numbers[model]
    row = numbers.metric(category, numbers.systems[0].scorer, numbers.headline(category))
    return row.chance if row else None
