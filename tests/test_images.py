"""Pictures that items point to: where a box may lie, to the pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.data.items import ImageRef

WIDTH, HEIGHT = 8, 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Red is the column plus 1, green the row plus 1, so that black is what lies outside alone."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(WIDTH) + 1, np.arange(HEIGHT)[:, None] + 1
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_a_box_is_left_top_right_bottom_and_its_right_and_bottom_stay_outside(path: Path) -> None:
    pixels = np.asarray(open_image(ImageRef(path, box=(2, 1, 5, 3))))
    assert pixels[..., 0].tolist() == [[3, 4, 5], [3, 4, 5]]
    assert pixels[..., 1].tolist() == [[2, 2, 2], [3, 3, 3]]


@pytest.mark.parametrize("box", [(7, 0, 8, 6), (0, 5, 8, 6), (-8, 0, 1, 6), (0, -6, 8, 1), (0, 0, 16, 12)])
def test_a_box_that_holds_one_row_or_column_of_the_picture_is_cut(path: Path, box: tuple[int, int, int, int]) -> None:
    picture = open_image(ImageRef(path, box=box))
    assert picture.size == (box[2] - box[0], box[3] - box[1])
    assert np.asarray(picture).any()


@pytest.mark.parametrize(
    "box",
    [
        (8, 0, 9, 6),
        (0, 6, 8, 7),
        (-1, 0, 0, 6),
        (0, -1, 8, 0),
        (-9, 0, 1, 6),
        (0, -7, 8, 1),
        (0, 0, 17, 6),
        (0, 0, 8, 13),
        (3, 0, 3, 6),
        (0, 4, 8, 4),
        (5, 0, 3, 6),
    ],
)
def test_a_box_of_one_pixel_less_or_none_is_refused(path: Path, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match=r"does not fit the image of 8 x 6$"):
        open_image(ImageRef(path, box=box))


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_a_file_of_several_pictures_is_refused(kind: str, tmp_path: Path) -> None:
    """The first of them was taken without a word."""
    first, second = (Image.new("RGB", (8, 6), color) for color in ("red", "blue"))
    first.save(tmp_path / f"one.{kind}")
    assert open_image(ImageRef(tmp_path / f"one.{kind}")).size == (8, 6)
    first.save(tmp_path / f"two.{kind}", save_all=True, append_images=[second])
    with pytest.raises(InputError, match=r"2 pictures in one file; save the one that is meant"):
        open_image(ImageRef(tmp_path / f"two.{kind}"))


def test_a_photo_of_a_telephone_that_holds_a_preview_is_taken(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), "red").save(
        tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (8, 6), "blue")]
    )
    assert open_image(ImageRef(tmp_path / "photo.jpg")).getpixel((0, 0))[0] > 200
