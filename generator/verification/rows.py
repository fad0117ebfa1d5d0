"""One row against its picture, its mask and its scene; of a natural scene the captions too.

Each check yields its problems as lines that do not name the row. Where the row cannot be read it raises one of
`findings.DAMAGE`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.files import canonical_hash
from fourfold.generator.dataset.reading import check_row, read_picture
from fourfold.scenes.model.layout import layout_from_dict, layout_to_dict
from fourfold.scenes.truth.claims import claim_from_dict


def verify_row(folder: Path, split: str, row: dict[str, Any]) -> Iterator[str]:
    """Problems of one image: keys that are missing or malformed, its picture, its mask, and the hash of its scene."""
    check_row(row, "row")
    if row["split"] != split:
        yield f"is of split {row['split']!r}"
    color = yield from _open(folder / split, row["file_name"], "RGB")
    if color is not None and hashlib.sha256(color.tobytes()).hexdigest() != row["pixels_sha256"]:
        yield "the picture's pixels are not those of its hash"
    mask = yield from _open(folder, row["mask"], "L")
    if mask is not None:
        if color is not None and mask.shape != color.shape[:2]:
            yield "picture and mask are not of one size"
        yield from _verify_mask(mask, row)
    scene = layout_to_dict(layout_from_dict(row))
    wished = [{k: v for k, v in thing.items() if k != "visible_fraction"} for thing in scene["objects"]]
    if canonical_hash({**scene, "objects": wished}) != row["scene_sha256"]:
        yield "the scene is not that of its hash"


def _open(folder: Path, name: str, mode: str) -> Any:
    try:
        return np.array(read_picture(folder, name, mode))
    except InputError as error:
        yield str(error)
    return None


def _verify_mask(mask: np.ndarray, row: dict[str, Any]) -> Iterator[str]:
    """Boxes and visible pixels against the instance mask."""
    known = {thing["mask_value"] for thing in row["objects"]} | {0}
    strangers = sorted(set(np.unique(mask).tolist()) - known)
    if strangers:
        yield f"the mask holds values {strangers} of no object"
    for thing in row["objects"]:
        own = mask == thing["mask_value"]
        pixels = int(own.sum())
        if pixels != thing["visible_pixels"]:
            yield f"the {thing['shape']} shows {pixels} pixels in the mask, its row says {thing['visible_pixels']}"
        elif pixels:
            rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
            box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
            if box != list(thing["bbox"]):
                yield f"the {thing['shape']} fills the box {box} in the mask, its row says {thing['bbox']}"


def verify_natural(row: dict[str, Any]) -> Iterator[str]:
    """Problems of the captions of a natural scene, each of which has to be true of it."""
    layout = layout_from_dict(row)
    if row["caption"] != row["captions"][0]["text"]:
        yield "its caption is not the first of its captions"
    for caption in row["captions"]:
        if caption["truth"] != [True]:
            yield f"{caption['text']!r} is not said to be true"
        elif claim_from_dict(json.loads(caption["claim"])).holds(layout) is not True:
            yield f"{caption['text']!r} is not true of its scene"
