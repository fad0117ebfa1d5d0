"""Training of `fourfold-tiny`: a small CLIP on natural scenes of our generator, with CLIP's own loss and nothing else.

It sees single pictures with web-like captions (generator.natural): no groups, no adversarial captions, no negation.
What it then fails at is the model organism that the scorers are shown on.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from evaluator.encoders import TINY_FOLDER
from evaluator.encoders.openclip import new_open_clip
from generator.dataset import NATURAL, file_hash, inside, read_manifest, read_rows
from scenes.errors import InputError

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class TinyTraining:
    """How fourfold-tiny is trained."""

    steps: int = 4000
    batch_size: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    warmup: int = 200
    shift: int = 6  # pixels of random displacement
    seed: int = 0


@dataclass(frozen=True)
class Scenes:
    """Pictures and tokenized captions of one split, in memory."""

    pixels: torch.Tensor  # [n, 3, s, s] uint8
    tokens: torch.Tensor  # [n, c, t] int64


def train_tiny(
    dataset: Path,
    out: Path,
    *,
    training: TinyTraining | None = None,
    model_folder: Path = TINY_FOLDER,
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Train the reference model on the splits "train" and "validation" of a dataset of natural scenes.

    Writes an open_clip `local-dir:` folder: configuration, fp16 weights, and `training.json` with what was done and
    reached. An interrupted run goes on from its last checkpoint in `out`. Returns what training.json holds.
    """
    training = training or TinyTraining()
    if (out / WEIGHTS).exists():
        raise InputError(f"{out}: holds {WEIGHTS} already and is not overwritten; give another folder")
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    model, tokenize = new_open_clip(model_folder, training.seed)
    size = int(_config(model_folder)["vision_cfg"]["image_size"])
    read = {split: load_scenes(dataset, split, size, tokenize) for split in _SPLITS}
    model = model.to(device)
    history = _fit(model, read["train"], read["validation"], training, out / "checkpoint.pt", device, progress)
    save_file({key: value.half().contiguous() for key, value in _weights(model).items()}, out / WEIGHTS)
    (out / CONFIG).write_text((model_folder / CONFIG).read_text(encoding="utf-8"), encoding="utf-8")
    record = {
        "dataset": {"recipe": read_manifest(dataset)["name"], "scenes_sha256": read_manifest(dataset)["scenes_sha256"]},
        "training": asdict(training),
        "device": device,
        "seconds": round(time.monotonic() - started),
        "parameters": sum(p.numel() for p in model.parameters()),
        "history": history,
        "weights_sha256": file_hash(out / WEIGHTS),
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (out / "checkpoint.pt").unlink(missing_ok=True)
    return record


_SPLITS = ("train", "validation")


def _config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"]


def load_scenes(dataset: Path, split: str, size: int, tokenize: Callable[[list[str]], torch.Tensor]) -> Scenes:
    """Natural scenes of one split: pictures shrunk to size x size, every caption tokenized."""
    rows = [row for row in read_rows(dataset, split) if row["category"] == NATURAL]
    if not rows:
        raise InputError(f"{dataset}: split {split!r} holds no natural scenes; generate the recipe `fourfold-tiny`")
    pixels = torch.zeros((len(rows), 3, size, size), dtype=torch.uint8)
    for i, row in enumerate(tqdm(rows, desc=f"reading {split}", disable=None)):
        with Image.open(inside(dataset / split, row["file_name"])) as image:
            small = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        pixels[i] = torch.from_numpy(np.array(small)).permute(2, 0, 1)
    captions = [[caption["text"] for caption in row["captions"]] for row in rows]
    ids = tokenize([text for texts in captions for text in texts])
    return Scenes(pixels, ids.reshape(len(rows), len(captions[0]), -1))


def _fit(
    model: Any,
    train: Scenes,
    validation: Scenes,
    training: TinyTraining,
    checkpoint: Path,
    device: str,
    progress: bool,
) -> list[dict[str, float]]:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, betas=(0.9, 0.98)
    )
    start, history = 0, []
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, history = state["step"], state["history"]
    bar = tqdm(range(start, training.steps), initial=start, total=training.steps, disable=None if progress else True)
    for step in bar:
        loss = _step(model, optimizer, train, training, step, device)
        if (step + 1) % 250 == 0 or step + 1 == training.steps:
            recall = recall_at_1(model, validation, device)
            history.append({"step": step + 1, "loss": round(loss, 4), "image_to_text_r1_of_100": recall})
            bar.set_postfix(loss=f"{loss:.3f}", r1=f"{recall:.3f}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "step": step + 1, "history": history}, checkpoint)
    return history


def _step(
    model: Any,
    optimizer: torch.optim.Optimizer,
    train: Scenes,
    training: TinyTraining,
    step: int,
    device: str,
) -> float:
    # The batch depends on seed and step alone, so that a resumed run sees what an uninterrupted one sees.
    rng = np.random.default_rng([training.seed, step])
    rows = torch.from_numpy(rng.choice(len(train.pixels), size=training.batch_size, replace=False))
    which = torch.from_numpy(rng.integers(train.tokens.shape[1], size=training.batch_size))
    pixels = _augment(_normalized(train.pixels[rows].to(device)), training.shift, rng)
    for group in optimizer.param_groups:
        group["lr"] = training.learning_rate * _schedule(step, training)
    image, text, scale = _embed(model, pixels, train.tokens[rows, which].to(device))
    logits = scale * image @ text.T  # [b, b]
    target = torch.arange(len(logits), device=device)
    loss = (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return float(loss.detach())


def _embed(model: Any, pixels: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = model.encode_image(pixels, normalize=True)
    text = model.encode_text(tokens, normalize=True)
    return image, text, model.logit_scale.exp()


def _normalized(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes to -1..1: mean and deviation 0.5, as the model's preprocessing has it."""
    return pixels.float() / 127.5 - 1


def _augment(pixels: torch.Tensor, shift: int, rng: np.random.Generator) -> torch.Tensor:
    """Mirror half of the batch (captions name no sides) and displace all of it by a few pixels."""
    mirrored = torch.from_numpy(rng.random(len(pixels)) < 0.5).to(pixels.device)
    pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
    dx, dy = (int(v) for v in rng.integers(-shift, shift + 1, size=2))
    padded = functional.pad(pixels, (shift,) * 4, mode="replicate")
    size = pixels.shape[-1]
    return padded[..., shift + dy : shift + dy + size, shift + dx : shift + dx + size]


def _schedule(step: int, training: TinyTraining) -> float:
    if step < training.warmup:
        return (step + 1) / training.warmup
    done = (step - training.warmup) / max(1, training.steps - training.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def recall_at_1(model: Any, scenes: Scenes, device: str, pool: int = 100) -> float:
    """How often a picture's first caption is the nearest of the first captions of `pool` pictures."""
    model.eval()
    hits = []
    for start in range(0, len(scenes.pixels) - pool + 1, pool):
        part = slice(start, start + pool)
        image, text, _ = _embed(model, _normalized(scenes.pixels[part].to(device)), scenes.tokens[part, 0].to(device))
        hits.append((image @ text.T).argmax(dim=1) == torch.arange(pool, device=device))
    model.train()
    return round(float(torch.cat(hits).float().mean()), 4)


def _weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().cpu() for key, value in model.state_dict().items()}
