"""The folders that the DCSM authors' training reads: labels are file names, negation a list of pairs of pictures.

Of their augmentations the mirrored copies are written, for mirroring changes no attribute; their cut-and-mixed
relations are not. Not published, so inferred: names inside `objaverse_smallbig_withbg`, as those of the attributes; and
the two objects of a negated pair, the first shown and the second lacking.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import ImageOps

from fourfold.generator.dataset.reading import Group
from fourfold.generator.exports.source import Source, claim_of, layout_of, png, save_picture, write_json
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Absent, Both, Exists, Related
from fourfold.scenes.truth.descriptions import Description

_ATTRIBUTES = "objaverse_attributes_overlay_withbg"
_SIZES = "objaverse_smallbig_withbg"
_RELATIONS = "objaverse_train_composite_newrelations_withbg"
_PAIRS = "negated_pairs_cocotrain_v1"
_TOKENS = {"left": "leftof", "right": "rightof", "above": "above", "below": "below"}
_SIZE_WORDS = {"small": "small", "medium": "medium", "large": "big"}


def write(source: Source, out: Path) -> int:
    """Write the folders for binding of colors and sizes, relations and negated kinds; returns the number of items.

    A label that is there already is passed over, because labels are file names.
    """
    pairs: list[dict[str, Any]] = []
    written: set[str] = set()
    for group in source.groups():
        for row, name in _labels(group):
            if name in written:
                continue
            written.add(name)
            save_picture(source, row, out, f"{name}.png")
            if not name.startswith(_RELATIONS):
                path = out / f"{name}.png"
                path.with_name(f"MIRROR_{path.name}").write_bytes(png(ImageOps.mirror(source.picture(row))))
        pairs += _negated(group, source, out)
    if pairs:
        write_json(out / f"{_PAIRS}.json", pairs)
    return len(written) + len(pairs)


def _labels(group: Group) -> Iterator[tuple[dict[str, Any], str]]:
    """Rows of a group with folder and label, where the captions say a binding or a relation of two kinds."""
    for k, row in enumerate(group.rows):
        said = claim_of(group, k)
        if group.category == "binding" and isinstance(said, Both):
            label = _binding(said)
        elif group.category == "relation" and isinstance(said, Related) and said.relation in _TOKENS:
            label = f"{_RELATIONS}/{said.subject.shape}_{_TOKENS[said.relation]}_{said.reference.shape}"
        else:
            label = None
        if label is not None:
            yield row, label


def _binding(said: Both) -> str | None:
    if not (isinstance(said.first, Exists) and isinstance(said.second, Exists)):
        return None
    one, other = said.first.description, said.second.description
    if one.color and other.color:
        return f"{_ATTRIBUTES}/{one.color}_{one.shape}_{other.color}_{other.shape}"
    if one.size and other.size:
        return f"{_SIZES}/{_SIZE_WORDS[one.size]}_{one.shape}_{_SIZE_WORDS[other.size]}_{other.shape}"
    return None


def _negated(group: Group, source: Source, out: Path) -> Iterator[dict[str, Any]]:
    """A pair of pictures of which each shows a kind that the other lacks: [shown, lacking] for both."""
    if group.category != "negation":
        return
    kinds = [{thing.shape for thing in layout_of(row).objects} for row in group.rows]
    alone = [sorted(kinds[i] - kinds[1 - i]) for i in (0, 1)]
    if [len(each) for each in alone] != [1, 1] or not all(_is_sure(layout_of(row), alone) for row in group.rows):
        return
    names = [f"{_PAIRS}/{row['id']}.png" for row in group.rows]
    for row, name in zip(group.rows, names, strict=True):
        save_picture(source, row, out, name)
    yield {
        "img1_path": names[0],
        "img2_path": names[1],
        "img1_obj": [alone[0][0], alone[1][0]],
        "img2_obj": [alone[1][0], alone[0][0]],
    }


def _is_sure(layout: Layout, alone: list[list[str]]) -> bool:
    (one,), (other,) = alone
    pairs = (Description(one), Description(other)), (Description(other), Description(one))
    return [Both(Exists(shown), Absent(lacking)).holds(layout) for shown, lacking in pairs].count(True) == 1
