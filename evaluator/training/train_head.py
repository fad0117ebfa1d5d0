"""Training a head on a frozen encoder: features once, then batches of items with their exact truth tables."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from fourfold.errors import InputError
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.devices import choose_device
from fourfold.evaluator.encoders.features import ImageFeatures
from fourfold.evaluator.features.encoding import EncodedSet, encode_items, encoding_bar
from fourfold.evaluator.scorers.trained import count_parameters, head_type
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.scoring.training_items import describe_training, hash_items
from fourfold.evaluator.training.augmentation import augmented
from fourfold.evaluator.training.data import prepare_data, split_clusters
from fourfold.evaluator.training.gathering import placed
from fourfold.evaluator.training.memory import memory_explained
from fourfold.evaluator.training.processes import Processes, find_processes
from fourfold.evaluator.training.train_state import HeadTrainer, TrainingConfig

__all__ = ["EncodedItems", "HeadReport", "TrainingConfig", "train_head", "train_on_features"]


@dataclass(frozen=True)
class HeadReport:
    """What a training run came to."""

    path: Path
    head: str
    n_parameters: int
    epochs: int  # run, those before a resume included
    best_epoch: int
    group_scores: Mapping[str, float]  # of the weights that were kept, on the validation items, by category
    seconds: float


@dataclass(frozen=True)
class EncodedItems:
    """Items and their features."""

    items: Sequence[Item]
    encoded: EncodedSet
    copies: tuple[ImageFeatures, ...] = ()  # of disturbed copies of the images, in the same order


def train_head(
    items_train: Sequence[Item],
    items_validation: Sequence[Item] | None,
    encoder: Encoder,
    *,
    head: str = "dcsm",
    out: Path,
    config: TrainingConfig | None = None,
    head_config: Mapping[str, Any] | None = None,
    cache_dir: Path | None = None,
    progress: bool = True,
    resume: bool = True,
    tensorboard: Path | None = None,
    processes: Processes | None = None,
    source: Mapping[str, Any] | None = None,
) -> HeadReport:
    """Train a head for `encoder` on items with known truth and write it to `out`.

    Without validation items a seeded share of the clusters is held out. The weights kept are those of the epoch with
    the best group score there, averaged over categories. `head_config` overrides sizes of the network. Beside `out`
    stand its log, `out`.log.jsonl, and while it runs `out`.checkpoint, the last whole epoch, where `resume` goes on.
    `tensorboard` is a folder for the same log as TensorBoard's events. Under `accelerate launch` the processes share
    each batch; give them a `cache_dir`, and the first one alone encodes. `processes`, if they were found already.
    `source` is what the head's file says of where its training items are from (name, scenes_sha256, split, seed); that
    file remembers the items themselves too, so that nobody scores the head on them unawares.

    Raises InputError for an unknown head, an `out` that exists, too few items, a checkpoint of another run, a picture
    that cannot be read, and where memory runs out; the epochs done are then kept.
    """
    config = config or TrainingConfig()
    _check_request(head, encoder, out, tensorboard)  # before hours of encoding
    processes = processes or find_processes(config.device)
    progress = progress and processes.is_first
    if items_validation is None:
        items_train, items_validation = split_clusters(items_train, config.validation_share, config.seed)
    if cache_dir is not None and not processes.is_first:
        processes.wait()
    with encoding_bar(progress) as advance:
        train, validation = (
            EncodedItems(items, encode_items(encoder, items, cache_dir, progress=advance))
            for items in (items_train, items_validation)
        )
        versions = [augmented(encoder, k, config.seed) for k in range(1, config.augmentations + 1)]
        copies = tuple(encode_items(version, items_train, cache_dir, progress=advance).images for version in versions)
    if cache_dir is not None and processes.is_first:
        processes.wait()
    return train_on_features(
        replace(train, copies=copies),
        validation,
        encoder,
        head=head,
        out=out,
        config=config,
        head_config=head_config,
        progress=progress,
        resume=resume,
        tensorboard=tensorboard,
        processes=processes,
        source=source,
    )


def train_on_features(
    train: EncodedItems,
    validation: EncodedItems,
    encoder: Encoder,
    *,
    head: str,
    out: Path,
    config: TrainingConfig,
    head_config: Mapping[str, Any] | None = None,
    progress: bool = True,
    resume: bool = True,
    tensorboard: Path | None = None,
    processes: Processes | None = None,
    source: Mapping[str, Any] | None = None,
) -> HeadReport:
    """`train_head` from features that are there already."""
    _check_request(head, encoder, out, tensorboard)
    config = replace(config, device=choose_device(config.device))  # what the file says is what was computed on
    started = time.monotonic()
    processes = processes or find_processes(config.device)
    sizes = head_type(head).configure(encoder, train.encoded.images) | dict(head_config or {})
    dataset = describe_training(train.items, train.encoded, source or {})
    checked_hash = hash_items(validation.items, validation.encoded)
    run_identity = _hash_json([head, sizes, asdict(config), dataset["hash"], checked_hash, encoder.identity])

    checkpoint = out.with_name(f"{out.name}.checkpoint")
    fewer = f"a --batch-groups below {config.batch_groups}"
    with torch.random.fork_rng(devices=[]), memory_explained(out, config.device, checkpoint, fewer):
        torch.manual_seed(config.seed)
        network = head_type(head).build(sizes, encoder)
        run = HeadTrainer(network, config, prepare_data(train.items, train.encoded, network, train.copies), processes)
        checked = placed(prepare_data(validation.items, validation.encoded, network), processes.device)
        if resume and checkpoint.is_file():
            run.restore(checkpoint, run_identity)
        processes.wait()  # nobody writes what others still have to read
        run.train(checked, checkpoint, run_identity, out.with_name(f"{out.name}.log.jsonl"), progress, tensorboard)

    metrics = {"validation": run.state.best, "items": len(validation.items)}
    training = asdict(config) | {"epochs_run": run.state.epoch, "best_epoch": run.state.best_epoch}
    if processes.is_first:
        save_head(Head(head, sizes, encoder.name, encoder.identity, run.best_weights, dataset, training, metrics), out)
        checkpoint.unlink(missing_ok=True)
    processes.wait()
    return HeadReport(
        path=out,
        head=head,
        n_parameters=count_parameters(network),
        epochs=run.state.epoch,
        best_epoch=run.state.best_epoch,
        group_scores=run.state.best["group_scores"],
        seconds=time.monotonic() - started,
    )


def why_unfit(head: str, encoder: Encoder) -> str:
    """Why a head cannot be trained for an encoder; empty if it can. Raises InputError for an unknown head."""
    if head_type(head).needs_patches and not encoder.has_patches:
        return f"head {head!r} needs patch tokens and the model {encoder.name!r} has none; labclip does not"
    return ""


def _check_request(head: str, encoder: Encoder, out: Path, tensorboard: Path | None) -> None:
    if reason := why_unfit(head, encoder):
        raise InputError(reason)
    if out.exists():
        raise InputError(f"{out}: exists already and is not overwritten; choose another name or delete it")
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist; create it first")
    if tensorboard is not None and find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs its package: pip install tensorboard")


def _hash_json(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
