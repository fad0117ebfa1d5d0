"""How many bits two representations share about which picture goes with which caption: one probe for every stage.

A group has two pictures and two captions; which caption belongs to which picture is one bit. The probe scores a
picture and a caption by a bilinear form of their features, x' W y, and a pairing by the sum of its two scores minus
the sum of the other pairing's: a second difference, from which everything cancels that belongs to a picture or a
caption alone. It is therefore linear in dx (x) dy, the product of the differences of the two pictures and of the two
captions, and the kernel of two groups is the product of the kernels of their differences. W is fitted by kernel ridge
regression to +1 for the true pairing (swapping the names of the two pictures and of the two captions changes nothing,
so there is no intercept); margins are turned into probabilities by one scale, at least 0, fitted to the leave-one-out
margins of the training groups, which also choose the penalty. Where a side has several kinds of features, each pair of
kinds is weighted by how well it fits the training groups. All of this is done anew without each fold. Then

    bits = 1 + mean log2 sigmoid(scale * margin)        of groups that the probe has not seen,

a lower bound of the usable information (V-information; Xu et al., "A Theory of Usable Information under Computational
Constraints", ICLR 2020) of this family of probes: 1 is all, 0 nothing. It may come out below 0 by chance, like any
number that is measured out of sample.
"""

from collections.abc import Sequence

import numpy as np

PENALTIES = tuple(10.0**power for power in range(-4, 3))  # times the mean of the kernel's eigenvalues
SCALES = np.concatenate([[0.0], np.geomspace(0.05, 60, 48)])
SHARPNESS = 4  # power of the alignments: how much more the kinds of features count that fit best
FOLDS = 5


def kernel_of(differences: np.ndarray) -> np.ndarray:
    """Cosines [n, n] between the differences [n, f] of n groups, so that each group counts alike; 0 where one is 0."""
    gram = np.asarray(differences @ differences.T, np.float64)
    length = np.sqrt(np.diag(gram))
    least = 1e-6 * max(float(length.max(initial=0)), 1e-300)  # what is smaller is a rounding error
    unit = np.divide(1.0, length, out=np.zeros_like(length), where=length > least)
    return gram * unit[:, None] * unit


def make_folds(n: int, rng: np.random.Generator) -> np.ndarray:
    """Which fold each of n groups is held out with, [n] int, as even as can be."""
    return rng.permutation(np.arange(n) % FOLDS)


def half_turned(n: int, rng: np.random.Generator) -> np.ndarray:
    """Labels [n] for the control: +1 and -1 in random order, as many of either."""
    return rng.permutation(np.where(np.arange(n) % 2 == 0, 1.0, -1.0))


def held_out_bits(
    images: Sequence[np.ndarray], texts: Sequence[np.ndarray], folds: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Bits [n] of each group: 1 + log2 of the probability that a probe fitted without its fold gives the true pairing.

    `images` and `texts` are kernels [n, n] of the groups' differences, one for each kind of features. `folds` [n] int
    says which groups are held out together. `labels` [n] of +1 and -1 says, for the control, in which groups of the
    training folds the pairing is turned round; what is held out is judged by the truth.
    """
    n = len(folds)
    products = np.stack([one * other for one in images for other in texts])  # [k, n, n]
    squares = products**2
    labels = np.ones(n) if labels is None else labels
    bits = np.zeros(n)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        kernel = np.tensordot(_alignments(products, squares, train, labels[train]), products, 1)
        bits[test] = _fit_and_judge(kernel[train[:, None], train], kernel[test[:, None], train], labels[train])
    return bits


def _fit_and_judge(kernel: np.ndarray, between: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bits [m] of held-out groups, from the kernel [n, n] of the others and that between both [m, n]."""
    values, vectors = np.linalg.eigh(kernel)
    values = np.maximum(values, 0)
    level, turned, squares = max(float(values.mean()), 1e-12), vectors.T @ y, vectors**2
    best = (-np.inf, 0.0, np.zeros(len(y)))
    for penalty in PENALTIES:
        shrunk = 1 / (values + penalty * level)
        dual = vectors @ (shrunk * turned)
        left_out = y - dual / (squares @ shrunk)  # margins of each group in a fit without it
        scale, fit = calibrate(y * left_out)
        if fit > best[0]:
            best = (fit, scale, dual)
    _, scale, dual = best
    return bits_of(scale * (between @ dual))


def _alignments(products: np.ndarray, squares: np.ndarray, train: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights [k] of the kernels [k, n, n]: how far each finds those groups alike whose pairings are alike.

    `squares` are the kernels' squares. Kernel alignment (Cristianini et al., NIPS 2001) on the training groups, without
    the diagonal, to a power.
    """
    inside, like = np.zeros(products.shape[1]), np.zeros(products.shape[1])
    inside[train], like[train] = 1.0, y
    diagonals = np.diagonal(products, axis1=1, axis2=2)  # [k, n]
    agreement = (products @ like) @ like - diagonals @ inside
    sizes = (squares @ inside) @ inside - diagonals**2 @ inside
    found = np.maximum(agreement, 0) / np.sqrt(np.maximum(sizes, 1e-300))
    found = (found / max(float(found.max()), 1e-300)) ** SHARPNESS
    return found / found.sum() if found.sum() > 0 else np.full(len(found), 1 / len(found))


def cosine_bits(margins: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Bits [n] of scores that are not fitted, from the second differences [n] of their groups, under one scale.

    The scale, at least 0 (a score that is wrong on most groups knows nothing), is that of the other folds.
    """
    spread = float(np.abs(margins).mean()) or 1.0
    bits = np.zeros(len(margins))
    for fold in np.unique(folds):
        scale, _ = calibrate(margins[folds != fold] / spread)
        bits[folds == fold] = bits_of(scale * margins[folds == fold] / spread)
    return bits


def calibrate(margins: np.ndarray) -> tuple[float, float]:
    """The scale, at least 0, under which the margins [n] are most probable, and the mean bits under it."""
    mean = bits_of(SCALES[:, None] * margins).mean(axis=1)
    at = int(mean.argmax())
    return float(SCALES[at]), float(mean[at])


def bits_of(margins: np.ndarray) -> np.ndarray:
    """1 + log2 sigmoid of margins in logits, of any shape."""
    return 1 - np.logaddexp(0, -margins) / np.log(2)
