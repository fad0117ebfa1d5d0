"""How sure a number is: intervals that resample groups, exact paired tests, corrections, effect and detectable sizes.

Pure functions on arrays; scipy is used by the tests as a witness, not here, because importing its statistics costs
seconds. A cluster is what is resampled together: the captions of one group, or all items of one source image.
"""

from fourfold.statistics.exact_tests import (
    binomial_test,
    bounded_mean_test,
    cohens_g,
    discordant,
    holm,
    mcnemar_exact,
    odds_ratio,
)
from fourfold.statistics.intervals import (
    LEVEL,
    Interval,
    percentile_interval,
    unanimous_interval,
    wilson_interval,
)
from fourfold.statistics.power import (
    detectable_above,
    detectable_difference,
)
from fourfold.statistics.resampling import (
    REPLICATES,
    RankedPairs,
    Statistic,
    auc,
    cluster_bootstrap,
    derangement,
    rank_pairs,
    share,
    sum_by_cluster,
)

__all__ = [
    "LEVEL",
    "REPLICATES",
    "Interval",
    "RankedPairs",
    "Statistic",
    "auc",
    "binomial_test",
    "bounded_mean_test",
    "cluster_bootstrap",
    "cohens_g",
    "derangement",
    "detectable_above",
    "detectable_difference",
    "discordant",
    "holm",
    "mcnemar_exact",
    "odds_ratio",
    "percentile_interval",
    "rank_pairs",
    "share",
    "sum_by_cluster",
    "unanimous_interval",
    "wilson_interval",
]
