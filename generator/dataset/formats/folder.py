"""One file a picture: a HuggingFace imagefolder as it stands. Its rows are joined when all shards are there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonlines

from fourfold.errors import InputError
from fourfold.generator.dataset.formats.sample import Sample


def pack(dataset: Path, split: str, number: int, samples: Sequence[Sample]) -> Iterator[tuple[Path, bytes]]:
    """The files of samples with their bytes: <split>/images/<id>.png and masks/<split>/<id>.png."""
    for sample in samples:
        yield dataset / split / picture_name(sample.row["id"]), sample.picture
        yield dataset / mask_name(split, sample.row["id"]), sample.mask


def picture_name(name: str) -> str:
    """Where the picture of the row with this id lies, seen from the folder of its split."""
    return f"images/{name}.png"


def mask_name(split: str, name: str) -> str:
    """Where the mask of the row with this id lies, seen from the folder of the dataset."""
    return f"masks/{split}/{name}.png"


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file, one after another; InputError names file and line where there is none."""
    with path.open(encoding="utf-8") as file:
        reader = jsonlines.Reader(file)
        number = 0
        while True:
            number += 1
            try:
                yield reader.read(type=dict)
            except EOFError:
                return
            except (jsonlines.InvalidLineError, UnicodeDecodeError) as error:
                message = f"{path}, line {number}: not a JSON object ({error.__class__.__name__}); the file is damaged"
                raise InputError(message) from error
