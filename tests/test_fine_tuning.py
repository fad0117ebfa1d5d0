"""The whole model tuned on groups: the loss asks of each pair what its group and the batch know, and it is learnt."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fourfold.errors import InputError
from fourfold.evaluator.training.train_head import TrainingConfig

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from fine_tuning import Groups, _fit, fine_tune, tuning_loss

OWN = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).bool()
TRUE = torch.eye(4).bool()
TOKENS = torch.tensor([[1], [2], [3], [4]])


def loss(logits: torch.Tensor, tokens: torch.Tensor = TOKENS) -> float:
    return float(tuning_loss(logits, tokens, TRUE, OWN))


def test_right_pairs_cost_nothing_and_wrong_ones_what_they_are_off() -> None:
    assert loss(20.0 * torch.eye(4)) < 1e-6
    exchanged = 20.0 * torch.eye(4)[[1, 0, 3, 2]]
    assert loss(exchanged) == pytest.approx(40.0, abs=0.01)  # 20 each against the batch and against the own group


def test_the_own_group_is_asked_twice() -> None:
    """A rival of the own group costs more than one as near of another group."""
    near, far = 5.0 * torch.eye(4), 5.0 * torch.eye(4)
    near[0, 1] = far[0, 2] = 5.0
    assert loss(near) > loss(far) > loss(5.0 * torch.eye(4))


def test_a_caption_that_another_group_says_of_its_own_picture_is_not_false_there() -> None:
    logits = 5.0 * torch.eye(4)
    logits[0, 2] = 50.0  # what the third caption says, the first says too
    same = torch.tensor([[1], [2], [1], [4]])
    assert loss(logits, same) < 1 < loss(logits)


class OneWord(torch.nn.Module):
    """A picture of one brightness against a caption of one word: what is true of it can be learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = torch.nn.Linear(1, 8), torch.nn.Embedding(4, 8)
        self.logit_scale = torch.nn.Parameter(torch.tensor(1.0))

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.image(pixels.mean(dim=(1, 2, 3))[:, None]))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.text(tokens[:, 0])


class Item:
    """As much of an item as training needs."""

    def __init__(self) -> None:
        self.truth, self.category = np.eye(2, dtype=bool), "x"


def groups(n: int, first: int = 0) -> Groups:
    made = Groups.__new__(Groups)
    made.items = [Item() for _ in range(n)]
    dark, light = torch.zeros(3, 2, 2), torch.ones(3, 2, 2)
    made.pixels = [torch.stack([dark, light] if (i + first) % 2 else [light, dark]) for i in range(n)]
    made.tokens = [torch.tensor([[0], [1]] if (i + first) % 2 else [[1], [0]]) for i in range(n)]
    return made


def test_it_is_learnt_and_the_best_epoch_is_kept() -> None:
    torch.manual_seed(0)
    model = OneWord()
    weights, best = _fit(model, groups(16), groups(4, 1), TrainingConfig(epochs=12, batch_groups=4, learning_rate=0.05))
    assert 1 <= best <= 12
    model.load_state_dict(weights)
    image, text = model.encode_image(torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])), model.text.weight[:2]
    cosines = torch.nn.functional.normalize(image, dim=-1) @ torch.nn.functional.normalize(text, dim=-1).T
    assert cosines[0, 0] > cosines[0, 1]
    assert cosines[1, 1] > cosines[1, 0]


def test_a_model_of_another_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only models of open_clip"):
        fine_tune("hf:somewhere", None, None, TrainingConfig(), tmp_path / "x")  # type: ignore[arg-type]
