"""Training of `fourfold-tiny`: a small CLIP on natural scenes of our generator, with CLIP's contrastive loss.

It sees single pictures with web-like captions (fourfold.generator.groups.natural): no groups, no adversarial captions,
no negation. What it then fails at is the model organism that the scorers are shown on.

Half of what it sees are close-ups, cut out around one object and captioned with it alone, as much of the web is.

Two things differ from training on the web. In a world of a few kinds, "a cube" is true of many pictures of a batch. The
claims behind the captions say of which, and those count as positives too; what a picture leaves open is neither. And
each picture brings several of its captions to the batch, for the text tower costs a fraction of the image tower.
"""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.encoders.batches import DTYPES, checked_dtype
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY_FOLDER
from fourfold.evaluator.encoders.devices import checked_device
from fourfold.evaluator.encoders.features import send
from fourfold.evaluator.encoders.openclip import new_open_clip
from fourfold.evaluator.training.ahead import made_ahead
from fourfold.evaluator.training.checkpoints import read_checkpoint, write_checkpoint
from fourfold.evaluator.training.memory import memory_explained
from fourfold.evaluator.training.natural_scenes import (
    PictureBatch,
    Sampling,
    Scenes,
    load_scenes,
    sample_batch,
    truths,
    view,
)
from fourfold.files import write_file_with
from fourfold.generator.dataset.reading import file_hash, read_manifest

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class TinyTraining:
    """How fourfold-tiny is trained."""

    steps: int = 8000
    batch_size: int = 64  # pictures
    captions: int = 6  # of each picture
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 200
    close_ups: float = 0.5  # share of close-ups
    shift: float = 0.05  # random displacement, as a share of the picture
    dtype: str = "float32"  # of the image tower's arithmetic; "bfloat16" is twice as fast where the processor has AMX
    seed: int = 0


def train_tiny(
    dataset: Path,
    out: Path,
    *,
    training: TinyTraining | None = None,
    model_folder: Path = TINY_FOLDER,
    device: str = AUTO_DEVICE,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Train the reference model on the splits "train" and "validation" of a dataset of natural scenes.

    Writes an open_clip `local-dir:` folder: configuration, fp16 weights, and `training.json` with what was done and
    reached; returns what that holds. An interrupted run goes on from its last checkpoint in `out`. So many `workers`,
    threads, cut the pictures of later steps while a step is made: by default as many as there are processors, and one
    where the model itself runs on them. What is learnt does not depend on their number. Raises InputError for a
    checkpoint of another run, for a picture that is broken or of another size, and where memory runs out; what was
    learnt up to the checkpoint is then kept.
    """
    training = training or TinyTraining()
    checked_dtype(training.dtype)
    chosen = checked_device(device)
    if (out / WEIGHTS).exists():
        raise InputError(f"{out}: holds {WEIGHTS} already and is not overwritten; give another folder")
    manifest = read_manifest(dataset)
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    model, tokenize = new_open_clip(model_folder, training.seed)
    read = {split: load_scenes(dataset, split, tokenize, os.cpu_count() or 1) for split in _SPLITS}
    for split, least in (("train", training.batch_size), ("validation", _POOL)):
        if len(read[split].pixels) < least:
            raise InputError(f"{dataset}: {len(read[split].pixels)} scenes in its split {split!r}, {least} are needed")
    config = (model_folder / CONFIG).read_text(encoding="utf-8")
    size = json.loads(config)["model_cfg"]["vision_cfg"]["image_size"]
    checkpoint = out / "checkpoint.pt"
    identity = json.dumps([asdict(training), manifest["scenes_sha256"], config])
    workers = workers or (1 if chosen.type == "cpu" else os.cpu_count() or 1)  # a processor has its own work
    with memory_explained(out, str(chosen), checkpoint, f"a --batch-size below {training.batch_size}"):
        history = _fit(
            model, read["train"], read["validation"], training, size, checkpoint, identity, chosen, progress, workers
        )
    write_file_with(out / WEIGHTS, lambda aside: save_file(_half_weights(model), aside))
    (out / CONFIG).write_text(config, encoding="utf-8")
    record = {
        "dataset": {"recipe": manifest["name"], "scenes_sha256": manifest["scenes_sha256"]},
        "training": asdict(training),
        "device": str(chosen),
        "seconds": round(time.monotonic() - started),
        "parameters": sum(p.numel() for p in model.parameters()),
        "history": history,
        "weights_sha256": file_hash(out / WEIGHTS),
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    checkpoint.unlink(missing_ok=True)
    return record


_NEVER = -1e4  # a logit whose share of a softmax is 0; an infinite one has no gradient where all are so
_CHECK_EVERY = 250  # steps between looks at the validation scenes, and between checkpoints
_POOL = 100  # captions that a picture chooses among when the model is looked at
_SPLITS = ("train", "validation")
_IN_CHECKPOINT = ("model", "optimizer", "step", "history")


def _fit(
    model: Any,
    train: Scenes,
    validation: Scenes,
    training: TinyTraining,
    size: int,
    checkpoint: Path,
    identity: str,
    device: torch.device,
    progress: bool,
    workers: int = 1,
) -> list[dict[str, float]]:
    model.to(device)
    optimizer = new_optimizer(model, training)
    start, history = 0, []
    if checkpoint.is_file():
        state = read_checkpoint(checkpoint, _IN_CHECKPOINT, identity, str(device))
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, history = state["step"], state["history"]

    steps = range(start, training.steps)
    made = picture_batches(train, training, size, steps, workers, device)
    bar = tqdm(zip(steps, made, strict=True), initial=start, total=training.steps, disable=None if progress else True)
    for step, batch in bar:
        rate = training.learning_rate * _schedule(step, training)
        loss = learn(model, optimizer, batch, rate, device, DTYPES[training.dtype])
        if (step + 1) % _CHECK_EVERY == 0 or step + 1 == training.steps:
            precision = precision_at_1(model, validation, size, device)
            history.append(
                {"step": step + 1, "loss": round(float(loss), 4), "image_to_text_precision_at_1_of_100": precision}
            )
            bar.set_postfix(loss=f"{float(loss):.3f}", p1=f"{precision:.3f}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            write_checkpoint(checkpoint, {**state, "step": step + 1, "history": history}, identity)
    return history


def new_optimizer(model: Any, training: TinyTraining) -> torch.optim.Optimizer:
    """The optimiser of a new run."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        betas=(0.9, 0.98),
        fused=True,  # a fourth of the time, of which the token embedding takes most
    )


def picture_batches(
    scenes: Scenes, training: TinyTraining, size: int, steps: Iterable[int], workers: int, device: torch.device
) -> Iterator[PictureBatch]:
    """The batches of these steps, cut to `size` pixels by so many threads that are ahead of the model."""
    sampling = Sampling(training.batch_size, training.captions, training.close_ups, training.shift, size)

    def make(step: int) -> PictureBatch:
        # The batch depends on seed and step alone, so that a resumed run sees what an uninterrupted one sees.
        batch = sample_batch(scenes, sampling, np.random.default_rng([training.seed, step]))
        return replace(batch, pixels=batch.pixels.pin_memory()) if device.type == "cuda" else batch

    return made_ahead(make, steps, workers)


def learn(
    model: Any,
    optimizer: torch.optim.Optimizer,
    batch: PictureBatch,
    rate: float,
    device: torch.device,
    dtype: torch.dtype,
) -> torch.Tensor:
    """One step; its loss, still on the device: whoever does not read it does not wait for a GPU."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    pixels = batch.pixels.to(device, memory_format=torch.channels_last, non_blocking=device.type == "cuda")
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        image = model.encode_image(pixels, normalize=False)
    text = _encode_distinct(model, batch.tokens, device)
    logits = model.logit_scale.exp() * _unit(image) @ text.T  # [b, b * c]
    true, false = (send(x, device) for x in (batch.true, ~(batch.true | batch.ambiguous)))
    loss = (_contrastive_loss(logits, true, false) + _contrastive_loss(logits.T, true.T, false.T)) / 2
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return loss.detach()


def _contrastive_loss(logits: torch.Tensor, true: torch.Tensor, false: torch.Tensor) -> torch.Tensor:
    """CLIP's loss of every true pair against the false ones of its row, averaged in each row; one true in every row.

    Each true caption has to beat the false ones by itself. Were their softmax added up, the easiest of them would do,
    and "a large cube" would never be asked to come before "a small cube" where "a cube" is there too.
    """
    rivals = torch.logsumexp(logits.masked_fill(~false, _NEVER), dim=1, keepdim=True)
    losses = functional.softplus(rivals - logits) * true
    return (losses.sum(dim=1) / true.sum(dim=1)).mean()


def _encode_distinct(model: Any, tokens: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Text features [n, d] of unit length, on the device; captions that occur twice are encoded once."""
    distinct, index = (send(x.numpy(), device) for x in torch.unique(tokens, dim=0, return_inverse=True))
    return _unit(model.encode_text(distinct, normalize=False))[index]


def _unit(features: torch.Tensor) -> torch.Tensor:
    return functional.normalize(features.float(), dim=-1)


def _schedule(step: int, training: TinyTraining) -> float:
    if step < training.warmup:
        return (step + 1) / training.warmup
    done = (step - training.warmup) / max(1, training.steps - training.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def precision_at_1(model: Any, scenes: Scenes, size: int, device: torch.device) -> float:
    """How often the nearest of 100 pictures' first captions is true of a picture."""
    model.eval()
    hits = []
    for start in range(0, len(scenes.pixels) - _POOL + 1, _POOL):
        part = slice(start, start + _POOL)
        whole = view(scenes.pixels[part], np.tile([0.5, 0.5, 1.0], (_POOL, 1)), np.zeros(_POOL, dtype=bool), size)
        image = _unit(model.encode_image(whole.to(device), normalize=False))
        text = _encode_distinct(model, scenes.tokens[part, 0], device)
        true = truths(scenes.objects[part], scenes.claims[part, 0])
        hits.append(true[np.arange(_POOL), (image @ text.T).argmax(dim=1).cpu().numpy()])
    model.train()
    return round(float(np.concatenate(hits).mean()), 4)


def _half_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights in half precision; counters stay integers."""
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    return {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
