"""Metrics on hand-typed tables, their chance levels by enumeration, and what ties do to them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import mannwhitneyu

from fourfold.evaluator.analysis.metrics import (
    METRICS,
    ItemBlock,
    Measured,
    image_recall,
    tally,
    text_choice,
    text_recall,
)

CORE = np.eye(2, dtype=bool)
# two images, their two captions, a hard positive of each, a foil true of neither, one true of both
EXTENDED = np.array([[1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 0, 1]], dtype=bool)
QUESTION = np.array([[0, 1, 0, 0]], dtype=bool)
SEARCH = np.kron(np.eye(12, dtype=bool), np.ones((1, 5), dtype=bool))  # 12 images with five captions each
SHAPES = {"core": CORE, "extended": EXTENDED, "question": QUESTION, "image question": QUESTION.T, "search": SEARCH}

APPLICABLE = [(name, shape) for name, metric in METRICS.items() for shape in SHAPES if metric.applies_to(SHAPES[shape])]


def measure(name: str, scores: np.ndarray, truth: np.ndarray) -> Measured:
    """The metric on items [n, k, m] that share one truth [k, m], every item a cluster of its own."""
    n = len(scores)
    block = ItemBlock(scores[None], np.broadcast_to(truth, (n, *truth.shape)), np.arange(n))
    return METRICS[name].measure([block], n)


def value(name: str, scores: np.ndarray, truth: np.ndarray) -> float:
    measured = measure(name, scores, truth)
    return float(measured.statistic(np.ones((1, len(scores))))[0, 0])


@pytest.mark.parametrize(
    ("table", "expected"),
    [  # text, image, group, match, two-way text, two-way image
        ([[0.9, 0.1], [0.2, 0.8]], (1, 1, 1, 1, 1.0, 1.0)),
        ([[0.9, 0.8], [0.7, 0.75]], (1, 0, 0, 1, 1.0, 0.5)),  # B finds b, but b prefers A
        ([[0.9, 0.7], [0.8, 0.75]], (0, 1, 0, 1, 0.5, 1.0)),
        ([[0.9, 0.5], [0.95, 0.6]], (0, 0, 0, 1, 0.5, 0.5)),  # an offset of image B and of caption a: only match sees
        ([[0.1, 0.9], [0.8, 0.2]], (0, 0, 0, 0, 0.0, 0.0)),
        ([[0.5, 0.5], [0.5, 0.5]], (0, 0, 0, 0, 0.0, 0.0)),
        ([[0.9, 0.9], [0.2, 0.8]], (0, 0, 0, 1, 0.5, 0.5)),  # A is a tie, and b prefers A
    ],
)
def test_fourfold_scores_of_a_hand_typed_table(table: list[list[float]], expected: tuple[float, ...]) -> None:
    scores = np.array([table], dtype=np.float32)
    names = ("text_score", "image_score", "group_score", "match_score", "text_2afc", "image_2afc")
    got = [value(name, scores, CORE) for name in names]
    assert got == pytest.approx(expected)


def test_chance_of_fourfold_scores_is_the_share_of_the_24_orders() -> None:
    orders = np.array(list(permutations(range(4))), dtype=np.float32).reshape(-1, 2, 2)
    for name in ("text_score", "image_score", "group_score", "text_2afc", "image_2afc"):
        assert value(name, orders, CORE) == pytest.approx(METRICS[name].chance(CORE))


def test_opposite_scores_of_opposite_captions_are_right_one_time_in_four() -> None:
    """Why a scorer of relations that sees other groups' pictures can be above the sixth of independent scores."""
    scores = np.random.default_rng(0).standard_normal((20000, 2, 1)) * np.array([1.0, -1.0])
    assert value("group_score", scores, CORE) == pytest.approx(1 / 4, abs=0.01)


@pytest.mark.parametrize(("name", "shape"), APPLICABLE)
def test_random_scores_are_at_chance_and_constant_scores_below_it(name: str, shape: str) -> None:
    metric, truth = METRICS[name], SHAPES[shape]
    scores = np.random.default_rng(0).standard_normal((2000, *truth.shape))
    measured = measure(name, scores, truth)
    expected = metric.chance(truth)
    per_item = measured.asked.mean()
    tolerance = 4 * np.sqrt(expected * (1 - expected) / len(scores) / min(per_item, 1))
    assert value(name, scores, truth) == pytest.approx(expected, abs=max(tolerance, 0.01))
    assert measured.ties.tolist() == [0]

    constant = measure(name, np.zeros_like(scores[:10]), truth)
    if name == "matching_auc":
        assert value(name, np.zeros_like(scores[:10]), truth) == 0.5
    else:
        assert value(name, np.zeros_like(scores[:10]), truth) == 0.0
    assert constant.ties.tolist() == [constant.asked.sum()]


@pytest.mark.parametrize(("name", "shape"), APPLICABLE)
def test_the_truth_as_score_is_perfect_on_everything(name: str, shape: str) -> None:
    truth = SHAPES[shape]
    assert value(name, truth[None].astype(np.float32), truth) == 1.0


@given(hnp.arrays(np.float32, (5, 2, 2), elements=st.integers(0, 3).map(float)))
def test_group_implies_text_image_and_match(scores: np.ndarray) -> None:
    hits = {name: measure(name, scores, CORE).hits[:, 0] > 0 for name in list(METRICS)[:4]}
    assert (hits["group_score"] == (hits["text_score"] & hits["image_score"])).all()
    assert (hits["match_score"] | ~hits["text_score"] & ~hits["image_score"]).all()


@given(hnp.arrays(np.float32, (4, 2, 2), elements=st.integers(-4, 4).map(float)))
def test_match_ignores_offsets_of_images_and_captions(scores: np.ndarray) -> None:
    moved = scores + np.array([[3.0], [-1.0]], np.float32) + np.array([[2.0, 7.0]], np.float32)
    assert measure("match_score", scores, CORE).hits.tolist() == (measure("match_score", moved, CORE).hits.tolist())


def test_hard_positives_are_asked_on_the_image_they_are_true_of() -> None:
    scores = np.array([[[0.9, 0.5, 0.6, 9.0, 9.0, 9.0], [0.1, 0.8, 9.0, 0.1, 9.0, 9.0]]], dtype=np.float32)
    alone = measure("hard_positive", scores, EXTENDED)
    assert alone.asked.tolist() == [2]  # the foil and the caption true of both are no hard positives
    assert alone.hits.tolist() == [[1.0]]  # A: .6 > .5; B: .1 = .1 is a tie
    assert alone.ties.tolist() == [1]
    scores[0, 0, 0] = 0.4  # now A loses its own caption, so its hard positive no longer counts with it
    assert measure("hard_positive", scores, EXTENDED).hits.tolist() == [[1.0]]
    assert measure("hard_positive_both", scores, EXTENDED).hits.tolist() == [[0.0]]


# four images, eight captions, image i has captions 2i and 2i + 1; ranks read off by hand
RECALL_SCORES = np.array(
    [
        [0.8, 0.1, 0.5, 0.2, 0.3, 0.4, 0.0, 0.6],  # best true first: hit at 1
        [0.9, 0.1, 0.3, 0.2, 0.5, 0.0, 0.4, 0.8],  # best true is fifth
        [0.1, 0.9, 0.2, 0.3, 0.8, 0.7, 0.0, 0.5],  # second
        [0.7, 0.6, 0.7, 0.1, 0.2, 0.3, 0.7, 0.0],  # ties for the first place with two others: counts as third
    ],
    dtype=np.float32,
)
RECALL_TRUTH = np.kron(np.eye(4, dtype=bool), np.ones((1, 2), dtype=bool))


@pytest.mark.parametrize(("at", "hits"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 4)])
def test_text_recall_of_a_hand_typed_table(at: int, hits: int) -> None:
    counted = tally(text_recall(RECALL_SCORES[None], RECALL_TRUTH[None], at))
    assert (counted.hits[0], counted.asked[0]) == (hits, 4)


@pytest.mark.parametrize(("at", "hits"), [(1, 3), (2, 4), (3, 6), (4, 8)])  # ranks 2 4 3 3 1 1 1 4
def test_image_recall_of_a_hand_typed_table(at: int, hits: int) -> None:
    counted = tally(image_recall(RECALL_SCORES[None], RECALL_TRUTH[None], at))
    assert (counted.hits[0], counted.asked[0]) == (hits, 8)


def test_choice_refuses_the_tie_that_argmax_would_accept() -> None:
    scores = np.array([[[0.7, 0.7, 0.1, 0.2]], [[0.1, 0.7, 0.69, 0.2]]], dtype=np.float32)
    counted = tally(text_choice(scores, np.broadcast_to(QUESTION, (2, 1, 4))))
    assert counted.hits.tolist() == [0, 1]
    assert counted.ties.tolist() == [1, 0]


def test_which_metrics_apply_to_which_table() -> None:
    applying = {shape: {name for name in METRICS if METRICS[name].applies_to(SHAPES[shape])} for shape in SHAPES}
    core = {"group_score", "text_score", "image_score", "match_score", "text_2afc", "image_2afc", "matching_auc"}
    assert applying["core"] == core
    assert applying["extended"] == core | {"hard_positive", "hard_positive_both"}
    assert applying["question"] == {"text_choice", "matching_auc"}
    assert applying["image question"] == {"image_choice", "matching_auc"}
    recalls = {f"{side}_recall@{at}" for side in ("text", "image") for at in (1, 5, 10)}
    assert applying["search"] == recalls | {"matching_auc"}


@given(st.integers(0, 2**32 - 1))
def test_matching_auc_is_the_mann_whitney_statistic_under_ties_and_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (6, 2, 6)).astype(np.float32)
    weights = rng.integers(0, 3, (1, 6)).astype(float)
    weights[0, 0] = 1
    repeated = np.repeat(scores, weights[0].astype(int), axis=0)
    true, false = repeated[:, EXTENDED].ravel(), repeated[:, ~EXTENDED].ravel()
    expected = mannwhitneyu(true.astype(float), false.astype(float)).statistic / (len(true) * len(false))
    assert measure("matching_auc", scores, EXTENDED).statistic(weights)[0, 0] == pytest.approx(expected, abs=1e-12)


def test_scorers_are_measured_side_by_side() -> None:
    rng = np.random.default_rng(3)
    scores = rng.standard_normal((3, 20, 2, 6)).astype(np.float32)
    block = ItemBlock(scores, np.broadcast_to(EXTENDED, (20, 2, 6)), np.arange(20))
    for name, metric in METRICS.items():
        if metric.applies_to(EXTENDED):
            together = metric.measure([block], 20).statistic(np.ones((1, 20)))[0]
            assert together.tolist() == [value(name, each, EXTENDED) for each in scores]


CHANCES = {
    "group_score": 1 / 6,
    "text_score": 1 / 4,
    "image_score": 1 / 4,
    "match_score": 1 / 2,
    "text_2afc": 1 / 2,
    "image_2afc": 1 / 2,
    "hard_positive": 1 / 2,
    "hard_positive_both": 1 / 3,
    "text_choice": 1 / 4,
    "image_choice": 1 / 4,
    "text_recall@1": 5 / 60,  # 12 images with five captions each
    "image_recall@1": 1 / 12,
    "text_recall@5": 1 - (55 * 54 * 53 * 52 * 51) / (60 * 59 * 58 * 57 * 56),
    "image_recall@5": 5 / 12,
    "text_recall@10": 1 - np.prod([(50 - i) / (60 - i) for i in range(5)]),
    "image_recall@10": 10 / 12,
    "matching_auc": 1 / 2,
}


def test_chance_levels_typed_by_hand() -> None:
    assert list(CHANCES) == list(METRICS)  # in the order of the headlines: what applies first speaks for a category
    for name, metric in METRICS.items():
        truth = next(truth for truth in (EXTENDED, QUESTION, QUESTION.T, SEARCH) if metric.applies_to(truth))
        assert metric.chance(truth) == pytest.approx(CHANCES[name]), name


@pytest.mark.parametrize(("candidates", "is_search"), [(10, False), (11, True)])
def test_recall_is_asked_of_more_than_ten_candidates(candidates: int, is_search: bool) -> None:
    truth = np.zeros((1, candidates), dtype=bool)
    truth[0, 0] = True
    assert METRICS["text_recall@1"].applies_to(truth) == is_search
    assert METRICS["text_choice"].applies_to(truth)  # a single picture is asked either way


def test_match_is_summed_exactly() -> None:
    """In float32 both sums round to 1, a tie; and these scores are float32."""
    scores = np.array([[[1, 1], [0, 2**-30]], [[1, 1], [2**-30, 0]]], dtype=np.float32)
    measured = measure("match_score", scores, CORE)
    assert measured.hits.tolist() == [[1.0], [0.0]]
    assert measured.ties.tolist() == [0]


@pytest.mark.parametrize(("cells", "applies"), [(10**7, True), (10**7 + 1, False)])
def test_the_cells_of_very_large_sets_are_not_ranked(cells: int, applies: bool) -> None:
    truth = np.zeros((1, cells), dtype=bool)
    truth[0, 0] = True
    assert METRICS["matching_auc"].applies_to(truth) == applies
