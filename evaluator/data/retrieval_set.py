"""Retrieval on our own datasets: every caption against every picture of a split, truth from the captions' claims."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import RETRIEVAL, RETRIEVAL_CANDIDATES, Item
from fourfold.generator.dataset.reading import Group, choose_split, read_groups
from fourfold.scenes.model.layout import Layout, layout_from_dict
from fourfold.scenes.truth.claims import claim_from_dict

CATEGORY = "content"  # what a CLIP-like space is good at, and what a gain elsewhere must not cost
MAX_GROUPS = 250


def retrieval_item(folder: str | Path, split: str | None = None, limit: int | None = None) -> Item:
    """The pictures of the first content groups of a split and their true captions, as one retrieval set.

    A caption is true of every picture that shows what it says, not of its own alone, so no right answer counts as a
    miss. Captions that cannot be decided on every picture are left out. At most `limit` groups, or `MAX_GROUPS`.
    Raises InputError for a split with too little to search among.
    """
    used = choose_split(Path(folder), split)
    groups, columns = _read(Path(folder), used, limit)
    if not _is_enough(groups, columns):
        raise InputError(
            f"{folder}: split {used!r} gives {2 * len(groups)} pictures and {len(columns)} captions of {CATEGORY} "
            f"groups; retrieval needs more than {RETRIEVAL_CANDIDATES} to search among; leave out --retrieval"
        )
    return Item(
        id=f"{used}-{RETRIEVAL}",
        images=tuple(ImageRef(group.image_path(i)) for group in groups for i in (0, 1)),
        captions=tuple(columns),
        truth=np.array(list(columns.values())).T,
        category=RETRIEVAL,
        cluster=f"{used}-{RETRIEVAL}",
        tags={"task": RETRIEVAL},
    )


def can_search(folder: str | Path, split: str | None = None, limit: int | None = None) -> bool:
    """Whether `retrieval_item` has enough to search among; captions that repeat count once."""
    return _is_enough(*_read(Path(folder), choose_split(Path(folder), split), limit))


def _read(folder: Path, split: str, limit: int | None) -> tuple[list[Group], dict[str, list[bool]]]:
    """The content groups that are searched, and their captions' truths on all pictures."""
    content = (group for group in read_groups(folder, split) if group.category == CATEGORY)
    groups = list(islice(content, min(MAX_GROUPS, limit or MAX_GROUPS)))
    return groups, _truths(groups, [layout_from_dict(row) for group in groups for row in group.rows])


def _is_enough(groups: Sequence[Group], columns: dict[str, list[bool]]) -> bool:
    return min(2 * len(groups), len(columns)) > RETRIEVAL_CANDIDATES


def _truths(groups: Sequence[Group], layouts: Sequence[Layout]) -> dict[str, list[bool]]:
    """Caption -> its truth on every picture, of those that are decided on all."""
    claims = {caption.text: claim_from_dict(caption.claim) for group in groups for caption in group.captions[:2]}
    found = {text: [claim.holds(layout) for layout in layouts] for text, claim in claims.items()}
    return {text: [truth is True for truth in row] for text, row in found.items() if None not in row}
