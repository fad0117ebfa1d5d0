"""Pictures opened, named by their pixels and made ready for the model by threads, chunks ahead of the encoder."""

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from PIL import Image

from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.images import open_image, pixel_hash
from fourfold.evaluator.encoders.contract import Encoder, PreparingEncoder

IMAGES_AT_ONCE = 128  # opened pictures wait in memory
CHUNKS_AHEAD = 2  # one being opened, one being put together, while one is encoded; opened pictures may be large


@dataclass(frozen=True)
class Chunk:
    """Some pictures of a set: what they are, and those that were not in a chunk before."""

    keys: Mapping[ImageRef, str]  # the content name of each
    fresh: Sequence[str]  # the content names of those that were in no chunk before
    images: Mapping[str, Image.Image]  # of these, those that are not prepared
    ready: Sequence[str] = ()  # those that are, in the order of `pixels`
    pixels: Sequence[torch.Tensor] | torch.Tensor = ()  # what the encoder's `prepare` made of them


def opened(refs: Sequence[ImageRef], encoder: Encoder, stored: Container[str]) -> Generator[Chunk, None, None]:
    """Chunks of pictures in the order of `refs`, the next ones being made ready while one is encoded.

    Those that are not stored come prepared, if the encoder can do that: as one tensor where they are of one shape, in
    pinned memory where the encoder says that its device is a GPU, which then fetches them while it computes.
    """
    prepare = encoder.prepare if isinstance(encoder, PreparingEncoder) else None
    pinned = str(getattr(encoder, "device", "cpu")).startswith("cuda")
    seen: set[str] = set()

    def read(ref: ImageRef) -> tuple[str, Image.Image | torch.Tensor]:
        image = open_image(ref)
        key = pixel_hash(image)
        return key, image if prepare is None or key in stored else prepare(image)

    def put_together(refs: Sequence[ImageRef], pictures: Sequence[Future]) -> Chunk:
        named = [picture.result() for picture in pictures]
        fresh = {key: given for key, given in named if key not in seen}
        seen.update(fresh)
        pixels = {key: given for key, given in fresh.items() if isinstance(given, torch.Tensor)}
        images = {key: given for key, given in fresh.items() if isinstance(given, Image.Image)}
        keys = {ref: key for ref, (key, _) in zip(refs, named, strict=True)}
        return Chunk(keys, list(fresh), images, list(pixels), _stacked(list(pixels.values()), pinned))

    # Pillow, hashes and torch work without the interpreter lock. One thread of its own puts chunks together: in the
    # pool it would wait for pictures that wait for it.
    with (
        _one_thread_each(),
        ThreadPoolExecutor(initializer=_alone) as pool,
        ThreadPoolExecutor(1, initializer=_alone) as one,
    ):
        ahead: list[Future] = []
        try:
            for start in range(0, len(refs), IMAGES_AT_ONCE):
                some = refs[start : start + IMAGES_AT_ONCE]
                ahead.append(one.submit(put_together, some, [pool.submit(read, ref) for ref in some]))
                if len(ahead) > (CHUNKS_AHEAD if prepare else 1):
                    yield ahead.pop(0).result()
            while ahead:
                yield ahead.pop(0).result()
        finally:  # whoever stops, or fails, does not wait for pictures that nobody wants
            pool.shutdown(wait=False, cancel_futures=True)


def _stacked(pixels: list[torch.Tensor], pinned: bool) -> list[torch.Tensor] | torch.Tensor:
    if len({(each.shape, each.dtype) for each in pixels}) != 1:
        return pixels
    if not pinned:
        return torch.stack(pixels)
    return torch.stack(pixels, out=torch.empty((len(pixels), *pixels[0].shape), dtype=pixels[0].dtype, pin_memory=True))


def _alone() -> None:
    """There are as many threads as processors: each computes by itself, not with as many more."""
    torch.set_num_threads(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Threads that start later would take over what `_alone` said in the last one: say it anew."""
    n = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(n)
