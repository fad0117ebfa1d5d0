"""CREPE (productivity): a region of a Visual Genome image, its caption, and hard negatives in the same row."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import mean
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_number, get_text, literal_texts
from fourfold.evaluator.data.external.images import box_of, locate
from fourfold.evaluator.data.external.reading import read_csv
from fourfold.evaluator.data.items import Item

_CORNER = ("x", "y", "width", "height")
_RANKS = (1, 3, 5)


def load(source: Source) -> Iterator[Item]:
    """Items of one `prod_vg_hard_negs_*.csv`, or of all in a folder. Images: `VG_100K[_2]/<image_id>.jpg`, cropped."""
    paths = sorted(source.path.glob("*.csv")) if source.path.is_dir() else [source.path]
    if not paths:
        raise InputError(f"{source.path}: holds no .csv file")
    for path in paths:
        for number, row in enumerate(read_csv(path, ["image_id", "caption", "hard_negs", *_CORNER])):
            where = f"{path}: row {number}"
            name = f"{get_text(row, 'image_id', where)}.jpg"
            x, y, width, height = (get_number(row, column, where) for column in _CORNER)
            names = f"VG_100K/{name}", f"VG_100K_2/{name}", name
            image = locate(source, *names, where=where, box=box_of(x, y, width, height))
            captions = get_text(row, "caption", where), *literal_texts(row, "hard_negs", where)
            yield choice_item(f"{path.stem}-{number}", image, captions, 0, path.stem, name)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """R@1, 3, 5 of the caption among itself and its negatives, by file; the caption, first in its row, wins ties.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    ranks = np.array([int((score[0] > score[0, 0]).sum()) for score in scores])
    files = [item.category for item in items]
    table: dict[str, float] = {}
    for file in dict.fromkeys(files):
        rows = [number for number, name in enumerate(files) if name == file]
        table |= {f"{file} R@{k}": mean(ranks[rows] < k) for k in _RANKS}
    return table
