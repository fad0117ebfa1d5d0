"""Our head: any grid, any length, any company; and functional words found where they really stand."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.dcsm import (
    DcsmConfig,
    DcsmHead,
    MapReader,
    averaging,
    build_dcsm,
    coordinates,
    masked_mean,
    positions,
    standardise_maps,
)
from fourfold.evaluator.scorers.trained import as_scorer, count_parameters
from fourfold.evaluator.scoring import blocks as blocks_module
from fourfold.evaluator.scoring.functional_words import FUNCTIONAL_WORDS, find_words, word_rows

DIM = 12
ROWS = word_rows(FUNCTIONAL_WORDS)


def make_images(n, grid, seed=0):
    generator = torch.Generator().manual_seed(seed)
    patches = normalize(torch.randn(n, grid[0] * grid[1], DIM, generator=generator), dim=-1)
    keys = np.array([f"{seed}-{row}" for row in range(n)])
    return ImageFeatures(keys, normalize(patches.mean(1), dim=-1), patches, None, grid)


def make_texts(lengths, context, seed=1, first=1):
    """Captions of so many tokens, from position `first` on; what stands on the masked places is noise."""
    generator = torch.Generator().manual_seed(seed)
    tokens = normalize(torch.randn(len(lengths), context, DIM, generator=generator), dim=-1)
    mask = torch.zeros(len(lengths), context, dtype=torch.bool)
    token_strings = np.full((len(lengths), context), "", dtype="<U16")
    words = ["not</w>", "be", "hind</w>", "cube</w>", "a</w>"]
    for row, length in enumerate(lengths):
        mask[row, first : first + length] = True
        token_strings[row, first : first + length] = [words[(row + at) % 5] for at in range(length)]
    pooled = normalize((tokens * mask[..., None]).sum(1) + 1e-3, dim=-1)
    return TextFeatures(np.array([f"text {row}" for row in range(len(lengths))]), pooled, tokens, mask, token_strings)


@pytest.fixture(scope="module")
def scorer():
    torch.manual_seed(0)
    network = DcsmHead(DcsmConfig(embed_dim=DIM, channels=6, width=16, heads=2))
    network.word.weight.data.normal_()
    network.eval()
    return as_scorer("dcsm", network)


@pytest.mark.parametrize("grid", [(7, 7), (3, 5), (2, 2), (1, 6), (14, 14)])
def test_one_head_serves_any_grid_and_any_context(scorer, grid):
    for context in (10, 64):
        scores = scorer(make_images(3, grid), make_texts([3, 7, 5, 1], context))
        assert scores.shape == (3, 4)
        assert torch.isfinite(scores).all()
        assert scores.std() > 0


@pytest.mark.parametrize("block", [1, 3_000, 10**9])
def test_a_pair_scores_the_same_in_any_company(scorer, block, monkeypatch):
    images, texts = make_images(5, (4, 3)), make_texts([2, 9, 4, 6, 1], 20)
    monkeypatch.setattr(blocks_module, "BLOCK_FLOATS", block)
    together = scorer(images, texts)
    for image in range(5):
        for text in range(5):
            alone = scorer(images[[image]], texts[[text]])[0, 0]
            torch.testing.assert_close(alone, together[image, text], atol=1e-5, rtol=0)
    pairs = np.array([[0, 1], [2, 3]])
    by_item = scorer(images[pairs], texts[pairs])
    torch.testing.assert_close(by_item[1], together[2:4, 2:4], atol=1e-5, rtol=0)


def test_special_tokens_and_padding_do_not_matter(scorer):
    images, texts = make_images(2, (4, 4)), make_texts([5, 2], 12)
    plain = scorer(images, texts)
    noise = torch.where(texts.mask[..., None], texts.tokens, torch.randn_like(texts.tokens) * 10)
    disturbed = TextFeatures(texts.texts, texts.pooled, noise, texts.mask, texts.token_strings)
    torch.testing.assert_close(scorer(images, disturbed), plain, atol=1e-5, rtol=0)
    rolled = TextFeatures(
        texts.texts,
        texts.pooled,
        texts.tokens.roll(4, 1),
        texts.mask.roll(4, 1),
        np.roll(texts.token_strings, 4, axis=1),
    )
    torch.testing.assert_close(scorer(images, rolled), plain, atol=1e-5, rtol=0)


def test_places_words_and_order_all_count(scorer):
    images, texts = make_images(1, (4, 4)), make_texts([6], 8)
    plain = scorer(images, texts)
    mirrored = ImageFeatures(
        images.keys, images.pooled, images.patches.unflatten(1, (4, 4)).flip(2).flatten(1, 2), None, (4, 4)
    )
    no_words = TextFeatures(texts.texts, texts.pooled, texts.tokens, texts.mask, np.where(texts.mask, "x</w>", ""))
    order = torch.tensor([0, 2, 1, 3, 4, 5, 6, 7])
    swapped = TextFeatures(
        texts.texts, texts.pooled, texts.tokens[:, order], texts.mask, texts.token_strings[:, order.numpy()]
    )
    for other in (scorer(mirrored, texts), scorer(images, no_words), scorer(images, swapped)):
        assert abs(other - plain).item() > 1e-3


@pytest.mark.parametrize("read", [True, False])
def test_the_captions_own_vector_is_read_like_a_token(read):
    torch.manual_seed(0)
    network = DcsmHead(DcsmConfig(embed_dim=DIM, channels=6, width=16, heads=2, whole_caption=read)).eval()
    texts = make_texts([5, 2], 12)
    prepared = network.prepare(texts)
    assert prepared["tokens"].shape == (2, 5 + read, DIM)
    assert prepared["mask"].sum(-1).tolist() == [5 + read, 2 + read]
    assert (prepared["words"] == len(FUNCTIONAL_WORDS) + 1).sum(-1).tolist() == [read, read]
    if read:
        torch.testing.assert_close(prepared["tokens"][:, 0], texts.pooled)


def test_a_caption_without_tokens_and_a_constant_map_give_finite_scores(scorer):
    images, texts = make_images(2, (3, 3)), make_texts([0, 3], 6)
    constant = ImageFeatures(images.keys, images.pooled, torch.zeros(2, 9, DIM), None, (3, 3))
    assert torch.isfinite(scorer(images, texts)).all()
    assert torch.isfinite(scorer(constant, texts)).all()
    assert torch.isfinite(scorer(images, make_texts([0, 0], 6))).all()


def test_maps_are_standardised_over_valid_tokens_and_patches_alone():
    raw = torch.randn(2, 3, 4, 5, 6) * 3 + 1  # [b, k, m, t, p]
    mask = torch.rand(2, 4, 5) > 0.4
    mask[..., 0] = True
    maps, mean, spread = standardise_maps(raw, mask)
    for b, k, m in np.ndindex(2, 3, 4):
        valid, standard = raw[b, k, m][mask[b, m]], maps[b, k, m][mask[b, m]]
        assert mean[b, k, m].item() == pytest.approx(valid.mean().item(), abs=1e-5)
        assert spread[b, k, m].item() == pytest.approx(valid.std(unbiased=False).item(), abs=1e-4)
        torch.testing.assert_close(standard, (valid - valid.mean()) / valid.std(unbiased=False), atol=1e-4, rtol=0)
        assert (maps[b, k, m][~mask[b, m]] == 0).all()


def test_memory_is_bounded_by_the_block(scorer, monkeypatch):
    seen = []
    monkeypatch.setattr(blocks_module, "BLOCK_FLOATS", 40_000)
    forward = DcsmHead.forward
    monkeypatch.setattr(
        DcsmHead,
        "forward",
        lambda self, images, texts: (
            seen.append(images.pooled.shape[-2] * texts["mask"].shape[-2]) or forward(self, images, texts)
        ),
    )
    images, texts = make_images(20, (5, 5)), make_texts([8] * 30, 12)
    scorer(images, texts)
    assert sum(seen) == 600
    assert max(seen) * 8 * 25 * 6 <= 40_000


def test_the_default_head_is_small_and_its_file_rebuilds_it():
    head = DcsmHead(DcsmConfig(embed_dim=512))
    assert count_parameters(head) < 300_000
    again = build_dcsm({**asdict(head.config), "words": [list(word) for word in head.config.words]}, None)
    assert again.config == head.config


@pytest.mark.parametrize(
    ("token_strings", "meaning"),
    [
        (["a</w>", "left</w>", "of</w>"], [0, "left", 0]),
        (["be", "hind</w>", "a</w>"], ["behind", "behind", 0]),
        (["Not</w>", "not,</w>", "(NOT)</w>"], ["not"] * 3),
        (["isn</w>", "'t</w>", "red</w>"], [0, "not", 0]),
        (["", "under</w>", "neath", "", "no</w>"], [0, "below", 0, 0, "no"]),
        (["under", "neath</w>", "nor</w>"], ["below", "below", "not"]),
        (["no", "thing</w>", "no", "se</w>"], ["no", "no", 0, 0]),
        (["", ",</w>", "but</w>", ""], [0, 0, "but", 0]),
        (["right", "", ""], ["right", 0, 0]),  # a caption cut off inside a word: what is left is read as it stands
    ],
)
def test_functional_words_are_found_by_token_span(token_strings, meaning):
    assert find_words(token_strings, ROWS) == [word and ROWS[word] for word in meaning]


def test_each_spelling_has_one_row_and_the_papers_words_come_first():
    spellings = [spelling for group in FUNCTIONAL_WORDS for spelling in group]
    assert len(spellings) == len(set(spellings))
    assert [group[0] for group in FUNCTIONAL_WORDS[:11]] == (
        ["above", "below", "left", "right", "small", "big", "not", "no", "without", "but", "absent"]
    )


@given(st.lists(st.sampled_from(["behind", "cube", "no", "not", "a", "left", "underneath"]), max_size=8), st.data())
def test_however_words_are_cut_into_pieces_each_piece_gets_its_words_row(words, data):
    token_strings, expected = [], []
    for word in words:
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(word) - 1)), max_size=3)) - {len(word)})
        parts = [word[a:b] for a, b in zip([0, *cuts], [*cuts, len(word)], strict=True)]
        token_strings += [*parts[:-1], parts[-1] + "</w>"]
        expected += [ROWS.get(word, 0)] * len(parts)
    assert find_words(token_strings, ROWS) == expected


def test_a_hidden_token_hides_no_other(scorer):
    """Captions with holes score alone as they do beside one that is whole."""
    torch.manual_seed(0)
    network = DcsmHead(DcsmConfig(embed_dim=DIM, channels=6, width=16, heads=2)).eval()
    images = make_images(2, (3, 4))[np.array([[0, 1]])]
    texts = network.prepare(make_texts([8, 8], 10)[np.array([[0, 1]])])
    texts["mask"][0, 0] = torch.tensor([0, 1, 0, 1, 0, 0, 1, 0, 1], dtype=torch.bool)  # the caption's own vector first
    alone = {name: values[:, :1] for name, values in texts.items()}
    with torch.inference_mode():
        torch.testing.assert_close(network(images, alone), network(images, texts)[..., :1])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 14, 16, 24])
def test_maps_are_pooled_as_adaptive_pooling_does(size):
    lines = torch.randn(3, 1, size, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.adaptive_avg_pool1d(lines, 4)
    torch.testing.assert_close(lines @ averaging(size, 4).T, expected)


ASYMMETRIC = torch.tensor([[9.0, 1.0, 4.0, 1.0, 5.0], [2.0, 6.0, 5.0, 3.0, 5.0], [8.0, 9.0, 7.0, 9.0, 3.0]])  # [3, 5]


def one_hot_patches(grid, cosines):
    """Patches of which only the first number differs: a token (1, 0, ..) has the map `cosines`."""
    patches = torch.zeros(1, grid[0] * grid[1], DIM)
    patches[0, :, 0] = cosines.flatten()
    return ImageFeatures(np.array(["i"]), normalize(torch.ones(1, DIM), dim=-1), patches, None, grid)


def test_the_map_that_is_read_has_the_pictures_rows_and_columns():
    """Cell (row, column) of a map is the cosine of patch row * w + column, on a grid that is not square."""
    torch.manual_seed(0)
    network = DcsmHead(DcsmConfig(embed_dim=DIM, channels=2, width=8, heads=2, whole_caption=False)).eval()
    read = []
    network.read_map.register_forward_hook(lambda module, inputs, output: read.append(inputs[0]))
    images = one_hot_patches((3, 5), ASYMMETRIC / 10)
    tokens = torch.zeros(1, 4, DIM)
    tokens[..., 0] = 1.0
    mask = torch.tensor([[False, True, False, False]])
    texts = TextFeatures(np.array(["x"]), tokens[:, 0], tokens, mask, np.array([["", "x</w>", "", ""]]))
    with torch.inference_mode():
        network(images[np.array([[0]])], network.prepare(texts[np.array([[0]])]))
    standard = (ASYMMETRIC - ASYMMETRIC.mean()) / ASYMMETRIC.std(unbiased=False)
    torch.testing.assert_close(read[0], standard[None], atol=1e-3, rtol=0)


def test_a_transposed_grid_scores_otherwise(scorer):
    images, texts = make_images(2, (3, 5)), make_texts([4, 6], 8)
    plain = scorer(images, texts)
    turned = images.patches.unflatten(1, (3, 5)).transpose(1, 2).flatten(1, 2)
    for patches, grid in ((images.patches, (5, 3)), (turned, (5, 3)), (turned, (3, 5))):
        other = scorer(ImageFeatures(images.keys, images.pooled, patches, None, grid), texts)
        assert (other - plain).abs().max() > 1e-3


def test_coordinates_are_rows_then_columns_from_the_upper_left_corner():
    rows, columns = coordinates(ASYMMETRIC[None])[0]
    torch.testing.assert_close(rows, torch.tensor([-2 / 3, 0, 2 / 3])[:, None].expand(3, 5), atol=1e-6, rtol=0)
    torch.testing.assert_close(columns, torch.tensor([-0.8, -0.4, 0, 0.4, 0.8]).expand(3, 5), atol=1e-6, rtol=0)


def test_a_map_is_pooled_into_its_parts_row_by_row():
    reader = MapReader(channels=1, pooled_grid=2, width=4, dropout=0.0).eval()
    with torch.no_grad():
        for weights in reader.parameters():
            weights.zero_()
        reader.first.weight[0, 0, 1, 1] = reader.second.weight[0, 0, 1, 1] = 1.0
        reader.out[1].weight.copy_(torch.eye(4))
        quarters = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        read = reader(quarters.repeat_interleave(2, 0).repeat_interleave(3, 1)[None])
        assert read[0].tolist() == pytest.approx([1, 2, 3, 4])
        reader.place.weight[0, 0, 0, 0] = 1.0  # the first coordinate is that of the row
        read = reader(torch.zeros(1, 2, 6))
        assert read[0].tolist() == pytest.approx([0, 0, 0.5, 0.5])


def test_word_rows_are_those_that_shipped_heads_were_trained_with():
    assert len(FUNCTIONAL_WORDS) == 39
    chosen = ["above", "below", "left", "right", "not", "no", "without", "but", "neither", "behind", "only"]
    assert [ROWS[word] for word in chosen] == [1, 2, 3, 4, 7, 8, 9, 10, 12, 14, 39]
    assert min(ROWS.values()) == 1
    line = ["zorp</w>", "le", "ft</w>", "leftovers</w>", "lef</w>", "t</w>", "isn", "'t</w>", "-", "no", "-</w>"]
    assert find_words(line, ROWS) == [0, 3, 3, 0, 0, 0, 7, 7, 8, 8, 8]


def test_positions_and_averages_typed_by_hand():
    angles = [[0, 1, 0, 1], [0.841471, 0.540302, 0.099833, 0.995004]]  # of place 1: 1 and 1 / 100 ** (2 / 4)
    torch.testing.assert_close(positions(2, 4), torch.tensor(angles), atol=1e-6, rtol=0)
    state, mask = torch.tensor([[[2.0], [4.0], [90.0]]] * 2), torch.tensor([[True, True, False], [False] * 3])
    assert masked_mean(state, mask).tolist() == [[3.0], [0.0]]
