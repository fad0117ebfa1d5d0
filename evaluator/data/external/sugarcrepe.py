"""SugarCrepe: one image, its caption, and a fluent negative; seven files by edit (replace, swap, add)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fourfold.evaluator.data.external.authors import caption_above_foil, mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text
from fourfold.evaluator.data.external.images import embedded, locate, name_of_cell
from fourfold.evaluator.data.external.reading import Row, entries, files_named, read_json, read_table
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

EDITS = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
_ONE_TRUE = np.array([[True, False]])


def load(source: Source) -> Iterator[Item]:
    """Items of the authors' JSON files, or of tables with their columns: one CSV, or HuggingFace parquet."""
    tables = sorted(source.path.rglob("*.parquet")) if source.path.is_dir() else [source.path]
    tables = [path for path in tables if path.suffix in (".csv", ".parquet")]
    if tables:
        yield from (item for path in tables for item in _load_table(source, path))
        return
    for path in files_named(source.path, [f"{edit}.json" for edit in EDITS]):
        for key, row in entries(read_json(path), path):
            where = f"{path}: item {key!r}"
            name = get_text(row, "filename", where)
            image = locate(source, name, f"val2017/{name}", where=where)
            yield _item(f"{path.stem}-{key}", row, image, path.stem, name, where)


def _load_table(source: Source, path: Path) -> Iterator[Item]:
    rows = read_table(path, ["caption", "negative_caption"], ["filename", "images", "image", "type", "subtype"])
    for number, (where, row) in enumerate(rows):
        # Copies with one file an edit are called "swap_att-00000-of-00001.parquet".
        edit = f"{row['type']}_{row['subtype']}" if row.get("type") and row.get("subtype") else path.stem.split("-")[0]
        if "filename" in row:
            name = get_text(row, "filename", where)
            image = locate(source, name, f"val2017/{name}", where=where)
        else:
            column = "images" if "images" in row else "image"
            image = embedded(source, row, column, where)
            name = name_of_cell(row, column, image, f"{path.stem} {number}")
        yield _item(f"{path.stem}-{number}", row, image, edit, name, where)


def _item(id: str, row: Row, image: ImageRef, edit: str, name: str, where: str) -> Item:
    captions = get_text(row, "caption", where), get_text(row, "negative_caption", where)
    return Item(id, (image,), captions, _ONE_TRUE, category=edit, cluster=Path(name).stem, tags={"edit": edit})


def authors_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Accuracy by file with strict >; macro averages over files, over all and by kind of edit; micro over items.

    `scores`: [k, m] of each item, images by captions; the values are shares, 0..1.
    """
    right = caption_above_foil(scores)
    by_edit = means_by(right, [item.category for item in items])
    kinds = dict.fromkeys(edit.split("_")[0] for edit in by_edit)
    by_kind = {kind: mean(by_edit[edit] for edit in by_edit if edit.split("_")[0] == kind) for kind in kinds}
    return {**by_edit, **by_kind, "macro": mean(by_edit.values()), "micro": mean(right)}
