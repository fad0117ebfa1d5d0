"""`diagnose`: where in a model each category of a dataset is lost, layer by layer, and the numbers as a file."""

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.analysis.dataset_names import name_asked
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS
from fourfold.evaluator.data.fourfold_items import describe_dataset
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.diagnosis.diagnose import Question, Stage, probe_stages, probing_seconds, summarise
from fourfold.evaluator.diagnosis.matching_probe import FOLDS, make_folds
from fourfold.evaluator.diagnosis.results import DIAGNOSIS_FILE, Diagnosis, read_diagnosis, save_diagnosis
from fourfold.evaluator.diagnosis.rows import POOLED, TOKENS, SameObject
from fourfold.evaluator.diagnosis.same_object import matched_pairs, patch_owners, probe_layer
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.encoders.layers import shuffle_weights
from fourfold.evaluator.encoders.towers import TowerEncoder
from fourfold.evaluator.features.encoding import Progress, encoding_bar
from fourfold.evaluator.features.layers import MASK, StoredStages, encode_image_stages, encode_text_stages
from fourfold.evaluator.reporting.diagnosis_figure import write_figure
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.evaluator.run.output_checks import check_writable
from fourfold.generator.dataset.reading import Group, choose_split, read_groups, read_picture

LEAST_GROUPS = 4 * FOLDS  # of a category: fewer leave too little to fit a probe to


def diagnose(
    dataset: str | Path,
    *,
    model: str | Encoder = TINY,
    out: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    device: str = AUTO_DEVICE,
    allow_random_weights: bool = False,
    random_control: bool = True,
    progress: bool = True,
) -> Diagnosis:
    """Where along the stages of a model each category of a dataset folder is lost, in bits a group.

    `model` is a name that `load_encoder` takes, or an encoder itself. With `out`, a folder, everything is written
    there as diagnosis.json; a results folder shows it in its report. With `cache_dir` the layers are kept there, and a
    run that was killed goes on where it was. `random_control` probes the same model with random weights too, which
    encodes the set once more. `split`, `limit` and `seed` as in `probe`.

    Raises InputError for an `out` that holds the diagnosis of another model, a category of fewer than 20 groups, and
    captions without claims.
    """
    if out is not None:
        check_diagnosis_output(Path(out))
    folder = Path(dataset)
    groups = _read(folder, split, limit)
    encoder = open_encoder(model, LoadOptions(device, allow_random_weights=allow_random_weights))
    earlier = None if out is None else read_diagnosis(Path(out) / DIAGNOSIS_FILE)
    if earlier is not None and earlier.identity != encoder.identity:
        raise InputError(f"{out}: holds the diagnosis of another model ({earlier.model}); give a new folder")
    question = Question([g.category for g in groups], [caption.claim for g in groups for caption in g.captions[:2]])
    with ExitStack() as open_things:
        place = (
            Path(cache_dir) if cache_dir else Path(open_things.enter_context(TemporaryDirectory(prefix="fourfold-")))
        )
        advance = open_things.enter_context(encoding_bar(progress))
        stages, images, encoding = _stages(encoder, groups, place, advance)
        probed, seconds = probing_seconds(lambda: probe_stages(stages, question, seed=seed, progress=advance))
        control = _with_random_weights(model, encoder, device, allow_random_weights) if random_control else None
        random = None
        if control is not None:
            others, _, _ = _stages(control, groups, place, advance)
            random = probe_stages(others, question, seed=seed, control=False, progress=advance)
        started = time.process_time()
        objects = _same_object(images, groups, folder, seed)
        of_objects = time.process_time() - started
    rows, losses = summarise(probed, random, seed=seed)
    result = Diagnosis(
        model=encoder.name,
        identity=encoder.identity,
        dataset=name_asked(describe_dataset(folder, choose_split(folder, split), limit)),
        seed=seed,
        stages=tuple(rows),
        losses=tuple(losses),
        same_object=tuple(objects),
        left_out=tuple(_left_out(stages, control is not None)),
        cost={
            "encoding": encoding,
            "probing": seconds - sum(probed.control_seconds),
            "shuffled control": sum(probed.control_seconds),
            "same object": of_objects,
        },
        notes=(RANDOM_WEIGHTS,) if allow_random_weights else (),
    )
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_figure(result, Path(out) / "diagnosis.svg")
        save_diagnosis(result, Path(out) / DIAGNOSIS_FILE)
    return result


def check_diagnosis_output(out: Path) -> None:
    """Raise InputError for a folder that is a file, holds a dataset or something else by the name of a diagnosis."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder for the diagnosis")
    if (out / "manifest.json").exists():
        raise InputError(f"{out}: holds a dataset; give a new folder, or the results folder of the same model")
    read_diagnosis(out / DIAGNOSIS_FILE)
    check_writable(out)


def _read(folder: Path, split: str | None, limit: int | None) -> list[Group]:
    seen: dict[str, int] = {}
    groups = []
    for group in read_groups(folder, choose_split(folder, split)):
        seen[group.category] = seen.get(group.category, 0) + 1
        if limit is None or seen[group.category] <= limit:
            groups.append(group)
    kept = {name: min(n, limit or n) for name, n in seen.items()}
    few = [f"{name} ({n})" for name, n in kept.items() if n < LEAST_GROUPS]
    if few or not groups:
        raise InputError(
            f"{folder}: too few groups of {', '.join(few) or 'any category'} to fit a probe to; "
            f"a diagnosis needs {LEAST_GROUPS} of each, and says more with 300: fourfold generate ... --groups 300"
        )
    return groups


def _stages(
    encoder: Encoder, groups: list[Group], place: Path, advance: Progress
) -> tuple[list[Stage], StoredStages, float]:
    """All stages in order, those of the pictures as they are stored, and the processor time that encoding took."""
    refs = [ImageRef(group.image_path(i)) for group in groups for i in (0, 1)]
    images = encode_image_stages(encoder, refs, place, advance)
    texts = encode_text_stages(encoder, [c.text for g in groups for c in g.captions[:2]], place, advance)
    mask = texts.load(MASK) if MASK in texts.stores else None
    stages = [
        Stage("image", POOLED["image"] if name == "pooled" else name, _loader(images, name), images.grids.get(name))
        for name in images.names
    ]
    stages += [
        Stage("text", POOLED["text"] if name == "pooled" else name, _loader(texts, name), None, mask)
        for name in texts.names
    ]
    return stages, images, images.seconds + texts.seconds


def _loader(stored: StoredStages, name: str) -> Callable[[], torch.Tensor]:
    return lambda: stored.load(name)


def _left_out(stages: list[Stage], control: bool) -> list[str]:
    """One line for each kind of stage that the model does not show."""
    there = {(stage.side, stage.name) for stage in stages}
    lines = []
    for side, dense in (("image", TOKENS["image"]), ("text", TOKENS["text"])):
        missing = [] if (side, "layer 0") in there else [f"{side} layers"]
        missing += [] if (side, dense) in there else [dense]
        if missing:
            lines.append(f"left out: {' and '.join(missing)}, which the model does not show")
    return lines if control else [*lines, "left out: the control with random weights"]


def _with_random_weights(
    model: str | Encoder, encoder: Encoder, device: str, allow_random_weights: bool
) -> Encoder | None:
    """The same model with the numbers of each weight in random order; None for an encoder that cannot be loaded
    again.
    """
    if not isinstance(model, str):
        return None
    again = open_encoder(model, LoadOptions(device, allow_random_weights=allow_random_weights))
    if not isinstance(again, TowerEncoder) or again.blocks is None:
        return None
    shuffle_weights(again.blocks.model, seed=0)
    identity = hashlib.sha256(f"shuffled weights 0 of {encoder.identity}".encode()).hexdigest()
    return replace(again, identity=identity)


def _same_object(images: StoredStages, groups: list[Group], folder: Path, seed: int) -> list[SameObject]:
    """The probe of objects, of every layer with a grid; nothing where the set has no masks."""
    rows = [row for group in groups for row in group.rows]
    if not images.grids or not all(row.get("mask") for row in rows):
        return []
    masks = [np.asarray(read_picture(folder, row["mask"], "L")).astype(np.int64) for row in rows]
    of_group = np.repeat(np.arange(len(groups)), 2)
    folds = make_folds(len(groups), np.random.default_rng([seed, 2]))
    found = []
    pairs = {}
    for name in images.names:
        if name not in images.grids:
            continue
        grid = images.grids[name]
        if grid not in pairs:
            owners = [patch_owners(mask, grid) for mask in masks]
            pairs[grid] = matched_pairs(owners, of_group, grid, np.random.default_rng([seed, 3]))
        rng = np.random.default_rng([seed, 4])
        found.append(probe_layer(name, images.load(name), grid, pairs[grid], folds, rng))
    return [each for each in found if each is not None]
