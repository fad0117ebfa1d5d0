"""One training run: epochs, validation, and the checkpoint from which a killed run goes on.

A resumed run ends with the weights of a run that was never killed: the order and the noise of an epoch come from
(seed, epoch) alone, and a checkpoint holds everything else that the next epoch depends on.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import cos, inf, pi
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import AUTO_DEVICE
from fourfold.evaluator.scorers.trained import HeadNetwork
from fourfold.evaluator.training.checkpoints import read_checkpoint, write_checkpoint
from fourfold.evaluator.training.data import Batch, TrainingData, disturb, items_right
from fourfold.evaluator.training.gathering import batches, gather, gathered_ahead, placed
from fourfold.evaluator.training.losses import truth_table_loss
from fourfold.evaluator.training.processes import Processes
from fourfold.files import write_atomically

_IN_CHECKPOINT = ("state", "network", "best_weights", "optimizer")
_AT_LEAST_1 = ("epochs", "batch_groups", "patience")
_AT_LEAST_0 = ("weight_decay", "augmentations", "feature_noise", "seed")
_ABOVE_0 = ("learning_rate",)
_SHARES = ("warmup", "validation_share", "token_dropout")


@dataclass(frozen=True)
class TrainingConfig:
    """How a head is trained; stored in the head file. Raises InputError for a number that cannot be meant."""

    epochs: int = 20
    batch_groups: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: float = 0.05  # share of all steps in which the learning rate rises
    patience: int = 5  # epochs without a better group score on the validation items
    validation_share: float = 0.1  # of the clusters, where no validation items are given
    augmentations: int = 0  # disturbed copies of each training picture, encoded once
    feature_noise: float = 0.0  # length of the random vector added to each unit-length feature
    token_dropout: float = 0.0  # share of caption tokens hidden from the head
    seed: int = 0
    device: str = AUTO_DEVICE

    def __post_init__(self) -> None:
        for names, holds, allowed in (
            (_AT_LEAST_1, lambda value: 1 <= value < inf, "1 or more"),
            (_AT_LEAST_0, lambda value: 0 <= value < inf, "0 or more"),
            (_ABOVE_0, lambda value: 0 < value < inf, "above 0"),
            (_SHARES, lambda value: 0 <= value < 1, "a share, from 0 to below 1"),
        ):
            for name in names:
                if not holds(getattr(self, name)):  # which nan never does
                    raise InputError(f"training: {name} {getattr(self, name)} must be {allowed}")


@dataclass(frozen=True)
class TrainState:
    """Where a run stands after a whole epoch."""

    epoch: int = 0  # epochs done
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)  # one row an epoch, as in the log

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch."""
        return self.history[self.best_epoch - 1]


class HeadTrainer:
    """A training run: the network, its optimiser, the best weights so far, and where it stands."""

    def __init__(self, network: HeadNetwork, config: TrainingConfig, data: TrainingData, processes: Processes):
        self.network, self.config, self.processes = network, config, processes
        self.data = placed(data, processes.device)
        self.module = cast(nn.Module, network).to(processes.device)
        self.optimizer = torch.optim.AdamW(
            _decay_matrices_only(self.module, config.weight_decay),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            fused=True if processes.device.startswith("cuda") else None,  # one kernel, where each one's start counts
        )
        self.best_weights: dict[str, torch.Tensor] = {}
        self.state = TrainState()

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass over the items, the last batch being smaller."""
        return -(-len(self.data) // self.config.batch_groups)

    def train(
        self,
        checked: TrainingData,
        checkpoint: Path,
        identity: str,
        log: Path,
        progress: bool,
        tensorboard: Path | None = None,
    ) -> None:
        """Epochs until the last one or until patience runs out, a checkpoint after each."""
        steps = self.steps_per_epoch * self.config.epochs
        done = self.steps_per_epoch * self.state.epoch
        with tqdm(total=steps, initial=done, desc="training", unit="batch", disable=None if progress else True) as bar:
            while not self.finished:
                started = time.monotonic()
                loss = self.train_epoch(bar)
                row = {"epoch": self.state.epoch + 1, "loss": loss, **self.validate(checked)}
                self._note({**row, "seconds": round(time.monotonic() - started, 3)})
                if self.processes.is_first:
                    self.save(checkpoint, identity)
                    write_atomically(log, "".join(json.dumps(row) + "\n" for row in self.state.history))
                    if tensorboard is not None:
                        _show(self.state.history[-1], tensorboard)
                bar.set_postfix(loss=f"{loss:.3f}", group=f"{self.state.history[-1]['group_score']:.3f}")

    @property
    def finished(self) -> bool:
        """All epochs done, or none of the last `patience` was better."""
        state = self.state
        return state.epoch >= self.config.epochs or state.epoch - state.best_epoch >= self.config.patience

    def train_epoch(self, bar: tqdm) -> float:
        """One pass over the items; the mean loss. Its order and noise depend on the seed and its number alone."""
        epoch = self.state.epoch
        torch.manual_seed((self.config.seed * 100_003 + epoch) * self.processes.count + self.processes.number)
        self.module.train()
        losses: list[torch.Tensor] = []
        rng = np.random.default_rng([self.config.seed, epoch])
        whole = list(batches(len(self.data), self.config.batch_groups, rng))
        made = gathered_ahead(self.data, [self.processes.share(rows) for rows in whole], self.processes.device, rng)
        for step, (rows, batch) in enumerate(zip(whole, made, strict=True)):
            self._set_learning_rate(epoch * self.steps_per_epoch + step)
            losses.append(self._step(len(rows), batch))
            bar.update()
        return float(np.mean([float(loss) for loss in losses]))  # read at the end alone: a GPU is waited for once

    def _step(self, whole: int, gathered: Batch) -> torch.Tensor:
        """Learn from this process's part of a batch of so many items."""
        mine = len(gathered.truth)
        batch = disturb(gathered, self.config.feature_noise, self.config.token_dropout)
        loss = truth_table_loss(self.network(batch.images, batch.texts), batch.truth, batch.known)
        self.optimizer.zero_grad()
        loss.backward()
        alone = mine == whole  # a batch too small to share
        self.processes.average_gradients(self.module, 1.0 if alone else mine * self.processes.count / whole)
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        return loss.detach()

    def _set_learning_rate(self, step: int) -> None:
        total = self.steps_per_epoch * self.config.epochs
        rise = max(1, round(self.config.warmup * total))
        share = (step + 1) / rise if step < rise else (1 + cos(pi * (step - rise) / max(1, total - rise))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * share

    def validate(self, checked: TrainingData) -> dict[str, Any]:
        """Loss, and the share of items that are wholly right, by category and averaged over categories."""
        self.module.eval()
        scores, losses, sizes = [], [], []
        with torch.inference_mode():
            for rows in np.split(np.arange(len(checked)), range(128, len(checked), 128)):
                batch = gather(checked, rows, self.processes.device)
                scores.append(self.network(batch.images, batch.texts))
                losses.append(truth_table_loss(scores[-1], batch.truth, batch.known))
                sizes.append(len(rows))
        right = items_right(torch.cat(scores).cpu().numpy(), checked)
        by_category = {
            str(name): float(right[checked.categories == name].mean()) for name in np.unique(checked.categories)
        }
        return {
            "validation_loss": sum(float(loss) * n for loss, n in zip(losses, sizes, strict=True)) / len(checked),
            "group_score": float(np.mean(list(by_category.values()))),
            "group_scores": by_category,
        }

    def _note(self, row: dict[str, Any]) -> None:
        state = TrainState(row["epoch"], self.state.best_epoch, [*self.state.history, row])
        if state.best_epoch == 0 or _rank(row) > _rank(state.best):
            state = replace(state, best_epoch=state.epoch)
            self.best_weights = {name: weight.detach().clone() for name, weight in self.module.state_dict().items()}
        self.state = state

    def save(self, checkpoint: Path, identity: str) -> None:
        """Write everything that the next epoch depends on."""
        state = {
            "state": asdict(self.state),
            "network": self.module.state_dict(),
            "best_weights": self.best_weights,
            "optimizer": self.optimizer.state_dict(),
        }
        write_checkpoint(checkpoint, state, identity)

    def restore(self, checkpoint: Path, identity: str) -> None:
        """Go on from a checkpoint. Raises InputError if it is of another run or not readable."""
        state = read_checkpoint(checkpoint, _IN_CHECKPOINT, identity, self.processes.device)
        self.state = TrainState(**state["state"])
        self.module.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_weights = state["best_weights"]


def _show(row: Mapping[str, Any], folder: Path) -> None:
    """Add an epoch to TensorBoard's log in a folder."""
    from torch.utils.tensorboard import SummaryWriter

    shown = {name: row[name] for name in ("loss", "validation_loss", "group_score")}
    shown |= {f"group_score/{name}": value for name, value in row["group_scores"].items()}
    with SummaryWriter(str(folder), purge_step=row["epoch"]) as writer:
        for name, value in shown.items():
            writer.add_scalar(name, value, row["epoch"])


def _rank(row: Mapping[str, Any]) -> tuple[float, float]:
    """What makes an epoch better: the group score, and among equal ones the loss."""
    return row["group_score"], -row["validation_loss"]


def _decay_matrices_only(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for AdamW: biases and norms are not pulled to zero."""
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
