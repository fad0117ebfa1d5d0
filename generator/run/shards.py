"""Shards: runs of neighbouring groups that one worker makes. A shard is a pure function of recipe and index range.

Its pictures are written first, then their checksums and its rows, last its record; a shard counts as done only if its
record stands.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.files import dump_json, file_hash, write_atomically, write_together
from fourfold.generator.categories.world import make_world
from fourfold.generator.dataset.checksums import checksum_line
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.dataset.formats.folder import mask_name, picture_name
from fourfold.generator.dataset.formats.sample import Sample
from fourfold.generator.dataset.reading import NATURAL
from fourfold.generator.groups.making import MadeGroup, Picture, make_group
from fourfold.generator.groups.natural import make_scene
from fourfold.generator.recipe.reading import Recipe, recipe_hash
from fourfold.generator.recipe.recipe import known_assets
from fourfold.generator.run.png import encode_png
from fourfold.scenes.render.rendering import Renderer

SHARD_SIZE = 25  # groups: a few seconds of work, so that an interruption costs little
_LARGEST = 500  # groups: a thousand pictures, as tars for training hold
_SHARE = 100  # shards of a large category, so that many workers end at about the same time
WORK = ".shards"  # folder of rows, checksums and records until the dataset is finished; HuggingFace ignores dot folders


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common; it travels to worker processes and machines."""

    out: str  # folder, or URL
    recipe: Recipe
    format: str  # a key of FORMATS
    renderer: str  # a key of RENDERERS


@dataclass(frozen=True)
class Shard:
    """Groups start (included) to stop (excluded) of one category in one split."""

    split: str
    category: str
    start: int
    stop: int
    number: int  # of the shard in its split, from 0 on

    @property
    def name(self) -> str:
        """What its files are called: split, category and the number of its first group, unique in the dataset."""
        return f"{self.split}-{self.category}-{self.start:07d}"

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class ShardRecord:
    """What a finished shard says of itself, for the manifest."""

    name: str
    recipe_sha256: str
    rows: int
    rows_sha256: str
    scenes_sha256: str  # over the scenes and captions alone: equal on every OpenGL driver
    checksums_sha256: str  # over the lines of SHA256SUMS that name its pictures and masks, or its archive
    files: dict[str, str]  # archives that hold the shard, and their hashes; pictures that are files have hashes in rows
    rejections: dict[str, int]
    renderer: dict[str, str]  # what drew it, as `Renderer.describe` says


def plan_shards(recipe: Recipe) -> Iterator[Shard]:
    """All shards of a recipe in the order in which their rows stand in their split."""
    for split, row in recipe.splits.items():
        counts = dict(row.groups) | ({NATURAL: row.scenes} if row.scenes else {})
        number = 0
        for category, groups in counts.items():
            size = max(SHARD_SIZE, min(_LARGEST, groups // _SHARE))
            for start in range(0, groups, size):
                yield Shard(split, category, start, min(start + size, groups), number)
                number += 1


def read_record(folder: Path, shard: Shard) -> ShardRecord | None:
    """The record of a finished shard; None if the shard must be made (again).

    That is so where rows, checksums or record are missing, the record is torn, or the others are not those that it was
    written for.
    """
    record, rows, checksums = (place(folder, shard) for place in (record_path, rows_path, checksums_path))
    if not all(path.is_file() for path in (record, rows, checksums)):
        return None
    try:
        found = ShardRecord(**json.loads(record.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError):
        return None  # a torn record is a shard that was not finished
    hashes = (file_hash(rows), file_hash(checksums))
    return found if (found.rows_sha256, found.checksums_sha256) == hashes else None


def rows_path(folder: Path, shard: Shard) -> Path:
    """Where a shard keeps its rows, as JSON lines, until the dataset is finished."""
    return folder / WORK / f"{shard.name}.jsonl"


def checksums_path(folder: Path, shard: Shard) -> Path:
    """Where a shard keeps its lines of SHA256SUMS until the dataset is finished."""
    return folder / WORK / f"{shard.name}.sha256"


def record_path(folder: Path, shard: Shard) -> Path:
    """Where a shard keeps its record, which says that it is done."""
    return folder / WORK / f"{shard.name}.json"


def write_shard(folder: Path, job: Job, shard: Shard, renderer: Renderer) -> None:
    """Make a shard and write its pictures, then their checksums and its rows, then its record.

    Raises InputError if no acceptable scene is found, or the disk cannot be written.
    """
    filled, rejections = [], Counter[str]()
    # zlib and hashlib let go of the interpreter, so that pictures are packed while the next ones are drawn.
    with known_assets(job.recipe), ThreadPoolExecutor(1) as packer:
        world = make_world(job.recipe, job.recipe.splits[shard.split])
        for index in range(shard.start, shard.stop):
            made = _make(world, shard, index, job.recipe.seed, renderer)
            rejections += made.rejections
            filled += [packer.submit(_packed, picture) for picture in made.pictures]
        samples = [sample.result() for sample in filled]
    files = dict(FORMATS[job.format].pack(folder, shard.split, shard.number, samples))
    for place in {path.parent for path in files}:
        place.mkdir(parents=True, exist_ok=True)
    write_together(files.items())
    archived = FORMATS[job.format].read_member is not None
    hashes = {path.relative_to(folder).as_posix(): _hash(data) for path, data in files.items()}
    checksums = "".join(checksum_line(digest, name) for name, digest in hashes.items())
    lines = "".join(row_line(sample.row) for sample in samples)
    kept = {checksums_path(folder, shard): checksums.encode(), rows_path(folder, shard): lines.encode()}
    write_together(kept.items())
    record = ShardRecord(
        name=shard.name,
        recipe_sha256=recipe_hash(job.recipe),
        rows=len(samples),
        rows_sha256=_hash(lines),
        scenes_sha256=_hash("".join(scene_text(sample.row) for sample in samples)),
        checksums_sha256=_hash(checksums),
        files=hashes if archived else {},
        rejections=dict(sorted(rejections.items())),
        renderer=renderer.describe(),
    )
    write_atomically(record_path(folder, shard), dump_json(vars(record)))


def row_line(row: dict[str, Any]) -> str:
    """The line of a row in metadata.jsonl, with the places that its files have in the folder format."""
    name = row["id"]
    places = {"file_name": picture_name(name), "mask": mask_name(row["split"], name)}
    own = {key: value for key, value in row.items() if key not in places}
    placed = {"file_name": places["file_name"], **own, "mask": places["mask"]}
    return json.dumps(placed, ensure_ascii=False) + "\n"


def scene_text(row: dict[str, Any]) -> str:
    """What `scenes_sha256` is over: the hash of a scene and its captions."""
    return json.dumps([row["scene_sha256"], row["captions"]])


def _make(world: Any, shard: Shard, index: int, seed: int, renderer: Renderer) -> MadeGroup:
    if shard.category == NATURAL:
        return make_scene(world, shard.split, index, seed, renderer)
    return make_group(world, shard.split, shard.category, index, seed, renderer)


def _packed(picture: Picture) -> Sample:
    color, mask = encode_png(picture.rendering.color), encode_png(picture.rendering.instances)
    return Sample({**picture.row, "pixels_sha256": _pixel_hash(picture.rendering.color)}, color, mask)


def _pixel_hash(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _hash(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
