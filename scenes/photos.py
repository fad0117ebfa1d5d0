"""Users' photos as backgrounds: read once from a folder, cut square, scaled to the size of a picture."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageOps

from scenes.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
Photos = Mapping[str, Path]  # name -> file
NO_PHOTOS: Photos = MappingProxyType({})
_SMALLEST = 32  # pixels a side: below, nothing can be seen on it


def find_photos(folder: Path) -> Photos:
    """The photos that lie in a folder by file name, in order, each opened once to see that it can be.

    InputError for a folder that is none or is empty, a file that is no picture, or one that leads out of the folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give a folder of photos ({', '.join(SUFFIXES)})")
    found = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}
    if not found:
        raise InputError(f"{folder}: no photos here. Allowed: {', '.join(SUFFIXES)}")
    for path in found.values():
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path}: leads out of its folder to {path.resolve()}. Copy the file into the folder")
        read_photo(path, _SMALLEST)
    return found


def read_photo(path: Path, size: int) -> np.ndarray:
    """The middle of a photo as a square picture, [size, size, 3] uint8 sRGB; InputError if it cannot be read."""
    try:
        with Image.open(path) as opened:
            if min(opened.size) < _SMALLEST:
                raise InputError(f"{path}: is {opened.size[0]} x {opened.size[1]} pixels; at least {_SMALLEST} a side")
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            return np.asarray(ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS))
    except InputError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a broken file makes them stumble on
        raise InputError(
            f"{path}: not a readable picture ({error}). Replace it or take it out of the folder"
        ) from error


def photo_pixels(photos: Photos, name: str, size: int) -> np.ndarray:
    """The pixels of a photo that a background names, [size, size, 3] uint8."""
    if name not in photos:
        raise InputError(
            f"background photo {name!r} was not given to the renderer; it has {', '.join(photos) or 'none'}"
        )
    return _cached(photos[name], size)


@lru_cache(maxsize=64)
def _cached(path: Path, size: int) -> np.ndarray:
    return read_photo(path, size)
