"""What the multiple-choice benchmarks share: one image and several captions, some of them true."""

from collections.abc import Mapping, Sequence

import numpy as np

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item


def choice_item(
    id: str,
    image: ImageRef,
    captions: Sequence[str],
    right: int,
    category: str,
    cluster: str,
    tags: Mapping[str, str | int | float | bool] | None = None,
) -> Item:
    """One image [1, m]; the caption at `right` alone is true of it. The cluster is the source image's name."""
    truth = np.arange(len(captions))[None, :] == right  # [1, m]
    return Item(id, (image,), tuple(captions), truth, category, cluster, dict(tags or {}))
