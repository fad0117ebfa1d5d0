"""clip-binding: one true phrase among five (two_object/<split>.csv), and relations of three nouns (rel/<split>.json).

Both pictures of a binding group get the same five phrases and another answer: kinds s and t, each in color c, which the
first picture shows on s and the second on t, and in a color that neither shows; and a kind that neither shows. So each
word of the first four is in two of them, and voting among the options leaves all four.
"""

import csv
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.generator.captions.wording import noun_phrase
from fourfold.generator.dataset.reading import Group
from fourfold.generator.exports.source import Source, claim_of, layout_of, save_picture, write_json
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.truth.claims import Both, Exists, Related
from fourfold.scenes.truth.descriptions import Description

_SPLITS = {"train": "train", "validation": "val", "val": "val"}  # any other is their "gen"
_COLUMNS = ("file_name", "pos", "neg_0", "neg_1", "neg_2", "neg_3")
_NOUNS = ("cube", "sphere", "cylinder")
_OPPOSITE = {"front": "behind", "behind": "front", "left": "right", "right": "left"}


def write(source: Source, out: Path) -> int:
    """Write the questions of every binding group with a third value to offer, and the relations of the three nouns.

    The relations are those of every picture that shows two of the three nouns. Returns the number of questions and of
    relations together.
    """
    split = _SPLITS.get(source.split, "gen")
    return _write_objects(source, out / "two_object", split) + _write_relations(source, out / "rel", split)


def _write_objects(source: Source, folder: Path, split: str) -> int:
    rng = np.random.default_rng(source.seed)
    lines = []
    for group in source.groups():
        for row, phrases in _questions(group, source, rng):
            save_picture(source, row, folder, f"images/{split}/{row['id']}.png")
            lines.append((f"{row['id']}.png", *phrases))
    if lines:
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([_COLUMNS, *lines])
    return len(lines)


def _questions(group: Group, source: Source, rng: np.random.Generator) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """The rows of a group's pictures, each with its true phrase first and four that are false of it: both, or none."""
    said = claim_of(group, 0)
    if group.category != "binding" or not (
        isinstance(said, Both) and isinstance(said.first, Exists) and isinstance(said.second, Exists)
    ):
        return []
    options = _options(said.first.description, said.second.description, group, source, rng)
    if options is None:
        return []
    asked = []
    for row in group.rows:
        layout = layout_of(row)
        truth = [Exists(option).holds(layout) for option in options]
        if sorted(map(str, truth)) != ["False"] * 4 + ["True"]:
            return []  # one of them is in the picture beside those that are spoken of, or cannot be told
        right = truth.index(True)
        ordered = [options[right], *(options[k] for k in rng.permutation(len(options)) if k != right)]
        asked.append((row, tuple(map(noun_phrase, ordered))))
    return asked


def _options(
    one: Description, other: Description, group: Group, source: Source, rng: np.random.Generator
) -> list[Description] | None:
    """Five descriptions, the same for both pictures; None if the attribute has no third value, or no kind is left."""
    attribute = next(name for name in TABLES if getattr(one, name) is not None)
    values = {getattr(thing, attribute) for row in group.rows for thing in layout_of(row).objects}
    shapes = {thing.shape for row in group.rows for thing in layout_of(row).objects}
    unseen = [value for value in getattr(source.vocabulary, f"{attribute}s") if value not in values]
    absent = [shape for shape in source.vocabulary.shapes if shape not in shapes]
    if not unseen or not absent:
        return None
    shown, kept = getattr(one, attribute), getattr(other, attribute)
    third, fifth = unseen[int(rng.integers(len(unseen)))], absent[int(rng.integers(len(absent)))]
    square = [(value, kind) for value in (shown, third) for kind in (one.shape, other.shape)]
    return [Description(shape=kind, **{attribute: value}) for value, kind in [*square, (kept, fifth)]]


def _write_relations(source: Source, folder: Path, split: str) -> int:
    found: dict[str, dict[str, list[str]]] = {}
    for row in source.rows():
        layout = layout_of(row)
        true = [
            f"{a} {relation} {b}"
            for a, b in permutations(_NOUNS, 2)
            for relation in _OPPOSITE
            if _is_clear(layout, a, relation, b)
        ]
        if true:
            save_picture(source, row, folder, f"images/{split}/{row['id']}.png")
            found[f"{row['id']}.png"] = {"pos": true, "neg": []}
    if found:
        write_json(folder / f"{split}.json", found)
    return sum(len(each["pos"]) for each in found.values())


def _is_clear(layout: Layout, a: str, relation: str, b: str) -> bool:
    """Whether it holds, and nothing does of what their scripts offer beside it, with the third noun too."""
    (c,) = (noun for noun in _NOUNS if noun not in (a, b))
    beside = ((b, relation, a), (a, _OPPOSITE[relation], b), (c, relation, b), (a, relation, c))
    return _holds(layout, a, relation, b) is True and all(_holds(layout, *each) is False for each in beside)


def _holds(layout: Layout, a: str, relation: str, b: str) -> bool | None:
    return Related(Description(shape=a), relation, Description(shape=b)).holds(layout)
