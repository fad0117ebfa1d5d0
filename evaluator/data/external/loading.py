"""`load_benchmark`: files on disk become items that can be scored, and what is missing is counted and said."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.data.external.benchmark import LoadedBenchmark, Source
from fourfold.evaluator.data.external.images import is_there
from fourfold.evaluator.data.external.plain_table import PLAIN, TOML, expected, is_plain, read_plain
from fourfold.evaluator.data.external.reading import place_of
from fourfold.evaluator.data.external.table import BENCHMARKS
from fourfold.evaluator.data.items import Item

CAPTION_SLOT = "{caption}"
_NAMED_AT_MOST = 5


def is_benchmark(spec: str) -> bool:
    """Whether this names a benchmark by others or a file of the user's, rightly or not, and no folder: NAME:PATH."""
    if is_plain(spec):
        return True
    name, colon, rest = spec.partition(":")
    return name in BENCHMARKS or (bool(colon) and not rest.startswith("//") and not os.path.exists(spec))


def load_benchmark(
    spec: str,
    *,
    images: Path | None,
    allow_missing: bool = False,
    prompt: str | None = None,
    check_images: bool = True,
) -> LoadedBenchmark:
    """Items of the benchmark that "name:PATH" names, with its authors' metric and what must be said beside numbers.

    NAME is one of BENCHMARKS, or csv, jsonl, hf, wds or toml for questions of one's own, which have no metric of their
    own: `fourfold.evaluator.data.external.plain` tells how they are written.
    `images` is the folder that image names are relative to; None: the folder of the annotations. Missing images are
    refused unless `allow_missing`, then their items are left out and counted. `prompt` holds "{caption}".
    `check_images=False` reads the captions alone, for audits that see no image.
    Raises InputError: unknown name, unreadable or incomplete annotations, missing images, a name that leaves the
    folder.
    """
    if is_plain(spec):
        own = read_plain(spec, None if images is None else _given_folder(images), check_images)
        asked: Iterable[Item] = own.items
        found = LoadedBenchmark((), own.name, None, 0, own.notes)
        folder, expects, prompt = own.images, expected(spec.partition(":")[0]), prompt or own.prompt
    else:
        name, path = _parse(spec)
        benchmark = BENCHMARKS[name]
        folder, expects = _images_folder(path, images), benchmark.expects
        asked = benchmark.load(Source(path, folder, look=check_images))
        found = LoadedBenchmark((), name, benchmark.metric, 0, benchmark.notes)
    items = [_worded(item, prompt) for item in asked]
    notes = found.notes if prompt is None else (*found.notes, f"prompt {prompt!r}")
    missing = 0
    if check_images:
        items, missing, lost = _present(items)
        if missing and not allow_missing:
            raise InputError(f"{spec}: {_missing_text(missing, lost, folder)}")
        if missing:
            notes = (
                *notes,
                f"{missing} items or images left out because an image is missing; {len(items)} items scored",
            )
    if not items:
        reason = f"every one lacks an image, looked for in {folder}" if missing else f"PATH has to be {expects}"
        raise InputError(f"{spec}: no items to score; {reason}")
    return replace(found, items=tuple(items), missing=missing, notes=notes)


def _parse(spec: str) -> tuple[str, Path]:
    name, colon, rest = spec.partition(":")
    if name not in BENCHMARKS:
        raise unknown_name("benchmark", name, (*BENCHMARKS, *PLAIN, TOML), where=spec)
    if not colon or not rest:
        raise InputError(f"{spec}: give the place of its files as {name}:PATH; PATH is {BENCHMARKS[name].expects}")
    path = place_of(rest, spec)  # absolute: loaders ask for the folder's name and its parent's, and "." has neither
    if not path.exists():
        raise InputError(f"{spec}: there is no {path}; PATH is {BENCHMARKS[name].expects}")
    return name, path


def _images_folder(path: Path, images: Path | None) -> Path:
    if images is None:
        return path if path.is_dir() else path.parent
    return _given_folder(images)


def _given_folder(images: Path) -> Path:
    if not images.is_dir():
        raise InputError(f"--images {images}: no such folder")
    return images


def _worded(item: Item, prompt: str | None) -> Item:
    if prompt is None:
        return item
    if prompt.count(CAPTION_SLOT) != 1:
        raise InputError(f"--prompt {prompt!r}: must hold {CAPTION_SLOT} once, as in 'a photo of {CAPTION_SLOT}'")
    return replace(item, captions=tuple(prompt.replace(CAPTION_SLOT, caption) for caption in item.captions))


def _present(items: Iterable[Item]) -> tuple[list[Item], int, list[str]]:
    """Items that can be scored, the number of losses, and the names of the files that are not there."""
    kept, missing, lost = [], 0, []
    for item in items:
        there = np.array([is_there(image) for image in item.images])
        if there.all():
            kept.append(item)
            continue
        lost += [str(image.path) for image, present in zip(item.images, there, strict=True) if not present]
        if item.tags.get("task") == "retrieval":
            missing += int((~there).sum())
            kept += _without(item, there)
        else:
            missing += 1
    return kept, missing, list(dict.fromkeys(lost))


def _without(item: Item, there: np.ndarray) -> list[Item]:
    """A retrieval set without its missing images and the captions that only these make true."""
    if not there.any():
        return []
    truth = item.truth[there]
    columns = truth.any(axis=0)
    return [
        replace(
            item,
            images=tuple(image for image, keep in zip(item.images, there, strict=True) if keep),
            captions=tuple(caption for caption, keep in zip(item.captions, columns, strict=True) if keep),
            truth=truth[:, columns],
        )
    ]


def _missing_text(missing: int, lost: list[str], folder: Path) -> str:
    first = ", ".join(lost[:_NAMED_AT_MOST])
    count = "1 file" if len(lost) == 1 else f"{len(lost)} files"
    more = f" and {len(lost) - _NAMED_AT_MOST} more" if len(lost) > _NAMED_AT_MOST else ""
    return (
        f"{missing} {'item lacks' if missing == 1 else 'items lack'} an image ({count}, looked for in {folder}): "
        f"{first}{more}. Name the folder with --images, or leave these items out with --allow-missing"
    )
