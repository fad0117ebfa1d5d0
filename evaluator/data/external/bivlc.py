"""BiVLC: SugarCrepe's captions and negatives, with a generated image for each negative."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.evaluator.data.external.authors import mean, pair_scores
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text
from fourfold.evaluator.data.external.images import embedded
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import read_table
from fourfold.evaluator.data.items import Item

_COLUMNS = ("image", "caption", "negative_caption", "negative_image", "type", "subtype")


def load(source: Source) -> Iterator[Item]:
    """Items of the HuggingFace parquet, or of a CSV with its columns whose image cells are file names."""
    for number, (where, row) in enumerate(read_table(source.path, _COLUMNS)):
        kind, subtype = get_text(row, "type", where), get_text(row, "subtype", where)
        images = embedded(source, row, "image", where), embedded(source, row, "negative_image", where)
        captions = get_text(row, "caption", where), get_text(row, "negative_caption", where)
        yield pair_item(f"bivlc-{number}", images, captions, f"{kind}_{subtype}", {"edit": kind})


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """I2T: both images pick their caption; T2I: both captions pick their image; group: all four. Strict >.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = pair_scores(scores)
    return {"I2T": mean(right["text"]), "T2I": mean(right["image"]), "group": mean(right["group"])}
