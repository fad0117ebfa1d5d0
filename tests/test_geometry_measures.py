"""What is measured on embeddings alone, on vectors typed by hand."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.evaluator.analysis.geometry_measures import (
    add_up,
    four_margins,
    measure_margins,
    measure_paraphrases,
    measure_superposition,
    measure_twins,
)


@given(st.integers(0, 2**32 - 1))
def test_margins_are_the_differences_of_cosines(seed: int) -> None:
    v, t = np.random.default_rng(seed).standard_normal((2, 3, 2, 5))
    s = np.einsum("nid,njd->nij", v, t)
    expected = [s[:, 0, 0] - s[:, 0, 1], s[:, 1, 1] - s[:, 1, 0], s[:, 0, 0] - s[:, 1, 0], s[:, 1, 1] - s[:, 0, 1]]
    assert np.allclose(four_margins(v, t), np.stack(expected, axis=1))


def test_parts_that_cancel_add_up_to_nothing() -> None:
    assert add_up(np.array([[1.0, 0], [-1.0, 0]])).tolist() == [0, 0]
    assert add_up(np.array([[3.0, 0], [0, 4.0]])) == pytest.approx([0.6, 0.8])


def test_twin_distance_is_one_for_twins_as_far_apart_as_strangers() -> None:
    vectors = np.random.default_rng(0).standard_normal((4000, 2, 64))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    measures = measure_twins("image", vectors, np.arange(4000).astype(str), np.random.default_rng(1))
    assert {each.measure: each.value for each in measures}["twin_distance"] == pytest.approx(1, abs=0.02)


GENERATOR = partial(np.random.default_rng, 0)


@pytest.mark.parametrize(("margin", "share"), [(1.01e-6, 1.0), (0.99e-6, 0.0), (-1e-3, 0.0)])
def test_a_group_is_satisfied_above_rounding_alone(margin: float, share: float) -> None:
    """All four margins of these twins are `margin`, just beyond or within what float32 can tell."""
    e0, e1 = np.eye(2)
    images = np.stack([e0, e1])[None]
    texts = margin * np.stack([e0, e1])[None]
    assert four_margins(images, texts)[0] == pytest.approx([margin] * 4)
    measures = measure_margins(images, texts, np.array(["g"]), np.random.default_rng(0))
    assert {each.measure: each.value for each in measures}["satisfied"] == share


def test_one_margin_of_four_that_fails_fails_the_group() -> None:
    images = np.stack([np.eye(3)[0], np.eye(3)[1]])[None]
    texts = np.array([[[0.5, 0.1, 0], [0.6, 0.9, 0]]])  # A prefers b
    assert four_margins(images, texts)[0] == pytest.approx([-0.1, 0.8, 0.4, 0.3])
    found = {each.measure: each.value for each in measure_margins(images, texts, np.array(["g"]), GENERATOR())}
    assert found["satisfied"] == 0.0
    assert found["margin"] == pytest.approx(-0.1)
    assert found["interaction"] == pytest.approx(0.35)


def test_twins_are_set_against_members_of_other_groups() -> None:
    """Two groups in orthogonal planes: twins at 60 degrees, strangers at 90."""
    sine = 0.75**0.5
    twins = np.array([[[1, 0, 0, 0], [0.5, sine, 0, 0]], [[0, 0, 1, 0], [0, 0, 0.5, sine]]])
    found = {e.measure: e.value for e in measure_twins("text", twins, np.array(["g", "h"]), GENERATOR())}
    assert found == pytest.approx({"twin": 0.5, "unrelated": 0.0, "twin_distance": 0.5})


def test_paraphrases_are_set_against_twins() -> None:
    caption, twin, reworded = np.array([[1.0, 0]]), np.array([[0.8, 0.6]]), np.array([[0.6, 0.8]])
    found = {e.measure: e.value for e in measure_paraphrases(caption, reworded, twin, np.array(["g"]))}
    assert found == pytest.approx({"paraphrase": 0.6, "paraphrase_farther": 1.0, "twin_per_paraphrase": 0.5})
    swapped = {e.measure: e.value for e in measure_paraphrases(caption, twin, reworded, np.array(["g"]))}
    assert swapped == pytest.approx({"paraphrase": 0.8, "paraphrase_farther": 0.0, "twin_per_paraphrase": 2.0})


def test_superposition_is_set_against_the_sum_of_another_s_parts() -> None:
    wholes, sums = np.array([[1.0, 0], [0, 1.0]]), np.array([[0.6, 0.8], [0.8, 0.6]])
    found = {
        e.measure: e.value for e in measure_superposition("image", wholes, sums, np.array(["g", "h"]), GENERATOR())
    }
    expected = {"superposition": 0.6, "others_superposition": 0.8, "superposition_distance": 0.4 / 0.2}
    assert found == pytest.approx(expected)
