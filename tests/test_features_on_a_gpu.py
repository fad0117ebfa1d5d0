"""Features stay on the device that made them, and every scorer goes there; memory that runs out loses nothing."""

import io
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.batches import SmallerBatches
from fourfold.evaluator.encoders.contract import TINY
from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.features import pictures, table
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.features.store import FeatureStore
from fourfold.evaluator.features.writing import Writer
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import SCORERS, WRAPPERS, load_scorer
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring.head_files import Head, save_head
from tests.elsewhere import DEVICE, Elsewhere, Tensor
from tests.test_scorers import CAPTIONS, WordEncoder, context

__all__ = ["context"]  # a fixture
# `crop-align` opens pictures, which these items do not have, and keeps what it makes of them on the CPU.
NAMES = [*sorted({*SCORERS} - {"crop-align"}), *(f"{wrapper}:dcsm" for wrapper in WRAPPERS)]


@pytest.fixture(scope="module")
def heads(context, tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    torch.manual_seed(0)
    for name, kind in HEADS.items():
        sizes = kind.configure(context.encoder, context.encoded.images)
        weights = kind.build(sizes, context.encoder).state_dict()
        head = Head(name, sizes, context.encoder.name, context.encoder.identity, weights)
        save_head(head, folder / f"{name}.safetensors")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_scorer_scores_features_on_another_device_as_on_the_cpu(name, context, heads):
    here = replace(context, head=heads)
    expected = score_items(here.items, here.encoded, {name: load_scorer(name, here)})[name]
    with Elsewhere():
        moved = replace(here.encoded, images=here.encoded.images.to(DEVICE), texts=here.encoded.texts.to(DEVICE))
        assert isinstance(moved.images.patches, Tensor)
        there = replace(here, encoded=moved)
        found = score_items(there.items, moved, {name: load_scorer(name, there)})[name]
    np.testing.assert_allclose(np.stack(found), np.stack(expected), atol=1e-5)


def test_the_other_device_refuses_what_a_gpu_refuses():
    with Elsewhere():
        there, here = torch.ones(2).to(DEVICE), torch.ones(2)
        assert there.device == DEVICE
        assert torch.equal(there.cpu(), here)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="same device"):
            torch.where(there > 0, there, here)
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()


@pytest.mark.parametrize("room", [True, False])
def test_features_stay_where_they_were_made_if_there_is_room(room, monkeypatch, context):
    asked = []

    def home(device, n_bytes):
        asked.append((device, n_bytes))
        return DEVICE if room else torch.device("cpu")

    monkeypatch.setattr(table, "home_of_features", home)
    with Elsewhere():
        texts = table.Table(4, None, on_device=True)
        for key, value in (("b", 98.0), ("a", 97.0)):
            encoded = table.Encoded({"pooled": torch.full((1, 3), value).to(DEVICE)}, [None])
            texts.add([key], lambda keys, encoded=encoded: encoded)
        pooled = texts.values()["pooled"]
        assert isinstance(pooled, Tensor) == room
        assert pooled.cpu().tolist() == [[98.0] * 3, [97.0] * 3]
    assert asked == [(DEVICE, 4 * 3 * 4)]


def make_item(n):
    images = []
    for shade in range(n):
        image = Image.new("RGB", (16, 16), (shade * 9, 255 - shade * 9, 40))
        images.append(ImageRef(f"{shade}.png", data=png(image)))
    captions = tuple(f"{caption} {i}" for i in range(3) for caption in CAPTIONS)
    return Item("one", tuple(images), captions, np.ones((n, len(captions)), dtype=bool), "binding", "one")


def png(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def tiny():
    return load_encoder(TINY, device="cpu")


def limited(tower, largest, left=10**9):
    """A tower on a device where batches up to `largest` fit, and nothing after `left` of them."""
    passes = []

    def run(given):
        passes.append(len(given))
        if len(given) > largest or len(passes) > left:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return tower(given)

    return run


def test_batches_that_do_not_fit_are_halved_and_said_once(tiny):
    small = replace(tiny, image_tower=limited(tiny.image_tower, 5), text_tower=limited(tiny.text_tower, 3))
    with pytest.warns(SmallerBatches) as said:
        found = encode_items(small, [make_item(24)])
    expected = encode_items(tiny, [make_item(24)])
    torch.testing.assert_close(found.images.patches, expected.images.patches, atol=5e-4, rtol=0)
    torch.testing.assert_close(found.texts.pooled, expected.texts.pooled, atol=1e-5, rtol=0)
    assert found.images.keys.tolist() == expected.images.keys.tolist()
    assert len(said) <= 5  # 24, 12, 6 pictures and 12, 6 captions


@pytest.mark.filterwarnings("ignore::fourfold.evaluator.encoders.batches.SmallerBatches")
@pytest.mark.parametrize("batch_size", [4, "auto"])
def test_without_memory_one_line_is_said_and_the_run_resumes(tiny, tmp_path, monkeypatch, batch_size):
    monkeypatch.setattr(pictures, "IMAGES_AT_ONCE", 4)
    item, full = make_item(12), replace(tiny, batch_size=batch_size)
    with pytest.raises(InputError) as refused:
        encode_items(replace(full, image_tower=limited(tiny.image_tower, 4, left=2)), [item], tmp_path)
    said = str(refused.value)
    assert "\n" not in said
    assert all(word in said for word in ("out of memory on cpu", "--batch-size", "--dtype", "--device cpu", "resumes"))
    fresh = []

    def watched(pixels):
        fresh.append(len(pixels))
        return tiny.image_tower(pixels)

    found = encode_items(replace(full, image_tower=watched), [item], tmp_path)
    assert sum(fresh) == 4  # of 12: two chunks of 4 were kept
    assert torch.equal(found.images.pooled, encode_items(full, [item]).images.pooled)


class OneBuffer(WordEncoder):
    """A user's encoder that gives the same memory again and again."""

    has_patches = False

    def __init__(self):
        self.buffer = torch.zeros(4, 16)

    def encode_images(self, images):
        self.buffer.zero_()
        for row, image in enumerate(images):
            self.buffer[row, image.getpixel((0, 0))[0] % 16] = 1
        return ImageFeatures(np.array([pixel_hash(image) for image in images]), self.buffer[: len(images)])


def test_features_are_stored_as_they_were_although_their_memory_is_used_again(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "IMAGES_AT_ONCE", 4)
    item = make_item(12)
    first = encode_items(OneBuffer(), [item], tmp_path).images.pooled
    assert torch.equal(encode_items(OneBuffer(), [item], tmp_path).images.pooled, first)
    assert len(first.unique(dim=0)) > 4


def break_off(store):
    """Give a slow store three rows, and stop."""
    with Writer(store) as writer:
        for key in "abc":
            writer.save([key], {"pooled": torch.full((1, 2), float(ord(key)))}, [None])
        assert {*writer.load(["a", "b", "c", "d"])} == {"a", "b", "c"}
        raise KeyboardInterrupt


def test_what_was_given_is_stored_although_the_run_breaks_off(tmp_path, monkeypatch):
    store = FeatureStore(tmp_path, "model", "images", 10**9)
    save = store.save_columns

    def slowly(*given):
        time.sleep(0.05)
        save(*given)

    monkeypatch.setattr(store, "save_columns", slowly)
    with pytest.raises(KeyboardInterrupt):
        break_off(store)
    found = FeatureStore(tmp_path, "model", "images", 10**9).load(["a", "b", "c"])
    assert {key: row.tensors["pooled"][0].item() for key, row in found.items()} == {"a": 97, "b": 98, "c": 99}
