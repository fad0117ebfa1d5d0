"""`train-head`: a head trained on the groups of a dataset."""

from pathlib import Path

from fourfold.evaluator.data.fourfold_items import describe_dataset, load_items, training_splits
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.run.one_model import open_encoder
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
