"""Mean, offsets and interaction of a group's scores, and what a random sign of the interaction gets."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS, ItemBlock
from fourfold.evaluator.analysis.score_parts import SIGNED, chance_given_offsets, decompose, rms_parts
from fourfold.evaluator.analysis.summary import summarise

CORE = np.eye(2, dtype=bool)
SCORES = hnp.arrays(np.float32, (7, 2, 2), elements=st.integers(-8, 8).map(float))


def block_of(scores: np.ndarray) -> ItemBlock:
    """Groups [n, 2, m] of one scorer, each a cluster of its own."""
    truth = np.broadcast_to(np.eye(2, scores.shape[2], dtype=bool), scores.shape)
    return ItemBlock(scores[None], truth, np.arange(len(scores)))


def test_parts_of_a_table_typed_by_hand() -> None:
    # mean 5, image A is liked by 2, caption a by 1, and a belongs to A by .5
    table = np.array([[5 + 2 + 1 + 0.5, 5 + 2 - 1 - 0.5], [5 - 2 + 1 - 0.5, 5 - 2 - 1 + 0.5]])
    assert decompose(table).tolist() == [5, 2, 1, 0.5]
    assert decompose(np.concatenate([table, [[99], [99]]], axis=1)).tolist() == [5, 2, 1, 0.5]  # the first two captions


@given(SCORES)
def test_the_parts_add_up_to_the_table_and_their_squares_to_its_variance(scores: np.ndarray) -> None:
    parts, x = decompose(scores), np.array([1, -1])
    mean, image, caption, interaction = (parts[:, i, None, None] for i in range(4))
    whole = mean + image * x[:, None] + caption * x + interaction * np.outer(x, x)
    assert whole == pytest.approx(scores)
    assert sum(float(part[0]) ** 2 for part in rms_parts([block_of(scores)])) == pytest.approx(scores.var())


@given(SCORES)
def test_a_group_is_right_if_its_interaction_exceeds_its_offsets(scores: np.ndarray) -> None:
    _, image, caption, interaction = decompose(scores).T
    limits = {
        "text_score": abs(caption),
        "image_score": abs(image),
        "group_score": np.maximum(abs(image), abs(caption)),
    }
    for name, limit in limits.items():
        hits = METRICS[name].measure([block_of(scores)], len(scores)).hits[:, 0]
        assert (hits == (interaction > limit)).all()


@given(SCORES, st.sampled_from(SIGNED))
def test_chance_given_offsets_is_the_mean_over_all_signs(scores: np.ndarray, name: str) -> None:
    """Every group with its interaction as it is, and turned around: both equally likely, whatever the others do."""
    parts, x = decompose(scores), np.array([1, -1])
    shares = []
    for signs in product([1, -1], repeat=3):  # of three of the groups, which are enough to see that the mean is right
        turned = parts[:3, 3] * signs
        tables = scores[:3] + ((turned - parts[:3, 3])[:, None, None] * np.outer(x, x)).astype(np.float32)
        shares.append(METRICS[name].measure([block_of(tables)], 3).hits.mean())
    assert chance_given_offsets(METRICS[name], [block_of(scores[:3])], 3)[0] == pytest.approx(np.mean(shares))


def test_at_random_the_parts_are_alike_and_chance_is_a_sixth() -> None:
    scores = np.random.default_rng(0).standard_normal((20_000, 2, 2)).astype(np.float32)
    block = block_of(scores)
    assert np.array(rms_parts([block]))[:, 0] == pytest.approx([0.5] * 4, abs=0.01)
    assert chance_given_offsets(METRICS["group_score"], [block], len(scores))[0] == pytest.approx(1 / 6, abs=0.01)


def test_offsets_alone_put_a_group_score_below_chance_and_leave_match_at_it() -> None:
    """Large offsets and an interaction of random sign: what looks like an inversion is none, and the row says so."""
    rng, x = np.random.default_rng(0), np.array([1, -1])
    scale = np.array([3.0, 3.0, 0.1])
    parts = rng.standard_normal((200, 3)) * scale
    inverted = np.column_stack([parts[:, :2] / 100, -abs(parts[:, 2])])
    tables = {
        name: each[:, 0, None, None] * x[:, None] + each[:, 1, None, None] * x + each[:, 2, None, None] * np.outer(x, x)
        for name, each in {"offsets": parts, "inverted": inverted}.items()
    }
    items = [
        ScoredItem(
            str(i),
            "c",
            str(i),
            {},
            ("i",) * 2,
            ("c",) * 2,
            CORE,
            {n: t[i].astype(np.float32) for n, t in tables.items()},
        )
        for i in range(200)
    ]
    rows = {(row.scorer, row.metric): row for row in summarise(items, seed=0, replicates=5, baseline=None).metrics}
    low, wrong = rows["offsets", "group_score"], rows["inverted", "group_score"]
    for row in (low, wrong):
        assert row.value < 0.05
        assert row.p_chance < 1e-6
    assert low.chance_given_offsets < 0.03
    assert low.p_given_offsets > 0.05
    assert rows["offsets", "match_score"].p_chance > 0.05
    assert wrong.chance_given_offsets > 0.3
    assert wrong.p_given_offsets < 1e-6
    assert rows["inverted", "match_score"].p_chance < 1e-6
    assert low.rms_image_offset == pytest.approx(np.sqrt((parts[:, 0] ** 2).mean()), rel=1e-4)
    assert low.rms_interaction == pytest.approx(np.sqrt((parts[:, 2] ** 2).mean()), rel=1e-4)
    assert rows["offsets", "text_2afc"].chance_given_offsets is rows["offsets", "text_score"].rms_mean is None
