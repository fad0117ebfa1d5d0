"""The paper's models and scorers on its benchmarks, in one command, for whoever has the weights and the images.

    python benchmarks/paper_table.py --data ROOT --out RESULTS

ROOT/<benchmark>/           the authors' annotation files, as `fourfold evaluate <benchmark>:PATH` takes them
ROOT/<benchmark>/images     the folder their image names are relative to (may be a link); without it, the folder itself
ROOT/heads/<model>/         trained heads, <scorer>.safetensors; without it, those that are shipped
ROOT/models/negclip.pth     the NegCLIP checkpoint; the others come from their hubs

What is missing is skipped and listed. Finished results in RESULTS are kept; those of another model, seed, head or set
of items are listed and left alone: give another RESULTS. `--random-weights` runs the same architectures untrained, to
try the machinery: such numbers mean nothing and every table says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.results import Results, load, save
from fourfold.evaluator.data.external import BENCHMARKS, LoadedBenchmark, load_benchmark
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.features.cached_encoder import with_cached_texts
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.evaluation import check_items, evaluate, hash_heads, name_of_image
from fourfold.evaluator.scorers import SCORERS, ScorerContext, load_scorer
from fourfold.evaluator.tables.formats import WRITERS, Table, write_table

PAPER_BENCHMARKS = (
    *("clip-binding", "ncd", "vg-attribution", "vg-relation", "whatsup", "whatsup-edited", "coco-qa", "coco-qa-edited"),
    *("vg-qa", "vg-qa-edited", "negbench", "sugarcrepe", "winoground"),
)
PAPER_SCORERS = ("cosine", "dcsm-ref", "dcsm")
RANDOM = "RANDOM WEIGHTS: these numbers mean nothing"


@dataclass(frozen=True)
class PaperModel:
    """One model of the paper's table, with its weights and as a bare architecture."""

    spec: str  # {root} stands for the data folder
    architecture: str | None  # None: cannot be made without its weights


MODELS = {
    "CLIP-B-32": PaperModel("ViT-B-32-quickgelu,openai", "ViT-B-32-quickgelu"),
    "CLIP-B-16": PaperModel("ViT-B-16-quickgelu,openai", "ViT-B-16-quickgelu"),
    "CLIP-L-14": PaperModel("ViT-L-14-quickgelu,openai", "ViT-L-14-quickgelu"),
    "NegCLIP": PaperModel("ViT-B-32-quickgelu,{root}/models/negclip.pth", "ViT-B-32-quickgelu"),
    "SigLIP-B-16": PaperModel("ViT-B-16-SigLIP,webli", "ViT-B-16-SigLIP"),
    "CoCa-B-32": PaperModel("coca_ViT-B-32,laion2b_s13b_b90k", "coca_ViT-B-32"),
    "BLIP-B": PaperModel("hf:Salesforce/blip-itm-base-coco", None),
}


@dataclass(frozen=True)
class Settings:
    """What the user asked for."""

    root: Path
    out: Path
    scorers: tuple[str, ...]
    random_weights: bool
    seed: int


def open_benchmarks(root: Path, names: tuple[str, ...], skipped: list[str]) -> dict[str, LoadedBenchmark]:
    """The benchmarks whose files are there; those whose are not are added to `skipped` with the reason."""
    found = {}
    for name in names:
        folder = root / name.removesuffix("-edited")
        images = folder / "images"
        try:
            loaded = load_benchmark(f"{name}:{folder}", images=images if images.is_dir() else None)
            check_items(loaded.items)
            found[name] = loaded
        except InputError as error:
            skipped.append(f"benchmark {name}: {error}")
    return found


def open_model(name: str, root: Path, random: bool, device: str) -> Encoder:
    """The encoder of a row of `MODELS`; InputError where its weights are not to be had."""
    model = MODELS[name]
    if not random:
        return load_encoder(model.spec.format(root=root), device=device)
    if model.architecture is None:
        raise InputError(f"{model.spec}: cannot be made without its weights")
    return load_encoder(model.architecture, device=device, allow_random_weights=True)


def usable_scorers(names: tuple[str, ...], context: ScorerContext, where: str, skipped: list[str]) -> list[str]:
    """Those scorers that this model can run; the others are added to `skipped` with the reason."""
    usable = []
    for name in names:
        try:
            load_scorer(name, context)
            usable.append(name)
        except InputError as error:
            skipped.append(f"{where}, scorer {name}: {error}")
    return usable


def run_model(
    name: str, encoder: Encoder, benchmarks: dict[str, LoadedBenchmark], settings: Settings, skipped: list[str]
) -> Iterator[tuple[str, Results]]:
    """(benchmark, results) of one model; finished ones are read back, new ones are written."""
    heads = settings.root / "heads" / name
    for benchmark, loaded in benchmarks.items():
        folder = settings.out / name / benchmark
        head = heads if heads.is_dir() else None
        finished = load(folder) if (folder / "results.json").is_file() else None
        if finished and (other := differences(finished, benchmark, loaded, encoder, head, settings)):
            skipped.append(f"{name} on {benchmark}: {folder} holds earlier results with another {', '.join(other)}")
            continue
        if finished and set(settings.scorers) <= set(finished.scorers):
            yield benchmark, finished
            continue
        cache = settings.out / "cache"
        encoded = encode_items(encoder, loaded.items, cache)
        context = ScorerContext(with_cached_texts(encoder, cache), loaded.items, encoded, head, settings.seed)
        scorers = usable_scorers(settings.scorers, context, f"{name} on {benchmark}", skipped)
        if not scorers:
            continue
        results = evaluate(
            loaded.items,
            encoder,
            scorers,
            head=head,
            seed=settings.seed,
            cache_dir=cache,
            encoded=encoded,
            authors_metric=loaded.metric,
            dataset_info={"name": benchmark, "missing": loaded.missing},
            command=f"python benchmarks/paper_table.py --data {settings.root} --out {settings.out}",
            notes=(*loaded.notes, *([RANDOM] if settings.random_weights else [])),
        )
        save(results, folder)
        yield benchmark, results


def differences(
    finished: Results, benchmark: str, loaded: LoadedBenchmark, encoder: Encoder, head: Path | None, settings: Settings
) -> list[str]:
    """What earlier results were made with that this run would not be made with."""
    common = [name for name in settings.scorers if name in finished.scorers]
    heads = {name: digest for name, digest in finished.settings.get("heads", {}).items() if name in common}
    pairs = {
        "model": (finished.model.get("identity"), encoder.identity),
        "seed": (finished.settings.get("seed"), settings.seed),
        "head": (heads, hash_heads(head, common, encoder.name)),
        "dataset": (finished.dataset.get("name"), benchmark),
        "set of items": (
            [(each.id, each.images, each.captions, each.truth.tolist()) for each in finished.items],
            [
                (each.id, tuple(map(name_of_image, each.images)), each.captions, each.truth.tolist())
                for each in loaded.items
            ],
        ),
    }
    return [what for what, (there, here) in pairs.items() if there != here]


def benchmark_table(benchmark: str, found: list[tuple[str, Results]]) -> Table:
    """One benchmark as its authors count: a row for every model and scorer."""
    metrics = list(dict.fromkeys(m for _, results in found for values in results.authors.values() for m in values))
    rows = [
        (model, scorer, *(f"{100 * values[metric]:.2f}" if metric in values else None for metric in metrics))
        for model, results in found
        for scorer, values in results.authors.items()
    ]
    notes = tuple(dict.fromkeys(note for _, results in found for note in results.notes))
    title = f"{BENCHMARKS[benchmark].title}, as its authors count, percent"
    return Table(title, ("model", "scorer", *metrics), tuple(rows), notes)


@click.command(help=__doc__.split("\n\n")[0] if __doc__ else "")
@click.option("--data", "root", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="folder for results")
@click.option("--model", "models", multiple=True, help=f"one or more of {', '.join(MODELS)}; default: all")
@click.option("--benchmark", "benchmarks", multiple=True, help="one or more; default: the paper's")
@click.option("--scorer", "scorers", multiple=True, help=f"one or more; default: {', '.join(PAPER_SCORERS)}")
@click.option("--format", "form", default="markdown", help=f"one of {', '.join(WRITERS)}")
@click.option("--device", default="cpu")
@click.option("--seed", default=0)
@click.option("--random-weights", is_flag=True, help="untrained architectures, to try the machinery")
def main(
    root: Path,
    out: Path,
    models: tuple[str, ...],
    benchmarks: tuple[str, ...],
    scorers: tuple[str, ...],
    form: str,
    device: str,
    seed: int,
    random_weights: bool,
) -> None:
    """Run what can be run, print one table a benchmark, then what was skipped and why."""
    try:
        tables, skipped = paper_tables(
            Settings(root, out, scorers or PAPER_SCORERS, random_weights, seed),
            models or tuple(MODELS),
            benchmarks or PAPER_BENCHMARKS,
            device,
        )
        for table in tables:
            click.echo(write_table(table, form))
    except InputError as error:
        raise click.UsageError(str(error)) from error
    click.echo("Skipped:" if skipped else "Nothing was skipped.")
    for reason in skipped:
        click.echo(f"  {reason}")


def paper_tables(
    settings: Settings, models: tuple[str, ...], benchmarks: tuple[str, ...], device: str
) -> tuple[list[Table], list[str]]:
    """The tables, and what was skipped. Raises InputError for names that do not exist."""
    for what, given, allowed in (("model", models, MODELS), ("benchmark", benchmarks, BENCHMARKS)):
        for name in given:
            if name not in allowed:
                raise unknown_name(what, name, allowed)
    for name in settings.scorers:
        if name not in SCORERS and ":" not in name:
            raise unknown_name("scorer", name, SCORERS)
    skipped: list[str] = []
    loaded = open_benchmarks(settings.root, benchmarks, skipped)
    found: dict[str, list[tuple[str, Results]]] = {name: [] for name in loaded}
    for model in models if loaded else ():
        try:
            encoder = open_model(model, settings.root, settings.random_weights, device)
        except InputError as error:
            skipped.append(f"model {model}: {error}")
            continue
        label = f"{model}-random" if settings.random_weights else model
        for benchmark, results in run_model(label, encoder, loaded, settings, skipped):
            found[benchmark].append((label, results))
    return [benchmark_table(name, rows) for name, rows in found.items() if rows], skipped


if __name__ == "__main__":
    main()
