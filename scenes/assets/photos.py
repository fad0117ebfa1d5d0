"""Users' photos as backgrounds: read from a folder, cut square, scaled to the size of a picture."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fourfold.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PHOTOS: dict[
    str, np.ndarray
] = {}  # name -> [size, size, 3] uint8 sRGB; filled by `fourfold.scenes.assets.custom.known` alone
_SMALLEST = 32  # pixels a side: below, nothing can be seen on it


def read_photos(folder: Path, size: int) -> dict[str, np.ndarray]:
    """The photos of a folder by file name, in order, each as a square picture [size, size, 3] uint8 sRGB.

    InputError for a folder that is none or is empty, a file that is no picture, or one that leads out of the folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give a folder of photos ({', '.join(SUFFIXES)})")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    if not files:
        raise InputError(f"{folder}: no photos here. Allowed: {', '.join(SUFFIXES)}")
    for path in files:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path}: leads out of its folder to {path.resolve()}. Copy the file into the folder")
    return {path.name: read_photo(path, size) for path in files}


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


def photo_pixels(name: str, size: int) -> np.ndarray:
    """The pixels of a photo that a background names, [size, size, 3] uint8; InputError if it is not known here."""
    if name not in PHOTOS:
        raise InputError(f"background photo {name!r} is not known here; known: {', '.join(PHOTOS) or 'none'}")
    photo = PHOTOS[name]
    return photo if len(photo) == size else np.asarray(Image.fromarray(photo).resize((size, size)))
