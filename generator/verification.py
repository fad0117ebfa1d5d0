"""`verify`: does a dataset folder still say the truth? Everything is derived again from the files alone."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from generator.dataset import (
    NATURAL,
    Caption,
    canonical_hash,
    check_row,
    file_hash,
    inside,
    read_captions,
    read_manifest,
    read_rows,
)
from scenes.claims import claim_from_dict
from scenes.errors import InputError
from scenes.layout import Layout, layout_from_dict, layout_to_dict

FOURFOLD_TRUTH = ((True, False), (False, True), (True, False), (False, True))  # truth[caption][image]


def verify(folder: str | Path, *, progress: bool = True) -> list[str]:
    """Every problem of a dataset folder as a line that names file or row; an empty list means that all is well.

    Checked: files and hashes, rows and their keys, both images of every group, the truth of every caption on every
    image of its group (re-evaluated from the claim and the scene), masks and boxes against the annotations, counts.
    Raises InputError if the folder holds no readable dataset at all.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    problems: list[str] = []
    for split, expected in manifest["splits"].items():
        problems += _verify_split(folder, split, expected, progress)
    return problems


def _verify_split(folder: Path, split: str, expected: dict[str, Any], progress: bool) -> list[str]:
    path = folder / split / "metadata.jsonl"
    problems = []
    if path.is_file() and file_hash(path) != expected["metadata_sha256"]:
        problems.append(f"{path}: is not what the manifest's hash says; rows were changed or lost")
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    images, named = 0, set()
    try:
        for number, row in enumerate(tqdm(read_rows(folder, split), disable=None if progress else True), start=1):
            images += 1
            where = f"{path}, line {number}"
            try:
                check_row(row, where)
            except InputError as error:
                problems.append(str(error))
                continue
            named.add(row["file_name"])
            problems += [f"{where} ({row['id']}): {text}" for text in _verify_row(folder, split, row)]
            rows = [*rows[-1:], row]
            if row["role"] == "b" and len(rows) == 2 and rows[0]["group"] == row["group"]:
                counts[row["category"]] += 1
                problems += [f"{where} ({row['group']}): {text}" for text in _verify_group(rows[0], rows[1], where)]
    except InputError as error:
        problems.append(str(error))
    if images != expected["images"]:
        problems.append(f"{path}: {images} rows, the manifest says {expected['images']}")
    for category, number in expected["groups"].items():
        if counts[category] != number:
            problems.append(f"{path}: {counts[category]} whole groups of {category}, the manifest says {number}")
    extra = {f"images/{file.name}" for file in (folder / split / "images").glob("*.png")} - named
    problems += [f"{folder / split / name}: belongs to no row" for name in sorted(extra)]
    return problems


def _verify_row(folder: Path, split: str, row: dict[str, Any]) -> Iterator[str]:
    """Problems of one image: its file, its mask, its scene."""
    color = yield from _open(folder / split, row["file_name"], "RGB")
    if color is not None and hashlib.sha256(color.tobytes()).hexdigest() != row.get("pixels_sha256"):
        yield "the picture's pixels are not those of its hash"
    mask = yield from _open(folder, str(row.get("mask")), "L")
    if mask is not None:
        yield from _verify_mask(mask, row)
    try:
        layout = layout_from_dict(row)
    except (KeyError, TypeError, AttributeError) as error:
        yield f"the scene cannot be read ({error})"
        return
    scene = layout_to_dict(layout)
    wished = [{k: v for k, v in thing.items() if k != "visible_fraction"} for thing in scene["objects"]]
    if canonical_hash({**scene, "objects": wished}) != row.get("scene_sha256"):
        yield "the scene is not that of its hash"


def _open(folder: Path, name: str, mode: str) -> Any:
    try:
        with Image.open(inside(folder, name)) as image:
            return np.array(image.convert(mode))
    except InputError as error:
        yield str(error)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        yield f"{name}: not a readable image ({error.__class__.__name__})"
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


def _verify_group(first: dict[str, Any], second: dict[str, Any], where: str) -> Iterator[str]:
    """Both images of a group: the same captions, each with the truth that its claim has on each scene."""
    try:
        captions, again = read_captions(first, where), read_captions(second, where)
        layouts = [layout_from_dict(row) for row in (first, second)]
    except (InputError, KeyError, TypeError, AttributeError) as error:
        yield f"the group cannot be read ({error})"
        return
    if [(c.text, c.claim, c.truth) for c in captions] != [(c.text, c.claim, c.truth) for c in again]:
        yield "its two images do not have the same captions"
    if first["category"] == NATURAL:
        return
    if tuple(caption.truth for caption in captions[:4]) != FOURFOLD_TRUTH[: len(captions)] or len(captions) < 2:
        yield "its truth table is not fourfold"
    for caption in captions:
        yield from _verify_caption(caption, layouts)
    for row, own in ((first, 0), (second, 1)):
        if len(captions) > 1 and (row.get("caption"), row.get("adversarial_caption")) != (
            captions[own].text,
            captions[1 - own].text,
        ):
            yield f"the captions of image {row['role']} are not those of its group"


def _verify_caption(caption: Caption, layouts: list[Layout]) -> Iterator[str]:
    try:
        claim = claim_from_dict(caption.claim)
        found = tuple(claim.holds(layout) for layout in layouts)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        yield f"the claim of {caption.text!r} cannot be read ({error})"
        return
    if found != caption.truth:
        yield f"{caption.text!r} is {found} of its two scenes, the row says {caption.truth}"
