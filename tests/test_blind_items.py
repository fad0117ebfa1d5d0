"""Items of every shape as a blind solver meets them."""

from pathlib import Path

import numpy as np
import pytest

from fourfold.calls.blind_items import MOST_OPTIONS, blind_items
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.generator.audits.blind_audit import audit


def item(truth: list[list[int]], **options) -> Item:
    table = np.array(truth, dtype=bool)
    images = tuple(ImageRef(Path(f"{k}.png")) for k in range(table.shape[0]))
    captions = tuple(f"caption {m}" for m in range(table.shape[1]))
    return Item("x", images, captions, table, "binding", "group 1", **options)


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([[1, 0], [0, 1]], [(0,), (1,)]),  # fourfold: each caption is true once
        ([[1, 0, 1, 0], [0, 1, 0, 1]], [(0, 2), (1, 3)]),  # with hard positives
        ([[0, 0, 1]], [(2,)]),  # multiple choice
        ([[1], [0]], []),  # a choice among images
        ([[1, 1]], []),  # nothing false
        ([[0, 0], [0, 1]], [(1,)]),  # one image has no true caption
    ],
)
def test_one_blind_item_for_every_question(truth: list[list[int]], expected: list[tuple[int, ...]]) -> None:
    found = blind_items([item(truth)])
    assert [one.truth for one in found] == expected
    assert len({one.id for one in found}) == len(expected)
    assert {one.cluster for one in found} <= {"group 1"}


def test_retrieval_sets_are_no_questions() -> None:
    assert MOST_OPTIONS == 32
    assert len(blind_items([item(np.eye(32, dtype=int).tolist())])) == 32
    assert blind_items([item(np.eye(33, dtype=int).tolist())]) == []


def test_the_template_is_passed_on() -> None:
    assert blind_items([item([[1, 0]], tags={"template": "no"})])[0].template == "no"
    assert blind_items([item([[1, 0]])])[0].template is None


def test_groups_audit_to_chance() -> None:
    groups = [item([[1, 0], [0, 1]]) for _ in range(20)]
    assert audit(blind_items(groups), np.random.default_rng(0)).passed
