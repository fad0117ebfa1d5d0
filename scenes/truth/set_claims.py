"""Claims about sets of objects: all, some or none of a kind; only, except, nothing but; one of two, and not both.

What an ordinary sentence takes for granted has to be so, or the claim is open: "all the cubes" speaks of two or more,
"only the cube" of exactly one, "some of the cubes" of more than one and not of all, "not both" of one that is there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.descriptions import Description, all_of, any_of, negation

_FEWEST = 2  # that a plural speaks of


@dataclass(frozen=True)
class Quantified:
    """All, some or none of the objects of a kind have a value of an attribute: "not all the cubes are red".

    The description names kind and value, `attribute` which of its words is the value.
    """

    description: Description
    attribute: str
    quantifier: str

    def holds(self, layout: Layout) -> bool | None:
        """What the quantifier's rule in QUANTIFIERS says; None if hidden objects could change it. KeyError if unknown.

        None of fewer than two of the kind.
        """
        rule = QUANTIFIERS[self.quantifier]
        return _settled(layout, self.description, self.attribute, lambda hits, misses, *others: rule(hits, misses))


@dataclass(frozen=True)
class Exclusive:
    """A value of an attribute is limited to a kind, or to what is not of it: "only the cube is red".

    The description names kind and value, `attribute` which of its words is the value.
    """

    description: Description
    attribute: str
    exclusion: str

    def holds(self, layout: Layout) -> bool | None:
        """What the rule in EXCLUSIONS says; None if hidden objects could change it. KeyError if unknown."""
        return _settled(layout, self.description, self.attribute, EXCLUSIONS[self.exclusion])


@dataclass(frozen=True)
class NothingBut:
    """There are such objects, and no others: "nothing but cubes"."""

    description: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if two or more objects are there and all fit; None of fewer, or if hidden objects could change it."""
        seen = [Description().matches(thing) for thing in layout.objects]
        if seen.count(True) < _FEWEST:
            return None
        fit = [self.description.matches(thing) for thing in layout.objects]
        # A hidden object that would fit changes nothing.
        return all_of(one if there else one is None or None for there, one in zip(seen, fit, strict=True))


@dataclass(frozen=True)
class OneOf:
    """There is an object of the one description or of the other, but not of both."""

    first: Description
    second: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if exactly one of the two is there, None if that depends on mostly hidden objects."""
        one, other = (_is_there(description, layout) for description in (self.first, self.second))
        return any_of((all_of((one, negation(other))), all_of((negation(one), other))))


@dataclass(frozen=True)
class NotBoth:
    """Of two descriptions, one at most has an object; who says so takes it that one of them has."""

    first: Description
    second: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if exactly one of the two is there, False if both are, None if neither is or hidden ones decide."""
        one, other = (_is_there(description, layout) for description in (self.first, self.second))
        both = all_of((one, other))
        return None if both is False and any_of((one, other)) is not True else negation(both)


@dataclass(frozen=True)
class FitsBoth:
    """Some object fits two descriptions: "a cube that is neither red nor blue", which exclude a value each."""

    first: Description
    second: Description

    def holds(self, layout: Layout) -> bool | None:
        """True if an object fits both, None if all that would are mostly hidden."""
        return any_of(all_of((self.first.matches(thing), self.second.matches(thing))) for thing in layout.objects)


SetClaim = Quantified | Exclusive | NothingBut | OneOf | NotBoth | FitsBoth
SET_CLAIMS = (Quantified, Exclusive, NothingBut, OneOf, NotBoth, FitsBoth)


def _is_there(description: Description, layout: Layout) -> bool | None:
    return any_of(description.matches(thing) for thing in layout.objects)


def _settled(
    layout: Layout, description: Description, attribute: str, rule: Callable[[int, int, int, int], bool | None]
) -> bool | None:
    """What the rule says of four numbers, if it says so whether mostly hidden objects are counted or not; else None.

    Objects of the kind that have the value of the attribute and that have not, and other objects that have it and that
    have not.
    """
    free: dict[str, Any] = {attribute: None}
    kind, value = replace(description, **free), getattr(description, attribute)
    possible = {(0, 0, 0, 0)}
    for thing in layout.objects:
        group = 2 * (kind.matches(thing) is False) + (getattr(thing, attribute) != value)
        counted = {tuple(n + (k == group) for k, n in enumerate(numbers)) for numbers in possible}
        possible = counted if Description().matches(thing) else possible | counted
    verdicts = {rule(*numbers) for numbers in possible}
    return verdicts.pop() if len(verdicts) == 1 else None


def _all(hits: int, misses: int) -> bool | None:
    return misses == 0 if hits + misses >= _FEWEST else None


def _not_all(hits: int, misses: int) -> bool | None:
    """Of a kind of which none has the value, few would say that not all have it."""
    return misses > 0 if hits and hits + misses >= _FEWEST else None


def _none(hits: int, misses: int) -> bool | None:
    return hits == 0 if hits + misses >= _FEWEST else None


def _some(hits: int, misses: int) -> bool | None:
    """Of a single one, or where all have the value, people differ on whether some have it."""
    if not hits:
        return False if misses >= _FEWEST else None
    return True if hits >= _FEWEST and misses else None


def _only(hits: int, misses: int, others_with: int, others_without: int) -> bool | None:
    """ "Only the cube is red": there is one cube, and something else."""
    if hits + misses != 1 or not others_with + others_without:
        return None
    return hits == 1 and not others_with


def _except(hits: int, misses: int, others_with: int, others_without: int) -> bool | None:
    """ "All the objects except the cube are red": there is one cube, and two things or more beside it."""
    if hits + misses != 1 or others_with + others_without < _FEWEST:
        return None
    return misses == 1 and not others_without


def _only_kind(hits: int, misses: int, others_with: int, others_without: int) -> bool | None:
    """ "Only cubes are red", be it not all of them: more than one is, and something else is not."""
    if others_with:
        return False
    return True if hits >= _FEWEST and others_without else None


def _not_only_kind(hits: int, misses: int, others_with: int, others_without: int) -> bool | None:
    """ "Not only cubes are red": some cubes are, and something else."""
    return others_with > 0 if hits >= _FEWEST else None


# What each says of the numbers of a kind's objects that have the value and that have not.
QUANTIFIERS: dict[str, Callable[[int, int], bool | None]] = {
    "all": _all,
    "not-all": _not_all,
    "none": _none,
    "some": _some,
}
# What each says of these two numbers, and of the other objects that have the value and that have not.
EXCLUSIONS: dict[str, Callable[[int, int, int, int], bool | None]] = {
    "only": _only,
    "except": _except,
    "only-kind": _only_kind,
    "not-only-kind": _not_only_kind,
}
