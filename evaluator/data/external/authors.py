"""The ways other benchmarks count, reproduced exactly; ties included, because that is where numbers differ.

Every function takes plain score arrays. Our own metrics (strict, ties counted as misses) are in
`fourfold.evaluator.analysis.metrics`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from fourfold.evaluator.data.items import Item


def first_best(items: Sequence[Item], scores: Sequence[np.ndarray]) -> np.ndarray:
    """Whether the argmax over an item's options is true, the *first* maximum winning ties: [n] bool.

    The options are the captions of a one-image item, or the images of a one-caption item. A constant scorer is
    right wherever the authors put the truth first.
    """
    pairs = zip(items, scores, strict=True)
    return np.array([bool(np.ravel(item.truth)[int(np.argmax(np.ravel(score)))]) for item, score in pairs], dtype=bool)


def caption_above_foil(scores: Sequence[np.ndarray]) -> np.ndarray:
    """s(image, caption 0) > s(image, caption 1), strictly: [n] bool. Scores [1, 2]."""
    return np.array([score[0, 0] > score[0, 1] for score in scores], dtype=bool)


def pair_scores(scores: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Winoground's text, image and group score, strictly: [n] bool each. Scores [2, 2], images x captions."""
    stack = np.stack([np.asarray(score)[:2, :2] for score in scores])  # [n, 2, 2]
    text = (stack[:, 0, 0] > stack[:, 0, 1]) & (stack[:, 1, 1] > stack[:, 1, 0])
    image = (stack[:, 0, 0] > stack[:, 1, 0]) & (stack[:, 1, 1] > stack[:, 0, 1])
    return {"text": text, "image": image, "group": text & image}


def recall(scores: np.ndarray, truth: np.ndarray, k: int) -> float:
    """R@k: the share of rows with a true column among their k best; equal scores keep column order.

    Scores and truth [n, m]: images x texts for image-to-text, transposed for text-to-image.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # [n, k]
    return float(np.take_along_axis(truth, best, axis=1).any(axis=1).mean())


def means_by(values: np.ndarray, keys: Iterable[str], least: int = 1) -> dict[str, float]:
    """Mean of `values` over the rows of each key that has at least `least` of them, in order of first appearance.

    `values` and `keys` [n], one of each a row.
    """
    groups: dict[str, list[float]] = {}
    for value, key in zip(values, keys, strict=True):
        groups.setdefault(key, []).append(float(value))
    return {key: float(np.mean(group)) for key, group in groups.items() if len(group) >= least}


def mean(values: Iterable[float]) -> float:
    """Plain average of at least one value; where there is none, the metric is to be left out of its table."""
    return float(np.mean(list(values)))
