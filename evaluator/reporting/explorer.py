"""The data that the page's script reads: groups, scores, pictures and maps as JSON."""

import base64
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.reporting.difficulty import Axis, as_number
from fourfold.evaluator.reporting.entries import MAX_CELLS, Entry, margin
from fourfold.evaluator.reporting.groups import Picture
from fourfold.evaluator.reporting.maps import Maps
from fourfold.evaluator.reporting.systems import System
from fourfold.evaluator.reporting.thumbnails import mask_overlay, thumbnail

PICTURE_SIZE = 224  # pixels
PICTURE_QUALITY = 86
PICTURE_BUDGET = 8_000_000  # characters of base64 in one page; pictures past it are linked
MAP_BUDGET = 3_500_000  # bytes, of all models together
MAX_FACET_VALUES = 80
FACET_ORDER = ("category", "edit", "attribute", "relation")


def make_blocks(
    entries: Sequence[Entry],
    systems: Sequence[System],
    models: Sequence[str],
    axes: Sequence[Axis],
    maps: Sequence[Maps | None],
    *,
    out: Path,
    per_category: int,
) -> dict[str, Any]:
    """The JSON blocks of a page at `out`: "data", "pictures" (WebP in base64), "maps" (bytes in base64, one a model).

    The first `per_category` groups of each category carry their pictures within the page, as long as the budget
    lasts, one category after another in turns; all others link to the files, relative to the page. Items too large to
    be looked at (`MAX_CELLS`) are left out.
    """
    entries = [entry for entry in entries if entry.truth.size <= MAX_CELLS]
    chosen = _in_turns(entries, per_category)
    album: list[str] = []  # pictures within the page, each named by its place here
    rows: dict[str, dict[str, Any]] = {}
    size = 0
    for entry in chosen:
        before = len(album)
        rows[entry.id] = _row(entry, len(systems), axes, album, out, embed=size < PICTURE_BUDGET)
        size += sum(map(len, album[before:]))
    groups = [rows.get(e.id) or _row(e, len(systems), axes, album, out, embed=False) for e in entries]
    order = [entry.id for entry in (*chosen, *entries)]
    packed = [pack_maps(each, list(dict.fromkeys(order)), MAP_BUDGET // len(maps)) for each in maps]
    data = {
        "models": list(models),
        "systems": [{"label": s.label, "model": s.model, "role": s.role} for s in systems],
        "axes": {axis.name: {"label": axis.label, "bins": [asdict(each) for each in axis.bins]} for axis in axes},
        "facets": _facets(entries),
        "groups": groups,
        "maps": [index for index, _ in packed],
    }
    return {"data": data, "pictures": album, "maps": [values for _, values in packed]}


def _row(
    entry: Entry, n_systems: int, axes: Sequence[Axis], album: list[str], out: Path, *, embed: bool
) -> dict[str, Any]:
    scores = [entry.scores.get(number) for number in range(n_systems)]
    return {
        "id": entry.id,
        "category": entry.category,
        "facets": {"category": entry.category, **entry.facets},
        "axes": {axis.name: as_number(entry.tags.get(axis.name)) for axis in axes},
        "images": [_image(picture, album, out, embed=embed) for picture in entry.pictures],
        "captions": [{"text": t, "kind": kind} for t, kind in zip(entry.captions, entry.kinds, strict=True)],
        "truth": entry.truth.astype(int).tolist(),
        "scores": [None if each is None else [[_short(x) for x in line] for line in each] for each in scores],
        "margins": [None if each is None else _short(margin(entry.truth, each)) for each in scores],
    }


def _image(picture: Picture | None, album: list[str], out: Path, *, embed: bool) -> dict[str, Any]:
    if picture is None:
        return {"picture": -1, "mask": -1, "link": "", "objects": []}
    image = {"picture": -1, "mask": -1, "link": link_to(picture.path, out), "objects": []}
    if not embed:
        return image
    data, (width, height) = thumbnail(ImageRef(picture.path, picture.box), size=PICTURE_SIZE, quality=PICTURE_QUALITY)
    image["picture"] = len(album)
    album.append(data)
    image["objects"] = [
        {
            "label": thing.label,
            "box": [round(x / side, 4) for x, side in zip(thing.box, (width, height) * 2, strict=True)],
        }
        for thing in picture.objects
    ]
    if picture.mask is not None:
        values = tuple(thing.mask_value for thing in picture.objects)
        image["mask"] = len(album)
        album.append(mask_overlay(picture.mask, values, size=PICTURE_SIZE))
    return image


def link_to(path: Path, out: Path) -> str:
    """The address of a file as a page at `out` names it; every character that means something in one is escaped."""
    return quote(Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix())


def _in_turns(entries: Sequence[Entry], per_category: int) -> list[Entry]:
    """The first `per_category` of each category: every category's first, then every category's second, and so on."""
    members: dict[str, list[Entry]] = {}
    for entry in entries:
        members.setdefault(entry.category, []).append(entry)
    return [group[turn] for turn in range(per_category) for group in members.values() if turn < len(group)]


def _facets(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """What can be filtered by: texts that take several values and say more than the category does."""
    pairs: dict[str, set[tuple[str, str]]] = {"category": {(entry.category, entry.category) for entry in entries}}
    for entry in entries:
        for key, value in entry.facets.items():
            pairs.setdefault(key, set()).add((value, entry.category))
    values = {key: sorted({value for value, _ in found}) for key, found in pairs.items()}
    n_categories = len(values["category"])
    known = [key for key in FACET_ORDER if key in values]
    others = [
        key for key in sorted(values) if key not in known and not len(pairs[key]) == len(values[key]) == n_categories
    ]
    return [
        {"key": key, "label": key.replace("_", " ").capitalize(), "values": values[key]}
        for key in (*known, *others)
        if 1 < len(values[key]) + any(key not in entry.facets for entry in entries) <= MAX_FACET_VALUES
    ]


def pack_maps(maps: Maps | None, order: Sequence[str], budget: int) -> tuple[dict[str, Any] | None, str]:
    """The maps of groups named in `order`, as many as `budget` bytes hold: their index, and their bytes in base64."""
    if maps is None:
        return None, ""
    sizes = _sizes(maps)
    parts: list[bytes] = []
    index: dict[str, Any] = {}
    size = 0
    for name in order:
        if name in maps.groups and size + sizes[name] <= budget:
            start = maps.groups[name].offset
            index[name] = asdict(replace(maps.groups[name], offset=size))
            parts.append(maps.values[start : start + sizes[name]].tobytes())
            size += sizes[name]
    packed = {"grid": maps.grid, "fit": maps.resize_mode, "words": maps.words, "groups": index}
    return packed, base64.b64encode(b"".join(parts)).decode("ascii")


def _sizes(maps: Maps) -> dict[str, int]:
    names = sorted(maps.groups, key=lambda name: maps.groups[name].offset)
    ends = [*(maps.groups[name].offset for name in names[1:]), len(maps.values)]
    return {name: end - maps.groups[name].offset for name, end in zip(names, ends, strict=True)}


def _short(value: float) -> float:
    """As the float32 it was: enough digits to read back the same, no more."""
    return float(str(np.float32(value)))
