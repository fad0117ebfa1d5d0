"""What does `dcsm` owe to its patches, and what to being trained? Baselines and controls in one table.

    fourfold generate fourfold-heads heads-data --groups 300
    python benchmarks/controls.py heads-data --groups 300 --epochs 40 --out data_cards/results/controls

Trains, on the same groups of the split "train" and for the same number of steps, heads that read the pooled vectors
alone (`labclip`, `bilinear`, `mlp`), `dcsm` itself, `dcsm` on a tower with random weights, and the whole model, scored
by its own cosine (`fine_tuning.py` says with which loss); keeps each one's best epoch on "validation", and asks all of
them, and the controls around `dcsm`, the groups of every test split. Writes
controls.md, controls.csv and controls.json. Every scorer is a line of OUT/trials.jsonl; what stands there is not
trained again, so that an interrupted run goes on.
"""

import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import numpy as np
from ablation_tables import CATEGORIES, Cell, Row, Trial, add_trial, read_trials
from ablations import Variant, configure, load_data, tally, train
from command import run
from fine_tuning import fine_tune
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import TINY_RANDOM, Encoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.scoring import score_items
from fourfold.evaluator.scorers import WRAPPERS, Scorer, ScorerContext, load_scorer
from fourfold.evaluator.scorers.cosine import load_cosine
from fourfold.evaluator.scorers.trained import as_scorer
from fourfold.evaluator.scoring.training_items import hash_items
from fourfold.evaluator.tables.formats import Table, write_csv, write_markdown, write_text
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig

SLOWER = {"learning_rate": 5e-4}  # a quarter of the usual one, which was chosen for `dcsm`
DCSM = Variant("dcsm")


@dataclass(frozen=True)
class System:
    """A line of the table: a scorer, the head it needs, and the control around it."""

    label: str
    head: Variant | None  # None: a scorer without one
    control: str = ""
    random: bool = False  # whether its tower has random weights
    tuned: Mapping[str, Any] | None = None  # settings of the training of the whole model, if it is tuned
    untrained: str = "cosine"  # the scorer, where there is no head

    @property
    def key(self) -> str:
        """What is equal for systems that give the same scores, whatever they are called."""
        if self.tuned is not None:
            return json.dumps(["tuned", dict(self.tuned)])
        untrained = None if self.untrained == "cosine" else self.untrained
        return json.dumps([untrained if self.head is None else self.head.key, self.control, self.random])


SYSTEMS = (
    System("cosine", None),
    System("labclip", Variant("labclip", "labclip")),
    System("bilinear", Variant("bilinear", "bilinear")),
    System("bilinear, slower", Variant("bilinear, slower", "bilinear", training=SLOWER)),
    System("mlp", Variant("mlp", "mlp")),
    System("mlp, slower", Variant("mlp, slower", "mlp", training=SLOWER)),
    System("fine-tuned, cosine", None, tuned=SLOWER),
    System("token-transformer", Variant("token-transformer", "token-transformer")),
    System("token-transformer, slower", Variant("token-transformer, slower", "token-transformer", training=SLOWER)),
    System("attention-pool", None, untrained="attention-pool"),
    System("dcsm, random tower", DCSM, random=True),
    System("dcsm, random tower, slower", Variant("dcsm, slower", training=SLOWER), random=True),
    System("dcsm", DCSM),
    *(System(f"{control}:dcsm", DCSM, control) for control in WRAPPERS),
)


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--model", default="fourfold-tiny", show_default=True)
@click.option("--random-model", default=TINY_RANDOM, show_default=True, help="the tower with random weights")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder for the table")
@click.option("--groups", type=click.IntRange(8), default=300, show_default=True, help="of each category, to train on")
@click.option("--epochs", type=click.IntRange(1), default=40, show_default=True)
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, default=(0,), show_default=True, help="repeat")
@click.option("--cache", type=click.Path(path_type=Path), help="folder that keeps features for later runs")
def main(
    dataset: Path,
    model: str,
    random_model: str,
    out: Path,
    groups: int,
    epochs: int,
    seeds: tuple[int, ...],
    cache: Path | None,
) -> None:
    """Train every head on DATASET, ask it and the controls the test splits, and write the table."""
    out.mkdir(parents=True, exist_ok=True)
    splits = test_splits(dataset)
    trials: list[Trial] = []
    for random, name in ((False, model), (True, random_model)):
        encoder = load_encoder(name, allow_random_weights=random)
        data = load_data(dataset, encoder, groups, cache, splits)
        heads = [system for system in SYSTEMS if system.random == random and system.tuned is None]
        trials += try_all(heads, data, encoder, epochs, seeds, out)
        whole = [system for system in SYSTEMS if system.random == random and system.tuned is not None]
        trials += [try_tuned(system, name, dataset, data, epochs, seed, out) for system in whole for seed in seeds]
    record = {
        "command": f"python benchmarks/controls.py {dataset.name} --model {model} --random-model {random_model} "
        f"--groups {groups} --epochs {epochs} {' '.join(f'--seed {seed}' for seed in seeds)} --out {out}",
        "machine": f"{name_processor()}, {platform.system()}",
        "model": model,
        "random_model": random_model,
        "groups": groups,
        "epochs": epochs,
        "seeds": list(seeds),
        "splits": list(splits),
        "trials": [trial.identity for trial in trials],
    }
    (out / "controls.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shown = table(record, trials)
    (out / "controls.md").write_text(write_markdown(shown), encoding="utf-8")
    (out / "controls.csv").write_text(write_csv(shown), encoding="utf-8")
    click.echo(write_text(shown))


def test_splits(dataset: Path) -> tuple[str, ...]:
    """The splits of a dataset that are there to be tested on. Raises InputError if there is none."""
    manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    found = tuple(name for name in manifest["splits"] if name.startswith("test"))
    if not found:
        raise InputError(f"{dataset}: no split whose name starts with 'test'; generate the recipe fourfold-heads")
    return found


def name_processor() -> str:
    """The processor's model as Linux names it, or as much as Python knows of it; never the machine's own name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def try_all(
    systems: Sequence[System],
    data: Mapping[str, EncodedItems],
    encoder: Encoder,
    epochs: int,
    seeds: Sequence[int],
    out: Path,
) -> list[Trial]:
    """A trial of every system with every seed; from `out` where it was tried before. A head is trained once."""
    hashes = [hash_items(each.items, each.encoded) for each in data.values()]
    of_head: dict[str, list[System]] = {}
    for system in systems:
        of_head.setdefault(system.key if system.head is None else system.head.key, []).append(system)
    jobs = [(seed, sharing) for seed in seeds for sharing in of_head.values()]
    found = []
    for seed, sharing in tqdm(jobs, desc="training", disable=None):
        head = sharing[0].head
        config = configure(head or DCSM, TrainingConfig(epochs=epochs, seed=seed, device="cpu"))
        asked = {}
        for system in sharing:
            described = json.dumps([system.key, asdict(config), hashes, encoder.identity])
            asked[sha256(described.encode()).hexdigest()[:16]] = system
        if missing := {identity: system for identity, system in asked.items() if identity not in read_trials(out)}:
            for trial in attempt(head, missing, data, encoder, config, out):
                add_trial(out, trial)
        known = read_trials(out)
        found += [known[identity] for identity in asked]
    return found


def try_tuned(
    system: System, name: str, dataset: Path, data: Mapping[str, EncodedItems], epochs: int, seed: int, out: Path
) -> Trial:
    """A trial of the whole model, tuned; from `out` where it was tried before. `data` are its features before."""
    config = replace(configure(DCSM, TrainingConfig(epochs=epochs, seed=seed, device="cpu")), **(system.tuned or {}))
    hashes = [hash_items(each.items, each.encoded) for each in data.values()]
    described = json.dumps([system.key, asdict(config), hashes, load_encoder(name).identity])
    identity = sha256(described.encode()).hexdigest()[:16]
    if (known := read_trials(out).get(identity)) is not None:
        return known
    started = time.monotonic()
    file = out / f"{identity}.safetensors"
    tuned, n_parameters, best_epoch = fine_tune(name, data["train"], data["validation"], config, file)
    cells: list[Cell] = []
    for split in (name for name in data if name.startswith("test")):
        items = load_items(dataset, split)
        part = EncodedItems(items, encode_items(tuned, items))
        scorer = load_cosine(ScorerContext(tuned, [], part.encoded))
        cells += tally(right(scorer, part), split, part)
    trial = Trial(
        identity, system.key, seed, n_parameters, best_epoch, round(time.monotonic() - started, 1), tuple(cells)
    )
    add_trial(out, trial)
    file.unlink()
    return trial


def attempt(
    head: Variant | None,
    asked: Mapping[str, System],
    data: Mapping[str, EncodedItems],
    encoder: Encoder,
    config: TrainingConfig,
    out: Path,
) -> list[Trial]:
    """Train a head and ask it, and the controls around it, the test splits; its files in `out` go when it is done."""
    started = time.monotonic()
    file = out / f"{next(iter(asked))}.safetensors"
    trained, best_epoch = None, 0
    if head is not None:
        network, best_epoch = train(head, data, encoder, config, file)
        trained = as_scorer(head.head, network)
    trials = []
    for identity, system in asked.items():
        cells: list[Cell] = []
        n_parameters = 0
        for split, part in ((split, part) for split, part in data.items() if split.startswith("test")):
            context = ScorerContext(encoder, part.items, part.encoded, seed=config.seed)
            scorer = trained or load_scorer(system.untrained, context)
            n_parameters = scorer.n_parameters
            cells += tally(right(_controlled(scorer, system.control, context), part), split, part)
        seconds = round(time.monotonic() - started, 1)  # those before it included
        trials.append(Trial(identity, system.key, config.seed, n_parameters, best_epoch, seconds, tuple(cells)))
    for left in (file, file.with_name(f"{file.name}.log.jsonl")):
        left.unlink(missing_ok=True)
    return trials


def _controlled(scorer: Scorer, control: str, context: ScorerContext) -> Scorer:
    return WRAPPERS[control](scorer, context) if control else scorer


def right(scorer: Scorer, data: EncodedItems) -> np.ndarray:
    """Which groups are wholly right, by the group score of the evaluation: [n] bool."""
    tables = score_items(data.items, data.encoded, {"asked": scorer})["asked"]
    return np.array(
        [group_score(table, item.truth).min() > 0 for table, item in zip(tables, data.items, strict=True)], dtype=bool
    )


def table(record: Mapping[str, Any], trials: Sequence[Trial]) -> Table:
    """Splits and, in each, systems down; categories across."""
    rows = []
    for split in record["splits"]:
        for system in SYSTEMS:
            row = Row(system.label, [trial for trial in trials if trial.variant == system.key], split)
            groups = sum(cell.groups for cell in row.trials[0].cells if cell.split == split)
            rows.append((split, system.label, row.trials[0].n_parameters, *map(row.estimate, CATEGORIES), groups))
    several = len(record["seeds"]) > 1
    notes = (
        f"mean of {len(record['seeds'])} seeds [lowest, highest]" if several else "one seed; 95 % Wilson intervals",
        f"{record['groups']} training groups a category, {record['epochs']} epochs, {record['model']}; chance is 16.7",
        "fine-tuned: all weights of the model, contrastive loss over batch and groups, a quarter of the rate",
        f"random tower: {record['random_model']}; slower: a quarter of the learning rate that the others have",
    )
    header = ("split", "scorer", "parameters", *CATEGORIES, "groups")
    return Table("baselines and controls: group score, percent", header, tuple(rows), notes)


if __name__ == "__main__":
    run(main)
