"""Names what a blind solver used, in words a benchmark's author can act on."""

from collections.abc import Callable, Sequence

import numpy as np

from fourfold.generator.audits.blind_items import BlindItem, ngrams
from fourfold.generator.audits.blind_regression import ngram_weights
from fourfold.generator.audits.blind_solvers import TEMPLATE_PRIOR, TemplatePrior

Describe = Callable[[Sequence[BlindItem]], str]


def describe(solver: str, items: Sequence[BlindItem]) -> str:
    """What gives the answers to these items away, for a solver of that name, in one line of words and numbers."""
    if solver in FEATURES:
        return FEATURES[solver](items)
    position = 0 if solver == "first" else int(solver.rsplit(" ", 1)[1])
    return (
        f"the true option is number {position} in {sum(position in item.truth for item in items)} of {len(items)} items"
    )


def _length(items: Sequence[BlindItem]) -> str:
    gap = float(np.mean([_mean_length(item, True) - _mean_length(item, False) for item in items]))
    return f"the true option is {abs(gap):.1f} characters {'shorter' if gap < 0 else 'longer'} on average"


def _mean_length(item: BlindItem, true: bool) -> float:
    return float(np.mean([len(option) for number, option in enumerate(item.options) if (number in item.truth) == true]))


def _template(items: Sequence[BlindItem]) -> str:
    prior = TemplatePrior()
    for item in items:
        prior.learn(item)
    base = prior.base
    # What a template adds: how many more or fewer of its options are true than of all options.
    (template, words), (true, seen) = max(prior.table.items(), key=lambda entry: abs(entry[1][0] - base * entry[1][1]))
    name = f"template {template!r}, " if template is not None else ""
    return f"{name}wording {words!r}: true in {true:.0f} of {seen} (all wordings: {base:.0%})"


def _ngram(longest: int) -> Describe:
    def name(items: Sequence[BlindItem]) -> str:
        columns, weights = ngram_weights(items, longest)
        balance = np.zeros((2, len(columns)))  # [false or true, n-gram]: options that have it
        for item in items:
            for number, option in enumerate(item.options):
                found = [columns[gram] for gram in set(ngrams(option, longest)) if gram in columns]
                balance[int(number in item.truth), found] += 1
        share = sum(len(item.truth) for item in items) / sum(len(item.options) for item in items)
        surplus = balance[1] - share * balance.sum(axis=0)
        best = np.argsort(-weights * surplus, kind="stable")[:3]
        grams = list(columns)
        told = [f"{grams[n]!r} in {balance[1, n]:.0f} true and {balance[0, n]:.0f} false options" for n in best]
        return "; ".join(told) or "no n-gram occurs twice"

    return name


FEATURES: dict[str, Describe] = {
    "shorter": _length,
    "longer": _length,
    "option voting": lambda items: "the true option shares most words with the false ones",
    "odd one out": lambda items: "the true option shares fewest words with the false ones",
    TEMPLATE_PRIOR: _template,
    "bag of words": _ngram(1),
    "n-gram regression": _ngram(2),
}
