"""The strongest blind solver: a softmax regression on the n-grams of options, in sparse matrices."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.optimize
import scipy.sparse

from fourfold.generator.audits.blind_items import BlindItem, ngrams

_PENALTY = 1.0


def ngram_weights(items: Sequence[BlindItem], longest: int) -> tuple[dict[str, int], np.ndarray]:
    """Fit a softmax regression on the n-grams of options; returns the column of each n-gram, and the weights [n_grams].

    The weight of an n-gram is what it adds to the logit of an option's truth against the other options of its item.
    Only n-grams that occur in two clusters or more have one; an option has an n-gram or has it not. The cross-entropy
    over each item's options, with an L2 penalty on the weights, is minimised by L-BFGS. `longest` is 1 for words, 2 for
    pairs too.
    """
    codes: dict[str, int] = {}
    coded = cache(lambda option: _codes(option, longest, codes))  # both images of a group have the same options
    found = [coded(option) for item in items for option in item.options]
    sizes = [len(item.options) for item in items]
    grams, lengths = np.concatenate(found), np.array([len(own) for own in found])
    clusters = np.unique([item.cluster for item in items], return_inverse=True)[1]
    several = _in_several(grams, np.repeat(np.repeat(clusters, sizes), lengths), len(codes))
    columns = {gram: number for number, gram in enumerate(sorted(gram for gram in codes if several[codes[gram]]))}
    renamed = np.full(len(codes), -1, np.int32)
    renamed[[codes[gram] for gram in columns]] = np.arange(len(columns))
    features = _features(renamed[grams], lengths, len(columns))  # [n_options, n_grams]
    starts = np.cumsum([0, *sizes])
    target = np.zeros(starts[-1])  # [n_options]: an equal share for each true option
    for item, start in zip(items, starts, strict=False):
        target[start + np.array(item.truth)] = 1 / len(item.truth)
    return columns, _softmax_regression(features, target, starts)


def _codes(option: str, longest: int, codes: dict[str, int]) -> np.ndarray:
    """The distinct n-grams of an option as numbers, [n]; new ones get the next. As texts they would fill the memory."""
    return np.array(sorted({codes.setdefault(gram, len(codes)) for gram in ngrams(option, longest)}), np.int32)


def _in_several(grams: np.ndarray, clusters: np.ndarray, count: int) -> np.ndarray:
    """Whether each n-gram occurs in two clusters or more, [count], given all that occur and where."""
    lowest, highest = np.full(count, len(clusters)), np.full(count, -1)
    np.minimum.at(lowest, grams, clusters)
    np.maximum.at(highest, grams, clusters)
    return lowest < highest


def _features(columns: np.ndarray, lengths: np.ndarray, width: int) -> scipy.sparse.csr_matrix:
    """A row an option, a one at each of its columns; negative ones are left out."""
    kept = columns >= 0
    pointers = np.append(0, np.cumsum(kept))[np.append(0, np.cumsum(lengths))]
    found = scipy.sparse.csr_matrix((np.ones(kept.sum()), columns[kept], pointers), shape=(len(lengths), width))
    found.sort_indices()  # the order of sums, and so their last digits
    return found


def _softmax_regression(features: scipy.sparse.csr_matrix, target: np.ndarray, starts: np.ndarray) -> np.ndarray:
    sizes = np.diff(starts)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = features @ weights
        logits -= np.repeat(np.maximum.reduceat(logits, starts[:-1]), sizes)
        totals = np.repeat(np.add.reduceat(np.exp(logits), starts[:-1]), sizes)
        log_probabilities = logits - np.log(totals)
        gradient = features.T @ (np.exp(log_probabilities) - target) + _PENALTY * weights
        return float(-target @ log_probabilities + _PENALTY / 2 * weights @ weights), gradient

    start = np.zeros(features.shape[1])
    return np.asarray(scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x)
