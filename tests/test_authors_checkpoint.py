"""Tensors of the authors' checkpoints that are views of others: their place, order and type are kept."""

from pathlib import Path

import pytest
import torch
from torch import nn

from fourfold.evaluator.scorers.authors_checkpoint import read_authors_checkpoint

WORDS, IMAGE_TOKENS = 11, 5
SHAPES = {
    "conv1.weight": (4, 1, 3, 3),
    "conv1.bias": (4,),
    "conv2.weight": (4, 4, 3, 3),
    "conv2.bias": (4,),
    "fc1.weight": (2, 3),
    "fc1.bias": (2,),
    "fc2.weight": (1, 2),
    "fc2.bias": (1,),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_views_transposed_and_shifted_come_back_as_they_look(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    shifted = torch.arange(20).to(dtype)[7:13].reshape(2, 3)
    transposed = torch.arange(2).to(dtype)[:, None].expand(2, 4)[:, :1].T
    state |= {"fc1.weight": shifted, "fc2.weight": transposed}
    table = nn.Embedding(WORDS, IMAGE_TOKENS)
    torch.save({"model_state_dict": state, "external_logic_token_embeddings": table}, tmp_path / "model.pt")
    weights = read_authors_checkpoint(tmp_path / "model.pt").weights
    assert weights["fc1.weight"].tolist() == [[7, 8, 9], [10, 11, 12]]
    assert weights["fc2.weight"].tolist() == [[0, 1]]
    assert torch.equal(weights["rows"], table.weight)
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
