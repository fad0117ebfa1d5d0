"""Batches that threads make ahead are those that one would make, in their order, and no more than are asked for."""

import time
from dataclasses import replace
from threading import Lock, Thread

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.training.ahead import made_ahead
from fourfold.evaluator.training.data import Batch, TrainingData, concatenate
from fourfold.evaluator.training.gathering import ahead_of, gather, gathered_ahead, held_on, placed


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_batches_come_in_the_order_of_their_steps(delays, workers):
    def make(step):
        time.sleep(delays[step] / 1000)
        return step**2

    assert list(made_ahead(make, range(len(delays)), workers)) == [step**2 for step in range(len(delays))]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_is_made_than_workers_are_ahead(workers):
    made, lock = [], Lock()

    def make(step):
        with lock:
            made.append(step)
        return step

    for step in made_ahead(make, range(20), workers):
        time.sleep(0.002)
        assert len(made) <= step + 1 + workers


def test_what_goes_wrong_is_raised_where_its_batch_was_due():
    def make(step):
        if step == 2:
            raise OSError("a broken picture")
        return step

    found = made_ahead(make, range(9), 4)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(OSError, match="a broken picture"):
        next(found)


def test_a_run_that_is_interrupted_makes_nothing_more():
    made = []
    found = made_ahead(made.append, range(1000), 2)
    next(found)
    found.close()
    assert len(made) <= 4


def some_data(dense: float) -> TrainingData:
    """Features of 32 patches, 24 token values and 12 others; patches and tokens hold this number."""
    images = ImageFeatures(
        np.array(["a", "b"]), torch.eye(2) / 3, torch.full((2, 8, 2), dense), torch.eye(2) / 7, (2, 4)
    )
    rows, truth = np.array([[0, 1]]), np.eye(2, dtype=bool)[None]
    texts = {"tokens": torch.full((2, 6, 2), dense), "pooled": torch.eye(2) / 9}
    return TrainingData(images, texts, rows, rows, truth, truth | True, np.array(["x"]))


def same(one: Batch, other: Batch) -> bool:
    images = [(getattr(one.images, name), getattr(other.images, name)) for name in ("pooled", "patches", "cls")]
    texts = [(one.texts[name], other.texts[name]) for name in one.texts.keys() | other.texts.keys()]
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in images + texts)


@pytest.mark.parametrize(
    ("dense", "needed", "kept"),
    [
        (0.25, 4 * 12 + 2 * 56, torch.float16),
        (0.1, 4 * 68, torch.float32),
    ],  # a number that float16 holds, and one that it would round
)
def test_features_are_held_where_there_is_room_and_batches_are_the_same(dense, needed, kept):
    data = some_data(dense)
    plain = gather(data, np.array([0]), "cpu")
    assert placed(data, "cpu") is data
    assert held_on(data, "cpu", 2 * needed - 1) is data
    held = held_on(data, "cpu", 2 * needed)
    assert held is not data
    assert {held.images.patches.dtype, held.texts["tokens"].dtype} == {kept}
    assert same(gather(held, np.array([0]), "cpu"), plain)


def test_heads_without_patches_or_tokens_are_held_too():
    data = some_data(0.25)
    data = replace(data, images=replace(data.images, patches=None, cls=None), texts={"pooled": data.texts["pooled"]})
    held = held_on(data, "cpu", 2 * 4 * 8)
    assert held is not data
    assert held.images.patches is held.images.cls is None
    assert torch.equal(held.texts["pooled"], data.texts["pooled"])
    assert set(held.texts) == {"pooled"}
    assert held_on(data, "cpu", 2 * 4 * 8 - 1) is data


def test_a_gpu_is_asked_for_the_room_it_has(monkeypatch):
    data, asked = some_data(0.25), []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (0, 10**9))
    assert placed(data, "cuda:1") is data
    assert asked == ["cuda:1"]


def test_threads_share_the_processors_and_leave_the_rest_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    try:
        assert set(made_ahead(lambda step: torch.get_num_threads(), range(9), 3)) == {2}
        assert set(made_ahead(lambda step: torch.get_num_threads(), range(9), 40)) == {1}
        later: list[int] = []
        thread = Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start(), thread.join()
        assert [torch.get_num_threads(), *later] == [6, 6]
    finally:
        torch.set_num_threads(before)


def test_batches_are_the_same_whatever_gathers_them(monkeypatch):
    """Threads for a GPU that has no room for the features, none otherwise; versions are drawn in one order."""
    data = some_data(0.25)
    data = replace(data, versions=2, images=concatenate([data.images, replace(data.images, pooled=-torch.eye(2))]))
    items = [np.array([0])] * 20
    found = []
    for workers in (0, 1, 3):
        monkeypatch.setattr("fourfold.evaluator.training.gathering.ahead_of", lambda *_, n=workers: n)
        found.append(list(gathered_ahead(data, items, "cpu", np.random.default_rng(0))))
    for other in found[1:]:
        assert all(same(one, another) for one, another in zip(found[0], other, strict=True))
    assert len({tuple(batch.images.pooled.flatten().tolist()) for batch in found[0]}) == 4  # of two pictures each


def test_threads_gather_only_what_a_gpu_has_to_wait_for():
    data = some_data(0.25)
    assert ahead_of(data, "cpu") == 0
    assert ahead_of(data, "cuda:1") > 0
    there = replace(data, images=replace(data.images, pooled=torch.empty(2, 2, device="meta")))
    assert ahead_of(there, "meta") == 0
