"""Run scorers over items, in blocks, so that memory stays bounded whatever the number and the size of the items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.batches import is_out_of_memory, out_of_memory
from fourfold.evaluator.encoders.devices import exact_convolutions
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import Scorer

FLOATS_AT_ONCE = 2**25  # features gathered for one call of the scorers: 128 MB
FLOATS_AT_ONCE_ON_GPU = 2**27  # 512 MB: each call costs some hundred small steps, whatever the size


@dataclass(frozen=True)
class _Block:
    """Items of one shape, and the part of their tables that is scored at once."""

    items: np.ndarray  # [n] places in the list of items
    images: slice
    texts: slice


def score_items(
    items: Sequence[Item], encoded: EncodedSet, scorers: Mapping[str, Scorer], *, progress: bool = False
) -> dict[str, list[np.ndarray]]:
    """Scores [k, m] float32 of every item, for each scorer.

    Items of one shape go through together. An item whose features are too large for one block is cut into parts,
    except for scorers that must see it whole. Raises InputError, naming item and scorer, for a score that is NaN or
    infinite.
    """
    tables = {name: [np.zeros(item.truth.shape, np.float32) for item in items] for name in scorers}
    if not any(scorer.needs_patches for scorer in scorers.values()):
        encoded = replace(encoded, images=replace(encoded.images, patches=None, cls=None))
    cells = sum(item.truth.size for item in items) * len(scorers)
    device = encoded.images.pooled.device
    with (
        torch.inference_mode(),
        exact_convolutions(device),
        tqdm(total=cells, unit="pair", desc="scoring", disable=None if progress else True) as bar,
    ):
        for block, group in _plan(items, encoded, scorers):
            images = encoded.images[np.stack([encoded.image_index[i][block.images] for i in block.items])]
            texts = encoded.texts[np.stack([encoded.text_index[i][block.texts] for i in block.items])]
            for name, scorer in group.items():
                found = _score(name, scorer, images, texts)
                if not (finite := np.isfinite(found)).all():
                    at = int(np.argwhere(~finite)[0, 0])
                    raise InputError(
                        f"item {items[block.items[at]].id}: scorer {name!r} gave {found[at][~finite[at]][0]}; "
                        "check the model's features and the head"
                    )
                for i, table in zip(block.items, found, strict=True):
                    tables[name][i][block.images, block.texts] = table
                bar.update(found.size)
    return tables


def _plan(
    items: Sequence[Item], encoded: EncodedSet, scorers: Mapping[str, Scorer]
) -> Iterator[tuple[_Block, Mapping[str, Scorer]]]:
    """What to score with whom. Scorers share a block, so that its features are gathered once for all of them."""
    per_image, per_text = _floats_of_one(encoded)
    at_once = FLOATS_AT_ONCE if encoded.images.pooled.device.type == "cpu" else FLOATS_AT_ONCE_ON_GPU
    alone = {name: scorer for name, scorer in scorers.items() if not scorer.set_dependent}
    whole = {name: scorer for name, scorer in scorers.items() if scorer.set_dependent}
    for (k, m), rows in _by_shape(items).items():
        k_step = min(k, max(1, at_once // 2 // per_image))
        m_step = min(m, max(1, at_once // 2 // per_text))
        n_step = max(1, at_once // (k_step * per_image + m_step * per_text))
        fits = (k_step, m_step) == (k, m)
        for block in _cut(rows, (k, m), (n_step if fits else 1, k_step, m_step)):
            yield block, scorers if fits else alone
        if whole and not fits:
            for block in _cut(rows, (k, m), (1, k, m)):
                yield block, whole


def _cut(rows: np.ndarray, shape: tuple[int, int], steps: tuple[int, int, int]) -> Iterator[_Block]:
    n_step, k_step, m_step = steps
    for row in range(0, len(rows), n_step):
        for image in range(0, shape[0], k_step):
            for text in range(0, shape[1], m_step):
                yield _Block(rows[row : row + n_step], slice(image, image + k_step), slice(text, text + m_step))


def _by_shape(items: Sequence[Item]) -> dict[tuple[int, int], np.ndarray]:
    places: dict[tuple[int, int], list[int]] = {}
    for i, item in enumerate(items):
        places.setdefault((len(item.images), len(item.captions)), []).append(i)
    return {shape: np.array(rows) for shape, rows in places.items()}


def _floats_of_one(encoded: EncodedSet) -> tuple[int, int]:
    """How many numbers an image and a text take."""
    images, texts = encoded.images, encoded.texts
    patches = 0 if images.patches is None else images.patches[0].numel()
    return images.pooled.shape[-1] + patches, texts.pooled.shape[-1] + (
        0 if texts.tokens is None else texts.tokens[0].numel()
    )


def _score(name: str, scorer: Scorer, images: ImageFeatures, texts: TextFeatures) -> np.ndarray:
    """The scores [n, k, m] of one block."""
    expected = (*images.pooled.shape[:-1], texts.pooled.shape[-2])
    try:
        table = scorer(images, texts).to(torch.float32).cpu().numpy()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(images.pooled.device, f"scorer {name!r} found no room beside the features") from error
    if table.shape != expected:
        raise ValueError(f"scorer {name!r} gave shape {table.shape}, its contract says {expected}")
    return table
