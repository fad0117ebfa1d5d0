"""ColorSwap: pairs of generated images and captions whose color words are exchanged."""

from collections.abc import Iterator

from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text
from fourfold.evaluator.data.external.images import embedded
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import first_file, read_table
from fourfold.evaluator.data.items import Item


def load(source: Source) -> Iterator[Item]:
    """Items of the authors' `test.json`, of a folder that holds it, or of the HuggingFace parquet."""
    path = first_file(source.path, ["test.json"])
    rows = read_table(path, ["caption_1", "caption_2", "image_1", "image_2"], ["caption_source"])
    for number, (where, row) in enumerate(rows):
        images = embedded(source, row, "image_1", where), embedded(source, row, "image_2", where)
        captions = get_text(row, "caption_1", where), get_text(row, "caption_2", where)
        yield pair_item(f"colorswap-{number}", images, captions, str(row.get("caption_source") or "colorswap"))
