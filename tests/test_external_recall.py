"""Recall as other benchmarks count it: of equal scores the first column comes first, in tables of any width."""

import numpy as np
import pytest

from fourfold.evaluator.data.external.authors import recall

COLUMNS = 200  # numpy sorts short rows stably whatever it is told


@pytest.mark.parametrize(("place", "k", "found"), [(0, 1, 1.0), (1, 1, 0.0), (4, 5, 1.0), (5, 5, 0.0), (199, 10, 0.0)])
def test_where_all_scores_are_equal_the_first_columns_are_found(place: int, k: int, found: float) -> None:
    truth = np.arange(COLUMNS)[None] == place
    assert recall(np.ones((1, COLUMNS)), truth, k) == found


def test_recall_is_that_of_a_slow_count_where_many_scores_are_equal() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 4, (60, COLUMNS)).astype(float), rng.random((60, COLUMNS)) < 0.02
    for k in (1, 5, 10):
        best = [sorted(range(COLUMNS), key=lambda column, row=row: -row[column])[:k] for row in scores]
        hits = [any(truth[row, column] for column in columns) for row, columns in enumerate(best)]
        assert recall(scores, truth, k) == pytest.approx(np.mean(hits))
        assert 0 < np.mean(hits) < 1
