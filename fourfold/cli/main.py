"""The command `fourfold`. Every command is a thin skin over a Python call.

Heavy imports stay inside the commands, so that `--help` answers at once.
"""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fourfold.cli.datasets import DATASET_COMMANDS
from fourfold.cli.options import CACHE, DATASET, DEVICE, DTYPE, FOLDER, MODEL, QUIET, RANDOM, SEED
from fourfold.cli.training import TRAINING_COMMANDS
from fourfold.errors import InputError

WRONG = 2
INTERRUPTED = 130  # what shells report of a program stopped by Ctrl-C
# Troubles with a place that the user gave; any other OSError is ours to explain.
_PLACES = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
)


_RESUMED = ("generate", "demo", "train-head", "train-tiny")
_CACHED = ("evaluate", "probe")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fourfold")
def cli() -> None:
    """Measure what CLIP-like models cannot represent: rendered scenes, fourfold captions, an evaluator with and without
    dense cosine similarity maps (DCSM).

    Start with `fourfold demo demo`.
    """


for _command in (*DATASET_COMMANDS, *TRAINING_COMMANDS):
    cli.add_command(_command)


@cli.command(short_help="Score a dataset with models and scorers.")
@DATASET
@MODEL
@click.option(
    "--scorer", "scorers", multiple=True, default=("cosine",), show_default=True, help="repeat for several; names above"
)
@click.option("--models", type=click.Path(path_type=Path), help="file with a model a line; a folder each, in --out")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="new folder for the results")
@click.option("--head", type=click.Path(path_type=Path), help="head file, or a folder with one for each scorer")
@click.option("--engine", default="local", show_default=True, help="local, ray (extra `ray`)")
@click.option("--address", help="of a running Ray cluster; default: one on this machine")
@click.option("--images", type=click.Path(path_type=Path), help="image folder of a benchmark by others")
@click.option("--allow-missing", is_flag=True, help="leave out items whose images are missing, and say so")
@click.option("--prompt", help="caption template with {caption}")
@click.option("--split", help='of a dataset of ours; default: "test", else the first')
@click.option("--limit", type=click.IntRange(1), help="first items of each category, or of a benchmark, only")
@click.option("--retrieval", is_flag=True, help="also search for content captions among all pictures: R@1, 5, 10")
@SEED
@DTYPE
@click.option("--batch-size", default="auto", show_default=True, help="images or captions in one pass, or auto")
@CACHE
@DEVICE
@RANDOM
@QUIET
@click.pass_context
def evaluate(
    context: click.Context,
    dataset: str,
    model: str,
    models: Path | None,
    cache: Path | None,
    quiet: bool,
    batch_size: str,
    **options: Any,
) -> None:
    """Score DATASET (a folder, or NAME:PATH of a benchmark by others) with a model, or many, and scorers.

    `fourfold models` lists models.

    \b
    Scorers:
      cosine, maxsim, dcsm, dcsm-ref, labclip, mlp, bilinear, factored, phrase-align, marginal
      and controls: random, blind, oracle, shuffled-images, shuffled-images:NAME
      of scorers of patch tokens: patch-shuffle:NAME (they change places),
      mean-patch:NAME (each is the mean of all), mirror:NAME (left is right)
    \b
    Benchmarks by others:
      vg-relation, vg-attribution, coco-order, flickr-order (ARO)
      whatsup, coco-qa, vg-qa, whatsup-edited, coco-qa-edited, vg-qa-edited
      bivlc, clip-binding, colorswap, crepe, eqben, mmvp, ncd, negbench
      retrieval (COCO, Flickr30k), spec, sugarcrepe, valse, vismin, winoground
    """
    from fourfold.calls.commands import evaluate as call

    options |= {"cache_dir": cache, "progress": not quiet, "batch_size": _batch_size(batch_size)}
    if models is None:
        _print_results(call(dataset, model=model, **options))
        click.echo(f"results: {options['out']}; see them with `fourfold report {options['out']} --out report.html`")
        return
    if context.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT:
        raise InputError("evaluate: give --model or --models, not both")
    _evaluate_many(dataset, models, **options)


def _evaluate_many(dataset: str, models: Path, **options: Any) -> None:
    from fourfold.calls.commands import evaluate_models
    from fourfold.evaluator.reporting.table_formats import write_text
    from fourfold.evaluator.run.many_models import FAILED, outcome_table

    found = evaluate_models(dataset, models, say=lambda line: click.echo(line, err=True), **options)
    click.echo(write_text(outcome_table(found)))
    failed = [each.model for each in found if each.outcome == FAILED]
    if failed:
        raise InputError(f"{len(failed)} of {len(found)} models failed: {', '.join(failed)}")


@cli.command(short_help="Write the report on one or several results.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="report.html, or report.md")
@click.option(
    "--paper", type=click.Path(path_type=Path), help="folder for every table (CSV, LaTeX) and figure (SVG, PDF)"
)
@click.option("--dataset", type=click.Path(path_type=Path), help="where the pictures are, if the folder was moved")
def report(results: tuple[Path, ...], out: Path | None, paper: Path | None, dataset: Path | None) -> None:
    """Write the report on one or several RESULTS folders: a page, or a folder of tables and figures for a paper."""
    if out is None and paper is None:
        raise InputError("report: name what to write, --out report.html or --paper FOLDER")
    from fourfold.calls.commands import paper_report
    from fourfold.calls.commands import report as call

    if out is not None:
        click.echo(call(results, out, dataset=dataset))
    if paper is not None:
        click.echo(f"{paper}: {len(paper_report(results, paper, dataset=dataset))} tables and figures")


@cli.command(short_help="Put several results side by side, paired.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--scorer", "scorers", multiple=True, help="repeat for several; default: all")
@click.option("--form", default="text", show_default=True, help="text, markdown, csv, latex, html")
def compare(results: tuple[Path, ...], scorers: tuple[str, ...], form: str) -> None:
    """Put several RESULTS folders side by side, paired where they asked the same."""
    from fourfold.evaluator.analysis.comparison import compare as call
    from fourfold.evaluator.analysis.comparison import load_runs
    from fourfold.evaluator.reporting.table_formats import write_table
    from fourfold.evaluator.reporting.tables import model_table

    click.echo(write_table(model_table(call(load_runs(results), scorers=scorers or None)), form))


@cli.command(short_help="Measure which of C1-C4 a model's space satisfies.")
@FOLDER
@MODEL
@click.option(
    "--out", type=click.Path(path_type=Path), help="folder for numbers and figures, as a results folder; or .json"
)
@click.option("--split", help='default: "test", else the first')
@click.option("--limit", type=click.IntRange(1), help="first groups of each category only")
@SEED
@CACHE
@DEVICE
@RANDOM
@QUIET
def probe(dataset: Path, model: str, out: Path | None, cache: Path | None, quiet: bool, **options: Any) -> None:
    """Measure which of C1-C4 MODEL's own space satisfies on the groups of DATASET, and how superposed it is.

    A group that fails refutes its condition for the cosine of this space, not that the knowledge is there: as long as
    twins differ, a bilinear score on the same vectors may satisfy C2. Groups that hold prove nothing about others.
    """
    from fourfold.calls.commands import probe as call
    from fourfold.evaluator.reporting.table_formats import write_text
    from fourfold.evaluator.reporting.tables import probe_table

    found = call(dataset, model=model, out=out, cache_dir=cache, progress=not quiet, **options)
    click.echo(write_text(probe_table(found)))


@cli.command(short_help="List models that can be named.")
@click.argument("part", required=False, default="")
def models(part: str) -> None:
    """List models that can be named, those with PART in their name."""
    from fourfold.calls.commands import models as call

    found = [name for name in call() if part.lower() in name.lower()]
    if not found:
        raise InputError(f"no model with {part!r} in its name; `fourfold models` lists all")
    click.echo("\n".join(found))
    click.echo(
        "also: hf-hub:ORG/REPO, local-dir:FOLDER, ARCH,path/to/checkpoint, hf:ORG/REPO, module:function", err=True
    )


@cli.command(short_help="Generate, evaluate fourfold-tiny and report.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--groups", type=click.IntRange(1), default=60, show_default=True, help="groups of each category")
@click.option("--workers", type=click.IntRange(1), help="processes; default: one a core")
@QUIET
def demo(out: Path, groups: int, workers: int | None, quiet: bool) -> None:
    """Generate, evaluate fourfold-tiny with and without DCSM, and report, all in the folder OUT."""
    from fourfold.calls.commands import demo as call

    results = call(out, groups=groups, workers=workers, progress=not quiet)
    _print_results(results)
    click.echo(f"open {out / 'report.html'}")


def _print_results(results: Any) -> None:
    from fourfold.evaluator.reporting.table_formats import write_text
    from fourfold.evaluator.reporting.tables import authors_table, category_table, comparison_table, retrieval_table

    tables = [category_table(results), *filter(None, [comparison_table(results), retrieval_table(results)])]
    if results.authors:
        tables.append(authors_table(results))
    for table in tables:
        click.echo(write_text(table))
        click.echo()


def _batch_size(text: str) -> Any:
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--batch-size {text!r}: give 'auto' or a whole number from 1 on")
    return int(text)


def main() -> None:
    """Run the command line: a user's mistake is one line and exit code 2, Ctrl-C is 130."""
    try:
        cli(prog_name="fourfold", standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except click.ClickException as error:
        if len(sys.argv) == 1:  # `fourfold` alone: click's message is the help
            error.show()
            sys.exit(WRONG)
        context = getattr(error, "ctx", None)
        _fail(error.format_message() + (f" (see `{context.command_path} --help`)" if context else ""))
    except OSError as error:
        if error.errno not in _PLACES:
            raise
        _fail(f"{error.filename or 'a file'}: {error.strerror}; give another place")
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"fourfold: interrupted; {_what_is_kept(sys.argv[1:])}", err=True)
        sys.exit(INTERRUPTED)


def _what_is_kept(arguments: Sequence[str]) -> str:
    """What the same command finds when it is given again."""
    name = next((each for each in arguments if each in cli.commands), "")
    if name in _RESUMED or (name == "evaluate" and "--models" in arguments):
        return "the same command resumes, what is finished is kept"
    if "--cache" in arguments:
        return "the same command begins anew; what was encoded is in the cache"
    return "the same command begins anew" + ("; with --cache, encoded features are kept" * (name in _CACHED))


def _fail(message: str) -> None:
    click.echo(f"fourfold: {' '.join(message.split())}", err=True)
    sys.exit(WRONG)


if __name__ == "__main__":
    main()
