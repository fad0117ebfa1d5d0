"""Rows of users' own files become items; what a row lacks or says twice is an `InputError` that names it."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get, get_text, literal_texts
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.plain import Mapped, Rows, find_columns
from fourfold.evaluator.data.external.reading import Row
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import RETRIEVAL, RETRIEVAL_CANDIDATES, Item
from fourfold.files import is_url

_LIST = re.compile(r"\s*\[(?:\s*['\"].*|[^\[\]]*\]\s*)", re.DOTALL)  # of texts in a CSV cell, well made or not
_EMPTY_LIST = re.compile(r"\s*\[\s*\]\s*")


@dataclass(frozen=True)
class _Question:
    where: str
    id: str
    images: tuple[ImageRef, ...]
    captions: tuple[str, ...]
    foils: tuple[str, ...]
    foil_columns: Sequence[str]  # there may be some with nothing in them
    category: str
    cluster: str


def plain_items(rows: Rows, mapped: Mapped, category: str | None = None) -> tuple[list[Item], list[str]]:
    """The items of all rows, and the columns that were not read.

    `category` is that of rows without one; None: the benchmark's name. What columns mean is told in
    `fourfold.evaluator.data.external.plain`. Raises InputError, naming the row, for a column or a text that is not
    there, a caption that is a foil too, an id that two rows have, pictures without a caption each, foils in some rows
    only, and a search among too few.
    """
    unread: dict[str, None] = {}
    questions = list(_questions(rows, mapped, category or rows.name, unread))
    names: dict[str, str] = {}
    for question in questions:
        if (first := names.setdefault(question.id, question.where)) != question.where:
            raise InputError(f"{question.where}: the id {question.id!r} is that of {first} too; each needs its own")
    asked = [question for question in questions if len(question.images) > 1 or question.foils]
    if questions and not asked:
        if empty := next((question.foil_columns[0] for question in questions if question.foil_columns), None):
            raise InputError(f"{rows.name}: {empty!r} is empty in every row; fill it, or leave it out for a search")
        return [_search(questions, rows)], list(unread)
    for question in questions:
        if len(question.images) == 1 and not question.foils:
            raise InputError(f"{question.where}: no foil; with one picture, either every row has one or none has")
    return [item for question in questions for item in _items(question)], list(unread)


def _questions(rows: Rows, mapped: Mapped, category: str, unread: dict[str, None]) -> Iterator[_Question]:
    known: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for number, (where, row) in enumerate(rows.rows, start=1):
        header = tuple(row)
        if header not in known:
            columns = known[header] = find_columns(mapped, header, where)
            used = {name for names in columns.values() for name in names}
            unread.update(dict.fromkeys(name for name in header if name and name not in used))
        yield _question(rows, row, known[header], f"{rows.name}-{number}", category, where)


def _question(
    rows: Rows, row: Row, columns: Mapping[str, Sequence[str]], id: str, category: str, where: str
) -> _Question:
    pairs = [pair for name in columns["image"] for pair in _pictures(rows.source, row, name, where)]
    images = tuple(image for image, _ in pairs)
    strict = len(images) > 1
    captions = _texts(row, columns["caption"], where, least=len(columns["caption"]) if strict else 1)
    foils = _texts(row, columns["foil"], where, least=0)
    name = _name(row, columns["id"], where) or id
    _check(images, captions, foils, where)
    own = _name(row, columns["category"], where)
    if own == RETRIEVAL:
        raise InputError(f"{where}: the category {RETRIEVAL!r} is that of searches; call it otherwise")
    return _Question(
        where=where,
        id=name,
        images=images,
        captions=captions,
        foils=foils,
        foil_columns=columns["foil"],
        category=own or category,
        cluster=_name(row, columns["cluster"], where) or pairs[0][1],
    )


def _check(images: Sequence[ImageRef], captions: Sequence[str], foils: Sequence[str], where: str) -> None:
    said: dict[str, str] = {}
    for text in (*captions, *foils):
        plain = " ".join(text.split())
        if plain in said:
            what = "is a caption and a foil" if text in foils and said[plain] in captions else "is there twice"
            raise InputError(f"{where}: {text!r:.80} {what}, so that no answer to it can be right")
        said[plain] = text
    if len(images) == 1:
        return
    if foils:
        raise InputError(f"{where}: {len(images)} pictures and foils; of several pictures each has a caption, no foil")
    if len(captions) != len(images):
        raise InputError(f"{where}: {len(images)} pictures and {len(captions)} captions; each picture needs its own")
    if len(set(images)) < len(images):
        raise InputError(f"{where}: names the picture {images[0].path.name} twice")


def _pictures(source: Source, row: Row, column: str, where: str) -> Iterator[tuple[ImageRef, str]]:
    """Every picture of a cell, with what tells it from others: its name, or a hash of its bytes."""
    cell = _cell(row, column, where)
    if isinstance(cell, list | tuple) and not cell:
        raise InputError(f"{where}: {column!r} is an empty list")
    for each in cell if isinstance(cell, list | tuple) else [cell]:
        if isinstance(each, ImageRef):
            yield each, each.path.name if each.data is None else hashlib.sha256(each.data).hexdigest()[:16]
        elif not source.look and not isinstance(each, str):
            yield ImageRef(Path(f"{where}: {column}")), where
        else:
            name = get_text({column: each}, column, where).strip()
            if is_url(name):
                raise InputError(f"{where}: {column!r} is the URL {name:.80}; pictures are files: download them first")
            yield locate(source, name, where=where), name


def _texts(row: Row, columns: Sequence[str], where: str, least: int) -> tuple[str, ...]:
    """The texts of some columns, one after another; of the columns after the first `least` some may be empty."""
    found: list[str] = []
    for number, column in enumerate(columns):
        cell = _cell(row, column, where)
        if isinstance(cell, list | tuple):
            found += (get_text(cell, k, f"{where}: {column!r}") for k in range(len(cell)))
        elif number < least or (cell is not None and str(cell).strip()):
            found.append(get_text(row, column, where))
    if least and not found:
        raise InputError(f"{where}: {columns[0]!r} is empty")
    return tuple(text.strip() for text in found)


def _cell(row: Row, column: str, where: str) -> Any:
    """The cell; of a CSV file, which has no lists, the list that is written in it."""
    cell = row[column]
    if not isinstance(cell, str) or not _LIST.fullmatch(cell):
        return cell
    return [] if _EMPTY_LIST.fullmatch(cell) else literal_texts(row, column, where)


def _name(row: Row, columns: Sequence[str], where: str) -> str | None:
    if not columns:
        return None
    cell = get(row, columns[0], (str, int), where)
    return str(cell) if isinstance(cell, int) else get_text(row, columns[0], where).strip()


def _items(question: _Question) -> Iterator[Item]:
    """The question as an item; of several true captions of one picture each is an item with all foils."""
    if len(question.images) > 1:
        truth = np.eye(len(question.images), dtype=bool)
        yield Item(question.id, question.images, question.captions, truth, question.category, question.cluster)
        return
    for number, caption in enumerate(question.captions):
        id = question.id if len(question.captions) == 1 else f"{question.id}-{number}"
        right = _place(id, 1 + len(question.foils))
        options = (*question.foils[:right], caption, *question.foils[right:])
        truth = np.arange(len(options))[None, :] == right  # [1, m]
        yield Item(id, question.images, options, truth, question.category, question.cluster)


def _place(id: str, options: int) -> int:
    """Where the true caption stands among the options, drawn from the id: columns have no order to be known by."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") % options


def _search(questions: Sequence[_Question], rows: Rows) -> Item:
    """All pictures and all captions as one set; a caption that several rows have is one column, true of all of them."""
    images: dict[ImageRef, int] = {}
    captions: dict[str, int] = {}
    cells = set()
    for question in questions:
        image = images.setdefault(question.images[0], len(images))
        cells |= {(image, captions.setdefault(text, len(captions))) for text in question.captions}
    if min(len(images), len(captions)) <= RETRIEVAL_CANDIDATES:
        given = f"{len(images)} pictures and {len(captions)} captions"
        least = f"more than {RETRIEVAL_CANDIDATES} of each"
        raise InputError(f"{rows.name}: no row has a foil, and a search among {given} is none; it takes {least}")
    truth = np.zeros((len(images), len(captions)), dtype=bool)
    truth[tuple(np.array(sorted(cells)).T)] = True
    return Item(rows.name, tuple(images), tuple(captions), truth, RETRIEVAL, rows.name, {"task": RETRIEVAL})
