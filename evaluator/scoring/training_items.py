"""Which items a head was trained on, remembered in its file: a score on them says nothing about other items.

An item is known by its pixels, captions and truth, whatever it or its files are called. The pixels of one scene may
differ between OpenGL drivers, so a dataset of ours is known by the hash of its scenes and its split as well.
"""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.scoring.head_files import Head

if TYPE_CHECKING:
    from fourfold.evaluator.features.encoding import EncodedSet

_BYTES = 6  # of each hash: of 10,000 items none is taken for one of 100,000 by chance, but once in 300,000 times
_SAME_SCENES = ("scenes_sha256", "split")


def describe_training(items: Sequence[Item], encoded: "EncodedSet", source: Mapping[str, Any]) -> dict[str, Any]:
    """What a head file says of the items that it was trained on; `source` is what results say of their dataset."""
    lines = _lines(items, encoded)
    packed = b"".join(sorted(sha256(line.encode()).digest()[:_BYTES] for line in lines))
    return {
        "hash": sha256("\n".join(sorted(lines)).encode()).hexdigest(),
        "items": len(items),
        "item_hashes": base64.b64encode(packed).decode(),
        "source": dict(source),
    }


def hash_items(items: Sequence[Item], encoded: "EncodedSet") -> str:
    """One hash of pixels, captions and truth of all items, whatever their order and file names."""
    return sha256("\n".join(sorted(_lines(items, encoded))).encode()).hexdigest()


def seen_items(head: Head, items: Sequence[Item], encoded: "EncodedSet", source: Mapping[str, Any]) -> int:
    """How many of the items the head was trained on, 0 for a head whose file does not say.

    `source` is what results say of the items' dataset. Where the scenes are those of the training but no pixels are,
    all of them: another driver has drawn them.
    """
    packed = base64.b64decode(head.dataset.get("item_hashes", ""))
    known = {packed[at : at + _BYTES] for at in range(0, len(packed), _BYTES)}
    seen = sum(sha256(line.encode()).digest()[:_BYTES] in known for line in _lines(items, encoded)) if known else 0
    return seen or (len(items) if shows_same_scenes(head, source) else 0)


def shows_same_scenes(head: Head, source: Mapping[str, Any]) -> bool:
    """Whether a dataset, as results speak of it, is the one and the split that the head was trained on."""
    theirs = head.dataset.get("source") or {}
    return all(key in theirs and theirs[key] == source.get(key) for key in _SAME_SCENES)


def check_unseen(
    heads: Mapping[str, Head], items: Sequence[Item], encoded: "EncodedSet", source: Mapping[str, Any], allowed: bool
) -> dict[str, int]:
    """How many of the items each head, by its scorer's name, was trained on; those that know none are left out.

    Raises InputError unless that is `allowed`.
    """
    seen = {name: seen_items(head, items, encoded, source) for name, head in heads.items()}
    known = {name: number for name, number in seen.items() if number}
    if known and not allowed:
        raise trained_on(*next(iter(known.items())), len(items))
    return known


def trained_on(name: str, seen: int, of: int) -> InputError:
    """The refusal to score a head on items that it was trained on."""
    return InputError(
        f"{name} was trained on {seen} of these {of} items, and a score on them says nothing about others; evaluate "
        "another split or seed, or allow it with --allow-training-items, which marks every table"
    )


def _lines(items: Sequence[Item], encoded: "EncodedSet") -> list[str]:
    lines = []
    for item, image_rows, text_rows in zip(items, encoded.image_index, encoded.text_index, strict=True):
        images = [str(key) for key in encoded.images.keys[image_rows]]
        texts = [str(text) for text in encoded.texts.texts[text_rows]]
        truth: Any = np.asarray(item.truth).astype(int).tolist()
        lines.append(f"{images} {texts} {truth}")
    return lines
