"""What the benchmarks of two images and two captions share: their item, and Winoground's way of counting."""

from collections.abc import Mapping, Sequence

import numpy as np

from fourfold.evaluator.data.external.authors import mean, means_by, pair_scores
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

_FOURFOLD = np.eye(2, dtype=bool)


def pair_item(
    id: str,
    images: tuple[ImageRef, ImageRef],
    captions: tuple[str, str],
    category: str,
    tags: Mapping[str, str | int | float | bool] | None = None,
    cluster: str | None = None,
) -> Item:
    """Caption 0 is true of image 0 alone and caption 1 of image 1; the pair is its own cluster unless one is given."""
    return Item(id, images, captions, _FOURFOLD, category, cluster if cluster is not None else id, dict(tags or {}))


def pair_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Text, image and group score with strict > over all items, then by category where there are several.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = pair_scores(scores)
    table = {name: mean(values) for name, values in right.items()}
    categories = [item.category for item in items]
    if len(set(categories)) > 1:
        for name, values in right.items():
            table |= {f"{category} {name}": value for category, value in means_by(values, categories).items()}
    return table


def macro_pair_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Text, image and group score with strict > by category, and their average over categories.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    table: dict[str, float] = {}
    for name, values in pair_scores(scores).items():
        by_category = means_by(values, [item.category for item in items])
        table |= {f"{category} {name}": value for category, value in by_category.items()}
        table[f"macro {name}"] = mean(by_category.values())
    return table
