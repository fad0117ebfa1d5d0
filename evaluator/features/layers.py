"""Every layer's tokens of every distinct picture and caption of a set, in one pass, on disk layer by layer.

Tokens of more than `MOST_NUMBERS` numbers are reduced by a random projection, the same for every model of that width
(Johnson and Lindenstrauss 1984), and kept in float16, so that the layers of a large model fit; one layer is read at a
time.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image, pixel_hash
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.feature_checks import check_image_features, check_text_features
from fourfold.evaluator.encoders.layers import ImageLayers, LayeredEncoder, TextLayers
from fourfold.evaluator.features.encoding import Progress
from fourfold.evaluator.features.store import FeatureStore, Row

MOST_NUMBERS = 128  # of a token; more are projected
MAX_BYTES = 200 * 2**30
AT_ONCE, KEPT_AT_ONCE = 32, 128  # in one pass; in one file
PATCHES, TOKENS, POOLED, MASK = "patches", "tokens", "pooled", "mask"
Encode = Callable[[Sequence[Any]], tuple[Mapping[str, torch.Tensor], Mapping[str, tuple[int, int]]]]


@dataclass(frozen=True)
class StoredStages:
    """The stages of one tower for n pictures or captions: "layer 0", ..., then "patches" or "tokens", and "pooled"."""

    names: tuple[str, ...]  # in the order in which they run; without "mask"
    keys: tuple[str, ...]  # [n] of the rows
    stores: Mapping[str, FeatureStore]
    grids: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    seconds: float = 0.0  # of processor time that encoding what was missing took
    encoded: int = 0  # of the n, how many were missing

    def load(self, name: str) -> torch.Tensor:
        """One stage of all rows, float32: tokens [n, t, c], pooled [n, c], and the mask [n, t]."""
        rows = self.stores[name].load(self.keys)
        missing = len(set(self.keys) - set(rows))
        if missing:
            raise InputError(f"{missing} of the features vanished while they were read; run the command again")
        return torch.stack([rows[key].tensors["values"] for key in self.keys]).float()


def encode_image_stages(
    encoder: Encoder, images: Sequence[ImageRef], cache_dir: Path, progress: Progress | None = None
) -> StoredStages:
    """The stages of the image tower; pictures with equal pixels are encoded once. What the folder holds is not redone.

    Raises InputError for a picture that cannot be read and for features that break the contract.
    """

    def encode(pictures: Sequence[Any]) -> tuple[Mapping[str, torch.Tensor], Mapping[str, tuple[int, int]]]:
        shown = (
            encoder.image_layers(pictures)
            if isinstance(encoder, LayeredEncoder)
            else ImageLayers(encoder.encode_images(pictures), {}, {})
        )
        features = shown.features
        check_image_features(encoder, features, len(pictures))
        given, grids = dict(shown.tokens), dict(shown.grids)
        if features.patches is not None and features.grid is not None:
            given[PATCHES], grids[PATCHES] = features.patches, features.grid
        return {**given, POOLED: features.pooled}, grids

    keys = [pixel_hash(open_image(ref)) for ref in images]
    return _encode(encoder, "images", keys, images, open_image, encode, cache_dir, progress)


def encode_text_stages(
    encoder: Encoder, texts: Sequence[str], cache_dir: Path, progress: Progress | None = None
) -> StoredStages:
    """The stages of the text tower, and "mask": True on what spells the caption and on the position after it."""

    def encode(captions: Sequence[Any]) -> tuple[Mapping[str, torch.Tensor], Mapping[str, tuple[int, int]]]:
        shown = (
            encoder.text_layers(captions)
            if isinstance(encoder, LayeredEncoder)
            else TextLayers(encoder.encode_texts(captions), {})
        )
        features = shown.features
        check_text_features(encoder, features, len(captions))
        if features.tokens is None or features.mask is None:
            return {POOLED: features.pooled}, {}
        return {**shown.tokens, TOKENS: features.tokens, POOLED: features.pooled, MASK: _with_end(features.mask)}, {}

    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32] for text in texts]
    return _encode(encoder, "texts", keys, texts, str, encode, cache_dir, progress)


def _with_end(mask: torch.Tensor) -> torch.Tensor:
    """The mask with the position after the last True one, where CLIP's end token stands, if there is room."""
    last = (mask.int().cumsum(1).argmax(1) + 1).clamp_max(mask.shape[1] - 1)
    found = mask.clone()
    found[torch.arange(len(mask)), last] = True
    return found


def _encode(
    encoder: Encoder,
    kind: str,
    keys: Sequence[str],
    given: Sequence[Any],
    read: Callable[[Any], Any],
    encode: Encode,
    cache_dir: Path,
    progress: Progress | None,
) -> StoredStages:
    distinct = dict(zip(reversed(keys), reversed(given), strict=True))  # key -> the first of its kind
    model = f"stages {MOST_NUMBERS} {encoder.identity} {getattr(encoder, 'dtype', 'float32')}"
    first = next(iter(distinct))
    trial, grids = encode([read(distinct[first])])  # names the stages
    names = tuple(trial)
    stores = {name: FeatureStore(cache_dir, model, f"{kind} {name}", MAX_BYTES) for name in names}
    missing = [key for key in distinct if not all(key in store for store in stores.values())]
    started, done = time.process_time(), len(distinct) - len(missing)
    for chunk in _chunks(missing, KEPT_AT_ONCE):
        parts: list[Mapping[str, torch.Tensor]] = []
        for batch in _chunks(chunk, AT_ONCE):
            found, _ = encode([read(distinct[key]) for key in batch])
            parts.append({name: _reduced(value) for name, value in found.items()})
            done += len(batch)
            if progress:
                progress(kind, done, len(distinct))
        for name, store in stores.items():
            values = torch.cat([part[name] for part in parts])
            store.save({key: Row({"values": values[row]}) for row, key in enumerate(chunk)})
    return StoredStages(
        names=tuple(name for name in names if name != MASK),
        keys=tuple(keys),
        stores=stores,
        grids=grids,
        seconds=time.process_time() - started,
        encoded=len(missing),
    )


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _reduced(value: torch.Tensor) -> torch.Tensor:
    """Tokens [n, t, c] projected to at most `MOST_NUMBERS`, in float16 on the CPU; anything else as it is."""
    if value.dtype == torch.bool or value.ndim == 2:
        return value.detach().cpu()
    width = value.shape[-1]
    projected = value.detach().float()
    if width > MOST_NUMBERS:
        generator = torch.Generator().manual_seed(width)
        matrix = torch.randn(width, MOST_NUMBERS, generator=generator) / MOST_NUMBERS**0.5
        projected = projected @ matrix.to(projected.device)
    return projected.clamp(-6e4, 6e4).half().cpu()
