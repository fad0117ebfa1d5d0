"""The measure of whether a change shows: it counts an object's pixels, all of them, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fourfold.scenes.truth.changed_pixels import NOTICED, changed_share

SHAPE = (6, 5)
PICTURES = arrays(np.uint8, (*SHAPE, 3))
MASKS = arrays(np.uint8, SHAPE, elements=st.integers(0, 2))


@given(PICTURES, MASKS, MASKS)
def test_equal_pictures_show_no_change(picture: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    assert changed_share(picture, picture.copy(), one, other, 1) == 0


@given(MASKS, MASKS)
def test_inverted_pictures_show_it_everywhere(one: np.ndarray, other: np.ndarray) -> None:
    black, white = np.zeros((*SHAPE, 3), np.uint8), np.full((*SHAPE, 3), 255, np.uint8)
    shown = ((one == 1) | (other == 1)).any()
    assert changed_share(black, white, one, other, 1) == (1 if shown else 0)


@given(PICTURES, PICTURES, MASKS, MASKS)
def test_before_and_after_may_change_places(a: np.ndarray, b: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    share = changed_share(a, b, one, other, 1)
    assert share == changed_share(b, a, other, one, 1)
    assert 0 <= share <= 1


@given(PICTURES, PICTURES, PICTURES, MASKS, MASKS)
def test_pixels_of_other_objects_and_of_the_background_do_not_count(
    a: np.ndarray, b: np.ndarray, elsewhere: np.ndarray, one: np.ndarray, other: np.ndarray
) -> None:
    own = ((one == 1) | (other == 1))[..., None]
    share = changed_share(a, b, one, other, 1)
    assert changed_share(np.where(own, a, elsewhere), b, one, other, 1) == share
    assert changed_share(a, np.where(own, b, elsewhere), one, other, 1) == share


@given(PICTURES, MASKS, st.integers(0, 2), st.data())
def test_a_pixel_has_changed_if_one_channel_did_by_more_than_is_noticed(
    picture: np.ndarray, mask: np.ndarray, channel: int, data: st.DataObject
) -> None:
    before = picture // 2
    changed = data.draw(arrays(bool, SHAPE))
    after = before.copy()
    after[..., channel] += np.where(changed, NOTICED + 1, NOTICED).astype(np.uint8)
    own = mask == 1
    assert changed_share(before, after, mask, mask, 1) == (changed[own].mean() if own.any() else 0)


def test_pixels_count_that_only_one_picture_shows() -> None:
    """A thing that shrinks to a fourth has changed where the background took its place."""
    before, after = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    before[:, :], after[:2, :2] = 1, 1
    red, gray = np.array([200, 0, 0], np.uint8), np.array([128, 128, 128], np.uint8)
    pictures = [np.where(mask[..., None] == 1, red, gray) for mask in (before, after)]
    assert changed_share(*pictures, before, after, 1) == 0.75


def test_pictures_and_masks_of_other_sizes_are_refused() -> None:
    picture, mask = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    for four in (
        (picture[:3], picture, mask, mask),
        (picture, picture, mask[:3], mask),
        (picture, picture, mask, mask[:2]),
    ):
        with pytest.raises(ValueError, match="one size"):
            changed_share(*four, 1)
