"""Slopes along difficulty axes: known slopes are found and covered, and axes without any are rarely called clear."""

import numpy as np
import pytest

from fourfold.evaluator.analysis.difficulty_slopes import FEWEST, difficulty_slopes, slopes_table
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.tables.formats import write_text

TRUTH = np.eye(2, dtype=bool)


def make_items(
    right: np.ndarray, tags: dict[str, np.ndarray], *, category: str = "binding", per_cluster: int = 1
) -> list[ScoredItem]:
    """Groups with these outcomes [n] of the group score, and these axes [n]."""
    return [
        ScoredItem(
            id=f"{category}-{i}",
            category=category,
            cluster=f"{category}-{i // per_cluster}",
            tags={"edit": "swap", **{name: values[i].item() for name, values in tags.items()}},
            images=("a", "b"),
            captions=("a", "b"),
            truth=TRUTH,
            scores={"cosine": (TRUTH if good else ~TRUTH).astype(np.float32)},
        )
        for i, good in enumerate(right)
    ]


def draw(rng: np.random.Generator, x: np.ndarray, slope: float) -> np.ndarray:
    return rng.random(len(x)) < 1 / (1 + np.exp(-(0.3 + slope * x)))


def test_a_known_slope_is_found_covered_and_told_from_others() -> None:
    rng, slopes, covered, clear, false = np.random.default_rng(0), [], 0, 0, 0
    runs = 60
    for _ in range(runs):
        x, other = rng.standard_normal(150), rng.standard_normal(150)
        tags = {"margin": 10 + 3 * x, "distance": other}
        rows = {row.axis: row for row in difficulty_slopes(make_items(draw(rng, x, 0.8), tags))}
        row = rows["margin"]
        slopes.append(row.slope)
        covered += row.low <= 0.8 <= row.high
        clear += row.clear
        false += rows["distance"].clear
        assert row.right_low < row.right_high
    assert np.mean(slopes) == pytest.approx(0.8, abs=0.1)
    assert covered >= 0.87 * runs
    assert clear > 0.9 * runs
    assert false <= 0.1 * runs


def test_nothing_is_called_clear_where_there_is_nothing() -> None:
    """Holm over axes: of sixty categories with six axes each, hardly one in twenty has a clear one."""
    rng, n = np.random.default_rng(1), 50
    items = []
    for c in range(60):
        tags = {f"axis {a}": rng.standard_normal(n) for a in range(6)}
        items += make_items(rng.random(n) < 0.4, tags, category=f"category {c}")
    rows = difficulty_slopes(items)
    assert len(rows) == 360
    assert len({row.category for row in rows if row.clear}) <= 8


def test_axes_in_doublings_are_read_as_such_and_the_rest_is_left_out() -> None:
    rng = np.random.default_rng(2)
    doublings = rng.uniform(6, 12, 200)
    right = draw(rng, doublings - 9, 1.0)
    tags = {"visible_pixels": 2**doublings, "n_objects": np.full(200, 3), "held_out": rng.random(200) < 0.5}
    rows = {row.axis: row for row in difficulty_slopes(make_items(right, tags))}
    assert set(rows) == {"visible_pixels", "held_out"}  # one is constant, one is text
    assert rows["visible_pixels"].slope == pytest.approx(doublings.std(), rel=0.3)


def test_scorers_with_too_few_right_or_wrong_have_no_slope() -> None:
    x = np.arange(40.0)
    for right in (x < FEWEST - 1, x >= FEWEST - 1):
        assert difficulty_slopes(make_items(right, {"margin": x})) == ()
    assert len(difficulty_slopes(make_items(x < FEWEST, {"margin": x}))) == 1  # separated, and finite
    assert slopes_table((), {}) is None


def test_items_that_share_a_cluster_are_not_taken_for_independent() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(80)
    right = draw(rng, x, 0.6)
    [alone] = difficulty_slopes(make_items(right, {"margin": x}))
    many = make_items(np.repeat(right, 4), {"margin": np.repeat(x, 4)}, per_cluster=4)
    [together] = difficulty_slopes(many)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_the_table_says_what_it_shows_and_what_slopes_are_not() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(120)
    rows = difficulty_slopes(make_items(draw(rng, x, 1.5), {"margin": x, "distance": rng.standard_normal(120)}))
    text = write_text(slopes_table(rows, {"cosine": {"set_dependent": True}}))
    assert rows[0].axis == "margin"
    assert "1 of 2 slopes are clear" in text
    assert "margin to ambiguity" in text
    assert "not what makes it so" in text
    assert "cosine†" in text
