"""Our own datasets as items."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.generator.dataset.difficulty_axes import applicable
from fourfold.generator.dataset.reading import (
    Caption,
    Group,
    choose_split,
    read_captions,
    read_groups,
    read_manifest,
    split_names,
)

if TYPE_CHECKING:
    from fourfold.generator.groups.making import MadeGroup


def load_items(folder: str | Path, split: str | None = None, limit: int | None = None) -> tuple[Item, ...]:
    """The fourfold groups of a dataset folder as items; `limit` keeps the first groups of each category.

    Captions of an item: true of A, true of B, then the hard positives of A and of B. Tags hold the edit, the condition
    and the difficulty axes of A that apply. Raises InputError for a folder that is no dataset, a split it has not, or
    damaged rows.
    """
    folder = Path(folder)
    name = choose_split(folder, split)
    seen: dict[str, int] = {}
    items = []
    for item in _items(folder, name):
        seen[item.category] = seen.get(item.category, 0) + 1
        if limit is None or seen[item.category] <= limit:
            items.append(item)
    if not items:
        raise InputError(f"{folder}: split {name!r} holds no fourfold groups")
    return tuple(items)


def describe_dataset(folder: str | Path, split: str, limit: int | None = None) -> dict[str, Any]:
    """What results and head files say of a split of a dataset folder: name, folder, split, seed, hash of its scenes.

    And what was changed of the recipe of that name, and the `limit` of groups of each category, if there is any more.
    """
    manifest = read_manifest(Path(folder))
    counts = manifest["splits"].get(split, {}).get("groups")
    facts = {key: manifest[key] for key in ("seed", "scenes_sha256")}
    facts |= {"changes": manifest["changes"]} if manifest.get("changes") else {}
    if limit is not None and (counts is None or max(counts.values(), default=0) > limit):
        facts["limit"] = limit
    return {"name": manifest["name"], "folder": str(folder), "split": split, **facts}


def training_splits(folder: str | Path, split: str, validation: str | None) -> tuple[str, str | None]:
    """The splits to train and to validate on: those named; without a name the second is "validation", if there is one.

    Raises InputError for a folder that is no dataset, and a split it has not.
    """
    names = split_names(Path(folder))
    for option, name in (("--split", split), ("--validation-split", validation)):
        if name is not None and name not in names:
            raise InputError(f"{folder}: no split {name!r}; give {option}, one of: {', '.join(names)}")
    return split, validation or ("validation" if "validation" in names else None)


def _items(folder: Path, split: str) -> Iterator[Item]:
    for group in read_groups(folder, split):
        yield group_item(group)


def group_item(group: Group) -> Item:
    """One fourfold group as an item."""
    return _item(group.id, tuple(ImageRef(group.image_path(i)) for i in (0, 1)), group.captions, group.rows[0])


def made_item(made: "MadeGroup") -> Item:
    """One fourfold group as an item that was made in memory, and lies in no file."""
    row = made.pictures[0].row
    images = tuple(ImageRef(Path(f"{each.row['id']}.png"), data=_png(each.rendering.color)) for each in made.pictures)
    return _item(row["group"], images, read_captions(row, row["group"]), row)


def _item(name: str, images: tuple[ImageRef, ...], captions: Sequence[Caption], first: Mapping[str, Any]) -> Item:
    """The group of that name; `first` is the row of picture a."""
    return Item(
        id=name,
        images=images,
        captions=tuple(caption.text for caption in captions),
        truth=np.array([[caption.truth[i] for caption in captions] for i in (0, 1)]),
        category=first["category"],
        cluster=name,
        tags={
            "edit": first["edit"],
            "attribute": first["attribute"],
            "condition": first["condition"],
            **applicable(first["difficulty"]),
        },
        implied=tuple(j for j, caption in enumerate(captions) if caption.meaning == "implied"),
    )


def _png(pixels: np.ndarray) -> bytes:
    """PNG bytes of pixels [h, w, 3] uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
