"""What judging claims by pixels has in common: one picture as sighted, and whether a sighting fits a description."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fourfold.scenes.model.camera import Camera
from fourfold.scenes.truth.descriptions import MIN_VISIBLE_FRACTION, Description, all_of, any_of, negation
from fourfold.scenes.truth.sightings import Sighting

Verdict = bool | None
Things = Sequence[Sighting | None]


@dataclass(frozen=True)
class View:
    """What was sighted on one picture, and by which camera."""

    things: Things
    camera: Camera


def fits(description: Description, thing: Sighting | None) -> Verdict:
    """Whether a sighting is such an object; what is mostly hidden, or never seen, may be."""
    if thing is None:
        return None
    said = {name: getattr(description, name) for name in thing.may_be}
    verdicts = [_is(value, thing.may_be[name]) for name, value in said.items() if value is not None]
    if description.excluded:
        name, value = description.excluded
        verdicts.append(negation(_is(value, thing.may_be[name])))
    return all_of((*verdicts, True if thing.visible_fraction >= MIN_VISIBLE_FRACTION else None))


def _is(word: str, allowed: frozenset[str]) -> Verdict:
    if word not in allowed:
        return False
    return True if len(allowed) == 1 else None


def count(matches: Sequence[Verdict], number: int) -> Verdict:
    """Whether exactly so many of the objects fit, given the verdict on each."""
    sure, unsure = matches.count(True), matches.count(None)
    if not sure <= number <= sure + unsure:
        return False
    return None if unsure else True


def some_pair(
    view: View, subject: Description, reference: Description, holds: Callable[[Sighting, Sighting, Camera], Verdict]
) -> Verdict:
    """Whether `holds(a, b, camera)` is so of some sighting that fits the subject and another for the reference."""
    return any_of(
        all_of((fits(subject, a), fits(reference, b), None if a is None or b is None else holds(a, b, view.camera)))
        for i, a in enumerate(view.things)
        for j, b in enumerate(view.things)
        if i != j
    )


def beyond(difference: float, margin: float) -> Verdict:
    """True past the margin, False past it the other way, None within it."""
    return None if abs(difference) < margin else difference > 0


def turned(holds: Callable[[Sighting, Sighting, Camera], Verdict]) -> Callable[[Sighting, Sighting, Camera], Verdict]:
    """The converse of a relation between two sightings."""
    return lambda a, b, camera: holds(b, a, camera)
