"""The diagnosis of a model from its stored stages: every stage probed on every category, then the losses."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from fourfold.evaluator.diagnosis.chain import find_losses, stage_intervals
from fourfold.evaluator.diagnosis.matching_probe import cosine_bits, half_turned, held_out_bits, make_folds
from fourfold.evaluator.diagnosis.rows import CEILING, CLAIMS, COSINE, POOLED, TOKENS, Loss, StageBits
from fourfold.evaluator.diagnosis.stage_kernels import (
    Kernels,
    Read,
    patch_reader,
    pooled_reader,
    symbol_reader,
    token_reader,
)

Progress = Callable[[str, int, int], None]
_ORDER = ("image", "text", "pair")


@dataclass(frozen=True)
class Stage:
    """One stage of one tower: features of the two pictures, or captions, of every group, one after another."""

    side: str  # "image" or "text"
    name: str
    load: Callable[[], torch.Tensor]  # tokens [2 * groups, t, c], or pooled [2 * groups, c]; read when it is its turn
    grid: tuple[int, int] | None = None  # of patch tokens
    mask: torch.Tensor | None = None  # [2 * groups, t] of text tokens


@dataclass(frozen=True)
class Question:
    """What is asked: the category [groups] and the two claims of each group, one after another [2 * groups]."""

    categories: Sequence[str]
    claims: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Probed:
    """Bits [groups of the category] of every stage, by category, side and stage; and of the control."""

    bits: dict[tuple[str, str, str], np.ndarray] = field(default_factory=dict)
    shuffled: dict[tuple[str, str, str], float] = field(default_factory=dict)
    control_seconds: list[float] = field(default_factory=list)  # of processor time


def probe_stages(
    stages: Sequence[Stage], question: Question, *, seed: int, control: bool = True, progress: Progress | None = None
) -> Probed:
    """Probe every stage against the claims, the last of both towers against each other, and the cosine.

    `control` adds the probes of pairings half of which are turned round. Equal seeds give equal folds, and so equal
    numbers.
    """
    found = Probed()
    names = list(dict.fromkeys(question.categories))
    members = {name: np.flatnonzero(np.array(question.categories) == name) for name in names}
    claims = symbol_reader(question.claims)
    symbols = {name: claims(groups) for name, groups in members.items()}
    kept: dict[tuple[str, str, str], Kernels] = {}

    def probe(name: str, side: str, stage: str, images: Kernels, texts: Kernels) -> None:
        rng = np.random.default_rng([seed, names.index(name)])  # the folds of a category are those of all its stages
        n = len(members[name])
        folds, labels = make_folds(n, rng), half_turned(n, rng)
        found.bits[name, side, stage] = held_out_bits(images, texts, folds)
        if control and side != CEILING:
            started = time.process_time()
            found.shuffled[name, side, stage] = float(held_out_bits(images, texts, folds, labels).mean())
            found.control_seconds.append(time.process_time() - started)

    for name in names:
        probe(name, CEILING, CLAIMS, symbols[name], symbols[name])
    pooled: dict[str, torch.Tensor] = {}
    for done, stage in enumerate(stages, start=1):
        values = stage.load()
        read = _reader(stage, values)
        if values.ndim == 2:
            pooled[stage.side] = values
        for name, groups in members.items():
            kernels = read(groups)
            probe(name, stage.side, stage.name, kernels, symbols[name])
            if stage.name in (TOKENS[stage.side], POOLED[stage.side]):
                kept[name, stage.side, stage.name] = kernels
        if progress:
            progress("stages", done, len(stages))
    for name, groups in members.items():
        for what in (TOKENS, POOLED):
            images, texts = kept.get((name, "image", what["image"])), kept.get((name, "text", what["text"]))
            if images is not None and texts is not None:
                probe(name, "pair", what["pair"], images, texts)
        if len(pooled) == 2:
            folds = make_folds(len(groups), np.random.default_rng([seed, names.index(name)]))
            found.bits[name, "pair", COSINE] = cosine_bits(_margins(pooled)[groups], folds)
    return found


def _reader(stage: Stage, values: torch.Tensor) -> Read:
    if values.ndim == 2:
        return pooled_reader(values)
    if stage.grid is not None:
        return patch_reader(values, stage.grid)
    mask = torch.ones(values.shape[:2]) if stage.mask is None else stage.mask
    return token_reader(values, mask)


def _margins(pooled: Mapping[str, torch.Tensor]) -> np.ndarray:
    """The second difference of the cosines of each group [groups]."""
    image, text = (pooled[side][0::2] - pooled[side][1::2] for side in ("image", "text"))
    return (image * text).sum(-1).double().numpy()


def summarise(probed: Probed, random: Probed | None, *, seed: int) -> tuple[list[StageBits], list[Loss]]:
    """Rows of every stage with intervals and controls, and the losses of each category."""
    rows: list[StageBits] = []
    losses: list[Loss] = []
    for number, name in enumerate(dict.fromkeys(category for category, _, _ in probed.bits)):
        keys = [key for key in probed.bits if key[0] == name]
        keys.sort(key=lambda key: (CEILING, *_ORDER).index(key[1]))  # stable: stages stay in order
        table = np.stack([probed.bits[key] for key in keys], axis=1)  # [groups, stages]
        intervals, draws = stage_intervals(table, np.random.default_rng([seed, number, 1]))
        for key, column, interval in zip(keys, table.T, intervals, strict=True):
            control = None if random is None or key not in random.bits else float(random.bits[key].mean())
            shuffled = probed.shuffled.get(key)
            value = float(column.mean())
            rows.append(StageBits(*key, value, interval.low, interval.high, len(column), shuffled, control))
        chains = {side: [key[2] for key in keys if key[1] == side and key[2] != TOKENS["pair"]] for side in _ORDER}
        columns = {side: [keys.index((name, side, stage)) for stage in chains[side]] for side in _ORDER}
        means = {side: table[:, at].mean(axis=0) for side, at in columns.items()}
        losses += find_losses(name, chains, means, {side: draws[:, at] for side, at in columns.items()})
    return rows, losses
