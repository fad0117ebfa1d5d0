"""What the dataset knows of each group that results do not say: its pictures, masks, objects, attribute, relation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourfold.generator.dataset import reading as files
from fourfold.generator.dataset.difficulty_axes import applicable

ATTRIBUTES = ("shape", "color", "size", "material", "pattern")


@dataclass(frozen=True)
class PicturedObject:
    """One object in one picture: what it is called, where it is, and its value in the mask."""

    label: str
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels
    mask_value: int


@dataclass(frozen=True)
class Picture:
    """One image file and what is marked in it."""

    path: Path
    mask: Path | None = None
    objects: tuple[PicturedObject, ...] = ()
    box: tuple[int, int, int, int] | None = None  # the part of the file that is meant, in pixels


@dataclass(frozen=True)
class Group:
    """One group of a dataset, as the explorer shows it."""

    id: str
    category: str
    pictures: tuple[Picture, ...]
    captions: tuple[str, ...]  # true of A, true of B, then further ones
    kinds: tuple[str, ...]  # of each caption: "true", "hard-positive" or "foil"
    truth: tuple[tuple[bool, ...], ...]  # [k][m]
    facets: Mapping[str, str] = field(default_factory=dict)  # edit, condition, attribute, relation, split
    difficulty: Mapping[str, Any] = field(default_factory=dict)


def read_groups(dataset: Path, splits: Sequence[str] | None = None) -> dict[str, Group]:
    """The groups of a dataset folder by id, of all splits unless some are named. Raises what its reader raises."""
    names = files.split_names(dataset) if splits is None else splits
    return {
        group.id: _make_group(dataset, group, split) for split in names for group in files.read_groups(dataset, split)
    }


def _make_group(dataset: Path, group: files.Group, split: str) -> Group:
    row = group.rows[0]
    relations = sorted({name for caption in group.captions[:2] for name in _places(caption.claim)})
    facets = {"edit": row["edit"], "condition": row.get("condition"), "split": split}
    facets |= {"attribute": row.get("attribute") if row.get("attribute") in ATTRIBUTES else ""}
    facets |= {"relation": ", ".join(relations)}
    return Group(
        id=group.id,
        category=group.category,
        pictures=tuple(_make_picture(dataset, group, i) for i in range(len(group.rows))),
        captions=tuple(caption.text for caption in group.captions),
        kinds=tuple(_kind(caption, place) for place, caption in enumerate(group.captions)),
        truth=tuple(tuple(caption.truth[i] for caption in group.captions) for i in range(len(group.rows))),
        facets={key: str(value) for key, value in facets.items() if value},
        difficulty=applicable(row["difficulty"]),
    )


def _make_picture(dataset: Path, group: files.Group, i: int) -> Picture:
    row = group.rows[i]
    objects = tuple(
        PicturedObject(_name(thing), tuple(thing["bbox"]), int(thing["mask_value"]))
        for thing in row["objects"]
        if any(thing["bbox"])  # (0, 0, 0, 0): nothing of it is seen
    )
    mask = files.inside(dataset, row["mask"]) if row.get("mask") else None
    return Picture(group.image_path(i), mask, objects)


def _name(thing: Mapping[str, Any]) -> str:
    size = f"{thing['size']} " if thing.get("size") not in (None, "medium") else ""
    return f"{size}{thing['color']} {thing['shape']}"


def _kind(caption: files.Caption, place: int) -> str:
    if place < 2:
        return "true"
    return "hard-positive" if caption.truth[0] != caption.truth[1] else "foil"


def _places(claim: Any) -> Iterator[str]:
    """The relations and regions that a claim names, at any depth."""
    for key, value in claim.items() if isinstance(claim, dict) else ():
        if key in ("relation", "region"):
            yield str(value)
        else:
            yield from _places(value)
