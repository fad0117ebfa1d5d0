"""Claims about how many there are, judged by what was sighted on a picture alone: bounds on every number."""

from collections.abc import Sequence

from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.pixel_judgement import Verdict, View, fits


def at_least(view: View, description: Description, number: int) -> Verdict:
    """Whether so many sightings fit, or more."""
    least, most = _bounds(description, view)
    return _settled([least >= number, most >= number])


def more_than(view: View, subject: Description, reference: Description) -> Verdict:
    """Whether more sightings fit the first description than the second, of which there has to be one."""
    (least, most), (fewest, others) = _bounds(subject, view), _bounds(reference, view)
    return _settled([least > others, most > fewest]) if fewest else None


def as_many(view: View, subject: Description, reference: Description) -> Verdict:
    """Whether exactly as many sightings fit the one description as the other, and any at all."""
    (least, most), (fewest, others) = _bounds(subject, view), _bounds(reference, view)
    if least > others or most < fewest:
        return False
    return True if least == most == fewest == others > 0 else None


def _bounds(description: Description, view: View) -> tuple[int, int]:
    """How many sightings fit for certain, and how many may."""
    matches = [fits(description, thing) for thing in view.things]
    return matches.count(True), len(matches) - matches.count(False)


def _settled(verdicts: Sequence[bool]) -> Verdict:
    """The verdict at the least and at the most, if it is the same."""
    return verdicts[0] if len(set(verdicts)) == 1 else None
