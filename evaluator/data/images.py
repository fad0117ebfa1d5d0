"""Open the pictures that items point to, and name them by what is in them."""

import hashlib
import io
import struct

from PIL import Image, UnidentifiedImageError

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.generator.dataset.reading import open_source

MAX_PIXELS = 80_000_000  # a file of a few kilobytes can claim to be larger than any memory

# More than eight bits a channel: Pillow would clip such pixels to white instead of scaling them.
_DEEP_MODES = ("I", "F")


def open_image(ref: ImageRef) -> Image.Image:
    """The pixels a reference means, as RGB, cut to its box.

    What a box holds beyond the picture's edge is black, as in the authors' code of benchmarks whose boxes reach there.
    Raises InputError, naming the file, if it is missing, broken, truncated, larger than `MAX_PIXELS`, deeper than eight
    bits a channel, or if the box holds none of it. Orientation tags are left alone, as benchmarks' own code does.
    """
    try:
        source = open_source(ref.path) if ref.data is None else io.BytesIO(ref.data)
        with Image.open(source) as image:
            _check(image, ref)
            pixels = image.convert("RGB")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{ref.path}: no such image; check the folder given for images") from None
    except Image.DecompressionBombError:
        raise _too_large(ref) from None
    except (OSError, SyntaxError, EOFError, ValueError, struct.error) as error:  # what Pillow's decoders raise
        said = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f"{ref.path}: broken or not an image ({said}); replace or remove it") from error
    return pixels if ref.box is None else _cut(pixels, ref)


def pixel_hash(image: Image.Image) -> str:
    """The content name of a picture: a hash over its size and RGB pixels, 32 hexadecimal digits."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    digest.update(image.convert("RGB").tobytes())
    return digest.hexdigest()[:32]


def _check(image: Image.Image, ref: ImageRef) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(ref)
    # Photos of telephones are files of several pictures too (MPO): the first is the photo, the others belong to it.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        frames = getattr(image, "n_frames", 0)
        raise InputError(f"{ref.path}: {frames} pictures in one file; save the one that is meant as a file of its own")
    if image.mode.startswith(_DEEP_MODES):
        raise InputError(f"{ref.path}: pixels of mode {image.mode!r}; convert it to 8 bits a channel")


def _too_large(ref: ImageRef) -> InputError:
    return InputError(f"{ref.path}: more than {MAX_PIXELS} pixels; scale it down or remove it")


def _cut(image: Image.Image, ref: ImageRef) -> Image.Image:
    left, top, right, bottom = ref.box or (0, 0, image.width, image.height)
    # No farther beyond an edge than the picture is wide: a wrong number must not ask for more than memory holds.
    within = -image.width <= left < right <= 2 * image.width and -image.height <= top < bottom <= 2 * image.height
    if not within or left >= image.width or top >= image.height or right <= 0 or bottom <= 0:
        raise InputError(f"{ref.path}: box {ref.box} does not fit the image of {image.width} x {image.height}")
    return image.crop((left, top, right, bottom))  # Pillow fills what lies outside with black
