"""The loss of tables typed by hand; s(x) = log(1 + e^x)."""

import pytest
import torch

from fourfold.evaluator.training.losses import truth_table_loss

S = {-3: 0.048587, -2: 0.126928, -1: 0.313262, 0: 0.693147, 1: 1.313262}


def loss(scores: list, truth: list, known: list | None = None) -> float:
    table = torch.tensor(truth, dtype=torch.bool)
    seen = torch.ones_like(table) if known is None else torch.tensor(known, dtype=torch.bool)
    return truth_table_loss(torch.tensor(scores), table, seen).item()


SQUARE, DIAGONAL = [[2.0, 1.0], [0.0, 3.0]], [[1, 0], [0, 1]]
PAIRS = (S[-2] + S[-3]) / 4 + (S[1] + S[0]) / 4  # half the mean of the true pairs, half that of the false ones
CAPTIONS = (S[-1] + S[-3]) / 2  # 1 - 2 in the first row, 0 - 3 in the second
IMAGES = (S[-2] + S[-2]) / 2  # 0 - 2 in the first column, 1 - 3 in the second


def test_a_fourfold_group() -> None:
    assert loss([SQUARE], [DIAGONAL]) == pytest.approx(PAIRS + CAPTIONS + IMAGES, abs=1e-5)


def test_a_choice_among_captions_has_no_rival_images() -> None:
    expected = S[-1] / 2 + (S[-1] + S[0]) / 4 + 0.407606  # the last one is log(1 + e^(-1 - 1) + e^(0 - 1))
    assert loss([[[1.0, -1.0, 0.0]]], [[[1, 0, 0]]]) == pytest.approx(expected, abs=1e-5)


def test_items_weigh_the_same_however_many_pairs_they_have() -> None:
    """The second item has one known image: its pairs count as much as the first one's, and it asks of no image."""
    scores, truth = [SQUARE, [[0.0, 0.0], [9.0, 9.0]]], [DIAGONAL, [[1, 0], [0, 0]]]
    known = [[[1, 1], [1, 1]], [[1, 1], [0, 0]]]
    expected = (PAIRS + S[0]) / 2 + (CAPTIONS + S[0]) / 2 + IMAGES
    assert loss(scores, truth, known) == pytest.approx(expected, abs=1e-5)


def test_nothing_known_is_no_loss() -> None:
    assert loss([SQUARE], [DIAGONAL], [[[0, 0], [0, 0]]]) == 0.0
