"""Training of `fourfold-tiny`: a small CLIP on natural scenes of our generator, with CLIP's contrastive loss.

It sees single pictures with web-like captions (generator.natural): no groups, no adversarial captions, no negation.
What it then fails at is the model organism that the scorers are shown on.

Half of what it sees are close-ups, cut out around one object and captioned with it alone, as much of the web is.

One thing differs from training on the web: in a world of a few kinds, "a cube" is true of many pictures of a batch. The
claims behind the captions say of which, and those count as positives too (the target is shared among them).
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
from generator.natural import MENTIONS, close_up_caption
from scenes.claims import claim_to_dict
from scenes.errors import InputError
from scenes.layout import layout_from_dict

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class TinyTraining:
    """How fourfold-tiny is trained."""

    steps: int = 7000
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup: int = 200
    close_ups: float = 0.5  # share of close-ups
    shift: float = 0.05  # random displacement, as a share of the picture
    seed: int = 0


@dataclass(frozen=True)
class Scenes:
    """Pictures, tokenized captions and their meaning (words as numbers) of one split, in memory."""

    pixels: torch.Tensor  # [n, 3, p, p] uint8, as rendered
    tokens: torch.Tensor  # [n, c, t] int64: captions of the scene
    close_up_tokens: torch.Tensor  # [n, o, v, t] int64: captions of each object alone
    objects: np.ndarray  # [n, o, a] int: attributes of each object, MISSING where there is none
    boxes: np.ndarray  # [n, o, 4] left, top, right, bottom as shares of the picture
    claims: np.ndarray  # [n, c, m, a] int: attributes of each object that is claimed to be there, ANY where not said
    close_up_claims: np.ndarray  # [n, o, v, m, a] int


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
    manifest = read_manifest(dataset)
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    model, tokenize = new_open_clip(model_folder, training.seed)
    read = {split: load_scenes(dataset, split, tokenize) for split in _SPLITS}
    model = model.to(device)
    size = json.loads((model_folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"]["vision_cfg"]["image_size"]
    history = _fit(model, read["train"], read["validation"], training, size, out / "checkpoint.pt", device, progress)
    save_file({key: value.half().contiguous() for key, value in _weights(model).items()}, out / WEIGHTS)
    (out / CONFIG).write_text((model_folder / CONFIG).read_text(encoding="utf-8"), encoding="utf-8")
    record = {
        "dataset": {"recipe": manifest["name"], "scenes_sha256": manifest["scenes_sha256"]},
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


_CHECK_EVERY = 250  # steps between looks at the validation scenes, and between checkpoints
_SPLITS = ("train", "validation")


def load_scenes(dataset: Path, split: str, tokenize: Callable[[list[str]], torch.Tensor]) -> Scenes:
    """Natural scenes of one split with every caption tokenized, and captions of their objects alone."""
    rows = [row for row in read_rows(dataset, split) if row["category"] == NATURAL]
    if not rows:
        raise InputError(f"{dataset}: split {split!r} holds no natural scenes; generate the recipe `fourfold-tiny`")
    side = _open(dataset / split, rows[0]).shape[0]
    pixels = torch.zeros((len(rows), 3, side, side), dtype=torch.uint8)  # gigabytes: never held twice
    for i, row in enumerate(tqdm(rows, desc=f"reading {split}", disable=None)):
        pixels[i] = torch.from_numpy(_open(dataset / split, row)).permute(2, 0, 1)
    close_ups = [_close_ups(row, i) for i, row in enumerate(rows)]
    words: dict[str, int] = {}
    captions = [[(c["text"], json.loads(c["claim"])) for c in row["captions"]] for row in rows]
    most = max(len(row["objects"]) for row in rows)
    return Scenes(
        pixels=pixels,
        tokens=_tokens(captions, tokenize),
        close_up_tokens=_tokens([_flat(row, most) for row in close_ups], tokenize).reshape(
            len(rows), most, _VARIANTS, -1
        ),
        objects=np.array([_numbers(row["objects"], most, MISSING, words) for row in rows]),
        boxes=np.array([[t["bbox"] for t in _padded(row["objects"], most)] for row in rows]) / side,
        claims=_claims(captions, words),
        close_up_claims=_claims([_flat(row, most) for row in close_ups], words).reshape(
            len(rows), most, _VARIANTS, max(MENTIONS), len(_ATTRIBUTES)
        ),
    )


def _open(folder: Path, row: dict[str, Any]) -> np.ndarray:
    with Image.open(inside(folder, row["file_name"])) as image:
        return np.array(image.convert("RGB"))


ANY, MISSING = -1, -2
_ATTRIBUTES = ("shape", "color", "size", "material", "pattern")
_VARIANTS = 3  # captions of a close-up

Captions = list[list[tuple[str, dict[str, Any]]]]  # text and claim, by scene


def _close_ups(row: dict[str, Any], index: int) -> list[list[tuple[str, dict[str, Any]]]]:
    rng = np.random.default_rng([index])
    things = layout_from_dict(row).objects
    made = [[close_up_caption(thing, rng) for _ in range(_VARIANTS)] for thing in things]
    return [[(text, claim_to_dict(claim)) for text, claim in captions] for captions in made]


def _padded(values: list[Any], most: int) -> list[Any]:
    """As many values as the fullest scene has; the last one again where there are fewer."""
    return values + values[-1:] * (most - len(values))


def _flat(close_ups: list[list[tuple[str, dict[str, Any]]]], most: int) -> list[tuple[str, dict[str, Any]]]:
    return [caption for captions in _padded(close_ups, most) for caption in captions]


def _tokens(captions: Captions, tokenize: Callable[[list[str]], torch.Tensor]) -> torch.Tensor:
    texts = {text: k for k, text in enumerate(dict.fromkeys(text for row in captions for text, _ in row))}
    ids = tokenize(list(texts))
    return ids[torch.tensor([[texts[text] for text, _ in row] for row in captions])]


def _numbers(things: list[dict[str, Any]], most: int, default: int, words: dict[str, int]) -> list[list[int]]:
    """Attributes of things as numbers of words, one row a thing, filled up with rows of the default."""
    rows = [[words.setdefault(t[n], len(words)) if n in t else default for n in _ATTRIBUTES] for t in things]
    return rows + [[default] * len(_ATTRIBUTES)] * (most - len(rows))


def _claims(captions: Captions, words: dict[str, int]) -> np.ndarray:
    """Claimed objects [n, c, m, a] of captions."""
    return np.array([[_numbers(_claimed(c), max(MENTIONS), ANY, words) for _, c in row] for row in captions])


def _claimed(claim: dict[str, Any]) -> list[dict[str, Any]]:
    """The descriptions in a conjunction of existence claims, which is all that natural captions say."""
    if claim["type"] == "Both":
        return _claimed(claim["first"]) + _claimed(claim["second"])
    return [claim["description"]]


def truths(objects: np.ndarray, claims: np.ndarray) -> np.ndarray:
    """Which claims [c, m, a] are true of which scenes' objects [n, o, a]: [n, c] bool."""
    wanted, there = claims[None, :, :, None], objects[:, None, None]  # [1, c, m, 1, a], [n, 1, 1, o, a]
    fits = ((wanted == ANY) | (wanted == there)).all(axis=-1)  # [n, c, m, o]
    return fits.any(axis=-1).all(axis=-1)


def _fit(
    model: Any,
    train: Scenes,
    validation: Scenes,
    training: TinyTraining,
    size: int,
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
        # The batch depends on seed and step alone, so that a resumed run sees what an uninterrupted one sees.
        batch = sample_batch(train, training, size, np.random.default_rng([training.seed, step]))
        loss = _step(model, optimizer, batch, training.learning_rate * _schedule(step, training), device)
        if (step + 1) % _CHECK_EVERY == 0 or step + 1 == training.steps:
            precision = precision_at_1(model, validation, size, device)
            history.append({"step": step + 1, "loss": round(loss, 4), "image_to_text_precision_at_1_of_100": precision})
            bar.set_postfix(loss=f"{loss:.3f}", p1=f"{precision:.3f}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "step": step + 1, "history": history}, checkpoint)
    return history


def _step(model: Any, optimizer: torch.optim.Optimizer, batch: "Batch", rate: float, device: str) -> float:
    for group in optimizer.param_groups:
        group["lr"] = rate
    image, text, scale = _embed(model, batch.pixels.to(device), batch.tokens.to(device))
    logits = scale * image @ text.T  # [b, b]
    target = torch.from_numpy(batch.true).to(device, logits.dtype)
    loss = (_shared_target_loss(logits, target) + _shared_target_loss(logits.T, target.T)) / 2
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return float(loss.detach())


def _shared_target_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each row against its positives, which share the row's target."""
    return functional.cross_entropy(logits, target / target.sum(dim=1, keepdim=True))


def _embed(model: Any, pixels: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = model.encode_image(pixels, normalize=True)
    text = model.encode_text(tokens, normalize=True)
    return image, text, model.logit_scale.exp()


@dataclass(frozen=True)
class Batch:
    """What one step sees."""

    pixels: torch.Tensor  # [b, 3, s, s] in -1..1
    tokens: torch.Tensor  # [b, t]
    true: np.ndarray  # [b, b] bool: caption j of picture i


def sample_batch(scenes: Scenes, training: TinyTraining, size: int, rng: np.random.Generator) -> Batch:
    """Whole scenes and close-ups, mirrored half of the time (captions name no sides), with one caption each."""
    n = training.batch_size
    rows = rng.choice(len(scenes.pixels), size=n, replace=False)
    close, mirrored = rng.random(n) < training.close_ups, rng.random(n) < 0.5
    number = (scenes.objects[rows, :, 0] != MISSING).sum(axis=1)
    which = rng.integers(number)  # the object of a close-up
    windows = np.where(
        close[:, None], _around(scenes.boxes[rows, which], rng), np.array([[0.5, 0.5, 1.0]])
    )  # [b, 3] centre x, y and side
    windows[:, :2] += rng.uniform(-training.shift, training.shift, size=(n, 2)) * windows[:, 2:]
    centres = (scenes.boxes[rows, :, :2] + scenes.boxes[rows, :, 2:]) / 2  # [b, o, 2]
    shown = (np.abs(centres - windows[:, None, :2]) < windows[:, None, 2:] / 2).all(axis=-1)
    objects = np.where(shown[..., None], scenes.objects[rows], MISSING)
    caption, variant = rng.integers(scenes.tokens.shape[1], size=n), rng.integers(_VARIANTS, size=n)
    claims = np.where(close[:, None, None], scenes.close_up_claims[rows, which, variant], scenes.claims[rows, caption])
    tokens = torch.where(
        torch.from_numpy(close)[:, None], scenes.close_up_tokens[rows, which, variant], scenes.tokens[rows, caption]
    )
    true = truths(objects, claims) | np.eye(n, dtype=bool)  # a displaced picture keeps its caption
    return Batch(view(scenes.pixels[rows], windows, mirrored, size), tokens, true)


def _around(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Square windows [b, 3] (centre x, y and side) around boxes [b, 4], from tight to wide."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    largest = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    sides = np.minimum(largest * rng.uniform(1.15, 2.6, size=len(boxes)), 1.0)
    return np.column_stack([centres, sides])


def view(pixels: torch.Tensor, windows: np.ndarray, mirrored: np.ndarray, size: int) -> torch.Tensor:
    """Windows [b, 3] of pictures [b, 3, p, p] uint8 as [b, 3, size, size] in -1..1 (mean and deviation 0.5)."""
    sides = np.where(mirrored, -1.0, 1.0) * windows[:, 2]
    theta = np.zeros((len(windows), 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 1, 1] = sides, windows[:, 2]
    theta[:, :, 2] = 2 * windows[:, :2] - 1
    grid = functional.affine_grid(torch.from_numpy(theta), [len(windows), 3, size, size], align_corners=False)
    values = pixels.float() / 127.5 - 1
    return functional.grid_sample(values, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _schedule(step: int, training: TinyTraining) -> float:
    if step < training.warmup:
        return (step + 1) / training.warmup
    done = (step - training.warmup) / max(1, training.steps - training.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def precision_at_1(model: Any, scenes: Scenes, size: int, device: str, pool: int = 100) -> float:
    """How often the nearest of `pool` pictures' first captions is true of a picture."""
    model.eval()
    hits = []
    for start in range(0, len(scenes.pixels) - pool + 1, pool):
        part = slice(start, start + pool)
        whole = view(scenes.pixels[part], np.tile([0.5, 0.5, 1.0], (pool, 1)), np.zeros(pool, dtype=bool), size)
        image, text, _ = _embed(model, whole.to(device), scenes.tokens[part, 0].to(device))
        true = truths(scenes.objects[part], scenes.claims[part, 0])
        hits.append(true[np.arange(pool), (image @ text.T).argmax(dim=1).cpu().numpy()])
    model.train()
    return round(float(np.concatenate(hits).mean()), 4)


def _weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().cpu() for key, value in model.state_dict().items()}
