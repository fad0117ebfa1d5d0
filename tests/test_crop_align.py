"""Crops cover a picture, and a segment is scored by the crop that shows it best."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.crops import crop_boxes
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.evaluation import evaluate
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.crop_align import CROPS

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColorEncoder:
    """A picture is its mean color, a text the sum of the colors that it names: a part shows what the whole mixes."""

    name, identity, context_length, embed_dim, has_patches = "colors", "colors-1", 8, 3, True

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def encode_images(self, images):
        self.sizes += [image.size for image in images]
        means = torch.tensor(np.array([np.asarray(image).reshape(-1, 3).mean(0) for image in images]))
        pooled = normalize(means.float() + 1e-3, dim=-1)
        return ImageFeatures(np.array([pixel_hash(i) for i in images]), pooled, pooled[:, None], pooled, (1, 1))

    def encode_texts(self, texts):
        named = [[COLORS[word] for word in text.split() if word in COLORS] or [(1, 1, 1)] for text in texts]
        pooled = torch.stack([normalize(torch.tensor(rows).float().sum(0), dim=-1) for rows in named])
        return TextFeatures(np.array(texts), pooled)


def picture(path: Path, left: str, right: str, size: tuple[int, int] = (40, 30)) -> ImageRef:
    image = Image.new("RGB", size, COLORS[left])
    image.paste(COLORS[right], (size[0] // 2, 0, *size))
    image.save(path)
    return ImageRef(path)


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    refs = (picture(tmp_path / "a.png", "red", "green"), picture(tmp_path / "b.png", "blue", "green"))
    captions = ("a red cube and a green ball", "a blue cube and a green ball", "a photo")
    return [Item("i", refs, captions, np.array([[1, 0, 0], [0, 1, 0]], bool), "content", "i")]


def context_of(items, encoder, cache=None) -> ScorerContext:
    return ScorerContext(encoder, items, encode_items(encoder, items), cache_dir=cache)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(2, 5))
def test_crops_are_of_half_a_side_lie_inside_and_cover_the_picture(width, height, n):
    boxes = crop_boxes(width, height, n)
    assert len(boxes) == n * n
    seen = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert (right - left, bottom - top) == ((width + 1) // 2, (height + 1) // 2)
        seen[top:bottom, left:right] = True
    assert seen.all()


def test_a_phrase_is_scored_by_the_crop_that_shows_it(items):
    context = context_of(items, ColorEncoder())
    images, texts = context.encoded.images, context.encoded.texts
    scores = load_scorer("crop-align", context)(images, texts)
    cosines = load_scorer("cosine", context)(images, texts)
    # Both phrases of a true caption have a crop of their color alone, beside the whole caption's cosine.
    assert scores[0, 0] == pytest.approx(float(cosines[0, 0] + 2) / 3, abs=1e-4)
    assert scores[0, 1] < scores[0, 0]
    assert torch.equal(scores[:, 2], cosines[:, 2])  # no phrase: the cosine


def test_a_pair_is_scored_the_same_in_any_company(items):
    context = context_of(items, ColorEncoder())
    images, texts = context.encoded.images, context.encoded.texts
    scorer = load_scorer("crop-align", context)
    everything = scorer(images, texts)
    for image in range(2):
        for text in range(3):
            alone = scorer(images[[image]], texts[[text]])
            torch.testing.assert_close(alone[0, 0], everything[image, text], atol=1e-6, rtol=0)


def test_crops_are_encoded_once_and_kept(items, tmp_path):
    first, second = ColorEncoder(), ColorEncoder()
    for encoder in (first, second):
        evaluate(items, encoder, ["cosine", "crop-align"], cache_dir=tmp_path / "cache", progress=False, replicates=10)
    assert second.sizes == []
    assert first.sizes.count((40, 30)) == 2
    assert 0 < first.sizes.count((20, 15)) <= 2 * CROPS**2  # those of the same pixels once


def test_a_part_of_a_file_is_cut_into_crops_of_that_part(tmp_path):
    whole = picture(tmp_path / "wide.png", "red", "green", (80, 40))
    boxed = replace(whole, box=(40, 0, 80, 40))  # the green half
    item = Item("i", (boxed,), ("a red cube",), np.array([[True]]), "c", "i")
    encoder = ColorEncoder()
    context = context_of([item], encoder)
    scorer = load_scorer("crop-align", context)
    assert float(scorer(context.encoded.images, context.encoded.texts)[0, 0]) < 0.1  # no red in any crop
    assert {*encoder.sizes} == {(40, 40), (20, 20)}


def test_a_picture_of_another_set_is_refused(items, tmp_path):
    context = context_of(items, ColorEncoder())
    other = picture(tmp_path / "c.png", "red", "blue")
    stranger = replace(items[0], images=(other,), truth=items[0].truth[:1])
    images = encode_items(ColorEncoder(), [stranger]).images
    with pytest.raises(InputError, match=r"crop-align: picture '.*' is none of the items"):
        load_scorer("crop-align", context)(images, context.encoded.texts)
