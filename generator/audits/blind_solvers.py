"""Solvers that see the options of an item and never its picture. Whatever they get right above chance is a leak.

A solver gives every option of every item a preference; the options preferred most share the choice equally, so no tie
is broken by luck. Rules look at one item alone; the template prior learns from the clusters that came before; trained
solvers need items at hand and are cross-validated with whole clusters held out.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from fourfold.generator.audits.blind_items import BlindItem, ngrams, skeleton
from fourfold.generator.audits.blind_regression import ngram_weights

Preferences = Sequence[float]  # per option [m], higher is preferred
Rule = Callable[[tuple[str, ...]], Preferences]  # of an item's options
Trained = Callable[[Sequence[BlindItem], np.random.Generator], Sequence[Preferences]]

FOLDS = 5
MOST_TRAINING_ITEMS = 20_000  # more do not find smaller leaks that would matter, and cost minutes
TEMPLATE_PRIOR = "template prior"


def at_position(position: int) -> Rule:
    """The rule that always chooses the option at this position (from 0 on); items without one are left undecided."""
    return lambda options: [float(number == position) for number in range(len(options))]


def shorter(options: tuple[str, ...]) -> Preferences:
    """The rule that prefers the option with the fewest characters."""
    return [-len(option) for option in options]


def longer(options: tuple[str, ...]) -> Preferences:
    """The rule that prefers the option with the most characters."""
    return [len(option) for option in options]


@lru_cache(maxsize=16)  # asked for by two solvers, and for both images of a group
def voted(options: tuple[str, ...]) -> Preferences:
    """The rule that prefers the option whose words and word pairs occur most in the *other* options of its item.

    Wrong options that are made by changing one part of the true one each agree on what they leave alone, and so give it
    away. Two options cannot vote: each is in the other as much as the other in it.
    """
    if len(options) < 3:
        return [0.0] * len(options)
    grams = [set(ngrams(option, 2)) for option in options]
    counts = Counter(gram for own in grams for gram in own)
    # Rounded, so that equal shares of unequal lengths do not differ in the last bit.
    return [round(sum(counts[gram] - 1 for gram in own) / max(len(own), 1), 9) for own in grams]


def odd_one_out(options: tuple[str, ...]) -> Preferences:
    """The rule that prefers the option which shares the fewest words and word pairs with the others."""
    return [-votes for votes in voted(options)]


class TemplatePrior:
    """The solver that prefers the template which was true most often so far: solve a cluster, then learn it.

    A cluster is solved before it is learnt, so that no folds are needed and no item has to be kept. This is progressive
    validation (Blum, Kalai, Langford 1999, "Beating the hold-out").
    """

    def __init__(self) -> None:
        self.table: dict[tuple[str | None, str], tuple[float, int]] = defaultdict(lambda: (0.0, 0))  # (true, seen)
        self._true, self._seen = 0, 0

    @property
    def base(self) -> float:
        """The share of true options among all that were learnt, 0..1; one half before any was."""
        return self._true / self._seen if self._seen else 0.5

    def prefer(self, item: BlindItem) -> Preferences:
        """For each option the share of true ones among those of its template, 0..1.

        Where the template was seen rarely, the share is drawn towards the base rate, as if one option more had been
        seen.
        """
        counts = [self.table.get((item.template, skeleton(option)), (0.0, 0)) for option in item.options]
        return [(true + self.base) / (seen + 1) for true, seen in counts]

    def learn(self, item: BlindItem) -> None:
        """Count which options of an item are true, under their templates."""
        for number, option in enumerate(item.options):
            key = item.template, skeleton(option)
            true, seen = self.table[key]
            self.table[key] = true + (number in item.truth), seen + 1
        self._true, self._seen = self._true + len(item.truth), self._seen + len(item.options)


def bag_of_words(items: Sequence[BlindItem], rng: np.random.Generator) -> Sequence[Preferences]:
    """Logistic regression on which words an option has, cross-validated with whole clusters held out.

    Returns a preference for each option of each item, in the order of the items.
    """
    return _cross_validated(items, rng, lambda train: _fit_ngrams(train, 1))


def ngram_regression(items: Sequence[BlindItem], rng: np.random.Generator) -> Sequence[Preferences]:
    """Logistic regression on the words and word pairs of an option, its beginning and end included.

    Cross-validated with whole clusters held out; returns a preference for each option of each item, in order.
    """
    return _cross_validated(items, rng, lambda train: _fit_ngrams(train, 2))


RULES: dict[str, Rule] = {
    "shorter": shorter,
    "longer": longer,
    "option voting": voted,
    "odd one out": odd_one_out,
}
TRAINED: dict[str, Trained] = {"bag of words": bag_of_words, "n-gram regression": ngram_regression}

Fitted = Callable[[BlindItem], Preferences]


def _cross_validated(
    items: Sequence[BlindItem], rng: np.random.Generator, fit: Callable[[Sequence[BlindItem]], Fitted]
) -> Sequence[Preferences]:
    clusters = sorted({item.cluster for item in items})
    folds = dict(zip(clusters, rng.permutation(len(clusters)) % FOLDS, strict=True))
    preferences: list[Preferences] = [[0.0] * len(item.options) for item in items]
    for fold in range(FOLDS):
        train = [item for item in items if folds[item.cluster] != fold]
        if not train or len(train) == len(items):
            continue
        if len(train) > MOST_TRAINING_ITEMS:
            train = [train[int(number)] for number in rng.permutation(len(train))[:MOST_TRAINING_ITEMS]]
        fitted = fit(train)
        for number, item in enumerate(items):
            if folds[item.cluster] == fold:
                preferences[number] = fitted(item)
    return preferences


def _fit_ngrams(train: Sequence[BlindItem], longest: int) -> Fitted:
    columns, weights = ngram_weights(train, longest)

    def prefer(item: BlindItem) -> Preferences:
        grams = [sorted(set(ngrams(option, longest))) for option in item.options]
        return [round(float(sum(weights[columns[gram]] for gram in own if gram in columns)), 9) for own in grams]

    return prefer
