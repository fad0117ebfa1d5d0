"""What a benchmark by others is to us: where its files are, how they become items, how its authors count."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fourfold.evaluator.data.items import Item

# Per item its scores [k, m], higher is a better match; the values are fractions unless the name says otherwise.
AuthorsMetric = Callable[[Sequence[Item], Sequence[np.ndarray]], dict[str, float]]


@dataclass(frozen=True)
class Source:
    """The files of one benchmark on the user's disk."""

    path: Path  # the annotations: a file, or the folder that holds them
    images: Path  # the folder that no image name may leave
    look: bool = True  # False: captions only, nothing is asked of the images


@dataclass(frozen=True)
class Benchmark:
    """One row of the table: adding a benchmark is writing `load` and `metric` and naming them there."""

    title: str
    expects: str  # what PATH in "name:PATH" has to be
    load: Callable[[Source], Iterable[Item]]
    metric: AuthorsMetric
    notes: tuple[str, ...] = ()  # what a reader of the numbers must know


@dataclass(frozen=True)
class LoadedBenchmark:
    """The items that can be scored, and what to say beside every number computed from them."""

    items: tuple[Item, ...]
    name: str
    metric: AuthorsMetric | None  # None: a user's own questions have none beside ours
    missing: int  # items left out (of a retrieval set: images) because an image is not there
    notes: tuple[str, ...]
