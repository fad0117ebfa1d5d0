"""A contact sheet: fourfold groups as pairs of pictures with their two captions, a row for each category."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from fourfold.errors import InputError
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.dataset.reading import Group, choose_split, read_groups, read_manifest, read_picture

_GAP, _LINE, _MARGIN = 4, 13, 14


def preview(
    dataset: str | Path, out: str | Path, *, split: str | None = None, columns: int = 4, rows: int = 1, size: int = 168
) -> Path:
    """Write a contact sheet of the first groups of each category as a PNG; returns its path.

    Its first line says which set it is, how many groups of it are shown, and which caption stands where. Raises
    InputError for another ending, and a split without fourfold groups.
    """
    folder, path = Path(dataset), Path(out)
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: the contact sheet is a PNG; give a name that ends in .png")
    split = choose_split(folder, split)
    chosen: dict[str, list[Group]] = {}
    complete = True
    for group in read_groups(folder, split):
        mine = chosen.setdefault(group.category, [])
        if len(mine) < columns * rows:
            mine.append(group)
        else:
            complete = False
    if not chosen:
        raise InputError(f"{folder}: this split holds no fourfold groups to show")
    columns = min(columns, max(map(len, chosen.values())))
    bands = [(name, mine[k : k + columns]) for name, mine in chosen.items() for k in range(0, len(mine), columns)]
    cell = (2 * size + _GAP + _MARGIN, size + 4 * _LINE + _MARGIN)
    many = "group" if columns * rows == 1 else f"{columns * rows} groups"
    shown = "all groups there are" if complete else f"the first {many} of each category"
    said = f"{full_name(read_manifest(folder), folder.name)}, {split}: {shown}; below each picture its true caption"
    font, width = ImageFont.load_default(11), columns * cell[0] + _MARGIN
    title = _wrap(said, font, width - 2 * _MARGIN)
    top = len(title) * _LINE + _MARGIN
    sheet = Image.new("RGB", (width, top + len(bands) * (cell[1] + _LINE + 4) + _MARGIN // 2), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN // 2), "\n".join(title), fill="black", font=font, spacing=1)
    y = top
    for name, groups in bands:
        pen.text((_MARGIN, y), name, fill="black", font=ImageFont.load_default(13))
        for k, group in enumerate(groups):
            _draw_group(sheet, pen, font, group, (_MARGIN + k * cell[0], y + _LINE + 4), size)
        y += cell[1] + _LINE + 4
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG", optimize=True)
    return path


def _wrap(text: str, font: Any, width: int) -> list[str]:
    """The text in lines that are no wider than `width` pixels; a word that is wider than that is cut."""
    lines = [""]
    for word in text.split():
        while font.getlength(word) > width:
            fitting = next(n for n in range(len(word), 0, -1) if n == 1 or font.getlength(word[:n]) <= width)
            lines.append(word[:fitting])
            word = word[fitting:]
        joined = f"{lines[-1]} {word}".lstrip()
        lines[-1:] = [joined] if font.getlength(joined) <= width else [lines[-1], word]
    return [line for line in lines if line]


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
        lines = _wrap(group.captions[i].text, font, size)[:3]
        pen.text((left, y + size + 3), "\n".join(lines), fill=(70, 70, 70), font=font, spacing=1)
