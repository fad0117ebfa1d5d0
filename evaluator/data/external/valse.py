"""VALSE: a caption and a foil that differ in one linguistic phenomenon; eleven files."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.evaluator.data.external.authors import caption_above_foil, mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get, get_text
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.reading import entries, files_named, read_json
from fourfold.evaluator.data.items import Item

PIECES = (
    *("existence", "plurals", "counting-hard", "counting-small-quant", "counting-adversarial", "relations"),
    *("action-replacement", "actant-swap", "coreference-standard", "coreference-hard", "foil-it"),
)
_ANNOTATORS_AGREE = 2  # of three, that the caption and not the foil is true


def load(source: Source) -> Iterator[Item]:
    """The items that the authors keep: at least two of three annotators chose the caption.

    Images are looked for by name, and below a folder named like their data set, as the "dataset" key has it.
    """
    for path in files_named(source.path, [f"{piece}.json" for piece in PIECES]):
        for key, row in entries(read_json(path), path):
            where = f"{path}: item {key!r}"
            votes = get(get(row, "mturk", dict, where), "caption", int, where)
            if votes < _ANNOTATORS_AGREE:
                continue
            name = get_text(row, "image_file", where)
            folder = row.get("dataset")
            names = (name, f"{folder}/{name}") if isinstance(folder, str) and folder else (name,)
            image = locate(source, *names, where=where)
            captions = get_text(row, "caption", where), get_text(row, "foil", where)
            yield choice_item(f"{path.stem}-{key}", image, captions, 0, path.stem, name)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Pairwise accuracy acc_r (caption strictly above foil) by file, and the average over files.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    by_piece = means_by(caption_above_foil(scores), [item.category for item in items])
    return {**by_piece, "macro": mean(by_piece.values())}
