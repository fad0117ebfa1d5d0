"""What a split keeps to itself: objects and numbers of objects that no other split shows, words that no other says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fourfold.generator.recipe.recipe import Recipe, Split, Vocabulary, named_values, wanted_objects
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.claims import Claim
from fourfold.scenes.truth.descriptions import Description


@dataclass(frozen=True)
class HoldOuts:
    """What every group of a split has to hold, and what none of it may show or say."""

    wanted: tuple[Description, ...] = ()  # objects, one of them in every group
    unwanted: tuple[Description, ...] = ()  # objects that no scene holds and no caption speaks of
    numbers: tuple[int, int] | None = None  # least and most objects in a scene, without exception
    synonyms: bool = False  # every caption names a kind that has a synonym


def make_hold_outs(recipe: Recipe, split: Split) -> HoldOuts:
    """The hold-outs of one split: the objects that it wants, and those that are kept for other splits."""
    wanted = wanted_objects(recipe, split)
    unwanted = tuple(each for each in recipe.held_out if each not in wanted)
    return HoldOuts(wanted, unwanted, split.objects, split.synonyms == "always")


def allowed_words(vocabulary: Vocabulary, hold_outs: HoldOuts) -> Vocabulary:
    """The vocabulary without the values that are held out by themselves: a kind, or a color of all kinds.

    Held-out combinations leave their parts in the vocabulary.
    """
    taken: dict[str, set[str]] = {}
    for description in hold_outs.unwanted:
        named = named_values(description)
        if len(named) == 1:
            [(name, word)] = named.items()
            taken.setdefault(name, set()).add(word)
    left = {
        f"{name}s": tuple(word for word in getattr(vocabulary, f"{name}s") if word not in words)
        for name, words in taken.items()
    }
    return replace(vocabulary, **left)


def is_held_out(recipe: Recipe, split: Split) -> bool:
    """Whether the split shows or says what an ordinary one does not: objects that are held out, numbers of objects
    outside `scene.objects`, held-out words, or a synonym in every caption.
    """
    numbers = set(range(*_span(split.objects or recipe.scene.objects))) - set(range(*_span(recipe.scene.objects)))
    words = (split.templates, split.phrases) != ("ordinary", "ordinary")
    return bool(wanted_objects(recipe, split) or numbers or words or split.synonyms == "always")


def _span(numbers: tuple[int, int]) -> tuple[int, int]:
    return numbers[0], numbers[1] + 1


def keeps(
    hold_outs: HoldOuts, layouts: Sequence[Layout], claims: Sequence[Claim], hard_positives: Sequence[Claim] = ()
) -> bool:
    """Whether scenes and captions are fit for a split with these hold-outs.

    They hold a wanted object if there are any, no unwanted one (one that is mostly hidden counts as shown), and the
    right number of objects; no caption, hard positives included, names an unwanted object, be it to deny it; and every
    claim names a kind with a synonym where synonyms are asked for.
    """
    things = [thing for layout in layouts for thing in layout.objects]
    if hold_outs.wanted and not any(_matches(hold_outs.wanted, thing) for thing in things):
        return False
    if any(_matches(hold_outs.unwanted, thing) for thing in things):
        return False
    said = [each for claim in (*claims, *hard_positives) for each in descriptions(claim)]
    if any(names(held, each) for held in hold_outs.unwanted for each in said):
        return False
    if hold_outs.numbers is not None:
        low, high = hold_outs.numbers
        if not all(low <= len(layout.objects) <= high for layout in layouts):
            return False
    return not hold_outs.synonyms or all(map(_has_synonym, claims))


def descriptions(claim: Any) -> Iterator[Description]:
    """Every description in a claim, however deep, from left to right."""
    if isinstance(claim, Description):
        yield claim
    elif hasattr(claim, "__dataclass_fields__"):
        for value in vars(claim).values():
            yield from descriptions(value)


def names(held: Description, said: Description) -> bool:
    """Whether the words for `said` name everything that `held` is held out by, be it to deny it."""
    words = {name: {getattr(said, name)} for name in ("shape", *TABLES)}
    if said.excluded is not None:
        words[said.excluded[0]].add(said.excluded[1])
    return all(value in words[name] for name, value in named_values(held).items())


def _matches(held: tuple[Description, ...], thing: Any) -> bool:
    return any(description.matches(thing) is not False for description in held)


def _has_synonym(claim: Claim) -> bool:
    return any(said.shape is not None and KINDS[said.shape].synonyms for said in descriptions(claim))
