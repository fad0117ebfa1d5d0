"""The calls behind the commands: each joins data, model and results, and does nothing that another module could."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from evaluator import evaluation, geometry
from evaluator.cache import EncodedSet, encode_items
from evaluator.composites import read_composites
from evaluator.dataset_items import load_items
from evaluator.encoders import TINY, Encoder, list_models, load_encoder
from evaluator.external import BENCHMARKS, LoadedBenchmark, load_benchmark
from evaluator.geometry import ProbeResult
from evaluator.items import Item
from evaluator.reporting import collect_maps, save_maps, write_paper, write_report
from evaluator.results import Results, load, save
from evaluator.scorers import check_scorer
from evaluator.training import HeadReport
from evaluator.training import train_head as _train_head
from evaluator.training_run import TrainingConfig
from generator.dataset import choose_split, read_groups, read_manifest
from scenes.errors import InputError

DEMO_SCORERS = ("cosine", "maxsim", "dcsm", "blind", "random")
MAPS_PER_CATEGORY = 100


def evaluate(
    dataset: str | Path,
    *,
    model: str = TINY,
    scorers: Sequence[str] = ("cosine",),
    out: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    head: str | Path | None = None,
    images: str | Path | None = None,
    allow_missing: bool = False,
    allow_random_weights: bool = False,
    prompt: str | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    batch_size: int | Literal["auto"] = "auto",
    cache_dir: str | Path | None = None,
    seed: int = 0,
    progress: bool = True,
    command: str | None = None,
) -> Results:
    """Score a dataset with a model and any number of scorers; with `out`, write the results folder.

    `dataset` is a folder that `generate` made, or "name:PATH" of a benchmark by others (`images` is then its image
    folder). `head` is a head file, or a folder with one for each scorer that needs one. The results hold the scores
    of every item, every metric with its interval, and what is needed to repeat the run.
    """
    if out is not None:
        _check_new(Path(out))
    for name in scorers:
        check_scorer(name)
    items, info, external = _read(dataset, split, limit, images, allow_missing, prompt)
    encoder = load_encoder(
        model, device=device, dtype=dtype, allow_random_weights=allow_random_weights, batch_size=batch_size
    )
    encoded = _encode(encoder, items, cache_dir, progress)
    results = evaluation.evaluate(
        items,
        encoder,
        scorers,
        head=None if head is None else Path(head),
        seed=seed,
        encoded=encoded,
        progress=progress,
        authors_metric=external.metric if external else None,
        dataset_info=info,
        command=command or _command_line(),
        notes=[*(external.notes if external else ()), *_random_note(allow_random_weights)],
    )
    if out is not None:
        save(results, Path(out))
        maps = collect_maps(items, encoded, MAPS_PER_CATEGORY)
        if maps is not None:
            save_maps(maps, Path(out))
    return results


def train_head(
    dataset: str | Path,
    *,
    out: str | Path,
    model: str = TINY,
    head: str = "dcsm",
    split: str = "train",
    validation_split: str | None = "validation",
    config: TrainingConfig | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
    allow_random_weights: bool = False,
    progress: bool = True,
) -> HeadReport:
    """Train a head on the groups of a dataset with the model frozen, and write it to `out` (.safetensors).

    Validation groups come from `validation_split` if the dataset has it, else a seeded share of the training groups is
    held back. An interrupted run goes on where it stopped.
    """
    folder = Path(dataset)
    splits = read_manifest(folder)["splits"]
    validation = load_items(folder, validation_split) if validation_split in splits else None
    return _train_head(
        load_items(folder, choose_split(folder, split)),
        validation,
        load_encoder(model, device=device, allow_random_weights=allow_random_weights),
        head=head,
        out=Path(out),
        config=config,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        progress=progress,
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
) -> ProbeResult:
    """The geometry probe on a dataset folder: which conditions the model's own space satisfies, and how superposed.

    With `out`, every number and every group's margins are written there as JSON.
    """
    folder = Path(dataset)
    items = load_items(folder, split, limit)
    kept = {item.id for item in items}
    groups = [group for group in read_groups(folder, choose_split(folder, split)) if group.id in kept]
    result = geometry.probe(
        items,
        load_encoder(model, device=device, allow_random_weights=allow_random_weights),
        rng=np.random.default_rng(seed),
        composites=list(read_composites(groups)),
        cache_dir=None if cache_dir is None else Path(cache_dir),
    )
    if out is not None:
        geometry.save_probe(result, Path(out))
    return result


def models() -> list[str]:
    """Names of all models that can be given as they are: fourfold-tiny and every open_clip "ARCH,tag"."""
    return list_models()


def demo(out: str | Path, *, groups: int = 60, workers: int | None = None, progress: bool = True) -> Results:
    """The whole product once: generate, evaluate fourfold-tiny with and without DCSM, report. Under `out`:

    dataset/, results/, preview.png, report.md and report.html. What is there already is kept and not made again.
    """
    from generator.contact_sheet import preview
    from generator.pipeline import generate

    folder = Path(out)
    dataset = generate("fourfold-demo", folder / "dataset", groups=groups, workers=workers, progress=progress)
    if (folder / "results").is_dir():
        results = load(folder / "results")
    else:
        command = f"fourfold demo {shlex.quote(str(out))} --groups {groups}"
        results = evaluate(dataset, scorers=DEMO_SCORERS, out=folder / "results", progress=progress, command=command)
    preview(dataset, folder / "preview.png")
    for name in ("report.md", "report.html"):
        report([folder / "results"], folder / name, dataset=dataset)
    return results


def _read(
    dataset: str | Path,
    split: str | None,
    limit: int | None,
    images: str | Path | None,
    allow_missing: bool,
    prompt: str | None,
) -> tuple[tuple[Item, ...], dict[str, Any], LoadedBenchmark | None]:
    """Items of our dataset or another's benchmark, what to say of them, and the latter's own metric."""
    name = str(dataset)
    if name.partition(":")[0] in BENCHMARKS:
        found = load_benchmark(
            name, images=None if images is None else Path(images), allow_missing=allow_missing, prompt=prompt
        )
        items = found.items if limit is None else found.items[:limit]
        return items, {"name": found.name, "spec": name, "missing": found.missing}, found
    folder = Path(dataset)
    if not folder.exists():
        known = ", ".join(sorted(BENCHMARKS))
        raise InputError(f"{name}: no such dataset folder; or give NAME:PATH with a benchmark NAME: {known}")
    manifest = read_manifest(folder)
    used = choose_split(folder, split)
    info = {
        "name": manifest["name"],
        "folder": str(folder),
        "split": used,
        "seed": manifest["seed"],
        "scenes_sha256": manifest["scenes_sha256"],
    }
    return load_items(folder, used, limit), info, None


def _dataset_of(results: Sequence[str | Path], given: str | Path | None) -> Path | None:
    """The dataset that was named, or the one that the first results name, if it is still there."""
    named = given if given or not results else load(Path(results[0])).dataset.get("folder")
    return Path(named) if named and (given or Path(named).is_dir()) else None


def _encode(encoder: Encoder, items: Sequence[Item], cache_dir: str | Path | None, progress: bool) -> EncodedSet:
    with tqdm(desc="encoding", disable=None if progress else True) as bar:

        def advance(kind: str, done: int, total: int) -> None:
            bar.set_description(f"encoding {kind}", refresh=False)
            bar.total, bar.n = total, done
            bar.refresh()

        return encode_items(encoder, items, None if cache_dir is None else Path(cache_dir), progress=advance)


def _check_new(out: Path) -> None:
    """Refuse a folder that holds something before any work is done."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and is not empty; nothing was overwritten. Give a new folder")


def _random_note(allowed: bool) -> list[str]:
    return (
        ["random weights were allowed: if the model has none of its own, these numbers mean nothing"] if allowed else []
    )


def _command_line() -> str:
    """How this process was called, for whoever wants to repeat it."""
    return shlex.join(["fourfold" if sys.argv[0].endswith("fourfold") else sys.argv[0], *sys.argv[1:]])
