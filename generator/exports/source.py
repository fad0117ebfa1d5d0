"""What every exporter reads: one split of a dataset, through its reading functions, whatever format it lies in."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fourfold.errors import InputError
from fourfold.files import inside
from fourfold.generator.dataset.reading import (
    Group,
    check_row,
    choose_split,
    read_groups,
    read_manifest,
    read_picture,
    read_rows,
    row_place,
)
from fourfold.generator.recipe.recipe import Vocabulary
from fourfold.generator.recipe.tables import build
from fourfold.scenes.model.layout import Layout, layout_from_dict
from fourfold.scenes.truth.claims import Claim, claim_from_dict

_CAPTIONS, _DIMENSIONS = 2, 3


@dataclass(frozen=True)
class Source:
    """One split of a dataset folder, as exporters read it."""

    folder: Path
    split: str
    seed: int
    image_size: int
    vocabulary: Vocabulary

    def groups(self) -> Iterator[Group]:
        """Its fourfold groups, one at a time. Raises InputError at a damaged one."""
        for group in read_groups(self.folder, self.split):
            if len(group.captions) < _CAPTIONS:
                raise InputError(f"{group.id}: damaged (fewer than two captions)")
            yield group

    def rows(self) -> Iterator[dict[str, Any]]:
        """Its rows, those of natural scenes too. Raises InputError at a damaged one."""
        for number, row in enumerate(read_rows(self.folder, self.split), start=1):
            check_row(row, row_place(self.folder, self.split, number))
            yield row

    def picture(self, row: dict[str, Any]) -> Image.Image:
        """The picture of a row, in RGB. Raises InputError if it cannot be read."""
        return read_picture(self.folder / self.split, row["file_name"], "RGB")


def open_split(folder: Path, split: str | None) -> Source:
    """Open a split of a dataset: the named one, or "test", or the first.

    Raises InputError for a folder that is no dataset, a split that it has not, and a damaged manifest.
    """
    name = choose_split(folder, split)
    manifest, where = read_manifest(folder), f"{folder}/manifest.json"
    with well_formed(where):
        words, seed, size = manifest["recipe"]["vocabulary"], manifest["seed"], manifest["recipe"]["image_size"]
    return Source(folder, name, seed, size, build(Vocabulary, words, where, ("recipe", "vocabulary")))


def png(picture: Image.Image) -> bytes:
    """The picture as PNG bytes, compressed lightly."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def save_picture(source: Source, row: dict[str, Any], out: Path, name: str) -> None:
    """Write the picture of a row as PNG to `name` in the folder `out`; InputError for a name that leads out of it.

    Names are made of ids and words of the dataset, which may be a stranger's.
    """
    path = inside(out, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(source.picture(row)))


def layout_of(row: dict[str, Any]) -> Layout:
    """The scene of a row, with the measured visibility of its objects. Raises InputError for a damaged row."""
    with well_formed(row["id"]):
        layout = layout_from_dict(row)
        camera = layout.camera
        np.array([camera.azimuth, camera.elevation, camera.distance, camera.fov, *camera.target], float)
        np.array([[*thing.position, thing.scale, thing.yaw] for thing in layout.objects], float)
        if any(len(thing.position) != _DIMENSIONS for thing in layout.objects):
            raise ValueError("a position that is not three numbers")
        return layout


def claim_of(group: Group, k: int) -> Claim:
    """What caption k of a group claims. Raises InputError for a damaged claim."""
    with well_formed(group.id):
        return claim_from_dict(group.captions[k].claim)


@contextmanager
def well_formed(where: str) -> Iterator[None]:
    """Turn what reading damaged data raises in the block into an InputError that begins with `where`."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{where}: damaged ({error.__class__.__name__}: {error})") from error


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, and make the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
