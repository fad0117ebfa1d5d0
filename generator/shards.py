"""Shards: runs of neighbouring groups that one worker makes. A shard is a pure function of recipe and index range.

Its pictures are written first, then its rows, last its record; a shard counts as done only if its record stands.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generator.config import Recipe
from generator.dataset import NATURAL, dump_json, file_hash, write_atomically
from generator.groups import MadeGroup, make_group
from generator.natural import make_scene
from generator.world import make_world
from scenes.rendering import Renderer

SHARD_SIZE = 25  # groups: a few seconds of work, so that an interruption costs little
WORK = ".shards"  # folder of rows and records until the dataset is finished; HuggingFace ignores dot folders


@dataclass(frozen=True)
class Shard:
    """Groups start (included) to stop (excluded) of one category in one split."""

    split: str
    category: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.split}-{self.category}-{self.start:07d}"

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class ShardRecord:
    """What a finished shard leaves for the manifest."""

    name: str
    rows: int
    rows_sha256: str
    scenes_sha256: str  # over the scenes and captions alone: equal on every OpenGL driver
    rejections: dict[str, int]
    renderer: dict[str, str]  # what drew it, as `Renderer.describe` says


def plan_shards(recipe: Recipe) -> Iterator[Shard]:
    """All shards of a recipe in the order in which their rows stand in metadata.jsonl."""
    for split, row in recipe.splits.items():
        counts = dict(row.groups) | ({NATURAL: row.scenes} if row.scenes else {})
        for category, number in counts.items():
            for start in range(0, number, SHARD_SIZE):
                yield Shard(split, category, start, min(start + SHARD_SIZE, number))


def read_record(folder: Path, shard: Shard) -> ShardRecord | None:
    """The record of a finished shard whose rows are still what they were; None if it has to be made."""
    record, rows = _record_path(folder, shard), rows_path(folder, shard)
    if not record.is_file() or not rows.is_file():
        return None
    try:
        found = ShardRecord(**json.loads(record.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError):
        return None  # a torn record is a shard that was not finished
    return found if found.rows_sha256 == file_hash(rows) else None


def rows_path(folder: Path, shard: Shard) -> Path:
    """Where a shard keeps its rows until they are assembled."""
    return folder / WORK / f"{shard.name}.jsonl"


def _record_path(folder: Path, shard: Shard) -> Path:
    return folder / WORK / f"{shard.name}.json"


def write_shard(folder: Path, recipe: Recipe, shard: Shard, renderer: Renderer) -> ShardRecord:
    """Make a shard and write its pictures, rows and record."""
    world = make_world(recipe, recipe.splits[shard.split])
    lines, scenes, rejections = [], hashlib.sha256(), Counter[str]()
    for index in range(shard.start, shard.stop):
        made = _make(world, shard, index, recipe.seed, renderer)
        rejections += made.rejections
        for picture in made.pictures:
            row = {"file_name": f"images/{picture.row['id']}.png", **picture.row}
            row["mask"] = f"masks/{shard.split}/{row['id']}.png"
            row["pixels_sha256"] = hashlib.sha256(picture.rendering.color.tobytes()).hexdigest()
            write_atomically(folder / shard.split / row["file_name"], encode_png(picture.rendering.color))
            write_atomically(folder / row["mask"], encode_png(picture.rendering.instances))
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
            scenes.update(json.dumps([row["scene_sha256"], row["captions"]]).encode())
    data = "".join(lines)
    write_atomically(rows_path(folder, shard), data)
    record = ShardRecord(
        name=shard.name,
        rows=len(lines),
        rows_sha256=hashlib.sha256(data.encode()).hexdigest(),
        scenes_sha256=scenes.hexdigest(),
        rejections=dict(sorted(rejections.items())),
        renderer=renderer.describe(),
    )
    write_atomically(_record_path(folder, shard), dump_json(vars(record)))
    return record


def _make(world: Any, shard: Shard, index: int, seed: int, renderer: Renderer) -> MadeGroup:
    if shard.category == NATURAL:
        return make_scene(world, shard.split, index, seed, renderer)
    return make_group(world, shard.split, shard.category, index, seed, renderer)


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG bytes, compressed lightly: three times as fast as Pillow's default for a tenth more bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
