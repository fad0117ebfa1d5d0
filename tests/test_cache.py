"""Every distinct picture and caption is encoded once, and what the cache gives back is what was encoded."""

import io
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image, pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.towers import TruncatedCaptions
from fourfold.evaluator.features import pictures
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.features.store import SUFFIX, FeatureStore, Row

DIM, LENGTH = 6, 5


@dataclass
class CountingEncoder:
    """A stand-in whose features are a fixed function of the pixels and the characters, and that counts its work."""

    name: str = "counting"
    identity: str = "counting-1"
    context_length: int = LENGTH
    embed_dim: int = DIM
    has_patches: bool = True
    dtype: str = "float32"
    images: list = field(default_factory=list)
    texts: list = field(default_factory=list)

    def encode_images(self, images):
        self.images += images
        means = torch.tensor([[np.asarray(image).mean() + 1, image.width] for image in images])
        pooled = functional.normalize(
            torch.cos(means.sum(dim=1, keepdim=True) * torch.arange(1, DIM + 1)), dim=-1
        ).float()
        patches = functional.normalize(pooled[:, None] + torch.arange(4)[:, None], dim=-1)
        return ImageFeatures(np.array(["?"] * len(images)), pooled, patches, pooled, (2, 2))

    def encode_texts(self, texts):
        self.texts += texts
        words = [text.split() for text in texts]
        mask = torch.tensor([[i < len(row) for i in range(LENGTH)] for row in words])
        token_strings = np.array([[row[i] + "</w>" if i < len(row) else "" for i in range(LENGTH)] for row in words])
        codes = torch.tensor([[sum(text.encode()) % 97 + 0.5] for text in texts])  # no vector of zeros
        pooled = functional.normalize(torch.sin(codes * torch.arange(1, DIM + 1)), dim=-1)
        tokens = functional.normalize(pooled[:, None] + torch.arange(LENGTH)[:, None], dim=-1)
        truncated = torch.tensor([len(row) > LENGTH for row in words])
        return TextFeatures(np.array(texts), pooled, tokens, mask, token_strings, truncated)


def write_picture(path: Path, value: int, size: tuple[int, int] = (8, 6)) -> ImageRef:
    Image.new("RGB", size, (value, 0, 255 - value)).save(path)
    return ImageRef(path)


def make_item(images: list[ImageRef], captions: list[str]) -> Item:
    return Item("i", tuple(images), tuple(captions), np.ones((len(images), len(captions)), dtype=bool), "c", "g")


@pytest.fixture
def items(tmp_path):
    a, b = write_picture(tmp_path / "a.png", 10), write_picture(tmp_path / "b.png", 200)
    same_as_a = write_picture(tmp_path / "copy.bmp", 10)
    return [make_item([a, b], ["a red cube", "a blue cube"]), make_item([same_as_a], ["a blue cube", "no"])]


def assert_same(first, second):
    for name in ("pooled", "patches", "cls"):
        assert torch.equal(getattr(first.images, name), getattr(second.images, name))
    for name in ("pooled", "tokens", "mask", "truncated"):
        assert torch.equal(getattr(first.texts, name), getattr(second.texts, name))
    assert np.array_equal(first.texts.token_strings, second.texts.token_strings)
    assert np.array_equal(first.images.keys, second.images.keys)
    assert first.images.grid == second.images.grid == (2, 2)
    assert [index.tolist() for index in first.image_index] == [index.tolist() for index in second.image_index]


def test_each_distinct_picture_and_caption_is_encoded_once(items):
    encoder = CountingEncoder()
    encoded = encode_items(encoder, items)
    assert (len(encoder.images), len(encoder.texts)) == (2, 3)
    assert [index.tolist() for index in encoded.image_index] == [[0, 1], [0]]
    assert [index.tolist() for index in encoded.text_index] == [[0, 1], [1, 2]]
    assert encoded.texts.texts.tolist() == ["a red cube", "a blue cube", "no"]
    assert encoded.texts.token_strings[2].tolist() == ["no</w>", "", "", "", ""]


def test_features_are_the_encoders_with_dense_ones_rounded_to_half_precision(items):
    encoded = encode_items(CountingEncoder(), items)
    direct = CountingEncoder().encode_images([Image.open(ref.path) for ref in items[0].images])
    assert torch.equal(encoded.images.pooled, direct.pooled)
    assert torch.equal(encoded.images.patches, direct.patches.half().float())
    assert encoded.images.patches.dtype == torch.float32
    assert (encoded.images.patches - direct.patches).abs().max() < 2**-11


def test_a_second_run_encodes_nothing_and_gives_the_same(items, tmp_path):
    first = encode_items(CountingEncoder(), items, tmp_path / "cache")
    encoder = CountingEncoder()
    second = encode_items(encoder, items, tmp_path / "cache")
    assert (encoder.images, encoder.texts) == ([], [])
    assert_same(first, second)
    assert_same(first, encode_items(CountingEncoder(), items))


def test_only_what_is_new_is_encoded(items, tmp_path):
    encode_items(CountingEncoder(), items[:1], tmp_path / "cache")
    encoder = CountingEncoder()
    grown = encode_items(encoder, items, tmp_path / "cache")
    assert (len(encoder.images), encoder.texts) == (0, ["no"])
    assert_same(grown, encode_items(CountingEncoder(), items))


@pytest.mark.parametrize("change", [{"identity": "counting-2"}, {"dtype": "bfloat16"}])
def test_another_model_or_precision_shares_nothing(items, tmp_path, change):
    encode_items(CountingEncoder(), items, tmp_path / "cache")
    encoder = CountingEncoder(**change)
    encode_items(encoder, items, tmp_path / "cache")
    assert len(encoder.images) == 2


def stored(cache: Path) -> list[Path]:
    return sorted(cache.rglob(f"*{SUFFIX}"))


@settings(max_examples=25, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_any_damage_is_found_and_encoded_again(tmp_path_factory, where, flip, cut):
    folder = tmp_path_factory.mktemp("damage")
    items = [make_item([write_picture(folder / f"{i}.png", 20 * i) for i in range(3)], ["a", "b c"])]
    whole = encode_items(CountingEncoder(), items, folder / "cache")
    for path in stored(folder / "cache"):
        content = bytearray(path.read_bytes())
        at = int(where * len(content))
        content[at] ^= flip
        path.write_bytes(content[:at] if cut else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether the damage matters depends on where it is
        assert_same(whole, encode_items(CountingEncoder(), items, folder / "cache"))
        encoder = CountingEncoder()
        assert_same(whole, encode_items(encoder, items, folder / "cache"))
    assert (encoder.images, encoder.texts) == ([], [])


def test_damage_is_said(items, tmp_path):
    encode_items(CountingEncoder(), items, tmp_path / "cache")
    for path in stored(tmp_path / "cache"):
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(UserWarning, match="is damaged"):
        encode_items(CountingEncoder(), items, tmp_path / "cache")


def test_files_longest_unused_go_first_and_strangers_files_stay(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not ours")
    row = Row({"pooled": torch.arange(1000.0)}, None)
    shards = FeatureStore(tmp_path, "model", "images", max_bytes=14_000)
    for age, key in [(300, "old"), (100, "new"), (200, "middle")]:
        shards.save({key: row})
        newest = max(stored(tmp_path), key=lambda path: path.stat().st_ctime_ns)
        os.utime(newest, (newest.stat().st_mtime - age,) * 2)
    shards.load(["old"])
    shards.save({"last": row})
    again = FeatureStore(tmp_path, "model", "images", max_bytes=14_000)
    assert set(again.load(["old", "new", "middle", "last"])) == {"old", "new", "last"}
    assert (tmp_path / "model.safetensors").read_bytes() == b"not ours"


def test_a_file_removed_by_another_process_is_encoded_again(tmp_path):
    shards = FeatureStore(tmp_path, "model", "images", max_bytes=10**9)
    shards.save({"a": Row({"pooled": torch.ones(3)}, {"grid": [1, 2]})})
    [path] = stored(tmp_path)
    path.unlink()
    assert shards.load(["a"]) == {}


def work_in(cache: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        shards = FeatureStore(Path(cache), "model", "images", max_bytes=40_000)
        wanted = [str(key) for key in rng.choice(40, size=8, replace=False)]
        rows = shards.load(wanted)
        for key, row in rows.items():
            if not torch.equal(row.tensors["pooled"], torch.full((100,), float(key))):
                raise RuntimeError(f"row {key} is not what was stored")
        shards.save(
            {key: Row({"pooled": torch.full((100,), float(key))}) for key in wanted if key not in rows}
            or {"0": Row({"pooled": torch.zeros(100)})}
        )


def test_two_processes_share_a_folder_that_is_always_full(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work_in, args=(str(tmp_path), seed)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == stored(tmp_path)  # nothing aside


def test_a_folder_that_cannot_be_written_is_said(items, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot keep features there"):
        encode_items(CountingEncoder(), items, tmp_path / "file")


@dataclass
class PreparingEncoder(CountingEncoder):
    """The stand-in with pictures made ready ahead; `wait` is called before each pass."""

    prepared: list = field(default_factory=list)
    wait: Callable[[], object] = lambda: None

    def prepare(self, image):
        self.prepared.append(pixel_hash(image))
        return torch.from_numpy(np.array(image))

    def encode_prepared(self, pixels, keys):
        self.wait()
        images = [Image.fromarray(each.numpy()) for each in pixels]
        assert list(keys) == [pixel_hash(image) for image in images]
        return self.encode_images(images)


def test_pictures_made_ready_ahead_give_the_same_features(items):
    assert_same(encode_items(CountingEncoder(), items), encode_items(PreparingEncoder(), items))


def test_while_pictures_are_encoded_the_next_ones_are_made_ready(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "IMAGES_AT_ONCE", 2)
    item = make_item([write_picture(tmp_path / f"{n}.png", n) for n in range(6)], ["a", "b"])
    encoder, enough = PreparingEncoder(), iter((4, 6, 6))

    def wait():
        least, end = next(enough), time.monotonic() + 30
        while len(encoder.prepared) < least:
            assert time.monotonic() < end, f"{len(encoder.prepared)} pictures are ready, {least} were to be"
            time.sleep(0.001)

    encoder.wait = wait
    assert len(encode_items(encoder, [item]).images) == 6


def test_pictures_in_the_cache_are_not_made_ready_and_damaged_ones_are(items, tmp_path):
    first, again = PreparingEncoder(), PreparingEncoder()
    before = encode_items(first, items, tmp_path)
    assert {*first.prepared} == {*before.images.keys.tolist()}
    encode_items(again, items, tmp_path)
    assert again.prepared == again.images == []
    for path in tmp_path.glob(f"*/images/*{SUFFIX}"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    with pytest.warns(UserWarning, match="damaged"):
        after = encode_items(again, items, tmp_path)
    assert {*again.prepared} == {*first.prepared}
    assert_same(after, before)


def test_truncated_captions_are_warned_of_once_also_from_the_cache(items, tmp_path):
    long = make_item(list(items[0].images), ["one two three four five six", "1 2 3 4 5 6 7", "short"])
    for _ in range(2):
        with pytest.warns(TruncatedCaptions, match="2 captions are longer than the model's 5 text positions") as caught:
            encoded = encode_items(CountingEncoder(), [long], tmp_path / "cache")
        assert len(caught) == 1
    assert encoded.texts.truncated.tolist() == [True, True, False]


def test_features_that_are_not_finite_are_refused(items):
    class Broken(CountingEncoder):
        def encode_texts(self, texts):
            features = super().encode_texts(texts)
            features.pooled[0, 0] = float("nan")
            return features

    with pytest.raises(InputError, match="'pooled' features are not finite"):
        encode_items(Broken(), items)


def test_a_model_without_patches_is_cached_too(items, tmp_path):
    class Pooled(CountingEncoder):
        def encode_images(self, images):
            features = super().encode_images(images)
            return ImageFeatures(features.keys, features.pooled)

    for _ in range(2):
        images = encode_items(Pooled(has_patches=False), items, tmp_path / "cache").images
        assert images.patches is images.cls is images.grid is None


def test_boxes_and_bytes_are_pictures_of_their_own(tmp_path):
    picture = Image.new("RGB", (8, 6), "red")
    picture.paste("blue", (0, 0, 4, 6))
    picture.save(tmp_path / "halves.png")
    data = io.BytesIO()
    Image.new("RGB", (4, 6), "blue").save(data, "PNG")
    left = ImageRef(tmp_path / "halves.png", box=(0, 0, 4, 6))
    right = ImageRef(tmp_path / "halves.png", box=(4, 0, 8, 6))
    encoded = encode_items(
        CountingEncoder(), [make_item([left, right, ImageRef(Path("row 3"), data=data.getvalue())], ["a"])]
    )
    assert encoded.image_index[0].tolist() == [0, 1, 0]


def test_a_box_beyond_the_edge_is_filled_with_black(tmp_path):
    """As Pillow's crop does in ARO's own code; some of Visual Genome's boxes reach there."""
    ref = write_picture(tmp_path / "picture.png", 200)
    pixels = np.asarray(open_image(ImageRef(ref.path, box=(-2, 1, 10, 6))))
    assert pixels.shape == (5, 12, 3)
    assert (pixels[:, 2:10] == (200, 0, 55)).all()
    assert not pixels[:, :2].any()
    assert not pixels[:, 10:].any()


def test_progress_counts_to_the_end(items):
    seen = []
    encode_items(CountingEncoder(), items, progress=lambda *what: seen.append(what))
    assert seen[-1] == ("texts", 3, 3)
    assert ("images", 3, 3) in seen


def broken_picture(path: Path) -> ImageRef:
    Image.effect_noise((64, 64), 50).convert("RGB").save(path, "PNG")
    path.write_bytes(path.read_bytes()[:3000])
    return ImageRef(path)


def huge_picture(path: Path) -> ImageRef:
    Image.new("1", (20_000, 20_000)).save(path, "PNG")
    return ImageRef(path)


def deep_picture(path: Path) -> ImageRef:
    Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16)).save(path, "PNG")
    return ImageRef(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (broken_picture, "broken or not an image"),
        (huge_picture, "more than 80000000 pixels"),
        (deep_picture, "convert it to 8 bits"),
        (lambda path: ImageRef(path), "no such image"),
        (lambda path: ImageRef(path, data=b"nothing"), "broken or not an image"),
        (lambda path: ImageRef(path, data=b"P6 5x0 4 255 "), "broken or not an image"),
        (lambda path: ImageRef(write_picture(path, 1).path, box=(90, 0, 99, 6)), r"box \(90, 0, 99, 6\) does not fit"),
        (lambda path: ImageRef(write_picture(path, 1).path, box=(5, 0, 5, 6)), r"box \(5, 0, 5, 6\) does not fit"),
        (lambda path: ImageRef(write_picture(path, 1).path, box=(0, 0, 10**9, 6)), "does not fit"),
    ],
)
def test_pictures_that_cannot_be_read_are_named(tmp_path, make, message):
    ref = make(tmp_path / "picture.png")
    with pytest.raises(InputError, match=message) as error:
        encode_items(CountingEncoder(), [make_item([ref], ["a"])])
    assert str(ref.path) in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_encode_is_said():
    with pytest.raises(InputError, match="nothing to encode"):
        encode_items(CountingEncoder(), [])


def test_the_name_of_a_picture_is_the_one_that_caches_know():
    """The size belongs to it: the same bytes in two rows or in three are two pictures. A grey one is its RGB."""
    values = np.arange(18, dtype=np.uint8)
    wide, tall = (Image.fromarray(values.reshape(*shape, 3)) for shape in ((2, 3), (3, 2)))
    assert pixel_hash(wide) == "9f01d7501380f8d0b0f25a926f00ba9d"
    assert pixel_hash(tall) == "43e74a109ae56fd65e442c6603eece41"
    grey = Image.new("L", (4, 2), 7)
    assert pixel_hash(grey) == pixel_hash(grey.convert("RGB")) != pixel_hash(Image.new("RGB", (4, 2), (7, 7, 8)))


def test_stored_rows_are_found_where_earlier_versions_put_them(tmp_path):
    """Folder, file name and checksum are the format: another one would encode every cache again, or read wrong rows."""
    row = Row({"pooled": torch.tensor([1.0, 2.0]), "patches": torch.tensor([[0.5]]).half()}, [7, 7])
    FeatureStore(tmp_path, "model float32", "images", 10**9).save({"k": row})
    [path] = stored(tmp_path)
    assert path.relative_to(tmp_path).parts == (
        "3f0d8ec5583b626c94837381ad3787c6",
        "images",
        "8254c329a92850f6d539dd376f4816ee.features.safetensors",
    )
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["rows"]) == [["k", 2522809308, [7, 7]]]
        assert {name: file.get_tensor(name).dtype for name in file.keys()} == {  # noqa: SIM118 - not a dict
            "pooled": torch.float32,
            "patches": torch.float16,
        }
    again = FeatureStore(tmp_path, "model float32", "images", 10**9).load(["k", "other"])
    assert list(again) == ["k"]
    assert torch.equal(again["k"].tensors["patches"], row.tensors["patches"])
    for model, kind in (("model float32", "texts"), ("model float16", "images")):
        assert FeatureStore(tmp_path, model, kind, 10**9).load(["k"]) == {}


def test_a_row_is_checked_against_its_own_key_and_note(tmp_path):
    """Two rows of a file that change places are damage as much as a flipped bit."""
    store = FeatureStore(tmp_path, "model", "images", 10**9)
    store.save({key: Row({"pooled": torch.ones(2)}, key) for key in ("a", "b")})
    [path] = stored(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'[[\\"a\\"', b'[[\\"c\\"'))
    with pytest.warns(UserWarning, match="checksum of row 0 does not fit"):
        assert FeatureStore(tmp_path, "model", "images", 10**9).load(["c"]) == {}
    assert not path.exists()


def test_what_is_encoded_is_stored_in_half_precision_where_it_is_dense_and_whole_where_it_is_pooled(items, tmp_path):
    encode_items(CountingEncoder(), items, tmp_path)
    found = {}
    for path in stored(tmp_path):
        with safe_open(path, framework="pt") as file:
            found |= {(path.parent.name, name): file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
    half, whole, truth = torch.float16, torch.float32, torch.bool
    assert found == {
        ("images", "pooled"): whole,
        ("images", "cls"): whole,
        ("images", "patches"): half,
        ("texts", "pooled"): whole,
        ("texts", "tokens"): half,
        ("texts", "mask"): truth,
        ("texts", "truncated"): truth,
    }
