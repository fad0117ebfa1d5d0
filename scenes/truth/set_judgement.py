"""Claims about sets of objects, judged by what was sighted on a picture: see `fourfold.scenes.truth.label_check`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fourfold.scenes.truth.descriptions import Description, all_of, any_of, negation
from fourfold.scenes.truth.pixel_judgement import Verdict, View, count, fits
from fourfold.scenes.truth.set_claims import Exclusive, FitsBoth, NotBoth, NothingBut, OneOf, Quantified, SetClaim


def judge_set(claim: SetClaim, view: View) -> Verdict:
    """Whether the pixels show the claim: True, False, or None where they do not say, or nobody would say it so."""
    match claim:
        case Quantified(description, attribute, quantifier):
            return _quantified(description, attribute, quantifier, view)
        case Exclusive(description, attribute, exclusion):
            return _exclusive(description, attribute, exclusion, view)
        case NothingBut(description):
            return all_of(_each(description, view)) if _are_several(_each(Description(), view)) else None
        case OneOf(first, second):
            one, other = any_of(_each(first, view)), any_of(_each(second, view))
            return None if None in (one, other) else one is not other
        case NotBoth(first, second):
            there = [any_of(_each(description, view)) for description in (first, second)]
            return negation(all_of(there)) if True in there else None
        case FitsBoth(first, second):
            return any_of(map(all_of, zip(_each(first, view), _each(second, view), strict=True)))


def _quantified(description: Description, attribute: str, quantifier: str, view: View) -> Verdict:
    hits, misses = (_each(each, view) for each in _with_and_without(description, attribute))
    if not _are_several(_each(_but(description, attribute), view)):
        return None
    hit, miss = any_of(hits), any_of(misses)
    match quantifier:
        case "all":
            return negation(miss)
        case "not-all":
            return miss if hit else None
        case "none":
            return negation(hit)
        case "some":
            return False if hit is False else True if _are_several(hits) and miss else None
    raise KeyError(quantifier)


def _exclusive(description: Description, attribute: str, exclusion: str, view: View) -> Verdict:
    kind = _but(description, attribute)
    value: dict[str, Any] = {attribute: getattr(description, attribute)}
    hits, misses = (_each(each, view) for each in _with_and_without(description, attribute))
    of_kind, others = _each(kind, view), [negation(fit) for fit in _each(kind, view)]
    also, not_so = (
        any_of(map(all_of, zip(others, _each(each, view), strict=True)))
        for each in _with_and_without(Description(**value), attribute)
    )
    match exclusion:
        case "only":
            return all_of((any_of(hits), negation(also))) if count(of_kind, 1) and True in others else None
        case "except":
            return all_of((any_of(misses), negation(not_so))) if count(of_kind, 1) and _are_several(others) else None
        case "only-kind":
            return False if also else True if also is False and _are_several(hits) and True in others else None
        case "not-only-kind":
            return also if _are_several(hits) else None
    raise KeyError(exclusion)


def _each(description: Description, view: View) -> list[Verdict]:
    return [fits(description, thing) for thing in view.things]


def _are_several(verdicts: Sequence[Verdict]) -> bool:
    return verdicts.count(True) > 1


def _but(description: Description, attribute: str) -> Description:
    free: dict[str, Any] = {attribute: None}
    return replace(description, **free)


def _with_and_without(description: Description, attribute: str) -> tuple[Description, Description]:
    """The description, and the one of the same kind without its value of the attribute."""
    without = replace(_but(description, attribute), excluded=(attribute, getattr(description, attribute)))
    return description, without
