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
from fourfold.evaluator.training.data import TrainingData, placed


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


def some_data() -> TrainingData:
    images = ImageFeatures(np.array(["a", "b"]), torch.eye(2), torch.ones(2, 4, 2), None, (2, 2))
    rows, truth = np.array([[0, 1]]), np.eye(2, dtype=bool)[None]
    return TrainingData(images, {"tokens": torch.ones(2, 3, 2)}, rows, rows, truth, truth | True, np.array(["x"]))


def test_features_stay_where_there_is_no_gpu_or_no_room_for_them(monkeypatch):
    data = some_data()
    assert placed(data, "cpu") is data
    needed = 2 * 4 * (4 + 16 + 12)  # twice the bytes of pooled, patches and tokens
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed - 1, 0))
    assert placed(data, "cuda") is data
    moved = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed, 0))
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device: moved.append(device) or tensor)
    assert replace(placed(data, "cuda:1"), images=data.images, texts=data.texts) == data
    assert moved == ["cuda:1"] * 3


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
