"""Statistics against scipy, by simulation, and on numbers typed by hand."""

from collections.abc import Callable
from functools import cache, partial
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, bootstrap

from fourfold.statistics import (
    LEVEL,
    REPLICATES,
    RankedPairs,
    auc,
    cluster_bootstrap,
    cohens_g,
    derangement,
    detectable_above,
    detectable_difference,
    discordant,
    holm,
    mcnemar_exact,
    odds_ratio,
    percentile_interval,
    rank_pairs,
    share,
    sum_by_cluster,
    unanimous_interval,
    wilson_interval,
)


@given(st.integers(1, 400), st.data(), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_is_scipys(n: int, data: st.DataObject, level: float) -> None:
    hits = data.draw(st.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson_interval(hits, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(0, 300), st.integers(0, 300))
def test_exact_mcnemar_is_the_two_sided_binomial_test(wins: int, losses: int) -> None:
    expected = binomtest(min(wins, losses), wins + losses, 0.5).pvalue if wins + losses else 1.0
    assert mcnemar_exact(wins, losses) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(wins, losses) == mcnemar_exact(losses, wins)


def test_exact_mcnemar_of_many_pairs_is_quick_and_finite() -> None:
    assert mcnemar_exact(9000, 11000) < 1e-40
    assert mcnemar_exact(0, 20_000) == 0.0  # smaller than any float


def test_holm_of_a_textbook_list() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1, then never decreasing
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_raw_value_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for raw, corrected in zip(p_values, adjusted, strict=True):
        assert raw <= corrected <= min(1.0, len(p_values) * raw)
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_effect_sizes_of_counts_typed_by_hand() -> None:
    assert cohens_g(15, 5) == 0.25
    assert cohens_g(5, 15) == -0.25
    assert cohens_g(0, 0) == 0.0
    assert odds_ratio(10, 3) == 3.0
    assert odds_ratio(0, 0) == 1.0
    assert discordant(np.array([2, 1, 0, 1.0]), np.array([1, 1, 1, 0.0])) == (2, 1)


def _interval_of_share(hits: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    n = int(clusters.max()) + 1
    sums, asked = sum_by_cluster(hits[:, None], clusters, n), sum_by_cluster(np.ones(len(hits)), clusters, n)
    [values] = cluster_bootstrap([partial(share, hits=sums, asked=asked)], n, rng)
    return percentile_interval(values[:, 0])


def test_bootstrap_of_single_rows_is_scipys_percentile_bootstrap() -> None:
    hits = (np.random.default_rng(0).random(300) < 0.3).astype(float)
    ours = _interval_of_share(hits, np.arange(300), np.random.default_rng(1))
    theirs = bootstrap((hits,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(2))
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.008)


def test_rows_of_one_cluster_do_not_narrow_the_interval() -> None:
    groups = (np.random.default_rng(0).random(200) < 0.4).astype(float)
    single = _interval_of_share(groups, np.arange(200), np.random.default_rng(5))
    tenfold = _interval_of_share(np.repeat(groups, 10), np.repeat(np.arange(200), 10), np.random.default_rng(5))
    assert single == tenfold


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Clusters of 1-4 rows that share their luck; 95 % intervals hold the true share in 90-99 % of 200 data sets."""
    rng, covered = np.random.default_rng(7), 0
    for _ in range(200):
        sizes = rng.integers(1, 5, 120)
        clusters = np.repeat(np.arange(120), sizes)
        luck = np.where(rng.random(120) < 0.5, 0.15, 0.75)
        hits = (rng.random(len(clusters)) < luck[clusters]).astype(float)
        low, high = _interval_of_share(hits, clusters, rng)
        covered += low <= 0.45 <= high
    assert 180 <= covered <= 198


def test_same_generator_same_replicates_however_few_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = np.random.default_rng(0).random((50, 2)).round()
    statistic = partial(share, hits=hits, asked=np.ones(50))
    [first] = cluster_bootstrap([statistic], 50, np.random.default_rng(3), 100)
    [second] = cluster_bootstrap([statistic], 50, np.random.default_rng(3), 100)
    assert first.tolist() == second.tolist()
    monkeypatch.setattr("fourfold.statistics.resampling._CELLS_AT_ONCE", 7 * 50)
    [chunked] = cluster_bootstrap([statistic], 50, np.random.default_rng(3), 100)
    assert chunked.tolist() == first.tolist()


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_few_clusters_are_resampled_like_many(n: int) -> None:
    """A cluster is left out of a resample with probability (1 - 1/n)^n."""
    statistic = partial(share, hits=np.eye(n)[:, :1], asked=np.ones(n))
    [drawn] = cluster_bootstrap([statistic], n, np.random.default_rng(0), 4000)
    assert drawn.shape == (4000, 1)
    assert drawn.mean() == pytest.approx(1 / n, abs=0.03)
    assert (drawn == 0).mean() == pytest.approx((1 - 1 / n) ** n, abs=0.03)


@pytest.mark.parametrize("n", [5, 60])
def test_unanimous_clusters_are_not_certainty(n: int) -> None:
    assert unanimous_interval(0.0, n) == wilson_interval(0, n)
    assert unanimous_interval(1.0, n) == pytest.approx(wilson_interval(n, n))
    low, high = unanimous_interval(0.5, n)
    assert low + high == pytest.approx(1)
    assert 0 < low < 0.5


def test_statistics_share_their_resamples() -> None:
    """Two scorers that are always right together have a difference of exactly 0 in every replicate."""
    hits = np.random.default_rng(0).random((40, 1)).round()
    one, two = (partial(share, hits=hits, asked=np.ones(40)) for _ in range(2))
    first, second = cluster_bootstrap([one, two], 40, np.random.default_rng(1), 50)
    assert first.tolist() == second.tolist()
    assert len(np.unique(first)) > 5


def test_auc_of_replicates_equals_auc_of_the_repeated_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    true, false = rng.integers(0, 6, 30).astype(float), rng.integers(-2, 4, 50).astype(float)
    true_clusters, false_clusters = rng.integers(0, 10, 30), rng.integers(0, 10, 50)
    weights = rng.integers(0, 4, (8, 10)).astype(float)
    monkeypatch.setattr("fourfold.statistics.resampling._CELLS_AT_ONCE", 3 * 80)
    got = auc(weights, [rank_pairs(true, true_clusters, false, false_clusters)])[:, 0]
    for row, each in zip(weights, got, strict=True):
        a = np.repeat(true, row[true_clusters].astype(int))
        b = np.repeat(false, row[false_clusters].astype(int))
        assert each == pytest.approx(((a[:, None] > b) + 0.5 * (a[:, None] == b)).mean())


def test_auc_to_first_order_agrees_with_the_exact_one_where_it_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,001 groups of 2 + 2 cells that share an offset, with ties: every replicate, and the interval."""
    rng, n = np.random.default_rng(0), 1001
    offset = rng.standard_normal(n)[:, None]
    true, false = (np.round(offset + shift + rng.standard_normal((n, 2)), 1).ravel() for shift in (0.7, 0.0))
    owner = np.repeat(np.arange(n), 2)
    statistic = partial(auc, ranked=[rank_pairs(true, owner, false, owner)])
    ones = np.ones((1, n))
    value = statistic(ones)[0, 0]
    [quick] = cluster_bootstrap([statistic], n, np.random.default_rng(1), 400)
    monkeypatch.setattr("fourfold.statistics.resampling._MANY_CLUSTERS", n)
    [exact] = cluster_bootstrap([statistic], n, np.random.default_rng(1), 400)
    assert value == pytest.approx(statistic(ones)[0, 0], abs=1e-12)
    assert np.sqrt(np.mean((quick - exact) ** 2)) < 0.05 * exact.std()  # the error of a quantile of 2,000 resamples
    assert percentile_interval(quick[:, 0]) == pytest.approx(percentile_interval(exact[:, 0]), abs=5e-4)


def test_no_interval_from_no_data() -> None:
    assert np.isnan(wilson_interval(0, 0)).all()
    assert np.isnan(percentile_interval(np.array([np.nan, np.nan]))).all()


@pytest.mark.parametrize(("chance", "n"), [(1 / 6, 60), (0.5, 20), (0.5, 250), (0.072, 300), (0.25, 1000)])
def test_detectable_excess_is_where_scipys_test_has_the_promised_power(chance: float, n: int) -> None:
    found = [k for k in range(int(n * chance) + 1, n + 1) if binomtest(k, n, chance).pvalue <= 0.05]
    share_needed = chance + detectable_above(chance, n)
    assert binom.pmf(found, n, share_needed).sum() == pytest.approx(0.8, abs=2e-4)
    assert binom.pmf(found, n, share_needed - 1e-3).sum() < 0.8
    assert found == list(range(found[0], n + 1))  # one limit, above which everything is found


@pytest.mark.parametrize(("discordance", "n"), [(0.3, 40), (0.3, 100), (0.1, 120), (1.0, 30)])
def test_detectable_difference_is_where_scipys_test_has_the_promised_power(discordance: float, n: int) -> None:
    """Over every number of discordant pairs, and of wins among them; losses that are found do not count."""

    def power(difference: float) -> float:
        share = (1 + difference / discordance) / 2
        return sum(
            binom.pmf(pairs, n, discordance) * binom.pmf(wins, pairs, share)
            for pairs in range(n + 1)
            for wins in range(pairs // 2 + 1, pairs + 1)
            if tested(wins, pairs) <= 0.05
        )

    tested = cache(lambda wins, pairs: binomtest(wins, pairs, 0.5).pvalue)
    assert power(detectable_difference(discordance, n)) == pytest.approx(0.8, abs=2e-4)
    assert power(detectable_difference(discordance, n) - 1e-3) < 0.8


def test_simulated_pairs_are_found_as_often_as_promised() -> None:
    rng, n, discordance = np.random.default_rng(0), 400, 0.3
    difference = detectable_difference(discordance, n)
    wins = (discordance + difference) / 2
    drawn = rng.multinomial(n, [wins, discordance - wins, 1 - discordance], size=2000)
    found = [mcnemar_exact(b, c) < 0.05 for b, c, _ in drawn]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    assert np.isnan(detectable_difference(0.01, 50))


def test_power_of_very_many_pairs_goes_on_without_a_step_and_takes_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started = process_time()
    exact = detectable_difference(0.3, 60_000)
    assert process_time() - started < 2  # a tenth of that on a machine of its own
    monkeypatch.setattr("fourfold.statistics.power._MANY_PAIRS", 0)
    assert detectable_difference(0.3, 60_000) == pytest.approx(exact, abs=1e-4)
    assert detectable_difference(0.3, 10**7) < exact / 10


def test_two_thousand_resamples_of_all_scorers_take_little_time() -> None:
    rng, n = np.random.default_rng(0), 2000
    hits = (rng.random((n, 5)) < 0.3).astype(float)
    owner = np.repeat(np.arange(n), 2)
    ranked = [rank_pairs(true, owner, false, owner) for true, false in rng.standard_normal((5, 2, 2 * n))]
    started = process_time()
    cluster_bootstrap([partial(share, hits=hits, asked=np.ones(n)), partial(auc, ranked=ranked)], n, rng)
    assert process_time() - started < 4  # a tenth of that on a machine of its own


def test_auc_counts_beyond_what_single_precision_can() -> None:
    """One true cell that beats all false ones but a thousand, of more than 2**24."""
    n = 2**24 + 3000
    ranked = RankedPairs(np.array([0]), np.zeros(n, np.int8), np.array([n - 1000]), np.array([n - 1000]))
    assert auc(np.ones((1, 1)), [ranked])[0, 0] == (n - 1000) / n


def test_intervals_are_of_95_percent_and_2000_resamples() -> None:
    assert (LEVEL, REPLICATES) == (0.95, 2000)
    known = np.random.default_rng(0).permutation(1001) / 1000
    assert percentile_interval(known) == pytest.approx((0.025, 0.975))
    assert percentile_interval(known, 0.9) == pytest.approx((0.05, 0.95))
    assert percentile_interval(np.append(known, [np.nan, np.inf])) == pytest.approx((0.025, 0.975))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0), (30, 60, 0.3774, 0.6226)],
)
def test_wilson_interval_typed_by_hand(hits: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=1e-4)
    assert wilson_interval(hits, n, 0.99).high >= high
    if hits in (0, n):  # exact at the ends, without a rounding error
        assert {0: 0.0, n: 1.0}[hits] in wilson_interval(hits, n)


@pytest.mark.parametrize(("p", "covered"), [(0.05, 0.92), (0.2, 0.93), (0.5, 0.93)])
def test_wilsons_interval_of_twenty_groups_covers_the_truth(p: float, covered: float) -> None:
    """Simulated; exactly .925, .956 and .959. The mean over all p is .954, and .05 the worst of them."""
    hits = np.random.default_rng(0).binomial(20, p, 4000)
    intervals = {k: wilson_interval(k, 20) for k in range(21)}
    inside = np.mean([intervals[k].low <= p <= intervals[k].high for k in hits.tolist()])
    assert inside >= covered


def test_resampling_twenty_groups_covers_less_at_chance_where_it_matters() -> None:
    """Why a count of hits is not resampled: at a sixth, one of eight such 95 % intervals misses the truth."""
    rng, n, p = np.random.default_rng(0), 20, 1 / 6
    drawn = {k: percentile_interval(rng.binomial(n, k / n, 4000) / n) for k in range(1, n)}
    drawn |= {0: unanimous_interval(0, n), n: unanimous_interval(1, n)}
    wilsons = {k: wilson_interval(k, n) for k in range(n + 1)}
    likely = binom.pmf(range(n + 1), n, p)
    covered = [sum(likely[k] for k in each if each[k].low <= p <= each[k].high) for each in (drawn, wilsons)]
    assert covered[0] < 0.88
    assert covered[1] > 0.93


def test_unanimous_interval_typed_by_hand() -> None:
    # w = .1611, the limit of an event never seen in 20: .5 (1 - w) and .5 + .5 w
    assert unanimous_interval(0.5, 20) == pytest.approx((0.4194, 0.5806), abs=1e-4)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(10, 2, 158 / 4096), (5, 0, 2 / 32), (6, 0, 2 / 64), (1, 1, 1.0), (3, 9, 598 / 4096), (0, 0, 1.0)],
)
def test_exact_mcnemar_typed_by_hand(wins: int, losses: int, p: float) -> None:
    """Six to nothing is the least that is significant: 2 / 2**6 = .031, five to nothing is .0625."""
    assert mcnemar_exact(wins, losses) == p


def test_detectable_sizes_typed_by_hand() -> None:
    """Of six trials all must be right (2 / 64 = .031, of five .0625): p**6 = .8, p = .96349."""
    assert detectable_above(0.5, 6) == pytest.approx(0.46349, abs=1e-5)
    assert detectable_difference(1.0, 6) == pytest.approx(2 * 0.96349 - 1, abs=1e-5)
    assert np.isnan([detectable_above(0.5, 5), detectable_difference(1.0, 5), detectable_above(0.5, 0)]).all()
    assert np.isnan([detectable_above(1.0, 9), detectable_difference(0.0, 9)]).all()


@pytest.mark.parametrize("size", [partial(detectable_above, 1 / 6), partial(detectable_difference, 0.3)])
def test_more_groups_show_less(size: Callable[[int], float]) -> None:
    sizes = [size(n) for n in (50, 100, 200, 1000, 5000)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


def test_odds_ratio_adds_one_half_to_both_counts() -> None:
    assert odds_ratio(7, 2) == 3.0
    assert odds_ratio(2, 7) == pytest.approx(1 / 3)
    assert odds_ratio(4, 0) == 9.0


@given(st.integers(2, 40), st.integers(0, 99))
def test_in_a_derangement_everything_gets_another_one(n: int, seed: int) -> None:
    others = derangement(n, np.random.default_rng(seed))
    assert sorted(others) == list(range(n))
    assert (others != np.arange(n)).all()


def test_a_derangement_is_one_permutation_of_the_generator() -> None:
    assert derangement(6, np.random.default_rng(3)).tolist() == [3, 4, 0, 1, 5, 2]
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    derangement(6, rng), same.permutation(6)
    assert rng.integers(2**40) == same.integers(2**40)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.uint64])
@pytest.mark.parametrize(("wins", "losses"), [(5, 3), (120, 90), (100, 100), (30, 200)])
def test_the_exact_test_takes_integers_of_numpy(kind, wins, losses):
    """Their products overflowed, and gave a wrong p without a word."""
    assert mcnemar_exact(kind(wins), kind(losses)) == mcnemar_exact(wins, losses)


@pytest.mark.parametrize(("wins", "losses", "error"), [(2.5, 1, TypeError), (1, -1, ValueError)])
def test_the_exact_test_takes_counts_alone(wins, losses, error):
    with pytest.raises(error):
        mcnemar_exact(wins, losses)
