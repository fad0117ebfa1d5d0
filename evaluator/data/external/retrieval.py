"""COCO and Flickr30k retrieval in Karpathy's split: every caption against every picture."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.evaluator.data.external.authors import recall
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text, get_texts
from fourfold.evaluator.data.external.images import locate, tails
from fourfold.evaluator.data.external.reading import entries, files_named, read_json
from fourfold.evaluator.data.items import Item

_FILES = ("coco_karpathy_test.json", "flickr30k_test.json")
_RANKS = (1, 5, 10)


def load(source: Source) -> Iterator[Item]:
    """One item a file: all pictures, all captions, and which belong together."""
    for path in files_named(source.path, _FILES):
        rows = [(f"{path}: item {key}", row) for key, row in entries(read_json(path), path)]
        if not rows:
            continue
        captions = [get_texts(row, "caption", where) for where, row in rows]
        owners = np.repeat(np.arange(len(rows)), [len(texts) for texts in captions])
        images = tuple(locate(source, *tails(get_text(row, "image", where)), where=where) for where, row in rows)
        truth = np.arange(len(rows))[:, None] == owners[None, :]  # [n_images, n_texts]
        texts = tuple(text for own in captions for text in own)
        yield Item(path.stem, images, texts, truth, "retrieval", path.stem, {"task": "retrieval"})


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """R@1, R@5 and R@10 both ways; a picture is found by any of its captions.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    table: dict[str, float] = {}
    for item, score in zip(items, scores, strict=True):
        name = f"{item.id} " if len(items) > 1 else ""
        table |= {f"{name}text-to-image R@{k}": recall(score.T, item.truth.T, k) for k in _RANKS}
        table |= {f"{name}image-to-text R@{k}": recall(score, item.truth, k) for k in _RANKS}
    return table
