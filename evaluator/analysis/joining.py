"""Scorers of a later run added to the results of an earlier one on the same questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.summary import summarise

_HEADS = "heads"  # the part of the settings that is told scorer by scorer


def join_scorers(earlier: Results, later: Results) -> Results:
    """`earlier` with the scorers of `later` behind its own, all numbers computed anew: as one run with all of them.

    Where the versions of libraries are not the same, a note says which scorers were scored with which. Raises
    InputError for results of other questions, pixels, models or settings, and for a scorer that both have.
    """
    for part in ("model", "dataset", "settings"):
        one, other = (_compared(getattr(each, part)) for each in (earlier, later))
        if unlike := [fact for fact in one.keys() | other.keys() if one.get(fact) != other.get(fact)]:
            fact = min(unlike)
            raise InputError(
                f"the earlier results have another {fact} of the {part}: {one.get(fact)!r:.40}, not "
                f"{other.get(fact)!r:.40}; nothing was added. Give another --out"
            )
    if twice := [name for name in later.scorers if name in earlier.scorers]:
        raise InputError(f"the earlier results have scores of {', '.join(twice)} already; nothing was added")
    items = tuple(
        replace(one, scores={**one.scores, **other.scores})
        for one, other in zip(earlier.items, later.items, strict=True)
    )
    settings = dict(earlier.settings)
    metrics, comparisons = summarise(
        items,
        seed=settings["seed"],
        baseline=settings["baseline"],
        replicates=settings["replicates"],
        level=settings["level"],
    )
    heads = {**settings.get(_HEADS, {}), **later.settings.get(_HEADS, {})}
    scorers = {**earlier.scorers, **later.scorers}
    return replace(
        earlier,
        items=items,
        metrics=metrics,
        comparisons=comparisons,
        scorers=scorers,
        settings=settings | ({_HEADS: {name: heads[name] for name in scorers if name in heads}} if heads else {}),
        command=" && ".join(dict.fromkeys([earlier.command, later.command])),
        authors={**earlier.authors, **later.authors},
        notes=(*_join_notes(earlier.notes, later.notes), *_other_versions(earlier, later)),
    )


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same in both: where a dataset lies and what a model or its class is called may change."""
    return {name: fact for name, fact in facts.items() if name not in ("folder", "name", "own", _HEADS)}


def _join_notes(earlier: Sequence[str], later: Sequence[str]) -> list[str]:
    """Both, each said once; what both end with, which speaks of the whole set, at the end."""
    ending: list[str] = []
    for one, other in zip(reversed(earlier), reversed(later), strict=False):
        if one != other:
            break
        ending.insert(0, one)
    parts = [each[: len(each) - len(ending)] for each in (earlier, later)]
    return list(dict.fromkeys([*parts[0], *parts[1], *ending]))


def _other_versions(earlier: Results, later: Results) -> list[str]:
    names = [*dict.fromkeys([*earlier.versions, *later.versions])]
    changed = [name for name in names if earlier.versions.get(name) != later.versions.get(name)]
    if not changed:
        return []
    said = ", ".join(f"{name} {later.versions.get(name)} (before {earlier.versions.get(name)})" for name in changed)
    return [f"{', '.join(later.scorers)} scored later, with {said}"]
