"""What a diagnosis needs of a model: its stages for every group, its double of random weights, the probe of objects."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.diagnosis.diagnose import Stage
from fourfold.evaluator.diagnosis.matching_probe import make_folds
from fourfold.evaluator.diagnosis.rows import POOLED, TOKENS, SameObject
from fourfold.evaluator.diagnosis.same_object import matched_pairs, patch_owners, probe_layer
from fourfold.evaluator.encoders.contract import Encoder, LoadOptions
from fourfold.evaluator.encoders.layers import shuffle_weights
from fourfold.evaluator.encoders.towers import TowerEncoder
from fourfold.evaluator.features.encoding import Progress
from fourfold.evaluator.features.layers import MASK, StoredStages, encode_image_stages, encode_text_stages
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.generator.dataset.reading import Group, read_picture


class ModelStages(NamedTuple):
    """The stages of a model for a list of groups."""

    stages: list[Stage]  # those of the image tower, then of the text tower, each in the order in which they run
    images: StoredStages  # those of the pictures as they are stored
    seconds: float  # of processor time that encoding took


def encode_stages(encoder: Encoder, groups: Sequence[Group], cache_dir: Path, progress: Progress) -> ModelStages:
    """Encode both pictures and both captions of every group; what `cache_dir` holds is not encoded again."""
    refs = [ImageRef(group.image_path(i)) for group in groups for i in (0, 1)]
    images = encode_image_stages(encoder, refs, cache_dir, progress)
    texts = encode_text_stages(encoder, [c.text for g in groups for c in g.captions[:2]], cache_dir, progress)
    mask = texts.load(MASK) if MASK in texts.stores else None
    stages = [Stage("image", _said("image", n), _loader(images, n), images.grids.get(n)) for n in images.names]
    stages += [Stage("text", _said("text", n), _loader(texts, n), None, mask) for n in texts.names]
    return ModelStages(stages, images, images.seconds + texts.seconds)


def _said(side: str, name: str) -> str:
    return POOLED[side] if name == "pooled" else name


def _loader(stored: StoredStages, name: str) -> Callable[[], torch.Tensor]:
    return lambda: stored.load(name)


def stages_left_out(stages: Sequence[Stage]) -> list[str]:
    """One line for each tower that does not show all its kinds of stages."""
    there = {(stage.side, stage.name) for stage in stages}
    lines = []
    for side in ("image", "text"):
        missing = [] if (side, "layer 0") in there else [f"{side} layers"]
        missing += [] if (side, TOKENS[side]) in there else [TOKENS[side]]
        if missing:
            lines.append(f"left out: {' and '.join(missing)}, which the model does not show")
    return lines


def with_random_weights(model: str | Encoder, options: LoadOptions) -> Encoder | None:
    """The model of that name with the numbers of each weight in random order; None for what cannot be loaded again."""
    if not isinstance(model, str):
        return None
    encoder = open_encoder(model, options)
    if not isinstance(encoder, TowerEncoder) or encoder.blocks is None:
        return None
    shuffle_weights(encoder.blocks.model, seed=0)
    identity = hashlib.sha256(f"shuffled weights 0 of {encoder.identity}".encode()).hexdigest()
    return replace(encoder, identity=identity)


def probe_objects(images: StoredStages, groups: Sequence[Group], dataset: Path, seed: int) -> list[SameObject]:
    """The probe of objects for every layer with a grid; nothing where the set has no masks."""
    rows = [row for group in groups for row in group.rows]
    if not images.grids or not all(row.get("mask") for row in rows):
        return []
    masks = [np.asarray(read_picture(dataset, row["mask"], "L")).astype(np.int64) for row in rows]
    of_group = np.repeat(np.arange(len(groups)), 2)
    folds = make_folds(len(groups), np.random.default_rng([seed, 2]))
    pairs = {}
    for grid in set(images.grids.values()):
        owners = [patch_owners(mask, grid) for mask in masks]
        pairs[grid] = matched_pairs(owners, of_group, grid, np.random.default_rng([seed, 3]))
    found = []
    for name in images.names:
        if name in images.grids:
            grid, rng = images.grids[name], np.random.default_rng([seed, 4])
            found.append(probe_layer(name, images.load(name), grid, pairs[grid], folds, rng))
    return [each for each in found if each is not None]
