"""What'sUp: controlled photographs (A, B) with four prepositions, and COCO / Visual Genome questions with two."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from fourfold.evaluator.data.external.authors import first_best, mean
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get, get_text, get_texts
from fourfold.evaluator.data.external.images import locate, tails
from fourfold.evaluator.data.external.reading import entries, files_named, read_json
from fourfold.evaluator.data.items import Item

_CONTROLLED = {"controlled_images_dataset.json": "A", "controlled_clevr_dataset.json": "B"}
_OPPOSITES = (("left", "right"), ("on", "under"), ("in-front", "behind"))
# The replacements that the DCSM paper's evaluation makes in the captions, for itself alone.
_EDITS = {"in front of": "below", "behind": "above", "top": "above", "bottom": "below"}


def load_controlled(source: Source) -> Iterator[Item]:
    """A and B: the true caption first, three others after it. File names say object, preposition, object."""
    inner = source.path / "data"  # where the authors' scripts and our own export put them
    here = any((source.path / name).is_file() for name in _CONTROLLED) or not inner.is_dir()
    for path in files_named(source.path if here else inner, list(_CONTROLLED)):
        subset = _CONTROLLED.get(path.name, path.stem)
        for key, row in entries(read_json(path), path):
            where = f"{path}: item {key}"
            name = get_text(row, "image_path", where)
            words = PurePosixPath(name).stem.split("_")
            tags = {"objects": f"{words[0]}|{words[-1]}", "preposition": words[1] if len(words) > 2 else ""}
            image = locate(source, *tails(name), where=where)
            captions = get_texts(row, "caption_options", where, least=2)
            cluster = f"{subset}:{tags['objects']}"
            yield choice_item(f"whatsup-{subset}-{key}", image, captions, 0, subset, cluster, tags)


def load_questions(source: Source, files: dict[str, str], image_name: Callable[[int | str], str]) -> Iterator[Item]:
    """COCO-QA or VG-QA: [image id, true caption, false caption], about one object or two."""
    for path in files_named(source.path, list(files)):
        subset = files.get(path.name, path.stem)
        for key, row in entries(read_json(path), path):
            where = f"{path}: item {key}"
            name = image_name(get(row, 0, (int, str), where))
            image = locate(source, name, PurePosixPath(name).name, where=where)
            captions = get_text(row, 1, where), get_text(row, 2, where)
            yield choice_item(f"{path.stem}-{key}", image, captions, 0, subset, PurePosixPath(name).stem)


def load_coco(source: Source) -> Iterator[Item]:
    """COCO-QA (COCO-spatial): images `val2017/<id, 12 digits>.jpg`."""
    files = {"coco_qa_one_obj.json": "one", "coco_qa_two_obj.json": "two"}
    return load_questions(source, files, lambda id: f"val2017/{str(id).zfill(12)}.jpg")


def load_vg(source: Source) -> Iterator[Item]:
    """VG-QA (VG-spatial): images `vg_images/<id>.jpg`."""
    files = {"vg_qa_one_obj.json": "one", "vg_qa_two_obj.json": "two"}
    return load_questions(source, files, lambda id: f"vg_images/{id}.jpg")


def with_edited_captions(load: Callable[[Source], Iterator[Item]]) -> Callable[[Source], Iterator[Item]]:
    """The same items with the captions as the DCSM paper's evaluation rewrites them; not comparable with others."""

    def load_edited(source: Source) -> Iterator[Item]:
        for item in load(source):
            yield replace(item, captions=tuple(edit_caption(caption) for caption in item.captions))

    return load_edited


def edit_caption(caption: str) -> str:
    """`behind` -> `above`, `in front of` -> `below`, `top` -> `above`, `bottom` -> `below`, as whole words."""
    return re.sub(r"\b(in front of|behind|top|bottom)\b", lambda found: _EDITS[found.group()], caption)


def controlled_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """By subset: individual (first argmax is option 0), pairs of opposites, sets of four; macro average of A and B.

    As in the authors' code the divisors are N/2 and N/4 of all items, complete sets or not, and a file name that
    occurs twice counts in a set with its last result.
    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = first_best(items, scores)
    table: dict[str, float] = {}
    subsets = list(dict.fromkeys(item.category for item in items))
    for subset in subsets:
        rows = [(item, bool(hit)) for item, hit in zip(items, right, strict=True) if item.category == subset]
        sets: dict[str, dict[str, bool]] = {}
        for item, hit in rows:
            sets.setdefault(str(item.tags["objects"]), {})[str(item.tags["preposition"])] = hit
        pairs = sum(
            hits.get(one, False) and hits.get(other, False) for hits in sets.values() for one, other in _OPPOSITES
        )
        fours = sum(sum(hits.values()) == 4 for hits in sets.values())
        table[f"{subset} individual"] = mean(hit for _, hit in rows)
        table[f"{subset} pairs"] = pairs / (len(rows) / 2)
        table[f"{subset} sets"] = fours / (len(rows) / 4)
    if len(subsets) > 1:
        table["macro individual"] = mean(table[f"{subset} individual"] for subset in subsets)
    return table


def questions_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """First argmax is option 0, for one-object and two-object questions, and the macro average of the two.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = first_best(items, scores)
    subsets = list(dict.fromkeys(item.category for item in items))
    table = {
        subset: mean(hit for item, hit in zip(items, right, strict=True) if item.category == subset)
        for subset in subsets
    }
    return {**table, "macro": mean(table.values())}
