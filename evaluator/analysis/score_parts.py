"""What the four scores of a group are made of: a mean, an offset of the image, one of the caption, an interaction.

The table of a group's first two captions on its two images is, exactly,

    s[i, j] = mean + image offset * x[i] + caption offset * x[j] + interaction * x[i] x[j],    x = (1, -1).

An offset is a preference for one picture, or one caption, whatever stands beside it; the interaction alone says which
belongs to which. With u, v and w for image offset, caption offset and interaction, the four comparisons of a group are
2 (w + v), 2 (w - v), 2 (w + u) and 2 (w - u). So text is right if w > |v|, image if w > |u|, the group if w exceeds
both, and `match` if w > 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fourfold.evaluator.analysis.metrics import ItemBlock, Metric

SIGNED = ("group_score", "text_score", "image_score")  # metrics that need an interaction larger than an offset
_SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])  # of parts, on cells aa, ab, ba, bb


class RmsParts(NamedTuple):
    """Size of each part over the groups of a category, in units of the score; squared, they add up to its variance."""

    mean: np.ndarray  # [S] standard deviation of the groups' means
    image_offset: np.ndarray  # [S] root mean square, as of the next two
    caption_offset: np.ndarray
    interaction: np.ndarray


def decompose(scores: np.ndarray) -> np.ndarray:
    """Mean, image offset, caption offset and interaction of tables [..., 2, m] of fourfold groups: [..., 4] float64."""
    cells = scores[..., :2, :2].astype(np.float64).reshape(*scores.shape[:-2], 4)
    return cells @ _SIGNS.T / 4


def rms_parts(blocks: Sequence[ItemBlock]) -> RmsParts:
    """The parts of all groups of the blocks, for each of S scorers.

    The variance of all the groups' 4 n scores is the sum of the four squares, because the parts of a table are
    orthogonal and the signs of each but the first add up to zero within it.
    """
    parts = np.concatenate([decompose(block.scores) for block in blocks], axis=1)  # [S, n, 4]
    parts[..., 0] -= parts[..., 0].mean(axis=1, keepdims=True)
    return RmsParts(*np.sqrt(np.mean(parts**2, axis=1)).T)


def chance_given_offsets(metric: Metric, blocks: Sequence[ItemBlock], n_clusters: int) -> np.ndarray:
    """What a metric of `SIGNED` gets, 0..1 for each scorer, if each group's interaction had a random sign.

    Offsets and the size of the interaction stay as they are. With either sign being as likely, a group is right with
    probability 1/2 if |interaction| exceeds its offsets, and never otherwise. So chance is half the share of groups in
    which it does: 1/6 for independent random scores, whose three parts are alike, and next to 0 where offsets rule.
    The other sign is had by exchanging the two captions, which turns interaction and caption offset around: a group
    counts that is right one way or the other, all its comparisons won or all lost, and no sum of scores is rounded.
    """
    both = (blocks, [block._replace(scores=_with_exchanged_captions(block.scores)) for block in blocks])
    values = [metric.measure(each, n_clusters).statistic(np.ones((1, n_clusters)))[0] for each in both]
    return np.mean(values, axis=0)


def _with_exchanged_captions(scores: np.ndarray) -> np.ndarray:
    return np.concatenate([scores[..., 1::-1], scores[..., 2:]], axis=-1)
