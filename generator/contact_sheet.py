"""A contact sheet: fourfold groups as pairs of pictures with their two captions, a row for each category."""

import textwrap
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from generator.dataset import Group, choose_split, read_groups, read_picture
from scenes.errors import InputError

_GAP, _LINE, _MARGIN = 4, 13, 14


def preview(
    dataset: str | Path, out: str | Path, *, split: str | None = None, columns: int = 4, rows: int = 1, size: int = 168
) -> Path:
    """Write a contact sheet of the first groups of each category as a PNG; returns its path."""
    folder, path = Path(dataset), Path(out)
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: the contact sheet is a PNG; give a name that ends in .png")
    chosen: dict[str, list[Group]] = {}
    for group in read_groups(folder, choose_split(folder, split)):
        mine = chosen.setdefault(group.category, [])
        if len(mine) < columns * rows:
            mine.append(group)
    if not chosen:
        raise InputError(f"{folder}: this split holds no fourfold groups to show")
    columns = min(columns, max(map(len, chosen.values())))
    bands = [(name, mine[k : k + columns]) for name, mine in chosen.items() for k in range(0, len(mine), columns)]
    cell = (2 * size + _GAP + _MARGIN, size + 4 * _LINE + _MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, len(bands) * (cell[1] + _LINE + 4) + _MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    y = _MARGIN // 2
    for name, groups in bands:
        pen.text((_MARGIN, y), name, fill="black", font=ImageFont.load_default(13))
        for k, group in enumerate(groups):
            _draw_group(sheet, pen, font, group, (_MARGIN + k * cell[0], y + _LINE + 4), size)
        y += cell[1] + _LINE + 4
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG", optimize=True)
    return path


def _draw_group(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: Any,
    group: Group,
    at: tuple[int, int],
    size: int,
) -> None:
    x, y = at
    for i in (0, 1):
        left = x + i * (size + _GAP)
        picture = read_picture(group.folder, group.rows[i]["file_name"], "RGB")
        sheet.paste(picture.resize((size, size), Image.Resampling.LANCZOS), (left, y))
        lines = textwrap.wrap(group.captions[i].text, width=size // 6)[:3]
        pen.multiline_text((left, y + size + 3), "\n".join(lines), fill=(70, 70, 70), font=font, spacing=1)
