"""SPEC: size, place, existence and count; images choose among texts and texts choose among images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import first_best, mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_index, get_text, get_texts
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.reading import entries, read_json
from fourfold.evaluator.data.items import Item

SUBSETS = ("absolute_size", "relative_size", "absolute_spatial", "relative_spatial", "existence", "count")
_FILES = ("image2text.json", "text2image.json")


def load(source: Source) -> Iterator[Item]:
    """Items of the data folder, or of one subset's folder; image names are relative to the subset's folder."""
    root = source.path
    folders = [root / name for name in SUBSETS if (root / name).is_dir()] or [root]
    paths = [folder / name for folder in folders for name in _FILES if (folder / name).is_file()]
    if not paths:
        raise InputError(f"{root}: holds neither {' nor '.join(_FILES)}, nor folders {', '.join(SUBSETS)} with them")
    for path in paths:
        yield from _load_file(source, path)


def _load_file(source: Source, path: Path) -> Iterator[Item]:
    subset = path.parent.name
    for key, row in entries(read_json(path), path):
        where = f"{path}: item {key}"
        query, keys = get_text(row, "query", where), get_texts(row, "keys", where, least=2)
        right = get_index(row, "label", len(keys), where)
        names = [query] if path.name == _FILES[0] else list(keys)
        images = tuple(locate(source, f"{subset}/{name}", name, where=where) for name in names)
        id, cluster = f"{subset}-{path.stem}-{key}", f"{subset}/{names[0]}"
        if path.name == _FILES[0]:
            yield choice_item(id, images[0], keys, right, subset, cluster, {"direction": "i2t"})
        else:
            truth = np.arange(len(keys))[:, None] == right  # [k, 1]
            yield Item(id, images, (query,), truth, subset, cluster, {"direction": "t2i"})


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """First argmax is the label, by subset and direction, and the mean over subsets for each direction.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = first_best(items, scores)
    table: dict[str, float] = {}
    for direction in dict.fromkeys(item.tags["direction"] for item in items):
        rows = [number for number, item in enumerate(items) if item.tags["direction"] == direction]
        by_subset = means_by(right[rows], [items[number].category for number in rows])
        table |= {f"{subset} {direction}": value for subset, value in by_subset.items()}
        table[f"macro {direction}"] = mean(by_subset.values())
    return table
