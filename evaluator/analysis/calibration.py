"""Do scores say how sure one may be? Brier score and calibration error of the probability that a caption is true.

Every pair of a picture and a caption of an item is a forecast. A probability is made of a score in one of two ways:

as it stands   1 / (1 + exp(-score)), for heads whose loss is that of such a probability (`fourfold train-head`);
Platt          a logistic curve over the scores (Platt 1999, with Firth's penalty), fitted by cross-validation over
               clusters: each tenth of the groups gets the curve of the other nine. It asks whether one and the same
               curve serves all groups, and it is the only way for a cosine, which is no probability.

Brier score: mean squared difference between forecast and truth, 0 at best; forecasting the share of true pairs each
time gets share * (1 - share), which is 1/4 in fourfold groups. Calibration error: root mean square over bins of the
difference between mean forecast and share true, with bins of equal mass; what chance alone adds to each square, the
variance of the bin's mean, is taken off (Kumar, Liang and Ma, NeurIPS 2019), with variances that keep clusters whole.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fourfold.evaluator.analysis.headline_hits import category_rng
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.marks import explain_signs, mark_scorer
from fourfold.evaluator.analysis.threshold_accuracy import FOLDS, Pairs, assign_folds, list_pairs
from fourfold.evaluator.tables.formats import Cell, Estimate, Table
from fourfold.statistics import REPLICATES, cluster_bootstrap, percentile_interval, share, sum_by_cluster
from fourfold.statistics.logistic import fit_logistic, probability

BINS = 10
FEWEST_IN_BIN = 20  # pairs
AS_IT_STANDS, PLATT = "as it stands", "Platt"


@dataclass(frozen=True)
class CalibrationRow:
    """How good the probabilities of one scorer are in one category."""

    category: str
    scorer: str
    how: str  # "as it stands" or "Platt"
    brier: float  # 0..1, 0 at best
    low: float  # limits of the 95 % interval of the Brier score, which resamples clusters
    high: float
    brier_of_share: float  # what the share of true pairs gets as a forecast
    calibration_error: float  # 0..1: root mean square, what chance adds taken off; 0 where nothing is left
    pairs: int
    clusters: int


def calibration(
    items: Sequence[ScoredItem],
    *,
    logits: Collection[str] = (),
    seed: int = 0,
    folds: int = FOLDS,
    replicates: int = REPLICATES,
) -> tuple[CalibrationRow, ...]:
    """Rows for each category, and for all together, and each scorer; those named in `logits` also as they stand."""
    return tuple(row for pairs in list_pairs(items) for row in _of_category(pairs, logits, seed, folds, replicates))


def calibration_table(rows: Sequence[CalibrationRow], scorers: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Categories and scorers down; `scorers` are facts about each, for their signs. None without rows."""
    if not rows:
        return None
    lines: list[tuple[Cell, ...]] = [
        (
            row.category,
            mark_scorer(row.scorer, scorers.get(row.scorer, {})),
            row.how,
            Estimate(row.brier, row.low, row.high, percent=False),
            Estimate(row.brier_of_share, percent=False),
            Estimate(row.calibration_error, percent=False),
            row.pairs,
        )
        for row in rows
    ]
    return Table(
        title="calibration of the probability that a caption is true of a picture",
        header=("category", "scorer", "probability", "Brier score", "of the share true", "calibration error", "pairs"),
        rows=tuple(lines),
        notes=(
            "as it stands: 1 / (1 + exp(-score)); Platt: a logistic curve over the scores, fitted on nine tenths of "
            "the groups and applied to the last, ten times",
            "Brier score: mean squared error of the forecast, 0 at best, with 95 % interval over groups; of the share "
            "true: what one gets who looks at nothing. Calibration error: root mean square over ten bins of equal "
            "mass, what chance adds taken off",
            *explain_signs(scorers),
        ),
    )


def squared_calibration_error(forecasts: np.ndarray, truth: np.ndarray, clusters: np.ndarray) -> float:
    """Mean over bins of (mean forecast - share true) squared, less its variance: 0 on average where all is calibrated.

    forecasts [c] 0..1, truth [c], clusters [c] int. Bins are of equal mass, at most `BINS`, with `FEWEST_IN_BIN` pairs
    or more; equal forecasts share a bin. The estimate may be negative. A bin of a single cluster says nothing, and
    counts as calibrated.
    """
    n = len(forecasts)
    n_bins = max(1, min(BINS, n // FEWEST_IN_BIN))
    edges = np.unique(np.quantile(forecasts, np.arange(1, n_bins) / n_bins))
    bins = np.searchsorted(edges, forecasts, side="right")
    residuals = forecasts - truth
    total = 0.0
    for b in np.unique(bins):
        chosen = bins == b
        owners = np.unique(clusters[chosen], return_inverse=True)[1]
        groups, size = owners.max() + 1, chosen.sum()
        if groups < 2:
            continue
        mean = residuals[chosen].mean()
        within = np.bincount(owners, residuals[chosen] - mean)
        variance = groups / (groups - 1) * (within @ within) / size**2
        total += size / n * (mean**2 - variance)
    return float(total)


def _forecasts(
    pairs: Pairs, scorer: str, logits: Collection[str], seed: int, folds: int
) -> Iterator[tuple[str, np.ndarray]]:
    scores = pairs.scores[scorer]
    if scorer in logits:
        yield AS_IT_STANDS, 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
    parts = assign_folds(pairs.n_clusters, folds, category_rng(seed, pairs.category))[pairs.clusters]
    found = np.zeros(len(scores))
    for part in range(parts.max() + 1):
        own = parts == part
        found[own] = _platt(scores[~own], pairs.truth[~own], scores[own])
    yield PLATT, found


def _platt(scores: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The probability at scores `asked` by the logistic curve through scores [c] of truth [c] bool."""
    spread = scores.std()
    if spread == 0:
        return np.full(len(asked), truth.mean())
    fit = fit_logistic((scores - scores.mean()) / spread, truth.astype(float))
    return probability(fit, (asked - scores.mean()) / spread)


def _of_category(
    pairs: Pairs, logits: Collection[str], seed: int, folds: int, replicates: int
) -> Iterator[CalibrationRow]:
    n, rate = pairs.n_clusters, float(pairs.truth.mean())
    made = {
        (scorer, how): forecasts
        for scorer in pairs.scores
        for how, forecasts in _forecasts(pairs, scorer, logits, seed, folds)
    }
    squared = np.stack([(forecasts - pairs.truth) ** 2 for forecasts in made.values()], axis=1)  # [c, f]
    counts = np.bincount(pairs.clusters, minlength=n).astype(float)
    statistic = partial(share, hits=sum_by_cluster(squared, pairs.clusters, n), asked=counts)
    [drawn] = cluster_bootstrap([statistic], n, category_rng(seed, pairs.category), replicates)
    for f, ((scorer, how), forecasts) in enumerate(made.items()):
        low, high = percentile_interval(drawn[:, f])
        error = max(0.0, squared_calibration_error(forecasts, pairs.truth, pairs.clusters)) ** 0.5
        brier = float(squared[:, f].mean())
        yield CalibrationRow(
            pairs.category, scorer, how, brier, low, high, rate * (1 - rate), error, len(pairs.truth), n
        )
