"""How a group of pictures and captions looks in a notebook: one small table, its pictures in it, all text escaped."""

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

SIDE = 144  # pixels of a thumbnail
MOST_PICTURES, MOST_CAPTIONS = 6, 12
_CELL = "text-align:left;vertical-align:top;max-width:16em;white-space:normal;overflow-wrap:anywhere"


def grid_html(
    title: str, pictures: Sequence[Image.Image | str], captions: Sequence[str], cells: Sequence[Sequence[str]]
) -> str:
    """HTML with pictures across, captions down, and what is to be said of each pair, `cells[picture][caption]`.

    A picture may be a text where its pixels are not at hand. Of more than 6 pictures or 12 captions, the first are
    shown and the rest counted. Pictures are shown at no more than 144 pixels a side.
    """
    shown = range(min(len(pictures), MOST_PICTURES))
    heads = "".join(f'<th style="{_CELL}">{_picture(pictures[i])}</th>' for i in shown)
    rows = "".join(
        f'<tr><td style="{_CELL}"><bdi>{escape(text)}</bdi></td>'
        + "".join(f'<td style="{_CELL}">{escape(cells[i][j])}</td>' for i in shown)
        + "</tr>"
        for j, text in enumerate(captions[:MOST_CAPTIONS])
    )
    left = [(len(pictures) - MOST_PICTURES, "pictures"), (len(captions) - MOST_CAPTIONS, "captions")]
    more = ", ".join(f"{number} more {what}" for number, what in left if number > 0)
    note = f"<p>and {more}</p>" if more else ""
    return f"<div><p><b><bdi>{escape(title)}</bdi></b></p><table><tr><th></th>{heads}</tr>{rows}</table>{note}</div>"


def truth_sign(truth: bool) -> str:
    """How the truth of a caption on a picture is written."""
    return "✓ true" if truth else "✗ false"


def _picture(picture: Image.Image | str) -> str:
    if isinstance(picture, str):
        return f"<bdi>{escape(picture)}</bdi>"
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    small.save(data, "WEBP", quality=80)
    return f'<img alt="" src="data:image/webp;base64,{base64.b64encode(data.getvalue()).decode("ascii")}">'
