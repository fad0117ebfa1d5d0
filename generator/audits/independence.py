"""Audits the picture side: is attribute independent of position, of identity, of split? Tested on rows of objects."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np
import scipy.special

from fourfold.errors import InputError
from fourfold.generator.audits.blind_audit import CONFIDENCE
from fourfold.statistics import holm

HARMLESS = 0.05  # Cramer's V: of two even values a guess is right in 52.5 % instead of 50; many objects make it certain
_BINS = 3  # a measured column (position, size in pixels) is cut at its terciles
_FEWEST_EXPECTED = 5.0  # below, the chi-square distribution is no guide and the columns are permuted instead
_PERMUTATIONS = 4999
_MOST_VALUES = 60_000  # of a column, so that a float32 tells them apart; far more than any test could
MOST_IMAGES = 50_000  # kept of each split, or other stratum
_TOGETHER = 2_000  # images whose objects are counted at a time

ObjectRow = Mapping[str, object]


@dataclass(frozen=True)
class IndependenceResult:
    """Whether two columns of the table of objects tell something about each other."""

    columns: tuple[str, str]
    n: int  # objects counted
    statistic: float  # G = 2 sum observed log(observed / expected)
    strength: float  # Cramer's V, corrected for chance: 0 independent, 1 one determines the other
    p: float  # corrected (Holm) for all pairs of columns
    leaks: bool  # certain, and strong enough to be of use to who guesses
    slight: bool  # certain, but with less than HARMLESS strength
    feature: str  # the pair of values furthest from what independence expects; empty where nothing is certain


@dataclass
class _Column:
    """What stands for the values of one column of the objects: numbers of names, or measures as they are."""

    measured: bool | None = None  # None before the first value
    codes: dict[str, int] = field(default_factory=dict)

    def encode(self, value: Any) -> float:
        if self.measured is None:
            self.measured = isinstance(value, float)
        if self.measured:
            return float(value)
        if isinstance(value, float):
            raise InputError(
                f"audit: the measure {value!r} in a column of objects that began with the name "
                f"{next(iter(self.codes))!r}; give floats, or text, throughout"
            )
        if len(self.codes) > _MOST_VALUES:
            raise InputError(f"audit: over {_MOST_VALUES} different values in one column of objects, as {value!r}")
        return self.codes.setdefault(str(value), len(self.codes))

    def coded(self, values: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Numbers 0, 1, ... for encoded values, and what each stands for; measures are cut into terciles."""
        if not self.measured:
            return values.astype(np.int32), list(self.codes)
        cuts = np.quantile(values, np.arange(1, _BINS) / _BINS)
        names = [f"{low:.3g}..{high:.3g}" for low, high in pairwise([-np.inf, *cuts, np.inf])]
        return np.searchsorted(cuts, values, side="right").astype(np.int32), names


class ObjectTable:
    """The columns of objects that are tested for independence, in memory that does not grow with their number.

    The images of a cluster show the same objects but for one edit, so one image of each cluster is drawn at random and
    the others are passed over. Of each stratum (a split, say) at most MOST_IMAGES are kept, drawn evenly (Vitter,
    "Random sampling with a reservoir", 1985, algorithm R): so many settle whether a dependence is HARMLESS, for at that
    strength the chi-square of two by two values is 125 already. Where there are fewer, all of them are kept.
    """

    def __init__(self, columns: Sequence[str], image: str = "image") -> None:
        self.columns = {name: _Column() for name in columns}
        self._image = image
        self._met: Counter[str] = Counter()  # clusters of each stratum
        self._kept: dict[str, list[bytes]] = {}  # images of each stratum: float32 [n_objects, n_columns]

    @property
    def sampled(self) -> dict[str, tuple[int, int]]:
        """For each stratum of which not all is kept: images kept, and clusters met."""
        return {name: (len(kept), met) for name, met in self._met.items() if len(kept := self._kept[name]) < met}

    @property
    def varied(self) -> list[str]:
        """The names of the columns that do not hold the same value for all objects kept."""
        values, _ = self.values()
        return [name for name, column in zip(self.columns, values.T, strict=True) if (column != column[:1]).any()]

    def add(self, rows: Iterable[ObjectRow], rng: np.random.Generator, stratum: str = "") -> None:
        """Count the objects of one cluster: those of one of its images, drawn by `rng`.

        Raises InputError for a column that holds numbers in some rows and names in others.
        """
        images: dict[object, list[ObjectRow]] = {}
        for row in rows:
            images.setdefault(row[self._image], []).append(row)
        if not images:
            return
        drawn = list(images.values())[int(rng.integers(len(images)))]
        self._met[stratum] += 1
        kept = self._kept.setdefault(stratum, [])
        if len(kept) < MOST_IMAGES:
            kept.append(self._encode(drawn))
        elif (place := int(rng.integers(self._met[stratum]))) < MOST_IMAGES:
            kept[place] = self._encode(drawn)

    def _encode(self, rows: Sequence[ObjectRow]) -> bytes:
        return np.array(
            [[column.encode(row[name]) for name, column in self.columns.items()] for row in rows], np.float32
        ).tobytes()

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """The encoded objects kept, float32 [n_objects, n_columns], and the number of each one's image [n_objects]."""
        images = list(chain.from_iterable(self._kept.values()))
        values = np.frombuffer(b"".join(images), np.float32).reshape(-1, len(self.columns))
        sizes = [len(image) // values.itemsize // len(self.columns) for image in images]
        return values, np.repeat(np.arange(len(images)), sizes)


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

    One image of each cluster is drawn by `rng`. Raises InputError if a row lacks a column.
    """
    clusters: dict[object, list[ObjectRow]] = {}
    for number, row in enumerate(rows):
        if lacking := [name for name in (*columns, cluster, image) if name not in row]:
            raise InputError(
                f"audit: object row {number} has no {', '.join(lacking)}; it has {', '.join(map(str, row))}"
            )
        clusters.setdefault(row[cluster], []).append(row)
    table = ObjectTable(columns, image)
    for own in clusters.values():
        table.add(own, rng)
    return audit_objects(table, rng, columns=columns, meant=meant)


def audit_objects(
    table: ObjectTable, rng: np.random.Generator, *, columns: Sequence[str], meant: Collection[frozenset[str]] = ()
) -> tuple[IndependenceResult, ...]:
    """Test every pair of `columns` for independence, but for the pairs in `meant`.

    Within an image, equal pairs of values count once: five red mugs would otherwise be five witnesses of one choice.
    Against a column that is the same all over an image, such as its split, one object of each image is drawn instead:
    counting once what is there twice would take an image of many objects for one of rare values. A column of floats is
    cut into terciles.

    The strength of a dependence on the split is measured as if all splits were equally large: a small split that lacks
    a color is another world for who tests on it, however few its objects are. Raises InputError if there is no object.
    """
    values, images = table.values()
    if not images.size:
        raise InputError("audit: no object rows; nothing to audit")
    pairs = [pair for pair in combinations(columns, 2) if frozenset(pair) not in set(meant)]
    each = dict(zip(table.columns, values.T, strict=True))
    coded = {name: table.columns[name].coded(each[name]) for name in columns}
    tested = [_test(pair, images, coded[pair[0]], coded[pair[1]], rng) for pair in pairs]
    corrected = holm([result.p for result in tested])
    return tuple(_judged(result, float(p)) for result, p in zip(tested, corrected, strict=True))


def _test(
    pair: tuple[str, str],
    images: np.ndarray,
    first: tuple[np.ndarray, list[str]],
    second: tuple[np.ndarray, list[str]],
    rng: np.random.Generator,
) -> IndependenceResult:
    shape = len(first[1]), len(second[1])
    observed = _observed(images, first[0], second[0], shape, rng)
    expected = _expected(observed)
    statistic = _g(observed, expected)
    used = expected[expected > 0]
    if not used.size or used.min() >= _FEWEST_EXPECTED:
        p = float(scipy.special.chdtrc(_freedom(observed), statistic)) if _freedom(observed) else 1.0
    else:
        p = _p_by_permutation(observed, expected, statistic, rng)
    return IndependenceResult(
        pair,
        int(observed.sum()),
        statistic,
        _cramer(_evened(observed, pair.index("split")) if "split" in pair else observed),
        p,
        False,
        False,
        _furthest(pair, first, second, observed, expected),
    )


def _p_by_permutation(observed: np.ndarray, expected: np.ndarray, statistic: float, rng: np.random.Generator) -> float:
    """How often one column in random order gives as much: drawn as tables of the same margins, quick for any number."""
    from scipy.stats import random_table  # a second to import, and seldom needed

    tables = random_table(observed.sum(axis=1).astype(int), observed.sum(axis=0).astype(int))
    drawn = [_g(tables.rvs(random_state=rng), expected) for _ in range(_PERMUTATIONS)]
    return (1 + sum(value >= statistic - 1e-9 for value in drawn)) / (_PERMUTATIONS + 1)


def _observed(
    images: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """How often each pair of values is counted, [x, y]: once an image, or where a column is the same all over it, for
    one of its objects.

    `images` counts up: the objects of an image stand together.
    """
    new = np.diff(images, prepend=-1) > 0
    starts = np.append(np.flatnonzero(new), len(images))
    if any((new[1:] | (values[1:] == values[:-1])).all() for values in (x, y)):
        drawn = rng.integers(starts[:-1], starts[1:])
        return _table(x[drawn], y[drawn], shape)
    observed, pairs = np.zeros(shape), shape[0] * shape[1]
    for first in range(0, len(starts) - 1, _TOGETHER):
        block = slice(starts[first], starts[min(first + _TOGETHER, len(starts) - 1)])
        found = np.unique(images[block].astype(np.int64) * pairs + x[block] * shape[1] + y[block]) % pairs
        observed += _table(found // shape[1], found % shape[1], shape)
    return observed


def _expected(observed: np.ndarray) -> np.ndarray:
    return observed.sum(axis=1, keepdims=True) * observed.sum(axis=0, keepdims=True) / observed.sum()


def _evened(observed: np.ndarray, axis: int) -> np.ndarray:
    """The table with the values of one axis equally frequent, each as much as the rarest."""
    sums = observed.sum(axis=1 - axis, keepdims=True)
    return observed * np.divide(sums[sums > 0].min(), sums, out=np.zeros_like(sums), where=sums > 0)


def _table(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(x * shape[1] + y, minlength=shape[0] * shape[1]).reshape(shape).astype(float)


def _g(observed: np.ndarray, expected: np.ndarray) -> float:
    return float(2 * scipy.special.xlogy(observed, observed / np.where(expected > 0, expected, 1.0)).sum())


def _freedom(observed: np.ndarray) -> int:
    return int((observed.any(axis=1).sum() - 1) * (observed.any(axis=0).sum() - 1))


def _cramer(observed: np.ndarray) -> float:
    """Cramer's V without what chance adds to it, which in a table of many values is most of it.

    Source: Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", 2013.
    """
    n, expected = observed.sum(), _expected(observed)
    sides = np.array([observed.any(axis=1).sum(), observed.any(axis=0).sum()])
    corrected = sides - (sides - 1) ** 2 / max(n - 1, 1)
    if corrected.min() <= 1:
        return 0.0
    chi_square = ((observed - expected) ** 2 / np.where(expected > 0, expected, 1.0)).sum()
    by_chance = np.prod(sides - 1) / (n - 1)
    return float(np.sqrt(max(chi_square / n - by_chance, 0.0) / (corrected.min() - 1)))


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
    certain = p < 1 - CONFIDENCE
    leaks = certain and result.strength >= HARMLESS
    return replace(result, p=p, leaks=leaks, slight=certain and not leaks, feature=result.feature if certain else "")
