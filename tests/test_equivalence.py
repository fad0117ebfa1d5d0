"""Equivalence: the size of the test and the coverage of its interval by enumeration, and the rows it is made from."""

from dataclasses import replace
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial

from fourfold.errors import InputError
from fourfold.evaluator.analysis.equivalence import equivalence_table, find_equivalence
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.summary import correct_differences, summarise
from fourfold.statistics.equivalence import equivalence_test, paired_interval, score_statistic

TRUTH = np.eye(2, dtype=bool)


def outcomes(n: int) -> np.ndarray:
    return np.array([(won, lost) for won, lost in product(range(n + 1), repeat=2) if won + lost <= n])


def probabilities(n: int, difference: float, discordance: float) -> np.ndarray:
    won, lost = (discordance + difference) / 2, (discordance - difference) / 2
    found = outcomes(n)
    counts = np.column_stack([found, n - found.sum(axis=1)])
    return multinomial.pmf(counts, n, [won, lost, 1 - won - lost])


@pytest.mark.parametrize(("n", "margin"), [(20, 0.2), (60, 0.1), (60, 0.05)])
def test_what_differs_by_the_margin_is_called_equivalent_at_most_once_in_twenty(n: int, margin: float) -> None:
    called = np.array([equivalence_test(won, lost, n, margin) < 0.05 for won, lost in outcomes(n).tolist()])
    for sign, discordance in product((1, -1), (margin, margin * 1.5, 0.3, 0.6)):
        size = probabilities(n, sign * margin, discordance)[called].sum()
        # the score test keeps its size approximately: never as much as half above
        assert size < 0.075


def test_the_interval_covers_what_it_says() -> None:
    n = 30
    low, high = np.array([paired_interval(won, lost, n, 0.9) for won, lost in outcomes(n).tolist()]).T
    for difference, discordance in [(0, 0.1), (0, 0.4), (0.1, 0.3), (-0.3, 0.5)]:
        covers = (low <= difference) & (difference <= high)
        assert 0.86 < probabilities(n, difference, discordance)[covers].sum() < 0.97


@given(st.integers(0, 60), st.integers(0, 60), st.floats(-0.9, 0.9))
def test_the_standard_error_is_that_of_the_likeliest_shares(wins: int, losses: int, difference: float) -> None:
    n = 130

    def unlikelihood(lost: float) -> float:
        shares = (lost + difference, lost, 1 - 2 * lost - difference)
        return -sum(
            count * np.log(max(share, 1e-300))
            for count, share in zip((wins, losses, n - wins - losses), shares, strict=True)
        )

    bounds = (max(0.0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12)
    lost = minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-11}).x
    error = (n * (2 * lost + difference - difference**2)) ** 0.5
    if error > 0.1:
        assert score_statistic(wins, losses, n, difference) == pytest.approx(
            (wins - losses - n * difference) / error, abs=1e-3, rel=1e-3
        )


@given(st.integers(1, 80), st.data(), st.floats(0.01, 0.6))
def test_the_interval_lies_within_the_margin_where_the_test_says_so(n: int, data: st.DataObject, margin: float) -> None:
    wins = data.draw(st.integers(0, n))
    losses = data.draw(st.integers(0, n - wins))
    p = equivalence_test(wins, losses, n, margin)
    low, high = paired_interval(wins, losses, n, 0.9)
    assert p == pytest.approx(equivalence_test(losses, wins, n, margin))
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == (-margin < low and high < margin)


def test_no_discordant_pair_is_no_proof_where_pairs_are_few() -> None:
    assert equivalence_test(0, 0, 20, 0.05) > 0.1
    assert equivalence_test(0, 0, 200, 0.05) < 0.001


@pytest.mark.parametrize("wrong", [(-1, 0, 10, 0.1), (8, 3, 10, 0.1), (1, 1, 10, 0.0), (1, 1, 10, 1.0)])
def test_counts_and_margins_that_cannot_be(wrong: tuple[int, int, int, float]) -> None:
    with pytest.raises(ValueError):
        equivalence_test(*wrong)


def make_items(n: int, per_cluster: int = 1, change: float = 0.05) -> list[ScoredItem]:
    rng, items = np.random.default_rng(3), []
    for i in range(n):
        base = TRUTH * 1.0 + rng.standard_normal((2, 2))
        near = base + change * rng.standard_normal((2, 2))
        far = TRUTH * 4.0 + rng.standard_normal((2, 2))
        scores = {name: table.astype(np.float32) for name, table in [("cosine", base), ("near", near), ("far", far)]}
        category = ("binding", "relation")[i // per_cluster % 2]
        images, captions = ("a.png", "b.png"), ("a", "b")
        items.append(ScoredItem(f"{i}", category, f"{i // per_cluster}", {}, images, captions, TRUTH, scores))
    return items


def test_the_almost_equal_are_equivalent_and_the_better_are_not() -> None:
    found = summarise(make_items(800), seed=0, replicates=100)
    rows = find_equivalence(found.metrics, found.comparisons)
    assert {row.category for row in rows} == {"binding", "relation", "all"}
    assert all(row.verdict == {"near": "equivalent", "far": "differs"}[row.scorer] for row in rows)
    for row in rows:
        assert row.low <= row.difference <= row.high
        assert (row.p_holm is None) == (row.category == "all")
        assert row.p_holm is None or row.p_holm >= row.p


def test_groups_with_several_questions_are_judged_by_their_resamples() -> None:
    found = summarise(make_items(1600, per_cluster=4), seed=0, replicates=400)
    [row] = [r for r in find_equivalence(found.metrics, found.comparisons) if (r.category, r.scorer) == ("all", "near")]
    [full] = [r for r in found.comparisons if (r.category, r.scorer) == ("all", "near") and r.p is not None]
    assert (row.high - row.low) / (full.high - full.low) == pytest.approx(
        NormalDist().inv_cdf(0.95) / NormalDist().inv_cdf(0.975)
    )
    assert row.equivalent
    certain = replace(full, low=full.difference, high=full.difference)
    assert find_equivalence(found.metrics, [certain])[0].p == 0


def test_the_families_of_tests_are_those_of_the_tests_for_a_difference() -> None:
    found = summarise(make_items(100), seed=0, replicates=100)
    for together, size in ((False, 2), (True, 4)):
        comparisons = correct_differences(found.comparisons, together=together)
        rows = find_equivalence(found.metrics, comparisons)
        least = min((row for row in rows if row.p_holm is not None), key=lambda row: row.p)
        assert least.p_holm == pytest.approx(size * least.p)


def test_few_groups_decide_nothing() -> None:
    found = summarise(make_items(24), seed=0, replicates=100)
    rows = find_equivalence(found.metrics, found.comparisons)
    assert {row.verdict for row in rows if row.scorer == "near"} == {"undecided"}


def test_the_command_tests_equivalence_beside_the_table_of_models(report_data, tmp_path, fourfold) -> None:
    dataset = report_data.make_dataset(tmp_path / "data", 4, draw=False)
    folder = report_data.make_results(tmp_path / "one", dataset, scorers=("cosine", "dcsm"), maps=0)
    assert (
        "equivalence to fourfold-tiny, cosine within 7.5 percentage points"
        in fourfold("compare", folder, "--equivalence", "7.5").out
    )
    refused = fourfold("compare", folder, "--equivalence", "0")
    assert (refused.code, refused.out) == (2, "")
    assert "the margin is 0" in refused.err


@pytest.mark.parametrize("margin", [0, -5, 100, float("nan")])
def test_a_margin_is_percentage_points(margin: float) -> None:
    with pytest.raises(InputError, match="percentage points"):
        find_equivalence([], [], margin=margin)


def test_one_scorer_alone_has_no_table(report_data, tmp_path) -> None:
    from fourfold.evaluator.analysis.results import load

    dataset = report_data.make_dataset(tmp_path / "data", 4, draw=False)
    assert (
        equivalence_table(load(report_data.make_results(tmp_path / "one", dataset, scorers=("cosine",), maps=0)))
        is None
    )
    several = load(report_data.make_results(tmp_path / "two", dataset, scorers=("cosine", "dcsm"), maps=0))
    table = equivalence_table(several, 20)
    assert "within 20 percentage points" in table.title
    assert all(note in table.notes for note in several.notes)
