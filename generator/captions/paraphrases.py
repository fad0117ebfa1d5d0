"""Hard positives of edition 2: which of them are paraphrases of their captions, and which are only true with them.

A synonym may be narrower than its kind, or wider: a mug is drawn as a coffee mug, so that both words are true of the
picture, but "no coffee mug" says less than "no mug". Phrases of one relation may say more or less too: what is above a
thing is higher, and what is higher need not be above.
"""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from typing import Any

from fourfold.generator.captions.phrases import RELATION_PHRASES, WEAKER_PHRASES
from fourfold.generator.captions.wording import Wording, kind_name
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import Absent, Claim, Not, Related
from fourfold.scenes.truth.descriptions import Description

PARAPHRASE = "paraphrase"  # it says the same
IMPLIED = "implied"  # it says something else, which in our scenes is true where the caption is


def denies(claim: Claim) -> bool:
    """Whether the claim says of something that it is not so, at any depth."""
    parts = _parts(claim)
    return any(isinstance(part, Absent | Not) or getattr(part, "excluded", None) is not None for part in parts)


def without_implications(claims: tuple[Claim, ...], wordings: tuple[Wording, Wording]) -> tuple[Wording, Wording]:
    """The wordings of a group's captions and of its hard positives, so that under negation these are paraphrases.

    Where one of the claims denies something, hard positives call kinds by exact synonyms alone, unless the captions say
    synonyms too, and by no phrase that says more or less of a relation than that of the captions.
    """
    first, second = wordings
    if not any(map(denies, claims)):
        return wordings
    if not first.synonym:
        second = replace(second, synonym=-abs(second.synonym))
    relations = {part.relation for claim in claims for part in _parts(claim) if isinstance(part, Related)}
    if any(_is_weaker(name, first) != _is_weaker(name, second) for name in relations):
        second = replace(second, phrase=first.phrase)
    return first, second


def meaning(claim: Claim, wording: Wording, hard_positive: Claim, other: Wording) -> str:
    """PARAPHRASE or IMPLIED: what a hard positive, in its wording, is to a caption with another claim and wording.

    Categories see to it that the two claims mean the same; what may differ is what words say.
    """
    kinds = {shape for each in (claim, hard_positive) for shape in _kinds(each)}
    if not all(_says_the_same(shape, wording.synonym, other.synonym) for shape in kinds):
        return IMPLIED
    weak = {_is_weaker(name, wording) for name in _relations(claim)}
    return PARAPHRASE if weak == {_is_weaker(name, other) for name in _relations(hard_positive)} else IMPLIED


def _says_the_same(shape: str, synonym: int, other: int) -> bool:
    words = {kind_name(shape, False, k) for k in (synonym, other)}
    return len(words) == 1 or words <= {KINDS[shape].name, *KINDS[shape].exact_synonyms}


def _relations(claim: Claim) -> set[str]:
    """The relations that the words for a claim name: of one that denies a relation, not the converse that it claims."""
    denied = {
        part.claim.relation for part in _parts(claim) if isinstance(part, Not) and isinstance(part.claim, Related)
    }
    return denied or {part.relation for part in _parts(claim) if isinstance(part, Related)}


def _is_weaker(relation: str, wording: Wording) -> bool:
    phrases = RELATION_PHRASES[relation]
    return phrases[wording.phrase % len(phrases)] in WEAKER_PHRASES


def _kinds(claim: Claim) -> Iterator[str]:
    for part in _parts(claim):
        if isinstance(part, Description):
            yield from [part.shape] if part.shape else []
            yield from [part.excluded[1]] if part.excluded and part.excluded[0] == "shape" else []


def _parts(claim: Any) -> Iterator[Any]:
    """The claim, the claims in it and their descriptions."""
    yield claim
    for value in vars(claim).values():
        if is_dataclass(value):
            yield from _parts(value)
