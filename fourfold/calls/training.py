"""`train-head`: a head, or one of each type, seed and model, trained on the groups of a dataset."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fourfold.errors import InputError
from fourfold.evaluator.data.fourfold_items import describe_dataset, load_items, training_splits
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.encoders.model_names import read_models
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.evaluator.run.output_checks import check_writable
from fourfold.evaluator.training.many_heads import HeadOutcome, TrainingSet
from fourfold.evaluator.training.many_heads import train_heads as _train_heads
from fourfold.evaluator.training.processes import find_processes
from fourfold.evaluator.training.train_head import HeadReport
from fourfold.evaluator.training.train_head import train_head as _train_head
from fourfold.evaluator.training.train_state import TrainingConfig


def train_head(
    dataset: str | Path,
    *,
    out: str | Path,
    model: str | Encoder = TINY,
    head: str = "dcsm",
    split: str = "train",
    validation_split: str | None = None,
    config: TrainingConfig | None = None,
    cache_dir: str | Path | None = None,
    device: str = AUTO_DEVICE,
    allow_random_weights: bool = False,
    tensorboard: str | Path | None = None,
    progress: bool = True,
) -> HeadReport:
    """Train a head on the groups of a dataset with the model frozen, and write it to `out` (.safetensors).

    `model` is a name that `load_encoder` takes, or an encoder itself, which stays on its device.

    Validation groups come from `validation_split`, by default "validation" if the dataset has it; else a seeded share
    of the training groups is held back. An interrupted run goes on where it stopped. `config` holds the settings of
    the training, its seed and device among them, by default `device`, on which the model encodes; `cache_dir` keeps
    features for later runs; `tensorboard` is a folder for TensorBoard's log.

    Raises InputError for a split that the dataset does not have, an unknown head, a model without the patch tokens
    that the head needs, and an `out` that is something else.
    """
    folder = Path(dataset)
    used, checked = training_splits(folder, split, validation_split)
    config = config or TrainingConfig(device=device)
    processes = find_processes(config.device)  # before the model is loaded: of several, each has a GPU of its own
    named = isinstance(model, str) and processes.count > 1
    options = LoadOptions(processes.device if named else device, allow_random_weights=allow_random_weights)
    return _train_head(
        load_items(folder, used),
        None if checked is None else load_items(folder, checked),
        open_encoder(model, options),
        head=head,
        out=Path(out),
        config=config,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        tensorboard=None if tensorboard is None else Path(tensorboard),
        progress=progress,
        processes=processes,
        source=describe_dataset(folder, used),
    )


def train_heads(
    dataset: str | Path,
    models: str | Path | Sequence[str],
    out: str | Path,
    *,
    heads: Sequence[str] = ("dcsm",),
    seeds: Sequence[int] | None = None,
    split: str = "train",
    validation_split: str | None = None,
    config: TrainingConfig | None = None,
    cache_dir: str | Path | None = None,
    device: str = AUTO_DEVICE,
    allow_random_weights: bool = False,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> list[HeadOutcome]:
    """Train heads for many models, given as names or as a file with one a line, into the folder of heads `out`.

    For each model there is one of each type in `heads`, or one of each type for each of `seeds`: `out`/MODEL/TYPE, or
    TYPE.seed0 and so on (.safetensors), which `evaluate(..., head=out)` and `evaluate_models` find. What is there
    already is kept, and what fails stops nothing else: see `outcome` of what is returned. `say` gets a line for each
    head that is done. The other arguments are those of `train_head`.

    Raises InputError for a split that the dataset does not have, an unknown head, a list of models that cannot be
    read, an `out` that cannot be written or is a file, and where several processes run.
    """
    folder = Path(dataset)
    used, checked = training_splits(folder, split, validation_split)
    names = read_models(Path(models)) if isinstance(models, str | Path) else models
    config = config or TrainingConfig(device=device)
    if find_processes(config.device).count > 1:
        raise InputError("train-head: several processes train one head together; name one --model, --head and --seed")
    if Path(out).is_file():
        raise InputError(f"{out}: is a file; name a folder for the heads")
    check_writable(Path(out))
    source = describe_dataset(folder, used) | {"validation_split": checked}
    return _train_heads(
        TrainingSet(load_items(folder, used), None if checked is None else load_items(folder, checked), source),
        names,
        Path(out),
        heads=heads,
        seeds=seeds,
        config=config,
        load=LoadOptions(device=device, allow_random_weights=allow_random_weights),
        cache_dir=None if cache_dir is None else Path(cache_dir),
        progress=progress,
        say=say,
    )
