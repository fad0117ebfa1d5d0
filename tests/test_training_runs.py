"""What a training run is bound to, and what each of several processes gives to a step."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from tqdm import tqdm

from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.training.data import TrainingData
from fourfold.evaluator.training.gathering import draw_versions, gather
from fourfold.evaluator.training.processes import Processes
from fourfold.evaluator.training.train_state import HeadTrainer, TrainingConfig


def test_each_image_of_an_item_is_drawn_among_its_own_versions() -> None:
    """Two images, three versions: version v of image i is row 2 v + i, and all nine pairs of versions come up."""
    rows = np.array([[0, 1]])
    data = TrainingData(
        images=ImageFeatures(np.arange(6).astype(str), torch.arange(6.0)[:, None]),
        texts={},
        image_rows=rows,
        text_rows=rows,
        truth=np.eye(2, dtype=bool)[None],
        known=np.ones((1, 2, 2), dtype=bool),
        categories=np.array(["c"]),
        versions=3,
    )
    rng = np.random.default_rng(0)
    places = (draw_versions(data, np.array([0]), rng) for _ in range(200))
    drawn = {tuple(gather(data, np.array([0]), "cpu", at).images.pooled[0, :, 0].tolist()) for at in places}
    assert drawn == {(a, b) for a in (0.0, 2.0, 4.0) for b in (1.0, 3.0, 5.0)}
    assert gather(data, np.array([0]), "cpu").images.pooled[0, :, 0].tolist() == [0.0, 1.0]


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))

    def forward(self, images: ImageFeatures, texts: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.weight.expand(len(images.pooled), 2, 2)


@pytest.mark.parametrize(("rows", "weights"), [(7, [8 / 7, 6 / 7]), (6, [1.0, 1.0]), (1, [1.0, 1.0])])
def test_a_process_weighs_its_gradients_by_its_rows(
    rows: int, weights: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 7 rows one process has 4 and the other 3; where there are fewer rows than processes each has them all."""
    places = np.tile([0, 1], (rows, 1))
    data = TrainingData(
        images=ImageFeatures(np.array(["0", "1"]), torch.eye(2)),
        texts={},
        image_rows=places,
        text_rows=places,
        truth=np.tile(np.eye(2, dtype=bool), (rows, 1, 1)),
        known=np.ones((rows, 2, 2), dtype=bool),
        categories=np.array(["c"] * rows),
    )
    given: list[float] = []
    monkeypatch.setattr(Processes, "average_gradients", lambda self, module, weight: given.append(weight))
    for number in (0, 1):
        processes = Processes("cpu", number, 2, SimpleNamespace())
        trainer = HeadTrainer(Constant(), TrainingConfig(batch_groups=rows), data, processes)
        with torch.random.fork_rng():
            trainer.train_epoch(tqdm(disable=True))
    assert given == pytest.approx(weights)
