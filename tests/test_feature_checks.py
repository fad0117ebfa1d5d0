"""What an encoder gives is checked before a score is made of it; a broken contract is one clear line, at loading."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.feature_checks import NORM_TOLERANCE, check_image_features, check_text_features
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.run.evaluation import evaluate
from fourfold.evaluator.run.one_model import EvaluationSpec, ModelRun, try_scorers

D, T, GRID = 6, 5, (2, 3)


class Towers:
    """A model that keeps the contract; `images` and `texts` may change what it gives."""

    name, identity, context_length, embed_dim, has_patches = "towers", "towers, first", T, D, True

    def __init__(self, images: Callable[..., Any] = lambda it: it, texts: Callable[..., Any] = lambda it: it) -> None:
        self.images, self.texts = images, texts

    def encode_images(self, images: list[Image.Image]) -> ImageFeatures:
        rng = np.random.default_rng(len(images))
        pooled, patches, cls = (vectors(rng, len(images), *shape) for shape in ((), (6,), ()))
        keys = np.array([f"{index}" for index in range(len(images))])
        return self.images(ImageFeatures(keys, pooled, patches, cls, GRID))

    def encode_texts(self, texts: list[str]) -> TextFeatures:
        rng = np.random.default_rng(len(texts))
        mask = torch.arange(T)[None] < 3
        strings = np.where(mask.numpy(), "x</w>", "").repeat(len(texts), axis=0)
        tokens = vectors(rng, len(texts), T)
        return self.texts(
            TextFeatures(np.array(texts), vectors(rng, len(texts)), tokens, mask.repeat(len(texts), 1), strings)
        )


def vectors(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return normalize(torch.from_numpy(rng.normal(size=(*shape, D))).float(), dim=-1)


def longer(part: str, factor: float = 1.01) -> Callable[[Any], Any]:
    return lambda it: replace(it, **{part: getattr(it, part) * factor})


def as_it_is(value: Any) -> Callable[[Any], Any]:
    return lambda it: replace(it, **value)


def spoilt(part: str) -> Callable[[Any], Any]:
    def spoil(it: Any) -> Any:
        value = getattr(it, part).clone()
        value[-1].reshape(-1)[0] = float("nan")
        return replace(it, **{part: value})

    return spoil


OF_IMAGES = {
    **{f"{part} too long": (longer(part), f"'{part}' are not of unit length") for part in ("pooled", "patches", "cls")},
    **{f"{part} not a number": (spoilt(part), f"'{part}' features are not finite") for part in ("pooled", "patches")},
    "one row too few": (lambda it: it[[0]], "rows of 'pooled' for 2 inputs"),
    "another dimension": (as_it_is({"pooled": torch.eye(2)}), "'pooled' has 2 dimensions, its embed_dim is 6"),
    "no patches": (as_it_is({"patches": None}), "has_patches is True, but encode_images gave no patches"),
    "a grid of others": (as_it_is({"grid": (2, 2)}), r"6 patches with the grid \(2, 2\)"),
    "no grid": (as_it_is({"grid": None}), "6 patches with the grid None"),
}
OF_TEXTS = {
    **{f"{part} too long": (longer(part), f"'{part}' are not of unit length") for part in ("pooled", "tokens")},
    **{f"{part} not a number": (spoilt(part), f"'{part}' features are not finite") for part in ("pooled", "tokens")},
    "one row too few": (lambda it: it[[0]], "rows of 'pooled' for 2 inputs"),
    "another dimension": (as_it_is({"pooled": torch.eye(2)}), "'pooled' has 2 dimensions, its embed_dim is 6"),
    "tokens without a mask": (as_it_is({"mask": None}), "gave no mask; give tokens, mask, token_strings, or none"),
    "a mask of numbers": (lambda it: replace(it, mask=it.mask.int()), "'mask' is torch.int32; bool is needed"),
    "a shorter context": (
        lambda it: replace(it, tokens=it.tokens[:, :4], mask=it.mask[:, :4], token_strings=it.token_strings[:, :4]),
        r"'tokens' of shape \(2, 4\); \[captions, context_length\] is \(2, 5\)",
    ),
}


@pytest.mark.parametrize("fault", OF_IMAGES)
def test_images_that_break_the_contract_are_refused(fault: str) -> None:
    change, message = OF_IMAGES[fault]
    encoder = Towers(images=change)
    check_image_features(encoder, Towers().encode_images([None] * 2), 2)
    with pytest.raises(InputError, match=f"^towers: .*{message}"):
        check_image_features(encoder, encoder.encode_images([None] * 2), 2)


@pytest.mark.parametrize("fault", OF_TEXTS)
def test_texts_that_break_the_contract_are_refused(fault: str) -> None:
    change, message = OF_TEXTS[fault]
    encoder = Towers(texts=change)
    check_text_features(encoder, Towers().encode_texts(["a", "b"]), 2)
    with pytest.raises(InputError, match=f"^towers: .*{message}"):
        check_text_features(encoder, encoder.encode_texts(["a", "b"]), 2)


def test_what_lies_beside_the_mask_may_have_any_length() -> None:
    encoder = Towers(texts=lambda it: replace(it, tokens=it.tokens * it.mask[..., None]))
    check_text_features(encoder, encoder.encode_texts(["a", "b"]), 2)


@given(st.floats(0.5, 2.0))
def test_the_tolerance_is_that_of_the_documentation(length: float) -> None:
    encoder = Towers(images=longer("pooled", length))
    if abs(length - 1) < 0.9 * NORM_TOLERANCE:
        check_image_features(encoder, encoder.encode_images([None]), 1)
    elif abs(length - 1) > 1.1 * NORM_TOLERANCE:
        with pytest.raises(InputError, match="unit length"):
            check_image_features(encoder, encoder.encode_images([None]), 1)


def items(folder: Path) -> list[Item]:
    refs = []
    for index, color in enumerate(("red", "blue")):
        Image.new("RGB", (20, 10), color).save(folder / f"{index}.png")
        refs.append(ImageRef(folder / f"{index}.png"))
    return [Item("one", tuple(refs), ("a red cube", "a blue cube"), np.eye(2, dtype=bool), "binding", "one")]


@pytest.mark.parametrize("cached", [False, True])
def test_an_encoder_that_forgets_to_normalise_gives_no_score(cached: bool, tmp_path: Path) -> None:
    """It gave other group scores than the normalised one without a word: each cosine had a factor of its own."""
    encoder = Towers(images=longer("pooled", 3.0))
    with pytest.raises(InputError, match="not of unit length"):
        evaluate(items(tmp_path), encoder, ["cosine"], progress=False, cache_dir=tmp_path / "c" if cached else None)


def test_pooled_texts_are_enough_for_scorers_of_pooled_features(tmp_path: Path) -> None:
    encoder = Towers(texts=lambda it: TextFeatures(it.texts, it.pooled))
    for cache_dir in (None, tmp_path / "cache", tmp_path / "cache"):  # encoded, stored, and read again
        results = evaluate(items(tmp_path), encoder, ["cosine", "random"], progress=False, cache_dir=cache_dir)
        assert np.isfinite(results.items[0].scores["cosine"]).all()


def test_a_scorer_of_text_tokens_is_refused_before_long_work(tmp_path: Path) -> None:
    encoder = Towers(texts=lambda it: TextFeatures(it.texts, it.pooled))
    spec = EvaluationSpec(tuple(items(tmp_path)), {}, ("cosine", "maxsim"))
    with pytest.raises(InputError, match="gives pooled text features alone, and this scorer reads text tokens"):
        try_scorers(spec, ModelRun("towers"), encoder)
    try_scorers(replace(spec, scorers=("cosine",)), ModelRun("towers"), encoder)


MODULE = """
import sys
sys.path.insert(0, {tests!r})
from test_feature_checks import Towers, longer
def good(options): return Towers()
def long(options): return Towers(texts=longer("tokens"))
def square(options):
    def refuse(features):
        raise RuntimeError("stack expects each tensor to be equal size")
    return Towers(images=refuse)
"""


def test_a_users_model_is_tried_when_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tried_model.py").write_text(MODULE.format(tests=str(Path(__file__).parent)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert load_encoder("tried_model:good").name == "towers"
    with pytest.raises(InputError, match=r"^tried_model:long: towers: .*'tokens' are not of unit length") as said:
        load_encoder("tried_model:long")
    assert "\n" not in str(said.value)
    with pytest.raises(InputError, match=r"^tried_model:square: encode_images, of pictures of 64 x 64 and 96 x 48 pi"):
        load_encoder("tried_model:square")


@pytest.mark.parametrize(("part", "kept"), [("patches", True), ("pooled", False), ("cls", False)])
def test_a_patch_of_which_nothing_is_left_is_no_error_and_a_picture_of_which_nothing_is_is_one(part, kept) -> None:
    """A patch of fourfold-tiny is 0 in one picture of fourfold-heads: its evaluation ended there."""

    def without_one(it: ImageFeatures) -> ImageFeatures:
        value = getattr(it, part).clone()
        value.reshape(-1, D)[0] = 0
        return replace(it, **{part: value})

    towers = Towers(images=without_one)
    features = towers.encode_images([Image.new("RGB", (8, 8))] * 2)
    if kept:
        check_image_features(towers, features, 2)
    else:
        with pytest.raises(InputError, match=f"'{part}' are not of unit length"):
            check_image_features(towers, features, 2)
