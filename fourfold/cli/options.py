"""Arguments and options that several commands share, so that they are called and explained alike."""

from pathlib import Path
from typing import Literal

import click

from fourfold.errors import InputError
from fourfold.files import is_url


def _as_folder(context: click.Context, parameter: click.Parameter, given: str) -> Path:
    if is_url(given):
        raise InputError(f"{given}: is a URL; copy the dataset to a folder first and name that")
    return Path(given)


def _as_batch_size(context: click.Context, parameter: click.Parameter, given: str) -> int | Literal["auto"]:
    if given == "auto":
        return "auto"
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"--batch-size {given!r}: give 'auto' or a whole number from 1 on")
    return int(given)


def say_device(given: str) -> str:
    """The device that a command is to compute on, "auto" replaced by what is here; said before anything else."""
    from fourfold.evaluator.encoders.devices import choose_device, describe_device

    click.echo(f"device: {describe_device(given)}")
    return choose_device(given)


DATASET = click.argument("dataset")
FOLDER = click.argument("dataset", callback=_as_folder)
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="of everything random")
QUIET = click.option("--quiet", is_flag=True, help="no progress bars")
MODEL = click.option(
    "--model", default="fourfold-tiny", show_default=True, help="e.g. ViT-B-16,openai; see `fourfold models`"
)
DEVICE = click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps; auto: a GPU if any")
DTYPE = click.option("--dtype", default="float32", show_default=True, help="float32, float16, bfloat16")
CACHE = click.option(
    "--cache", "cache_dir", type=click.Path(path_type=Path), help="folder that keeps features for later runs"
)
RANDOM = click.option(
    "--allow-random-weights", is_flag=True, help="run a model without weights; its numbers mean nothing"
)
SPLIT = click.option("--split", help='default: "test", else the first')
BATCH_SIZE = click.option(
    "--batch-size",
    default="auto",
    show_default=True,
    callback=_as_batch_size,
    help="images or captions in one pass, or auto",
)
ENGINE = click.option("--engine", default="local", show_default=True, help="local, ray (extra `ray`)")
ADDRESS = click.option("--address", help="of a running Ray cluster; default: one on this machine")
