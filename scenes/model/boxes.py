"""Upright boxes that turn about the vertical: how a camera sees them, which overlap. Of many scenes at once.

Everywhere `places` [..., n, 3] are the centres of a scene's boxes, in one array for however many scenes, `halves`
[n, 3] half their sides and `turns` [n] their turns in radians. Lengths in scene units; the picture is 0..1.
"""

import numpy as np

from fourfold.scenes.model.camera import Camera, axes, pose, project

_GAP = 0.03  # least space between the boxes of two objects that stand or float beside each other
_CONTACT = 0.02  # by which the heights of boxes may overlap where one thing is over another
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)


def boxes_seen(camera: Camera, places: np.ndarray, halves: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of each box in the picture, [..., n, 4]."""
    c, s = np.cos(turns)[:, None], np.sin(turns)[:, None]  # [n, 1]
    corners = _CORNERS * halves[:, None]  # [n, 8, 3]
    x, y = corners[..., 0] * c - corners[..., 1] * s, corners[..., 0] * s + corners[..., 1] * c
    world = np.stack([x, y, corners[..., 2]], axis=-1) + places[..., None, :]  # [..., n, 8, 3]
    seen = project(camera, world.reshape(-1, 3)).reshape(*world.shape[:-1], 2)
    return np.concatenate([seen.min(axis=-2), seen.max(axis=-2)], axis=-1)


def boxes_overlap(places: np.ndarray, halves: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Which two boxes come closer than a gap, [..., n, n] bool; not those of one stack, nor a box and itself.

    Boxes are apart if their heights are, or some side of one parts their bases.
    """
    reaches = np.sqrt((halves**2).sum(axis=1)) + _GAP / 2
    between = places[..., None, :, :] - places[..., :, None, :]  # [..., n, n, 3]
    near = (between**2).sum(axis=-1) < (reaches[:, None] + reaches) ** 2
    if near.sum() <= near.size // max(
        len(halves), 1
    ):  # each is near itself: most often there is nothing more to compare
        return np.zeros(near.shape, bool)
    sides = np.stack([np.cos(turns), np.sin(turns), -np.sin(turns), np.cos(turns)], axis=1).reshape(-1, 2, 2)
    aside = np.abs(np.einsum("...ijc,iac->...ija", between[..., :2], sides))  # [..., n, n, side of i]
    reach = np.einsum("jb,jiab->jia", halves[:, :2], np.abs(np.einsum("jbc,iac->jiab", sides, sides)))
    own = np.einsum("iia->ia", reach)[:, None]  # [n, 1, side of i]
    parted = (aside > own + reach.transpose(1, 0, 2) + _GAP).any(axis=-1)
    upwards = np.abs(between[..., 2]) > halves[:, None, 2] + halves[:, 2] - _CONTACT
    return np.asarray(~(parted | np.swapaxes(parted, -1, -2) | upwards | _stacked(between)))


def covered_shares(camera: Camera, places: np.ndarray, halves: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Share of each box in the picture that nearer boxes cover, [..., n], 0 to 1; not in a stack."""
    boxes = boxes_seen(camera, places, halves, turns)
    low, high = boxes[..., :2], boxes[..., 2:]
    shared = np.minimum(high[..., :, None, :], high[..., None, :, :])
    shared = np.maximum(shared - np.maximum(low[..., :, None, :], low[..., None, :, :]), 0.0)  # [..., n, n, 2]
    areas = np.prod(high - low, axis=-1)  # [..., n]
    depths = (places - pose(camera)[:3, 3]) @ -axes(camera)[2]  # [..., n]
    between = places[..., None, :, :] - places[..., :, None, :]
    nearer = (depths[..., None, :] < depths[..., :, None]) & ~_stacked(between)  # the second hides the first
    hidden = (np.prod(shared, axis=-1) * nearer).sum(axis=-1)  # [..., n]
    return np.minimum(hidden / areas, 1.0)


def _stacked(between: np.ndarray) -> np.ndarray:
    """Which two boxes have one middle as seen from above, [..., n, n] bool, from what is between their centres."""
    return np.asarray((between[..., :2] == 0).all(axis=-1))
