"""The diagnosis: planted models whose lost stage is known, controls, files, and the command on rendered groups."""

import json

import numpy as np
import pytest
import torch

from fourfold.errors import InputError
from fourfold.evaluator.diagnosis.chain import find_losses
from fourfold.evaluator.diagnosis.diagnose import probe_stages, summarise
from fourfold.evaluator.diagnosis.matching_probe import bits_of, half_turned, held_out_bits, kernel_of, make_folds
from fourfold.evaluator.diagnosis.planted_models import TRANSITIONS, plant
from fourfold.evaluator.diagnosis.results import KEPT, Diagnosis, diagnosis_tables, read_diagnosis, save_diagnosis
from fourfold.evaluator.diagnosis.same_object import matched_pairs, patch_owners, probe_layer
from fourfold.evaluator.diagnosis.symbols import claim_features
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.layers import find_blocks, shuffle_weights

LOST = (
    ("binding", TRANSITIONS[1]),
    ("relation", TRANSITIONS[4]),
    ("negation", TRANSITIONS[6]),
    ("content", TRANSITIONS[9]),
    ("binding", TRANSITIONS[-1]),
)


def diagnosed(category: str, deleted: tuple[str, str, str] | None, seed: int = 3) -> Diagnosis:
    planted = plant(category, deleted, np.random.default_rng(seed), groups=100)
    probed = probe_stages(planted.stages, planted.question, seed=seed, control=False)
    rows, losses = summarise(probed, None, seed=seed)
    return Diagnosis("planted", "5f", "made up", seed, tuple(rows), tuple(losses))


@pytest.mark.parametrize(("category", "deleted"), LOST)
def test_stage_that_loses_it_is_named(category: str, deleted: tuple[str, str, str]) -> None:
    assert diagnosed(category, deleted).lost_at(category) == f"{deleted[0]}: {deleted[1]} > {deleted[2]}"


@pytest.mark.parametrize("category", ["binding", "relation"])
def test_model_that_loses_nothing_is_not_accused(category: str) -> None:
    assert diagnosed(category, None).lost_at(category) == KEPT


def test_file_gives_back_what_was_found(tmp_path) -> None:
    found = diagnosed("relation", TRANSITIONS[4])
    save_diagnosis(found, tmp_path / "diagnosis.json")
    assert read_diagnosis(tmp_path / "diagnosis.json") == found
    assert all(table.rows for table in diagnosis_tables(found))


def test_file_of_another_kind_is_refused(tmp_path) -> None:
    path = tmp_path / "diagnosis.json"
    path.write_text('{"format": "fourfold-probe", "version": 1}', encoding="utf-8")
    with pytest.raises(InputError, match="not a diagnosis"):
        read_diagnosis(path)


def test_probe_of_noise_finds_nothing_and_of_the_truth_all() -> None:
    rng = np.random.default_rng(0)
    truth = kernel_of(rng.standard_normal((200, 4)))
    folds = make_folds(200, rng)
    noise = held_out_bits([kernel_of(rng.standard_normal((200, 40)))], [truth], folds)
    turned = held_out_bits([truth], [truth], folds, half_turned(200, rng))
    assert held_out_bits([truth], [truth], folds).mean() > 0.8
    assert noise.mean() < 0.05
    assert turned.mean() < 0.1


def test_names_of_the_two_members_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    images, texts = rng.standard_normal((2, 60, 5))
    texts = texts + images
    sign = rng.choice([-1.0, 1.0], (60, 1))
    folds = make_folds(60, rng)
    one = held_out_bits([kernel_of(images)], [kernel_of(texts)], folds)
    other = held_out_bits([kernel_of(images * sign)], [kernel_of(texts * sign)], folds)
    assert np.allclose(one, other)


def test_bits_of_a_sure_an_open_and_a_wrong_answer() -> None:
    assert np.allclose(bits_of(np.array([60.0, 0.0])), [1, 0])
    assert bits_of(np.array([-3.0]))[0] < 0


def test_what_comes_back_later_was_not_lost() -> None:
    mean = np.array([0.9, 0.2, 0.9, 0.3])
    draws = mean + 0.01 * np.random.default_rng(0).standard_normal((500, 4))
    (loss,) = find_losses("x", {"image": ["a", "b", "c", "d"]}, {"image": mean}, {"image": draws})
    assert (loss.before, loss.after) == ("c", "d")


def test_converse_relations_mean_the_same_and_are_worded_otherwise() -> None:
    cube, ball = {"shape": "cube"}, {"shape": "ball"}
    left = claim_features({"type": "Related", "subject": cube, "relation": "left", "reference": ball})
    right = claim_features({"type": "Related", "subject": ball, "relation": "right", "reference": cube})
    swapped = claim_features({"type": "Related", "subject": ball, "relation": "left", "reference": cube})
    assert left["meant"] == right["meant"] != swapped["meant"]
    assert left["worded"] != right["worded"]


def test_objects_are_found_where_tokens_say_whose_they_are() -> None:
    rng = np.random.default_rng(2)
    mask = np.zeros((80, 80), int)
    mask[10:40, 10:40], mask[40:70, 10:40] = 1, 2
    owners = patch_owners(mask, (8, 8))
    assert (owners.reshape(8, 8)[1:4, 1:4] == 1).all()
    groups = np.arange(60)
    pairs = matched_pairs([owners] * 60, groups, (8, 8), rng)
    assert pairs.same.mean() == 0.5
    codes = rng.standard_normal((60, 3, 24))
    tokens = torch.tensor(np.stack([code[np.maximum(owners, 0)] for code in codes]), dtype=torch.float32)
    folds = make_folds(60, rng)
    told = probe_layer("layer 1", tokens, (8, 8), pairs, folds, rng)
    untold = probe_layer("layer 1", torch.tensor(rng.standard_normal((60, 64, 24))).float(), (8, 8), pairs, folds, rng)
    assert told is not None
    assert untold is not None
    assert told.bits > 0.8
    assert untold.bits < 0.1


@pytest.fixture(scope="module")
def tiny():
    return load_encoder("fourfold-tiny", device="cpu")


def test_layers_come_with_the_features_of_an_ordinary_pass(tiny) -> None:
    from PIL import Image

    pictures = [Image.linear_gradient("L").convert("RGB").resize((64, 64)), Image.new("RGB", (96, 48), "red")]
    shown, plain = tiny.image_layers(pictures), tiny.encode_images(pictures)
    assert torch.equal(shown.features.pooled, plain.pooled)
    assert list(shown.tokens) == [f"layer {i}" for i in range(5)]
    assert all(tokens.shape[1] == np.prod(shown.grids[name]) for name, tokens in shown.tokens.items())
    told = tiny.text_layers(["a red cube", "two balls"])
    assert torch.equal(told.features.pooled, tiny.encode_texts(["a red cube", "two balls"]).pooled)
    assert list(told.tokens) == ["layer 0", "layer 1", "layer 2"]


def test_shuffled_weights_are_the_same_numbers_in_another_order() -> None:
    layer = torch.nn.Linear(6, 5)
    before = layer.weight.detach().clone()
    shuffle_weights(layer, seed=1)
    assert not torch.equal(layer.weight, before)
    assert torch.equal(layer.weight.flatten().sort().values, before.flatten().sort().values)


def test_tower_without_known_blocks_shows_no_layers() -> None:
    blocks = find_blocks(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), None)
    assert blocks.image == blocks.text == ()


class PooledAlone:
    """An encoder without patches, text tokens and layers."""

    name, identity, context_length, embed_dim, has_patches = "pooled", "pooled 1", 8, 8, False

    def encode_images(self, images):
        from fourfold.evaluator.data.images import pixel_hash
        from fourfold.evaluator.encoders.features import ImageFeatures

        small = np.stack([np.asarray(image.convert("L").resize((4, 2))).ravel() + 1.0 for image in images])
        pooled = torch.nn.functional.normalize(torch.tensor(small).float(), dim=-1)
        return ImageFeatures(np.array([pixel_hash(image) for image in images]), pooled)

    def encode_texts(self, texts):
        from fourfold.evaluator.encoders.features import TextFeatures

        rows = torch.tensor([[1.0 + text.count(letter) for letter in "abcdergb"] for text in texts])
        return TextFeatures(np.array(texts), torch.nn.functional.normalize(rows, dim=-1))


def test_model_of_pooled_vectors_alone_is_diagnosed_and_says_what_is_left_out(report_data, tmp_path) -> None:
    from fourfold import diagnose

    dataset = report_data.make_dataset(tmp_path / "set", 20)
    found = diagnose(dataset, model=PooledAlone(), out=tmp_path / "out", progress=False)
    assert found.left_out[:2] == (
        "left out: image layers and patches, which the model does not show",
        "left out: text layers and tokens, which the model does not show",
    )
    assert {row.stage for row in found.stages} == {"claims", "pooled image", "pooled text", "pooled pair", "cosine"}
    assert read_diagnosis(tmp_path / "out" / "diagnosis.json") == found
    again = diagnose(dataset, model=PooledAlone(), progress=False)
    assert again.stages == found.stages


def test_too_few_groups_are_refused_before_a_model_is_loaded(report_data, tmp_path) -> None:
    from fourfold import diagnose

    dataset = report_data.make_dataset(tmp_path / "set", 5, draw=False)
    with pytest.raises(InputError, match="too few groups of content"):
        diagnose(dataset, model="no-such-model", progress=False)


@pytest.mark.parametrize("claim", ["{}", "3", '{"type": "Not"}', '{"type": "Exists", "subject": {"excluded": 1}}'])
def test_caption_without_a_claim_is_refused_in_one_line(report_data, tmp_path, claim: str) -> None:
    from fourfold import diagnose

    dataset = report_data.make_dataset(tmp_path / "set", 20, draw=False)
    rows = dataset / "test" / "metadata.jsonl"
    first, *others = rows.read_text(encoding="utf-8").splitlines(keepends=True)
    row = json.loads(first)
    row["captions"][0]["claim"] = claim
    rows.write_text("".join([json.dumps(row) + "\n", *others]), encoding="utf-8")
    with pytest.raises(InputError, match="caption 0 has no claim in the form"):
        diagnose(dataset, model="no-such-model", progress=False)


def test_folder_of_another_model_is_left_alone(report_data, tmp_path) -> None:
    from fourfold import diagnose, probe

    dataset = report_data.make_dataset(tmp_path / "set", 20)
    results = report_data.make_results(tmp_path / "results", dataset)
    with pytest.raises(InputError, match=r"results\.json: is of another model"):
        diagnose(dataset, model=PooledAlone(), out=results, progress=False)
    diagnose(dataset, model=PooledAlone(), out=tmp_path / "out", progress=False)
    with pytest.raises(InputError, match=r"diagnosis\.json: is of another model"):
        probe(dataset, model="fourfold-tiny", out=tmp_path / "out", progress=False)


class Counting(PooledAlone):
    """Counts the pictures that it encodes, and is interrupted after so many of them."""

    def __init__(self, most: float = float("inf")) -> None:
        self.encoded, self.most = 0, most

    def encode_images(self, images):
        if self.encoded + len(images) > self.most:
            raise KeyboardInterrupt
        self.encoded += len(images)
        return super().encode_images(images)


def test_interrupted_run_goes_on_with_the_layers_that_it_kept(report_data, tmp_path, monkeypatch) -> None:
    from fourfold import diagnose
    from fourfold.evaluator.features import layers

    monkeypatch.setattr(layers, "KEPT_AT_ONCE", layers.AT_ONCE)
    dataset = report_data.make_dataset(tmp_path / "set", 20)
    undisturbed, resumed = Counting(), Counting()
    whole = diagnose(dataset, model=undisturbed, progress=False)
    with pytest.raises(KeyboardInterrupt):
        diagnose(dataset, model=Counting(most=100), cache_dir=tmp_path / "cache", progress=False)
    assert diagnose(dataset, model=resumed, cache_dir=tmp_path / "cache", progress=False).stages == whole.stages
    assert resumed.encoded == undisturbed.encoded - 3 * layers.AT_ONCE  # 1 to learn the stages' names, then 3 batches
