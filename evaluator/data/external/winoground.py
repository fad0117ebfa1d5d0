"""Winoground: 400 pairs of photographs and of captions with the same words in another order (gated on HuggingFace)."""

from collections.abc import Iterator

from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text
from fourfold.evaluator.data.external.images import embedded, locate
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import Row, first_file, read_table
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

_TAGS = ("tag", "secondary_tag", "collapsed_tag", "num_main_preds")


def load(source: Source) -> Iterator[Item]:
    """Items of the parquet file, of a folder that holds it, or of a folder with `examples.jsonl` and images."""
    path = first_file(source.path, ["examples.jsonl", "data/examples.jsonl"])
    rows = read_table(path, ["image_0", "image_1", "caption_0", "caption_1"], _TAGS)
    for number, (where, row) in enumerate(rows):
        yield pair_item(
            f"winoground-{number}",
            (_image(source, row, "image_0", where), _image(source, row, "image_1", where)),
            (get_text(row, "caption_0", where), get_text(row, "caption_1", where)),
            str(row.get("collapsed_tag") or "winoground"),
            {name: row[name] for name in _TAGS if isinstance(row.get(name), str | int)},
        )


def _image(source: Source, row: Row, column: str, where: str) -> ImageRef:
    if not isinstance(row[column], str):
        return embedded(source, row, column, where)
    name = get_text(row, column, where)  # examples.jsonl leaves the suffix out
    return locate(source, name, f"{name}.png", f"images/{name}", f"images/{name}.png", where=where)
