"""Which objects a claim means, and the three-valued logic (Kleene's strong one) in which claims are judged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fourfold.scenes.model.layout import Layout, PlacedObject

MIN_VISIBLE_FRACTION = 0.45  # an object hidden more than this is neither there nor absent
_ATTRIBUTES = ("shape", "color", "size", "material", "pattern")


@dataclass(frozen=True)
class Description:
    """Which objects are meant: those with every given attribute and without the excluded one."""

    shape: str | None = None
    color: str | None = None
    size: str | None = None
    material: str | None = None
    pattern: str | None = None
    excluded: tuple[str, str] | None = None  # (attribute, value): "a cube that is not red"

    def matches(self, thing: PlacedObject) -> bool | None:
        """Whether the object fits; None if it would but is mostly hidden."""
        wanted = all(getattr(self, name) in (None, getattr(thing, name)) for name in _ATTRIBUTES)
        if not wanted or (self.excluded and getattr(thing, self.excluded[0]) == self.excluded[1]):
            return False
        return True if thing.visible_fraction >= MIN_VISIBLE_FRACTION else None


def any_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Kleene disjunction: True if one is, else None if one is open, else False."""
    verdicts = list(verdicts)
    return True if True in verdicts else None if None in verdicts else False


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Kleene conjunction: False if one is, else None if one is open, else True."""
    verdicts = list(verdicts)
    return False if False in verdicts else None if None in verdicts else True


def negation(verdict: bool | None) -> bool | None:
    """Kleene negation: open stays open."""
    return None if verdict is None else not verdict


def some_pair(
    layout: Layout, subject: Description, reference: Description, holds: Callable[[int, int], bool | None]
) -> bool | None:
    """Whether `holds(i, j)` is so of some object i that fits the subject and another, j, that fits the reference."""
    first, second = ([description.matches(thing) for thing in layout.objects] for description in (subject, reference))
    return any_of(
        all_of((first[i], second[j], holds(i, j)))
        for i in range(len(first))
        for j in range(len(second))
        if i != j and False not in (first[i], second[j])
    )
