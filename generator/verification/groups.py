"""Both rows of a fourfold group together: the same captions, each with the truth that its claim has on either scene."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fourfold.generator.captions.wording import word, wordings_named
from fourfold.generator.dataset.reading import Caption, read_captions
from fourfold.generator.verification.findings import problems_found
from fourfold.scenes.model.layout import Layout, layout_from_dict
from fourfold.scenes.truth.claims import claim_from_dict

FOURFOLD_TRUTH = ((True, False), (False, True), (True, False), (False, True))  # truth[caption][image]
KINDS = (  # of these captions, for images a and b
    ("true", "adversarial", "hard-positive", "adversarial-positive"),
    ("adversarial", "true", "adversarial-positive", "hard-positive"),
)


def verify_group(first: dict[str, Any], second: dict[str, Any], worded: bool) -> Iterator[str]:
    """Problems of a group, given the rows of its images a and b.

    Both have to have the same captions, in the fourfold truth table, each with the truth that its claim has on either
    scene; and if `worded`, each text has to be what this version's templates make of its claim.
    """
    captions, again = read_captions(first, "image a"), read_captions(second, "image b")
    if len(captions) < 2 or tuple(caption.truth for caption in captions[:4]) != FOURFOLD_TRUTH[: len(captions)]:
        yield "its truth table is not fourfold"
        return
    if [replace(caption, kind="") for caption in captions] != [replace(caption, kind="") for caption in again]:
        yield "its two images do not have the same captions"
    for row, found, own in ((first, captions, 0), (second, again, 1)):
        if (row["caption"], row["adversarial_caption"]) != (found[own].text, found[1 - own].text):
            yield f"the captions of image {row['role']} are not those of its group"
        if len(found) > 3 and row["hard_positive"] != found[2 + own].text:
            yield f"the hard positive of image {row['role']} is not that of its group"
        if tuple(caption.kind for caption in found[:4]) != KINDS[own][: len(found)]:
            yield f"the kinds of the captions of image {row['role']} are not {', '.join(KINDS[own])}"
    layouts = [layout_from_dict(row) for row in (first, second)]
    for caption in captions:
        yield from problems_found(_verify_caption, caption, layouts)
        if worded:
            yield from problems_found(_verify_words, caption, first["category"])


def _verify_caption(caption: Caption, layouts: list[Layout]) -> Iterator[str]:
    claim = claim_from_dict(caption.claim)
    found = tuple(claim.holds(layout) for layout in layouts)
    if found != caption.truth:
        yield f"{caption.text!r} is {found} of its two scenes, the row says {caption.truth}"


def _verify_words(caption: Caption, category: str) -> Iterator[str]:
    """The text against the claim: truth is that of the claim, and readers see the text alone."""
    found, _, name = caption.template.partition("/")
    claim = claim_from_dict(caption.claim)
    if found != category or caption.text not in {word(claim, wording) for wording in wordings_named(name)}:
        yield f"{caption.text!r} does not say its claim in its template {caption.template!r}"
