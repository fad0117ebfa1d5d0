"""Dense cosine similarity maps of some groups, in one byte a cosine, for the report's explorer to show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import ResizeMode
from fourfold.evaluator.reporting.entries import MAX_CELLS
from fourfold.generator.dataset.reading import write_atomically

if TYPE_CHECKING:
    from fourfold.evaluator.data.items import Item
    from fourfold.evaluator.features.encoding import EncodedSet

FORMAT = 1
FILE_NAME = "maps.safetensors"
END_OF_WORD = "</w>"


@dataclass(frozen=True)
class GroupMaps:
    """Where one group's maps stand in `Maps.values`: by image, then caption, then token, then patch."""

    offset: int
    low: float  # the cosine that byte 0 stands for
    high: float  # the cosine that byte 255 stands for
    tokens: tuple[tuple[str, ...], ...]  # a caption: its text cut into tokens, each with the space before it
    words: tuple[tuple[str | None, ...], ...]  # a caption: the functional word with a learned map each token is part of


@dataclass(frozen=True)
class Maps:
    """The maps of one model on some groups."""

    grid: tuple[int, int]  # (h, w) of the patches
    values: np.ndarray = field(repr=False)  # [bytes] uint8, all groups one after another
    groups: Mapping[str, GroupMaps] = field(repr=False)  # by item id
    words: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)  # learned maps, h*w numbers each
    resize_mode: ResizeMode = "crop"


def collect_maps(
    items: Sequence["Item"],
    encoded: "EncodedSet",
    per_category: int,
    word_maps: Mapping[str, np.ndarray] | None = None,
    resize_mode: ResizeMode = "crop",
) -> Maps | None:
    """The maps of the first `per_category` items of each category; None for a model without patch or text tokens.

    Items too large to be looked at (`MAX_CELLS`) are passed over. `resize_mode` is how the encoder makes pictures
    square.

    Every image is taken against every caption of its item. `word_maps` are maps [h, w] that a head learned for
    functional words and lays in place of their cosines, by lower-case word. Bytes are evenly spaced between an item's
    smallest and largest cosine, so no cosine is off by more than 1/510 of that range.
    """
    if encoded.images.patches is None or encoded.images.grid is None or encoded.texts.tokens is None:
        return None
    learned = {word: tuple(float(x) for x in np.ravel(values)) for word, values in (word_maps or {}).items()}
    groups: dict[str, GroupMaps] = {}
    parts: list[np.ndarray] = []
    offset = 0
    for i in _first_of_each(items, encoded, per_category):
        cosines, token_strings = _cosines(encoded, i)
        flat = np.concatenate([part.ravel() for image in cosines for part in image])
        low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 0.0)
        parts.append(np.round((flat - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8))
        tokens = tuple(cut(text, line) for text, line in zip(items[i].captions, token_strings, strict=True))
        words = tuple(_words_with_maps(line, learned) for line in token_strings)
        groups[items[i].id] = GroupMaps(offset, low, high, tokens, words)
        offset += flat.size
    values = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
    return Maps(encoded.images.grid, values, groups, learned, resize_mode)


def save_maps(maps: Maps, folder: Path) -> Path:
    """Write `maps.safetensors` into a results folder, aside first, so that a file that exists is a whole one."""
    from safetensors.numpy import save as to_bytes

    path = folder / FILE_NAME
    index = {
        "format": FORMAT,
        "grid": maps.grid,
        "groups": {name: asdict(entry) for name, entry in maps.groups.items()},
        "words": maps.words,
        "fit": maps.resize_mode,
    }
    values = np.ascontiguousarray(maps.values)
    write_atomically(path, to_bytes({"maps": values}, metadata={"fourfold": json.dumps(index)}))
    return path


def load_maps(folder: Path) -> Maps | None:
    """The maps of a results folder; None if it holds none. Raises InputError for a file that is broken or not ours."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as opened:
            index = json.loads((opened.metadata() or {})["fourfold"])
            values = opened.get_tensor("maps")
        return _from_index(index, values)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not readable as maps ({error}); remove it, or evaluate again") from error


def cut(text: str, token_strings: Sequence[str]) -> tuple[str, ...]:
    """Cut a caption into its tokens, each with the white space before it, in the caption's own letters.

    Where the token strings do not spell the caption (a tokenizer that rewrites it), they themselves are the tokens.
    """
    cuts: list[str] = []
    at = 0
    for piece in token_strings:
        start = at
        while at < len(text) and text[at].isspace():
            at += 1
        end = at + len(piece.removesuffix(END_OF_WORD))
        if text[at:end].lower() != piece.removesuffix(END_OF_WORD).lower():
            return _spelled(token_strings)
        cuts.append(text[start:end])
        at = end
    return tuple(cuts)


def _spelled(token_strings: Sequence[str]) -> tuple[str, ...]:
    starts = [True, *(piece.endswith(END_OF_WORD) for piece in token_strings)]
    spaced = zip(token_strings, starts, strict=False)
    return tuple((" " if start else "") + piece.removesuffix(END_OF_WORD) for piece, start in spaced)


def _cosines(encoded: "EncodedSet", i: int) -> tuple[list[list[np.ndarray]], list[list[str]]]:
    """Of item i: for each image and caption the cosines [tokens, patches], and for each caption its token_strings."""
    texts = encoded.text_index[i]
    all_tokens, all_masks, all_strings = encoded.texts.dense()
    masks = [all_masks[int(j)].cpu().numpy() for j in texts]  # [t] bool each
    tokens = [all_tokens[int(j)].cpu().numpy()[mask] for j, mask in zip(texts, masks, strict=True)]
    token_strings = [[str(p) for p in all_strings[int(j)][mask]] for j, mask in zip(texts, masks, strict=True)]
    assert encoded.images.patches is not None  # collect_maps returned
    patches = [encoded.images.patches[int(k)].cpu().numpy() for k in encoded.image_index[i]]  # [p, d] each
    return [[line @ image.T for line in tokens] for image in patches], token_strings


def _first_of_each(items: Sequence["Item"], encoded: "EncodedSet", per_category: int) -> list[int]:
    seen: dict[str, int] = {}
    chosen = []
    for i, item in enumerate(items):
        if len(encoded.image_index[i]) * len(encoded.text_index[i]) > MAX_CELLS:
            continue
        seen[item.category] = seen.get(item.category, 0) + 1
        if seen[item.category] <= per_category:
            chosen.append(i)
    return chosen


def _words_with_maps(token_strings: Sequence[str], learned: Mapping[str, tuple[float, ...]]) -> tuple[str | None, ...]:
    words: list[str | None] = []
    start = 0
    for at, piece in enumerate(token_strings, start=1):
        if piece.endswith(END_OF_WORD) or at == len(token_strings):
            word = "".join(token_strings[start:at]).removesuffix(END_OF_WORD).lower()
            words += [word if word in learned else None] * (at - start)
            start = at
    return tuple(words)


def _from_index(index: dict, values: np.ndarray) -> Maps:
    if index["format"] != FORMAT:
        raise ValueError(f"format {index['format']}, this version reads {FORMAT}")
    groups = {
        name: GroupMaps(
            entry["offset"],
            entry["low"],
            entry["high"],
            tuple(tuple(line) for line in entry["tokens"]),
            tuple(tuple(line) for line in entry["words"]),
        )
        for name, entry in index["groups"].items()
    }
    h, w = index["grid"]
    words = {word: tuple(numbers) for word, numbers in index["words"].items()}
    return Maps((h, w), values, groups, words, index.get("fit", "crop"))  # files of earlier runs do not say
