"""SugarCrepe: one file an edit, {"0": {filename, caption, negative_caption}}; pictures in val2017/."""

from pathlib import Path

from fourfold.generator.exports.edits import caption_edit
from fourfold.generator.exports.source import Source, save_picture, write_json


def write(source: Source, out: Path) -> int:
    """Write every picture with its caption and, as the negative, that of its twin; returns the number of items.

    So each caption is once right and once wrong.
    """
    files: dict[str, dict[str, dict[str, str]]] = {}
    for group in source.groups():
        edit = caption_edit(group)
        if edit is None:
            continue
        items = files.setdefault("_".join(edit), {})
        for i, row in enumerate(group.rows):
            name = f"{row['id']}.png"
            save_picture(source, row, out, f"val2017/{name}")
            texts = group.captions[i].text, group.captions[1 - i].text
            items[str(len(items))] = {"filename": name, "caption": texts[0], "negative_caption": texts[1]}
    for name, items in files.items():
        write_json(out / f"{name}.json", items)
    return sum(map(len, files.values()))
