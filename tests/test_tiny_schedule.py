"""Training of fourfold-tiny in numbers: its learning rate, its loss, and the limits of its temperature."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fourfold.evaluator.training.reference_model import TinyTraining, _contrastive_loss, _schedule, learn

TRAINING = TinyTraining(steps=1200, warmup=200)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.005), (99, 0.5), (199, 1.0), (200, 1.0), (450, 0.853553), (700, 0.5), (1199, 0.0)]
)
def test_the_learning_rate_rises_in_a_line_and_falls_along_half_a_cosine(step: int, share: float) -> None:
    assert _schedule(step, TRAINING) == pytest.approx(share, abs=1e-5)


def test_rows_weigh_the_same_however_many_captions_are_true() -> None:
    """Row 1: log(1 + e^0) twice; row 2: log(1 + e^-1) once. By pairs the mean would be 0.567."""
    logits = torch.tensor([[2.0, 2.0, 2.0], [0.0, 1.0, 0.0]])
    true = torch.tensor([[True, True, False], [False, True, False]])
    false = torch.tensor([[False, False, True], [True, False, False]])
    assert _contrastive_loss(logits, true, false).item() == pytest.approx((0.693147 + 0.313262) / 2, abs=1e-5)


class Towers(torch.nn.Module):
    """Two pictures and two captions whose logits are [[0, 1], [0, 1]] times the scale."""

    def __init__(self, log_scale: float) -> None:
        super().__init__()
        self.logit_scale = torch.nn.Parameter(torch.tensor(log_scale))
        self.register_buffer("captions", torch.tensor([[0.0, 1.0], [1.0, 0.0]]))

    def encode_image(self, pixels: torch.Tensor, normalize: bool) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0], [1.0, 0.0]])

    def encode_text(self, tokens: torch.Tensor, normalize: bool) -> torch.Tensor:
        return self.captions[tokens[:, 0]]


def take_step(log_scale: float, rate: float) -> tuple[float, float]:
    """Loss and temperature (its logarithm) after a step in which caption i is true of picture i alone."""
    model = Towers(log_scale)
    true = np.eye(2, dtype=bool)
    batch = SimpleNamespace(
        pixels=torch.zeros(2, 3, 4, 4), tokens=torch.tensor([[0], [1]]), true=true, ambiguous=np.zeros_like(true)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loss = learn(model, optimizer, batch, rate, torch.device("cpu"), torch.float32)
    return loss, model.logit_scale.item()


def test_the_loss_is_the_mean_of_both_directions() -> None:
    """Pictures among captions: log(1 + e^1) and log(1 + e^-1); captions among pictures: log 2 twice."""
    loss, _ = take_step(0.0, rate=0.0)
    assert loss == pytest.approx(((1.313262 + 0.313262) / 2 + 0.693147) / 2, abs=1e-5)


@pytest.mark.parametrize(("before", "after"), [(10.0, math.log(100)), (-3.0, 0.0), (2.0, 2.0)])
def test_the_temperature_stays_between_1_and_100(before: float, after: float) -> None:
    assert take_step(before, rate=0.0)[1] == pytest.approx(after, abs=1e-5)
