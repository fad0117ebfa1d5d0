"""COCO-Order and Flickr30k-Order: a caption among four shuffles of its words, from a file where they are frozen.

The authors draw the shuffles anew at every run from the global generator, so numbers from two runs are not about the
same questions. Here the options are data: a copy others froze, or a file of
`fourfold.evaluator.data.external.order_options`.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import first_best, mean
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_text, get_texts
from fourfold.evaluator.data.external.images import embedded, name_of_cell
from fourfold.evaluator.data.external.reading import read_table
from fourfold.evaluator.data.items import Item

_FROZEN_BY_OTHERS = ("correct_caption", "hard_text_1", "hard_text_2", "hard_text_3", "hard_text_4")


def load(source: Source) -> Iterator[Item]:
    """Items of rows {image, caption_options}, the true caption first, or {images, correct_caption, hard_text_1..4}."""
    for number, (where, row) in enumerate(
        read_table(source.path, [], ["image", "images", "caption_options", *_FROZEN_BY_OTHERS])
    ):
        if "caption_options" in row:
            captions = get_texts(row, "caption_options", where, least=2)
        elif "correct_caption" in row:
            captions = tuple(get_text(row, column, where) for column in _FROZEN_BY_OTHERS)
        else:
            hint = "freeze the shuffled options first with fourfold.evaluator.data.external.order_options.freeze"
            raise InputError(f"{where}: neither 'caption_options' nor 'correct_caption'; {hint}")
        column = "images" if "images" in row else "image"
        image = embedded(source, row, column, where)
        name = name_of_cell(row, column, image, f"row {number}")
        yield choice_item(f"order-{number}", image, captions, 0, "order", name)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Precision at 1: the first argmax is option 0, over all captions.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    return {"P@1": mean(first_best(items, scores))}
