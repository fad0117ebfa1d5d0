"""The words that decide a group: found again from its claims and scenes, and measured again on its pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.generator.dataset.reading import read_captions, read_picture
from fourfold.generator.groups.deciding import COLUMN, DecidingWord, deciding_words, read_deciding, shown_by_other
from fourfold.generator.recipe.recipe import Vocabulary
from fourfold.scenes.model.layout import layout_from_dict
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE, changed_share
from fourfold.scenes.truth.claims import claim_from_dict


def verify_deciding(
    folder: Path, split: str, rows: tuple[dict[str, Any], dict[str, Any]], vocabulary: Vocabulary
) -> Iterator[str]:
    """Problems of the words that decide a group, given the rows of its images a and b.

    Each word must be listed, and no other; with a share of changed pixels that is large enough, and that is found again
    on the two pictures and masks where they show both values. Of a word that they do not show, the share is taken from
    the row: nothing is drawn here.
    """
    layouts = [layout_from_dict(row) for row in rows]
    claims = [claim_from_dict(caption.claim) for caption in read_captions(rows[0], "image a")]
    found = deciding_words(claims, layouts, vocabulary)
    listed = {word: share for i, row in enumerate(rows) for word, share in read_deciding(i, row[COLUMN]).items()}
    for word in dict.fromkeys((*found, *listed)):
        if word not in listed:
            yield f"{_said(word)} decide the group and are not listed"
        elif word not in found:
            yield f"{_said(word)} are listed and do not decide the group"
        elif not MIN_CHANGED_SHARE <= listed[word] <= 1:
            yield f"{_said(word)} change a share of {listed[word]} of its pixels, less than {MIN_CHANGED_SHARE}"
    shown = [word for word in found if word in listed and shown_by_other(word, layouts)]
    if not shown:
        return
    color_a, color_b = (np.array(read_picture(folder / split, row["file_name"], "RGB")) for row in rows)
    mask_a, mask_b = (np.array(read_picture(folder, row["mask"], "L")) for row in rows)
    for word in shown:
        share = round(changed_share(color_a, color_b, mask_a, mask_b, word.number + 1), 4)
        if share != listed[word]:
            yield f"{_said(word)} change a share of {share} of the object's pixels, the row says {listed[word]}"


def _said(word: DecidingWord) -> str:
    return f"column {COLUMN!r} of image {'ab'[word.picture]}: object {word.number + 1} and {word.value!r}"
