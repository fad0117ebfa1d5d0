"""`ScoredItem` and its line in `items.jsonl`; the tables of very large items stand in files of their own."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.generator.dataset.reading import inside, write_atomically

LARGE = 200_000  # cells; a retrieval set written as text would take gigabytes and minutes
LARGE_FOLDER = "large-tables"


@dataclass(frozen=True)
class ScoredItem:
    """One item and what every scorer gave it."""

    id: str
    category: str
    cluster: str
    tags: Mapping[str, Any]
    images: tuple[str, ...]  # file names, for people; a cut-out is written name#left,top,right,bottom
    captions: tuple[str, ...]
    truth: np.ndarray  # [k, m] bool
    scores: Mapping[str, np.ndarray]  # scorer -> [k, m] float32
    pixels: str = ""  # hash of its pictures, by which the same item is known in other results; earlier ones have none

    def _repr_html_(self) -> str:
        from fourfold.notebook import grid_html, truth_sign

        said = {name: table.tolist() for name, table in self.scores.items()}
        cells = [
            [" | ".join([truth_sign(truth), *(f"{name} {said[name][i][j]:.3f}" for name in said)]) for j, truth in row]
            for i, row in enumerate(map(enumerate, self.truth.tolist()))
        ]
        return grid_html(f"{self.id}: {self.category}", self.images, self.captions, cells)


def write_row(item: ScoredItem, number: int, folder: Path) -> str:
    """The item's line, without its end; tables of more than `LARGE` cells go to `folder`, named by the line number."""
    row = {
        "id": item.id,
        "category": item.category,
        "cluster": item.cluster,
        "tags": dict(item.tags),
        "images": list(item.images),
        "captions": list(item.captions),
        "truth": _put_table(item.truth, f"{number:06d}-truth", folder),
        "scores": {
            name: _put_table(np.asarray(table, np.float32), f"{number:06d}-{i}", folder)
            for i, (name, table) in enumerate(item.scores.items())
        },
    } | ({"pixels": item.pixels} if item.pixels else {})
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


def read_row(line: str, where: str, folder: Path) -> ScoredItem:
    """The item that a line stands for; InputError, beginning with `where`, for anything `write_row` does not write."""
    try:
        row = json.loads(line, parse_constant=refuse_constant)
        scores = {str(name): _get_table(table, np.float32, folder) for name, table in row["scores"].items()}
        item = ScoredItem(
            id=row["id"],
            category=row["category"],
            cluster=row["cluster"],
            tags=row["tags"],
            images=tuple(row["images"]),
            captions=tuple(row["captions"]),
            truth=_get_table(row["truth"], np.bool_, folder),
            scores=scores,
            pixels=str(row.get("pixels", "")),
        )
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not valid JSON ({error.msg}); is the file cut off?") from None
    except KeyError as error:
        raise InputError(f"{where}: lacks the field {error}") from None
    except (TypeError, ValueError, AttributeError, OSError) as error:
        raise InputError(f"{where}: not an item as fourfold writes it ({error})") from None
    k, m = len(item.images), len(item.captions)
    for name, table in {"truth": item.truth, **scores}.items():
        if table.shape != (k, m):
            raise InputError(f"{where}: {name} has shape {table.shape}, the item has {k} images, {m} captions")
    return item


def refuse_constant(name: str) -> None:
    """For `json.loads`: NaN and infinities are no JSON, and no scores."""
    raise ValueError(f"{name} is not a number")


def _put_table(table: np.ndarray, name: str, folder: Path) -> list[list[float]] | list[list[int]] | dict[str, str]:
    if table.size > LARGE:
        return _put_file(table, name, folder)
    if table.dtype == np.bool_:
        return table.astype(int).tolist()
    # the shortest decimals that read back as the same float32: half the file
    return [[float(value) for value in row] for row in table.astype(str)]


def _put_file(table: np.ndarray, name: str, folder: Path) -> dict[str, str]:
    raw = io.BytesIO()
    np.save(raw, table, allow_pickle=False)
    (folder / LARGE_FOLDER).mkdir(exist_ok=True)
    write_atomically(folder / LARGE_FOLDER / f"{name}.npy", raw.getvalue())
    return {"file": f"{LARGE_FOLDER}/{name}.npy", "sha256": hashlib.sha256(raw.getvalue()).hexdigest()}


def _get_table(table: Any, dtype: type[np.generic], folder: Path) -> np.ndarray:
    if isinstance(table, Mapping):
        return _get_file(table, dtype, folder)
    if dtype is np.bool_ and (strange := {value for row in table for value in row} - {0, 1}):
        raise ValueError(f"truth is 0 or 1, not {strange.pop()!r}")
    return np.array(table, dtype=dtype)


def _get_file(named: Mapping[str, str], dtype: type[np.generic], folder: Path) -> np.ndarray:
    raw = inside(folder, named["file"]).read_bytes()
    if hashlib.sha256(raw).hexdigest() != named["sha256"]:
        raise ValueError(f"{named['file']} is not the file that was written")
    table: np.ndarray = np.load(io.BytesIO(raw), allow_pickle=False)
    if table.dtype != dtype:
        raise ValueError(f"{named['file']} holds {table.dtype}")
    return table
