"""The calls behind the commands: each joins data, model and results, and does nothing that another module could."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from fourfold.evaluator.analysis import embedding_geometry as geometry
from fourfold.evaluator.analysis.composites import read_composites
from fourfold.evaluator.analysis.embedding_geometry import ProbeResult
from fourfold.evaluator.analysis.results import RESULTS_FILE, Results, load
from fourfold.evaluator.data.fourfold_items import load_items, training_splits
from fourfold.evaluator.data.retrieval_set import can_search
from fourfold.evaluator.encoders import TINY, list_models, load_encoder
from fourfold.evaluator.features.encoding import encoding_bar
from fourfold.evaluator.reporting import write_paper, write_report
from fourfold.evaluator.reporting.probe import PROBE_FILE, Probe, write_figures
from fourfold.evaluator.run.evaluation_spec import SpecOptions, make_spec
from fourfold.evaluator.run.many_models import ModelOutcome, evaluate_all, read_models
from fourfold.evaluator.run.one_model import ENGINES, ModelRun, check_engine, save_outcome
from fourfold.evaluator.run.output_checks import (
    check_demo_place,
    check_probe_place,
    check_results_place,
    check_same_model,
    check_writable,
)
from fourfold.evaluator.scoring.head_files import check_given
from fourfold.evaluator.training.processes import find_processes
from fourfold.evaluator.training.train_head import HeadReport
from fourfold.evaluator.training.train_head import train_head as _train_head
from fourfold.evaluator.training.train_state import TrainingConfig
from fourfold.generator.dataset.reading import choose_split, read_groups

DEMO_SCORERS = ("cosine", "maxsim", "dcsm", "blind", "random")


def evaluate(
    dataset: str | Path,
    *,
    model: str = TINY,
    scorers: Sequence[str] = ("cosine",),
    out: str | Path | None = None,
    head: str | Path | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: bool = True,
    **options: Unpack[SpecOptions],
) -> Results:
    """Score a dataset with a model and any number of scorers; with `out`, write the results folder.

    `head` is a head file, or a folder with one for each scorer that needs one. `engine` "ray" spreads the items over a
    Ray cluster, at `address` or on this machine. The results hold the scores of every item, every metric with its
    interval, and what is needed to repeat the run. `options` are the further arguments of `make_spec`.
    """
    if out is not None:
        check_results_place(Path(out))
    check_engine(engine, address)
    check_given(head)
    spec = make_spec(dataset, scorers, **options)
    run = ModelRun(model, None if head is None else Path(head))
    [(_, outcome)] = ENGINES[engine](spec, [run], address, progress)
    if isinstance(outcome, Exception):
        raise outcome
    if out is not None:
        save_outcome(outcome, Path(out))
    return outcome.results


def evaluate_models(
    dataset: str | Path,
    models: str | Path | Sequence[str],
    out: str | Path,
    *,
    scorers: Sequence[str] = ("cosine",),
    head: str | Path | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
    **options: Unpack[SpecOptions],
) -> list[ModelOutcome]:
    """Score a dataset with many models, given as names or as a file with one a line; a results folder each in `out`.

    What is there already is kept, and a model that fails does not stop the others: see `outcome` of what is returned.
    `head` is a folder with one folder a model, or what all models share; `options` as for `evaluate`.
    """
    check_engine(engine, address)
    check_given(head)
    check_writable(Path(out))
    names = read_models(Path(models)) if isinstance(models, str | Path) else models
    spec = make_spec(dataset, scorers, **options)
    heads = None if head is None else Path(head)
    return evaluate_all(spec, names, Path(out), head=heads, engine=engine, address=address, progress=progress, say=say)


def train_head(
    dataset: str | Path,
    *,
    out: str | Path,
    model: str = TINY,
    head: str = "dcsm",
    split: str = "train",
    validation_split: str | None = None,
    config: TrainingConfig | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
    allow_random_weights: bool = False,
    tensorboard: str | Path | None = None,
    progress: bool = True,
) -> HeadReport:
    """Train a head on the groups of a dataset with the model frozen, and write it to `out` (.safetensors).

    Validation groups come from `validation_split`, by default "validation" if the dataset has it; else a seeded share
    of the training groups is held back. An interrupted run goes on where it stopped. `tensorboard` is a folder for
    TensorBoard's log.
    """
    folder = Path(dataset)
    used, checked = training_splits(folder, split, validation_split)
    config = config or TrainingConfig()
    processes = find_processes(config.device)  # before the model is loaded: of several, each has a GPU of its own
    encoding_device = device if processes.count == 1 else processes.device
    return _train_head(
        load_items(folder, used),
        None if checked is None else load_items(folder, checked),
        load_encoder(model, device=encoding_device, allow_random_weights=allow_random_weights),
        head=head,
        out=Path(out),
        config=config,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        tensorboard=None if tensorboard is None else Path(tensorboard),
        progress=progress,
        processes=processes,
    )


def report(results: Sequence[str | Path], out: str | Path, *, dataset: str | Path | None = None) -> Path:
    """Write the report on results folders: one self-contained HTML file, or Markdown if `out` ends in .md.

    Pictures come from `dataset`, by default the folder that the results name, if it is still there.
    """
    return write_report([Path(folder) for folder in results], Path(out), _dataset_of(results, dataset))


def paper_report(results: Sequence[str | Path], out: str | Path, *, dataset: str | Path | None = None) -> list[Path]:
    """Write every table of the report as CSV and LaTeX and every figure as SVG and PDF into the folder `out`.

    Needs matplotlib (the extra `plots`).
    """
    return write_paper([Path(folder) for folder in results], Path(out), _dataset_of(results, dataset))


def probe(
    dataset: str | Path,
    *,
    model: str = TINY,
    out: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
    allow_random_weights: bool = False,
    progress: bool = True,
) -> ProbeResult:
    """The geometry probe on a dataset folder: which conditions the model's own space satisfies, and how superposed.

    With `out`, a folder, every number and every group's margins are written there as probe.json, and a figure for each
    condition beside it; a results folder shows them in its report. An `out` that ends in .json is that file alone. An
    earlier probe of the same model is replaced; nothing else is.
    """
    if out is not None:
        check_probe_place(Path(out))
    folder = Path(dataset)
    items = load_items(folder, split, limit)
    kept = {item.id for item in items}
    groups = [group for group in read_groups(folder, choose_split(folder, split)) if group.id in kept]
    encoder = load_encoder(model, device=device, allow_random_weights=allow_random_weights)
    if out is not None:
        check_same_model(Path(out), encoder.identity)
    with encoding_bar(progress) as advance:
        result = geometry.probe(
            items,
            encoder,
            rng=np.random.default_rng(seed),
            composites=list(read_composites(groups)),
            cache_dir=None if cache_dir is None else Path(cache_dir),
            progress=advance,
        )
    if out is not None:
        _save_probe(result, Path(out))
    return result


def _save_probe(result: ProbeResult, out: Path) -> None:
    is_file = out.suffix == ".json"
    folder = out.parent if is_file else out
    folder.mkdir(parents=True, exist_ok=True)
    if not is_file:
        write_figures(Probe(result.model, result.rows, result.margins), folder)
    geometry.save_probe(result, out if is_file else folder / PROBE_FILE)  # last: where it is, the probe is done


def models() -> list[str]:
    """Names of all models that can be given as they are: fourfold-tiny and every open_clip "ARCH,tag"."""
    return list_models()


def demo(out: str | Path, *, groups: int = 60, workers: int | None = None, progress: bool = True) -> Results:
    """The whole product once: generate, evaluate fourfold-tiny with and without DCSM, report. Under `out`:

    dataset/, results/, preview.png, report.md and report.html. What is there already is kept and not made again; a
    folder that holds something else is refused. Few groups hold too little to search among: no retrieval then.
    """
    from fourfold.generator.presentation.contact_sheet import preview
    from fourfold.generator.run.pipeline import generate

    folder = Path(out)
    check_demo_place(folder)
    dataset = generate("fourfold-demo", folder / "dataset", groups=groups, workers=workers, progress=progress)
    if (folder / "results" / RESULTS_FILE).is_file():
        results = load(folder / "results")
    else:
        command = f"fourfold demo {shlex.quote(str(out))} --groups {groups}"
        results = evaluate(
            dataset,
            scorers=DEMO_SCORERS,
            out=folder / "results",
            retrieval=can_search(dataset),
            progress=progress,
            command=command,
        )
    if not (folder / "results" / PROBE_FILE).is_file():
        probe(dataset, out=folder / "results", progress=progress)
    preview(dataset, folder / "preview.png")
    for name in ("report.md", "report.html"):
        report([folder / "results"], folder / name, dataset=dataset)
    return results


def _dataset_of(results: Sequence[str | Path], given: str | Path | None) -> Path | None:
    """The dataset that was named, or the one that the first results name, if it is still there."""
    named = given if given or not results else load(Path(results[0])).dataset.get("folder")
    return Path(named) if named and (given or Path(named).is_dir()) else None
