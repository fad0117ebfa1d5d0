"""BiVLC: one parquet file of two pictures and two captions, as `datasets.load_dataset` reads the original."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fourfold.errors import InputError
from fourfold.generator.exports.edits import caption_edit
from fourfold.generator.exports.source import Source, png

_TEXTS = ("caption", "negative_caption", "type", "subtype")
_IMAGES = ("image", "negative_image")
_AT_ONCE = 50  # groups, so that memory stays flat


def write(source: Source, out: Path) -> int:
    """Write every group that SugarCrepe's words name as one row: both pictures, each with its caption.

    Returns the number of rows. Raises InputError where pyarrow is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("bivlc: writing parquet needs pyarrow: pip install 'fourfold[parquet]'") from None
    picture = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    columns = [(name, pyarrow.string()) for name in _TEXTS] + [(name, picture) for name in _IMAGES]
    features: dict[str, Any] = {name: {"dtype": "string", "_type": "Value"} for name in _TEXTS}
    features |= {name: {"_type": "Image"} for name in _IMAGES}
    schema = pyarrow.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    count, rows = 0, _rows(source)
    (out / "data").mkdir()
    with pyarrow.parquet.ParquetWriter(out / "data" / "test-00000-of-00001.parquet", schema) as writer:
        while block := list(islice(rows, _AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(block, schema=schema))
            count += len(block)
    return count


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    for group in source.groups():
        edit = caption_edit(group)
        if edit is not None:
            images = [{"bytes": png(source.picture(row)), "path": f"{row['id']}.png"} for row in group.rows]
            texts = group.captions[0].text, group.captions[1].text, *edit
            yield dict(zip(_TEXTS, texts, strict=True)) | dict(zip(_IMAGES, images, strict=True))
