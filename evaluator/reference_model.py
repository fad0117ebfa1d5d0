"""Training of `fourfold-tiny`: a small CLIP on natural scenes of our generator, with CLIP's contrastive loss.

It sees single pictures with web-like captions (generator.natural): no groups, no adversarial captions, no negation.
What it then fails at is the model organism that the scorers are shown on.

Half of what it sees are close-ups, cut out around one object and captioned with it alone, as much of the web is.

Two things differ from training on the web. In a world of a few kinds, "a cube" is true of many pictures of a batch. The
claims behind the captions say of which, and those count as positives too. And each picture brings several of its
captions to the batch, for the text tower costs a fraction of the image tower.
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
from evaluator.encoders.batches import DTYPES, checked_dtype
from evaluator.encoders.openclip import new_open_clip
from generator.dataset import NATURAL, file_hash, inside, open_source, read_manifest, read_rows
from generator.natural import MENTIONS, close_up_caption
from scenes.claims import claim_to_dict
from scenes.errors import InputError
from scenes.layout import layout_from_dict

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class TinyTraining:
    """How fourfold-tiny is trained."""

    steps: int = 8000
    batch_size: int = 64  # pictures
    captions: int = 3  # of each picture
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 200
    close_ups: float = 0.5  # share of close-ups
    shift: float = 0.05  # random displacement, as a share of the picture
    dtype: str = "float32"  # of the image tower's arithmetic; "bfloat16" is twice as fast where the processor has AMX
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
    checked_dtype(training.dtype)
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
    save_file(_half_weights(model), out / WEIGHTS)
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
    with Image.open(open_source(inside(folder, row["file_name"]))) as image:
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
        model.parameters(),
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        betas=(0.9, 0.98),
        fused=True,  # a fourth of the time, of which the token embedding takes most
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
        rate = training.learning_rate * _schedule(step, training)
        loss = _step(model, optimizer, batch, rate, device, DTYPES[training.dtype])
        if (step + 1) % _CHECK_EVERY == 0 or step + 1 == training.steps:
            precision = precision_at_1(model, validation, size, device)
            history.append({"step": step + 1, "loss": round(loss, 4), "image_to_text_precision_at_1_of_100": precision})
            bar.set_postfix(loss=f"{loss:.3f}", p1=f"{precision:.3f}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "step": step + 1, "history": history}, checkpoint)
    return history


def _step(
    model: Any, optimizer: torch.optim.Optimizer, batch: "Batch", rate: float, device: str, dtype: torch.dtype
) -> float:
    for group in optimizer.param_groups:
        group["lr"] = rate
    pixels = batch.pixels.to(device, memory_format=torch.channels_last)
    with torch.autocast(device, dtype, enabled=dtype != torch.float32):
        image = model.encode_image(pixels, normalize=False)
    text = _encode_distinct(model, batch.tokens.to(device))
    logits = model.logit_scale.exp() * _unit(image) @ text.T  # [b, b * c]
    true = torch.from_numpy(batch.true).to(device)
    loss = (_positive_loss(logits, true) + _positive_loss(logits.T, true.T)) / 2
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return float(loss.detach())


def _positive_loss(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Minus the log of the share of each row's softmax that falls on its positives; one at least in every row."""
    positives = logits.masked_fill(~true, -torch.inf)
    return (torch.logsumexp(logits, dim=1) - torch.logsumexp(positives, dim=1)).mean()


def _encode_distinct(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Text features [n, d] of unit length; captions that occur twice are encoded once."""
    distinct, index = torch.unique(tokens, dim=0, return_inverse=True)
    return _unit(model.encode_text(distinct, normalize=False))[index]


def _unit(features: torch.Tensor) -> torch.Tensor:
    return functional.normalize(features.float(), dim=-1)


@dataclass(frozen=True)
class Batch:
    """What one step sees."""

    pixels: torch.Tensor  # [b, 3, s, s] in -1..1
    tokens: torch.Tensor  # [b * c, t], those of a picture next to each other
    true: np.ndarray  # [b, b * c] bool: caption j of picture i


def sample_batch(scenes: Scenes, training: TinyTraining, size: int, rng: np.random.Generator) -> Batch:
    """Whole scenes and close-ups, mirrored half of the time (captions name no sides), with some captions each."""
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
    c = min(training.captions, scenes.tokens.shape[1], _VARIANTS)
    of, thing = rows[:, None], which[:, None]
    caption, variant = _some(scenes.tokens.shape[1], n, c, rng), _some(_VARIANTS, n, c, rng)  # [b, c]
    claims = np.where(
        close[:, None, None, None], scenes.close_up_claims[of, thing, variant], scenes.claims[of, caption]
    )
    tokens = torch.where(
        torch.from_numpy(close)[:, None, None], scenes.close_up_tokens[of, thing, variant], scenes.tokens[of, caption]
    )
    own = np.repeat(np.eye(n, dtype=bool), c, axis=1)
    true = truths(objects, claims.reshape(n * c, *claims.shape[2:])) | own  # a displaced picture keeps its captions
    return Batch(view(scenes.pixels[rows], windows, mirrored, size), tokens.reshape(n * c, -1), true)


def _some(available: int, rows: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """So many different indices below `available` in each row: [rows, number]."""
    return rng.random((rows, available)).argsort(axis=1)[:, :number]


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
    seen = functional.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return seen / 127.5 - 1  # now, for there are fewer pixels than before


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
        image = _unit(model.encode_image(whole.to(device), normalize=False))
        text = _encode_distinct(model, scenes.tokens[part, 0].to(device))
        true = truths(scenes.objects[part], scenes.claims[part, 0])
        hits.append(true[np.arange(pool), (image @ text.T).argmax(dim=1).cpu().numpy()])
    model.train()
    return round(float(np.concatenate(hits).mean()), 4)


def _half_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights in half precision; counters stay integers."""
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    return {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
