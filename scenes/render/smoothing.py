"""Noise out of a path-traced picture: light is averaged over neighbours that lie on the same surface in the same light.

The light is what remains when a surface's own color is divided out, so that patterns and textures stay sharp. Which
those are is told by quantities without noise (object, own color) and by the light itself, averaged a little.
Plain arithmetic in a fixed order: the same pixels come out on every run.
"""

from collections.abc import Iterator

import numpy as np

_LEAST_OWN = 0.02  # nothing is divided by less
_REACH = 4  # pixels
_LIGHT_STEP = 0.12  # relative difference in light that begins to part neighbours
_OWN_STEP = 0.06


def smoothed(color: np.ndarray, own: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """The linear color [h, w, 3] of a picture with less noise.

    `own` [h, w, 3] is the linear color of the surfaces themselves, seen through the same samples; `instances` [h, w]
    are numbers of objects.
    """
    own = np.maximum(np.moveaxis(own, 2, 0), _LEAST_OWN).astype(np.float32)  # [3, h, w]
    light, features = np.moveaxis(color, 2, 0).astype(np.float32) / own, own / _OWN_STEP
    guide = _averaged(light, features, instances, 1)
    level = np.log(np.maximum(guide.mean(axis=0, keepdims=True), 1e-3)) / _LIGHT_STEP
    calm = _averaged(light, np.concatenate([features, level]), instances, _REACH) * own
    return np.moveaxis(calm, 0, 2)


def _averaged(light: np.ndarray, features: np.ndarray, instances: np.ndarray, reach: int) -> np.ndarray:
    """Weighted mean of each pixel's neighbours, at most `reach` away, [3, h, w]; those of other objects do not count.

    `light` is [3, h, w], `features` [k, h, w].
    """
    total, weights = light.copy(), np.ones(instances.shape, np.float32)  # each pixel counts itself
    for here, there in _neighbours(instances.shape, reach):
        apart = np.where(instances[here] == instances[there], np.float32(0), np.float32(np.inf))
        for feature in features:
            step = feature[here] - feature[there]
            apart += step * step
        weight = np.exp(-0.5 * apart)  # of either for the other
        weights[here] += weight
        weights[there] += weight
        for mean, plane in zip(total, light, strict=True):
            mean[here] += plane[there] * weight
            mean[there] += plane[here] * weight
    return np.asarray(total / weights)


def _neighbours(shape: tuple[int, ...], reach: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Slices of a picture and of what lies one shift away, for half of the shifts of at most `reach` pixels.

    The other half are the same with both exchanged.
    """
    height, width = shape
    for down in range(reach + 1):
        for right in range(-reach if down else 1, reach + 1):
            rows = slice(0, height - down), slice(down, height)
            columns = slice(max(0, -right), width - max(0, right)), slice(max(0, right), width - max(0, -right))
            yield (rows[0], columns[0]), (rows[1], columns[1])
