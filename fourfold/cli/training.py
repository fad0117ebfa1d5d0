"""The commands of `fourfold` that train: heads on a frozen model, and the reference model.

As in `fourfold.cli.main`, heavy imports stay inside the commands.
"""

import os
from pathlib import Path
from typing import Any

import click

from fourfold.cli.options import CACHE, DEVICE, FOLDER, MODEL, QUIET, RANDOM, SEED, say_device
from fourfold.errors import InputError

_ABOVE_0, _FROM_0 = click.FloatRange(0, min_open=True), click.FloatRange(0)  # nan passes both: TrainingConfig looks
_SHARE = click.FloatRange(0, 1, max_open=True)
_HEADS = "repeat for several: dcsm, dcsm-ref, labclip, token-transformer, factored, mlp, bilinear"
_COPIES = "disturbed copies of each picture, encoded once"


def _as_seeds(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    seeds = [each.strip() for each in given.split(",")]
    if not all(each.isascii() and each.isdigit() for each in seeds):
        raise InputError(f"--seeds {given!r}: give whole numbers from 0 on with commas between them, as 0,1,2")
    return tuple(int(each) for each in seeds)


@click.command("train-head", short_help="Train heads on a dataset, the models frozen.")
@FOLDER
@MODEL
@click.option("--models", type=click.Path(path_type=Path), help="file with a model a line; a folder each, in --out")
@click.option("--head", "heads", multiple=True, default=("dcsm",), show_default=True, help=_HEADS)
@click.option("--seeds", callback=_as_seeds, help="several, as 0,1,2: one head each")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="new file (.safetensors); of several heads a folder"
)
@click.option("--split", default="train", show_default=True, help="of the groups to learn from")
@click.option("--validation-split", help="default: validation, if there is one, else a tenth of the training groups")
@click.option("--epochs", type=click.IntRange(1), default=20, show_default=True, help="at most")
@click.option("--batch-groups", type=click.IntRange(1), default=64, show_default=True, help="groups in a step")
@click.option("--learning-rate", type=_ABOVE_0, default=2e-3, show_default=True, help="the highest, after a rise")
@click.option("--weight-decay", type=_FROM_0, default=0.05, show_default=True, help="AdamW's, on matrices alone")
@click.option("--augmentations", type=click.IntRange(0), default=0, show_default=True, help=_COPIES)
@click.option("--feature-noise", type=_FROM_0, default=0.0, show_default=True, help="length of a random vector added")
@click.option("--token-dropout", type=_SHARE, default=0.0, show_default=True, help="share of caption tokens hidden")
@click.option("--patience", type=click.IntRange(1), default=5, show_default=True, help="epochs without a better score")
@SEED
@click.option("--tensorboard", type=click.Path(path_type=Path), help="folder for TensorBoard's log")
@CACHE
@DEVICE
@RANDOM
@QUIET
@click.pass_context
def train_head(
    context: click.Context,
    dataset: Path,
    model: str,
    models: Path | None,
    heads: tuple[str, ...],
    seeds: tuple[int, ...] | None,
    out: Path,
    split: str,
    validation_split: str | None,
    tensorboard: Path | None,
    cache_dir: Path | None,
    device: str,
    allow_random_weights: bool,
    quiet: bool,
    **training: Any,
) -> None:
    """Train a head on the groups of DATASET, the model frozen. Call again to resume.

    With --models, --seeds or several --head OUT is a folder, of which `fourfold evaluate --head OUT` takes for each
    model what is its own: OUT/MODEL/dcsm.safetensors, or dcsm.seed0.safetensors and so on.
    """
    from fourfold.evaluator.data.fourfold_items import training_splits

    _check_one_of(context, "model", "models")
    _check_one_of(context, "seed", "seeds")
    training_splits(dataset, split, validation_split)  # before torch is imported, which takes seconds
    from fourfold.calls.training import train_head as call
    from fourfold.evaluator.encoders.devices import choose_device
    from fourfold.evaluator.training.train_state import TrainingConfig

    is_first = not int(os.environ.get("RANK", "0"))  # of the processes of one run the first one speaks
    device = say_device(device) if is_first else choose_device(device)
    options: dict[str, Any] = {
        "split": split,
        "validation_split": validation_split,
        "config": TrainingConfig(**training, device=device),
        "cache_dir": cache_dir,
        "device": device,
        "allow_random_weights": allow_random_weights,
        "progress": not quiet,
    }
    if models is not None or seeds is not None or len(heads) > 1:
        if tensorboard is not None:
            raise InputError("--tensorboard: that log is of one head; train one alone, into a file")
        _train_many(dataset, models or (model,), out, heads=heads, seeds=seeds, **options)
        return
    done = call(dataset, out=out, model=model, head=heads[0], tensorboard=tensorboard, **options)
    if not is_first:
        return
    scores = ", ".join(f"{name} {100 * value:.1f}" for name, value in done.group_scores.items())
    click.echo(
        f"{done.path}: {done.head}, {done.n_parameters:,} parameters, {done.epochs} epochs, best {done.best_epoch}"
    )
    click.echo(f"group score on the validation groups (%): {scores}")


def _check_one_of(context: click.Context, one: str, many: str) -> None:
    if context.params[many] and context.get_parameter_source(one) is not click.core.ParameterSource.DEFAULT:
        raise InputError(f"train-head: give --{one} or --{many}, not both")


def _train_many(dataset: Path, models: Path | tuple[str, ...], out: Path, **options: Any) -> None:
    from fourfold.calls.training import train_heads
    from fourfold.evaluator.tables.formats import write_text
    from fourfold.evaluator.training.many_heads import FAILED, head_table

    found = train_heads(dataset, models, out, say=lambda line: click.echo(line, err=True), **options)
    click.echo(write_text(head_table(found)))
    failed = [f"{each.model}, {each.scorer}" for each in found if each.outcome == FAILED]
    if failed:
        raise InputError(f"{len(failed)} of {len(found)} heads failed: {'; '.join(failed)}")


@click.command("train-tiny", short_help="Train the reference model.")
@FOLDER
@click.option("--out", type=click.Path(path_type=Path), required=True, help="new folder for the model")
@click.option("--steps", type=click.IntRange(1), help="training steps; default: the recipe of the shipped model")
@click.option("--batch-size", type=click.IntRange(2), default=64, show_default=True, help="pictures in a step")
@click.option("--workers", type=click.IntRange(1), help="threads that cut pictures; default: one, on a GPU one a core")
@SEED
@DEVICE
@click.option("--dtype", default="float32", show_default=True, help="of the image tower; the shipped model: bfloat16")
@QUIET
def train_tiny(
    dataset: Path,
    out: Path,
    steps: int | None,
    batch_size: int,
    workers: int | None,
    seed: int,
    device: str,
    dtype: str,
    quiet: bool,
) -> None:
    """Train the reference model on DATASET, which `fourfold generate fourfold-tiny DATASET` made."""
    from fourfold.evaluator.training.reference_model import TinyTraining
    from fourfold.evaluator.training.reference_model import train_tiny as call

    training = TinyTraining(steps=steps or TinyTraining.steps, batch_size=batch_size, dtype=dtype, seed=seed)
    record = call(dataset, out, training=training, device=say_device(device), workers=workers, progress=not quiet)
    click.echo(f"{out}: {record['parameters']:,} parameters, {record['seconds']} s; use it as --model local-dir:{out}")


TRAINING_COMMANDS = (train_head, train_tiny)
