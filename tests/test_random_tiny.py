"""The random tower: fourfold-tiny's architecture, never trained, never taken for it, and said wherever it is used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.encoders import list_models, load_encoder, loader_of
from fourfold.evaluator.encoders.contract import TINY, TINY_RANDOM
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring.head_files import SHIPPED, load_head

PICTURES = [Image.new("RGB", (64, 64), color) for color in ("red", "blue", "gray")]
CAPTIONS = ["a red cube", "no blue sphere"]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(TINY_RANDOM, allow_random_weights=True)


def test_it_is_refused_unless_it_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"fourfold-tiny-random: its weights are random.*--allow-random-weights"):
        load_encoder(TINY_RANDOM)
    assert loader_of(TINY_RANDOM) == TINY_RANDOM == "fourfold-tiny-random"
    assert TINY_RANDOM not in list_models()  # of models that have weights


def test_it_has_the_shape_of_the_model_and_other_weights(encoder) -> None:
    tiny = load_encoder(TINY)
    for fact in ("context_length", "embed_dim", "has_patches", "resize_mode"):
        assert getattr(encoder, fact) == getattr(tiny, fact)
    assert encoder.name == TINY_RANDOM
    assert encoder.identity != tiny.identity
    ours, theirs = (each.encode_images(PICTURES) for each in (encoder, tiny))
    assert ours.grid == theirs.grid == (7, 7)
    assert ours.patches.shape == theirs.patches.shape
    assert (ours.pooled * theirs.pooled).sum(-1).abs().max() < 0.9
    assert torch.equal(encoder.encode_texts(CAPTIONS).mask, tiny.encode_texts(CAPTIONS).mask)


def test_it_is_the_same_every_time_whatever_was_drawn_before(encoder) -> None:
    torch.manual_seed(123)
    again = load_encoder(TINY_RANDOM, allow_random_weights=True)
    assert again.identity == encoder.identity
    assert torch.equal(again.encode_images(PICTURES).patches, encoder.encode_images(PICTURES).patches)
    assert torch.equal(again.encode_texts(CAPTIONS).tokens, encoder.encode_texts(CAPTIONS).tokens)


def test_its_features_tell_pictures_and_places_apart(encoder) -> None:
    """A head must have something to learn from: random is not the same as constant."""
    half = Image.new("RGB", (64, 64), "red")
    half.paste("blue", (32, 0, 64, 64))
    patches = encoder.encode_images([half]).patches[0].unflatten(0, (7, 7))
    assert (patches[:, 0] - patches[:, -1]).norm(dim=-1).min() > 0.1
    assert torch.isfinite(patches).all()


def test_no_head_of_the_trained_model_is_used_with_it(encoder) -> None:
    with pytest.raises(InputError, match="was trained for the model 'fourfold-tiny'"):
        load_head(SHIPPED / TINY / "dcsm.safetensors", "dcsm", encoder)
    assert HEADS["dcsm"].configure(encoder, None)["embed_dim"] == 96


def test_a_head_is_trained_on_it_and_evaluated_with_controls_and_a_note(
    generated: Path, fourfold: Callable, tmp_path: Path
) -> None:
    tower = ("--model", TINY_RANDOM, "--cache", tmp_path / "cache", "--quiet")
    head, out = tmp_path / "dcsm.safetensors", tmp_path / "out"
    training = ("train-head", generated, "--split", "test", "--epochs", 1, "--out", head)
    assert fourfold(*training, *tower).code == 2
    done = fourfold(*training, *tower, "--allow-random-weights")
    assert done.code == 0, done.err
    scorers = ("cosine", "dcsm", "patch-shuffle:dcsm", "mean-patch:dcsm", "mirror:dcsm")
    named = [part for name in scorers for part in ("--scorer", name)]
    done = fourfold(
        *("evaluate", generated, *tower, "--allow-random-weights", "--allow-training-items", *named),
        *("--head", head, "--split", "test", "--out", out),
    )
    assert done.code == 0, done.err
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert found["model"]["name"] == TINY_RANDOM
    assert any("random weights were allowed" in note for note in found["notes"])
    assert set(found["settings"]["heads"]) == set(scorers[1:])
    assert {name: row["set_dependent"] for name, row in found["scorers"].items()} == dict.fromkeys(scorers, False)
