"""Items as a blind solver meets them: captions and truth, no pictures. Input of
`fourfold.generator.audits.blind_audit.audit`.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from fourfold.evaluator.data.items import Item
from fourfold.generator.audits.blind_items import BlindItem

MOST_OPTIONS = 32  # beyond, an item is a retrieval set and no question to guess at


def blind_items(items: Iterable[Item]) -> list[BlindItem]:
    """One blind item for every image of every item that has true and false captions.

    A fourfold group gives two, with the same two captions: once a is true, once b. Questions that choose among images,
    retrieval sets and images without a true caption give none, for there a solver of captions has nothing to choose.
    """
    return [blind for item in items for blind in _of(item)]


def _of(item: Item) -> Iterator[BlindItem]:
    if len(item.captions) > MOST_OPTIONS:
        return
    for number, row in enumerate(item.truth):
        truth = tuple(int(column) for column in np.flatnonzero(row))
        if 0 < len(truth) < len(item.captions):
            name = item.tags.get("template")
            template = name if isinstance(name, str) else None
            yield BlindItem(
                f"{item.id}-{number}", item.cluster, item.captions, truth, item.category, template, item.tags
            )
