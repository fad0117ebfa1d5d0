"""Encode every distinct picture and caption of a set once, and keep the features on disk for the next scorer."""

import hashlib
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image, pixel_hash
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder, PreparingEncoder
from fourfold.evaluator.encoders.feature_checks import check_image_features, check_text_features
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.towers import TruncatedCaptions, warn_of_truncation
from fourfold.evaluator.features.store import FeatureStore, Row

MAX_BYTES = 20 * 2**30
IMAGES_AT_ONCE = 128  # opened pictures wait in memory
TEXTS_AT_ONCE = 1024

Progress = Callable[[str, int, int], None]  # ("images" or "texts", done, of how many)


@dataclass(frozen=True)
class EncodedSet:
    """The features of a set of items, each distinct picture and caption once, and where each item finds its own."""

    images: ImageFeatures  # [N]
    texts: TextFeatures  # [M]
    image_index: list[np.ndarray]  # per item [k]: rows of `images`
    text_index: list[np.ndarray]  # per item [m]: rows of `texts`


def encode_items(
    encoder: Encoder,
    items: Sequence[Item],
    cache_dir: Path | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> EncodedSet:
    """Features of all pictures and captions of `items`, from the cache folder where they are there already.

    Pictures are the same if their pixels are, captions if their characters are. Patch and text tokens are rounded to
    float16, the precision they are stored with, whether a cache is used or not, so that it cannot change a score;
    pooled features and class tokens keep float32. All come back as float32.

    Raises InputError for a picture that cannot be read and for features that break the contract; warns
    `TruncatedCaptions` once, with their number, for captions longer than the context.
    """
    if not any(item.images for item in items) or not any(item.captions for item in items):
        raise InputError("nothing to encode: the items hold no image, or no caption")
    images, image_rows = _encode_images(encoder, items, open_store(encoder, "images", cache_dir, max_bytes), progress)
    captions = list(dict.fromkeys(caption for item in items for caption in item.captions))
    texts = encode_texts(encoder, captions, open_store(encoder, "texts", cache_dir, max_bytes), progress)
    text_rows = {caption: row for row, caption in enumerate(captions)}
    warn_of_truncation(texts.truncated, encoder.context_length)
    return EncodedSet(
        images=images,
        texts=texts,
        image_index=[np.array([image_rows[ref] for ref in item.images], dtype=np.int64) for item in items],
        text_index=[np.array([text_rows[caption] for caption in item.captions], dtype=np.int64) for item in items],
    )


@contextmanager
def encoding_bar(shown: bool) -> Iterator[Progress]:
    """A progress bar to hand to `encode_items`, silent where nobody watches (no terminal), or altogether."""
    with tqdm(desc="encoding", disable=None if shown else True) as bar:

        def advance(kind: str, done: int, total: int) -> None:
            bar.set_description(f"encoding {kind}", refresh=False)
            bar.total, bar.n = total, done
            bar.refresh()

        yield advance


def join_encoded(parts: Sequence[EncodedSet]) -> EncodedSet:
    """The features of several sets of one model as those of all their items together, each picture and caption once."""
    images, image_index = _join([part.images for part in parts], [part.image_index for part in parts], "keys")
    texts, text_index = _join([part.texts for part in parts], [part.text_index for part in parts], "texts")
    return EncodedSet(images, texts, image_index, text_index)


def _join(features: Sequence[Any], indices: Sequence[list[np.ndarray]], name: str) -> tuple[Any, list[np.ndarray]]:
    """Features of one side, and the indices into them; the first of equal rows (by the field `name`) is kept."""
    keys = np.concatenate([getattr(each, name) for each in features])
    row_of = {key: row for row, key in reversed(list(enumerate(keys.tolist())))}
    kept = np.array(sorted(row_of.values()), dtype=np.int64)
    place = np.searchsorted(kept, [row_of[key] for key in keys.tolist()])  # of each row before joining
    starts = np.cumsum([0, *(len(each) for each in features)])
    joined = [place[start + rows] for start, index in zip(starts, indices, strict=False) for rows in index]
    together = {
        field.name: _concatenate([getattr(each, field.name) for each in features]) for field in fields(features[0])
    }
    return replace(features[0], **together)[kept], joined


def _concatenate(values: Sequence[Any]) -> Any:
    """Arrays or tensors one after another; what all parts share, like a grid, or lack, as it is."""
    if isinstance(values[0], torch.Tensor):
        return torch.cat(list(values))
    return np.concatenate(values) if isinstance(values[0], np.ndarray) else values[0]


def open_store(encoder: Encoder, kind: str, cache_dir: Path | None, max_bytes: int) -> FeatureStore | None:
    """Where a model's features of one kind, "images" or "texts", are kept below a cache folder; None without one."""
    if cache_dir is None:
        return None
    # Features of a lower precision are not those of float32; encoders without the attribute compute in float32.
    model = f"{encoder.identity} {getattr(encoder, 'dtype', 'float32')}"
    return FeatureStore(Path(cache_dir), model, kind, max_bytes)


def _encode_images(
    encoder: Encoder, items: Sequence[Item], store: FeatureStore | None, progress: Progress | None
) -> tuple[ImageFeatures, dict[ImageRef, int]]:
    refs = list(dict.fromkeys(ref for item in items for ref in item.images))
    table = _Table(len(refs))
    row_of: dict[ImageRef, int] = {}
    for chunk in _opened(refs, encoder, () if store is None else store):
        fresh = {key: _Picture(key, given) for _, key, given in chunk if key not in table.row_of}
        table.add(fresh, store, lambda pictures: _image_rows(encoder, pictures))
        row_of.update((ref, table.row_of[key]) for ref, key, _ in chunk)
        if progress:
            progress("images", len(row_of), len(refs))
    values, grid = table.values(), table.notes[0]
    keys = np.array(list(table.row_of), dtype=np.str_)
    features = ImageFeatures(keys, values["pooled"], values.get("patches"), values.get("cls"), grid and tuple(grid))
    return features, row_of


def encode_texts(
    encoder: Encoder, texts: Sequence[str], store: FeatureStore | None, progress: Progress | None = None
) -> TextFeatures:
    """Features of at least one text, all of them distinct, from the store where they are there already.

    Text tokens are rounded as `encode_items` says. Raises InputError for features that break the contract.
    """
    table = _Table(len(texts))
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        chunk = texts[start : start + TEXTS_AT_ONCE]
        table.add({_text_hash(text): text for text in chunk}, store, lambda fresh: _text_rows(encoder, fresh))
        if progress:
            progress("texts", start + len(chunk), len(texts))
    values = table.values()
    captions, mask = np.array(texts, dtype=np.str_), values.get("mask")
    if mask is None:
        return TextFeatures(captions, values["pooled"], truncated=values.get("truncated"))
    token_strings = np.array([note + [""] * (mask.shape[1] - len(note)) for note in table.notes], dtype=np.str_)
    return TextFeatures(
        texts=captions,
        pooled=values["pooled"],
        tokens=values["tokens"],
        mask=mask,
        token_strings=token_strings.reshape(mask.shape),
        truncated=values.get("truncated"),
    )


class _Table:
    """Rows of features as they come in, written into tensors that are as long as they can get."""

    def __init__(self, capacity: int) -> None:
        self.row_of: dict[str, int] = {}
        self.notes: list[Any] = []
        self._capacity = capacity
        self._values: dict[str, torch.Tensor] = {}

    def add(self, fresh: dict[str, Any], store: FeatureStore | None, encode: Callable[[list[Any]], list[Row]]) -> None:
        """Append the rows of `fresh` (key -> what to encode), from the store where they are there."""
        stored = store.load(fresh) if store else {}
        missing = [key for key in fresh if key not in stored]
        encoded = dict(zip(missing, encode([fresh[key] for key in missing]), strict=True)) if missing else {}
        if store and encoded:
            store.save(encoded)
        for key in fresh:
            self._append(key, stored.get(key) or encoded[key])

    def values(self) -> dict[str, torch.Tensor]:
        """What has come in, [rows, ...]; numbers as float32."""
        return {name: values[: len(self.row_of)] for name, values in self._values.items()}

    def _append(self, key: str, row: Row) -> None:
        for name, value in row.tensors.items():
            if name not in self._values:
                dtype = torch.float32 if value.is_floating_point() else value.dtype
                self._values[name] = torch.zeros((self._capacity, *value.shape), dtype=dtype)
            self._values[name][len(self.row_of)] = value
        self.row_of[key] = len(self.row_of)
        self.notes.append(row.note)


class _Picture(NamedTuple):
    """A picture to be encoded: its content name, and its pixels or what the encoder's `prepare` made of them."""

    key: str
    given: Image.Image | torch.Tensor


def _opened(
    refs: Sequence[ImageRef], encoder: Encoder, stored: Container[str]
) -> Iterator[list[tuple[ImageRef, str, Image.Image | torch.Tensor]]]:
    """Chunks of (reference, content name, picture), the next one being read while one is encoded.

    Pictures that are not stored come as what the encoder's `prepare` makes of them, if it has one.
    """

    prepare = encoder.prepare if isinstance(encoder, PreparingEncoder) else None

    def read(ref: ImageRef) -> tuple[ImageRef, str, Image.Image | torch.Tensor]:
        image = open_image(ref)
        key = pixel_hash(image)
        return ref, key, image if prepare is None or key in stored else prepare(image)

    with ThreadPoolExecutor() as pool:  # Pillow and hashes work without the interpreter lock
        ahead: list[Future] = []
        for start in range(0, len(refs), IMAGES_AT_ONCE):
            ready, ahead = ahead, [pool.submit(read, ref) for ref in refs[start : start + IMAGES_AT_ONCE]]
            if ready:
                yield [future.result() for future in ready]
        yield [future.result() for future in ahead]


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _image_rows(encoder: Encoder, pictures: list[_Picture]) -> list[Row]:
    if isinstance(encoder, PreparingEncoder):
        pixels = [given if isinstance(given, torch.Tensor) else encoder.prepare(given) for _, given in pictures]
        features = encoder.encode_prepared(pixels, [picture.key for picture in pictures])
    else:
        features = encoder.encode_images([cast(Image.Image, picture.given) for picture in pictures])
    check_image_features(encoder, features, len(pictures))
    tensors = {"pooled": features.pooled, "cls": features.cls, "patches": _rounded(features.patches)}
    return _rows(tensors, [features.grid] * len(pictures))


def _text_rows(encoder: Encoder, texts: list[str]) -> list[Row]:
    with warnings.catch_warnings():  # said once for the whole set, stored captions included
        warnings.simplefilter("ignore", TruncatedCaptions)
        features = encoder.encode_texts(texts)
    check_text_features(encoder, features, len(texts))
    tensors = {"pooled": features.pooled, "tokens": _rounded(features.tokens), "mask": features.mask}
    strings = np.full((len(texts), 0), "") if features.token_strings is None else features.token_strings
    spelled = [row[: int(np.flatnonzero(row != "")[-1]) + 1].tolist() if (row != "").any() else [] for row in strings]
    return _rows({**tensors, "truncated": features.truncated}, spelled)


def _rounded(dense: torch.Tensor | None) -> torch.Tensor | None:
    return None if dense is None else dense.half()


def _rows(tensors: dict[str, torch.Tensor | None], notes: Iterable[Any]) -> list[Row]:
    given = {name: value.detach().cpu() for name, value in tensors.items() if value is not None}
    return [Row({name: value[i] for name, value in given.items()}, note) for i, note in enumerate(notes)]
