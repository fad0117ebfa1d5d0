"""Would other groups of the same kind have ranked the systems alike? Split-half reliability of category scores.

A benchmark measures systems: scorers, models, or both. Its groups are drawn at random from all those that could have
been made, and are cut into two halves, again and again; each half scores every system. If the score of a category says
something about the systems, and not only about the groups that happened to be drawn, both halves say the same. The
correlation r of the two halves over systems is that of a test half as long; the reliability of the whole is
2 r / (1 + r) (Spearman and Brown, both 1910, British Journal of Psychology 3). It is the share of the variance between
observed scores that is variance between true ones, so it belongs to this set of systems: very different systems are
told apart by few groups. Beside it stands what needs no model: how often two systems come in the same order in both
halves (as Voorhees and Buckley, SIGIR 2002, ask of test collections), and the standard error of a score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fourfold.evaluator.analysis.common_items import find_common
from fourfold.evaluator.analysis.headline_hits import HeadlineHits, category_rng, headline_hits
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.tables.formats import Cell, Estimate, Table

SPLITS = 500
FEWEST_SYSTEMS = 3  # two always correlate perfectly


@dataclass(frozen=True)
class ReliabilityRow:
    """What halves of the groups of one category agree on."""

    category: str
    metric: str  # a key of `fourfold.evaluator.analysis.metrics.METRICS`
    systems: int
    clusters: int
    reliability: float | None  # 0..1, of the whole category; None of fewer than three systems, or all of them alike
    low: float | None  # the 5th and the 95th of a hundred halvings; no confidence interval
    high: float | None
    same_order: float | None  # 0..1: share of pairs of systems in the same order in both halves; a tie is half a pair
    standard_error: float  # 0..1, of a category score: the largest of any system


def find_reliability(items: Sequence[ScoredItem], *, seed: int = 0, splits: int = SPLITS) -> tuple[ReliabilityRow, ...]:
    """One row for each category, and one for all together; the systems are those that the items have scores of.

    Clusters stay whole. Every scorer should be one that is compared: an oracle among them makes any set look reliable.
    """
    return tuple(_of_category(hits, seed, splits) for hits in headline_hits(items))


def merge_systems(runs: Mapping[str, Results], scorers: Mapping[str, Sequence[str]]) -> list[ScoredItem]:
    """The items that all runs have, each with the scores of `scorers` of every run, under "RUN, SCORER"."""
    common = find_common(runs).items
    return [
        replace(
            same[0],
            scores={
                f"{name}, {scorer}": item.scores[scorer]
                for name, item in zip(common, same, strict=True)
                for scorer in scorers[name]
            },
        )
        for same in zip(*common.values(), strict=True)
    ]


def reliability_table(rows: Sequence[ReliabilityRow]) -> Table | None:
    """Categories down: reliability, order, standard error; None without rows."""
    if not rows:
        return None
    few = rows[0].systems < FEWEST_SYSTEMS
    lines: list[tuple[Cell, ...]] = [
        (
            row.category,
            METRICS[row.metric].label,
            None if row.reliability is None else Estimate(row.reliability, row.low, row.high, percent=False),
            None if row.same_order is None else Estimate(row.same_order),
            Estimate(row.standard_error),
            row.systems,
            row.clusters,
        )
        for row in rows
    ]
    notes = [
        "reliability: Spearman-Brown, from the correlation over systems of scores on random halves of the groups; in "
        "brackets 90 % of the halvings, which is no confidence interval. It belongs to these systems: the more they "
        "differ, the higher it is",
        "same order: share of pairs of systems, in percent, that both halves put in the same order (chance 50)",
        "standard error: of a category score, in percent, the largest of any system",
    ]
    if few:
        notes.insert(
            0, f"not applicable: reliability needs {FEWEST_SYSTEMS} systems to rank, here are {rows[0].systems}"
        )
    return Table(
        "split-half reliability of the scores",
        ("category", "metric", "reliability", "same order", "standard error", "systems", "groups"),
        tuple(lines),
        tuple(notes),
    )


def halve(hits: np.ndarray, asked: np.ndarray, rng: np.random.Generator, splits: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores 0..1 of every system on both halves of G clusters, `splits` times: hits [G, S], asked [G] -> [r, S] twice.

    `rng` draws the halves; of an odd number of clusters the second half has one more.
    """
    n = len(asked)
    ranks = rng.random((splits, n)).argsort(axis=1).argsort(axis=1)
    first = (ranks < n // 2).astype(float)
    return (first @ hits) / (first @ asked)[:, None], ((1 - first) @ hits) / ((1 - first) @ asked)[:, None]


def _of_category(found: HeadlineHits, seed: int, splits: int) -> ReliabilityRow:
    hits, asked = found.by_cluster()
    one, two = halve(hits, asked, category_rng(seed, found.category), splits)
    value = low = high = order = None
    systems = hits.shape[1]
    if systems >= FEWEST_SYSTEMS:
        order = _same_order(one, two)
        correlations = _correlate(one, two)
        defined = correlations[np.isfinite(correlations)]
        if len(defined):
            value, low, high = (_step_up(float(r)) for r in (defined.mean(), *np.quantile(defined, [0.05, 0.95])))
    error = float(np.sqrt(np.mean((one - two) ** 2, axis=0)).max() / 2)
    return ReliabilityRow(found.category, found.metric, systems, len(asked), value, low, high, order, error)


def _step_up(correlation: float) -> float:
    """The reliability of a test twice as long; halves that contradict each other make 0."""
    return max(0.0, 2 * correlation / (1 + correlation)) if correlation > -1 else 0.0


def _correlate(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the rows of two arrays [r, S]: [r]; NaN where the systems of one half are all alike."""
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (one, two))
    spread = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.where(spread > 1e-12, (first * second).sum(axis=1) / spread, np.nan)


def _same_order(one: np.ndarray, two: np.ndarray) -> float:
    a, b = np.triu_indices(one.shape[1], k=1)
    agreement = np.sign(np.round(one[:, a] - one[:, b], 12)) * np.sign(np.round(two[:, a] - two[:, b], 12))
    return float((agreement.mean() + 1) / 2)
