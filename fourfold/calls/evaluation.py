"""`evaluate` and `models`: a dataset scored with one model or with many, and which models can be named."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import list_models
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.encoders.model_names import read_models
from fourfold.evaluator.run.earlier import run_of_missing
from fourfold.evaluator.run.engines import ENGINES, check_engine
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.many_models import ModelOutcome, evaluate_all
from fourfold.evaluator.run.one_model import ModelRun, save_outcome
from fourfold.evaluator.run.options import ReadOptions, RunOptions
from fourfold.evaluator.run.output_checks import check_results_output, check_writable
from fourfold.evaluator.scorers.own import GivenScorer, name_scorers
from fourfold.evaluator.scoring.head_files import check_given
from fourfold.evaluator.scoring.head_folders import folder_of


def evaluate(
    dataset: str | Path | Iterable[Item],
    *,
    model: str | Encoder = TINY,
    scorers: GivenScorer | Sequence[GivenScorer] = "cosine",
    out: str | Path | None = None,
    add: bool = False,
    head: str | Path | None = None,
    engine: str = "local",
    address: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    retrieval: bool = False,
    images: str | Path | None = None,
    allow_missing: bool = False,
    prompt: str | None = None,
    device: str = AUTO_DEVICE,
    dtype: str = "float32",
    batch_size: int | Literal["auto"] = "auto",
    allow_random_weights: bool = False,
    allow_training_items: bool = False,
    cache_dir: str | Path | None = None,
    seed: int = 0,
    command: str | None = None,
    progress: bool = True,
) -> Results:
    """Score a dataset with a model and any number of scorers; with `out`, write the results folder.

    The results hold the scores of every item, every metric with its interval, and what is needed to repeat the run.

    dataset: a folder that `generate` made, "name:PATH" of a benchmark by others, or `Item`s.
    model: what `models` lists, another specification of `load_encoder`, or an encoder itself, with the contract of
        `fourfold.evaluator.encoders.contract`.
    scorers: one or several: a name that `fourfold evaluate --help` lists, "module:function", a function of the pictures
        and captions of an item, or a `Scorer`; see `fourfold.evaluator.scorers.own`.
    add: where `out` holds results of the same model, data, seed and precision, score those scorers alone that they
        lack; what is there afterwards is what one run with all of them gives.
    head: a head file, a folder with one for each scorer that needs one, or a folder of such folders for each model
        (`train_heads` writes one); None: the heads that are shipped.
    engine: "local", or "ray", which spreads the items over the Ray cluster at `address` or on this machine.
    split, limit: the questions of one split (by default "test", else the first), the first `limit` of each category.
    retrieval: for a dataset of ours, ask the search for content captions among all its pictures as well.
    images, allow_missing, prompt: for a benchmark by others, its image folder, whether items without their images
        are left out, and a caption template that holds {caption}.
    device, dtype, batch_size, allow_random_weights: as `load_encoder` takes them.
    allow_training_items: score heads on items that they were trained on, and say so in every table.
    cache_dir: a folder that keeps features for later runs.
    seed: of all that is random: resamples, the controls that draw.
    command: what the results say of how to repeat the run; by default how this process was called.

    Raises InputError, before any model is loaded, for an `out` that holds something (with `add`: results of another
    question), and for options that do not fit the dataset.
    """
    if out is not None and not add:
        check_results_output(Path(out))
    if out is None and add:
        raise InputError("evaluate: add says that results in `out` get more scorers; name that folder")
    check_engine(engine, address)
    check_given(head)
    reading = ReadOptions(split, limit, retrieval, _path(images), allow_missing, prompt)
    running = RunOptions(
        LoadOptions(device, dtype, allow_random_weights, batch_size), _path(cache_dir), seed, allow_training_items
    )
    names, own = name_scorers(scorers)
    spec = make_spec(dataset, names, reading, running, command=command, own=own)
    run = _model_run(model, _path(head))
    if out is not None and add:
        check_writable(Path(out))
        lacking = run_of_missing(Path(out), spec, run, add=True)
        if lacking is None:
            return load(Path(out))
        run = lacking
    [(_, outcome)] = ENGINES[engine](spec, [run], address, progress)
    if isinstance(outcome, Exception):
        raise outcome
    if out is not None:
        save_outcome(outcome, Path(out))
    return outcome.results


def evaluate_models(
    dataset: str | Path | Iterable[Item],
    models: str | Path | Sequence[str],
    out: str | Path,
    *,
    add: bool = False,
    scorers: GivenScorer | Sequence[GivenScorer] = "cosine",
    head: str | Path | None = None,
    engine: str = "local",
    address: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    retrieval: bool = False,
    images: str | Path | None = None,
    allow_missing: bool = False,
    prompt: str | None = None,
    device: str = AUTO_DEVICE,
    dtype: str = "float32",
    batch_size: int | Literal["auto"] = "auto",
    allow_random_weights: bool = False,
    allow_training_items: bool = False,
    cache_dir: str | Path | None = None,
    seed: int = 0,
    command: str | None = None,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> list[ModelOutcome]:
    """Score a dataset with many models, given as names or as a file with one a line; a results folder each in `out`.

    What is there already is kept, and a model that fails does not stop the others: see `outcome` of what is returned.
    `head` is a folder of heads for each model, as `train_heads` writes it, or what all models share; with `add`,
    results that lack some of the scorers get them; `say` gets a line for each model that is done. The other arguments
    are those of `evaluate`.

    Raises InputError for an `out` that cannot be written, a list of models that cannot be read, and options that do
    not fit the dataset.
    """
    check_engine(engine, address)
    check_given(head)
    check_writable(Path(out))
    names = read_models(Path(models)) if isinstance(models, str | Path) else models
    reading = ReadOptions(split, limit, retrieval, _path(images), allow_missing, prompt)
    running = RunOptions(
        LoadOptions(device, dtype, allow_random_weights, batch_size), _path(cache_dir), seed, allow_training_items
    )
    scorer_names, own = name_scorers(scorers)
    spec = make_spec(dataset, scorer_names, reading, running, command=command, own=own)
    return evaluate_all(
        spec, names, Path(out), head=_path(head), engine=engine, address=address, add=add, progress=progress, say=say
    )


def models() -> list[str]:
    """Names of all models that can be given as they are: fourfold-tiny and every open_clip "ARCH,tag"."""
    return list_models()


def _model_run(model: str | Encoder, head: Path | None) -> ModelRun:
    """What is run: a model by its name, or an encoder that the user has, whose name is found when it is checked."""
    name = model if isinstance(model, str) else str(getattr(model, "name", type(model).__name__))
    return ModelRun(name, folder_of(head, name), None if isinstance(model, str) else model)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)
