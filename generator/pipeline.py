"""The main path: recipe in, dataset folder out. Resumes after any interruption and ends with the same bytes."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from generator.cards import write_card
from generator.config import MASKS, Recipe, check_recipe, load_recipe, recipe_hash, recipe_to_dict, with_overrides
from generator.dataset import ASIDE, FORMAT_VERSION, NATURAL, dump_json, file_hash, write_atomically
from generator.pool import interrupts_kept_back, make_shards
from generator.shards import WORK, Shard, ShardRecord, plan_shards, read_record, rows_path, write_shard
from scenes.errors import InputError
from scenes.renderers import AUTO, check_renderer, choose_renderer, open_renderer


def generate(
    recipe: Recipe | str | Path,
    out: str | Path,
    *,
    groups: int | None = None,
    seed: int | None = None,
    split: str | None = None,
    workers: int | None = None,
    renderer: str = AUTO,
    progress: bool = True,
) -> Path:
    """Make the dataset of a recipe in a folder; returns the folder.

    `recipe` is a Recipe, a TOML file or the name of a data card; `groups`, `seed` and `split` override it. `workers`
    defaults to the number of cores and changes nothing but the speed. `renderer` is "opengl", "raytrace", or "auto":
    OpenGL where it starts. Call it again to resume: what is done is kept.
    Raises InputError for a bad recipe or an output folder that holds something else.
    """
    workers = os.cpu_count() or 1 if workers is None else workers
    if workers < 1:
        raise InputError(f"--workers {workers}: must be at least 1")
    check_renderer(renderer)
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    recipe = with_overrides(recipe, groups=groups, seed=seed, split=split)
    check_recipe(recipe, recipe.name)
    folder = Path(out)
    if _is_complete(folder, recipe):
        shutil.rmtree(folder / WORK, ignore_errors=True)  # a run killed in its last moment leaves it
        return folder
    _prepare(folder, recipe, renderer)
    shards = list(plan_shards(recipe))
    todo = [shard for shard in shards if read_record(folder, shard) is None]
    with (
        closing(_make(folder, recipe, todo, min(workers, len(todo)), renderer)) as made,
        _bar(recipe, shards, todo, progress) as bar,
    ):
        for shard in made:
            bar.update(len(shard))
    _assemble(folder, recipe, shards)
    return folder


def _bar(recipe: Recipe, shards: list[Shard], todo: list[Shard], progress: bool) -> tqdm:
    """Groups done, their rate and the time left; silent where nobody watches (no terminal)."""
    total, left = sum(map(len, shards)), sum(map(len, todo))
    # What an earlier run made says nothing about this one's speed; shards come in bursts, so the rate is the mean.
    return tqdm(
        total=total,
        initial=total - left,
        smoothing=0,
        unit="group",
        desc=recipe.name,
        disable=None if progress else True,
    )


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


def _prepare(folder: Path, recipe: Recipe, renderer: str) -> None:
    """Make the folders, or check that an unfinished run of the same recipe left them."""
    marker = folder / WORK / "recipe.json"
    made_from = {"fourfold": version("fourfold"), "recipe": recipe_to_dict(recipe), "renderer": renderer}
    wanted = dump_json(made_from).encode()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder")
    if marker.is_file():
        if marker.read_bytes() != wanted:
            raise InputError(
                f"{folder}: holds an unfinished dataset of another recipe, seed, renderer or version of this "
                "software; give a new folder"
            )
    elif folder.is_dir() and any(entry.name != WORK for entry in folder.iterdir()):
        raise InputError(f"{folder}: holds something else; nothing was overwritten. Give an empty or new folder")
    # The marker first: without it a later run would take the other folders for somebody's own.
    marker.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(marker, wanted)
    for split in recipe.splits:
        (folder / split / "images").mkdir(parents=True, exist_ok=True)
        (folder / MASKS / split).mkdir(parents=True, exist_ok=True)


def _make(folder: Path, recipe: Recipe, todo: list[Shard], workers: int, renderer: str) -> Generator[Shard, None, None]:
    """Make the shards, in this process or in a pool; gives each as it is done."""
    if workers > 1:
        with interrupts_kept_back():
            chosen = choose_renderer(renderer)
        yield from make_shards(folder, recipe, todo, workers, chosen)
    elif todo:
        with interrupts_kept_back():
            opening = open_renderer(recipe.image_size, renderer)
        with opening as opened:
            for shard in todo:
                write_shard(folder, recipe, shard, opened)
                yield shard


def _assemble(folder: Path, recipe: Recipe, shards: list[Shard]) -> None:
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
    _audit(folder, recipe)
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
        "renderer": records[0].renderer,
        "shards": [vars(record) for record in records],
    }
    for left in folder.rglob(f".*{ASIDE}"):  # of processes that were killed while they wrote
        left.unlink()
    write_card(folder, recipe, manifest)
    write_atomically(folder / "manifest.json", dump_json(manifest))
    shutil.rmtree(folder / WORK)


def _audit(folder: Path, recipe: Recipe) -> None:
    """Run the blind solvers over every split with groups; a dataset that they can answer is not finished."""
    from generator.dataset_audit import audit_dataset, dataset_audit_as_json  # scipy takes a second to import

    splits = [name for name, split in recipe.splits.items() if any(split.groups.values())]
    if not splits:
        return
    held_out = [{name for name, value in vars(each).items() if value is not None} for each in recipe.held_out]
    meant = [frozenset(pair) for names in held_out for pair in combinations(sorted(names | {"split"}), 2)]
    found = audit_dataset(folder, np.random.default_rng(recipe.seed), splits=splits, meant=meant)
    write_atomically(folder / "audit.json", dump_json(dataset_audit_as_json(found)).encode())
    leaks = [(split, leak) for split, report in found.splits.items() for leak in report.leaks]
    if leaks:
        split, leak = leaks[0]
        raise InputError(
            f"{folder}: split {split!r} is refused, for the blind solver {leak.solver!r} gets {leak.accuracy:.3f} of "
            f"{leak.category} right without the pictures ({leak.low:.3f} .. {leak.high:.3f}, chance {leak.chance:.3f})"
            f"{': ' + leak.feature if leak.feature else ''}; all of it is in audit.json"
        )


def _assemble_split(folder: Path, split: str, mine: list[tuple[Shard, ShardRecord]]) -> dict[str, Any]:
    """Join the rows of one split, a block at a time; returns its counts and hash for the manifest."""
    path = folder / split / "metadata.jsonl"
    write_atomically(path, (rows_path(folder, shard).read_bytes() for shard, _ in mine))
    counts: Counter[str] = Counter()
    for shard, _ in mine:
        counts[shard.category] += len(shard)
    scenes = counts.pop(NATURAL, 0)
    images = sum(record.rows for _, record in mine)
    return {"images": images, "groups": dict(counts), "scenes": scenes, "metadata_sha256": file_hash(path)}
