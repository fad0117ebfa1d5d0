"""The main path: recipe in, dataset folder out. Resumes after any interruption and ends with the same bytes."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from generator.cards import write_card
from generator.config import Recipe, check_recipe, load_recipe, recipe_hash, recipe_to_dict, with_overrides
from generator.dataset import FORMAT_VERSION, NATURAL, dump_json, write_atomically
from generator.shards import WORK, Shard, ShardRecord, plan_shards, read_record, rows_path, write_shard
from scenes.errors import InputError
from scenes.rendering import OpenGLRenderer

_RESTARTS = 3  # of the worker pool, when the system kills workers


def generate(
    recipe: Recipe | str | Path,
    out: str | Path,
    *,
    groups: int | None = None,
    seed: int | None = None,
    split: str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Make the dataset of a recipe in a folder; returns the folder.

    `recipe` is a Recipe, a TOML file or the name of a data card; `groups`, `seed` and `split` override it. `workers`
    defaults to the number of cores and changes nothing but the speed. Call it again to resume: what is done is kept.
    Raises InputError for a bad recipe or an output folder that holds something else.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    recipe = with_overrides(recipe, groups=groups, seed=seed, split=split)
    check_recipe(recipe, recipe.name)
    folder = Path(out)
    if _is_complete(folder, recipe):
        return folder
    _prepare(folder, recipe)
    shards = list(plan_shards(recipe))
    todo = [shard for shard in shards if read_record(folder, shard) is None]
    workers = min(workers or os.cpu_count() or 1, max(len(todo), 1))
    bar = tqdm(total=sum(map(len, shards)), unit="group", disable=None if progress else True, desc=recipe.name)
    with bar:
        bar.update(sum(map(len, shards)) - sum(map(len, todo)))
        renderer = {}
        for shard, driver in _run(folder, recipe, todo, workers):
            bar.update(len(shard))
            renderer = driver
    _assemble(folder, recipe, shards, renderer)
    return folder


def _is_complete(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder already holds this very dataset; InputError if it holds anything else that is finished."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return False
    try:
        found = json.loads(manifest.read_text(encoding="utf-8")).get("recipe_sha256")
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        found = None
    if found != recipe_hash(recipe):
        raise InputError(
            f"{folder}: holds another dataset; nothing was overwritten. Give a new folder or remove this one"
        )
    return True


def _prepare(folder: Path, recipe: Recipe) -> None:
    """Make the folders, or check that an unfinished run of the same recipe left them."""
    marker = folder / WORK / "recipe.json"
    wanted = dump_json({"recipe_sha256": recipe_hash(recipe), "recipe": recipe_to_dict(recipe)})
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not marker.is_file():
            raise InputError(f"{folder}: holds something else; nothing was overwritten. Give an empty or new folder")
        if marker.read_text(encoding="utf-8") != wanted:
            raise InputError(f"{folder}: holds an unfinished dataset of another recipe or seed; give a new folder")
    for split in recipe.splits:
        (folder / split / "images").mkdir(parents=True, exist_ok=True)
        (folder / "masks" / split).mkdir(parents=True, exist_ok=True)
    marker.parent.mkdir(exist_ok=True)
    write_atomically(marker, wanted)


def _run(folder: Path, recipe: Recipe, todo: list[Shard], workers: int) -> Iterator[tuple[Shard, dict[str, str]]]:
    """Make the shards, in this process or in a pool; gives each as it is done, with the renderer's description."""
    if workers == 1:
        with OpenGLRenderer(recipe.image_size) as renderer:
            for shard in todo:
                write_shard(folder, recipe, shard, renderer)
                yield shard, renderer.describe()
        return
    for attempt in range(_RESTARTS + 1):
        try:
            for shard, driver in _run_pool(folder, recipe, todo, workers):
                todo = [other for other in todo if other != shard]
                yield shard, driver
            return
        except BrokenProcessPool as error:
            if attempt == _RESTARTS:
                message = (
                    f"{folder}: worker processes keep being killed (out of memory?); run again with fewer --workers"
                )
                raise InputError(message) from error


def _run_pool(folder: Path, recipe: Recipe, todo: list[Shard], workers: int) -> Iterator[tuple[Shard, dict[str, str]]]:
    # Spawned, never forked: a forked OpenGL context is undefined.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open_renderer, (recipe.image_size,)) as pool:
        futures: dict[Future[dict[str, str]], Shard] = {
            pool.submit(_work, folder, recipe, shard): shard for shard in todo
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_renderer: OpenGLRenderer | None = None  # of this worker process


def _open_renderer(image_size: int) -> None:
    # One core a worker: llvmpipe's threads would fight over the cores that the other workers fill.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    global _renderer
    _renderer = OpenGLRenderer(image_size)


def _work(folder: Path, recipe: Recipe, shard: Shard) -> dict[str, str]:
    if _renderer is None:
        raise RuntimeError("worker started without a renderer")
    write_shard(folder, recipe, shard, _renderer)
    return _renderer.describe()


def _assemble(folder: Path, recipe: Recipe, shards: list[Shard], renderer: dict[str, str]) -> None:
    """Join the shards' rows, then write card and manifest; the manifest last, since it says that all is there."""
    records = []
    for shard in shards:
        record = read_record(folder, shard)
        if record is None:
            raise InputError(
                f"{folder}: shard {shard.name} changed while the dataset was made; run the same command again"
            )
        records.append(record)
    splits = {}
    for split in recipe.splits:
        mine = [(shard, record) for shard, record in zip(shards, records, strict=True) if shard.split == split]
        splits[split] = _assemble_split(folder, split, mine)
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": recipe.name,
        "recipe_sha256": recipe_hash(recipe),
        "recipe": recipe_to_dict(recipe),
        "seed": recipe.seed,
        "scenes_sha256": hashlib.sha256("".join(record.scenes_sha256 for record in records).encode()).hexdigest(),
        "splits": splits,
        "rejections": dict(sum((Counter(record.rejections) for record in records), Counter[str]())),
        "software": {name: version(name) for name in ("fourfold", "numpy", "trimesh", "pyrender", "pillow")},
        "renderer": renderer,
        "shards": [vars(record) for record in records],
    }
    write_card(folder, recipe, manifest)
    write_atomically(folder / "manifest.json", dump_json(manifest))
    shutil.rmtree(folder / WORK)


def _assemble_split(folder: Path, split: str, mine: list[tuple[Shard, ShardRecord]]) -> dict[str, Any]:
    """Join the rows of one split, a block at a time; returns its counts and hash for the manifest."""
    path = folder / split / "metadata.jsonl"
    aside = path.with_name(".metadata.jsonl.tmp")
    digest = hashlib.sha256()
    with aside.open("wb") as file:
        for shard, _ in mine:
            data = rows_path(folder, shard).read_bytes()
            digest.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    counts: Counter[str] = Counter()
    for shard, _ in mine:
        counts[shard.category] += len(shard)
    scenes = counts.pop(NATURAL, 0)
    images = sum(record.rows for _, record in mine)
    return {"images": images, "groups": dict(counts), "scenes": scenes, "metadata_sha256": digest.hexdigest()}
