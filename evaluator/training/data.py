"""Encoded items as arrays, disturbed copies of their batches, and which of them a head has right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import group_score, has_core
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.features import ImageFeatures

if TYPE_CHECKING:
    from fourfold.evaluator.features.encoding import EncodedSet
    from fourfold.evaluator.scorers.trained import HeadNetwork


@dataclass(frozen=True)
class TrainingData:
    """Items with fewer images or captions than the largest are padded with copies that are not `known`."""

    images: ImageFeatures  # [versions * N], each distinct image once, then disturbed copies of all of them
    texts: Mapping[str, torch.Tensor]  # prepared by the network, [M, ...] each, each distinct caption once
    image_rows: np.ndarray  # [n, k]
    text_rows: np.ndarray  # [n, m]
    truth: np.ndarray  # [n, k, m] bool
    known: np.ndarray  # [n, k, m] bool, False on padding
    categories: np.ndarray  # [n] str
    versions: int = 1  # of each image

    def __len__(self) -> int:
        return len(self.categories)


@dataclass(frozen=True)
class Batch:
    """Some items, gathered."""

    images: ImageFeatures  # [b, k]
    texts: Mapping[str, torch.Tensor]  # [b, m, ...]
    truth: torch.Tensor  # [b, k, m] bool
    known: torch.Tensor  # [b, k, m] bool


def prepare_data(
    items: Sequence[Item], encoded: "EncodedSet", network: "HeadNetwork", copies: Sequence[ImageFeatures] = ()
) -> TrainingData:
    """The arrays of encoded items for one network. Raises InputError if an item has nothing true or nothing false.

    `copies` are features of disturbed copies of the same images, in the same order.
    """
    for item in items:
        if item.truth.all() or not item.truth.any():
            raise InputError(f"item {item.id!r}: a head learns from true and false pairs, this item has only one kind")
    k = max(len(item.images) for item in items)
    m = max(len(item.captions) for item in items)
    known = np.array([_pad(np.ones_like(item.truth, dtype=bool), k, m) for item in items])
    return TrainingData(
        images=concatenate([encoded.images, *copies]),
        texts=network.prepare(encoded.texts),
        image_rows=np.array([np.pad(rows, (0, k - len(rows)), mode="edge") for rows in encoded.image_index]),
        text_rows=np.array([np.pad(rows, (0, m - len(rows)), mode="edge") for rows in encoded.text_index]),
        truth=np.array([_pad(item.truth.astype(bool), k, m) for item in items]),
        known=known,
        categories=np.array([item.category for item in items]),
        versions=1 + len(copies),
    )


def on_each(images: ImageFeatures, change: Callable[[torch.Tensor], torch.Tensor]) -> ImageFeatures:
    """The features with each of their tensors changed."""
    return replace(
        images,
        pooled=change(images.pooled),
        patches=None if images.patches is None else change(images.patches),
        cls=None if images.cls is None else change(images.cls),
    )


def concatenate(parts: Sequence[ImageFeatures]) -> ImageFeatures:
    """Features one after another; all parts have the same fields and grid."""
    if len(parts) == 1:
        return parts[0]
    patches, cls = [part.patches for part in parts], [part.cls for part in parts]
    return ImageFeatures(
        keys=np.concatenate([part.keys for part in parts]),
        pooled=torch.cat([part.pooled for part in parts]),
        patches=None if patches[0] is None else torch.cat([each for each in patches if each is not None]),
        cls=None if cls[0] is None else torch.cat([each for each in cls if each is not None]),
        grid=parts[0].grid,
    )


def _pad(table: np.ndarray, k: int, m: int) -> np.ndarray:
    return np.pad(table, [(0, k - table.shape[0]), (0, m - table.shape[1])], constant_values=False)


def disturb(batch: Batch, noise: float, token_dropout: float) -> Batch:
    """The batch with noise on its features and some caption tokens hidden, from torch's random state.

    `noise` is the length of the random vector that is added to a unit vector. Of what a head reads of a caption
    something is always left; where it reads the caption's own vector as a token more, that may be all, or be hidden.
    """
    texts = dict(batch.texts)
    for name in ("pooled", "tokens"):  # in this order, for each takes its numbers from the same random state
        if name in texts:
            texts[name] = _with_noise(texts[name], noise)
    if "mask" in texts and token_dropout > 0:
        kept = texts["mask"] & (torch.rand(texts["mask"].shape, device=texts["mask"].device) >= token_dropout)
        texts["mask"] = torch.where(kept.any(-1, keepdim=True), kept, texts["mask"])
    return replace(batch, images=on_each(batch.images, partial(_with_noise, noise=noise)), texts=texts)


def _with_noise(vectors: torch.Tensor, noise: float) -> torch.Tensor:
    if noise == 0:
        return vectors
    return normalize(vectors + torch.randn_like(vectors) * (noise / vectors.shape[-1] ** 0.5), dim=-1)


def items_right(scores: np.ndarray, data: TrainingData) -> np.ndarray:
    """Which items are wholly right: [n, k, m] -> [n] bool. Ties are misses.

    A fourfold group by its group score, as in the evaluation; any other item if each true pair beats every false pair
    that shares its image or its caption.
    """
    right = np.zeros(len(data), dtype=bool)
    for at in range(len(data)):
        k, m = data.known[at].any(1).sum(), data.known[at].any(0).sum()
        table, truth = scores[at, :k, :m], data.truth[at, :k, :m]
        if has_core(truth):
            right[at] = group_score(table, truth).min() > 0
        else:
            right[at] = all(_beats(table, truth, axis) for axis in (0, 1))
    return right


def _beats(scores: np.ndarray, truth: np.ndarray, axis: int) -> bool:
    worst_true = np.where(truth, scores, np.inf).min(axis)
    best_false = np.where(truth, -np.inf, scores).max(axis)
    return bool((worst_true > best_false).all())


def split_clusters(items: Sequence[Item], share: float, seed: int) -> tuple[list[Item], list[Item]]:
    """Items for training and for validation, split by cluster so that no group stands on both sides.

    Each category gives `share` of its clusters, at least one. Raises InputError if a category has a single cluster.
    """
    rng = np.random.default_rng([seed, len(items)])
    held_out: set[str] = set()
    for category in sorted({item.category for item in items}):
        clusters = sorted({item.cluster for item in items if item.category == category})
        if len(clusters) < 2:
            raise InputError(
                f"category {category!r}: at least 2 groups are needed to hold one out for validation, there is 1; "
                "generate more groups or give validation items"
            )
        held_out |= set(rng.permutation(clusters)[: max(1, round(share * len(clusters)))].tolist())
    train = [item for item in items if item.cluster not in held_out]
    return train, [item for item in items if item.cluster in held_out]
