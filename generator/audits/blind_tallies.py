"""What is kept of a category while its clusters go by: sums for most solvers, a sample for those that are trained."""

import json
import os
from array import array
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from fourfold.generator.audits.blind_items import BlindItem, same_multiset
from fourfold.generator.audits.blind_solvers import (
    RULES,
    TEMPLATE_PRIOR,
    TRAINED,
    Preferences,
    TemplatePrior,
    at_position,
)

Judged = tuple[BlindItem, dict[str, float]]  # an item, and how likely each rule is right about it


@dataclass
class SolverTally:
    """How often one solver was right: sums over clusters from which accuracy and its uncertainty follow."""

    items: int = 0
    clusters: int = 0
    right: float = 0.0
    squares: float = 0.0  # of what each cluster adds to `right`
    products: float = 0.0  # of what it adds to `right` with its number of items
    sizes: int = 0  # squares of its number of items

    def add(self, rights: Sequence[float]) -> None:
        """Count one cluster: for each of its items the probability, 0..1, that the solver was right."""
        n, own = len(rights), sum(rights)
        self.items, self.clusters, self.right = self.items + n, self.clusters + 1, self.right + own
        self.squares, self.products, self.sizes = self.squares + own**2, self.products + own * n, self.sizes + n**2

    @property
    def accuracy(self) -> float:
        """Share of items that the solver was right about, 0..1."""
        return self.right / self.items

    @property
    def effective_size(self) -> float:
        """Number of independent items that would leave the same uncertainty; never more than there are items.

        Items of a cluster that are right or wrong together count for less. Where all items are right, or all wrong,
        nothing can be said of how they vary, and each cluster counts once.
        """
        accuracy = self.accuracy
        if accuracy in (0.0, 1.0) or self.clusters == 1:
            return float(self.clusters)
        scatter = self.squares - 2 * accuracy * self.products + accuracy**2 * self.sizes
        variance = scatter / self.items**2 * self.clusters / (self.clusters - 1)
        return self.items / max(1.0, variance / (accuracy * (1 - accuracy) / self.items))


class Part:
    """The tallies of one category, or of all together, while the clusters go by.

    Trained solvers see at most `most` clusters of it, drawn evenly; all of them if it is None. Those clusters wait in
    the file `spool`, since in memory they would take more room than all else. Several parts may share the file.
    """

    def __init__(self, most: int | None, spool: BinaryIO) -> None:
        self.alike = 0  # items whose options are all made of the same words
        self.chance = SolverTally()
        self._most, self._spool = most, spool
        self._sample = array("q")  # where the clusters begin in it
        self._positions: list[SolverTally] = []
        self._rules = {name: SolverTally() for name in RULES}
        self._templates, self._template_tally = TemplatePrior(), SolverTally()

    def add(self, judged: Sequence[Judged], rng: np.random.Generator) -> None:
        """Count the items of one cluster, each with what the rules make of it, as `judge` gives it."""
        items = [item for item, _ in judged]
        # Narrower items are a guess for an option that they do not have, those that came before as well.
        missing = max(len(item.options) for item in items) - len(self._positions)
        self._positions += [copy(self.chance) for _ in range(missing)]
        for position, tally in enumerate(self._positions):
            tally.add([share(at_position(position)(item.options), item.truth) for item in items])
        self.chance.add([len(item.truth) / len(item.options) for item in items])
        for name, tally in self._rules.items():
            tally.add([rights[name] for _, rights in judged])
        self._template_tally.add([share(self._templates.prefer(item), item.truth) for item in items])
        for item in items:
            self._templates.learn(item)
        self.alike += sum(map(same_multiset, items))
        self._keep(items, rng)

    def _keep(self, items: Sequence[BlindItem], rng: np.random.Generator) -> None:
        """Keep an even sample (Vitter's algorithm R): a later cluster takes the place of a random earlier one."""
        if self._most is None or len(self._sample) < self._most:
            self._sample.append(self._write(items))
        elif (place := int(rng.integers(self.chance.clusters))) < self._most:
            self._sample[place] = self._write(items)

    def _write(self, items: Sequence[BlindItem]) -> int:
        """Spool what solvers see of a cluster's items, and their truth; gives where it begins."""
        rows = [[item.id, item.cluster, item.options, item.truth, item.category, item.template] for item in items]
        begin = self._spool.seek(0, os.SEEK_END)
        self._spool.write(json.dumps(rows).encode() + b"\n")
        return begin

    def sample(self) -> list[list[BlindItem]]:
        """The clusters kept for trained solvers. Every cluster of the category is as likely as any other to be kept."""
        found = []
        for begin in self._sample:
            self._spool.seek(begin)
            rows = json.loads(self._spool.readline())
            found.append(
                [BlindItem(id, of, tuple(options), tuple(truth), *rest) for id, of, options, truth, *rest in rows]
            )
        return found

    def tallies(self, rng: np.random.Generator) -> dict[str, tuple[SolverTally, SolverTally]]:
        """For every solver its name, its tally, and the tally of chance on the same items.

        Trained solvers are trained here, on the clusters kept for them.
        """
        names = ["first", *(f"always option {number}" for number in range(1, len(self._positions)))]
        told = {**dict(zip(names, self._positions, strict=True)), **self._rules, TEMPLATE_PRIOR: self._template_tally}
        sample = self.sample()
        items, sizes = [item for cluster in sample for item in cluster], [len(cluster) for cluster in sample]
        chance = _tally([len(item.truth) / len(item.options) for item in items], sizes)
        trained = {
            name: (_tally(map(share, solver(items, rng), (item.truth for item in items)), sizes), chance)
            for name, solver in TRAINED.items()
        }
        return {name: (tally, self.chance) for name, tally in told.items()} | trained


def judge(item: BlindItem) -> Judged:
    """The item, and for each rule the probability, 0..1, that it is right about the item."""
    return item, {name: share(rule(item.options), item.truth) for name, rule in RULES.items()}


def share(preferences: Preferences, truth: Sequence[int]) -> float:
    """Probability, 0..1, that a solver's choice is true: the options that it prefers most share the choice equally."""
    best = max(preferences)
    chosen = [number for number, preference in enumerate(preferences) if preference == best]
    return sum(number in truth for number in chosen) / len(chosen)


def _tally(rights: Iterable[float], sizes: Sequence[int]) -> SolverTally:
    tally, left = SolverTally(), iter(rights)
    for size in sizes:
        tally.add([next(left) for _ in range(size)])
    return tally
