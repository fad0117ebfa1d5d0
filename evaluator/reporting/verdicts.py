"""What the numbers of one scorer on one category come to, in words: nothing is said that a test does not bear out."""

from fourfold.evaluator.analysis.chance_marks import SIGNIFICANT
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow
from fourfold.evaluator.reporting.systems import System
from fourfold.evaluator.reporting.view import NBSP, Numbers, points
from fourfold.evaluator.tables.formats import percent

ABOVE, BELOW, UNTOLD, UNTESTED = "above", "below", "untold", "untested"


def standing(row: MetricRow | None) -> str:
    """Where a value stands to chance: ABOVE, BELOW, UNTOLD where its test does not say, UNTESTED without one."""
    p = None if row is None else _chance_p(row)
    if row is None or p is None:
        return UNTESTED
    return UNTOLD if p >= SIGNIFICANT else ABOVE if row.value > row.chance else BELOW


def against_chance(numbers: Numbers, category: str, system: System) -> str:
    """The clause on one scorer, such as "DCSM is above chance (98.3 % [91.1, 99.7], p < .001)"; "" if it was not asked.

    Of group scores that are not above chance it goes on to say why: what pairs win, what decides.
    """
    row = numbers.metric(category, system.scorer, numbers.headline(category))
    if row is None:
        return ""
    name, found = system.label, standing(row)
    if found == UNTESTED:
        return f"{name} gets {_share(row)} right, where chance is {percent(row.chance)}{NBSP}%, and this was not tested"
    p = p_of(_chance_p(row))
    if found == UNTOLD:
        said = f"{name} is not distinguishable from chance ({_share(row)} against {percent(row.chance)}{NBSP}%, {p})"
    else:
        said = f"{name} is {found} chance ({_share(row)}, {p})"
    why = "" if found == ABOVE else _why_low(numbers, category, system, row)
    return f"{said}: {why}" if why else said


def against_baseline(numbers: Numbers, category: str, system: System) -> str:
    """The clause on one scorer beside the baseline, such as "better than cosine (+96.7 points, p < .001)"; or ""."""
    row = numbers.comparison(category, system.scorer, numbers.headline(category))
    if row is None or row.p is None:
        return ""
    found = difference(row)
    word = {ABOVE: "better than", BELOW: "worse than", UNTOLD: "not distinguishable from"}[found]
    baseline = next((each.label for each in numbers.systems if each.scorer == row.baseline), row.baseline)
    return f"{word} {baseline} ({points(row.difference)} points, {p_of(_difference_p(row))})"


def difference(row: ComparisonRow | None) -> str:
    """Where a scorer stands to the baseline, as `standing` says it of chance."""
    p = None if row is None else _difference_p(row)
    if row is None or p is None:
        return UNTESTED
    return UNTOLD if p >= SIGNIFICANT else ABOVE if row.difference > 0 else BELOW


def p_of(p: float | None) -> str:
    """ "p < .001" or "p = .012"; nothing is rounded to zero, nor over the edge to .05."""
    if p is None:
        return "not tested"
    if p < 0.001:
        return f"p{NBSP}<{NBSP}.001"
    text = f"{p:.3f}".removeprefix("0")
    return f"p{NBSP}<{NBSP}.05" if text == ".050" and p < SIGNIFICANT else f"p{NBSP}={NBSP}{text}"


def _why_low(numbers: Numbers, category: str, system: System, group: MetricRow) -> str:
    """What each group's interaction says of a group score that is not above chance.

    What its sign is over all groups (`match`), and if that is not clear, over those in which it decides.
    """
    match = numbers.metric(category, system.scorer, "match_score")
    if group.metric != "group_score" or match is None or standing(match) == UNTESTED:
        return ""
    told = f"match {percent(match.value)}{NBSP}%, {p_of(_chance_p(match))}"
    if standing(match) == BELOW:
        return f"the wrong pairs win on average ({told}), so it is inverted"
    chance, p = group.chance_given_offsets, group.p_given_offsets
    p = None if p is None else min(1.0, p * len(numbers.categories))  # corrected as the others are, by Bonferroni
    if chance is not None and p is not None and p < SIGNIFICANT and group.value < chance:
        return (
            f"where offsets of single pictures and captions leave a group open, the wrong pairs win ({told}; "
            f"{percent(chance)}{NBSP}% would be right if they were as likely as the right ones, {p_of(p)}), "
            "so it is inverted"
        )
    if standing(match) == ABOVE:
        return f"the right pairs win on average ({told}), but offsets of single pictures and captions decide"
    if standing(group) == UNTOLD:
        return f"which pairs win is not distinguishable from chance either ({told})"
    which = f"which pairs win is not distinguishable from chance ({told})"
    return f"{which}, so offsets of single pictures and captions decide"


def _share(row: MetricRow) -> str:
    share = f"{percent(row.value)}{NBSP}%"
    return share if row.low is None or row.high is None else f"{share} [{percent(row.low)}, {percent(row.high)}]"


def _chance_p(row: MetricRow) -> float | None:
    """Corrected over categories where it was; all categories together are one test."""
    return row.p_chance if row.p_chance_holm is None else row.p_chance_holm


def _difference_p(row: ComparisonRow) -> float | None:
    return row.p if row.p_holm is None else row.p_holm
