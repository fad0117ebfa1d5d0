"""How fast is an epoch of head training, against the procedure of the paper's code? Same groups, same run.

    python benchmarks/training.py DATASET                             # ViT-B-16 of open_clip, random weights
    python benchmarks/training.py DATASET --model fourfold-tiny

Theirs: each batch of 8 groups is opened, encoded by the frozen model and scored by the paper's network (`dcsm-ref`),
forward and back. Ours: `train-head`'s epoch from features, with `dcsm`. What ours spends once, on encoding, is printed
beside it. Seconds are this process's processor seconds on a CPU, so that other work on the machine does not enter.
Random weights do: speed does not depend on them.
"""

import sys
import time
from pathlib import Path
from typing import cast

import click
import numpy as np
import torch
from command import run
from tqdm import tqdm

from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.scorers.trained import HEADS, HeadNetwork
from fourfold.evaluator.training.data import prepare_data
from fourfold.evaluator.training.gathering import batches
from fourfold.evaluator.training.losses import truth_table_loss
from fourfold.evaluator.training.processes import Processes
from fourfold.evaluator.training.train_state import HeadTrainer, TrainingConfig

THEIR_GROUPS = 8  # in a batch of the paper's code
LEAST_SPEEDUP = 20.0


def build(name: str, encoder: Encoder, items: tuple[Item, ...]) -> HeadNetwork:
    """An untrained head for an encoder."""
    images = encoder.encode_images([open_image(items[0].images[0])])
    return HEADS[name].build(HEADS[name].configure(encoder, images), encoder)


def their_epoch(encoder: Encoder, items: tuple[Item, ...], rng: np.random.Generator) -> None:
    """One pass in which every batch is encoded afresh."""
    network = build("dcsm-ref", encoder, items)
    module = cast(torch.nn.Module, network).train()
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=1e-3)
    for rows in batches(len(items), THEIR_GROUPS, rng):
        chosen = [items[row] for row in rows]
        images = encoder.encode_images([open_image(ref) for item in chosen for ref in item.images])
        texts = encoder.encode_texts([caption for item in chosen for caption in item.captions[:2]])
        pairs = np.arange(2 * len(chosen)).reshape(-1, 2)
        scores = network(images[pairs], network.prepare(texts[pairs]))
        truth = torch.eye(2, dtype=torch.bool).expand(len(chosen), 2, 2)
        loss = truth_table_loss(scores, truth, torch.ones_like(truth))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--model", default="ViT-B-16", show_default=True)
@click.option("--split", default="train", show_default=True)
@click.option("--groups", type=click.IntRange(1), default=8, show_default=True, help="of each category")
def main(dataset: Path, model: str, split: str, groups: int) -> None:
    """Time both on the first groups of DATASET; exit code 1 if ours is less than 20 times as fast."""
    encoder = load_encoder(model, device="cpu", allow_random_weights=True)
    items = load_items(dataset, split, groups)
    rng = np.random.default_rng(0)
    started = time.process_time()
    their_epoch(encoder, items, rng)
    theirs = time.process_time() - started

    started = time.process_time()
    encoded = encode_items(encoder, items, None)
    encoding = time.process_time() - started
    network = build("dcsm", encoder, items)
    run = HeadTrainer(network, TrainingConfig(), prepare_data(items, encoded, network), Processes("cpu"))
    started = time.process_time()
    run.train_epoch(tqdm(disable=True))
    ours = time.process_time() - started

    per_group = [1000 * seconds / len(items) for seconds in (theirs, ours, encoding)]
    print(f"{model}, {len(items)} groups of {dataset}, {torch.get_num_threads()} threads; processor ms a group:")
    print(f"  theirs, encoding in every batch   {per_group[0]:8.1f}")
    print(f"  ours, from features               {per_group[1]:8.1f}   {theirs / ours:.1f} times as fast")
    print(f"  ours, encoding once               {per_group[2]:8.1f}")
    sys.exit(0 if theirs / ours >= LEAST_SPEEDUP else 1)


if __name__ == "__main__":
    run(main)
