"""Audits the picture side: is attribute independent of position, of identity, of split? Tested on rows of objects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import scipy.special

from generator.audits import CONFIDENCE, holm
from scenes.errors import InputError

_BINS = 3  # a measured column (position, size in pixels) is cut at its terciles
_FEWEST_EXPECTED = 5.0  # below, the chi-square distribution is no guide and the columns are permuted instead
_PERMUTATIONS = 4999

ObjectRow = Mapping[str, object]


@dataclass(frozen=True)
class IndependenceResult:
    """Whether two columns of the object table tell something about each other."""

    columns: tuple[str, str]
    n: int  # objects counted
    statistic: float  # G = 2 sum observed log(observed / expected)
    strength: float  # Cramer's V: 0 independent, 1 one determines the other
    p: float  # corrected (Holm) for all pairs of columns
    leaks: bool
    feature: str  # the pair of values furthest from what independence expects


def audit_independence(
    rows: Sequence[ObjectRow],
    rng: np.random.Generator,
    *,
    columns: Sequence[str],
    cluster: str = "group",
    image: str = "image",
    meant: Collection[frozenset[str]] = (),
) -> tuple[IndependenceResult, ...]:
    """Test every pair of `columns` over object rows; a pair in `meant` may depend (a hold-out, say) and is left out.

    The images of a cluster show the same objects but for one edit, so one image of each, drawn by `rng`, is counted;
    and within an image equal pairs of values count once, or five red mugs would be five witnesses of one choice.
    Against a column that is the same all over an image, such as its split, one object of each image is drawn instead:
    counting once what is there twice would take an image of many objects for one of rare values.
    A column of floats is cut into terciles. Raises InputError if a row lacks a column.
    """
    needed = [*columns, cluster, image]
    for number, row in enumerate(rows):
        if lacking := [name for name in needed if name not in row]:
            raise InputError(
                f"audit: object row {number} has no {', '.join(lacking)}; it has {', '.join(map(str, row))}"
            )
    if not rows:
        raise InputError("audit: no object rows; nothing to audit")
    drawn = _one_image_each(rows, rng, cluster, image)
    images = _codes([row[image] for row in drawn])[0]
    coded = {name: _codes([row[name] for row in drawn]) for name in columns}
    pairs = [pair for pair in combinations(columns, 2) if frozenset(pair) not in set(meant)]
    tested = [_test(pair, images, coded[pair[0]], coded[pair[1]], rng) for pair in pairs]
    corrected = holm([result.p for result in tested])
    return tuple(_judged(result, float(p)) for result, p in zip(tested, corrected, strict=True))


def _one_image_each(rows: Sequence[ObjectRow], rng: np.random.Generator, cluster: str, image: str) -> list[ObjectRow]:
    images: dict[object, list[object]] = {}
    for row in rows:
        seen = images.setdefault(row[cluster], [])
        if row[image] not in seen:
            seen.append(row[image])
    chosen = {name: seen[int(rng.integers(len(seen)))] for name, seen in images.items()}
    return [row for row in rows if row[image] == chosen[row[cluster]]]


def _codes(values: Sequence[object]) -> tuple[np.ndarray, list[str]]:
    """Values as numbers 0, 1, ... and what each number stands for."""
    if any(isinstance(value, float) for value in values):
        numbers = np.array(values, dtype=float)
        cuts = np.quantile(numbers, np.arange(1, _BINS) / _BINS)
        edges = [-np.inf, *cuts, np.inf]
        names = [f"{low:.3g}..{high:.3g}" for low, high in pairwise(edges)]
        return np.searchsorted(cuts, numbers, side="right"), names
    found, codes = np.unique([str(value) for value in values], return_inverse=True)
    return codes, [str(name) for name in found]


def _test(
    pair: tuple[str, str],
    images: np.ndarray,
    first: tuple[np.ndarray, list[str]],
    second: tuple[np.ndarray, list[str]],
    rng: np.random.Generator,
) -> IndependenceResult:
    found = np.stack([images, first[0], second[0]], axis=1)  # [objects, 3]
    if any(len(np.unique(found[:, [0, column]], axis=0)) == len(np.unique(images)) for column in (1, 2)):
        found = rng.permutation(found)
        counted = found[np.unique(found[:, 0], return_index=True)[1]]  # the first of each image, now a random one
    else:
        counted = np.unique(found, axis=0)
    x, y = counted[:, 1], counted[:, 2]
    shape = len(first[1]), len(second[1])
    observed = _table(x, y, shape)
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0, keepdims=True) / len(x)
    statistic = _g(observed, expected)
    used = expected[expected > 0]
    if not used.size or used.min() >= _FEWEST_EXPECTED:
        p = float(scipy.special.chdtrc(_freedom(observed), statistic)) if _freedom(observed) else 1.0
    else:
        drawn = [_g(_table(x, rng.permutation(y), shape), expected) for _ in range(_PERMUTATIONS)]
        p = (1 + sum(value >= statistic - 1e-9 for value in drawn)) / (_PERMUTATIONS + 1)
    return IndependenceResult(
        pair,
        len(x),
        statistic,
        _cramer(observed, expected),
        p,
        False,
        _furthest(pair, first, second, observed, expected),
    )


def _table(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(x * shape[1] + y, minlength=shape[0] * shape[1]).reshape(shape).astype(float)


def _g(observed: np.ndarray, expected: np.ndarray) -> float:
    return float(2 * scipy.special.xlogy(observed, observed / np.where(expected > 0, expected, 1.0)).sum())


def _freedom(observed: np.ndarray) -> int:
    return int((observed.any(axis=1).sum() - 1) * (observed.any(axis=0).sum() - 1))


def _cramer(observed: np.ndarray, expected: np.ndarray) -> float:
    smaller = min(observed.any(axis=1).sum(), observed.any(axis=0).sum()) - 1
    if smaller == 0:
        return 0.0
    chi_square = ((observed - expected) ** 2 / np.where(expected > 0, expected, 1.0)).sum()
    return float(np.sqrt(chi_square / (observed.sum() * smaller)))


def _furthest(
    pair: tuple[str, str],
    first: tuple[np.ndarray, list[str]],
    second: tuple[np.ndarray, list[str]],
    observed: np.ndarray,
    expected: np.ndarray,
) -> str:
    surprise = np.abs(observed - expected) / np.sqrt(np.where(expected > 0, expected, 1.0))
    i, j = np.unravel_index(int(surprise.argmax()), surprise.shape)
    values = f"{pair[0]} {first[1][i]} with {pair[1]} {second[1][j]}"
    return f"{values}: {observed[i, j]:.0f} objects where independence expects {expected[i, j]:.1f}"


def _judged(result: IndependenceResult, p: float) -> IndependenceResult:
    leaks = p < 1 - CONFIDENCE
    return replace(result, p=p, leaks=leaks, feature=result.feature if leaks else "")
