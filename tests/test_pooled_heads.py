"""`mlp` and `bilinear`: they learn what the pooled vectors hold, and nothing of what patches alone hold."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import TINY
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.bilinear import BilinearHead
from fourfold.evaluator.scorers.mlp import MlpHead, count_dcsm
from fourfold.evaluator.scorers.trained import HEADS, count_parameters
from fourfold.evaluator.training.data import items_right, prepare_data
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig, train_on_features

DIM, GRID, LENGTH = 16, (3, 3), 4
POOLED = ("mlp", "bilinear")
SIGNS = torch.tensor([1.0, -1.0] * (DIM // 2))  # a caption is its picture with every other number turned round


@dataclass(frozen=True)
class Encoder:
    name: str = "planted"
    identity: str = "planted-1"
    context_length: int = LENGTH
    embed_dim: int = DIM
    has_patches: bool = True


def unit(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return normalize(torch.randn(*shape, DIM, generator=generator), dim=-1)


def make_items(n: int, seed: int, *, in_pooled: bool) -> EncodedItems:
    """Groups of two pictures and their captions; what matches is in the pooled vectors or in one patch and one token.

    Where it is not, there is noise.
    """
    generator = torch.Generator().manual_seed(seed)
    meaning = unit(generator, 2 * n)
    said = meaning * SIGNS
    patches, tokens = unit(generator, 2 * n, GRID[0] * GRID[1]), unit(generator, 2 * n, LENGTH)
    if in_pooled:
        pooled = meaning, said
    else:
        pooled = unit(generator, 2 * n), unit(generator, 2 * n)
        patches[:, 4], tokens[:, 1] = meaning, said
    names = np.array([f"{seed}-{row}" for row in range(2 * n)])
    strings = np.array([["", "thing</w>", "", ""]] * (2 * n))
    images = ImageFeatures(names, pooled[0], patches, None, GRID)
    texts = TextFeatures(names, pooled[1], tokens, torch.from_numpy(strings != ""), strings)
    rows = [np.array([2 * at, 2 * at + 1]) for at in range(n)]
    pictures, truth = (ImageRef("a.png"), ImageRef("b.png")), np.eye(2, dtype=bool)
    items = [Item(str(at), pictures, (f"{at} a", f"{at} b"), truth, "content", str(at)) for at in range(n)]
    return EncodedItems(items, EncodedSet(images, texts, rows, rows))


def learn(head: str, tmp_path, *, in_pooled: bool) -> float:
    """The share of new groups that a trained head has wholly right."""
    train, validation, test = (make_items(n, seed, in_pooled=in_pooled) for n, seed in ((800, 1), (150, 2), (400, 3)))
    config = TrainingConfig(epochs=12, patience=12, batch_groups=32)
    out = tmp_path / "h.safetensors"
    train_on_features(train, validation, Encoder(), head=head, out=out, config=config, progress=False)
    scorer = load_scorer(head, ScorerContext(Encoder(), test.items, test.encoded, head=out))
    rows = np.stack(test.encoded.image_index)
    scores = scorer(test.encoded.images[rows], test.encoded.texts[rows])
    network = HEADS[head].build(HEADS[head].configure(Encoder(), test.encoded.images), Encoder())
    return float(items_right(scores.numpy(), prepare_data(test.items, test.encoded, network)).mean())


@pytest.mark.parametrize("head", POOLED)
def test_what_the_pooled_vectors_hold_is_learnt(head: str, tmp_path) -> None:
    test = make_items(400, 3, in_pooled=True)
    cosine = test.encoded.images.pooled.unflatten(0, (-1, 2)) @ test.encoded.texts.pooled.unflatten(0, (-1, 2)).mT
    network = HEADS["labclip"].build(HEADS["labclip"].configure(Encoder(), test.encoded.images), Encoder())
    by_cosine = items_right(cosine.numpy(), prepare_data(test.items, test.encoded, network)).mean()
    assert by_cosine < 0.35
    assert learn(head, tmp_path, in_pooled=True) > 0.95


@pytest.mark.parametrize("head", POOLED)
def test_what_only_patches_hold_stays_at_chance(head: str, tmp_path) -> None:
    assert abs(learn(head, tmp_path, in_pooled=False) - 1 / 6) < 0.1  # five standard errors


def test_heads_are_as_large_as_dcsm_on_the_reference_model() -> None:
    encoder = load_encoder(TINY)
    sizes = {name: HEADS[name].configure(encoder, None) for name in ("dcsm", *POOLED)}
    counted = {name: count_parameters(HEADS[name].build(sizes[name], encoder)) for name in sizes}
    assert counted == {"dcsm": 127_956, "mlp": 127_801, "bilinear": 127_846}
    assert sizes["mlp"] == {"embed_dim": 96, "width": 213, "dropout": 0.1}
    assert sizes["bilinear"] == {"embed_dim": 96, "rank": 659}


@pytest.mark.parametrize("dim", [8, 96, 512, 1024])
def test_sizes_come_as_near_to_dcsm_as_whole_numbers_can(dim: int) -> None:
    encoder = Encoder(embed_dim=dim)
    sizes = {name: HEADS[name].configure(encoder, None) for name in POOLED}
    mlp, wider = (MlpHead(dim, sizes["mlp"]["width"] + more, 0.1) for more in (0, 1))
    assert count_parameters(mlp) <= count_dcsm(dim) < count_parameters(wider)
    form, higher = (BilinearHead(dim, sizes["bilinear"]["rank"] + more) for more in (0, 1))
    assert count_parameters(form) <= count_dcsm(dim) < count_parameters(higher)
    assert count_dcsm(dim) == count_parameters(HEADS["dcsm"].build(HEADS["dcsm"].configure(encoder, None), encoder))


def test_counting_takes_no_random_numbers() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    count_dcsm(DIM)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("head", POOLED)
def test_patches_and_tokens_are_not_looked_at(head: str) -> None:
    torch.manual_seed(0)
    network = HEADS[head].build(HEADS[head].configure(Encoder(), None), Encoder()).eval()
    data = make_items(5, 0, in_pooled=True).encoded
    blank = ImageFeatures(data.images.keys, data.images.pooled)
    texts = TextFeatures(data.texts.texts, data.texts.pooled, data.texts.tokens * 0, data.texts.mask, None)
    scores = network(data.images, network.prepare(data.texts))
    assert scores.shape == (10, 10)
    assert torch.equal(network(blank, network.prepare(texts)), scores)
    rows = np.array([[0, 1, 2], [7, 4, 7]])
    items = network(data.images[rows[:, :2]], network.prepare(data.texts[rows]))
    torch.testing.assert_close(items[1], scores[rows[1, :2]][:, rows[1]], atol=1e-5, rtol=1e-5)


def test_a_bilinear_form_is_one() -> None:
    """Linear in the picture and in the caption, up to its linear terms: the interaction of two groups adds up."""
    torch.manual_seed(0)
    head = BilinearHead(DIM, 5)
    v, t = (torch.randn(3, DIM) for _ in range(2))
    v[2], t[2] = v[0] + v[1], t[0] + t[1]
    zero = torch.zeros(1, DIM)

    def form(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        return head(ImageFeatures(np.array([]), images), {"pooled": texts})

    alone = form(v, t) - form(v, zero) - form(zero, t) + form(zero, zero)
    torch.testing.assert_close(alone[2], alone[0] + alone[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(alone[:, 2], alone[:, 0] + alone[:, 1], atol=1e-4, rtol=1e-4)
    assert torch.linalg.matrix_rank(head.image.weight.T @ head.text.weight) == 5


@pytest.mark.parametrize(
    ("head", "wrong", "message"),
    [
        ("mlp", {"width": 0}, "width 0 must be a whole number"),
        ("mlp", {"width": 2.5}, "width 2.5 must be a whole number"),
        ("mlp", {"dropout": 1.0}, "dropout 1.0 must be a share"),
        ("mlp", {"dropout": "0"}, "dropout '0' must be a share"),
        ("bilinear", {"rank": -3}, "rank -3 must be a whole number"),
        ("bilinear", {"embed_dim": None}, "embed_dim None must be a whole number"),
    ],
)
def test_sizes_that_make_no_network_are_refused(head: str, wrong: dict, message: str) -> None:
    sizes = HEADS[head].configure(Encoder(), None)
    with pytest.raises(InputError, match=f"{head}: {message}"):
        HEADS[head].build({**sizes, **wrong}, Encoder())
