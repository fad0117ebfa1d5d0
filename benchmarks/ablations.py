"""What of the head matters? Every part of `dcsm` left out or done the paper's way, on the same features.

    python benchmarks/ablations.py DATASET --model fourfold-tiny --out OUT

Trains each variant on the split "train" of DATASET (a set of the recipe fourfold-heads), keeps its best epoch on
"validation" and scores "test", and "test-counts" for what more objects in the picture cost. Writes, for each question,
a table (.md and .csv) and a figure (.svg), and ablations.json with every number. Seeds, data and schedule are the same
for all; one seed each, so differences within the intervals say nothing.
"""

import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from evaluator.cache import encode_items
from evaluator.dataset_items import load_items
from evaluator.encoders import Encoder, load_encoder
from evaluator.features import TextFeatures
from evaluator.heads import read_head
from evaluator.items import Item
from evaluator.scorers.dcsm import DcsmHead, build_dcsm, configure_dcsm
from evaluator.scorers.trained import HEADS, HeadNetwork, HeadType, build_network, count_parameters
from evaluator.statistics import wilson_interval
from evaluator.table_formats import Estimate, Table, write_csv, write_markdown, write_text
from evaluator.training import EncodedItems, TrainingConfig, train_on_features
from evaluator.training_data import items_right, prepare_data
from scenes.errors import InputError

CATEGORIES = ("content", "binding", "relation", "negation")


def no_functional_rows(head: DcsmHead) -> None:
    """Functional words are tokens like any other."""
    head.find_words = lambda texts: torch.zeros(texts.mask.shape, dtype=torch.int64)


def untrained_rows_at_word_index(head: DcsmHead) -> None:
    """As in the paper's code: rows that are never trained, put at the word's number instead of its tokens."""
    rows = {spelling: row for row, spellings in enumerate(head.config.words, 1) for spelling in spellings}
    with torch.no_grad():
        row = torch.randn(head.word.weight.shape, generator=torch.Generator().manual_seed(0))
        head.word.weight[1:] = ((row / row.norm(dim=1, keepdim=True) + 1) / 3)[1:]
    head.word.weight.requires_grad_(False)

    def find(texts: TextFeatures) -> torch.Tensor:
        found = torch.zeros(texts.mask.shape, dtype=torch.int64)
        for place, caption in np.ndenumerate(texts.texts):
            for at, word in enumerate(str(caption).lower().split(" ")[: found.shape[-1]]):
                found[(*place, at)] = rows.get(word, 0)
        return found

    head.find_words = find


def standardised_over_the_item(head: DcsmHead) -> None:
    """As in the paper's code: one mean and one spread for all maps of a call, so that a score depends on the rest."""

    def standardise(raw: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        valid = mask[:, None, :, :, None].to(raw.dtype)
        count = (valid.sum((1, 2, 3, 4)) * raw.shape[1] * raw.shape[-1]).clamp(min=1)  # [b]
        mean = ((raw * valid).sum((1, 2, 3, 4)) / count)[:, None, None, None, None]
        centred = (raw - mean) * valid
        spread = (centred.square().sum((1, 2, 3, 4)) / count + 1e-8).sqrt()[:, None, None, None, None]
        shape = raw.shape[:3]
        return centred / spread, mean[..., 0, 0].expand(shape), spread[..., 0, 0].expand(shape)

    head.standardise = standardise


def padding_not_masked(head: DcsmHead) -> None:
    """Start, end and padding positions are read like words."""
    prepare = head.prepare
    head.prepare = lambda texts: prepare(replace(texts, mask=torch.ones_like(texts.mask)))  # type: ignore[method-assign]


@dataclass(frozen=True)
class Variant:
    """One way to train a head."""

    label: str
    head: str = "dcsm"
    change: Callable[[DcsmHead], None] | None = None
    sizes: Mapping[str, Any] = field(default_factory=dict)  # of the network, where they are not the usual ones
    groups: int | None = None  # of each category to train on; None: all that are used


WHOLE = Variant("dcsm")
QUESTIONS: dict[str, tuple[Variant, ...]] = {
    "functional-rows": (
        Variant("trained, at token span (dcsm)"),
        Variant("untrained, at word index", change=untrained_rows_at_word_index),
        Variant("none", change=no_functional_rows),
    ),
    "standardisation": (Variant("each map (dcsm)"), Variant("the whole call", change=standardised_over_the_item)),
    "whole-caption": (Variant("read (dcsm)"), Variant("not read", sizes={"whole_caption": False})),
    "padding": (Variant("masked (dcsm)"), Variant("read", change=padding_not_masked)),
    "head": (WHOLE, Variant("dcsm-ref", head="dcsm-ref"), Variant("labclip", head="labclip")),
}
SIZES = (0.125, 0.25, 0.5, 1.0)  # of the training groups, for the curve


@dataclass(frozen=True)
class Score:
    """How one variant did on one split."""

    question: str
    variant: str
    n_parameters: int
    split: str
    category: str
    right: int
    items: int

    @property
    def estimate(self) -> Estimate:
        return Estimate(self.right / self.items, *wilson_interval(self.right, self.items))


def train(
    variant: Variant, data: Mapping[str, EncodedItems], encoder: Encoder, config: TrainingConfig, folder: Path
) -> HeadNetwork:
    """A trained head of a variant, from features."""
    name = variant.head
    if change := variant.change:
        name = f"dcsm: {variant.label}"
        HEADS[name] = HeadType(configure_dcsm, lambda c, e: _changed(build_dcsm(c, e), change), True)
    out = folder / "head.safetensors"
    out.unlink(missing_ok=True)
    learnt = _first(data["train"], variant.groups)
    sizes, checked = dict(variant.sizes), data["validation"]
    train_on_features(learnt, checked, encoder, head=name, out=out, config=config, head_config=sizes, progress=False)
    return build_network(read_head(out), encoder, str(out))


def _changed(head: DcsmHead, change: Callable[[DcsmHead], None]) -> DcsmHead:
    change(head)
    return head


def _first(data: EncodedItems, groups: int | None) -> EncodedItems:
    """The first groups of each category."""
    seen: dict[str, int] = {}
    rows = []
    for row, item in enumerate(data.items):
        seen[item.category] = seen.get(item.category, 0) + 1
        if groups is None or seen[item.category] <= groups:
            rows.append(row)
    encoded = data.encoded
    return EncodedItems(
        [data.items[row] for row in rows],
        replace(
            encoded,
            image_index=[encoded.image_index[row] for row in rows],
            text_index=[encoded.text_index[row] for row in rows],
        ),
    )


def right(network: HeadNetwork, data: EncodedItems) -> np.ndarray:
    """Which items are wholly right: [n] bool."""
    prepared = prepare_data(data.items, data.encoded, network)
    scores = []
    with torch.inference_mode():
        for rows in np.split(np.arange(len(prepared)), range(128, len(prepared), 128)):
            texts = {
                name: values[torch.from_numpy(prepared.text_rows[rows])] for name, values in prepared.texts.items()
            }
            scores.append(network(prepared.images[prepared.image_rows[rows]], texts))
    return items_right(torch.cat(scores).numpy(), prepared)


def count(
    question: str, label: str, network: HeadNetwork, split: str, items: Sequence[Item], hits: np.ndarray
) -> list[Score]:
    """One score a category."""
    categories = np.array([item.category for item in items])
    parameters = count_parameters(network)
    return [
        Score(
            question,
            label,
            parameters,
            split,
            name,
            int(hits[categories == name].sum()),
            int((categories == name).sum()),
        )
        for name in CATEGORIES
        if (categories == name).any()
    ]


def table(question: str, scores: Sequence[Score], note: str) -> Table:
    """Variants down, categories across."""
    labels = list(dict.fromkeys(score.variant for score in scores))
    cells = {(score.variant, score.category): score.estimate for score in scores}
    sizes = {score.variant: score.n_parameters for score in scores}
    names = [name for name in CATEGORIES if any(score.category == name for score in scores)]
    rows = tuple((label, sizes[label], *[cells.get((label, name)) for name in names]) for label in labels)
    return Table(f"{question}: group score, percent", ("variant", "parameters", *names), rows, (note,))


def draw(question: str, scores: Sequence[Score], path: Path) -> None:
    """A figure of one question: a point with its interval for each variant and category."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(score.variant for score in scores))
    figure = Figure(figsize=(6.9, 2.4), layout="constrained")
    axes = figure.subplots()
    for k, label in enumerate(labels):
        mine = [score for score in scores if score.variant == label]
        xs = [CATEGORIES.index(score.category) + 0.14 * (k - (len(labels) - 1) / 2) for score in mine]
        values = [100 * score.estimate.value for score in mine]
        spread = [
            [100 * (s.estimate.value - (s.estimate.low or 0)) for s in mine],
            [100 * ((s.estimate.high or 0) - s.estimate.value) for s in mine],
        ]
        axes.errorbar(xs, values, spread, fmt="os^Dvx"[k % 6], markersize=4, linewidth=0, elinewidth=0.9, label=label)
    axes.axhline(100 / 6, color="black", linestyle="dashed", linewidth=0.8)
    axes.set_xticks(range(len(CATEGORIES)), CATEGORIES)
    axes.set_ylim(0, 100)
    axes.set_ylabel("groups right, %")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    with rc_context({"svg.hashsalt": "fourfold"}):
        figure.savefig(path, metadata={"Date": None})


def by_objects(network: HeadNetwork, data: Mapping[str, EncodedItems]) -> list[Score]:
    """The whole head's scores by the number of objects in the picture, over both test splits."""
    found = []
    for split in ("test", "test-counts"):
        items, hits = data[split].items, right(network, data[split])
        numbers = np.array([item.tags["n_objects"] for item in items])
        for number in np.unique(numbers):
            chosen = numbers == number
            mine = [item for item, wanted in zip(items, chosen, strict=True) if wanted]
            found += count("distractors", f"{number} objects ({split})", network, split, mine, hits[chosen])
    return found


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder for tables and figures")
@click.option("--groups", type=click.IntRange(8), default=400, show_default=True, help="of each category, to train on")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--allow-random-weights", is_flag=True)
def main(dataset: Path, model: str, out: Path, groups: int, epochs: int, seed: int, allow_random_weights: bool) -> None:
    """Train every variant on DATASET and write tables and figures."""
    out.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(model, allow_random_weights=allow_random_weights)
    limits = {"train": groups, "validation": None, "test": None, "test-counts": None}
    data = {}
    for split, limit in limits.items():
        items = load_items(dataset, split, limit)
        data[split] = EncodedItems(items, encode_items(encoder, items, None))
    config = TrainingConfig(epochs=epochs, patience=epochs, seed=seed)
    questions = {**QUESTIONS, "training-size": tuple(_of_size(share, groups) for share in SIZES)}
    scores: list[Score] = []
    done: dict[tuple[Any, ...], HeadNetwork] = {}
    with TemporaryDirectory() as folder:
        for question, variants in questions.items():
            for variant in variants:
                key = _key(variant)
                if key not in done:
                    done[key] = train(variant, data, encoder, config, Path(folder))
                hits = right(done[key], data["test"])
                scores += count(question, variant.label, done[key], "test", data["test"].items, hits)
                click.echo(f"{question}: {variant.label}: {100 * hits.mean():.1f}", err=True)
    scores += by_objects(done[_key(WHOLE)], data)
    note = f"95 % Wilson intervals; {groups} training groups a category, {epochs} epochs, seed {seed}, {encoder.name}"
    for question in dict.fromkeys(score.question for score in scores):
        mine = [score for score in scores if score.question == question]
        shown = table(question, mine, note)
        (out / f"{question}.md").write_text(write_markdown(shown), encoding="utf-8")
        (out / f"{question}.csv").write_text(write_csv(shown), encoding="utf-8")
        draw(question, mine, out / f"{question}.svg")
        click.echo(write_text(shown))
    record = {
        "command": " ".join(["python benchmarks/ablations.py", *sys.argv[1:]]),
        "model": {"name": encoder.name, "identity": encoder.identity},
        "machine": platform.platform(),
        "training": asdict(config),
        "scores": [asdict(score) for score in scores],
    }
    (out / "ablations.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _key(variant: Variant) -> tuple[Any, ...]:
    """What is equal for variants that are trained alike."""
    return variant.head, variant.change, variant.groups, *variant.sizes.items()


def _of_size(share: float, groups: int) -> Variant:
    number = max(1, round(share * groups))
    return Variant(f"{number} groups", groups=None if share == 1 else number)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except (InputError, click.ClickException) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
