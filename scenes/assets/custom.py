"""What users bring: their kinds of objects and their photos, as data that travels with a recipe to every process.

`known` makes them known for as long as a block lasts. Nothing else changes KINDS or PHOTOS.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fourfold.errors import InputError
from fourfold.scenes.assets.photos import PHOTOS, read_photos
from fourfold.scenes.shapes import KINDS, Kind

if TYPE_CHECKING:
    import trimesh

# Bytes of a mesh's vertices, or of its faces: over five million, more than any picture here can show.
_LARGEST = 1 << 26


@dataclass(frozen=True)
class CustomKind:
    """A kind from a user's mesh, all of it text and numbers: manifests hold it, so that a dataset explains itself."""

    name: str
    plural: str
    article: str
    synonyms: tuple[str, ...]
    yaw: tuple[float, float]
    vertices: str  # [n, 3] float32 and
    faces: str  # [m, 3] int32, little-endian, compressed (zlib), in base64


@dataclass(frozen=True)
class CustomPhoto:
    """A photo for backgrounds. Its pixels travel with it and make its hash; manifests hold the hash alone."""

    name: str
    sha256: str
    pixels: bytes = b""  # [size, size, 3] sRGB, compressed (zlib)


def custom_kinds(folder: Path) -> tuple[CustomKind, ...]:
    """The kinds of a folder of meshes; InputError as `load_assets` raises it."""
    from fourfold.scenes.assets.meshes import load_assets  # trimesh takes over a second to import

    return tuple(_custom_kind(kind) for kind in load_assets(folder).values())


def custom_photos(folder: Path, size: int) -> tuple[CustomPhoto, ...]:
    """The photos of a folder, cut to squares of that many pixels; InputError as `read_photos` raises it."""
    found = []
    for name, photo in read_photos(folder, size).items():
        data = photo.tobytes()
        found.append(CustomPhoto(name, hashlib.sha256(data).hexdigest(), zlib.compress(data)))
    return tuple(found)


@contextmanager
def known(kinds: Sequence[CustomKind], photos: Sequence[CustomPhoto] = ()) -> Iterator[None]:
    """Make these kinds and photos known in this process until the block ends, as if they had always been there.

    Raises InputError where a name already means another kind.
    """
    taken = [kind.name for kind in kinds if KINDS.get(kind.name, as_kind(kind)) is not as_kind(kind)]
    if taken:
        raise InputError(f"assets: {', '.join(taken)}: already the name of a kind. Choose another")
    new_kinds = {kind.name: as_kind(kind) for kind in kinds if kind.name not in KINDS}
    before = dict(PHOTOS)
    KINDS.update(new_kinds)
    PHOTOS.update({photo.name: _pixels(photo) for photo in photos if photo.pixels})
    try:
        yield
    finally:
        for name in new_kinds:
            del KINDS[name]
        PHOTOS.clear()
        PHOTOS.update(before)


@cache  # one row for equal data, so that its mesh is built once
def as_kind(custom: CustomKind) -> Kind:
    """The kind as a row of the table of kinds. Building its mesh raises InputError if the data are damaged."""
    build = partial(_build, custom)
    return Kind(custom.name, custom.plural, custom.synonyms, build, custom.yaw, "everyday", custom.article)


def _custom_kind(kind: Kind) -> CustomKind:
    built = kind.build()
    vertices, faces = np.asarray(built.vertices, "<f4"), np.asarray(built.faces, "<i4")
    if max(vertices.nbytes, faces.nbytes) > _LARGEST:
        raise InputError(
            f"assets: {kind.name}: {len(vertices):,} vertices and {len(faces):,} faces are too many; at most "
            f"{_LARGEST // 12:,} of each. Simplify the mesh"
        )
    return CustomKind(kind.name, kind.plural, kind.article, kind.synonyms, kind.yaw, _packed(vertices), _packed(faces))


def _build(custom: CustomKind) -> "trimesh.Trimesh":
    """The mesh; InputError if the data, which may be a stranger's, are not one."""
    import trimesh

    try:
        vertices, faces = _unpacked(custom.vertices, "<f4"), _unpacked(custom.faces, "<i4")
        if not np.isfinite(vertices).all():
            raise ValueError("vertices that are no numbers")
        if not len(faces):
            raise ValueError("no faces")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError("faces of vertices that are not there")
    except (ValueError, zlib.error) as error:
        raise InputError(f"assets: {custom.name}: not a mesh ({error}); the recipe or manifest is damaged") from error
    return trimesh.Trimesh(vertices, faces, process=False)


def _packed(numbers: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(numbers.tobytes())).decode("ascii")


def _unpacked(text: str, kind: str) -> np.ndarray:
    """Rows of three numbers; ValueError for more than `_LARGEST` bytes, of which no more than that is unpacked."""
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text, validate=True), _LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"more than {_LARGEST >> 20} MiB unpacked")
    if not unpacker.eof:
        raise ValueError("cut short")
    return np.frombuffer(data, kind).reshape(-1, 3)


def _pixels(photo: CustomPhoto) -> np.ndarray:
    """Of a photo that this process or the one that sent the job has read: no file holds packed pixels."""
    flat = np.frombuffer(zlib.decompress(photo.pixels), np.uint8)
    size = round((len(flat) / 3) ** 0.5)
    return flat.reshape(size, size, 3)
