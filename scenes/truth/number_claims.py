"""Claims about how many there are: at least so many of a kind, more of one kind than of another, as many of both.

Each takes every mostly hidden object as one that may be there or not, and has a truth only where that does not matter.
"""

from dataclasses import dataclass

from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.descriptions import Description


@dataclass(frozen=True)
class AtLeast:
    """There are so many such objects, or more; its negation says that there are fewer."""

    description: Description
    number: int

    def holds(self, layout: Layout) -> bool | None:
        """True if so many objects fit, None if it depends on mostly hidden ones."""
        matches = [self.description.matches(thing) for thing in layout.objects]
        sure, unsure = matches.count(True), matches.count(None)
        return True if sure >= self.number else None if sure + unsure >= self.number else False


@dataclass(frozen=True)
class MoreThan:
    """There are more objects of the first description than of the second."""

    subject: Description
    reference: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if there are more, None if it depends on mostly hidden objects or there is none to compare with.

        Whether cubes are more than spheres where there is no sphere is a question that people wonder at.
        """
        if not _some(self.reference, layout):
            return None
        least, most = _surplus(self.subject, self.reference, layout)
        return True if least > 0 else False if most <= 0 else None


@dataclass(frozen=True)
class AsManyAs:
    """There are exactly as many objects of the first description as of the second."""

    subject: Description
    reference: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if there are as many, None if it depends on mostly hidden objects or there is none of either."""
        least, most = _surplus(self.subject, self.reference, layout)
        if not least <= 0 <= most:
            return False
        return True if least == most and _some(self.subject, layout) else None


def _some(description: Description, layout: Layout) -> bool:
    return any(description.matches(thing) for thing in layout.objects)


def _surplus(subject: Description, reference: Description, layout: Layout) -> tuple[int, int]:
    """By how many the first are more than the second, at least and at most; what fits both counts for both."""
    least = most = 0
    for thing in layout.objects:
        one, other = subject.matches(thing), reference.matches(thing)
        surplus = (one is not False) - (other is not False)
        seen = True in (one, other)  # what is hidden is there or not, so it adds its surplus or nothing
        least, most = least + (surplus if seen else min(surplus, 0)), most + (surplus if seen else max(surplus, 0))
    return least, most


NumberClaim = AtLeast | MoreThan | AsManyAs
NUMBER_CLAIMS = (AtLeast, MoreThan, AsManyAs)
