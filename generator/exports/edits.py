"""Our edits in SugarCrepe's words, which speak of what differs between the two captions."""

from fourfold.generator.dataset.reading import Group

# Nothing is called "add": a false caption that only says more is told by its length.
_CAPTION_EDITS = {
    ("content", "replace-attribute"): ("replace", "att"),
    ("content", "replace-object"): ("replace", "obj"),
    ("content", "add-object"): ("replace", "obj"),
    ("binding", "swap-attribute"): ("swap", "att"),
    ("relation", "swap-object"): ("swap", "obj"),
    ("relation", "replace-object"): ("replace", "obj"),
    ("relation", "replace-relation"): ("replace", "rel"),
    ("comparison", "swap-object"): ("swap", "obj"),
    ("location", "replace-location"): ("replace", "rel"),
}


def caption_edit(group: Group) -> tuple[str, str] | None:
    """SugarCrepe's type and subtype of what differs between the two captions of a group; None where it has no word."""
    return _CAPTION_EDITS.get((group.category, str(group.rows[0]["edit"])))
