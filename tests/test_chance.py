"""Which values lie below chance, and which cannot be told from it: exact tests, their correction, and the signs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, poisson_binom

from fourfold.evaluator.analysis.chance_marks import BELOW, UNCLEAR, chance_mark, chance_notes
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import ALL, summarise
from fourfold.statistics import binomial_test, bounded_mean_test, holm

CORE = np.eye(2, dtype=bool)


@given(st.integers(1, 300), st.data(), st.sampled_from([1 / 6, 1 / 4, 1 / 3, 1 / 2, 0.072]))
def test_the_test_of_a_count_is_scipys(n: int, data: st.DataObject, chance: float) -> None:
    hits = data.draw(st.integers(0, n))
    assert binomial_test(hits, np.full(n, chance)) == pytest.approx(binomtest(hits, n, chance).pvalue, rel=1e-7)


@given(st.lists(st.sampled_from([0.5, 0.25, 1 / 9]), min_size=1, max_size=40), st.data())
def test_with_several_chances_the_count_is_poisson_binomial(chances: list[float], data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, len(chances)))
    pmf = poisson_binom(np.array(chances)).pmf(np.arange(len(chances) + 1))
    expected = pmf[pmf <= pmf[hits] * (1 + 1e-7)].sum()
    assert binomial_test(hits, np.array(chances)) == pytest.approx(expected, rel=1e-6)


def test_a_large_count_is_tested_exactly_and_a_wrong_one_refused() -> None:
    assert binomial_test(1500, np.full(10_000, 1 / 6)) == pytest.approx(binomtest(1500, 10_000, 1 / 6).pvalue, rel=1e-6)
    assert binomial_test(np.int64(0), np.ones(0)) == 1.0
    with pytest.raises(ValueError, match="3 hits of 2 trials"):
        binomial_test(3, np.full(2, 0.5))
    with pytest.raises(TypeError):
        binomial_test(1.5, np.full(2, 0.5))


@pytest.mark.parametrize("questions", [2, 5])
@pytest.mark.parametrize("luck", ["alike", "own", "opposite"])
def test_the_bound_for_clusters_of_several_questions_keeps_its_level(questions: int, luck: str) -> None:
    """However questions of a cluster hang together, chance is called below or above it in at most 5 % of data sets."""
    rng = np.random.default_rng(0)
    drawn = rng.random((1000, 30, questions))
    if luck == "alike":
        drawn = np.repeat(drawn[..., :1], questions, axis=2)
    elif luck == "opposite":
        drawn[..., 1] = 1 - drawn[..., 0]
    shares = (drawn < 0.25).mean(axis=2)
    p_values = [bounded_mean_test(each, np.full(30, 0.25)) for each in shares]
    assert np.mean(np.array(p_values) < 0.05) <= 0.05


def test_the_bound_finds_what_is_far_from_chance_and_is_never_below_the_exact_test() -> None:
    assert bounded_mean_test(np.full(40, 0.5), np.full(40, 0.1)) < 1e-6
    assert bounded_mean_test(np.zeros(40), np.full(40, 0.25)) < 1e-3
    thirds = np.array([1 / 3, 2 / 3] * 9)  # their sum, nine, is whole but for rounding
    assert bounded_mean_test(thirds, np.full(18, 0.2)) == bounded_mean_test(
        np.eye(2)[[0] * 9].ravel(), np.full(18, 0.2)
    )
    for hits in range(31):
        shares = (np.arange(30) < hits).astype(float)
        assert bounded_mean_test(shares, np.full(30, 1 / 6)) >= binomtest(hits, 30, 1 / 6).pvalue


def make_items(right: dict[str, int], n: int = 30) -> list[ScoredItem]:
    """Groups of categories of which so many are right, and the others all wrong."""
    return [
        ScoredItem(f"{category}{i}", category, f"{category}{i}", {}, ("i",) * 2, ("c",) * 2, CORE, {"cosine": table})
        for category, hits in right.items()
        for i in range(n)
        for table in [(CORE if i < hits else ~CORE).astype(np.float32)]
    ]


def test_rows_are_tested_against_chance_and_corrected_over_the_categories() -> None:
    right = {"content": 29, "binding": 5, "relation": 0, "negation": 1}
    rows = {(row.category, row.metric): row for row in summarise(make_items(right), seed=0, replicates=5).metrics}
    groups = [rows[category, "group_score"] for category in right]
    assert [row.p_chance for row in groups] == pytest.approx([binomtest(k, 30, 1 / 6).pvalue for k in right.values()])
    assert [row.p_chance_holm for row in groups] == holm([row.p_chance for row in groups])
    matched = [rows[category, "match_score"] for category in right]
    assert [row.p_chance_holm for row in matched] == holm([row.p_chance for row in matched])
    assert rows[ALL, "group_score"].p_chance == pytest.approx(binomtest(35, 120, 1 / 6).pvalue)
    assert rows[ALL, "group_score"].p_chance_holm is None
    assert rows["binding", "matching_auc"].p_chance is None
    several = rows["content", "text_2afc"]  # two questions a group
    assert several.p_chance == bounded_mean_test((np.arange(30) < 29).astype(float), np.full(30, 0.5))
    assert [chance_mark(row) for row in groups] == ["", UNCLEAR, BELOW, UNCLEAR]
    assert groups[3].p_chance < 0.05 < groups[3].p_chance_holm


def test_questions_of_several_chances_are_tested_together() -> None:
    rng, items, chances = np.random.default_rng(0), [], []
    for i, options in enumerate([2, 4, 9] * 10):
        truth = np.arange(options)[None] == i % options
        scores = {"cosine": rng.standard_normal((1, options)).astype(np.float32)}
        items.append(ScoredItem(str(i), "mixed", str(i), {}, ("i",), ("c",) * options, truth, scores))
        chances.append(1 / options)
    [row] = [row for row in summarise(items, seed=0, replicates=5).metrics if row.metric == "text_choice"]
    assert row.p_chance == pytest.approx(binomial_test(round(row.value * 30), np.array(chances)))


ROW = MetricRow("c", "cosine", "group_score", 0.1, 0.0, 0.3, "wilson", 1 / 6, 30, 30, 30, 0, 0.2)


@pytest.mark.parametrize(
    ("value", "p", "p_holm", "mark"),
    [
        (0.1, 0.01, 0.049, BELOW),
        (0.1, 0.01, 0.05, UNCLEAR),
        (0.9, 0.01, 0.05, UNCLEAR),
        (0.9, 0.01, 0.049, ""),
        (0.1, 0.049, None, BELOW),  # all categories together
        (0.1, None, None, ""),
    ],
)
def test_signs_follow_the_corrected_test(value: float, p: float | None, p_holm: float | None, mark: str) -> None:
    row = replace(ROW, value=value, p_chance=p, p_chance_holm=p_holm)
    assert chance_mark(row) == mark
    assert bool(chance_notes([row, None])) == bool(mark)
    assert all(mark in note for note in chance_notes([row]))


def test_the_footnote_names_what_is_there() -> None:
    below, unclear = (replace(ROW, p_chance=p, p_chance_holm=p) for p in (0.001, 0.5))
    assert chance_notes([below])[0].startswith("▽ below chance (exact binomial test of groups, Holm-corrected p < .05)")
    assert chance_notes([below, unclear])[0].startswith("▽ below chance, ≈ not told from chance (")
    assert "Bentkus' bound where a group asks several questions" in chance_notes([replace(unclear, asked=60)])[0]
    assert chance_notes([ROW]) == []
