"""What every exporter reads: one split of a dataset, through its reading functions, whatever format it lies in."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from generator.dataset import Group, choose_split, read_groups, read_manifest, read_picture, read_rows
from generator.recipe import Vocabulary
from generator.recipe_tables import build
from scenes.layout import Layout, layout_from_dict


@dataclass(frozen=True)
class Source:
    """One split of a dataset folder."""

    folder: Path
    split: str
    seed: int
    image_size: int
    vocabulary: Vocabulary

    def groups(self) -> Iterator[Group]:
        """Its fourfold groups, one at a time."""
        return read_groups(self.folder, self.split)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Its rows, natural scenes too."""
        return read_rows(self.folder, self.split)

    def picture(self, row: dict[str, Any]) -> Image.Image:
        """The picture of a row."""
        return read_picture(self.folder / self.split, row["file_name"], "RGB")


def open_split(folder: Path, split: str | None) -> Source:
    """A split of a dataset: the named one, or "test", or the first."""
    name = choose_split(folder, split)
    manifest = read_manifest(folder)
    words = build(Vocabulary, manifest["recipe"]["vocabulary"], f"{folder}/manifest.json", ("recipe", "vocabulary"))
    return Source(folder, name, manifest["seed"], manifest["recipe"]["image_size"], words)


def png(picture: Image.Image) -> bytes:
    """The picture as PNG bytes, compressed lightly."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def save_picture(source: Source, row: dict[str, Any], path: Path) -> None:
    """Write the picture of a row as PNG, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(source.picture(row)))


def layout_of(row: dict[str, Any]) -> Layout:
    """The scene of a row, with the measured visibility of its objects."""
    return layout_from_dict(row)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
