"""VALSE: a file a phenomenon, with caption and foil; those of its phenomena that our categories show."""

from pathlib import Path
from typing import Any

from fourfold.generator.dataset.reading import Group
from fourfold.generator.exports.source import Source, save_picture, write_json

_PIECES = {"negation": "existence", "counting": "counting-hard", "relation": "relations", "location": "relations"}
_KINDS_DIFFER = ("replace-object", "add-object")
# Their scripts keep items that two of three annotators accept. Nobody was asked here: truth is computed.
_AGREED = {"foil": 0, "caption": 3, "other": 0}


def write(source: Source, out: Path) -> int:
    """Write every picture with its caption and, as the foil, that of its twin; returns the number of items."""
    files: dict[str, dict[str, Any]] = {}
    for group in source.groups():
        piece = _piece(group)
        if piece is None:
            continue
        for i, row in enumerate(group.rows):
            save_picture(source, row, out, f"images/{row['id']}.png")
            files.setdefault(piece, {})[f"{piece}_{row['id']}"] = {
                "dataset": "images",
                "dataset_idx": row["id"],
                "original_split": source.split,
                "linguistic_phenomena": piece,
                "image_file": f"{row['id']}.png",
                "caption": group.captions[i].text,
                "foil": group.captions[1 - i].text,
                "classes": row["attribute"],
                "classes_foil": row["attribute"],
                "mturk": _AGREED,
            }
    for piece, items in files.items():
        write_json(out / f"{piece}.json", items)
    return sum(map(len, files.values()))


def _piece(group: Group) -> str | None:
    if group.category == "content":  # what their "foil it" does: one noun is wrong
        return "foil-it" if group.rows[0]["edit"] in _KINDS_DIFFER else None
    return _PIECES.get(group.category)
