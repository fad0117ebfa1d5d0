"""Does a change show? How much of an object's pixels differ between two pictures, and how much is enough to be seen."""

import numpy as np

NOTICED = 24  # of 255: a pixel has changed if one of its channels differs by more
# Of an object's pixels, for a change that people are asked to see. Chosen by eye on some 150 pairs of one object in two
# materials, both looks, at 224 pixels, ordered by their share: below 0.06 few could be told apart, from 0.06 to 0.10
# about half (plain things, not patterned ones), above nearly all. What changes is then a reflection, not an edge.
MIN_CHANGED_SHARE = 0.10


def changed_share(
    before: np.ndarray, after: np.ndarray, instances_before: np.ndarray, instances_after: np.ndarray, number: int
) -> float:
    """Share of an object's pixels that differ between two pictures of one scene, 0..1.

    Pictures are [h, w, 3] uint8, instance masks [h, w] as in `Rendering.instances`: 0 background, `number` the object.
    Its pixels are those where either picture shows it, so that a change of size or place counts as far as it shows. A
    pixel differs if one of its channels does by more than NOTICED. 0 where neither picture shows the object. Raises
    ValueError if the four are not of one size.
    """
    if not before.shape == after.shape == (*instances_before.shape, 3) == (*instances_after.shape, 3):
        raise ValueError("two pictures [h, w, 3] and two masks [h, w] of one size are compared")
    shown = (instances_before == number) | (instances_after == number)
    if not shown.any():
        return 0.0
    difference = np.abs(before[shown].astype(int) - after[shown])  # [n, 3]
    return float((difference > NOTICED).any(axis=1).mean())
