"""What of the head matters? Every part of `dcsm` left out or done the paper's way, on the same features.

    python benchmarks/ablations.py DATASET --model fourfold-tiny --seed 0 --seed 1 --seed 2 --out OUT

Trains each variant on the split "train" of DATASET (a set of the recipe fourfold-heads), keeps its best epoch on
"validation" and scores "test", and "test-counts" for what more objects in the picture cost. Data, schedule and number
of steps are the same for all, those with fewer groups included, which see them more often. Writes, for each question, a
table (.md and .csv) and a figure (.svg). Every trained head is a line of OUT/trials.jsonl; what stands there is not
trained again, so that an interrupted run goes on, and several processes can share the seeds among them.
"""

import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from ablation_tables import Cell, Row, Trial, add_trial, read_trials, write_answer
from command import run
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import TextFeatures
from fourfold.evaluator.features.encoding import encode_items, encoding_bar
from fourfold.evaluator.scorers.dcsm import DcsmHead, build_dcsm, configure_dcsm
from fourfold.evaluator.scorers.trained import HEADS, HeadNetwork, HeadType, build_network, count_parameters
from fourfold.evaluator.scoring.head_files import read_head
from fourfold.evaluator.scoring.training_items import hash_items
from fourfold.evaluator.training.data import items_right, prepare_data
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig, train_on_features

TESTS = ("test", "test-counts")


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
    training: Mapping[str, Any] = field(default_factory=dict)  # of the configuration, likewise
    share: float = 1.0  # of the training groups

    @property
    def key(self) -> str:
        """What is equal for variants that are trained alike, whatever question they answer."""
        change = None if self.change is None else self.change.__name__
        return json.dumps([self.head, change, dict(self.sizes), dict(self.training), self.share])


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
    "head": (
        WHOLE,
        Variant("dcsm-ref", head="dcsm-ref"),
        Variant("dcsm-ref, its paper's Adam", "dcsm-ref", training={"learning_rate": 1e-3, "weight_decay": 0.0}),
        Variant("labclip", head="labclip"),
    ),
}
CURVE = tuple(Variant(f"dcsm, {share:.1%} of the groups", share=share) for share in (0.125, 0.25, 0.5, 1.0))


def train(
    variant: Variant, data: Mapping[str, EncodedItems], encoder: Encoder, config: TrainingConfig, out: Path
) -> tuple[HeadNetwork, int]:
    """A trained head of a variant, from features, and its best epoch; an interrupted training goes on from `out`."""
    name = variant.head
    if change := variant.change:
        name = f"dcsm: {variant.label}"
        HEADS[name] = HeadType(configure_dcsm, lambda c, e: _changed(build_dcsm(c, e), change), True)
    learnt = _first(data["train"], variant.share)
    sizes, checked = dict(variant.sizes), data["validation"]
    if not out.is_file():
        train_on_features(
            learnt, checked, encoder, head=name, out=out, config=config, head_config=sizes, progress=False
        )
    head = read_head(out)
    return build_network(head, encoder, str(out)), int(head.training["best_epoch"])


def configure(variant: Variant, config: TrainingConfig) -> TrainingConfig:
    """The configuration of a variant: as many steps as the others, however few groups they go over, and the best."""
    epochs = round(config.epochs / variant.share)
    return replace(config, epochs=epochs, patience=epochs, **variant.training)


def _changed(head: DcsmHead, change: Callable[[DcsmHead], None]) -> DcsmHead:
    change(head)
    return head


def _first(data: EncodedItems, share: float) -> EncodedItems:
    """The first groups of each category, so large a share of all."""
    total, seen, rows = Counter(item.category for item in data.items), Counter[str](), []
    for row, item in enumerate(data.items):
        seen[item.category] += 1
        if seen[item.category] <= max(1, round(share * total[item.category])):
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


def count(network: HeadNetwork, split: str, data: EncodedItems) -> list[Cell]:
    """The hits of a head on a split, by category and number of objects."""
    return tally(right(network, data), split, data)


def tally(hits: np.ndarray, split: str, data: EncodedItems) -> list[Cell]:
    """Hits [n] bool of the items of a split, counted by category and number of objects."""
    kinds = [(item.category, int(item.tags["n_objects"])) for item in data.items]
    cells = []
    for category, objects in sorted(set(kinds)):
        mine = np.array([kind == (category, objects) for kind in kinds])
        cells.append(Cell(split, category, objects, int(hits[mine].sum()), int(mine.sum())))
    return cells


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder for tables and figures")
@click.option("--groups", type=click.IntRange(8), default=400, show_default=True, help="of each category, to train on")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, default=(0,), show_default=True, help="repeat")
@click.option("--cache", type=click.Path(path_type=Path), help="folder that keeps features for later runs")
@click.option("--allow-random-weights", is_flag=True)
def main(
    dataset: Path,
    model: str,
    out: Path,
    groups: int,
    epochs: int,
    seeds: tuple[int, ...],
    cache: Path | None,
    allow_random_weights: bool,
) -> None:
    """Train every variant on DATASET and write tables and figures."""
    out.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(model, allow_random_weights=allow_random_weights)
    data = load_data(dataset, encoder, groups, cache)
    variants = {variant.key: variant for asked in (*QUESTIONS.values(), CURVE) for variant in asked}
    trials = try_all(variants.values(), data, encoder, epochs, seeds, out)
    record = {
        "command": f"python benchmarks/ablations.py {dataset} --model {model} --groups {groups} --epochs {epochs} "
        f"{' '.join(f'--seed {seed}' for seed in seeds)} --out {out}",  # a cache changes nothing
        "machine": platform.platform(terse=True),
        "model": encoder.name,
        "groups": groups,
        "epochs": epochs,
        "trials": [trial.identity for trial in trials],
    }
    (out / "ablations.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for question, rows in answers(trials, groups).items():
        click.echo(write_answer(out, question, rows, conditions(record)))


def answers(trials: Iterable[Trial], groups: int) -> dict[str, list[Row]]:
    """The rows that answer each question, and those of the number of training groups and of objects in the picture."""
    by_variant: dict[str, list[Trial]] = {}
    for trial in trials:
        by_variant.setdefault(trial.variant, []).append(trial)
    whole = by_variant[WHOLE.key]
    numbers = sorted({(cell.objects, cell.split) for cell in whole[0].cells})
    sizes = [(max(1, round(variant.share * groups)), by_variant[variant.key]) for variant in CURVE]
    return {
        **{name: [Row(v.label, by_variant[v.key]) for v in asked] for name, asked in QUESTIONS.items()},
        "training-size": [Row(f"{n} groups", trained, size=n) for n, trained in sizes],
        "distractors": [Row(f"{n} objects ({split})", whole, split, n) for n, split in numbers],
    }


def conditions(record: Mapping[str, Any]) -> str:
    """What holds for all rows of a table."""
    return (
        f"{record['groups']} training groups a category, {record['epochs']} epochs or as many steps, {record['model']}"
    )


def load_data(
    dataset: Path, encoder: Encoder, groups: int, cache: Path | None, tests: Sequence[str] = TESTS
) -> dict[str, EncodedItems]:
    """The splits that are needed, encoded. Raises InputError if there are fewer training groups than asked for."""
    data = {}
    for split in ("train", "validation", *tests):
        items = load_items(dataset, split, groups if split == "train" else None)
        fewest = min(Counter(item.category for item in items).values())
        if split == "train" and fewest < groups:
            raise InputError(f"{dataset}: a category of its split 'train' has {fewest} groups; give --groups {fewest}")
        with encoding_bar(True) as advance:
            data[split] = EncodedItems(items, encode_items(encoder, items, cache, progress=advance))
    return data


def try_all(
    variants: Iterable[Variant],
    data: Mapping[str, EncodedItems],
    encoder: Encoder,
    epochs: int,
    seeds: Sequence[int],
    out: Path,
) -> list[Trial]:
    """A trial of every variant with every seed; from `out` where it was tried before."""
    hashes = [hash_items(each.items, each.encoded) for each in data.values()]
    found = []
    bar = tqdm([(seed, variant) for seed in seeds for variant in variants], desc="training", disable=None)
    for seed, variant in bar:
        bar.set_postfix_str(variant.label)
        config = configure(variant, TrainingConfig(epochs=epochs, seed=seed, device="cpu"))
        described = json.dumps([variant.key, asdict(config), hashes, encoder.identity])
        identity = sha256(described.encode()).hexdigest()[:16]
        if (trial := read_trials(out).get(identity)) is None:
            trial = attempt(variant, data, encoder, config, out, identity)
            add_trial(out, trial)
        found.append(trial)
    return found


def attempt(
    variant: Variant,
    data: Mapping[str, EncodedItems],
    encoder: Encoder,
    config: TrainingConfig,
    out: Path,
    identity: str,
) -> Trial:
    """Train a variant and ask it the test splits; its files in `out` are needed until it is done."""
    started = time.monotonic()
    file = out / f"{identity}.safetensors"
    network, best_epoch = train(variant, data, encoder, config, file)
    cells = tuple(cell for split in TESTS for cell in count(network, split, data[split]))
    seconds = round(time.monotonic() - started, 1)
    for left in (file, file.with_name(f"{file.name}.log.jsonl")):
        left.unlink(missing_ok=True)
    return Trial(identity, variant.key, config.seed, count_parameters(network), best_epoch, seconds, cells)


if __name__ == "__main__":
    run(main)
