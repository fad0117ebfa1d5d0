"""Every scorer keeps the contract, and each does what its name says."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import SCORERS, ScorerContext, load_scorer
from fourfold.evaluator.scorers.blind import blind
from fourfold.evaluator.scorers.random_scores import random_scores
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring import blocks as blocks_module
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.scoring.phrases import find_literals

N_ITEMS, DIM, GRID, LENGTH = 6, 16, (3, 4), 12
CAPTIONS = ["a red cube left of a blue sphere", "a blue cube left of a red sphere", "a sphere, not a cube", "no cube"]
# Of heads only `factored` does without training; `crop-align` opens pictures: `test_crop_align` asks it the same.
FREE = [name for name in SCORERS if name not in {*HEADS, "crop-align"} or name == "factored"]


def vector(word):
    return torch.randn(DIM, generator=torch.Generator().manual_seed(sum(word.encode())))


class WordEncoder:
    """Each word is a fixed random vector; a caption is the sum of its words."""

    name, identity, context_length, embed_dim, has_patches = "words", "words-1", LENGTH, DIM, True

    def encode_images(self, images):
        raise NotImplementedError

    def encode_texts(self, texts):
        tokens = torch.zeros(len(texts), LENGTH, DIM)
        token_strings = np.full((len(texts), LENGTH), "", dtype="<U16")
        for row, text in enumerate(texts):
            for column, word in enumerate(text.replace(",", " ,").split(), start=1):
                token_strings[row, column] = word + "</w>"
                tokens[row, column] = vector(word)
        pooled = normalize(tokens.sum(1), dim=-1)
        tokens[:, 0], tokens[:, -1] = 1.0, pooled
        return TextFeatures(
            np.array(texts), pooled, normalize(tokens, dim=-1), torch.from_numpy(token_strings != ""), token_strings
        )


@pytest.fixture(scope="module")
def context():
    generator = torch.Generator().manual_seed(0)
    n, patches = 2 * N_ITEMS, GRID[0] * GRID[1]
    images = ImageFeatures(
        keys=np.array([f"image-{i}" for i in range(n)]),
        pooled=normalize(torch.randn(n, DIM, generator=generator), dim=-1),
        patches=normalize(torch.randn(n, patches, DIM, generator=generator), dim=-1),
        cls=normalize(torch.randn(n, DIM, generator=generator), dim=-1),
        grid=GRID,
    )
    encoder = WordEncoder()
    texts = encoder.encode_texts([f"{caption} {i}" for i in range(N_ITEMS) for caption in CAPTIONS])
    items = [
        Item(
            id=f"item-{i}",
            images=(ImageRef(f"{i}a.png"), ImageRef(f"{i}b.png")),
            captions=tuple(str(text) for text in texts.texts[4 * i : 4 * i + 4]),
            truth=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool),
            category="binding",
            cluster=f"item-{i}",
        )
        for i in range(N_ITEMS)
    ]
    image_index = [np.array([2 * i, 2 * i + 1]) for i in range(N_ITEMS)]
    text_index = [np.arange(4 * i, 4 * i + 4) for i in range(N_ITEMS)]
    return ScorerContext(encoder, items, EncodedSet(images, texts, image_index, text_index), seed=3)


def gather(context):
    encoded = context.encoded
    return encoded.images[np.stack(encoded.image_index)], encoded.texts[np.stack(encoded.text_index)]


@pytest.mark.parametrize("name", FREE)
def test_scores_have_a_table_an_item_and_keep_leading_dimensions(name, context):
    scorer = load_scorer(name, context)
    images, texts = gather(context)
    scores = scorer(images, texts)
    assert scores.shape == (N_ITEMS, 2, 4)
    assert scores.dtype == torch.float32
    assert torch.isfinite(scores).all()
    torch.testing.assert_close(scorer(images[0], texts[0]), scores[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FREE)
def test_a_pair_is_scored_the_same_in_any_company(name, context):
    scorer = load_scorer(name, context)
    if scorer.set_dependent:
        pytest.skip("marked as depending on the set")
    encoded = context.encoded
    everything = scorer(encoded.images, encoded.texts)
    for image, text in [(0, 0), (3, 17), (11, 23)]:
        alone = scorer(encoded.images[[image]], encoded.texts[[text]])
        torch.testing.assert_close(alone[0, 0], everything[image, text], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FREE)
def test_small_blocks_change_nothing(name, context, monkeypatch):
    scorer = load_scorer(name, context)
    images, texts = gather(context)
    whole = scorer(images, texts)
    monkeypatch.setattr(blocks_module, "BLOCK_FLOATS", 1)
    torch.testing.assert_close(scorer(images, texts), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("n", "k", "m", "pairs"), [(5, 2, 4, 3), (5, 2, 4, 8), (5, 2, 4, 17), (1, 7, 9, 20), (2, 1, 1, 1)]
)
def test_blocks_cover_the_table_once_and_stay_small(n, k, m, pairs):
    table = np.zeros((n, k, m), dtype=int)
    for block in blocks_module.cut_blocks(n, k, m, pairs):
        table[block.place] += 1
        assert table[block.place].size <= pairs
        assert block.images.shape == table[block.place].shape[:2]
        np.testing.assert_array_equal(block.images // k, block.texts[:, :1] // m + np.zeros_like(block.images))
    assert (table == 1).all()


def test_unknown_scorer_lists_choices_and_the_nearest(context):
    with pytest.raises(InputError, match=r"unknown scorer 'cosin'\. Did you mean 'cosine'\?.*maxsim"):
        load_scorer("cosin", context)
    with pytest.raises(InputError, match="unknown scorer 'nothing'"):
        load_scorer("shuffled-images:nothing", context)
    with pytest.raises(InputError, match="unknown scorer 'cosine:maxsim'"):
        load_scorer("cosine:maxsim", context)


def test_models_without_patch_tokens_are_refused_where_they_are_needed(context):
    class Poolless(WordEncoder):
        has_patches = False

    pooled_only = ScorerContext(Poolless(), context.items, context.encoded)
    with pytest.raises(InputError, match="needs patch tokens"):
        load_scorer("maxsim", pooled_only)
    assert load_scorer("cosine", pooled_only).name == "cosine"


def test_maxsim_of_hand_made_tokens():
    patches = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    tokens = torch.tensor([[[0.6, 0.8], [1.0, 0.0], [-1.0, 0.0]]])  # start, the one word, padding
    images = ImageFeatures(np.array(["i"]), patches.mean(1), patches, None, (1, 2))
    mask = torch.tensor([[False, True, False]])
    texts = TextFeatures(np.array(["x"]), tokens[:, 0], tokens, mask, np.array([["", "x</w>", ""]]))
    scorer = SCORERS["maxsim"](None)
    assert scorer(images, texts).item() == pytest.approx(((1.0 + 0.8) / 2 + 1.0) / 2)


def test_oracle_is_never_wrong(context):
    scores = load_scorer("oracle", context)(*gather(context)).numpy()
    for item, table in zip(context.items, scores, strict=True):
        np.testing.assert_array_equal(table, item.truth)


def test_oracle_shows_where_items_contradict_each_other(context):
    first = context.items[0]
    flipped = Item("again", first.images, first.captions, ~first.truth, "binding", "again")
    encoded = EncodedSet(
        context.encoded.images,
        context.encoded.texts,
        context.encoded.image_index[:1] * 2,
        context.encoded.text_index[:1] * 2,
    )
    scores = load_scorer("oracle", ScorerContext(context.encoder, [first, flipped], encoded))(*gather(context))
    assert (scores[0] == 0.5).all()


def test_random_is_uniform_seeded_and_tied_to_the_pair(context):
    images = ImageFeatures(np.array([f"i{n}" for n in range(100)]), torch.zeros(100, 1))
    texts = TextFeatures(np.array([f"t{n}" for n in range(100)]), torch.zeros(100, 1), None, None, None)
    scores = load_scorer("random", context)(images, texts).numpy()
    assert ((scores >= 0) & (scores < 1)).all()
    counts, _ = np.histogram(scores, bins=20, range=(0, 1))
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)
    assert abs(np.corrcoef(scores[0], scores[1])[0, 1]) < 0.4
    assert len(np.unique(scores)) > 9_900
    other_seed = ScorerContext(context.encoder, context.items, context.encoded, seed=4)
    assert (load_scorer("random", other_seed)(images, texts).numpy() != scores).mean() > 0.99


def test_blind_sees_no_image_and_is_at_chance_on_equally_long_captions(context):
    words = np.array([[f"red {n}", f"blu {n}"] for n in range(400)])
    images = ImageFeatures(np.array([["a", "b"]] * 400), torch.zeros(400, 2, 1))
    texts = TextFeatures(words, torch.zeros(400, 2, 1), None, None, None)
    scores = load_scorer("blind", context)(images, texts)
    assert (scores[:, 0] == scores[:, 1]).all()
    prefers_first = (scores[:, 0, 0] > scores[:, 0, 1]).float().mean().item()
    assert abs(prefers_first - 0.5) < 0.1
    assert (scores[:, 0, 0] != scores[:, 0, 1]).all()


def test_shuffled_images_gives_each_image_the_features_of_another(context):
    images, texts = gather(context)
    plain = load_scorer("cosine", context)(context.encoded.images, texts[0])
    scorer = load_scorer("shuffled-images:cosine", context)
    shuffled = scorer(context.encoded.images, texts[0])
    assert scorer.set_dependent
    assert scorer.name == "shuffled-images:cosine"
    same_row = torch.isclose(plain[:, None], shuffled[None], atol=1e-6).all(-1)  # [real, stood in for]
    np.testing.assert_array_equal(same_row.sum(0), np.ones(len(plain)))  # a permutation ...
    assert not same_row.diagonal().any()  # ... without fixed point
    torch.testing.assert_close(load_scorer("shuffled-images", context)(images, texts), scorer(images, texts))


def test_shuffled_oracle_is_wrong(context):
    images, texts = gather(context)
    truth = torch.from_numpy(np.stack([item.truth for item in context.items])).float()
    shuffled = load_scorer("shuffled-images:oracle", context)(images, texts)
    assert not (shuffled == truth).all(-1).any()


def test_a_single_image_cannot_be_shuffled(context):
    encoded = EncodedSet(context.encoded.images[[0]], context.encoded.texts, [], [])
    with pytest.raises(InputError, match="at least 2 different images"):
        load_scorer("shuffled-images", ScorerContext(context.encoder, [], encoded))


@pytest.mark.parametrize(
    ("caption", "literals"),
    [
        ("a red cube left of a blue sphere", "+red cube +blue sphere"),
        ("A red cube, and no sphere.", "+red cube -sphere"),
        ("there is no cube", "-cube"),
        ("a cube but not a cone", "+cube -cone"),
        ("without a cube or a cone", "-cube -cone"),
        ("no cube and a cone", "-cube +cone"),
        ("neither a red cube nor a cone", "-red cube -cone"),
        ("a cube that isn't red", "+cube -red"),
        ("the small red cube is absent", "-small red cube"),
        ("a cone to the left of the cube", "+cone +cube"),
        ("a traffic light in front of a t-shirt", "+traffic light +t-shirt"),
        ("no", ""),
        ("", ""),
    ],
)
def test_captions_become_literals(caption, literals):
    found = " ".join(("+" if literal.positive else "-") + literal.phrase for literal in find_literals(caption))
    assert found == literals


def planted_image(words_of_patches):
    patches = normalize(
        torch.stack([sum(vector(word) for word in words.split()) for words in words_of_patches]), dim=-1
    )
    pooled = normalize(patches.mean(0), dim=-1)
    return ImageFeatures(np.array([str(words_of_patches)]), pooled[None], patches[None], None, (1, len(patches)))


def load_for(name, context, images, captions, head=None):
    encoded = EncodedSet(images, context.encoder.encode_texts(captions), [], [])
    return load_scorer(name, ScorerContext(context.encoder, [], encoded, head=head)), encoded.texts


def test_phrase_align_is_the_cosine_and_the_best_patches_of_each_phrase(context):
    image = planted_image(["red cube", "wall", "wall", "blue cone"])
    captions = ["the red cube", "the red cube left of the blue cone", "of the"]
    scorer, texts = load_for("phrase-align", context, image, captions)
    red, blue = (
        image.patches[0] @ normalize(vector(a) + vector(b), dim=0) for a, b in (("red", "cube"), ("blue", "cone"))
    )
    whole = image.pooled @ texts.pooled.T
    expected = torch.stack(
        [(whole[0, 0] + red.max()) / 2, (whole[0, 1] + (red.max() + blue.max()) / 2) / 2, whole[0, 2]]
    )
    torch.testing.assert_close(scorer(image, texts)[0], expected)


def test_factored_is_a_sum_over_literals_and_reads_negation(context):
    image = planted_image(["red cube", "wall"])
    scorer, texts = load_for("factored", context, image, ["a red cube", "no red cube", "a red cube and no cone", "of"])
    nothing, cube, cone = context.encoder.encode_texts(["a photo", "a photo of red cube", "a photo of cone"]).pooled
    cube, cone = ((image.pooled[0] @ (phrase - nothing) / 0.01).double() for phrase in (cube, cone))
    there, not_there, no_cone = (-torch.log1p(torch.exp(-x)) for x in (cube, -cube, -cone))
    expected = torch.stack([there, not_there, there + no_cone, torch.zeros(())])
    torch.testing.assert_close(scorer(image, texts)[0].double(), expected, atol=1e-3, rtol=1e-4)
    assert scorer(image, texts)[0, 0] > scorer(image, texts)[0, 1]


def test_factored_takes_its_temperature_from_a_head_of_its_own_only(context, tmp_path):
    image = planted_image(["red cube", "wall"])
    weights = {"log_tau": torch.tensor(0.0)}
    save_head(Head("factored", {}, "words", "words-1", weights), tmp_path / "factored.safetensors")
    save_head(Head("labclip", {}, "words", "words-1", weights), tmp_path / "other.safetensors")
    plain, texts = load_for("factored", context, image, ["a red cube"])
    for head in (tmp_path, tmp_path / "factored.safetensors"):
        fitted, _ = load_for("factored", context, image, ["a red cube"], head)
        assert fitted(image, texts).item() != pytest.approx(plain(image, texts).item())
    (tmp_path / "empty").mkdir()
    unfitted, _ = load_for("factored", context, image, ["a red cube"], tmp_path / "empty")
    assert unfitted(image, texts).item() == plain(image, texts).item()
    with pytest.raises(InputError, match=r"a 'labclip' head, 'factored' was asked for.* folder with a head of each"):
        load_for("factored", context, image, ["a red cube"], tmp_path / "other.safetensors")


def test_marginal_takes_away_what_other_images_get(context):
    images, texts = context.encoded.images, context.encoded.texts
    scorer = load_scorer("marginal", context)
    assert scorer.set_dependent
    plain = (images.pooled @ texts.pooled.T).numpy()
    for row in (0, 5):
        others = np.delete(plain, row, axis=0).mean(0)
        np.testing.assert_allclose(scorer(images, texts)[row].numpy(), plain[row] - others, atol=1e-5)
    stranger = ImageFeatures(np.array(["new"]), images.pooled[[0]])
    np.testing.assert_allclose(scorer(stranger, texts)[0].numpy(), plain[0] - plain.mean(0), atol=1e-5)
    with pytest.raises(InputError, match="at least 2 different images"):
        load_for("marginal", context, images[[0]], ["a"])


def named(keys, captions):
    images = ImageFeatures(np.array(keys), torch.zeros(len(keys), 1))
    return images, TextFeatures(np.array(captions), torch.zeros(len(captions), 1), None, None, None)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(0, [[1799525, 13646606], [9815708, 8704363]]), (7, [[16350019, 15550870], [4334012, 6116948]])],
)
def test_random_is_the_same_on_every_machine(seed, expected):
    scores = random_scores(*named(["a", "b"], ["a cube", "a red cube"]), seed)
    assert (scores * 2**24).int().tolist() == expected


@pytest.mark.parametrize(("seed", "expected"), [(0, [9994131, 1737724]), (7, [16608411, 3337880])])
def test_blind_is_the_same_on_every_machine_and_counts_spaces(seed, expected):
    scores = blind(*named(["a", "b"], ["a cube", "a red cube"]), seed)
    assert torch.equal(scores[0], scores[1])
    tie_breaks = (scores[0].double() + torch.tensor([1, 2])) * 2**24  # a caption of n words has n - 1 spaces
    assert tie_breaks.tolist() == pytest.approx(expected, abs=1)
    longer, shorter = blind(*named(["a"], ["not a red cube", " a red cube "]), seed)[0]
    assert shorter > longer


STAND_IN = [1, 9, 7, 6, 10, 3, 11, 4, 5, 8, 0, 2]


def test_shuffled_images_stand_in_as_the_seed_says(context):
    """The image i gets the features of image STAND_IN[i], for seed 3 and twelve images; numbers are NumPy's."""
    images, texts = context.encoded.images, context.encoded.texts
    plain, shuffled = (load_scorer(name, context)(images, texts) for name in ("cosine", "shuffled-images:cosine"))
    assert torch.equal(shuffled, plain[STAND_IN])
    other = load_scorer("shuffled-images", ScorerContext(context.encoder, [], context.encoded, seed=4))
    assert not torch.equal(other(images, texts), shuffled)


def test_marginal_of_hand_made_cosines(context):
    """A caption's cosines 0.9, 0.3, 0.0: the other two of the first picture have the mean 0.15."""
    images = ImageFeatures(np.array(list("abc")), torch.tensor([[0.9], [0.3], [0.0]]))
    texts = TextFeatures(np.array(["x"]), torch.ones(1, 1), None, None, None)
    scorer = load_scorer("marginal", ScorerContext(None, [], EncodedSet(images, texts, [], [])))
    assert scorer(images, texts)[:, 0].tolist() == pytest.approx([0.75, -0.15, -0.6], abs=1e-6)
    stranger = ImageFeatures(np.array(["z"]), torch.tensor([[0.9]]))
    assert scorer(stranger, texts).item() == pytest.approx(0.5, abs=1e-6)


def test_maxsim_asks_caption_tokens_alone_for_a_patch():
    """Two caption tokens with their best patches 0.5 and 1; padding would bring 0.9, and is there for patches only."""
    patches = torch.tensor([[[1.0, 0.0], [0.0, 0.5]]])
    tokens = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 1.8]]])
    images = ImageFeatures(np.array(["i"]), patches.mean(1), patches, None, (1, 2))
    strings = np.array([["x</w>", "y</w>", ""]])
    texts = TextFeatures(np.array(["x y"]), tokens[:, 0], tokens, torch.tensor([[True, True, False]]), strings)
    by_patch, by_token = (1.0 + 0.9) / 2, (0.5 + 1.0) / 2
    assert SCORERS["maxsim"](None)(images, texts).item() == pytest.approx((by_patch + by_token) / 2)
