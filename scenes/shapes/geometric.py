"""The geometric kinds: one function each. Flat ones stand upright and face the camera (-y)."""

import numpy as np
from trimesh import Trimesh

from scenes.shapes import parts
from scenes.shapes.parts import arc, ball, box, lathe, loft, solid, turned


def cube() -> Trimesh:
    return solid(box(1, 1, 1))


def sphere() -> Trimesh:
    return solid(ball(0.5, sections=56))


def cylinder() -> Trimesh:
    return solid(lathe([(0.36, 0), (0.36, 1)], sections=64))


def cone() -> Trimesh:
    """The narrow ring under the tip keeps the shading of the sides straight: a tip has but one normal."""
    return solid(lathe([(0.42, 0), (0.0042, 0.99), (0, 1)], sections=64), crease=60)


def pyramid() -> Trimesh:
    base = [(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)]
    return solid(loft([base, [(0, 0, 0.85)] * 4]))


def torus() -> Trimesh:
    return solid(parts.torus(0.34, 0.16, sections=64))


def capsule() -> Trimesh:
    ends = np.concatenate([arc(0.24, -90, 0, 12, (0, 0.24)), arc(0.24, 0, 90, 12, (0, 0.76))])
    ends[[0, -1], 0] = 0
    return solid(turned(lathe(ends), "y", 90))


def star() -> Trimesh:
    """Five points, with a ridge along each: the middle stands out to the front and to the back."""
    radii = np.where(np.arange(10) % 2 == 0, 0.5, 0.21)
    outline = arc(1, 90, 450, 11)[:-1] * radii[:, None]
    rim = np.stack([outline[:, 0], np.zeros(10), outline[:, 1]], -1)
    tips = [np.tile((0.0, y, 0.0), (10, 1)) for y in (-0.14, 0.14)]
    return solid(loft(np.array([tips[0], rim, tips[1]])), crease=5)
