"""What a table of scores is worth: every metric as the margins of its questions, all in the table `METRICS`.

A metric asks each item some questions. The margin of a question is how far the right answer is ahead of the best
wrong one; a margin above zero is a hit, a margin of exactly zero is a tie. Ties are misses, and are counted, because
"the first maximum wins" gives a constant scorer 100 % wherever the truth happens to stand first.

Shapes: scores [..., n, k, m] of n items with k images and m captions each (leading dimensions are free, usually the
scorers), truth [n, k, m] bool, margins [..., n, q] in units of the scores, with NaN where an item has no such question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import comb
from typing import NamedTuple

import numpy as np

from fourfold.evaluator.data.items import RETRIEVAL_CANDIDATES
from fourfold.statistics import Statistic, auc, rank_pairs, share, sum_by_cluster

LARGEST_SORTED = 10**7  # cells; the matching AUC ranks all of them, and of larger sets recall@k says enough
FOURFOLD = np.eye(2, dtype=bool)


class ItemBlock(NamedTuple):
    """Items of one shape (k, m), scored by S scorers."""

    scores: np.ndarray  # [S, n, k, m]
    truth: np.ndarray  # [n, k, m] bool
    clusters: np.ndarray  # [n] int: 0..G-1, counted over all blocks together


class HitCounts(NamedTuple):
    """How the questions of each item were answered."""

    hits: np.ndarray  # [..., n]
    ties: np.ndarray  # [..., n]: misses that a larger-or-equal rule would have called hits
    asked: np.ndarray  # [n]


class Measured(NamedTuple):
    """One metric on one set of items: a statistic that can be resampled, and what was counted on the way."""

    statistic: Statistic  # [r, G] cluster weights -> [r, S]
    hits: np.ndarray | None  # [G, S] by cluster, for paired tests; None for what is not a share of questions
    ties: np.ndarray  # [S]
    asked: np.ndarray  # [N] questions of each item, in the order of the blocks


def text_2afc(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """For each of the two images of a group: the true caption against the adversarial one (2AFC). Two questions.

    Scores and truth [..., n, 2, m] -> margins [..., n, 2]: of image A, of image B.
    """
    return np.stack([scores[..., 0, 0] - scores[..., 0, 1], scores[..., 1, 1] - scores[..., 1, 0]], axis=-1)


def image_2afc(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """For each of the two captions of a group: the image it is true of against the other one (2AFC). Two questions.

    Scores and truth [..., n, 2, m] -> margins [..., n, 2]: of caption a, of caption b.
    """
    return np.stack([scores[..., 0, 0] - scores[..., 1, 0], scores[..., 1, 1] - scores[..., 0, 1]], axis=-1)


def text_score(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Both images of a group find their caption (text score of Winoground, Thrush et al. 2022). One question.

    Scores and truth [..., n, 2, m] -> margins [..., n, 1].
    """
    return text_2afc(scores, truth).min(axis=-1, keepdims=True)


def image_score(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Both captions of a group find their image (image score of Winoground, Thrush et al. 2022). One question.

    Scores and truth [..., n, 2, m] -> margins [..., n, 1].
    """
    return image_2afc(scores, truth).min(axis=-1, keepdims=True)


def group_score(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Both images find their caption and both captions their image (Winoground's group score). One question.

    Scores and truth [..., n, 2, m] -> margins [..., n, 1].
    """
    return np.minimum(text_score(scores, truth), image_score(scores, truth))


def match_score(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The right assignment of captions to images has the larger sum of scores. One question.

    Its margin is the interaction of image and caption, the one thing that no offset of an image or of a caption can
    fake: a scorer of the form f(image) + g(text) has margin 0. Scores and truth [..., n, 2, m] -> margins [..., n, 1].
    """
    exact = scores.astype(np.float64)  # sums of float32 scores would round ties away
    right, wrong = exact[..., 0, 0] + exact[..., 1, 1], exact[..., 0, 1] + exact[..., 1, 0]
    return (right - wrong)[..., None]


def hard_positive(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Each hard positive, on the image it is true of, against that image's adversarial caption.

    A hard positive is a caption after the first two whose truth is that of the first caption or that of the second;
    on the image it is true of, the adversarial caption is the other of the first two. One question each.
    Scores and truth [..., n, 2, m] -> margins [..., n, m-2], NaN for a caption that is no hard positive.
    """
    of_a, of_b = _hard_positive_columns(truth)
    on_a = scores[..., 0, 2:] - scores[..., 0, 1, None]  # [..., n, m-2]
    on_b = scores[..., 1, 2:] - scores[..., 1, 0, None]
    return np.where(of_a, on_a, np.where(of_b, on_b, np.nan))


def hard_positive_both(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """As `hard_positive`, and the true caption itself must beat the adversarial one too. One question each.

    2AFC accuracy minus this is the brittle part: captions won only in the wording they came in.
    Scores and truth [..., n, 2, m] -> margins [..., n, m-2], NaN for a caption that is no hard positive.
    """
    of_a, of_b = _hard_positive_columns(truth)
    caption = text_2afc(scores, truth)  # [..., n, 2]
    own = np.where(of_a, caption[..., :1], np.where(of_b, caption[..., 1:], np.nan))
    return np.minimum(hard_positive(scores, truth), own)


def text_choice(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """For each image: its one true caption against all other captions. One question an image: margins [..., n, k]."""
    return text_recall(scores, truth, at=1)


def image_choice(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """For each caption: the image it is true of against all other images. One question a caption: [..., n, m]."""
    return image_recall(scores, truth, at=1)


def text_recall(scores: np.ndarray, truth: np.ndarray, at: int) -> np.ndarray:
    """For each image: is a true caption among the best `at`? The best true one against the at-th best false one.

    Scores and truth [..., n, k, m] -> margins [..., n, k]; inf where too few captions are false to miss, NaN for an
    image of which none is true.
    """
    return _recall_margins(scores, truth, at)


def image_recall(scores: np.ndarray, truth: np.ndarray, at: int) -> np.ndarray:
    """For each caption: is an image it is true of among the best `at`? As `text_recall`: margins [..., n, m]."""
    return _recall_margins(scores.swapaxes(-1, -2), truth.swapaxes(-1, -2), at)


def tally(margins: np.ndarray) -> HitCounts:
    """Count hits and ties of each item from the margins of its questions, [..., n, q]."""
    asked = (~np.isnan(margins)).sum(axis=-1)
    first = asked.reshape(-1, asked.shape[-1])[0]  # which questions exist depends on the truth alone
    return HitCounts((margins > 0).sum(axis=-1), (margins == 0).sum(axis=-1), first)


def _hard_positive_columns(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which captions after the first two are hard positives of image A, and which of image B: [n, m-2] each."""
    on_a, on_b = truth[:, 0, 2:], truth[:, 1, 2:]
    return on_a & ~on_b, on_b & ~on_a


def _recall_margins(scores: np.ndarray, truth: np.ndarray, at: int) -> np.ndarray:
    """Margins [..., n, queries] over the candidates in the last axis; NaN for a query that nothing is true of."""
    best_true = np.where(truth, scores, -np.inf).max(axis=-1)
    if scores.shape[-1] < at:
        rival = np.full(best_true.shape, -np.inf)
    else:
        rival = np.partition(np.where(truth, -np.inf, scores), -at, axis=-1)[..., -at]
    # a query with fewer than `at` false candidates cannot miss: best - (-inf) = inf
    return np.where(truth.any(axis=-1), best_true - np.where(truth.any(axis=-1), rival, 0), np.nan)


def _measure_share(blocks: Sequence[ItemBlock], n_clusters: int, margins: Callable[..., np.ndarray]) -> Measured:
    """A metric that is the share of questions hit; the blocks' questions are pooled."""
    counted = [tally(np.stack([margins(each, block.truth) for each in block.scores])) for block in blocks]
    clusters = np.concatenate([block.clusters for block in blocks])  # [N]
    hits = np.concatenate([each.hits for each in counted], axis=-1)  # [S, N]
    asked = np.concatenate([each.asked for each in counted])  # [N]
    hit_sums = sum_by_cluster(hits.T, clusters, n_clusters)  # [G, S]
    asked_sums = sum_by_cluster(asked, clusters, n_clusters)  # [G]
    ties = sum(each.ties.sum(axis=-1) for each in counted)
    statistic = partial(share, hits=hit_sums, asked=asked_sums)
    return Measured(statistic, hit_sums, np.asarray(ties), asked)


def _measure_auc(blocks: Sequence[ItemBlock], n_clusters: int) -> Measured:
    """Area under the ROC curve over all cells of all tables: one threshold for all items.

    Its questions are the true cells, each against every false one. Ties count one half, as an AUC demands; the ties
    reported are the true cells that tie with a false one.
    """
    cells = np.concatenate([block.scores.reshape(len(block.scores), -1) for block in blocks], axis=1)  # [S, cells]
    truth = np.concatenate([block.truth.ravel() for block in blocks])
    clusters = np.concatenate([np.repeat(block.clusters, block.truth[0].size) for block in blocks])
    ranked = [rank_pairs(row[truth], clusters[truth], row[~truth], clusters[~truth]) for row in cells]
    ties = np.array([int((each.upto > each.below).sum()) for each in ranked])
    asked = np.concatenate([block.truth.sum(axis=(1, 2)) for block in blocks])
    return Measured(partial(auc, ranked=ranked), None, ties, asked)


def has_core(truth: np.ndarray) -> bool:
    """Is this [k, m] truth that of a fourfold group: two images, and the first two captions true of one each?"""
    return truth.shape[0] == 2 and truth.shape[1] >= 2 and bool((truth[:, :2] == FOURFOLD).all())


def has_hard_positives(truth: np.ndarray) -> bool:
    """Is this [k, m] truth that of a group with a caption, after the first two, that is true of exactly one image?"""
    return has_core(truth) and bool((truth[0, 2:] != truth[1, 2:]).any())


def _is_choice(truth: np.ndarray) -> bool:
    if truth.shape[1] < 2 or has_core(truth) or has_core(truth.T) or (len(truth) > 1 and _is_search(truth)):
        return False
    return bool((truth.sum(axis=1) == 1).all())


def _is_search(truth: np.ndarray) -> bool:
    return truth.shape[1] > RETRIEVAL_CANDIDATES and not has_core(truth) and bool(truth.any())


def _has_both(truth: np.ndarray) -> bool:
    return truth.size <= LARGEST_SORTED and bool(truth.any() and not truth.all())


@dataclass(frozen=True)
class Metric:
    """One row of the table: how it is called, which items it can be asked of, how it is measured, what chance gets."""

    label: str  # in tables
    applies_to: Callable[[np.ndarray], bool]  # truth [k, m] of an item
    measure: Callable[[Sequence[ItemBlock], int], Measured]  # blocks, number of clusters
    chance: Callable[[np.ndarray], float]  # truth [k, m] -> share hit by independent random scores without ties


def _share(
    label: str,
    applies_to: Callable[[np.ndarray], bool],
    margins: Callable[..., np.ndarray],
    chance: float | Callable[[np.ndarray], float],
) -> Metric:
    """A row for a metric that is given by its margins."""
    by_truth = chance if callable(chance) else lambda truth: chance
    return Metric(label, applies_to, partial(_measure_share, margins=margins), by_truth)


def _recall_chance(truth: np.ndarray, at: int) -> float:
    """Mean over the rows (queries) of the chance that one of its true candidates is among `at` drawn at random."""
    m = truth.shape[1]
    true = truth.sum(axis=1)
    return float(np.mean([1 - comb(m - int(t), at) / comb(m, at) if at <= m else 1.0 for t in true[true > 0]]))


def _recall_rows(at: int) -> dict[str, Metric]:
    return {
        f"text_recall@{at}": _share(
            f"text R@{at}", _is_search, partial(text_recall, at=at), partial(_recall_chance, at=at)
        ),
        f"image_recall@{at}": _share(
            f"image R@{at}",
            lambda truth: _is_search(truth.T),
            partial(image_recall, at=at),
            lambda truth: _recall_chance(truth.T, at),
        ),
    }


# The first row that applies to a category is the one its headline shows and its paired test is made on.
METRICS: dict[str, Metric] = {
    "group_score": _share("group", has_core, group_score, 1 / 6),
    "text_score": _share("text", has_core, text_score, 1 / 4),
    "image_score": _share("image", has_core, image_score, 1 / 4),
    "match_score": _share("match", has_core, match_score, 1 / 2),
    "text_2afc": _share("2AFC accuracy, text", has_core, text_2afc, 1 / 2),
    "image_2afc": _share("2AFC accuracy, image", has_core, image_2afc, 1 / 2),
    "hard_positive": _share("hard positive", has_hard_positives, hard_positive, 1 / 2),
    "hard_positive_both": _share("hard positive, both", has_hard_positives, hard_positive_both, 1 / 3),
    "text_choice": _share("choice of text", _is_choice, text_choice, partial(_recall_chance, at=1)),
    "image_choice": _share(
        "choice of image", lambda truth: _is_choice(truth.T), image_choice, lambda truth: _recall_chance(truth.T, 1)
    ),
    **_recall_rows(1),
    **_recall_rows(5),
    **_recall_rows(10),
    "matching_auc": Metric("matching AUC", _has_both, _measure_auc, lambda truth: 1 / 2),
}
