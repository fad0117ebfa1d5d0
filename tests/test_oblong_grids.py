"""Rows and columns of the patch grid are told apart on pictures that are not square, and biases are the right ones."""

from types import SimpleNamespace

import pytest
import torch

from fourfold.evaluator.encoders import patch_tokens
from fourfold.evaluator.encoders.openclip import open_clip

ResNet = open_clip.modified_resnet.ModifiedResNet


@pytest.mark.parametrize(
    ("n", "height", "width", "grid"),
    [(8, 32, 64, (2, 4)), (8, 64, 32, (4, 2)), (49, 112, 112, (7, 7)), (3, 16, 48, (1, 3)), (10, 64, 64, None)],
)
def test_the_grid_of_a_number_of_tokens_has_the_pictures_proportions(
    n: int, height: int, width: int, grid: tuple[int, int] | None
) -> None:
    assert patch_tokens._grid(n, torch.zeros(1, 3, height, width)) == grid


@pytest.mark.parametrize(("height", "width", "grid"), [(32, 128, (1, 4)), (128, 32, (4, 1)), (64, 64, (2, 2))])
def test_the_grid_of_clips_resnets_is_rows_then_columns(height: int, width: int, grid: tuple[int, int]) -> None:
    visual = ResNet(layers=[1, 1, 1, 1], output_dim=24, heads=8, image_size=64, width=16).eval()
    with torch.no_grad():
        output = patch_tokens.modified_resnet(visual, torch.rand(1, 3, height, width))
    assert output.grid == grid
    assert output.patches.shape == (1, 4, 24)


def test_the_grid_of_a_transformers_model_is_rows_then_columns() -> None:
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    from fourfold.evaluator.encoders import huggingface

    model = SimpleNamespace(config=SimpleNamespace(vision_config=SimpleNamespace(patch_size=16)))
    assert huggingface._grid(model, torch.zeros(1, 3, 32, 64)) == (2, 4)


@pytest.mark.parametrize("key_width", [8, 12])
def test_attention_to_one_token_gives_its_value_whatever_asks(key_width: int) -> None:
    """With biases that are not 0, as those of every trained model: query, key and value have one each."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = torch.nn.MultiheadAttention(8, 2, kdim=key_width, vdim=key_width, batch_first=True)
        for parameter in attention.parameters():
            torch.nn.init.normal_(parameter)
        token, query = torch.randn(5, 1, key_width), torch.randn(5, 1, 8)
    with torch.no_grad():
        expected = attention(query, token, token, need_weights=False)[0]
        torch.testing.assert_close(patch_tokens._value_path(attention, token), expected, atol=1e-5, rtol=0)
