"""What captions and pictures of our datasets are made of, for the geometry probe's question of superposition.

Text side: a caption's claim names its objects; the parts are their noun phrases ("a red cube"), which say what is
negated as if it were there, so that "a cube and no sphere" near the sum of both is seen as what it is. Image side:
the format holds no renders of single objects, so the parts are the picture's own cut-outs at the objects' boxes;
with renders of the same scene, one object left at a time, make `Composite`s of those instead.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fourfold.english import noun_phrase, with_article
from fourfold.evaluator.analysis.embedding_geometry import Composite
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.generator.dataset.reading import Group
from fourfold.scenes.shapes import KINDS

_ATTRIBUTES = ("size", "pattern", "color", "material")


def read_composites(groups: Iterable[Group]) -> Iterator[Composite]:
    """The two captions and the two pictures of each group, where two objects or more are named or seen."""
    for group in groups:
        captions = [
            Composite(group.category, group.id, caption.text, part_phrases(caption.claim))
            for caption in group.captions[:2]
        ]
        pictures = [Composite(group.category, group.id, *_picture(group, i)) for i in (0, 1)]
        yield from (composite for composite in (*captions, *pictures) if len(composite.parts) > 1)


def part_phrases(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """Noun phrases of the objects that a claim, as plain data, speaks of, in its order."""
    return tuple(_phrase(description) for description in _descriptions(claim))


def _descriptions(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in claim.values():
        if isinstance(value, Mapping):
            yield from _descriptions(value) if "type" in value else (value,)


def _phrase(description: Mapping[str, Any]) -> str:
    kind = KINDS.get(description.get("shape", ""))  # None for a kind that the dataset brought along
    noun = description.get("shape", "object")
    phrase = noun_phrase(noun, **{name: description[name] for name in _ATTRIBUTES if name in description})
    return with_article(phrase, own=kind.article if kind and phrase == noun else "")


def _picture(group: Group, i: int) -> tuple[ImageRef, tuple[ImageRef, ...]]:
    path = group.image_path(i)
    boxes = [tuple(thing["bbox"]) for thing in group.rows[i]["objects"] if thing["visible_pixels"]]
    return ImageRef(path), tuple(ImageRef(path, box) for box in boxes)
