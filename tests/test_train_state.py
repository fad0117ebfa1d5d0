"""The schedule of a training run in numbers: order of batches, learning rate, which epoch is kept, and when it ends."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from tqdm import tqdm

from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.training.data import Batch, TrainingData, concatenate
from fourfold.evaluator.training.gathering import batches, gather
from fourfold.evaluator.training.processes import Processes
from fourfold.evaluator.training.train_state import HeadTrainer, TrainingConfig, TrainState


class LookUp(nn.Module):
    """Scores are stored with the captions: caption vector [number of images], read off at the image's place."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2))

    def forward(self, images: ImageFeatures, texts: dict[str, torch.Tensor]) -> torch.Tensor:
        return images.pooled @ texts["scores"].transpose(-1, -2)


def make_data(tables: list[list[list[float]]], categories: list[str]) -> TrainingData:
    """Fourfold groups of two images and two captions that get these scores [n, 2, 2]."""
    n = len(tables)
    columns = torch.zeros(2 * n, 2 * n)
    for at, table in enumerate(tables):
        columns[2 * at : 2 * at + 2, 2 * at : 2 * at + 2] = torch.tensor(table).T
    rows = np.arange(2 * n).reshape(n, 2)
    return TrainingData(
        images=ImageFeatures(np.arange(2 * n).astype(str), torch.eye(2 * n)),
        texts={"scores": columns},
        image_rows=rows,
        text_rows=rows,
        truth=np.tile(np.eye(2, dtype=bool), (n, 1, 1)),
        known=np.ones((n, 2, 2), dtype=bool),
        categories=np.array(categories),
    )


def make_trainer(n: int, **options: float) -> HeadTrainer:
    data = make_data([[[1.0, 0.0], [0.0, 1.0]]] * n, ["c"] * n)
    # The versions of pictures are drawn from the generator of the order, and must not change it.
    data = replace(data, images=concatenate([data.images, data.images]), versions=2)
    return HeadTrainer(LookUp(), TrainingConfig(**options), data, Processes("cpu"))


def run_epochs(trainer: HeadTrainer, epochs: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], float]]:
    """Rows and learning rate of each step."""
    seen: list[tuple[list[int], float]] = []

    def step(whole: int, batch: Batch) -> float:
        rows = [int(key) // 2 for key in batch.images.keys[:, 0]]
        assert len(rows) == whole
        seen.append((rows, trainer.optimizer.param_groups[0]["lr"]))
        assert trainer.optimizer.param_groups[1]["lr"] == seen[-1][1]
        return 0.0

    monkeypatch.setattr(trainer, "_step", step)
    for epoch in range(epochs):
        trainer.state = TrainState(epoch=epoch)
        with torch.random.fork_rng():
            trainer.train_epoch(tqdm(disable=True))
    return seen


FIRST, SECOND = [[4, 6, 2, 7], [3, 5, 9, 0], [8, 1]], [[9, 1, 3, 8], [7, 6, 0, 4], [2, 5]]


def test_batches_are_the_generators_permutation_cut_into_pieces() -> None:
    for epoch, expected in enumerate((FIRST, SECOND)):
        assert [rows.tolist() for rows in batches(10, 4, np.random.default_rng([0, epoch]))] == expected


def test_each_epoch_has_an_order_of_its_own_that_seed_and_number_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run_epochs(make_trainer(10, batch_groups=4), 2, monkeypatch)
    assert [rows for rows, _ in seen] == FIRST + SECOND
    other = run_epochs(make_trainer(10, batch_groups=4, seed=1), 1, monkeypatch)
    assert [rows for rows, _ in other] != FIRST


def test_an_epoch_sets_torchs_random_state_from_seed_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise and dropout of an epoch are the same after a resume, and others in each epoch and process."""
    states = []
    for seed, epoch, number in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)):
        trainer = make_trainer(2, seed=seed)
        trainer.processes = Processes("cpu", number=number, count=2)
        trainer.state = TrainState(epoch=epoch)
        monkeypatch.setattr(trainer, "_step", lambda *_: states.append(torch.initial_seed()) or 0.0)
        with torch.random.fork_rng():
            trainer.train_epoch(tqdm(disable=True))
    assert states == [0, 2, 200_006, 1]


def test_the_learning_rate_rises_to_its_peak_and_falls_along_half_a_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(40, batch_groups=4, epochs=2, warmup=0.1, learning_rate=1.0)
    rates = [rate for _, rate in run_epochs(trainer, 2, monkeypatch)]
    assert len(rates) == 20  # two of them are the warm-up
    assert rates[:4] == pytest.approx([0.5, 1.0, 1.0, 0.992404], abs=1e-6)
    assert rates[11] == pytest.approx(0.5)  # half of the 18 steps down
    assert rates[19] == pytest.approx(0.007596, abs=1e-6)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_the_first_step_of_a_run_without_warm_up_has_the_whole_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(4, batch_groups=4, epochs=3, warmup=0.0, learning_rate=0.002)
    assert [rate for _, rate in run_epochs(trainer, 3, monkeypatch)] == pytest.approx([0.002, 0.002, 0.001])


def test_the_optimiser_decays_matrices_and_leaves_biases_alone() -> None:
    matrices, biases = make_trainer(2, learning_rate=0.003).optimizer.param_groups
    assert ([p.ndim for p in matrices["params"]], [p.ndim for p in biases["params"]]) == ([2], [1])
    assert (matrices["weight_decay"], biases["weight_decay"]) == (0.05, 0.0)
    assert (matrices["lr"], matrices["betas"]) == (0.003, (0.9, 0.98))
    assert isinstance(make_trainer(2).optimizer, torch.optim.AdamW)


SCORES = [0.5, 0.6, 0.6, 0.6, 0.6, 0.55, 0.61]
LOSSES = [1.0, 0.9, 0.8, 0.8, 0.85, 0.1, 2.0]


@pytest.mark.parametrize(("patience", "epochs", "best"), [(1, 4, 3), (2, 5, 3), (3, 6, 3), (4, 7, 7)])
def test_the_best_epoch_is_kept_and_patience_counts_from_it(
    patience: int, epochs: int, best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By group score; among equal ones by the lower validation loss; among equal ones of that too the first."""
    trainer = make_trainer(2, epochs=7, patience=patience)

    def train_epoch(bar: tqdm) -> float:
        trainer.module.bias.data.fill_(trainer.state.epoch + 1)
        return 0.25

    def validate(checked: TrainingData) -> dict:
        at = trainer.state.epoch
        return {"validation_loss": LOSSES[at], "group_score": SCORES[at], "group_scores": {}}

    monkeypatch.setattr(trainer, "train_epoch", train_epoch)
    monkeypatch.setattr(trainer, "validate", validate)
    trainer.train(trainer.data, tmp_path / "c", "run", tmp_path / "log", progress=False)
    assert (trainer.state.epoch, trainer.state.best_epoch) == (epochs, best)
    assert trainer.best_weights["bias"].tolist() == [best, best]
    assert trainer.state.best["validation_loss"] == LOSSES[best - 1]
    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(row["epoch"], row["loss"], row["group_score"]) for row in log] == [
        (at, 0.25, SCORES[at - 1]) for at in range(1, epochs + 1)
    ]


def test_validation_averages_scores_over_categories_and_losses_over_items() -> None:
    right, tied, wrong = [[2.0, 0.0], [0.0, 2.0]], [[2.0, 2.0], [0.0, 2.0]], [[0.0, 2.0], [2.0, 0.0]]
    trainer = make_trainer(2)
    checked = make_data([right, right, right, tied, wrong], ["binding"] * 4 + ["negation"])
    found = trainer.validate(checked)
    assert found["group_scores"] == {"binding": 0.75, "negation": 0.0}
    assert found["group_score"] == 0.375  # not 3 of 5
    assert not trainer.module.training
    alone = [trainer.validate(make_data([table], ["c"]))["validation_loss"] for table in (right, tied, wrong)]
    expected = (3 * alone[0] + alone[1] + alone[2]) / 5
    assert found["validation_loss"] == pytest.approx(expected, abs=1e-6)
    many = make_data([right] * 128 + [wrong] * 2, ["c"] * 130)  # two batches, of 128 and of 2
    assert trainer.validate(many)["validation_loss"] == pytest.approx((128 * alone[0] + 2 * alone[2]) / 130, abs=1e-6)


def test_gradients_are_clipped_to_length_one(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(2)
    weight = trainer.module.weight
    monkeypatch.setattr(
        "fourfold.evaluator.training.train_state.truth_table_loss", lambda *_: 30 * weight[0, 0] + 40 * weight[1, 1]
    )
    seen = []
    monkeypatch.setattr(
        trainer, "optimizer", SimpleNamespace(zero_grad=lambda: None, step=lambda: seen.append(weight.grad))
    )
    trainer._step(2, gather(trainer.data, np.arange(2), "cpu"))
    torch.testing.assert_close(seen[0], torch.tensor([[0.6, 0.0], [0.0, 0.8]]), atol=1e-5, rtol=0)
