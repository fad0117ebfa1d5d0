"""What'sUp: a picture and four prepositions; A (left, right, on, under) and B (left, right, in front, behind).

A relation group gives two questions with the same four options, of which one is right in either picture. Their sets of
four pictures are pairs here: their pair accuracy is to be read, their set accuracy is none.
"""

from pathlib import Path
from typing import Any

from fourfold.generator.captions.wording import articled
from fourfold.generator.dataset.reading import Group
from fourfold.generator.exports.source import Source, claim_of, layout_of, save_picture, write_json
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.claims import Related
from fourfold.scenes.truth.descriptions import Description
from fourfold.scenes.truth.relations import RELATIONS

# File, folder, and for each relation the token in its file names and the words of its caption.
_SUBSETS = (
    (
        "controlled_images_dataset.json",
        "controlled_images",
        {"left": "left_of", "right": "right_of", "on": "on", "under": "under"},
    ),
    (
        "controlled_clevr_dataset.json",
        "controlled_clevr",
        {"left": "left_of", "right": "right_of", "front": "in-front_of", "behind": "behind"},
    ),
)
_WORDS = {
    "left": "to the left of",
    "right": "to the right of",
    "on": "on",
    "under": "under",
    "front": "in front of",
    "behind": "behind",
}


def write(source: Source, out: Path) -> int:
    """Write both questions of every relation group whose pictures clearly show opposite ones of a subset's relations.

    Returns the number of questions.
    """
    files: dict[str, list[dict[str, Any]]] = {}
    for group in source.groups():
        said = claim_of(group, 0)
        if group.category != "relation" or not isinstance(said, Related):
            continue
        for file, folder, tokens in _SUBSETS:
            layouts = [layout_of(row) for row in group.rows]
            shown = [_shown(layout, said.subject, said.reference, tuple(tokens)) for layout in layouts]
            if shown[0] is not None and shown[1] == RELATIONS[shown[0]].converse:
                for row, relation in zip(group.rows, map(str, shown), strict=True):
                    name = f"data/{folder}/{_file_name(group, said, tokens[relation])}"
                    save_picture(source, row, out, name)
                    options = [relation, *(other for other in tokens if other != relation)]
                    captions = [_caption(said, option) for option in options]
                    files.setdefault(file, []).append({"image_path": name, "caption_options": captions})
                break
    for file, items in files.items():
        write_json(out / "data" / file, items)
    return sum(map(len, files.values()))


def _shown(layout: Layout, subject: Description, reference: Description, relations: tuple[str, ...]) -> str | None:
    """The one relation in which two things stand, the others being clearly not it; None if there is no such one.

    Not it is what is false, and what is not the direction at all: things side by side are neither before nor behind.
    """
    pair = [[k for k, thing in enumerate(layout.objects) if said.matches(thing)] for said in (subject, reference)]
    if [len(found) for found in pair] != [1, 1]:
        return None
    (i,), (j,) = pair
    offsets = {name: RELATIONS[name].offset(layout, i, j) for name in relations}
    true = [name for name, offset in offsets.items() if offset >= 1]
    rest = [offset for name, offset in offsets.items() if name not in true]
    return true[0] if len(true) == 1 and all(offset <= -1 or offset == 0 for offset in rest) else None


def _file_name(group: Group, said: Related, token: str) -> str:
    """First and last token name the pair of pictures that belong together, as their scripts read it."""
    number = group.id.rsplit("-", 1)[-1]
    first, last = (str(each.shape).replace("_", " ") for each in (said.subject, said.reference))
    return f"{first} {number}_{token}_{last} {number}.png"


def _caption(said: Related, relation: str) -> str:
    first, last = (articled(each) for each in (said.subject, said.reference))
    return f"{first[0].upper()}{first[1:]} {_WORDS[relation]} {last}"
