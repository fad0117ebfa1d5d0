"""EqBen and anything in its format: pairs of frames that differ little, each with its caption."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from fourfold.errors import InputError
from fourfold.evaluator.data.external.benchmark import Source
from fourfold.evaluator.data.external.fields import get_text, get_texts
from fourfold.evaluator.data.external.images import locate
from fourfold.evaluator.data.external.pairs import pair_item
from fourfold.evaluator.data.external.reading import Row, read_json
from fourfold.evaluator.data.items import Item

_DEEPEST = 3  # Action Genome: video, subject, list of frame pairs


def load(source: Source) -> Iterator[Item]:
    """Items of {image0, caption0, image1, caption1}, in a list or below the names of videos and subjects.

    The first folder of an image's name is the subset. Of several captions the first is used, as the authors do.
    """
    paths = sorted(source.path.glob("*.json")) if source.path.is_dir() else [source.path]
    if not paths:
        raise InputError(f"{source.path}: holds no .json file")
    for path in paths:
        for key, row in _leaves(read_json(path), "", str(path), _DEEPEST):
            where = f"{path}: item {key!r}"
            joint = "_" if "image_0" in row else ""
            names = [get_text(row, f"image{joint}{side}", where) for side in "01"]
            images = locate(source, names[0], where=where), locate(source, names[1], where=where)
            captions = _caption(row, f"caption{joint}0", where), _caption(row, f"caption{joint}1", where)
            name = PurePosixPath(names[0])
            subset = name.parts[0] if len(name.parts) > 1 else path.stem
            # Frames of one video are near copies of each other; pairs of their own folder or of none stand alone.
            cluster = str(name.parent) if len(name.parts) > 2 else None
            yield pair_item(f"{path.stem}-{key}", images, captions, subset, cluster=cluster)


def _leaves(data: Any, key: str, where: str, depth: int) -> Iterator[tuple[str, Row]]:
    if isinstance(data, dict) and ("image0" in data or "image_0" in data):
        yield key, data
    elif isinstance(data, dict | list) and depth > 0:
        for name, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _leaves(value, f"{key}/{name}" if key else str(name), where, depth - 1)
    else:
        raise InputError(f"{where}: item {key!r} is {data!r:.60}, not a mapping with 'image0'")


def _caption(row: Row, key: str, where: str) -> str:
    return get_texts(row, key, where)[0] if isinstance(row.get(key), list) else get_text(row, key, where)
