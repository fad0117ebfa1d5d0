"""The attribute words that decide a group, and whether the pictures show them: red shows, metal on a flat face may not.

A word decides if a claim of the group would have another truth of a picture were an object's color, size, material or
pattern another one. Then the picture must look different with that other one, or nobody could answer.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fourfold.generator.recipe.recipe import Vocabulary
from fourfold.scenes.model.edits import replace_attribute
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.model.vocabulary import TABLES
from fourfold.scenes.render.rendering import Renderer, Rendering
from fourfold.scenes.truth.changed_pixels import changed_share
from fourfold.scenes.truth.claims import Claim

CHECKED_SINCE = 2  # edition of the recipe
COLUMN = "deciding"  # of rows since that edition
_CARRIED = {"color": "rgb", "size": "scale"}  # what else of an object changes with the attribute


@dataclass(frozen=True)
class DecidingWord:
    """An attribute of an object in one picture, and another value that would change what is true of the picture."""

    picture: int  # 0 for image a, 1 for b
    number: int  # of the object in its layout, from 0 on
    attribute: str  # a key of TABLES
    value: str


def deciding_words(
    claims: Sequence[Claim], layouts: Sequence[Layout], vocabulary: Vocabulary
) -> tuple[DecidingWord, ...]:
    """Every word that decides a group, in the order of pictures, objects, attributes and values.

    The other values of an object are those that claims name for the attribute and those of other objects of either
    picture; where these are none, all of the vocabulary. Of attributes that no claim names none is tried. Layouts need
    their measured visible fractions.
    """
    claims = tuple(dict.fromkeys(claims))
    said = {text for claim in claims for text in _texts(claim)}
    named = {name: said & set(table) for name, table in TABLES.items() if name in said or said & set(table)}
    words = []
    for picture, layout in enumerate(layouts):
        truth = [claim.holds(layout) for claim in claims]
        for word in _words(picture, named, layouts, vocabulary):
            if [claim.holds(_reworded(layout, word)) for claim in claims] != truth:
                words.append(word)
    return tuple(words)


def _texts(part: Any) -> Iterator[str]:
    """Every text in a claim, whatever its class: words of its descriptions, and names of attributes it speaks of."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, (tuple, list, frozenset)):
        for each in part:
            yield from _texts(each)
    elif hasattr(part, "__dataclass_fields__"):
        yield from _texts(tuple(vars(part).values()))


def _words(
    picture: int, named: Mapping[str, set[str]], layouts: Sequence[Layout], vocabulary: Vocabulary
) -> Iterator[DecidingWord]:
    """All that may decide about one picture: each object with each other value of the attributes that are named."""
    for number, thing in enumerate(layouts[picture].objects):
        others = [other for layout in layouts for other in layout.objects if other is not thing]
        for attribute, values in named.items():
            tried = (values | {getattr(other, attribute) for other in others}) - {getattr(thing, attribute)}
            tried = tried or set(getattr(vocabulary, attribute + "s")) - {getattr(thing, attribute)}
            for value in TABLES[attribute]:
                if value in tried:
                    yield DecidingWord(picture, number, attribute, value)


def _reworded(layout: Layout, word: DecidingWord) -> Layout:
    """The layout in which the word's object is called otherwise; nothing else of it changes."""
    objects = list(layout.objects)
    value: dict[str, Any] = {word.attribute: word.value}
    objects[word.number] = replace(objects[word.number], **value)
    return replace(layout, objects=tuple(objects))


def changed_shares(
    words: Sequence[DecidingWord], layouts: Sequence[Layout], renderings: Sequence[Rendering], renderer: Renderer
) -> dict[DecidingWord, float]:
    """How much of its object each word's other value changes: the share of its visible pixels, 0 to 1, rounded.

    Where the group's other picture shows the object with that value, the two are compared; else the picture is drawn
    with it. Nothing here draws from a group's random generator: pixels differ between drivers, and scenes must not.
    """
    shares = {}
    for picture in range(len(layouts)):
        mine = [word for word in words if word.picture == picture]
        drawn = [word for word in mine if not shown_by_other(word, layouts)]
        for word in mine:
            if word not in drawn:
                shares[word] = _share(word, renderings[picture], renderings[1 - picture])
        for together in _drawn_together(drawn, renderings[picture].instances):
            otherwise = renderer.render(_changed(layouts[picture], together))
            shares |= {word: _share(word, renderings[picture], otherwise) for word in together}
    return {word: shares[word] for word in words}


def shown_by_other(word: DecidingWord, layouts: Sequence[Layout]) -> bool:
    """Whether the group's other picture shows the same scene and in it the word's object with the other value.

    Other objects may have exchanged attributes with it, but all are of their kinds and in their places.
    """
    layout, other = layouts[word.picture], layouts[1 - word.picture]
    if replace(layout, objects=()) != replace(other, objects=()) or len(layout.objects) != len(other.objects):
        return False
    axes = 2 if word.attribute == "size" else 3  # a larger thing stands higher
    places = [[(thing.shape, thing.yaw, thing.position[:axes]) for thing in each.objects] for each in (layout, other)]
    one, two = (vars(each.objects[word.number]) for each in (layout, other))
    free = {"position", "visible_fraction", word.attribute, _CARRIED.get(word.attribute)}
    same = all(one[name] == two[name] for name in one if name not in free)
    return same and two[word.attribute] == word.value and places[0] == places[1]


def _share(word: DecidingWord, before: Rendering, after: Rendering) -> float:
    share = changed_share(before.color, after.color, before.instances, after.instances, word.number + 1)
    return round(share, 4)


def _changed(layout: Layout, words: Sequence[DecidingWord]) -> Layout:
    """The layout with the other values of these words."""
    for word in words:
        own = np.random.default_rng(0)  # for the shade of a color: the same each time
        layout = replace_attribute(layout, word.number, word.attribute, word.value, own)
    return layout


def _drawn_together(words: Sequence[DecidingWord], instances: np.ndarray) -> list[list[DecidingWord]]:
    """The words in as few pictures as may be: an object's pixels tell nothing of what changes on one that it nowhere
    touches. A size has a picture for itself, for it changes what is hidden.
    """
    touching = _touching(instances)
    pictures: list[list[DecidingWord]] = []
    for word in words:
        for together in pictures:
            if all(
                "size" not in (word.attribute, other.attribute)
                and word.number != other.number
                and (word.number, other.number) not in touching
                for other in together
            ):
                together.append(word)
                break
        else:
            pictures.append([word])
    return pictures


def _touching(instances: np.ndarray) -> set[tuple[int, int]]:
    """Numbers (from 0 on) of objects that have neighbouring pixels, be it across a corner; each pair both ways."""
    pairs: set[tuple[int, int]] = set()
    for one, two in (
        (instances[1:], instances[:-1]),
        (instances[:, 1:], instances[:, :-1]),
        (instances[1:, 1:], instances[:-1, :-1]),
        (instances[1:, :-1], instances[:-1, 1:]),
    ):
        edges = (one != two) & (one > 0) & (two > 0)
        pairs |= {(int(a) - 1, int(b) - 1) for a, b in zip(one[edges], two[edges], strict=True)}
    return pairs | {(b, a) for a, b in pairs}


def deciding_column(picture: int, shares: Mapping[DecidingWord, float]) -> str:
    """The words that decide about one picture, as its row lists them: JSON, each with its object's mask value.

    Text, for lists that are empty in all rows of a split would be of another type to HuggingFace.
    """
    return json.dumps(
        [
            {
                "mask_value": word.number + 1,
                "attribute": word.attribute,
                "value": word.value,
                "changed_share": share,
            }
            for word, share in shares.items()
            if word.picture == picture
        ]
    )


def read_deciding(picture: int, column: str) -> dict[DecidingWord, float]:
    """The words that `deciding_column` listed, with their shares; KeyError, TypeError or ValueError for other texts."""
    return {
        DecidingWord(picture, int(item["mask_value"]) - 1, item["attribute"], item["value"]): item["changed_share"]
        for item in json.loads(column)
    }
