"""Audits: can the questions be answered without the picture? Blind solvers on captions, with the leaking feature named.

Works on our own splits and on anyone's benchmark alike: the input is plain data. `audit` judges, `as_table` shows,
`as_json` is what goes to `audit.json`. The picture side, attribute against position, is `generator.independence`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import scipy.special

from generator.blind_features import describe
from generator.blind_items import BlindItem, same_multiset
from generator.blind_solvers import SOLVERS, Preferences, Solver, at_position
from scenes.errors import InputError

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
    """What blind solvers can do with a set of items."""

    items: int
    clusters: int
    results: tuple[SolverResult, ...]
    identical_multisets: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # category: (items, of all)

    @property
    def leaks(self) -> tuple[SolverResult, ...]:
        """The results that left the band around chance, the surest first."""
        return tuple(sorted((result for result in self.results if result.leaks), key=lambda result: result.p))

    @property
    def passed(self) -> bool:
        """Whether every blind solver stayed at chance."""
        return not self.leaks


def audit(items: Sequence[BlindItem], rng: np.random.Generator) -> AuditReport:
    """Run every solver on all items, and on each category where there are several.

    A solver leaks if its accuracy is above chance with p < 0.01 after Holm's correction over all tests of the report.
    Raises InputError where there is nothing to choose or an item's truth does not name its options.
    """
    _check(items)
    chosen = [item for item in items if len(item.truth) < len(item.options)]
    if len(chosen) < _FEWEST_ITEMS:
        raise InputError(
            f"audit: {len(chosen)} of {len(items)} items have both true and false captions; nothing to audit"
        )
    parts = {EVERYTHING: chosen}
    categories = sorted({item.category for item in chosen})
    if len(categories) > 1:
        parts |= {category: [item for item in chosen if item.category == category] for category in categories}
    raw = [
        _judge(name, solver, category, part, rng)
        for category, part in parts.items()
        for name, solver in _solvers(part).items()
    ]
    identical = {category: (sum(map(same_multiset, part)), len(part)) for category, part in parts.items()}
    return AuditReport(len(chosen), len({item.cluster for item in chosen}), _corrected(raw, parts), identical)


def _check(items: Sequence[BlindItem]) -> None:
    for item in items:
        if item.category == EVERYTHING:
            raise InputError(f"audit: item {item.id!r}: the category name {EVERYTHING!r} means all categories together")
        if not item.truth or not set(item.truth) <= set(range(len(item.options))):
            raise InputError(
                f"audit: item {item.id!r}: truth {item.truth} does not name any of its {len(item.options)} options"
            )


def _solvers(items: Sequence[BlindItem]) -> dict[str, Solver]:
    widest = max(len(item.options) for item in items)
    positions = {f"always option {number}": at_position(number) for number in range(1, widest)}
    return {"first": at_position(0), **positions, **SOLVERS}


def hits(items: Sequence[BlindItem], preferences: Preferences) -> np.ndarray:
    """Probability that the solver's choice is true, [n]: options it prefers equally share the choice."""
    return np.array(
        [
            float(np.isin(np.flatnonzero(preference == preference.max()), item.truth).mean())
            for item, preference in zip(items, preferences, strict=True)
        ]
    )


def _judge(
    name: str, solver: Solver, category: str, items: Sequence[BlindItem], rng: np.random.Generator
) -> SolverResult:
    right = hits(items, solver(items, rng))
    chance = float(np.mean([len(item.truth) / len(item.options) for item in items]))
    clusters = np.unique([item.cluster for item in items], return_inverse=True)[1]
    n_clusters = int(clusters.max()) + 1
    n_effective = _effective_size(right, clusters)
    low, high = wilson(float(right.mean()), n_effective)
    p = tail(float(right.mean()), chance, n_effective)
    return SolverResult(name, category, len(items), n_clusters, float(right.mean()), chance, low, high, p, False, "")


def _effective_size(right: np.ndarray, clusters: np.ndarray) -> float:
    """Number of independent items with the same uncertainty; never more than there are items.

    Items of a cluster that are right or wrong together count less. Where all are alike, clusters are what counts.
    """
    n, n_clusters, accuracy = len(right), int(clusters.max()) + 1, right.mean()
    if accuracy in (0.0, 1.0) or n_clusters == 1:
        return float(n_clusters)
    sums = np.bincount(clusters, weights=right - accuracy)
    variance = (sums**2).sum() / n**2 * n_clusters / (n_clusters - 1)
    return float(n / max(1.0, variance / (accuracy * (1 - accuracy) / n)))


def wilson(share: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share among n independent items; n may be fractional."""
    z = float(scipy.special.ndtri(0.5 + confidence / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return max(0.0, centre - half), min(1.0, centre + half)


def tail(share: float, chance: float, n: float) -> float:
    """Probability of this share of n or more at chance: the exact binomial tail, n may be fractional."""
    right = share * n
    return 1.0 if right <= 0 else float(scipy.special.betainc(right, n - right + 1, chance))


def holm(values: Sequence[float]) -> np.ndarray:
    """p-values corrected for their number, in the order given."""
    order = np.argsort(values, kind="stable")
    stepped = np.asarray(values)[order] * np.arange(len(values), 0, -1)
    corrected = np.zeros(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected


def _corrected(raw: Sequence[SolverResult], parts: Mapping[str, Sequence[BlindItem]]) -> tuple[SolverResult, ...]:
    results = []
    for result, p in zip(raw, holm([result.p for result in raw]), strict=True):
        leaks = bool(p < 1 - CONFIDENCE)
        feature = describe(result.solver, parts[result.category]) if leaks else ""
        results.append(replace(result, p=float(p), leaks=leaks, feature=feature))
    return tuple(results)


def as_json(report: AuditReport) -> dict[str, Any]:
    """The report as plain data for `audit.json`."""
    return {"passed": report.passed, "confidence": CONFIDENCE, **asdict(report)}


def as_table(report: AuditReport) -> str:
    """The report as text: one line a solver and category, leaks marked and explained below."""
    lines = [f"{'category':<20} {'solver':<18} {'n':>7} {'chance':>7} {'accuracy':>9}  99 % interval"]
    for result in report.results:
        numbers = f"{result.n:>7} {result.chance:>7.3f} {result.accuracy:>9.3f}  {result.low:.3f} .. {result.high:.3f}"
        lines.append(f"{result.category:<20} {result.solver:<18} {numbers}{'  LEAK' if result.leaks else ''}")
    for category, (same, total) in report.identical_multisets.items():
        lines.append(f"{category:<20} all options of the same words in {same} of {total} items")
    lines += [f"LEAK {leak.category}: {leak.solver} {leak.accuracy:.3f}, {leak.feature}" for leak in report.leaks]
    lines.append("passed: no blind solver leaves chance" if report.passed else f"FAILED: {len(report.leaks)} leaks")
    return "\n".join(lines)
