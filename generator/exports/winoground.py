"""Winoground: examples.jsonl of two pictures and two captions, pictures in images/ named without their suffix."""

import json
from pathlib import Path

from fourfold.generator.exports.source import Source, save_picture


def write(source: Source, out: Path) -> int:
    """Write every fourfold group as one example; returns their number.

    Caption 0 is true of image 0 alone, caption 1 of image 1 alone.
    """
    count = 0
    with (out / "examples.jsonl").open("w", encoding="utf-8") as file:
        for count, group in enumerate(source.groups(), start=1):
            for row in group.rows:
                save_picture(source, row, out, f"images/{row['id']}.png")
            first, second = group.rows
            example = {
                "id": count - 1,
                "image_0": first["id"],
                "image_1": second["id"],
                "caption_0": group.captions[0].text,
                "caption_1": group.captions[1].text,
                "tag": first["edit"],
                "secondary_tag": first["attribute"],
                "num_main_preds": 1,
                "collapsed_tag": group.category,
            }
            file.write(json.dumps(example, ensure_ascii=False) + "\n")
    return count
