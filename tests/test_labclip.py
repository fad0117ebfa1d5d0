"""labclip in numbers: which side its map acts on, its scale, and that an untrained head is the cosine."""

from math import exp

import numpy as np
import pytest
import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.labclip import LabclipHead


def score(head: LabclipHead, image: list[float], text: list[float]) -> float:
    images = ImageFeatures(np.array([["i"]]), torch.tensor([[image]]))
    texts = TextFeatures(np.array([["t"]]), torch.tensor([[text]]), None, None, None)
    with torch.no_grad():
        return head(images, head.prepare(texts)).item()


def test_an_untrained_head_is_the_cosine_times_e_cubed() -> None:
    assert score(LabclipHead(2), [0.6, 0.8], [1.0, 0.0]) == pytest.approx(0.6 * 20.085537, abs=1e-4)


def test_the_map_acts_on_the_text_and_scale_and_offset_follow() -> None:
    head = LabclipHead(2)
    with torch.no_grad():
        head.map.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))  # A (0, 1) = (1, 0)
        head.log_scale.fill_(0.5)
        head.offset.fill_(-2.0)
    assert score(head, [1.0, 0.0], [0.0, 1.0]) == pytest.approx(exp(0.5) - 2, abs=1e-5)
    assert score(head, [0.0, 1.0], [1.0, 0.0]) == pytest.approx(-2)
