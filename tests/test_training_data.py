"""Training data in numbers: the hash that names it, the noise that disturbs it, and what counts as right."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.scoring.training_items import hash_items
from fourfold.evaluator.training.data import Batch, TrainingData, disturb, items_right, split_clusters


def make_encoded() -> tuple[list[SimpleNamespace], SimpleNamespace]:
    items = [SimpleNamespace(truth=np.eye(2, dtype=bool)), SimpleNamespace(truth=np.array([[True, False, False]]))]
    encoded = SimpleNamespace(
        images=SimpleNamespace(keys=np.array(["p", "q", "r"])),
        texts=SimpleNamespace(texts=np.array(["a", "b", "c"])),
        image_index=[np.array([0, 1]), np.array([2])],
        text_index=[np.array([0, 1]), np.array([2, 0, 1])],
    )
    return items, encoded


def test_the_hash_of_items_is_that_of_earlier_head_files_whatever_the_order() -> None:
    items, encoded = make_encoded()
    expected = "f952baa64f44ebb81f33acba2f280ccbfba1bd22d301d4ef5e37aa8f9a9b5d7e"
    assert hash_items(items, encoded) == expected
    encoded.image_index.reverse(), encoded.text_index.reverse()
    assert hash_items(items[::-1], encoded) == expected


@pytest.mark.parametrize("what", ["pixels", "caption", "truth", "which caption"])
def test_the_hash_of_items_sees_each_change(what: str) -> None:
    items, encoded = make_encoded()
    before = hash_items(items, encoded)
    if what == "pixels":
        encoded.images.keys[2] = "s"
    elif what == "caption":
        encoded.texts.texts[2] = "d"
    elif what == "truth":
        items[1].truth = np.array([[False, True, False]])
    else:
        encoded.text_index[1] = np.array([2, 1, 0])
    assert hash_items(items, encoded) != before


def make_batch(d: int, tokens: int = 8) -> Batch:
    """One item of 40 pictures and 40 captions, the first token of each caption being masked."""
    generator = torch.Generator().manual_seed(0)
    pooled, cls = (normalize(torch.randn(1, 40, d, generator=generator), dim=-1) for _ in range(2))
    patches, spelled = (normalize(torch.randn(1, 40, tokens, d, generator=generator), dim=-1) for _ in range(2))
    mask = torch.ones(1, 40, tokens, dtype=torch.bool)
    mask[..., 0] = False
    table = torch.ones(1, 40, 40, dtype=torch.bool)
    images = ImageFeatures(np.arange(40).astype(str)[None], pooled, patches, cls, (2, tokens // 2))
    words = torch.arange(40 * tokens).reshape(1, 40, tokens)
    return Batch(images, {"pooled": pooled.flip(1), "tokens": spelled, "mask": mask, "words": words}, table, table)


@pytest.mark.parametrize("d", [64, 512])
def test_noise_has_the_length_that_it_is_given_whatever_the_dimension(d: int) -> None:
    """A unit vector plus a random one of length 0.5 has the cosine 1 / sqrt(1.25) = 0.894 with itself."""
    batch = make_batch(d)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        noisy = disturb(batch, 0.5, 0.0)
    pairs = [(getattr(batch.images, name), getattr(noisy.images, name)) for name in ("pooled", "patches", "cls")]
    pairs += [(batch.texts[name], noisy.texts[name]) for name in ("pooled", "tokens")]
    for before, after in pairs:
        assert (before * after).sum(-1).mean().item() == pytest.approx(0.894, abs=0.02)
        torch.testing.assert_close(after.norm(dim=-1), torch.ones(after.shape[:-1]))
    assert torch.equal(noisy.texts["words"], batch.texts["words"])
    assert torch.equal(noisy.texts["mask"], batch.texts["mask"])
    assert disturb(batch, 0.0, 0.0).texts["tokens"] is batch.texts["tokens"]


def test_token_dropout_hides_its_share_and_never_the_last_token_or_shows_a_masked_one() -> None:
    batch = make_batch(4, tokens=8)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        kept = torch.stack([disturb(batch, 0.0, 0.25).texts["mask"] for _ in range(20)])
        few = torch.stack([disturb(batch, 0.0, 0.99).texts["mask"] for _ in range(20)])
    assert not kept[..., 0].any()
    assert kept[..., 1:].float().mean().item() == pytest.approx(0.75, abs=0.02)
    assert few.any(-1).all()
    counts = few.sum(-1)
    assert (counts[counts > 3] == 7).all()  # where all would be hidden, none is
    assert (counts == 7).float().mean() > 0.8


def test_items_other_than_fourfold_groups_are_right_if_every_true_pair_beats_its_rivals() -> None:
    truth = np.array([[[True, True, False], [False, False, False]]] * 4)
    known = np.array([[[True] * 3, [False] * 3]] * 4)
    scores = np.array(
        [
            [[2.0, 3.0, 1.0], [9, 9, 9]],  # padding scores what it likes
            [[2.0, 1.0, 1.0], [0, 0, 0]],  # a tie
            [[2.0, 0.5, 1.0], [0, 0, 0]],  # the worst true one counts
            [[1.5, 1.1, 1.0], [0, 0, 0]],
        ]
    )
    empty = ImageFeatures(np.zeros(0, dtype=str), torch.zeros(0, 1))
    rows = np.zeros((4, 3), dtype=int)
    data = TrainingData(empty, {}, rows[:, :2], rows, truth, known, np.array(["c"] * 4))
    assert items_right(scores, data).tolist() == [True, False, False, True]
    one_caption = TrainingData(
        images=empty,
        texts={},
        image_rows=rows[:2, :2],
        text_rows=rows[:2, :1],
        truth=np.array([[[True], [False]]] * 2),
        known=np.ones((2, 2, 1), dtype=bool),
        categories=np.array(["c", "c"]),
    )
    assert items_right(np.array([[[2.0], [1.0]], [[1.0], [2.0]]]), one_caption).tolist() == [True, False]


@pytest.mark.parametrize(("clusters", "share", "held"), [(2, 0.0, 1), (10, 0.04, 1), (10, 0.16, 2), (10, 0.5, 5)])
def test_each_category_gives_its_share_of_clusters_and_at_least_one(clusters: int, share: float, held: int) -> None:
    items = [Item(f"{n}", (), (), np.eye(2, dtype=bool), "c", f"cluster {n}") for n in range(clusters)]
    train, validation = split_clusters(items, share, seed=0)
    assert (len(train), len(validation)) == (clusters - held, held)


def test_a_split_is_the_seeds_for_ever() -> None:
    """A run that is resumed, and heads that are compared, must hold the same groups out."""
    items = [Item(f"{n}", (), (), np.eye(2, dtype=bool), "c", f"{n:02d}") for n in range(20)]
    assert [item.id for item in split_clusters(items, 0.2, seed=0)[1]] == ["1", "5", "16", "17"]


def test_noise_is_drawn_in_one_order_whatever_the_order_of_the_texts_parts() -> None:
    """Of captions' own vectors first, then of tokens: a resumed run would see other noise in another order."""
    batch = make_batch(4)
    noisy = []
    for names in (("pooled", "tokens"), ("tokens", "pooled")):
        texts = {name: torch.zeros_like(batch.texts[name]) for name in names}
        with torch.random.fork_rng():
            torch.manual_seed(3)
            noisy.append(disturb(replace(batch, texts=texts), 1.0, 0.0).texts)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = {name: torch.randn_like(batch.texts[name]) for name in ("pooled", "tokens")}
    for found in noisy:
        for name, drawn in expected.items():
            torch.testing.assert_close(found[name], normalize(drawn, dim=-1))
