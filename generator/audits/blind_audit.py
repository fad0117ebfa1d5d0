"""Audits: can the questions be answered without the picture? Blind solvers on captions, with the leaking feature named.

Works on our own splits and on anyone's benchmark alike: the input is plain data. `audit` judges, `as_table` shows,
`as_json` is what goes to `audit.json`. The picture side, attribute against position, is
`fourfold.generator.audits.independence`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import scipy.special

from fourfold.errors import InputError
from fourfold.generator.audits.blind_features import describe
from fourfold.generator.audits.blind_items import BlindItem
from fourfold.generator.audits.blind_tallies import Part, SolverTally, judge
from fourfold.statistics import holm, wilson_interval

CONFIDENCE = 0.99
EVERYTHING = "all"
_FEWEST_ITEMS = 2


@dataclass(frozen=True)
class SolverResult:
    """How well one solver did on one category."""

    solver: str
    category: str
    n: int
    clusters: int
    accuracy: float
    chance: float
    low: float  # 99 % interval of the accuracy, resampling-free, wider where the items of a cluster agree
    high: float
    p: float  # of an accuracy this high by chance, corrected (Holm) for everything tested in the report
    leaks: bool
    feature: str  # what gives the answer away; empty where nothing does


@dataclass(frozen=True)
class AuditReport:
    """What every blind solver can do with a set of items, on all of them and on each category."""

    items: int
    clusters: int
    results: tuple[SolverResult, ...]
    identical_multisets: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # category: (items, of all)
    most_for_training: int | None = None  # clusters of a category, drawn evenly, that trained solvers see; None: all

    @property
    def leaks(self) -> tuple[SolverResult, ...]:
        """The results of solvers that are better than chance for certain, the surest (smallest p) first."""
        return tuple(sorted((result for result in self.results if result.leaks), key=lambda result: result.p))

    @property
    def passed(self) -> bool:
        """Whether every blind solver stayed at chance."""
        return not self.leaks


def audit(items: Iterable[BlindItem], rng: np.random.Generator) -> AuditReport:
    """Run every solver on all items, and on each category where there are several.

    A solver leaks if its accuracy is above chance with p < 0.01 after Holm's correction over all tests of the report.
    Raises InputError where there is nothing to choose or an item's truth does not name its options.
    """
    clusters: dict[str, list[BlindItem]] = {}
    for item in items:
        clusters.setdefault(item.cluster, []).append(item)
    return audit_clusters(clusters.values(), rng)


def audit_clusters(
    clusters: Iterable[Sequence[BlindItem]], rng: np.random.Generator, most_for_training: int | None = None
) -> AuditReport:
    """The same as `audit`, for items that are read once, cluster by cluster, and are too many to keep.

    With `most_for_training` a trained solver sees that many clusters of each category, drawn evenly, and as many of all
    categories together; the other clusters are not kept. Every other solver sees all items. Raises InputError as
    `audit` does.
    """
    with TemporaryFile() as spool:
        parts: dict[str, Part] = {}
        met = 0
        for items in clusters:
            met += len(items)
            _check(items)
            judged = [judge(item) for item in items if len(item.truth) < len(item.options)]
            for category in dict.fromkeys([EVERYTHING, *(item.category for item, _ in judged)]) if judged else ():
                own = [each for each in judged if category in (EVERYTHING, each[0].category)]
                parts.setdefault(category, Part(most_for_training, spool)).add(own, rng)
        chosen = parts[EVERYTHING].chance.items if parts else 0
        if chosen < _FEWEST_ITEMS:
            raise InputError(f"audit: {chosen} of {met} items have both true and false captions; nothing to audit")
        return _report(parts, rng, most_for_training)


def _report(parts: Mapping[str, Part], rng: np.random.Generator, most_for_training: int | None) -> AuditReport:
    whole = parts[EVERYTHING]
    categories = sorted(parts.keys() - {EVERYTHING})
    parts = {EVERYTHING: whole} | {category: parts[category] for category in categories if len(categories) > 1}
    raw = [
        _judge(name, category, tally, chance)
        for category, part in parts.items()
        for name, (tally, chance) in part.tallies(rng).items()
    ]
    identical = {category: (part.alike, part.chance.items) for category, part in parts.items()}
    results = _corrected(raw, parts)
    return AuditReport(whole.chance.items, whole.chance.clusters, results, identical, most_for_training)


def _check(items: Sequence[BlindItem]) -> None:
    for item in items:
        if item.category == EVERYTHING:
            raise InputError(f"audit: item {item.id!r}: the category name {EVERYTHING!r} means all categories together")
        if not item.truth or not set(item.truth) <= set(range(len(item.options))):
            raise InputError(
                f"audit: item {item.id!r}: truth {item.truth} does not name any of its {len(item.options)} options"
            )


def _judge(solver: str, category: str, tally: SolverTally, chance: SolverTally) -> SolverResult:
    accuracy, n = tally.accuracy, tally.effective_size
    low, high = wilson_interval(accuracy * n, n, CONFIDENCE)
    p = tail(accuracy, chance.accuracy, n)
    return SolverResult(
        solver, category, tally.items, tally.clusters, accuracy, chance.accuracy, low, high, p, False, ""
    )


def tail(share: float, chance: float, n: float) -> float:
    """Probability that a solver at chance is right about a share of `share` or more of n items.

    The exact binomial tail, continued to fractional n by the incomplete beta function: 1 for a share of 0.
    """
    right = share * n
    return 1.0 if right <= 0 else float(scipy.special.betainc(right, n - right + 1, chance))


def _corrected(raw: Sequence[SolverResult], parts: Mapping[str, Part]) -> tuple[SolverResult, ...]:
    results, samples = [], {}
    for result, p in zip(raw, holm([result.p for result in raw]), strict=True):
        leaks = bool(p < 1 - CONFIDENCE)
        if leaks and result.category not in samples:
            samples[result.category] = list(chain(*parts[result.category].sample()))
        feature = describe(result.solver, samples[result.category]) if leaks else ""
        results.append(replace(result, p=p, leaks=leaks, feature=feature))
    return tuple(results)


def as_json(report: AuditReport) -> dict[str, Any]:
    """The report as plain data, as `audit.json` holds it: whether it passed, the confidence (0.99), and all fields."""
    return {"passed": report.passed, "confidence": CONFIDENCE, **asdict(report)}


def as_table(report: AuditReport) -> str:
    """The report as text: one line for each category and solver, leaks marked, and explained below."""
    lines = [f"{'category':<20} {'solver':<18} {'n':>7} {'chance':>7} {'accuracy':>9}  99 % interval"]
    for result in report.results:
        numbers = f"{result.n:>7} {result.chance:>7.3f} {result.accuracy:>9.3f}  {result.low:.3f} .. {result.high:.3f}"
        lines.append(f"{result.category:<20} {result.solver:<18} {numbers}{'  LEAK' if result.leaks else ''}")
    for category, (same, total) in report.identical_multisets.items():
        lines.append(f"{category:<20} all options of the same words in {same} of {total} items")
    lines += [f"LEAK {leak.category}: {leak.solver} {leak.accuracy:.3f}, {leak.feature}" for leak in report.leaks]
    lines.append("passed: no blind solver leaves chance" if report.passed else f"FAILED: {len(report.leaks)} leaks")
    return "\n".join(lines)
