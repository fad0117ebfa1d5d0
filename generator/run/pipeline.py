"""The main path: recipe in, dataset out. Resumes after any interruption and ends with the same bytes."""

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.files import dump_json, is_url, write_atomically
from fourfold.generator.dataset.formats import check_format
from fourfold.generator.dataset.formats.parquet import import_pyarrow
from fourfold.generator.presentation.croissant import publication_date
from fourfold.generator.recipe.reading import (
    Recipe,
    check_recipe,
    load_recipe,
    recipe_from_dict,
    recipe_hash,
    recipe_to_dict,
    with_overrides,
)
from fourfold.generator.run.assembly import AUDIT, assemble
from fourfold.generator.run.destinations import (
    MANIFEST,
    MARKER,
    desk,
    fetch_shards,
    forget_work,
    names,
    publish,
    send,
)
from fourfold.generator.run.engines import ENGINES, check_engine
from fourfold.generator.run.parts import choose_part
from fourfold.generator.run.pool import interrupts_kept_back
from fourfold.generator.run.shards import WORK, Job, Shard, plan_shards, read_record
from fourfold.scenes.render.renderers import AUTO, check_renderer, choose_renderer
from fourfold.version import software_version


def generate(
    recipe: Recipe | str | Path,
    out: str | Path,
    *,
    groups: int | None = None,
    seed: int | None = None,
    split: str | None = None,
    workers: int | None = None,
    renderer: str = AUTO,
    format: str = "folder",
    engine: str = "local",
    address: str | None = None,
    shard_index: int | None = None,
    num_shards: int | None = None,
    progress: bool = True,
) -> str | Path:
    """Make the dataset of a recipe in a folder or at a URL; returns the place.

    `recipe` is a Recipe, a TOML file or the name of a data card; `groups`, `seed` and `split` override it. `format` is
    "folder", "webdataset" or "parquet"; `renderer` is "opengl", "raytrace", or "auto": OpenGL where it starts.
    `workers` (the number of cores), `engine` ("local", or "ray" at `address`) and parts change nothing but the speed:
    with `num_shards` this call makes part `shard_index` (from 0 on) only, and `merge` finishes the dataset when all
    parts are there. Call it again to resume: what is done is kept.
    Raises InputError for a bad recipe or a place that holds something else.
    """
    workers = os.cpu_count() or 1 if workers is None else workers
    if workers < 1:
        raise InputError(f"--workers {workers}: must be at least 1")
    check_renderer(renderer)
    check_engine(engine, address)
    _check_format(format)
    part = choose_part(shard_index, num_shards)
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    recipe = with_overrides(recipe, groups=groups, seed=seed, split=split)
    check_recipe(recipe, recipe.name)
    publication_date(recipe)  # refuses a wrong SOURCE_DATE_EPOCH before hours of work, and not after them
    place = str(out) if is_url(out) else Path(out)
    with desk(place) as folder:
        if _is_complete(folder, place, recipe, format):
            return place
        _prepare(folder, place, Job(str(place), recipe, format, renderer))
        shards = list(plan_shards(recipe))
        mine = part.of(shards)
        fetch_shards(place, folder, mine)
        todo = [shard for shard in mine if read_record(folder, shard) is None]
        if todo:
            with interrupts_kept_back():
                chosen = choose_renderer(renderer)
            job = Job(str(place) if is_url(place) else os.path.abspath(place), recipe, format, chosen)
            _make(job, mine, todo, min(workers, len(todo)), engine, address, progress)
        if part.count == 1:
            _finish(folder, place, recipe, format, shards)
    return place


def is_finished(out: str | Path) -> bool:
    """Whether the place holds a whole dataset, and not only parts of one."""
    return MANIFEST in names(str(out)) if is_url(out) else (Path(out) / MANIFEST).is_file()


def merge(out: str | Path) -> str | Path:
    """Finish a dataset whose parts were made one by one; returns its place.

    Raises InputError, and finishes nothing, if shards are missing or were made from different recipes.
    """
    place = str(out) if is_url(out) else Path(out)
    with desk(place) as folder:
        if (folder / MANIFEST).is_file():
            return place
        marker = folder / MARKER
        if not marker.is_file():
            raise InputError(f"{out}: holds no parts of a dataset; make them with `fourfold generate --num-shards`")
        try:
            made_from = json.loads(marker.read_text(encoding="utf-8"))
            recipe, format = recipe_from_dict(made_from["recipe"], str(marker)), made_from["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{marker}: cannot be read ({error!r}); run `fourfold generate` again") from error
        shards = list(plan_shards(recipe))
        _finish(folder, place, recipe, format, shards)
    return place


def _make(
    job: Job, mine: Sequence[Shard], todo: list[Shard], workers: int, engine: str, address: str | None, progress: bool
) -> None:
    """Make what is left to do, with a bar of groups done, their rate and the time left."""
    total, left = sum(map(len, mine)), sum(map(len, todo))
    # What an earlier run made says nothing about this one's speed; shards come in bursts, so the rate is the mean.
    bar = tqdm(
        total=total,
        initial=total - left,
        smoothing=0,
        unit="group",
        desc=job.recipe.name,
        disable=None if progress else True,  # None: silent where nobody watches (no terminal)
    )
    with closing(ENGINES[engine](job, todo, workers, address)) as made, bar:
        for shard in made:
            bar.update(len(shard))


def _finish(folder: Path, place: str | Path, recipe: Recipe, format: str, shards: Sequence[Shard]) -> None:
    fetch_shards(place, folder, shards)
    try:
        assemble(folder, Job(str(place), recipe, format, AUTO), shards)
    except InputError:
        if is_url(place) and (folder / AUDIT).is_file():  # what a refusal points to
            send(str(place), folder, [folder / AUDIT])
        raise
    publish(place, folder)


def _check_format(format: str) -> None:
    check_format(format)
    if format == "parquet":
        import_pyarrow()  # before any work is done


def _is_complete(folder: Path, place: str | Path, recipe: Recipe, format: str) -> bool:
    """Whether the place already holds this very dataset; InputError if it holds anything else that is finished."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return False
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        same = (found.get("recipe_sha256"), found.get("format")) == (recipe_hash(recipe), format)
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        same = False
    if not same:
        raise InputError(
            f"{place}: holds another dataset; nothing was overwritten. Give a new folder or remove this one"
        )
    _warn_of_other_version(place, found)
    # A run killed in its last moment leaves its work.
    shutil.rmtree(folder / WORK, ignore_errors=True)
    if is_url(place):
        forget_work(str(place))
    return True


def _warn_of_other_version(place: str | Path, manifest: dict[str, Any]) -> None:
    """The same recipe may make other scenes in another version; what is there is finished, and stays."""
    made_by, mine = manifest.get("software", {}).get("fourfold"), software_version()
    if made_by != mine:
        warnings.warn(
            f"{place}: was made by Fourfold {made_by} and is kept as it is; this is Fourfold {mine}, which may make "
            "other scenes of the same recipe. Give a new folder to have them",
            stacklevel=2,
        )


def _prepare(folder: Path, place: str | Path, job: Job) -> None:
    """Claim the place, or check that an unfinished run of the same job left it."""
    marker = folder / MARKER
    made_from = {
        "fourfold": software_version(),
        "recipe": recipe_to_dict(job.recipe),
        "renderer": job.renderer,
        "format": job.format,
    }
    wanted = dump_json(made_from).encode()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{place}: is a file; give a folder")
    # Looked at before the marker: other parts may start at this moment, and they write the marker before all else.
    strange = folder.is_dir() and any(entry.name != WORK for entry in folder.iterdir())
    if marker.is_file():
        if marker.read_bytes() != wanted:
            raise InputError(
                f"{place}: holds an unfinished dataset of another recipe, seed, format, renderer or version of this "
                "software; give a new folder"
            )
        return
    if strange:
        raise InputError(f"{place}: holds something else; nothing was overwritten. Give an empty or new folder")
    marker.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(marker, wanted)
    if is_url(place):
        send(str(place), folder, [marker])
