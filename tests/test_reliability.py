"""Split-half reliability against its definition, by simulation: the squared correlation of observed and true scores."""

from dataclasses import replace

import numpy as np
import pytest

from fourfold.evaluator.analysis.headline_hits import headline_hits
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.reliability import (
    find_reliability,
    halve,
    merge_systems,
    reliability_table,
)
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.tables.formats import write_text

TRUTH = np.eye(2, dtype=bool)
RIGHT, WRONG = TRUTH.astype(np.float32), (1 - TRUTH).astype(np.float32)


def make_items(hits: np.ndarray, category: str = "binding") -> list[ScoredItem]:
    """Groups whose scores make exactly these hits [G, S] of the group score."""
    return [
        ScoredItem(
            f"{category}-{g}", category, f"{category}-{g}", {}, ("a", "b"), ("a", "b"), TRUTH,
            {f"s{s}": RIGHT if hit else WRONG for s, hit in enumerate(row)},
        )
        for g, row in enumerate(hits)
    ]  # fmt: skip


@pytest.mark.parametrize(("spread", "n"), [(0.08, 60), (0.2, 40)])
def test_reliability_is_the_squared_correlation_of_observed_and_true_scores(spread: float, n: int) -> None:
    rng = np.random.default_rng(0)
    found, known = [], []
    for _ in range(2):
        abilities = np.clip(rng.normal(0.5, spread, 500), 0.02, 0.98)
        difficulty = rng.normal(0, 0.15, (n, 1))  # groups are hard or easy for all
        hits = rng.random((n, 500)) < np.clip(abilities + difficulty, 0, 1)
        [row] = find_reliability(make_items(hits), splits=40)
        found.append(row.reliability)
        known.append(np.corrcoef(hits.mean(axis=0), abilities)[0, 1] ** 2)
    assert np.mean(found) == pytest.approx(np.mean(known), abs=0.06)


def test_systems_that_are_alike_cannot_be_ranked() -> None:
    rng = np.random.default_rng(1)
    rows = [find_reliability(make_items(rng.random((60, 12)) < 0.5), splits=50)[0] for _ in range(20)]
    assert np.mean([row.same_order for row in rows]) == pytest.approx(0.5, abs=0.04)
    assert np.median([row.reliability for row in rows]) < 0.35


def test_systems_far_apart_are_ranked_by_any_half() -> None:
    hits = np.random.default_rng(2).random((80, 4)) < np.array([0.02, 0.3, 0.6, 0.98])
    [row] = find_reliability(make_items(hits))
    assert row.reliability > 0.98
    assert row.low <= row.reliability <= row.high
    assert row.same_order > 0.99


def test_the_standard_error_is_that_of_a_mean_over_groups() -> None:
    hits = np.random.default_rng(3).random((90, 3)) < np.array([0.1, 0.5, 0.7])
    [row] = find_reliability(make_items(hits), splits=4000)
    errors = hits.std(axis=0, ddof=1) / 90**0.5
    assert row.standard_error == pytest.approx(errors.max(), rel=0.05)


def test_halves_share_no_cluster_and_are_all() -> None:
    rng = np.random.default_rng(4)
    marks = np.eye(7)
    one, two = halve(marks, np.ones(7), rng, 50)
    assert ((one > 0) != (two > 0)).all()
    assert ((one > 0).sum(axis=1) == 3).all()


def test_two_systems_have_no_reliability_and_the_table_says_so() -> None:
    rows = find_reliability(make_items(np.random.default_rng(5).random((30, 2)) < 0.5))
    assert rows[0].reliability is rows[0].same_order is None
    assert rows[0].standard_error > 0
    assert "needs 3 systems" in write_text(reliability_table(rows))
    assert reliability_table([]) is None


def test_systems_all_at_the_same_score_have_none() -> None:
    [row] = find_reliability(make_items(np.ones((10, 3), dtype=bool)))
    assert (row.reliability, row.standard_error) == (None, 0)


def test_a_category_does_not_depend_on_the_others_and_single_sets_are_left_out() -> None:
    rng = np.random.default_rng(6)
    binding = make_items(rng.random((20, 3)) < 0.5)
    other = make_items(rng.random((10, 3)) < 0.5, "relation")
    one_cluster = [replace(item, category="lone", cluster="x") for item in other]
    alone, together = find_reliability(binding), find_reliability([*other, *one_cluster, *binding])
    assert [row.category for row in together] == ["relation", "binding", "all"]
    assert alone[0] == together[1]


def test_hits_are_those_of_the_headline_in_the_order_of_the_items() -> None:
    wanted = np.random.default_rng(7).random((12, 2)) < 0.5
    items = make_items(wanted)
    wide = [0, 5, 6]  # another shape: a third caption
    for g in wide:
        wider = {name: np.column_stack([table, table[:, :1]]) for name, table in items[g].scores.items()}
        items[g] = replace(
            items[g], captions=("a", "b", "c"), truth=np.column_stack([TRUTH, TRUTH[:, :1]]), scores=wider
        )
    [found] = headline_hits(items)
    assert found.metric == "group_score"
    np.testing.assert_array_equal(found.hits, wanted)
    np.testing.assert_array_equal(found.asked, 1)


def test_scorers_of_several_models_are_systems_of_one_set() -> None:
    rng = np.random.default_rng(8)
    one, two = make_items(rng.random((9, 2)) < 0.5), make_items(rng.random((9, 2)) < 0.5)
    runs = {"A": make_results(one), "B": make_results(two[3:])}
    merged = merge_systems(runs, {"A": ["s0", "s1"], "B": ["s1"]})
    assert len(merged) == 6
    assert list(merged[0].scores) == ["A, s0", "A, s1", "B, s1"]
    np.testing.assert_array_equal(merged[0].scores["B, s1"], two[3].scores["s1"])


def make_results(items: list[ScoredItem]) -> Results:
    dataset = {"scenes_sha256": "5c", "content_sha256": str(len(items))}
    return Results(tuple(items), (), (), {"name": "m"}, {}, dataset, {}, {})
