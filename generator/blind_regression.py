"""The strongest blind solver: a softmax regression on the n-grams of options, in sparse matrices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
import scipy.sparse

from generator.blind_items import BlindItem, ngrams

_PENALTY = 1.0


def ngram_weights(items: Sequence[BlindItem], longest: int) -> tuple[dict[str, int], np.ndarray]:
    """Weight of every n-gram that occurs in two clusters or more: the logit of an option's truth among its item's.

    Minimises the cross-entropy of a softmax over each item's options, with an L2 penalty, by L-BFGS.
    """
    grams = [[set(ngrams(option, longest)) for option in item.options] for item in items]
    clusters: dict[str, set[str]] = defaultdict(set)
    for item, options in zip(items, grams, strict=True):
        for gram in set().union(*options):
            clusters[gram].add(item.cluster)
    columns = {gram: number for number, gram in enumerate(sorted(gram for gram in clusters if len(clusters[gram]) > 1))}
    features = _features([own for options in grams for own in options], columns)  # [n_options, n_grams]
    starts = np.cumsum([0, *(len(item.options) for item in items)])
    target = np.zeros(starts[-1])  # [n_options]: an equal share for each true option
    for item, start in zip(items, starts, strict=False):
        target[start + np.array(item.truth)] = 1 / len(item.truth)
    return columns, _softmax_regression(features, target, starts)


def _features(options: Sequence[set[str]], columns: Mapping[str, int]) -> scipy.sparse.csr_matrix:
    found = [sorted(columns[gram] for gram in own if gram in columns) for own in options]
    pointers = np.cumsum([0, *map(len, found)])
    indices = np.array([column for own in found for column in own], dtype=np.int64)
    shape = len(options), len(columns)
    return scipy.sparse.csr_matrix((np.ones(len(indices)), indices, pointers), shape=shape)


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
