"""How fast is training on a device, and does the model wait for its data? Data of the usual sizes, made up with a seed.

    python benchmarks/training_speed.py                     # the best device there is; an H100 takes about a minute
    python benchmarks/training_speed.py --groups 200 --steps 4 --device cpu     # how it goes, without the claims

Heads: `dcsm` learns from 12,000 groups of two pictures and four captions through the call that `train-head` makes, once
with the features of `fourfold-tiny` and once with those of ViT-B-16; checkpoints and validation are in its time. Of
`--epochs` the later ones count for those up to 20. Claim, on a GPU: 20 epochs in 2 minutes.

Reference model: `train-tiny`'s steps while its workers cut the pictures, and the same steps with batches that are there
already. What the first take longer is what is lost to waiting for pictures. Claim, on a GPU: a tenth at most.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import click
import numpy as np
import torch
from command import run
from torch.nn.functional import normalize

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders.contract import TINY_FOLDER, Encoder
from fourfold.evaluator.encoders.devices import choose_device
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.openclip import new_open_clip
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.training.natural_scenes import PictureBatch, Scenes
from fourfold.evaluator.training.reference_model import TinyTraining, learn, new_optimizer, picture_batches
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig, train_on_features

EPOCHS, SECONDS = 20, 120.0
MOST_LOST = 0.1
WORDS = ("a", "red", "blue", "cube", "sphere", "mug", "left", "of", "above", "no", "not", "without", "and", "but")
CAPTIONS, LONGEST = 4, 20  # of a group, and words of the longest
VECTORS = 4096  # different ones, from which features are put together: speed does not depend on them


@dataclass(frozen=True)
class Model:
    """What training reads of an encoder."""

    name: str
    embed_dim: int
    side: int  # of the grid of patches
    context_length: int
    has_patches: bool = True

    @property
    def identity(self) -> str:
        """Two of the same sizes are the same."""
        return self.name


MODELS = (Model("fourfold-tiny", 96, 7, 24), Model("ViT-B-16", 512, 14, 77))


def make_groups(model: Model, n: int, seed: int) -> EncodedItems:
    """So many groups as a model of these sizes would encode them."""
    rng = np.random.default_rng(seed)
    vectors = normalize(torch.from_numpy(rng.normal(size=(VECTORS, model.embed_dim)).astype(np.float32)), dim=-1)
    vectors = vectors.half().float()  # as encoded patches and tokens are

    def some(*shape: int) -> torch.Tensor:
        return vectors[torch.from_numpy(rng.integers(VECTORS, size=shape))]

    images = ImageFeatures(
        keys=np.array([f"{seed}-{row}" for row in range(2 * n)]),
        pooled=some(2 * n),
        patches=some(2 * n, model.side**2),
        grid=(model.side, model.side),
    )
    lengths = rng.integers(6, LONGEST + 1, size=CAPTIONS * n)
    mask = np.arange(model.context_length) < lengths[:, None]
    words = np.array([f"{word}</w>" for word in WORDS])[rng.integers(len(WORDS), size=mask.shape)]
    texts = TextFeatures(
        texts=np.array([f"caption {seed}-{row}" for row in range(CAPTIONS * n)]),
        pooled=some(CAPTIONS * n),
        tokens=some(*mask.shape),
        mask=torch.from_numpy(mask),
        token_strings=np.where(mask, words, ""),
    )
    truth = np.tile(np.eye(2, dtype=bool), CAPTIONS // 2)
    items = [
        Item(f"{seed}-{at}", (ImageRef("a.png"), ImageRef("b.png")), ("", "") * 2, truth, f"category {at % 6}", f"{at}")
        for at in range(n)
    ]
    image_index, text_index = (list(np.arange(count * n).reshape(n, count)) for count in (2, CAPTIONS))
    return EncodedItems(items, EncodedSet(images, texts, image_index, text_index))


def time_heads(model: Model, groups: int, epochs: int, device: str) -> float:
    """Train and print; the seconds of 20 epochs of as many groups, those of what is done once included."""
    data = [make_groups(model, n, seed) for seed, n in enumerate((groups, max(6, groups // 10)))]
    config = TrainingConfig(epochs=epochs, patience=epochs, device=device)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "head.safetensors"
        report = train_on_features(*data, cast(Encoder, model), head="dcsm", out=out, config=config, progress=False)
        log = [json.loads(line) for line in Path(f"{out}.log.jsonl").read_text().splitlines()]
    first, *later = [row["seconds"] for row in log]
    epoch = float(np.mean(later or [first]))
    once = report.seconds - first - sum(later)
    steps = -(-groups // config.batch_groups)
    whole = once + first + (EPOCHS - 1) * epoch
    print(
        f"  {model.name:15} {groups} groups: {epoch:6.2f} s an epoch ({1000 * epoch / steps:.1f} ms a step of "
        f"{config.batch_groups}), first {first:.2f} s, once {once:.2f} s; {EPOCHS} epochs {whole:.1f} s",
        flush=True,
    )
    return whole


def make_scenes(n: int, side: int) -> Scenes:
    """Natural scenes of the shapes that `fourfold-tiny` is trained on."""
    rng = np.random.default_rng(0)
    things, captions, variants, attributes = 6, 8, 6, 5
    corners = rng.random((n, things, 2)) * 0.7
    return Scenes(
        pixels=torch.from_numpy(rng.integers(256, size=(n, 3, side, side), dtype=np.uint8)),
        tokens=torch.from_numpy(rng.integers(1, 49_000, size=(n, captions, 24))),
        close_up_tokens=torch.from_numpy(rng.integers(1, 49_000, size=(n, things, variants, 24))),
        objects=rng.integers(8, size=(n, things, attributes)),
        boxes=np.concatenate([corners, corners + 0.25], axis=-1),
        claims=rng.integers(-1, 8, size=(n, captions, 2, attributes)),
        close_up_claims=rng.integers(-1, 8, size=(n, things, variants, 2, attributes)),
    )


def time_steps(steps: int, workers: int, device: torch.device) -> float:
    """Time steps with workers and with batches that are there; print, and return the share that is lost."""
    training = TinyTraining()
    scenes = make_scenes(2000, 160)
    model = new_open_clip(TINY_FOLDER, 0)[0].to(device)
    optimizer = new_optimizer(model, training)
    size = json.loads((TINY_FOLDER / "open_clip_config.json").read_text())["model_cfg"]["vision_cfg"]["image_size"]

    def seconds(batches: Iterable[PictureBatch]) -> float:
        """Of a step: those of the first batches, the threads' start with them, do not count."""
        given = iter(batches)
        for count in (warm_up, steps):
            started = time.perf_counter()
            for batch in islice(given, count):
                loss = learn(model, optimizer, batch, 1e-4, device, torch.float32)
            loss.item()  # waits for the device
        return (time.perf_counter() - started) / steps

    warm_up = max(2, steps // 5)
    ahead = picture_batches(scenes, training, size, range(10**6), workers, device)
    kept = list(islice(picture_batches(scenes, training, size, range(8), workers, device), 8))
    there, made = seconds(cycle(kept)), seconds(ahead)
    cast(Any, ahead).close()
    lost = max(0.0, 1 - there / made)
    print(
        f"  {workers:2} workers: {1 / made:6.1f} steps a second, {1 / there:6.1f} with batches that are there; "
        f"{100 * lost:.0f} % lost to pictures",
        flush=True,
    )
    return lost


@click.command()
@click.option("--device", default="auto", show_default=True)
@click.option("--groups", type=click.IntRange(6), default=12_000, show_default=True)
@click.option("--epochs", type=click.IntRange(1, EPOCHS), default=4, show_default=True, help="that are run")
@click.option("--steps", type=click.IntRange(1), default=200, show_default=True, help="of the reference model")
def main(device: str, groups: int, epochs: int, steps: int) -> None:
    """Time both; exit code 1 if a claim does not hold on a GPU."""
    chosen = torch.device(choose_device(device))
    gpu = chosen.type == "cuda"
    name = torch.cuda.get_device_name(chosen) if gpu else f"{torch.get_num_threads()} threads"
    print(f"{chosen}: {name}, {os.cpu_count()} processors, torch {torch.__version__}\nheads, dcsm:", flush=True)
    slowest = max(time_heads(model, groups, epochs, str(chosen)) for model in MODELS)
    print("reference model, batches of 64 pictures with 6 captions each:", flush=True)
    lost = [time_steps(steps, workers, chosen) for workers in dict.fromkeys((1, os.cpu_count() or 1))][-1]
    if not gpu:
        print("no claim is checked: they are of a GPU")
        return
    claims = {
        f"{EPOCHS} epochs of {groups} groups in {SECONDS:.0f} s": slowest <= SECONDS,
        f"at most {100 * MOST_LOST:.0f} % lost to pictures": lost <= MOST_LOST,
    }
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    sys.exit(0 if all(claims.values()) else 1)


if __name__ == "__main__":
    run(main)
