"""Scorers of frozen tokens beside `dcsm`: what may not change a score, and what has to."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers import SCORERS
from fourfold.evaluator.scorers.attention_pool import attention_pool
from fourfold.evaluator.scorers.token_transformer import TokenTransformer, TransformerConfig
from fourfold.evaluator.scorers.trained import as_scorer

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import scorer_costs

D = 12
CONTROLS = {"random", "blind", "oracle", "shuffled-images"}


def make_images(n: int, grid: tuple[int, int], seed: int = 0) -> ImageFeatures:
    generator = torch.Generator().manual_seed(seed)
    patches = normalize(torch.randn(n, grid[0] * grid[1], D, generator=generator), dim=-1)
    return ImageFeatures(np.array([f"p{i}" for i in range(n)]), normalize(patches.sum(1), dim=-1), patches, grid=grid)


def make_texts(lengths: list[int], context: int, seed: int = 1) -> TextFeatures:
    generator = torch.Generator().manual_seed(seed)
    tokens = normalize(torch.randn(len(lengths), 16, D, generator=generator), dim=-1)[:, :context]
    mask = (torch.arange(context) > 0) & (torch.arange(context) <= torch.tensor(lengths)[:, None])
    strings = np.where(mask.numpy(), "word</w>", "")
    return TextFeatures(np.array([f"t{i}" for i in lengths]), tokens[:, 1], tokens, mask, strings)


@pytest.fixture
def scorer():
    torch.manual_seed(0)
    return as_scorer("token-transformer", TokenTransformer(TransformerConfig(D, width=16, heads=2)).eval())


@pytest.mark.parametrize("grid", [(2, 3), (4, 4), (1, 1)])
def test_padding_and_company_change_no_score_on_any_grid(scorer, grid):
    images, texts = make_images(3, grid), make_texts([4, 1, 7], 8)
    scores = scorer(images, texts)
    assert scores.shape == (3, 3)
    longer = make_texts([4, 1, 7], 14)
    torch.testing.assert_close(scorer(images, longer), scores, atol=1e-5, rtol=0)
    for text in range(3):  # the shortest alone has no padding left
        torch.testing.assert_close(scorer(images[[1]], texts[[text]])[0, 0], scores[1, text], atol=1e-5, rtol=0)


def test_where_a_patch_is_and_which_word_comes_first_is_read(scorer):
    images, texts = make_images(1, (2, 3)), make_texts([4], 8)
    moved = replace(images, patches=images.patches.flip(-2))
    swapped = replace(texts, tokens=texts.tokens[:, [0, 2, 1, 3, 4, 5, 6, 7]])
    before = scorer(images, texts)
    assert (scorer(moved, texts) - before).abs().item() > 1e-4
    assert (scorer(images, swapped) - before).abs().item() > 1e-4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"width": 10}, "4 heads do not divide"),
        ({"layers": 0}, "layers 0 must be"),
        ({"dropout": 1}, "must be a share"),
    ],
)
def test_sizes_that_make_no_network_are_said(wrong, said):
    with pytest.raises(InputError, match=said):
        TransformerConfig(**{"embed_dim": D} | wrong)


def test_a_query_pools_the_patch_that_it_means():
    images = make_images(2, (3, 3))
    queries = images.patches[:1, 4:6].unsqueeze(0)  # [1, 1, 2, d]: two patches of the first picture
    batch = images[np.array([[0, 1]])]
    pooled = attention_pool(batch, queries)
    assert pooled.shape == (1, 2, 1, 2, D)
    torch.testing.assert_close(pooled[0, 0, 0], images.patches[0, 4:6], atol=0.02, rtol=0)
    assert torch.allclose(pooled.norm(dim=-1), torch.ones(1, 2, 1, 2))
    found = (pooled * queries.unsqueeze(1)).sum(-1)
    assert (found[0, 0] > found[0, 1]).all()  # the other picture has no such patch


def test_every_scorer_that_is_no_control_says_where_its_idea_is_from():
    assert set(scorer_costs.SOURCES) == set(SCORERS) - CONTROLS
