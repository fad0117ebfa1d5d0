"""Content asked of pictures that were made for something else: which kinds of objects are there, and which are not?

A group of binding, relations or negation asks nothing of content, but its scenes are known: every object of its two
pictures stands in the rows of the dataset. So C1 can be asked of the very pictures that C2, C3 or C4 is asked of.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fourfold.english import with_article
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.generator.dataset.reading import Group
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.descriptions import MIN_VISIBLE_FRACTION


def read_content_questions(groups: Sequence[Group], rng: np.random.Generator) -> list[Item]:
    """For each group an item of its two pictures with captions such as "a picture of a cube", true and false.

    The kinds asked are those that are clearly there in either picture, and as many that are in neither, which `rng`
    draws from the kinds that the other groups show. A kind that is there but mostly hidden in one of the pictures is
    neither there nor absent, and is not asked. Truth is that of each kind on each picture, so that what only one of the
    two shows, as in negation, is asked of the other as well. Groups with a picture that clearly shows nothing, or of
    which no kind is absent, are left out. Ids, categories and clusters are those of the groups.
    """
    seen = [tuple(_judge(row) for row in group.rows) for group in groups]
    vocabulary = sorted({kind for pictures in seen for verdicts in pictures for kind in verdicts})
    items = []
    for group, (first, second) in zip(groups, seen, strict=True):
        there = [kind for kind in {**first, **second} if None not in (first.get(kind, False), second.get(kind, False))]
        absent = [kind for kind in vocabulary if kind not in first and kind not in second]
        drawn = [absent[i] for i in rng.permutation(len(absent))[: len(there)]]
        kinds = [*there, *drawn]
        truth = np.array([[verdicts.get(kind, False) for kind in kinds] for verdicts in (first, second)], dtype=bool)
        if truth.any(axis=1).all() and not truth.all(axis=1).any():
            pictures = tuple(ImageRef(group.image_path(i)) for i in (0, 1))
            captions = tuple(f"a picture of {_name(kind)}" for kind in kinds)
            items.append(Item(group.id, pictures, captions, truth, group.category, group.id))
    return items


def _judge(row: dict[str, Any]) -> dict[str, bool | None]:
    """Every kind of which a picture has an object: True if one is clearly visible, None if all are mostly hidden."""
    verdicts: dict[str, bool | None] = {}
    for thing in row["objects"]:
        clear = thing["visible_fraction"] >= MIN_VISIBLE_FRACTION
        verdicts[thing["shape"]] = True if clear else verdicts.get(thing["shape"])
    return verdicts


def _name(kind: str) -> str:
    return with_article(kind, own=KINDS[kind].article if kind in KINDS else "")
