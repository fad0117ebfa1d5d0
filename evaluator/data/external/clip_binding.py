"""clip-binding ("CLEVR-bind"): one object, two objects, and relations; one true caption among five."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import first_best, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_text, get_texts
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.reading import entries, read_csv, read_json
from fourfold.evaluator.data.items import Item

_FILES = (
    *(f"single_object/{split}.csv" for split in ("train", "val", "test")),
    *(f"two_object/{split}.csv" for split in ("train", "val", "gen")),
    *(f"rel/{split}.json" for split in ("train", "val", "gen")),
)
_COLUMNS = ("pos", "neg_0", "neg_1", "neg_2", "neg_3")
_OPPOSITE = {"front": "behind", "behind": "front", "left": "right", "right": "left"}
_NOUNS = ("cube", "sphere", "cylinder")


def load(source: Source) -> Iterator[Item]:
    """Items of every annotation file below the data folder, below one of its three folders, or of one file."""
    paths = [source.path]
    if source.path.is_dir():
        named = [source.path / name for name in _FILES] + [source.path.parent / name for name in _FILES]
        paths = [path for path in named if path.is_file() and path.is_relative_to(source.path)]
    if not paths:
        raise InputError(f"{source.path}: holds none of {', '.join(_FILES)}")
    for path in paths:
        yield from _relations(source, path) if path.suffix == ".json" else _objects(source, path)


def _objects(source: Source, path: Path) -> Iterator[Item]:
    for number, row in enumerate(read_csv(path, ["file_name", *_COLUMNS])):
        where = f"{path}: row {number}"
        captions = [get_text(row, column, where) for column in _COLUMNS]
        yield _item(source, path, number, get_text(row, "file_name", where), captions, 0, where)


def _relations(source: Source, path: Path) -> Iterator[Item]:
    # The authors shuffle the options with Python's generator, seeded with 0, one item after another.
    shuffler = random.Random(0)
    number = 0
    for name, row in entries(read_json(path), path):
        where = f"{path}: image {name!r}"
        for positive in get_texts(row, "pos", where):
            options = [positive, *_distractors(positive, where)]
            order = list(range(len(options)))
            shuffler.shuffle(order)
            captions = [options[index] for index in order]
            yield _item(source, path, number, name, captions, order.index(0), where)
            number += 1


def _distractors(positive: str, where: str) -> list[str]:
    """For a R b: bRa, aSb with S the opposite of R, cRb, aRc with c the third noun."""
    words = positive.split()
    others = [noun for noun in _NOUNS if noun not in words]
    if len(words) != 3 or words[1] not in _OPPOSITE or len(others) != 1:
        shape = f"<noun> <relation> <noun>, two of {', '.join(_NOUNS)} and one of {', '.join(_OPPOSITE)}"
        raise InputError(f"{where}: {positive!r} does not read {shape}")
    (a, relation, b), c = words, others[0]
    return [f"{b} {relation} {a}", f"{a} {_OPPOSITE[relation]} {b}", f"{c} {relation} {b}", f"{a} {relation} {c}"]


def _item(source: Source, path: Path, number: int, name: str, captions: Sequence[str], right: int, where: str) -> Item:
    kind, split = path.parent.name, path.stem
    # All single-object images lie in one folder; the other two have one folder a split.
    inner = f"images/{name}" if kind == "single_object" else f"images/{split}/{name}"
    image = locate(source, f"{kind}/{inner}", inner, name, where=where)
    cluster = f"{kind}/{split}/{PurePosixPath(name).stem}"
    return choice_item(f"{kind}-{split}-{number}", image, captions, right, f"{kind} {split}", cluster)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Accuracy of the first argmax, by data set and split; the authors' "gen" of single_object is its test split.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    return means_by(first_best(items, scores), [item.category for item in items])
