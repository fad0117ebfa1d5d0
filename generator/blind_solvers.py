"""Solvers that see the options of an item and never its picture. Whatever they get right above chance is a leak.

A solver gives every option of every item a preference; the options preferred most share the choice equally, so no tie
is broken by luck. Trained solvers are cross-validated with whole clusters held out.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from generator.blind_items import BlindItem, ngrams, skeleton
from generator.blind_regression import ngram_weights

Preferences = list[np.ndarray]  # per item [m] float, higher is preferred


Solver = Callable[[Sequence[BlindItem], np.random.Generator], Preferences]

FOLDS = 5
MOST_TRAINING_ITEMS = 20_000  # more do not find smaller leaks that would matter, and cost minutes


def at_position(position: int) -> Solver:
    """Always the same option; items with fewer options are left undecided."""

    def solve(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
        return [(np.arange(len(item.options)) == position).astype(float) for item in items]

    return solve


def shorter(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """The option with the fewest characters."""
    return [-np.array([len(option) for option in item.options], dtype=float) for item in items]


def longer(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """The option with the most characters."""
    return [-preference for preference in shorter(items, rng)]


def voted(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """The option whose words and word pairs occur most in the *other* options of the same item.

    Distractors made by changing one part each agree on what they leave alone. Two options cannot vote.
    """
    return [_votes(item) for item in items]


def odd_one_out(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """The option that shares least with the others."""
    return [-_votes(item) for item in items]


def _votes(item: BlindItem) -> np.ndarray:
    if len(item.options) < 3:
        return np.zeros(len(item.options))
    grams = [set(ngrams(option, 2)) for option in item.options]
    counts = Counter(gram for own in grams for gram in own)
    # Rounded, so that equal shares of unequal lengths do not differ in the last bit.
    return np.array([round(sum(counts[gram] - 1 for gram in own) / max(len(own), 1), 9) for own in grams])


def template_prior(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """The option whose template is true most often in other clusters."""
    return _cross_validated(items, rng, _fit_templates)


def bag_of_words(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """Logistic regression on which words an option has."""
    return _cross_validated(items, rng, lambda train: _fit_ngrams(train, 1))


def ngram_regression(items: Sequence[BlindItem], rng: np.random.Generator) -> Preferences:
    """Logistic regression on the words and word pairs of an option, its beginning and end included."""
    return _cross_validated(items, rng, lambda train: _fit_ngrams(train, 2))


SOLVERS: dict[str, Solver] = {
    "shorter": shorter,
    "longer": longer,
    "option voting": voted,
    "odd one out": odd_one_out,
    "template prior": template_prior,
    "bag of words": bag_of_words,
    "n-gram regression": ngram_regression,
}

Fitted = Callable[[BlindItem], np.ndarray]  # an item's preferences [m]


def _cross_validated(
    items: Sequence[BlindItem], rng: np.random.Generator, fit: Callable[[Sequence[BlindItem]], Fitted]
) -> Preferences:
    clusters = sorted({item.cluster for item in items})
    folds = dict(zip(clusters, rng.permutation(len(clusters)) % FOLDS, strict=True))
    preferences = [np.zeros(len(item.options)) for item in items]
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


def _fit_templates(train: Sequence[BlindItem]) -> Fitted:
    table = template_counts(train)
    base = sum(true for true, _ in table.values()) / sum(seen for _, seen in table.values())

    def prefer(item: BlindItem) -> np.ndarray:
        counts = [table.get((item.template, skeleton(option)), (0.0, 0)) for option in item.options]
        return np.array([(true + base) / (seen + 1) for true, seen in counts])

    return prefer


def template_counts(items: Iterable[BlindItem]) -> dict[tuple[str | None, str], tuple[float, int]]:
    """How often each (template, skeleton) was true, and how often it was seen."""
    table: dict[tuple[str | None, str], tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for item in items:
        for number, option in enumerate(item.options):
            key = item.template, skeleton(option)
            true, seen = table[key]
            table[key] = true + (number in item.truth), seen + 1
    return dict(table)


def _fit_ngrams(train: Sequence[BlindItem], longest: int) -> Fitted:
    columns, weights = ngram_weights(train, longest)

    def prefer(item: BlindItem) -> np.ndarray:
        grams = [set(ngrams(option, longest)) for option in item.options]
        return np.array([round(sum(weights[columns[gram]] for gram in own if gram in columns), 9) for own in grams])

    return prefer
