"""Preprocessing in two steps gives to the bit what a library's own gives of each picture."""

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.pixels import finish, to_pixels

SIZES = [(224, 224), (300, 200), (64, 97)]


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in SIZES]


@pytest.mark.parametrize("model", ["fourfold-tiny", "ViT-B-32"])
def test_a_batch_finished_together_is_each_picture_preprocessed(model):
    preprocess = load_encoder(model, device="cpu", allow_random_weights=True).preprocess
    pixels = [to_pixels(preprocess, picture) for picture in pictures()]
    assert {each.dtype for each in pixels} == {torch.uint8}  # the step that costs is left for the device
    assert torch.equal(finish(preprocess, torch.stack(pixels)), torch.stack([preprocess(p) for p in pictures()]))


def test_a_preprocessing_of_another_kind_is_left_as_it_is():
    def own(picture: Image.Image) -> torch.Tensor:
        return torch.full((3, 2, 2), float(picture.width))

    pixels = [to_pixels(own, picture) for picture in pictures()]
    assert [float(each[0, 0, 0]) for each in pixels] == [width for width, _ in SIZES]
    assert torch.equal(finish(own, torch.stack(pixels)), torch.stack(pixels))
