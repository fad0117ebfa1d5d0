"""Cutting a table of pairs into blocks, so that memory stays bounded whatever the number of images and captions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import Score

BLOCK_FLOATS = 4_000_000  # 16 MB a block of float32: larger ones fall out of the processor's cache and are slower
BLOCK_FLOATS_ON_GPU = 64_000_000  # 256 MB: a GPU is slow only where it is asked for little at a time


@dataclass(frozen=True)
class Block:
    """A part of the table [items, k, m]: where it lies, and which rows of the flattened features it needs."""

    place: tuple[slice, slice, slice]
    images: np.ndarray  # [items', k'] rows in [items * k]
    texts: np.ndarray  # [items', m'] rows in [items * m]


def cut_blocks(n_items: int, k: int, m: int, pairs: int) -> Iterator[Block]:
    """Blocks of at most `pairs` pairs that cover the table [n_items, k, m] once, of whole items where they fit."""
    image_rows = np.arange(n_items * k).reshape(n_items, k)
    text_rows = np.arange(n_items * m).reshape(n_items, m)
    texts_step = max(1, min(m, pairs))
    images_step = max(1, min(k, pairs // texts_step))
    items_step = max(1, pairs // max(1, k * m))
    for item in range(0, n_items, items_step):
        for image in range(0, k, images_step):
            for text in range(0, m, texts_step):
                place = (
                    slice(item, item + items_step),
                    slice(image, image + images_step),
                    slice(text, text + texts_step),
                )
                yield Block(place, image_rows[place[0], place[1]], text_rows[place[0], place[2]])


def flatten_images(images: ImageFeatures) -> ImageFeatures:
    """The same images with one leading dimension."""
    return ImageFeatures(
        keys=images.keys.reshape(-1),
        pooled=images.pooled.flatten(0, -2),
        patches=None if images.patches is None else images.patches.flatten(0, -3),
        cls=None if images.cls is None else images.cls.flatten(0, -2),
        grid=images.grid,
    )


def flatten_texts(texts: TextFeatures) -> TextFeatures:
    """The same texts with one leading dimension."""
    return TextFeatures(
        texts=texts.texts.reshape(-1),
        pooled=texts.pooled.flatten(0, -2),
        tokens=None if texts.tokens is None else texts.tokens.flatten(0, -3),
        mask=None if texts.mask is None else texts.mask.flatten(0, -2),
        token_strings=None
        if texts.token_strings is None
        else texts.token_strings.reshape(-1, texts.token_strings.shape[-1]),
    )


def score_in_blocks(
    score: Score, images: ImageFeatures, texts: TextFeatures, floats_per_pair: int, *, whole_items: bool = False
) -> torch.Tensor:
    """`score` applied block by block: [..., k, m]. `floats_per_pair` is what `score` holds in memory for one pair.

    `whole_items` keeps the table of an item together, for scores that depend on all of it.
    """
    leading, k, m = images.pooled.shape[:-2], images.pooled.shape[-2], texts.pooled.shape[-2]
    table = images.pooled.new_empty(int(np.prod(leading)), k, m)
    flat_images, flat_texts = flatten_images(images), flatten_texts(texts)
    at_once = BLOCK_FLOATS if images.pooled.device.type == "cpu" else BLOCK_FLOATS_ON_GPU
    pairs = max(k * m if whole_items else 1, at_once // max(1, floats_per_pair))
    for block in cut_blocks(len(table), k, m, pairs):
        table[block.place] = score(flat_images[block.images], flat_texts[block.texts])
    return table.reshape(*leading, k, m)
