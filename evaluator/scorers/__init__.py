"""Scoring methods: one file each, found by name in `SCORERS`."""

from collections.abc import Callable
from functools import partial

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.scorers.blind import load_blind
from fourfold.evaluator.scorers.cosine import load_cosine
from fourfold.evaluator.scorers.marginal import load_marginal
from fourfold.evaluator.scorers.maxsim import load_maxsim
from fourfold.evaluator.scorers.oracle import load_oracle
from fourfold.evaluator.scorers.patch_controls import average_patches, check_order, mirror_patches, shuffle_patches
from fourfold.evaluator.scorers.phrase_align import load_phrase_align
from fourfold.evaluator.scorers.random_scores import load_random
from fourfold.evaluator.scorers.shuffled_images import shuffle_images
from fourfold.evaluator.scorers.trained import HEADS, load_dcsm_ref, load_factored, load_trained
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.head_folders import split_seed

__all__ = ["SCORERS", "WRAPPERS", "FunctionScorer", "Scorer", "ScorerContext", "check_scorer", "load_scorer"]

WRAPPERS: dict[str, Callable[[Scorer, ScorerContext], Scorer]] = {
    "shuffled-images": shuffle_images,
    "patch-shuffle": shuffle_patches,
    "mean-patch": average_patches,
    "mirror": mirror_patches,
}

SCORERS: dict[str, Callable[[ScorerContext], Scorer]] = {
    "cosine": load_cosine,
    "maxsim": load_maxsim,
    **{name: partial(load_trained, name) for name in HEADS},
    "dcsm-ref": load_dcsm_ref,
    "factored": load_factored,
    "phrase-align": load_phrase_align,
    "marginal": load_marginal,
    "random": load_random,
    "blind": load_blind,
    "oracle": load_oracle,
    "shuffled-images": lambda context: shuffle_images(load_cosine(context), context),
}


def check_scorer(name: str) -> None:
    """Raise InputError for a name that `load_scorer` does not know: for callers with long work to do before it."""
    outer, _, inner = name.partition(":")
    if inner and outer in WRAPPERS:
        check_scorer(inner)
        check_order(outer, inner)
    elif name not in SCORERS and not _is_seed(name):
        raise unknown_name("scorer", name, [*SCORERS, *(f"{wrapper}:NAME" for wrapper in WRAPPERS)])


def load_scorer(name: str, context: ScorerContext) -> Scorer:
    """Make the scorer that a user named: a key of `SCORERS`, HEAD#SEED for the head of a training seed, or CONTROL:NAME
    for a control of `WRAPPERS` around NAME.

    Raises InputError for an unknown name, and for a scorer of patch tokens on a model that has none.
    """
    check_scorer(name)
    outer, _, inner = name.partition(":")
    if inner and outer in WRAPPERS:
        return WRAPPERS[outer](load_scorer(inner, context), context)
    head_type, _ = split_seed(name)
    if head_type in HEADS:  # before its head is looked for: there can be none
        _check_patches(name, HEADS[head_type].needs_patches, context)
    scorer = load_trained(name, context) if _is_seed(name) else SCORERS[name](context)
    _check_patches(name, scorer.needs_patches, context)
    return scorer


def _is_seed(name: str) -> bool:
    head_type, seed = split_seed(name)
    return seed is not None and head_type in HEADS


def _check_patches(name: str, needed: bool, context: ScorerContext) -> None:
    if needed and not context.encoder.has_patches:
        raise InputError(
            f"scorer {name!r} needs patch tokens and the model {context.encoder.name!r} has none; "
            "cosine, labclip and the controls work without them"
        )
