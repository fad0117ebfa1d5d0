"""PNG files: what Pillow reads back is what was written, at no more bytes than Pillow's own quick ones."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from fourfold.generator.run.png import encode_png

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PIXELS = SIZES.flatmap(lambda size: st.sampled_from([size, (*size, 3)])).flatmap(lambda shape: arrays(np.uint8, shape))


@given(PIXELS)
def test_pillow_reads_what_was_written(pixels: np.ndarray) -> None:
    with Image.open(BytesIO(encode_png(pixels))) as image:
        image.load()
        assert image.format == "PNG"
        assert image.mode == ("RGB" if pixels.ndim == 3 else "L")
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_parts_of_a_picture_that_lie_apart_in_memory() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)[::-1, ::2]
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_smooth_picture_is_hardly_larger_than_pillows(channels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    slope = np.linspace(40, 200, 96)[:, None] + np.linspace(0, 30, 96)
    pixels = (np.broadcast_to(slope.reshape(96, 96, *([1] * len(channels))), (96, 96, *channels))).astype(np.uint8)
    pixels = pixels + rng.integers(0, 2, pixels.shape, np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    assert len(encode_png(pixels)) < 1.2 * len(buffer.getvalue())
