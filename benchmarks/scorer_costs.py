"""What does each scorer cost? Where its idea is from, its parameters, what it encodes beside, and its time for a pair.

    python benchmarks/scorer_costs.py                      # on fourfold-tiny
    python benchmarks/scorer_costs.py --model ViT-B-16     # random weights; costs do not depend on them

On made-up groups of two pictures and four captions: pictures and captions that a scorer has encoded beside those of the
groups, per picture and caption, and processor seconds per 1,000 pairs on features that are there, as multiples of what
`maxsim`, the plainest scorer of patch tokens, takes in the same run. Medians of three rounds. Heads are untrained where
none comes with the model: what they cost does not depend on their weights.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

import click
import numpy as np
import torch
from evaluation import make_items
from PIL import Image

from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.changed import changed
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet, encode_items
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import Scorer, ScorerContext, load_scorer
from fourfold.evaluator.scorers.trained import HEADS
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.tables.formats import Table, write_text

# Scorer -> where its idea is from; each module says what is ours.
SOURCES = {
    "cosine": "Radford et al., arXiv 2103.00020",
    "maxsim": "late interaction: FILIP, arXiv 2111.07783",
    "phrase-align": "after ABE-CLIP, arXiv 2512.17178",
    "attention-pool": "after Pham et al., arXiv 2603.25722",
    "crop-align": "after Miranda et al., arXiv 2506.09691",
    "factored": "after LCSE, arXiv 2607.23052",
    "marginal": "WhatsUp's calibration, arXiv 2310.19785",
    "labclip": "Koishigarina et al., arXiv 2502.03566",
    "mlp": "InferSent's features, arXiv 1705.02364",
    "bilinear": "a bilinear form",
    "dcsm": "Kang et al., arXiv 2503.08723",
    "dcsm-ref": "Kang et al., arXiv 2503.08723",
    "token-transformer": "after Miranda et al., arXiv 2604.11496",
}
UNIT, ROUNDS = "maxsim", 3


@dataclass
class Counted:
    """How many pictures and captions an encoder was asked for."""

    images: int = 0
    texts: int = 0

    def watch(self, encoder: Encoder) -> Encoder:
        """The encoder, counted from now on."""

        def encode_images(images: Sequence[Image.Image]) -> ImageFeatures:
            self.images += len(images)
            return encoder.encode_images(images)

        def encode_texts(texts: Sequence[str]) -> TextFeatures:
            self.texts += len(texts)
            return encoder.encode_texts(texts)

        return changed(encoder, encode_images=encode_images, encode_texts=encode_texts)


def write_heads(encoder: Encoder, encoded: EncodedSet, folder: Path) -> None:
    """An untrained head of every type."""
    for name, kind in HEADS.items():
        sizes = kind.configure(encoder, encoded.images)
        weights = cast(torch.nn.Module, kind.build(sizes, encoder)).state_dict()
        save_head(Head(name, sizes, encoder.name, encoder.identity, weights), folder / f"{name}.safetensors")


def cost_table(encoder: Encoder, items: Sequence[Item], folder: Path) -> Table:
    """A row for each scorer of `SOURCES` that the model can have."""
    encoded = encode_items(encoder, items)
    write_heads(encoder, encoded, folder)
    pairs = sum(item.truth.size for item in items) / 1000
    measured = {}
    for name in SOURCES:
        counted = Counted()
        scorer = load_scorer(name, ScorerContext(counted.watch(encoder), items, encoded, folder))
        score_items(items, encoded, {name: scorer})  # what a first call does once
        seconds = [_seconds(items, encoded, name, scorer) / pairs for _ in range(ROUNDS)]
        measured[name] = (scorer.n_parameters, counted, median(seconds))
    unit = measured[UNIT][2]
    rows = tuple(
        (
            name,
            SOURCES[name],
            f"{n_parameters:,}",
            f"{counted.images / len(encoded.images):.1f}",
            f"{counted.texts / len(encoded.texts):.2f}",
            f"{seconds / unit:.2f}",
        )
        for name, (n_parameters, counted, seconds) in measured.items()
    )
    header = ("scorer", "source", "parameters", "pictures more", "captions more", f"time of a pair, {UNIT} = 1")
    grid = encoded.images.grid
    note = f"1,000 pairs take {UNIT} {unit:.3f} processor seconds; {grid} patches, {torch.get_num_threads()} thread(s)"
    return Table(f"{encoder.name}: {len(items)} groups", header, rows, (note,))


def _seconds(items: Sequence[Item], encoded: EncodedSet, name: str, scorer: Scorer) -> float:
    start = time.process_time()
    score_items(items, encoded, {name: scorer})
    return time.process_time() - start


@click.command(help=__doc__.split("\n\n")[0] if __doc__ else "")
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--groups", type=click.IntRange(4), default=64, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def main(model: str, groups: int, threads: int) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    encoder = load_encoder(model, device="cpu", allow_random_weights=True)
    items = make_items(groups, 224, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as name:
        click.echo(write_text(cost_table(encoder, items, Path(name))))


if __name__ == "__main__":
    main()
