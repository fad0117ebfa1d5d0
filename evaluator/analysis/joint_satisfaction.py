"""Does a space satisfy C1 together with C2, C3 or C4, on the same scenes? What the theory is about, as a measurement.

The theory says of a space with one embedding a picture and one a text, compared by the cosine, that it cannot satisfy
content (C1) and any of binding (C2), place (C3) and negation (C4) for all scenes at once. Scores of separate datasets
cannot show that: a space may be good at content on some scenes and at binding on others. Here both are asked of the
same group of pictures A and B:

    Cx   the group's own condition: its four margins are positive, as everywhere in the probe
    C1   on A and on B, the caption of every kind that is there scores above that of every kind that is absent
         (`fourfold.evaluator.analysis.content_questions` makes these captions, and knows their truth, from the scene)

and a group satisfies them jointly if both hold. If the two had nothing to do with each other, the share of groups with
both would be the product of the shares; Fisher's exact test asks whether it is. Fewer than the product: where one
holds, the other tends to fail, as if they competed for the same room. More: they fail on the same, hard, scenes.

What follows, and what does not. A group on which one of them fails refutes the claim that this space satisfies both. A
joint share of 100 % would not refute the theory, which speaks of all scenes. A share at chance for either condition
alone explains a low joint share without any competition: read the three shares together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np

from fourfold.conditions import BEYOND
from fourfold.evaluator.analysis.geometry_measures import RESOLUTION
from fourfold.evaluator.analysis.result_tables import p_value
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.statistics import holm, wilson_interval
from fourfold.statistics.independence import independence_test

CHANCE_OF_GROUP = 1 / 6


@dataclass(frozen=True)
class JointRow:
    """C1 and another condition on the same groups of one category, or of all categories of a condition (no name)."""

    condition: str  # "C2", "C3", "C4", or several of them as in "C2+C3"
    category: str
    content_held: int  # groups that satisfy C1
    condition_held: int  # groups that satisfy the condition of their category
    both_held: int
    groups: int
    chance: float  # 0..1: share with both if all scores were random
    p: float  # Fisher's exact test of independence, two-sided
    p_holm: float | None = None  # corrected for the number of categories; None of several categories together

    @property
    def product(self) -> float:
        """The share with both, 0..1, if the two were independent."""
        return self.content_held * self.condition_held / self.groups**2


def is_asked_jointly(condition: str) -> bool:
    """Whether a condition is one that the theory sets against C1."""
    return condition not in ("C1", BEYOND)


def content_holds(images: np.ndarray, texts: np.ndarray, truth: np.ndarray) -> bool:
    """C1 on a group: on each image [k, d], every true one of texts [m, d] above every false one; truth [k, m] bool."""
    cosines = images @ texts.T  # [k, m]
    lowest_true = np.where(truth, cosines, np.inf).min(axis=1)
    highest_false = np.where(truth, -np.inf, cosines).max(axis=1)
    return bool((lowest_true - highest_false > RESOLUTION).all())


def content_chance(truth: np.ndarray) -> float:
    """How often C1 holds for random scores, 0..1: on each image, the true captions come first in the order of all."""
    k, m = truth.shape
    return float(np.prod([1 / comb(m, int(truth[i].sum())) for i in range(k)]))


def joint_row(condition: str, category: str, content: np.ndarray, own: np.ndarray, chances: np.ndarray) -> JointRow:
    """One row: which of n groups satisfy C1 and their own condition, [n] bool each; chances [n] of C1."""
    both, first, second = int((content & own).sum()), int(content.sum()), int(own.sum())
    chance = float(chances.mean()) * CHANCE_OF_GROUP
    p = independence_test(both, first, second, len(own))
    return JointRow(condition, category, first, second, both, len(own), chance, p)


def correct_joint(rows: Sequence[JointRow]) -> tuple[JointRow, ...]:
    """Holm's correction over the categories; rows of several categories together repeat them, and stand outside."""
    family = [i for i, row in enumerate(rows) if row.category]
    corrected = list(rows)
    for i, p in zip(family, holm([rows[j].p for j in family]), strict=True):
        corrected[i] = replace(rows[i], p_holm=p)
    return tuple(corrected)


def joint_table(rows: Sequence[JointRow], model: str) -> Table | None:
    """Conditions and categories down: C1, the own condition, both, what independence would give; None without rows."""
    if not rows:
        return None
    lines: list[tuple[Cell, ...]] = [
        (
            row.condition,
            row.category or "together",
            *(_share(held, row.groups) for held in (row.content_held, row.condition_held, row.both_held)),
            Estimate(row.product),
            Estimate(row.chance),
            p_value(row.p_holm),
            row.groups,
        )
        for row in rows
    ]
    return Table(
        title=f"C1 and another condition on the same scenes, geometry of {model}, percent",
        header=(
            "condition",
            "category",
            "C1",
            "condition holds",
            "both",
            "if independent",
            "chance",
            "p (Holm)",
            "groups",
        ),
        rows=tuple(lines),
        notes=(
            "C1: on both pictures of a group, the caption of every kind of object that is there scores above that of "
            "every kind that is absent; condition: all four margins of the group are positive; both: the group "
            "satisfies the two at once, which the theory says no such space does for all scenes",
            "if independent: the product of the two shares; p: Fisher's exact test of independence, Holm-corrected for "
            "the number of categories; chance: both, for random scores; 95 % intervals are Wilson's",
        ),
    )


def _share(held: int, n: int) -> Estimate:
    return Estimate(held / n, *wilson_interval(held, n))
