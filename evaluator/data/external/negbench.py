"""NegBench: multiple choice among affirmed, negated and mixed captions; retrieval with negated queries; yes or no."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.authors import first_best, mean, means_by, recall
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_index, get_text, literal_texts
from fourfold.evaluator.data.external.images import locate, tails
from fourfold.evaluator.data.external.reading import Row, read_csv
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

_RANKS = (1, 5)


def load(source: Source) -> Iterator[Item]:
    """Items of one CSV, or of every CSV in a folder; the header tells choice from retrieval."""
    paths = sorted(source.path.glob("*.csv")) if source.path.is_dir() else [source.path]
    if not paths:
        raise InputError(f"{source.path}: holds no .csv file")
    for path in paths:
        rows = read_csv(path, [])
        header = list(rows[0]) if rows else []
        if {"filepath", "captions"} <= set(header):
            yield _retrieval_set(source, path, rows)
        elif {"image_path", "caption_0", "caption_1", "correct_answer"} <= set(header):
            yield from _choices(source, path, rows)
        else:
            wanted = "either 'filepath' and 'captions', or 'image_path', 'caption_0', 'caption_1' and 'correct_answer'"
            raise InputError(f"{path}: columns {header}; NegBench has {wanted}")


def _choices(source: Source, path: Path, rows: Sequence[Row]) -> Iterator[Item]:
    columns = [name for name in rows[0] if re.fullmatch(r"caption_\d+", name)]
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        name = get_text(row, "image_path", where)
        captions = [get_text(row, column, where) for column in columns]
        right = get_index(row, "correct_answer", len(captions), where)
        template = row.get("correct_answer_template", "binary")
        image = locate(source, *tails(name), where=where)
        tags = {"file": path.stem, "task": "choice"}
        cluster = PurePosixPath(name).stem
        yield choice_item(f"{path.stem}-{number}", image, captions, right, template, cluster, tags)


def _retrieval_set(source: Source, path: Path, rows: Sequence[Row]) -> Item:
    images: list[ImageRef] = []
    captions: list[str] = []
    owners: list[int] = []
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        images.append(locate(source, *tails(get_text(row, "filepath", where)), where=where))
        texts = literal_texts(row, "captions", where)
        captions.extend(texts)
        owners.extend([number] * len(texts))
    truth = np.arange(len(images))[:, None] == np.array(owners)[None, :]  # [n_images, n_texts]
    tags = {"file": path.stem, "task": "retrieval"}
    return Item(path.stem, tuple(images), tuple(captions), truth, "retrieval", path.stem, tags)


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """By file: accuracy (first argmax) in total and by template; for retrieval R@1 and R@5, both ways.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    table: dict[str, float] = {}
    for file in dict.fromkeys(str(item.tags["file"]) for item in items):
        rows = [(item, score) for item, score in zip(items, scores, strict=True) if item.tags["file"] == file]
        item, score = rows[0]
        part = _recalls(item, score) if item.tags["task"] == "retrieval" else _accuracies(rows)
        table |= {f"{file} {name}": value for name, value in part.items()}
    return table


def _accuracies(rows: Sequence[tuple[Item, np.ndarray]]) -> dict[str, float]:
    right = first_best([item for item, _ in rows], [score for _, score in rows])
    templates = means_by(right, [item.category for item, _ in rows])
    return {"total": mean(right), **(templates if list(templates) != ["binary"] else {})}


def _recalls(item: Item, scores: np.ndarray) -> dict[str, float]:
    to_images = {f"text-to-image R@{k}": recall(scores.T, item.truth.T, k) for k in _RANKS}
    return to_images | {f"image-to-text R@{k}": recall(scores, item.truth, k) for k in _RANKS}
