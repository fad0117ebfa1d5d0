"""Scoring methods: one file each, found by name in `SCORERS`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.scorers.attention_pool import load_attention_pool
from fourfold.evaluator.scorers.blind import load_blind
from fourfold.evaluator.scorers.cosine import load_cosine
from fourfold.evaluator.scorers.crop_align import load_crop_align
from fourfold.evaluator.scorers.marginal import load_marginal
from fourfold.evaluator.scorers.maxsim import load_maxsim
from fourfold.evaluator.scorers.oracle import load_oracle
from fourfold.evaluator.scorers.own import OwnScorer, find_own
from fourfold.evaluator.scorers.patch_controls import average_patches, check_order, mirror_patches, shuffle_patches
from fourfold.evaluator.scorers.phrase_align import load_phrase_align
from fourfold.evaluator.scorers.random_scores import load_random
from fourfold.evaluator.scorers.shuffled_images import shuffle_images
from fourfold.evaluator.scorers.trained import HEADS, load_dcsm_ref, load_factored, load_trained
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.head_folders import split_seed

__all__ = [
    "SCORERS",
    "WRAPPERS",
    "FunctionScorer",
    "Scorer",
    "ScorerContext",
    "check_scorer",
    "inner_name",
    "load_scorer",
    "own_scorer",
]

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
    "attention-pool": load_attention_pool,
    "crop-align": load_crop_align,
    "marginal": load_marginal,
    "random": load_random,
    "blind": load_blind,
    "oracle": load_oracle,
    "shuffled-images": lambda context: shuffle_images(load_cosine(context), context),
}


def check_scorer(name: str, own: Mapping[str, Callable] | None = None) -> None:
    """Raise InputError for a name that `load_scorer` does not know: for callers with long work to do before it.

    `own` are the user's objects among the scorers, by name.
    """
    outer, inner = _split(name)
    if outer:
        check_scorer(inner, own)
        check_order(outer, inner)
    elif own and name in own:
        if name in SCORERS or name in WRAPPERS:
            raise InputError(f"scorers: {name!r} is the name of one of ours; give yours another __name__ (or name)")
    elif name not in SCORERS and not _is_seed(name) and own_scorer(name) is None:
        raise unknown_name("scorer", name, _choices())


def load_scorer(name: str, context: ScorerContext) -> Scorer:
    """Make the scorer that a user named: a key of `SCORERS`, HEAD#SEED for the head of a training seed, CONTROL:NAME
    for a control of `WRAPPERS` around NAME, an object of the user's own by its name, or `module:function` for one.

    Raises InputError for an unknown name, and for a scorer of patch tokens on a model that has none.
    """
    check_scorer(name, context.own)
    outer, inner = _split(name)
    if outer:
        return WRAPPERS[outer](load_scorer(inner, context), context)
    head_type, _ = split_seed(name)
    if head_type in HEADS:  # before its head is looked for: there can be none
        _check_patches(name, HEADS[head_type].needs_patches, context)
    if (own := own_scorer(name, context.own)) is not None:
        # Whoever does not say gets the patches where there are some.
        says = hasattr(own.given, "needs_patches")
        scorer: Scorer = own if says else replace(own, needs_patches=context.encoder.has_patches)
    else:
        scorer = load_trained(name, context) if _is_seed(name) else SCORERS[name](context)
    _check_patches(name, scorer.needs_patches, context)
    return scorer


def own_scorer(name: str, own: Mapping[str, Callable] | None = None) -> OwnScorer | None:
    """The user's scorer that a name stands for, whatever controls stand around it; None for ours and for none.

    Raises InputError for a `module:function` that is not there, or is no scorer.
    """
    inner = inner_name(name)
    try:
        return None if inner.partition(":")[0] in SCORERS else find_own(inner, own or {})
    except InputError as error:
        raise InputError(f"{error}; scorers are {', '.join(_choices())}") from error


def inner_name(name: str) -> str:
    """A scorer's name without the controls around it: dcsm of mirror:dcsm."""
    outer, inner = _split(name)
    return inner_name(inner) if outer else name


def _split(name: str) -> tuple[str, str]:
    """The control that stands first in a name and what it is put around; "" and the whole name without one."""
    outer, _, inner = name.partition(":")
    return (outer, inner) if inner and outer in WRAPPERS else ("", name)


def _choices() -> list[str]:
    return [*SCORERS, *(f"{wrapper}:NAME" for wrapper in WRAPPERS), "module:function"]


def _is_seed(name: str) -> bool:
    head_type, seed = split_seed(name)
    return seed is not None and head_type in HEADS


def _check_patches(name: str, needed: bool, context: ScorerContext) -> None:
    if needed and not context.encoder.has_patches:
        raise InputError(
            f"scorer {name!r} needs patch tokens and the model {context.encoder.name!r} has none; "
            "cosine, labclip and the controls work without them"
        )
