"""VisMin: minimal edits of object, attribute, count and place, with both images and both captions."""

from collections.abc import Iterator

from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get, get_text
from fourfold.evaluator.data.external.images import embedded, locate
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import entries, read_json, read_table
from fourfold.evaluator.data.items import Item


def load(source: Source) -> Iterator[Item]:
    """Items of the benchmark's parquet, or of a training JSON with the edited twins of each image."""
    if source.path.suffix == ".json":
        yield from _load_edits(source)
        return
    rows = read_table(source.path, ["image_0", "text_0", "image_1", "text_1", "category"])
    for number, (where, row) in enumerate(rows):
        images = embedded(source, row, "image_0", where), embedded(source, row, "image_1", where)
        captions = get_text(row, "text_0", where), get_text(row, "text_1", where)
        yield pair_item(f"vismin-{number}", images, captions, get_text(row, "category", where))


def _load_edits(source: Source) -> Iterator[Item]:
    for key, row in entries(read_json(source.path), source.path):
        where = f"{source.path}: item {key!r}"
        name, caption = get_text(row, "image_path", where), get_text(row, "caption", where)
        for number, negative in enumerate(get(row, "negatives", list, where)):
            at = f"{where}: negative {number}"
            edited = get_text(negative, "edited_image_path", at)
            images = locate(source, name, where=where), locate(source, edited, where=at)
            captions = caption, get_text(negative, "edited_caption", at)
            yield pair_item(f"vismin-{key}-{number}", images, captions, "edited", cluster=name)
