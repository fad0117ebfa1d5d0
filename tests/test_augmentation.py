"""Augmentation at encode time: copies differ a little, always alike, and training draws among them."""

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.training.augmentation import augmented, disturbed
from fourfold.evaluator.training.data import gather, prepare_data


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
        pooled = gather(data, np.arange(3), "cpu", rng).images.pooled
        for i, item in enumerate(plain.image_index):
            for k, row in enumerate(item):
                versions = [features.pooled[row] for features in (plain.images, *copies)]
                matches = [v for v, value in enumerate(versions) if torch.equal(value, pooled[i, k])]
                assert len(matches) == 1
                drawn.add(matches[0])
    assert drawn == {0, 1, 2}
    untouched = gather(data, np.arange(3), "cpu").images.pooled
    assert torch.equal(untouched[0], plain.images.pooled[plain.image_index[0]])
