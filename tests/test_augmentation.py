"""Augmentation at encode time: copies differ a little, always alike, and training draws among them."""

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.training.augmentation import augmented, disturbed
from fourfold.evaluator.training.data import prepare_data
from fourfold.evaluator.training.gathering import draw_versions, gather


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    pixels = np.full((96, 96, 3), 200, np.uint8)
    pixels[30:60, 10:40] = (200, 30, 30)
    return Image.fromarray(pixels)


def test_a_copy_is_the_same_picture_slightly_changed(picture) -> None:
    for seed in range(20):
        copy = disturbed(picture, np.random.default_rng(seed))
        assert copy.size == picture.size
        pixels = np.asarray(copy).astype(int)
        red = pixels[..., 0] - pixels[..., 1] > 80
        rows, columns = np.nonzero(red)
        assert abs(rows.mean() - 44.5) < 8
        assert abs(columns.mean() - 24.5) < 8  # still on the left: nothing is mirrored
        assert 0.8 < red.sum() / 900 < 1.2
        assert not np.array_equal(pixels, np.asarray(picture))


class Recorder:
    """An encoder that keeps what it is given."""

    name, identity, context_length, embed_dim, has_patches = "recorder", "recorder", 8, 4, False

    def encode_images(self, images):
        self.seen = images

    def encode_texts(self, texts):
        raise AssertionError("no text is asked for")


def test_a_version_of_a_picture_is_always_the_same_and_unlike_the_others(picture) -> None:
    seen = []
    for version, seed in ((1, 0), (1, 0), (2, 0), (1, 1)):
        recorder = Recorder()
        augmented(recorder, version, seed).encode_images([picture])
        seen.append(recorder.seen[0].tobytes())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    identities = {augmented(Recorder(), version, seed).identity for version in (1, 2) for seed in (0, 1)}
    assert len(identities | {"recorder"}) == 5


class Network:
    def prepare(self, texts):
        return {"pooled": texts.pooled}


def test_training_draws_among_versions_of_the_right_picture(generated) -> None:
    encoder = load_encoder("fourfold-tiny")
    items = load_items(generated, "test")[:3]
    plain = encode_items(encoder, items, None)
    copies = [encode_items(augmented(encoder, k, 0), items, None).images for k in (1, 2)]
    data = prepare_data(items, plain, Network(), copies)
    rng = np.random.default_rng(0)
    drawn = set()
    for _ in range(40):
        pooled = gather(data, np.arange(3), "cpu", draw_versions(data, np.arange(3), rng)).images.pooled
        for i, item in enumerate(plain.image_index):
            for k, row in enumerate(item):
                versions = [features.pooled[row] for features in (plain.images, *copies)]
                matches = [v for v, value in enumerate(versions) if torch.equal(value, pooled[i, k])]
                assert len(matches) == 1
                drawn.add(matches[0])
    assert drawn == {0, 1, 2}
    untouched = gather(data, np.arange(3), "cpu").images.pooled
    assert torch.equal(untouched[0], plain.images.pooled[plain.image_index[0]])


class Scripted:
    """Stands in for a random generator: gives what it is told, and notes between which bounds it was asked."""

    def __init__(self, *values: object) -> None:
        self.values, self.asked = list(values), []

    def uniform(self, low: float, high: float, size: int | None = None) -> object:
        self.asked.append((round(low, 6), round(high, 6), size))
        return np.array(self.values.pop(0)) if size else self.values.pop(0)

    def normal(self, mean: float, spread: float, size: tuple[int, ...]) -> np.ndarray:
        self.asked.append((mean, spread, size))
        return np.zeros(size)


UNCHANGED = (0.0, 1.0, (0.0, 0.0), 1.0, 1.0)  # turn, zoom, shift, brightness, contrast


def test_disturbances_stay_within_the_bounds_that_leave_captions_true(picture) -> None:
    rng = Scripted(*UNCHANGED)
    assert np.array_equal(np.asarray(disturbed(picture, rng)), np.asarray(picture))
    assert rng.asked == [
        (-4, 4, None),  # degrees
        (0.95, 1.05, None),
        (-0.03, 0.03, 2),
        (0.85, 1.15, None),
        (0.85, 1.15, None),
        (0, 6, (96, 96, 3)),
    ]


def red_part(image: Image.Image) -> tuple[float, float, int]:
    """Mean row, mean column and number of red pixels."""
    pixels = np.asarray(image).astype(int)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1] > 80)
    return rows.mean(), columns.mean(), len(rows)


@pytest.mark.parametrize(
    ("changed", "row", "column", "size"),
    [
        ({2: (0.25, 0.0)}, 44.5, 48.5, 900),  # a quarter of 96 pixels to the right
        ({2: (0.0, 0.25)}, 68.5, 24.5, 900),  # down
        ({0: 90.0}, 24.5, 50.5, 900),  # a quarter turn, so that top and side exchange
        ({1: 1.2}, 43.8, 19.8, 1296),  # larger, about the middle
    ],
)
def test_turn_shift_and_zoom_are_about_the_middle_of_the_picture(picture, changed, row, column, size) -> None:
    found = red_part(disturbed(picture, Scripted(*(changed.get(i, value) for i, value in enumerate(UNCHANGED)))))
    assert found[:2] == pytest.approx((row, column), abs=0.6)
    assert found[2] == pytest.approx(size, rel=0.06)
