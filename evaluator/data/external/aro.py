"""ARO: VG-Relation and VG-Attribution; a region of a Visual Genome image, its caption, and one with words swapped."""

from collections.abc import Iterator, Sequence

import numpy as np

from fourfold.evaluator.data.external.authors import first_best, mean, means_by
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.choices import choice_item
from fourfold.evaluator.data.external.fields import get_number, get_text, get_texts
from fourfold.evaluator.data.external.images import box_of, embedded, locate, name_of_cell
from fourfold.evaluator.data.external.reading import Row, entries, read_json, read_table
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item

# The 48 relations that the authors' code counts; the other 157 of the file it drops from the macro average, "near" and
# "next to" among them, of which both orders are true.
COUNTED = frozenset(
    (
        *("above", "at", "behind", "below", "beneath", "in", "in front of", "inside", "on", "on top of", "under"),
        *("to the left of", "to the right of", "carrying", "covered by", "covered in", "covered with", "covering"),
        *("cutting", "eating", "feeding", "grazing on", "hanging on", "holding", "leaning against", "leaning on"),
        *("looking at", "lying in", "lying on", "parked on", "pulled by", "pulling", "reflected in", "resting on"),
        *("riding", "sitting at", "sitting in", "sitting on", "sitting on top of", "standing by", "standing in"),
        *("standing on", "surrounded by", "using", "walking in", "walking on", "watching", "wearing"),
    )
)
_FEWEST = 25  # attribute pairs with fewer items are left out of the authors' average
_BOX = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")


def load_relation(source: Source) -> Iterator[Item]:
    """Items of `visual_genome_relation.json`, or of a parquet copy whose images are cropped already."""
    yield from _load(source, "visual_genome_relation.json", "relation_name")


def load_attribution(source: Source) -> Iterator[Item]:
    """Items of `visual_genome_attribution.json`, or of a parquet copy whose images are cropped already."""
    yield from _load(source, "visual_genome_attribution.json", "attributes")


def _load(source: Source, file: str, kind: str) -> Iterator[Item]:
    annotations = source.path / file if (source.path / file).is_file() else source.path
    if annotations.suffix == ".json":
        for key, row in entries(read_json(annotations), annotations):
            where = f"{annotations}: item {key}"
            name = get_text(row, "image_path", where)
            x, y, width, height = (get_number(row, column, where) for column in _BOX)
            box = box_of(x, y, width, height)
            image = locate(source, name, f"images/{name}", where=where, box=box)
            yield _item(key, row, image, name, _kind(row, kind, where), where)
        return
    rows = read_table(annotations, ["image", "true_caption", "false_caption"], [kind])
    for number, (where, row) in enumerate(rows):
        image = embedded(source, row, "image", where)
        name = name_of_cell(row, "image", image, f"row {number}")
        yield _item(str(number), row, image, name, _kind(row, kind, where) if kind in row else "any", where)


def _kind(row: Row, kind: str, where: str) -> str:
    if kind == "attributes":
        return "_".join(get_texts(row, kind, where, least=2)[:2])
    return get_text(row, kind, where)


def _item(key: str, row: Row, image: ImageRef, name: str, kind: str, where: str) -> Item:
    captions = get_text(row, "false_caption", where), get_text(row, "true_caption", where)
    return choice_item(f"aro-{key}", image, captions, 1, kind, name)


def relation_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Macro: mean over the relations that the authors count. Options [false, true], correct if argmax is 1."""
    right = first_best(items, scores)
    by_relation = means_by(right, [item.category for item in items])
    counted = [value for relation, value in by_relation.items() if relation in COUNTED]
    macro = {"macro": mean(counted)} if counted else {}
    return macro | {"macro, all relations": mean(by_relation.values()), "micro": mean(right)}


def attribution_metric(items: Sequence[Item], scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Macro: mean over the pairs of attributes with at least 25 items. Options [false, true]."""
    right = first_best(items, scores)
    by_pair = means_by(right, [item.category for item in items], least=_FEWEST)
    macro = {"macro": mean(by_pair.values())} if by_pair else {}
    return macro | {"micro": mean(right)}
