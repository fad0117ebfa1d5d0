"""The commands of `fourfold` about datasets alone: making, checking, showing and exporting them.

As in `fourfold.cli.main`, heavy imports stay inside the commands.
"""

import json
import os
from pathlib import Path
from typing import Any

import click

from fourfold.cli.options import ADDRESS, DATASET, ENGINE, FOLDER, QUIET, SEED, SPLIT
from fourfold.errors import InputError


@click.command(short_help="Make the dataset of a recipe in a folder or at a URL.")
@click.argument("recipe")
@click.argument("out")
@click.option("--groups", type=click.IntRange(1), help="groups of each category, instead of the recipe's numbers")
@click.option("--seed", type=click.IntRange(0), help="another seed than the recipe's")
@click.option("--split", help="this split only")
@click.option("--workers", type=click.IntRange(1), help="processes; default: one a core")
@click.option(
    "--renderer",
    default="auto",
    show_default=True,
    help="opengl, raytrace; auto is the first of them that starts; path-traced looks more like photos, and is slow",
)
@click.option("--format", default="folder", show_default=True, help="folder, webdataset, parquet")
@ENGINE
@ADDRESS
@click.option("--num-shards", type=click.IntRange(1), help="parts made one by one; default: the size of a SLURM array")
@click.option("--shard-index", type=click.IntRange(0), help="the part to make, from 0 on; default: that of this task")
@QUIET
def generate(recipe: str, out: str, quiet: bool, **options: Any) -> None:
    """Make the dataset of RECIPE (a TOML file or the name of a data card) in OUT, a folder or a URL such as s3://...

    Call again to resume.
    """
    from fourfold.generator.run.parts import slurm_part
    from fourfold.generator.run.pipeline import generate as call
    from fourfold.generator.run.pipeline import is_finished

    if options["shard_index"] is None and options["num_shards"] is None and (part := slurm_part(os.environ)):
        options |= {"shard_index": part.index, "num_shards": part.count}
        given = f"--shard-index {part.index} --num-shards {part.count}"
        click.echo(f"this task of a SLURM array makes {given}; give --num-shards 1 for the whole", err=True)
    place = call(recipe, out, progress=not quiet, **options)
    if is_finished(place):
        _say_done(place)
    else:
        click.echo(f"{place}: this part is done; when all are, finish the dataset with `fourfold merge {place}`")


@click.command(short_help="Finish a dataset whose parts were made one by one.")
@click.argument("out")
def merge(out: str) -> None:
    """Finish the dataset in OUT (a folder or URL), whose parts `fourfold generate --num-shards` made one by one."""
    from fourfold.generator.run.pipeline import merge as call

    _say_done(call(out))


def _say_done(place: str | Path) -> None:
    is_folder = isinstance(place, Path)  # else a URL, which what reads datasets does not open
    hint = f"look at it with `fourfold preview {place} sheet.png`" if is_folder else "copy it to a folder to use it"
    click.echo(f"{place}: done; {hint}")


@click.command(short_help="Derive a dataset again from its files; list problems.")
@FOLDER
@QUIET
def verify(dataset: Path, quiet: bool) -> None:
    """Derive everything in DATASET again from its files and list every problem."""
    from fourfold.generator.verification import verify as call

    problems = call(dataset, progress=not quiet)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise InputError(f"{dataset}: {len(problems)} problems")
    click.echo(f"{dataset}: every file, scene, mask and caption is as it should be")


@click.command(short_help="Write a contact sheet of a dataset.")
@FOLDER
@click.argument("out", type=click.Path(path_type=Path))
@SPLIT
@click.option("--columns", type=click.IntRange(1), default=4, show_default=True, help="groups side by side")
@click.option("--rows", type=click.IntRange(1), default=1, show_default=True, help="rows of each category")
def preview(dataset: Path, out: Path, split: str | None, columns: int, rows: int) -> None:
    """Write a contact sheet of DATASET to OUT (.png)."""
    from fourfold.generator.presentation.contact_sheet import preview as call

    click.echo(call(dataset, out, split=split, columns=columns, rows=rows))


@click.command(short_help="Count what a dataset holds, as text or a page.")
@FOLDER
@click.option("--split", help="this split only; default: all")
@click.option("--html", type=click.Path(path_type=Path), help="page.html with charts")
def describe(dataset: Path, split: str | None, html: Path | None) -> None:
    """Count what DATASET holds: categories, edits, objects, difficulty, and why drafts were rejected."""
    from fourfold.generator.presentation.description import describe as call
    from fourfold.generator.presentation.description import portrait_as_text
    from fourfold.generator.presentation.description_page import write_page

    portrait = call(dataset, split=split)
    click.echo(portrait_as_text(portrait) if html is None else write_page(portrait, html))


@click.command(short_help="Write a dataset in the schema of another.")
@FOLDER
@click.argument("format")
@click.argument("out", type=click.Path(path_type=Path))
@SPLIT
def export(dataset: Path, format: str, out: Path, **options: Any) -> None:
    """Write DATASET to the new folder OUT in another schema, FORMAT: sugarcrepe, winoground, bivlc, clip-binding,
    whatsup, negbench, valse, clevr, open-clip, dcsm.
    """
    from fourfold.generator.exports import export as call

    done = call(dataset, format, out, **options)
    hint = f"; score it with `fourfold evaluate {done.dataset} ...`" if done.dataset else ""
    click.echo(f"{done.path}: {done.items} items of the split {done.split}{hint}")


@click.command(short_help="Write a page that shows a dataset group by group.")
@FOLDER
@click.option("--out", type=click.Path(path_type=Path), required=True, help="page.html")
def browse(dataset: Path, out: Path) -> None:
    """Write a page that shows DATASET group by group, with no model asked."""
    from fourfold.evaluator.reporting import write_browser

    click.echo(write_browser(dataset, out))


@click.command(short_help="Run blind solvers, which see no image.")
@DATASET
@SEED
def audit(dataset: str, seed: int) -> None:
    """Run blind solvers, which see no image, over DATASET (a folder or its URL, or NAME:PATH as for `evaluate`)."""
    import numpy as np

    from fourfold.calls.auditing import audit as call

    text, passed = call(dataset, np.random.default_rng(seed))
    click.echo(text)
    if not passed:
        raise InputError(f"{dataset}: captions or objects give answers away without the picture (see above)")


@click.command(short_help="List what scenes and captions are made of.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="rows as JSON, with every field")
def kinds(name: str | None, as_json: bool) -> None:
    """List what scenes and captions are made of: objects, colors, sizes, materials, patterns, surfaces, arrangements,
    relations, regions, comparisons, superlatives, categories, templates; the list of that NAME, or the names in all.
    """
    from fourfold.calls.kinds import LISTS, kinds_table
    from fourfold.calls.kinds import kinds as call
    from fourfold.evaluator.tables.formats import write_text

    table = None if name is None else kinds_table(name)
    if as_json:
        click.echo(json.dumps(call() if name is None else call()[name], indent=1, ensure_ascii=False))
    elif table is not None:
        click.echo(write_text(table))
    else:
        for each, rows in call().items():
            click.echo(f"{each} ({len(rows)}): {', '.join(row['name'] for row in rows)}\n")
        click.echo(f"`fourfold kinds {LISTS[0]}` says more of one list", err=True)


DATASET_COMMANDS = (generate, merge, verify, preview, describe, export, browse, audit, kinds)
