"""Threshold accuracy and calibration: chance where nothing is known, the truth where it is, honesty across groups."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.evaluator.analysis.calibration import (
    AS_IT_STANDS,
    PLATT,
    calibration,
    calibration_table,
    squared_calibration_error,
)
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.threshold_accuracy import (
    assign_folds,
    best_threshold,
    threshold_accuracy,
    threshold_table,
)
from fourfold.evaluator.tables.formats import write_text

TRUTH = np.eye(2, dtype=bool)


def make_items(n: int, seed: int = 0, category: str = "binding") -> list[ScoredItem]:
    """Groups scored by chance, by truth and noise, by truth and a drift of the whole group, and by the truth."""
    rng, items = np.random.default_rng(seed), []
    for i in range(n):
        scores = {
            "chance": rng.standard_normal((2, 2)),
            "noisy": 2.0 * TRUTH + rng.standard_normal((2, 2)),
            "drifting": 2.0 * TRUTH + 50 * rng.standard_normal(),
            "perfect": 9.0 * TRUTH + rng.random((2, 2)),
        }
        tables = {name: table.astype(np.float32) for name, table in scores.items()}
        items.append(
            ScoredItem(f"{category}{i}", category, f"{category}{i}", {}, ("a", "b"), ("a", "b"), TRUTH, tables)
        )
    return items


def test_accuracy_of_one_threshold() -> None:
    rows = {row.scorer: row for row in threshold_accuracy(make_items(300), replicates=300)}
    assert rows["perfect"].accuracy == 1
    assert 0.98 < rows["perfect"].low < rows["perfect"].high == 1  # all alike is no certainty
    assert rows["noisy"].accuracy == pytest.approx(0.841, abs=0.035)  # one standard deviation from the threshold
    assert rows["noisy"].threshold == pytest.approx(1, abs=0.25)
    # every group is ranked right, and no threshold serves two groups
    assert rows["drifting"].accuracy < 0.6
    assert rows["chance"].accuracy == pytest.approx(0.5, abs=0.06)


def test_chance_is_one_half_and_no_group_chooses_its_own_threshold() -> None:
    """Sixteen groups: a threshold chosen on the groups it judges would get 57 %."""
    values, own = [], []
    for seed in range(60):
        items = make_items(16, seed)
        values.append(next(row.accuracy for row in threshold_accuracy(items, replicates=2) if row.scorer == "chance"))
        scores = np.concatenate([item.scores["chance"].ravel() for item in items])
        truth = np.tile(TRUTH.ravel(), 16)
        called = scores > best_threshold(scores, truth)
        own.append((called == truth).mean())
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)
    assert np.mean(own) > 0.55


def test_the_interval_covers_accuracy() -> None:
    covered = 0
    for seed in range(60):
        row = next(r for r in threshold_accuracy(make_items(60, seed), replicates=200) if r.scorer == "noisy")
        covered += row.low <= 0.838 <= row.high  # a little less than the best, as thresholds are estimated
    assert covered >= 52


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=24))
def test_no_threshold_is_better_than_the_best(pairs: list[tuple[int, bool]]) -> None:
    scores, truth = np.array([s for s, _ in pairs], float), np.array([t for _, t in pairs])

    def balanced(threshold: float) -> float:
        called = scores > threshold
        return called[truth].mean() + (~called)[~truth].mean()

    if truth.any() and not truth.all() and np.ptp(scores) > 0:
        between = (np.unique(scores)[1:] + np.unique(scores)[:-1]) / 2
        assert balanced(best_threshold(scores, truth)) == pytest.approx(max(map(balanced, between)))


def test_parts_are_of_one_size_and_of_whole_clusters() -> None:
    assert np.bincount(assign_folds(25, 10, np.random.default_rng(0))).tolist() == [3] * 5 + [2] * 5
    assert sorted(assign_folds(4, 10, np.random.default_rng(0))) == [0, 1, 2, 3]


def test_scores_that_are_true_logits_are_calibrated_and_stretched_ones_are_not() -> None:
    rng, items = np.random.default_rng(1), []
    for i in range(800):
        logits = rng.normal(0, 1.5, (1, 4))
        truth = rng.random((1, 4)) < 1 / (1 + np.exp(-logits))
        scores = {"honest": logits.astype(np.float32), "boastful": (3 * logits).astype(np.float32)}
        items.append(ScoredItem(f"{i}", "x", f"{i}", {}, ("a",), ("1", "2", "3", "4"), truth, scores))
    rows = {(row.scorer, row.how): row for row in calibration(items, logits=("honest", "boastful"), replicates=100)}
    assert rows["honest", AS_IT_STANDS].calibration_error < 0.03
    assert rows["boastful", AS_IT_STANDS].calibration_error > 0.1
    assert rows["boastful", PLATT].calibration_error < 0.03  # a curve undoes any stretch
    assert rows["boastful", PLATT].brier == pytest.approx(rows["honest", AS_IT_STANDS].brier, abs=0.005)
    for row in rows.values():
        assert row.low < row.brier < row.high
        assert row.brier_of_share == pytest.approx(0.25, abs=0.01)


def test_what_chance_adds_is_taken_off() -> None:
    """Calibrated forecasts of pairs that depend on each other: 0 on average, where the plain error is not."""
    rng, found = np.random.default_rng(2), []
    for _ in range(200):
        forecasts = np.repeat(rng.random(60), 4)
        truth = np.repeat(rng.random(60) < forecasts[::4], 4)  # the four pairs of a cluster are all true, or none
        found.append(squared_calibration_error(forecasts, truth, np.repeat(np.arange(60), 4)))
    assert abs(np.mean(found)) < 3 * np.std(found) / 200**0.5
    assert np.std(found) < 0.03
    shifted = np.clip(forecasts + 0.3, 0, 1)
    assert squared_calibration_error(shifted, truth, np.repeat(np.arange(60), 4)) > 0.03


def test_a_drift_from_group_to_group_leaves_nothing_to_forecast() -> None:
    rows = {row.scorer: row for row in calibration(make_items(200), replicates=50)}
    assert rows["drifting"].brier == pytest.approx(0.25, abs=0.01)
    assert rows["perfect"].brier < 0.01
    assert rows["noisy"].brier < 0.15
    assert all(row.how == PLATT for row in rows.values())


def test_a_constant_score_forecasts_the_share_of_true_pairs() -> None:
    items = [replace(item, scores={"flat": np.zeros((2, 2), np.float32)}) for item in make_items(20)]
    [row] = calibration(items, replicates=20)
    assert (row.brier, row.calibration_error) == (0.25, 0)
    [row] = threshold_accuracy(items, replicates=20)
    assert row.accuracy == 0.5


def test_numbers_of_a_category_are_its_own_and_a_single_set_is_left_out() -> None:
    binding, other = make_items(12), make_items(9, 5, "relation")
    alone = threshold_accuracy(binding, replicates=20)
    single = [replace(other[0], category="lone", cluster="z")]
    together = list(threshold_accuracy([*other, *single, *binding], replicates=20))
    assert {row.category for row in together} == {"relation", "binding", "all"}
    assert [row for row in together if row.category == "binding"] == list(alone)


def test_tables_carry_signs_and_say_how_thresholds_were_chosen() -> None:
    items = make_items(12)
    facts = {"noisy": {"set_dependent": True}}
    assert "noisy†" in write_text(threshold_table(threshold_accuracy(items, replicates=20), facts))
    text = write_text(calibration_table(calibration(items, logits=("noisy",), replicates=20), facts))
    assert "noisy†" in text
    assert "as it stands" in text
    assert threshold_table((), {}) is calibration_table((), {}) is None
