"""Encode every distinct picture and caption of a set once, and keep the features on disk for the next scorer."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder, PreparingEncoder, TokenizingEncoder
from fourfold.evaluator.encoders.feature_checks import check_image_features, check_text_features
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.tokenization import Tokens
from fourfold.evaluator.encoders.towers import TruncatedCaptions, warn_of_truncation
from fourfold.evaluator.features.captions import Captions, tokenizing
from fourfold.evaluator.features.pictures import Chunk, opened
from fourfold.evaluator.features.store import FeatureStore
from fourfold.evaluator.features.table import Encoded, Table
from fourfold.evaluator.features.writing import Notes, Writer, Writers

MAX_BYTES = 20 * 2**30

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
    on_device: bool = False,
    later: Writers | None = None,
) -> EncodedSet:
    """Features of all pictures and captions of `items`, from the cache folder where they are there already.

    Pictures are the same if their pixels are, captions if their characters are. Patch and text tokens are rounded to
    float16, the precision they are stored with, whether a cache is used or not, so that it cannot change a score;
    pooled features and class tokens keep float32. All come back as float32, on the CPU; with `on_device` where the
    model made them, if that is a GPU that has room for twice as much. They are all in the cache folder on return; or,
    where the caller gives a context `later`, when that is left, and meanwhile a thread writes them.

    Raises InputError for a picture that cannot be read and for features that break the contract; warns
    `TruncatedCaptions` once, with their number, for captions longer than the context.
    """
    if not any(item.images for item in items) or not any(item.captions for item in items):
        raise InputError("nothing to encode: the items hold no image, or no caption")
    captions = list(dict.fromkeys(caption for item in items for caption in item.captions))
    image_store, text_store = (open_store(encoder, kind, cache_dir, max_bytes) for kind in ("images", "texts"))
    with Writers() if later is None else nullcontext(later) as writers:
        image_writer, text_writer = writers.to(image_store), writers.to(text_store)
        with tokenizing(encoder, captions, text_writer or ()) as chunks:
            images, image_rows = _encode_images(encoder, items, image_writer, progress, on_device)
            texts = _encode_texts(encoder, captions, chunks, text_writer, progress, on_device)
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
    encoder: Encoder, items: Sequence[Item], writer: Writer | None, progress: Progress | None, on_device: bool
) -> tuple[ImageFeatures, dict[ImageRef, int]]:
    refs = list(dict.fromkeys(ref for item in items for ref in item.images))
    table = Table(len(refs), writer, on_device)
    row_of: dict[ImageRef, int] = {}
    with closing(opened(refs, encoder, writer or ())) as chunks:
        for chunk in chunks:
            table.add(chunk.fresh, partial(_encode_chunk, encoder, chunk))
            row_of.update((ref, table.row_of[key]) for ref, key in chunk.keys.items())
            if progress:
                progress("images", len(row_of), len(refs))
    values, grid = table.values(), table.notes[0][1][0]
    keys = np.array(list(table.row_of), dtype=np.str_)
    features = ImageFeatures(keys, values["pooled"], values.get("patches"), values.get("cls"), grid and tuple(grid))
    return features, row_of


def encode_texts(
    encoder: Encoder,
    texts: Sequence[str],
    store: FeatureStore | None,
    *,
    on_device: bool = False,
    later: Writers | None = None,
) -> TextFeatures:
    """Features of at least one text, all of them distinct, from the store where they are there already.

    Text tokens are rounded and features kept as `encode_items` says. Raises InputError for features that break the
    contract.
    """
    with Writers() if later is None else nullcontext(later) as writers:
        writer = writers.to(store)
        with tokenizing(encoder, texts, writer or ()) as chunks:
            return _encode_texts(encoder, texts, chunks, writer, None, on_device)


def _encode_texts(
    encoder: Encoder,
    texts: Sequence[str],
    chunks: Iterator[tuple[Captions, list[str], Tokens | None]],
    writer: Writer | None,
    progress: Progress | None,
    on_device: bool,
) -> TextFeatures:
    table = Table(len(texts), writer, on_device)
    for named, ready, tokens in chunks:
        table.add(list(named), partial(_encode_captions, encoder, named, ready, tokens))
        if progress:
            progress("texts", len(table.row_of), len(texts))
    values = table.values()
    captions, mask = np.array(texts, dtype=np.str_), values.get("mask")
    if mask is None:
        return TextFeatures(captions, values["pooled"], truncated=values.get("truncated"))
    return TextFeatures(
        texts=captions,
        pooled=values["pooled"],
        tokens=values["tokens"],
        mask=mask,
        token_strings=_joined_strings(table.notes, mask.shape[0], mask.shape[1]),
        truncated=values.get("truncated"),
    )


def _joined_strings(parts: Sequence[tuple[np.ndarray, Notes]], n: int, t: int) -> np.ndarray:
    """What tokens spell, [n, t] str, from the model as arrays and from the store as lists of those that spell any."""
    filled = [
        (
            rows,
            lines if isinstance(lines, np.ndarray) else np.array([[*line, *[""] * (t - len(line))] for line in lines]),
        )
        for rows, lines in parts
    ]
    strings = np.zeros((n, t), dtype=np.result_type(np.dtype("U1"), *(lines.dtype for _, lines in filled)))
    for rows, lines in filled:
        strings[rows] = lines
    return strings


def _encode_chunk(encoder: Encoder, chunk: Chunk, keys: list[str]) -> Encoded:
    """The features of those pictures of a chunk that are not stored, prepared or not."""
    if isinstance(encoder, PreparingEncoder):
        if keys == list(chunk.ready):
            pixels = chunk.pixels
        else:  # some are no longer in the store, or are there by now
            at = {key: row for row, key in enumerate(chunk.ready)}
            pixels = [chunk.pixels[at[key]] if key in at else encoder.prepare(chunk.images[key]) for key in keys]
        features = encoder.encode_prepared(pixels, keys)
    else:
        features = encoder.encode_images([chunk.images[key] for key in keys])
    check_image_features(encoder, features, len(keys))
    tensors = {"pooled": _own(features.pooled), "cls": _own(features.cls), "patches": _rounded(features.patches)}
    return Encoded(_given(tensors), [features.grid] * len(keys))


def _encode_captions(
    encoder: Encoder, named: Captions, ready: list[str], tokens: Tokens | None, keys: list[str]
) -> Encoded:
    """The features of those captions of a chunk that are not stored, whether their tokens are there or not."""
    texts = [named[key] for key in keys]
    with warnings.catch_warnings():  # said once for the whole set, stored captions included
        warnings.simplefilter("ignore", TruncatedCaptions)
        if isinstance(encoder, TokenizingEncoder):
            tokens = tokens if tokens is not None and keys == ready else encoder.prepare_texts(texts)
            features = encoder.encode_tokens(texts, tokens)
        else:
            features = encoder.encode_texts(texts)
    check_text_features(encoder, features, len(texts))
    tensors = {"pooled": _own(features.pooled), "tokens": _rounded(features.tokens), "mask": _own(features.mask)}
    strings = np.full((len(texts), 0), "") if features.token_strings is None else features.token_strings
    return Encoded(_given({**tensors, "truncated": _own(features.truncated)}), strings)


def _rounded(dense: torch.Tensor | None) -> torch.Tensor | None:
    return None if dense is None else dense.detach().to(torch.float16, copy=True)


def _own(small: torch.Tensor | None) -> torch.Tensor | None:
    """A copy, for features are written to the store later, and users' encoders may give one buffer again and again."""
    return None if small is None else small.detach().clone(memory_format=torch.contiguous_format)


def _given(tensors: Mapping[str, torch.Tensor | None]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in tensors.items() if value is not None}
