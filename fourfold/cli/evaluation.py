"""The commands of `fourfold` about models: scoring, probing, comparing and reporting.

As in `fourfold.cli.main`, heavy imports stay inside the commands.
"""

from pathlib import Path
from typing import Any

import click

from fourfold.cli.options import (
    ADDRESS,
    BATCH_SIZE,
    CACHE,
    DATASET,
    DEVICE,
    DTYPE,
    ENGINE,
    FOLDER,
    MODEL,
    QUIET,
    RANDOM,
    SEED,
    SPLIT,
    say_device,
)
from fourfold.errors import InputError


@click.command(short_help="Score a dataset with models and scorers.")
@DATASET
@MODEL
@click.option(
    "--scorer", "scorers", multiple=True, default=("cosine",), show_default=True, help="repeat for several; names above"
)
@click.option("--models", type=click.Path(path_type=Path), help="file with a model a line; a folder each, in --out")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="new folder for the results")
@click.option("--add", is_flag=True, help="--out holds results already: score what they lack, and add it")
@click.option("--head", type=click.Path(path_type=Path), help="head file, or a folder of heads (train-head)")
@ENGINE
@ADDRESS
@click.option("--images", type=click.Path(path_type=Path), help="folder of the images of others, or of your own")
@click.option("--allow-missing", is_flag=True, help="leave out items whose images are missing, and say so")
@click.option("--prompt", help="caption template with {caption}")
@click.option("--split", help='of a dataset of ours; default: "test", else the first')
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="first items of each category, or of a benchmark, only; of --adaptive the most groups, 100 by default",
)
@click.option(
    "--adaptive", metavar="AXIS", help="make groups where they tell most of the level at which a scorer fails"
)
@click.option("--category", "categories", multiple=True, help="of --adaptive; repeat for several; default: all")
@click.option("--range", "ends", type=float, nargs=2, metavar="LOW HIGH", help="of AXIS; default: most of the groups")
@click.option("--retrieval", is_flag=True, help="also search for content captions among all pictures: R@1, 5, 10")
@SEED
@DTYPE
@BATCH_SIZE
@CACHE
@DEVICE
@RANDOM
@click.option("--allow-training-items", is_flag=True, help="score heads on what they learned from; every table says so")
@QUIET
@click.pass_context
def evaluate(
    context: click.Context,
    dataset: str,
    model: str,
    models: Path | None,
    adaptive: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Score DATASET (a folder or its URL, or NAME:PATH of a benchmark by others) with a model, or many, and scorers.

    `fourfold models` lists models. With --adaptive DATASET is a recipe, or a folder whose recipe is meant: groups are
    made one by one, at the level of difficulty that tells most, until the threshold of each scorer is known.

    \b
    Scorers:
      cosine, maxsim, phrase-align, attention-pool, crop-align (encodes parts of pictures), marginal
      of trained heads: dcsm, dcsm-ref, token-transformer, labclip, mlp, bilinear, factored
      and controls: random, blind, oracle, shuffled-images, shuffled-images:NAME
      of scorers of patch tokens: patch-shuffle:NAME (they change places),
      mean-patch:NAME (each is the mean of all), mirror:NAME (left is right)
      of a head trained with several seeds, dcsm is all of them and dcsm#0 is one
      and your own: module:function; see fourfold.evaluator.scorers.own
    \b
    Benchmarks by others:
      vg-relation, vg-attribution, coco-order, flickr-order (ARO)
      whatsup, coco-qa, vg-qa, whatsup-edited, coco-qa-edited, vg-qa-edited
      bivlc, clip-binding, colorswap, crepe, eqben, mmvp, ncd, negbench
      retrieval (COCO, Flickr30k), spec, sugarcrepe, valse, vismin, winoground
    \b
    Your own (columns image, caption, foil; image_0, caption_0, image_1, caption_1):
      csv:FILE (or .tsv), jsonl:FILE, wds:TARS, toml:FILE (describes one of the others),
      hf:ORG/NAME (here a HuggingFace dataset; of --model, a model);
      other names: csv:my.csv#image=file,caption=text,foils=neg1+neg2
    """
    from fourfold.calls.evaluation import evaluate as call

    options |= {"progress": not quiet}
    _check_adaptive(context, adaptive is not None)
    if options["engine"] == "local":  # Ray's workers find their own
        options |= {"device": say_device(options["device"])}
    if adaptive is not None:
        _evaluate_adaptively(dataset, adaptive, model=model, **options)
        return
    del options["categories"], options["ends"]
    if models is None:
        _print_results(call(dataset, model=model, **options))
        click.echo(f"results: {options['out']}; see them with `fourfold report {options['out']} --out report.html`")
        return
    if context.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT:
        raise InputError("evaluate: give --model or --models, not both")
    _evaluate_many(dataset, models, **options)


_ADAPTIVE_ONLY = ("categories", "ends")
_NEVER_ADAPTIVE = (
    "models",
    "add",
    "engine",
    "address",
    "images",
    "allow_missing",
    "prompt",
    "retrieval",
    "allow_training_items",
)


def _check_adaptive(context: click.Context, adaptive: bool) -> None:
    """Raise InputError for an option that is only for adaptive evaluations, or never for one."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        if given and name in (_NEVER_ADAPTIVE if adaptive else _ADAPTIVE_ONLY):
            why = (
                "is for datasets that are there; leave out one of it and --adaptive" if adaptive else "needs --adaptive"
            )
            raise InputError(f"evaluate: {parameter.opts[0]} {why}")


def _evaluate_adaptively(recipe: str, axis: str, **options: Any) -> None:
    from fourfold.calls.adaptive import find_thresholds
    from fourfold.evaluator.analysis.thresholds import threshold_table
    from fourfold.evaluator.tables.formats import write_text

    found = find_thresholds(recipe, axis, **{k: v for k, v in options.items() if k not in _NEVER_ADAPTIVE})
    click.echo(write_text(threshold_table(found)))
    click.echo(f"groups and curves: {options['out']}/adaptive.json, adaptive.svg")


def _evaluate_many(dataset: str, models: Path, **options: Any) -> None:
    from fourfold.calls.evaluation import evaluate_models
    from fourfold.evaluator.run.many_models import FAILED, outcome_table
    from fourfold.evaluator.tables.formats import write_text

    found = evaluate_models(dataset, models, say=lambda line: click.echo(line, err=True), **options)
    click.echo(write_text(outcome_table(found)))
    failed = [each.model for each in found if each.outcome == FAILED]
    if failed:
        raise InputError(f"{len(failed)} of {len(found)} models failed: {', '.join(failed)}")


@click.command(short_help="Write the report on one or several results.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="report.html, or report.md")
@click.option(
    "--paper", type=click.Path(path_type=Path), help="folder for every table (CSV, LaTeX) and figure (SVG, PDF)"
)
@click.option("--dataset", type=click.Path(path_type=Path), help="where the pictures are, if the folder was moved")
@click.option(
    "--look",
    type=click.Path(path_type=Path),
    help="results on the same scenes in another look (generate --renderer): what changes",
)
def report(
    results: tuple[Path, ...], out: Path | None, paper: Path | None, dataset: Path | None, look: Path | None
) -> None:
    """Write the report on one or several RESULTS folders: a page, or a folder of tables and figures for a paper."""
    if out is None and paper is None:
        raise InputError("report: name what to write, --out report.html or --paper FOLDER")
    from fourfold.calls.reports import paper_report
    from fourfold.calls.reports import report as call

    if out is not None:
        click.echo(call(results, out, dataset=dataset, look=look))
    if paper is not None:
        click.echo(f"{paper}: {len(paper_report(results, paper, dataset=dataset, look=look))} tables and figures")


@click.command(short_help="Put several results side by side, paired.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--scorer", "scorers", multiple=True, help="repeat for several; default: all")
@click.option(
    "--equivalence", type=float, metavar="POINTS", help="also test that differences are smaller than this, e.g. 5"
)
@click.option("--form", default="text", show_default=True, help="text, markdown, csv, latex, html")
def compare(results: tuple[Path, ...], scorers: tuple[str, ...], equivalence: float | None, form: str) -> None:
    """Put several RESULTS folders side by side, paired where they asked the same."""
    from fourfold.calls.reports import compare as call
    from fourfold.evaluator.analysis.equivalence import check_margin, equivalence_table
    from fourfold.evaluator.analysis.model_table import model_table
    from fourfold.evaluator.tables.formats import write_table

    if equivalence is not None:
        check_margin(equivalence)
    found = call(results, scorers=scorers or None)
    click.echo(write_table(model_table(found), form))
    if equivalence is not None:
        table = equivalence_table(found, equivalence)
        if table is None:
            raise InputError("compare: these results are not paired, so no equivalence can be tested")
        click.echo(write_table(table, form))


@click.command(short_help="Measure which of C1-C4 a model's space satisfies.")
@FOLDER
@MODEL
@click.option(
    "--out", type=click.Path(path_type=Path), help="folder for numbers and figures, as a results folder; or .json"
)
@SPLIT
@click.option("--limit", type=click.IntRange(1), help="first groups of each category only")
@SEED
@CACHE
@DEVICE
@RANDOM
@QUIET
def probe(dataset: Path, quiet: bool, **options: Any) -> None:
    """Measure which of C1-C4 MODEL's own space satisfies on the groups of DATASET, and how superposed it is.

    A group that fails refutes its condition for the cosine of this space, not that the knowledge is there: as long as
    twins differ, a bilinear score on the same vectors may satisfy C2. Groups that hold prove nothing about others.
    """
    from fourfold.calls.probing import probe as call
    from fourfold.evaluator.analysis.joint_satisfaction import joint_table
    from fourfold.evaluator.analysis.probe_results import probe_table
    from fourfold.evaluator.tables.formats import write_text

    options |= {"device": say_device(options["device"])}
    found = call(dataset, progress=not quiet, **options)
    click.echo(write_text(probe_table(found)))
    if table := joint_table(found.joint, found.model):
        click.echo(write_text(table))


@click.command(short_help="Find the stage of a model at which each category is lost.")
@FOLDER
@MODEL
@click.option("--out", type=click.Path(path_type=Path), help="folder for diagnosis.json, as a results folder")
@SPLIT
@click.option("--limit", type=click.IntRange(20), help="first groups of each category only")
@SEED
@CACHE
@DEVICE
@RANDOM
@click.option(
    "--random-control/--no-random-control",
    default=True,
    show_default=True,
    help="probe the same model with random weights too; encodes the set once more",
)
@QUIET
def diagnose(dataset: Path, quiet: bool, **options: Any) -> None:
    """Find the stage of MODEL at which it loses what each category of DATASET asks for.

    Every image layer, the patches, the pooled image, every text layer, the tokens, the pooled text, and both together
    are probed for one bit: which caption goes with which picture. With --cache the layers are kept, and a killed run
    goes on.
    """
    from fourfold.calls.diagnosing import diagnose as call
    from fourfold.evaluator.diagnosis.results import diagnosis_tables
    from fourfold.evaluator.tables.formats import write_text

    options |= {"device": say_device(options["device"])}
    found = call(dataset, progress=not quiet, **options)
    click.echo("\n".join(write_text(table) for table in diagnosis_tables(found)))
    click.echo(
        "processor seconds: "
        + ", ".join(f"{name} {seconds:.0f}" for name, seconds in found.cost.items())
        + " (encoding: only what was not in the cache)"
    )


@click.command(short_help="List models that can be named.")
@click.argument("part", required=False, default="")
def models(part: str) -> None:
    """List models that can be named, those with PART in their name."""
    from fourfold.calls.evaluation import models as call

    found = [name for name in call() if part.lower() in name.lower()]
    if not found:
        raise InputError(f"no model with {part!r} in its name; `fourfold models` lists all")
    click.echo("\n".join(found))
    click.echo(
        "also: hf-hub:ORG/REPO, local-dir:FOLDER, ARCH,path/to/checkpoint, ARCH,tag,path (tuned from a tag), "
        "hf:ORG/REPO, module:function",
        err=True,
    )


@click.command(short_help="Generate, evaluate fourfold-tiny and report.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--groups", type=click.IntRange(1), default=60, show_default=True, help="groups of each category")
@click.option("--workers", type=click.IntRange(1), help="processes; default: one a core")
@QUIET
def demo(out: Path, groups: int, workers: int | None, quiet: bool) -> None:
    """Generate, evaluate fourfold-tiny with and without DCSM, and report, all in the folder OUT."""
    from fourfold.calls.demonstration import demo as call

    results = call(out, groups=groups, workers=workers, progress=not quiet)
    _print_results(results)
    click.echo(f"open {out / 'report.html'}")


def _print_results(results: Any) -> None:
    from fourfold.evaluator.analysis.parts_table import parts_table
    from fourfold.evaluator.analysis.result_tables import (
        authors_table,
        category_table,
        comparison_table,
        retrieval_table,
    )
    from fourfold.evaluator.analysis.seed_table import seed_table
    from fourfold.evaluator.tables.formats import write_text

    tables = [category_table(results)]
    optional = [seed_table(results), comparison_table(results), parts_table(results), retrieval_table(results)]
    tables += filter(None, optional)
    if results.authors:
        tables.append(authors_table(results))
    for table in tables:
        click.echo(write_text(table))
        click.echo()


EVALUATION_COMMANDS = (evaluate, report, compare, probe, diagnose, models, demo)
