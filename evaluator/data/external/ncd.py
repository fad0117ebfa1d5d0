"""NCD composites of the DCSM paper: two fruits or vegetables on a canvas; which color belongs to which."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import first_best, mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.items import Item

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PARTS = 4
_ATTRIBUTES = "objaverse_attributes_overlay_withbg"  # of the authors' training folders, which have the same labels


def load(source: Source) -> Iterator[Item]:
    """Two items an image, one for each order of the two objects in the captions. The label is the file name,
    `<color1>_<A>_<color2>_<B>`; mirrored copies are left out, as the authors do. Files are taken in sorted order.
    """
    if not source.path.is_dir():
        raise InputError(f"{source.path}: not a folder; name the one with the <color1>_<A>_<color2>_<B>.png files")
    inner = source.path / _ATTRIBUTES
    for path in sorted((inner if inner.is_dir() else source.path).iterdir()):
        if path.suffix.lower() in _SUFFIXES and "MIRROR" not in path.name:
            yield from _items_of(source, path)


def _items_of(source: Source, path: Path) -> Iterator[Item]:
    parts = path.stem.split("_")
    if len(parts) != _PARTS or not all(parts):
        raise InputError(f"{path}: the name is the label and must read <color1>_<A>_<color2>_<B>")
    color1, first, color2, second = parts
    image = locate(source, path.name, f"{path.parent.name}/{path.name}", where=str(path.parent))
    orders = (
        (f"{color1} {first} and a {color2} {second}", f"{color2} {first} and a {color1} {second}"),
        (f"{color2} {second} and a {color1} {first}", f"{color1} {second} and a {color2} {first}"),
    )
    for number, (true, false) in enumerate(orders):
        captions = f"A picture of a {true}", f"A picture of a {false}"
        yield choice_item(f"ncd-{path.stem}-{number}", image, captions, 0, f"order {number}", path.stem)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """First argmax is option 0, for each order of the objects in the caption.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    by_order = means_by(first_best(items, scores), [item.category for item in items])
    return {**by_order, "macro": mean(by_order.values())}
