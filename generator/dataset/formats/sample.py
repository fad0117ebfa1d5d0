"""What a format gets to write: one row with its picture and its instance mask, both as PNG files."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """A row of the dataset without the keys that say where its files lie; `row["id"]` is unique."""

    row: dict[str, Any]
    picture: bytes
    mask: bytes
