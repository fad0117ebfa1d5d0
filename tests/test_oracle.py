"""The oracle knows what the items say, and nothing of pairs that no item asks about."""

from types import SimpleNamespace

import numpy as np

from fourfold.evaluator.scorers.oracle import load_oracle


def test_a_pair_that_no_item_asks_about_gets_nothing() -> None:
    items = [SimpleNamespace(truth=np.array([[True, False]])), SimpleNamespace(truth=np.array([[False, True]]))]
    images = SimpleNamespace(keys=np.array(["p", "q"]))
    texts = SimpleNamespace(texts=np.array(["a", "b", "c", "d"]))
    encoded = SimpleNamespace(
        images=images,
        texts=texts,
        image_index=[np.array([0]), np.array([1])],
        text_index=[np.array([0, 1]), np.array([2, 3])],
    )
    oracle = load_oracle(SimpleNamespace(items=items, encoded=encoded))
    assert oracle(images, texts).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
