"""How the share right changes along each difficulty axis, for whoever draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fourfold.evaluator.reporting.charts import Curve
from fourfold.evaluator.reporting.difficulty import Axis, accuracy, as_number, fitted_accuracy
from fourfold.evaluator.reporting.entries import Entry, margin
from fourfold.evaluator.reporting.loading import Material
from fourfold.evaluator.reporting.systems import MARKS, System
from fourfold.evaluator.reporting.view import headline_row

MOST_MODELS = len(MARKS)


@dataclass(frozen=True)
class Trend:
    """Share right against one difficulty axis in one category: one curve for each scorer, over the bins of the axis."""

    axis: Axis
    category: str
    curves: tuple[Curve, ...]
    chance: float | None


def find_trends(material: Material) -> list[Trend]:
    """The trends of all models, controls left out; only those in which at least two bins hold enough groups.

    Of more than `MOST_MODELS` models the first, for there are no more marks to tell them apart.
    """
    shown = [(i, s) for i, s in enumerate(material.systems) if s.model < MOST_MODELS and s.role != "control"]
    right = {number: _right(material.entries, number) for number, _ in shown}
    names = {number: material.name_of(system) for number, system in shown}
    categories = dict.fromkeys(name for numbers in material.numbers[:MOST_MODELS] for name in numbers.categories)
    found = [
        Trend(
            axis, category, _curves(axis, category, material.entries, shown, names, right), _chance(material, category)
        )
        for axis in material.axes
        for category in categories
    ]
    return [each for each in found if each.curves and max(map(_known, each.curves)) >= 2]


def _known(curve: Curve) -> int:
    return sum(point is not None for point in curve.points)


def _curves(
    axis: Axis,
    category: str,
    entries: Sequence[Entry],
    shown: Sequence[tuple[int, System]],
    names: Mapping[int, str],
    right: Mapping[int, np.ndarray],
) -> tuple[Curve, ...]:
    """One curve for each scorer that was asked the category, each over the items that it was asked."""
    found = []
    for number, system in shown:
        own = right[number]
        members = [i for i, entry in enumerate(entries) if entry.category == category and not np.isnan(own[i])]
        if not members:
            continue
        values = [as_number(entries[i].tags.get(axis.name)) for i in members]
        clusters = [entries[i].cluster for i in members]
        points = tuple(accuracy(axis, values, own[members], clusters))
        pairs = zip(fitted_accuracy(axis, values, own[members]), points, strict=False)
        fitted = tuple(None if point is None else share for share, point in pairs)
        found.append(Curve(names[number], points, system.style, system.mark, fitted))
    return tuple(found)


def _right(entries: Sequence[Entry], number: int) -> np.ndarray:
    """[n] 1 where the system is right, 0 where it is wrong, NaN where it was not asked."""
    found = [entry.scores.get(number) for entry in entries]
    pairs = zip(entries, found, strict=True)
    return np.array([np.nan if each is None else float(margin(entry.truth, each) > 0) for entry, each in pairs])


def _chance(material: Material, category: str) -> float | None:
    rows = (headline_row(numbers, category, numbers.systems[0]) for numbers in material.numbers)
    return next((row.chance for row in rows if row is not None), None)
