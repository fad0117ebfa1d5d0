"""How clearly claims hold: how far a scene is from leaving them open, in units of the margins of relations.

Quantitative semantics as temporal logic has it (Fainekos and Pappas, "Robustness of temporal logic specifications for
continuous-time signals", 2009): a conjunction is as clear as its weaker part, "some pair" as its clearest pair.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Both, Claim, Compared, Located, Not, Related, region_offsets
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import COMPARISONS, RELATIONS, Relation


def margin_to_ambiguity(claims: Sequence[Claim], layouts: Sequence[Layout]) -> float | None:
    """How far the least clear of the claims is from being open in one of the scenes, 0 or more.

    The unit is the margin of what is least clear: 1 says that a relation has twice the offset that it needs. None where
    no claim has a margin in any scene: that a thing is there, how many there are, and what touches what.
    """
    weakest = min((abs(clearness(claim, layout)) for claim in claims for layout in layouts), default=np.inf)
    return None if np.isinf(weakest) else max(weakest - 1, 0.0)


def clearness(claim: Claim, layout: Layout) -> float:
    """At least 1 where the claim is True of the scene, at most -1 where it is False; infinite without a margin.

    The offset of the relation, comparison or region that decides the claim, negative where it is denied.
    """
    match claim:
        case Both(first, second):
            return min(clearness(first, layout), clearness(second, layout))
        case Not(denied):
            return -clearness(denied, layout)
        case Related(subject, relation, reference):
            return _clearest(_pairs(layout, subject, reference), _offset(RELATIONS[relation], layout))
        case Compared(subject, reference, dimension):
            return _clearest(_pairs(layout, subject, reference), _offset(COMPARISONS[dimension], layout))
        case Located(description, region):
            offsets = region_offsets(layout, region)
            return max((float(offsets[i]) for i in _fitting(layout, description)), default=-np.inf)
    return {True: np.inf, False: -np.inf, None: 0.0}[claim.holds(layout)]


def _offset(relation: Relation, layout: Layout) -> Callable[[int, int], float]:
    def offset(i: int, j: int) -> float:
        found = relation.offset(layout, i, j)
        return found if relation.graded else float(np.copysign(np.inf, found)) if abs(found) >= 1 else 0.0

    return offset


def _clearest(pairs: Iterator[tuple[int, int]], offset: Callable[[int, int], float]) -> float:
    return max((float(offset(i, j)) for i, j in pairs), default=-np.inf)


def _pairs(layout: Layout, subject: Description, reference: Description) -> Iterator[tuple[int, int]]:
    others = _fitting(layout, reference)
    return ((i, j) for i in _fitting(layout, subject) for j in others if i != j)


def _fitting(layout: Layout, description: Description) -> list[int]:
    return [i for i, thing in enumerate(layout.objects) if description.matches(thing) is not False]
