"""The first words of a report: the verdict over all categories, then each category's, then how to read the numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fourfold.evaluator.analysis.comparison import compare
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import ALL
from fourfold.evaluator.reporting.systems import System, find_role
from fourfold.evaluator.reporting.verdicts import (
    ABOVE,
    BELOW,
    UNTESTED,
    UNTOLD,
    against_baseline,
    against_chance,
    difference,
    p_of,
    standing,
)
from fourfold.evaluator.reporting.view import NBSP, Numbers, headline_row, points
from fourfold.evaluator.tables.formats import percent

MOST_NAMED = 6  # categories, or scorers, that one sentence names one by one
_STANDINGS = {ABOVE: "above chance", UNTOLD: "not distinguishable from chance", BELOW: "below chance"}
Row = TypeVar("Row")
_DIFFERENCES = {ABOVE: "better than", UNTOLD: "not distinguishable from", BELOW: "worse than"}


@dataclass(frozen=True)
class Lead:
    """What a report says before its first chart."""

    verdict: str  # over all categories
    categories: tuple[tuple[str, str], ...] = ()  # each category, and the sentence on it
    reading: tuple[str, ...] = ()  # how to read the numbers


@dataclass(frozen=True)
class Contestant:
    """One scorer of one of several models, as a sentence over all of them names it."""

    numbers: Numbers
    system: System
    row: MetricRow  # on the headline metric of the category that is spoken of

    @property
    def name(self) -> str:
        """Model and scorer."""
        return f"{self.numbers.model} with {self.system.label}"


def make_lead(runs: Sequence[Numbers]) -> Lead:
    """The lead of a report on one run, or on several together."""
    categories = list(dict.fromkeys(category for numbers in runs for category in numbers.categories))
    if len(runs) == 1:
        verdict, tell = _verdict(runs[0]), _sentence
        told = tuple((category, tell(runs[0], category)) for category in categories)
        return Lead(verdict, told, (*_how_to_read(runs[0]), _TESTS))
    shown = [*categories, *([ALL] if any(ALL in numbers.with_all for numbers in runs) else [])]
    told = tuple((category, _sentence_of_many(runs, category, len(shown))) for category in shown)
    first = next((text for category, text in told if category == ALL), told[0][1])
    what = f"Of {len(runs)} evaluations, " if told[-1][0] == ALL else f"In {told[0][0]}, "
    rest = tuple(each for each in told if each[0] != ALL)
    return Lead(what + first, rest, (*_how_to_read(runs[0]), _TESTS + _PAIRS))


_TESTS = (
    "p: exact tests against chance and of paired groups, corrected over categories (Holm); not distinguishable: "
    "p ≥ .05, which is no proof that there is no difference."
)
_PAIRS = " Between evaluations p is corrected for all pairs of scorers and all categories (Bonferroni)."


def _verdict(numbers: Numbers) -> str:
    """Where the main scorer stands to chance and to the baseline over all categories, then the baseline itself."""
    baseline, main = find_role(numbers.systems, "baseline"), main_system(numbers)
    rows = {c: headline_row(numbers, c, main) for c in numbers.categories}
    scored = "With" if main.role == "dcsm" else "Scored with"
    said = f"{scored} {main.label}, {numbers.model} is {_tally(rows, standing, _STANDINGS)}"
    if all(standing(row) == UNTESTED for row in rows.values()):
        shares = [f"{percent(row.value)}{NBSP}% of {name} {numbers.unit}" for name, row in rows.items() if row]
        shares = shares if len(shares) <= MOST_NAMED else _ends(numbers, main)
        said = f"{scored} {main.label}, {numbers.model} gets right {enumerate_words(shares)}"
    if baseline is None or main is baseline:
        return f"{said}."
    compared = {c: numbers.comparison(c, main.scorer, numbers.headline(c)) for c in numbers.categories}
    if any(difference(row) != UNTESTED for row in compared.values()):
        words = {key: f"{word} {baseline.label}" for key, word in _DIFFERENCES.items()}
        said += f", and {_tally(compared, difference, words)}"
    own = {c: headline_row(numbers, c, baseline) for c in numbers.categories}
    if all(standing(row) == UNTESTED for row in own.values()):
        return f"{said}."
    return f"{said}. {_capital(baseline.label)} itself is {_tally(own, standing, _STANDINGS)}."


def main_system(numbers: Numbers) -> System:
    """The scorer that a report on one run is about: DCSM if it was run, else the baseline, else the first."""
    systems = numbers.systems
    return find_role(systems, "dcsm") or find_role(systems, "baseline") or numbers.contestants[0]


def _tally(rows: Mapping[str, Row], judge: Callable[[Row], str], words: Mapping[str, str]) -> str:
    """ "above chance in content and binding, below chance in negation"; many categories are counted, not named."""
    found: dict[str, list[str]] = {}
    for category, row in rows.items():
        found.setdefault(judge(row), []).append(category)
    parts = []
    for key, word in words.items():
        if names := found.get(key):
            everywhere = len(names) == len(rows) > 1
            several = "both" if len(names) == 2 else f"all {len(names)}"
            listed = enumerate_words(names)
            if len(names) > MOST_NAMED:
                listed = f"{len(names)} of {len(rows)} categories"
            parts.append(f"{word} in {f'{several} categories' if everywhere else listed}")
    if UNTESTED in found and parts:
        parts.append(f"not tested in {enumerate_words(found[UNTESTED])}")
    return ", ".join(parts) if parts else "not tested"


def _sentence(numbers: Numbers, category: str) -> str:
    """What one run shows on one category, a sentence or two a scorer: the main one first, then the others."""
    main = main_system(numbers)
    others = [each for each in numbers.contestants if each is not main]
    others.sort(key=lambda each: each.role != "baseline")  # what the main one is compared with comes next
    clauses = [_clause(numbers, category, each) for each in (main, *others[: MOST_NAMED - 1])]
    return " ".join(f"{clause}." for clause in clauses if clause)


def _clause(numbers: Numbers, category: str, system: System) -> str:
    said, beside = against_chance(numbers, category, system), against_baseline(numbers, category, system)
    if not said or not beside:
        return said
    return f"{said}{'. It is' if ': ' in said else ', and'} {beside}"


def _sentence_of_many(runs: Sequence[Numbers], category: str, categories: int) -> str:
    """Over all models: which scorer gets most right, whether it beats the next, and where each stands to chance."""
    asked = [(numbers, system) for numbers in runs if category in numbers.with_all for system in numbers.contestants]
    rows = [(each, headline_row(numbers, category, each)) for numbers, each in asked]
    found = [Contestant(numbers, each, row) for (numbers, _), (each, row) in zip(asked, rows, strict=True) if row]
    ranked = sorted(found, key=lambda each: -each.row.value)
    said = f"{ranked[0].name} gets most right ({percent(ranked[0].row.value)}{NBSP}%)"
    if len(ranked) > 1:
        tests = len(ranked) * (len(ranked) - 1) // 2 * categories
        said += f", {_beside_next(ranked[0], ranked[1], category, tests)}"
    standings: dict[str, list[Contestant]] = {}
    for each in ranked:
        standings.setdefault(standing(each.row), []).append(each)
    parts = [f"{word}: {_by_scorer(standings[key], ranked)}" for key, word in _STANDINGS.items() if key in standings]
    return f"{'; '.join([said, *parts])}."


def _by_scorer(some: Sequence[Contestant], every: Sequence[Contestant]) -> str:
    """ "DCSM of all 3, cosine of A and B"; models that are many are counted."""
    told = []
    for label in dict.fromkeys(each.system.label for each in some):
        models = [each.numbers.model for each in some if each.system.label == label]
        n = sum(each.system.label == label for each in every)
        listed = enumerate_words(models) if len(models) <= MOST_NAMED else f"{len(models)} of {n}"
        told.append(f"{label} of {f'all {n}' if len(models) == n > 1 else listed}")
    return ", ".join(told)


def _beside_next(best: Contestant, second: Contestant, category: str, tests: int) -> str:
    """Whether the best is better than the next, tested on the items that both were asked."""
    pair = {str(i): _reduced(each, category) for i, each in enumerate((second, best))}
    found = compare(pair, replicates=2)  # the test needs no resamples
    row = next((each for each in found.comparisons if each.p is not None and each.category == category), None)
    if row is None or row.p is None:
        return f"the next is {second.name}, and the two were not tested on the same items"
    p = min(1.0, row.p * tests)
    word = _DIFFERENCES[difference(replace(row, p=p, p_holm=None))]
    return f"{word} the next, {second.name} ({points(row.difference)} points, {p_of(p)})"


def _reduced(each: Contestant, category: str) -> Results:
    """The results of one scorer, on one category alone."""
    run, scorer = each.numbers.run, each.system.scorer
    items = run.items if category == ALL else tuple(item for item in run.items if item.category == category)
    alone = tuple(replace(item, scores={scorer: item.scores[scorer]}) for item in items)
    return replace(run, items=alone, scorers={scorer: run.scorers[scorer]}, notes=())


def _ends(numbers: Numbers, system: System) -> list[str]:
    """All categories together where they are many."""
    row = headline_row(numbers, ALL, system)
    return [f"{percent(row.value)}{NBSP}% of all {numbers.unit}"] if row else ["what the table shows"]


def _how_to_read(numbers: Numbers) -> list[str]:
    if numbers.unit == "groups":
        return [
            "A group is two pictures that differ in one thing and two captions, each true of one picture. It counts as "
            "right when all four comparisons come out right; guessing gets 1 in 6. Thin lines are "
            f"95{NBSP}% intervals."
        ]
    single = {row.clusters == 1 for row in numbers.run.metrics if row.category in numbers.categories}
    ways = ["that resample whole clusters of items"] * (False in single)
    ways += ["by Wilson’s formula over the questions of the one set"] * (True in single)
    return [f"Thin lines are 95{NBSP}% intervals {', or '.join(ways)}; the stroke across a bar is chance."]


def enumerate_words(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
