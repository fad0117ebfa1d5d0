"""open_clip's training CSV: filepath and title between tabs, with the names that its flags have by default."""

import csv
from pathlib import Path

from fourfold.generator.exports.source import Source, save_picture

_TRUE = ("true", "hard-positive")


def write(source: Source, out: Path) -> int:
    """Write a line for each true caption of each picture, natural scenes too; returns the number of lines.

    The paths of pictures are as seen from `out`: train there.
    """
    count = 0
    with (out / f"{source.split}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("filepath", "title"))
        for row in source.rows():
            name = f"images/{row['id']}.png"
            save_picture(source, row, out, name)
            for caption in row["captions"]:
                if caption["kind"] in _TRUE:
                    writer.writerow((name, caption["text"]))
                    count += 1
    return count
