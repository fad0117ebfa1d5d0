"""What fourfold-tiny is trained on: natural scenes in memory, and batches of whole pictures and close-ups of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.training.ahead import made_ahead
from fourfold.generator.dataset.reading import NATURAL, inside, read_rows
from fourfold.generator.groups.natural import MENTIONS, close_up_caption
from fourfold.scenes.model.layout import layout_from_dict
from fourfold.scenes.truth.claims import claim_to_dict


@dataclass(frozen=True)
class Scenes:
    """Pictures, tokenized captions and their meaning (words as numbers) of one split, in memory."""

    pixels: torch.Tensor  # [n, 3, p, p] uint8, as rendered
    tokens: torch.Tensor  # [n, c, t] int64: captions of the scene
    close_up_tokens: torch.Tensor  # [n, o, v, t] int64: captions of each object alone
    objects: np.ndarray  # [n, o, a] int: attributes of each object, MISSING where there is none
    boxes: np.ndarray  # [n, o, 4] left, top, right, bottom as shares of the picture
    claims: np.ndarray  # [n, c, m, a] int: attributes of each object that is claimed to be there, ANY where not said
    close_up_claims: np.ndarray  # [n, o, v, m, a] int


def load_scenes(dataset: Path, split: str, tokenize: Callable[[list[str]], torch.Tensor], workers: int = 1) -> Scenes:
    """Natural scenes of one split with every caption tokenized, and captions of their objects alone.

    `tokenize` turns n texts into ids [n, t]; so many `workers`, threads, read the pictures. Raises InputError for a
    split without natural scenes, and for a picture that is missing, broken or of another size than the first.
    """
    rows = [row for row in read_rows(dataset, split) if row["category"] == NATURAL]
    if not rows:
        raise InputError(f"{dataset}: split {split!r} holds no natural scenes; generate the recipe `fourfold-tiny`")
    folder = dataset / split
    side = len(_open(folder, rows[0]))
    pixels = torch.zeros((len(rows), 3, side, side), dtype=torch.uint8)  # gigabytes: never held twice
    read = made_ahead(lambda i: _open(folder, rows[i], side), range(len(rows)), workers)
    for i, picture in enumerate(tqdm(read, total=len(rows), desc=f"reading {split}", disable=None)):
        pixels[i] = torch.from_numpy(picture).permute(2, 0, 1)
    close_ups = [_close_ups(row, i) for i, row in enumerate(rows)]
    words: dict[str, int] = {}
    captions = [[(c["text"], json.loads(c["claim"])) for c in row["captions"]] for row in rows]
    most = max(len(row["objects"]) for row in rows)
    return Scenes(
        pixels=pixels,
        tokens=_tokens(captions, tokenize),
        close_up_tokens=_tokens([_flat(row, most) for row in close_ups], tokenize).reshape(
            len(rows), most, _VARIANTS, -1
        ),
        objects=np.array([_numbers(row["objects"], most, MISSING, words) for row in rows]),
        boxes=np.array([[t["bbox"] for t in _padded(row["objects"], most)] for row in rows]) / side,
        claims=_claims(captions, words),
        close_up_claims=_claims([_flat(row, most) for row in close_ups], words).reshape(
            len(rows), most, _VARIANTS, max(MENTIONS), len(ATTRIBUTES)
        ),
    )


def _open(folder: Path, row: dict[str, Any], side: int | None = None) -> np.ndarray:
    """Pixels [side, side, 3] of a row's picture; without a side that of the picture itself."""
    path = inside(folder, row["file_name"])
    pixels = np.array(open_image(ImageRef(path)))
    if pixels.shape[0] != pixels.shape[1] or side not in (None, len(pixels)):
        wanted = "a square" if side is None else f"{side} x {side} pixels, as the first one"
        raise InputError(f"{path}: {pixels.shape[1]} x {pixels.shape[0]} pixels; a picture of training is {wanted}")
    return pixels


ANY, MISSING, HIDDEN = -1, -2, -3  # not said; no such object; not to be seen
ATTRIBUTES = ("shape", "color", "size", "material", "pattern")
_VARIANTS = 6  # captions of a close-up

Captions = list[list[tuple[str, dict[str, Any]]]]  # text and claim, by scene


def _close_ups(row: dict[str, Any], index: int) -> list[list[tuple[str, dict[str, Any]]]]:
    rng = np.random.default_rng([index])
    things = layout_from_dict(row).objects
    made = [[close_up_caption(thing, rng) for _ in range(_VARIANTS)] for thing in things]
    return [[(text, claim_to_dict(claim)) for text, claim in captions] for captions in made]


def _padded(values: list[Any], most: int) -> list[Any]:
    """As many values as the fullest scene has; the last one again where there are fewer."""
    return values + values[-1:] * (most - len(values))


def _flat(close_ups: list[list[tuple[str, dict[str, Any]]]], most: int) -> list[tuple[str, dict[str, Any]]]:
    return [caption for captions in _padded(close_ups, most) for caption in captions]


def _tokens(captions: Captions, tokenize: Callable[[list[str]], torch.Tensor]) -> torch.Tensor:
    texts = {text: k for k, text in enumerate(dict.fromkeys(text for row in captions for text, _ in row))}
    ids = tokenize(list(texts))
    return ids[torch.tensor([[texts[text] for text, _ in row] for row in captions])]


def _numbers(things: list[dict[str, Any]], most: int, default: int, words: dict[str, int]) -> list[list[int]]:
    """Attributes of things as numbers of words, one row a thing, filled up with rows of the default."""
    rows = [[words.setdefault(t[n], len(words)) if n in t else default for n in ATTRIBUTES] for t in things]
    return rows + [[default] * len(ATTRIBUTES)] * (most - len(rows))


def _claims(captions: Captions, words: dict[str, int]) -> np.ndarray:
    """Claimed objects [n, c, m, a] of captions."""
    return np.array([[_numbers(_claimed(c), max(MENTIONS), ANY, words) for _, c in row] for row in captions])


def _claimed(claim: dict[str, Any]) -> list[dict[str, Any]]:
    """The descriptions in a conjunction of existence claims, which is all that natural captions say."""
    if claim["type"] == "Both":
        return _claimed(claim["first"]) + _claimed(claim["second"])
    return [claim["description"]]


def truths(objects: np.ndarray, claims: np.ndarray, *, hidden: bool = False) -> np.ndarray:
    """Which claims [c, m, a] are true of which scenes' objects [n, o, a]: [n, c] bool.

    `hidden` is what a claim of a hidden attribute counts as: with False the certain truths, with True the possible.
    """
    fits = np.ones((claims.shape[1], objects.shape[1], len(objects), len(claims)), dtype=bool)  # [m, o, n, c]
    for k in range(claims.shape[2]):  # the small axes outside, for numpy is slow along a short last one
        wanted, there = claims[..., k].T[:, None, None], objects[..., k].T[None, :, :, None]
        fits &= (wanted == ANY) | (wanted == there) | (hidden & (there == HIDDEN))
    shown: np.ndarray = np.logical_or.reduce(fits, axis=1)  # [m, n, c]
    return np.logical_and.reduce(shown, axis=0)


@dataclass(frozen=True)
class PictureBatch:
    """What one step sees."""

    pixels: torch.Tensor  # [b, 3, s, s] in -1..1
    tokens: torch.Tensor  # [b * c, t], those of a picture next to each other
    true: np.ndarray  # [b, b * c] bool: caption j of picture i
    ambiguous: np.ndarray  # [b, b * c] bool: neither true nor false of what the picture shows


@dataclass(frozen=True)
class Sampling:
    """How a batch is drawn from scenes."""

    pictures: int
    captions: int  # of each picture
    close_ups: float  # share of close-ups
    shift: float  # random displacement, as a share of the picture
    size: int  # pixels


def sample_batch(scenes: Scenes, sampling: Sampling, rng: np.random.Generator) -> PictureBatch:
    """Whole scenes and close-ups, mirrored half of the time (captions name no sides), with some captions each."""
    n = sampling.pictures
    rows = rng.choice(len(scenes.pixels), size=n, replace=False)
    close, mirrored = rng.random(n) < sampling.close_ups, rng.random(n) < 0.5
    number = (scenes.objects[rows, :, 0] != MISSING).sum(axis=1)
    which = rng.integers(number)  # the object of a close-up
    windows = np.where(
        close[:, None], _around(scenes.boxes[rows, which], rng), np.array([[0.5, 0.5, 1.0]])
    )  # [b, 3] centre x, y and side
    windows[:, :2] += rng.uniform(-sampling.shift, sampling.shift, size=(n, 2)) * windows[:, 2:]
    captions, variants = scenes.tokens.shape[1], scenes.close_up_tokens.shape[2]
    c = min(sampling.captions, captions, variants)
    of, thing = rows[:, None], which[:, None]
    caption, variant = _some(captions, n, c, rng), _some(variants, n, c, rng)  # [b, c]
    claims = np.where(
        close[:, None, None, None], scenes.close_up_claims[of, thing, variant], scenes.claims[of, caption]
    )
    tokens = torch.where(
        torch.from_numpy(close)[:, None, None], scenes.close_up_tokens[of, thing, variant], scenes.tokens[of, caption]
    )
    claims = claims.reshape(n * c, *claims.shape[2:])
    surely, perhaps = _shown(scenes.objects[rows], scenes.boxes[rows], windows, close)
    own = np.repeat(np.eye(n, dtype=bool), c, axis=1)
    true = truths(surely, claims) | own  # a displaced picture keeps its captions
    return PictureBatch(
        pixels=view(scenes.pixels[rows], windows, mirrored, sampling.size),
        tokens=tokens.reshape(n * c, -1),
        true=true,
        ambiguous=truths(perhaps, claims, hidden=True) & ~true,
    )


def _shown(
    objects: np.ndarray, boxes: np.ndarray, windows: np.ndarray, close: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The objects [b, o, a] that windows [b, 3] surely show, and those that they show perhaps, cut by the border.

    A close-up does not say how large a thing is.
    """
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2  # [b, o, 2]
    middle, half = windows[:, None, :2], windows[:, None, 2:] / 2
    surely = (np.abs(centres - middle) < half).all(axis=-1, keepdims=True)  # [b, o, 1]
    perhaps = ((boxes[..., :2] < middle + half) & (boxes[..., 2:] > middle - half)).all(axis=-1, keepdims=True)
    seen, size = objects.copy(), ATTRIBUTES.index("size")
    seen[..., size] = np.where(close[:, None] & (objects[..., size] != MISSING), HIDDEN, objects[..., size])
    return np.where(surely, seen, MISSING), np.where(perhaps, seen, MISSING)


def _some(available: int, rows: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """So many different indices below `available` in each row: [rows, number]."""
    return rng.random((rows, available)).argsort(axis=1)[:, :number]


def _around(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Square windows [b, 3] (centre x, y and side) around boxes [b, 4], from tight to wide."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    largest = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    sides = np.minimum(largest * rng.uniform(1.15, 2.6, size=len(boxes)), 1.0)
    return np.column_stack([centres, sides])


def view(pixels: torch.Tensor, windows: np.ndarray, mirrored: np.ndarray, size: int) -> torch.Tensor:
    """Windows [b, 3] of pictures [b, 3, p, p] uint8 as [b, 3, size, size] in -1..1 (mean and deviation 0.5)."""
    sides = np.where(mirrored, -1.0, 1.0) * windows[:, 2]
    theta = np.zeros((len(windows), 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 1, 1] = sides, windows[:, 2]
    theta[:, :, 2] = 2 * windows[:, :2] - 1
    grid = functional.affine_grid(torch.from_numpy(theta), [len(windows), 3, size, size], align_corners=False)
    seen = functional.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return seen / 127.5 - 1  # now, for there are fewer pixels than before
