"""The geometric kinds: one function each. Flat ones stand upright and face the camera (-y)."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes import parts
from fourfold.scenes.shapes.parts import (
    arc,
    ball,
    box,
    circle,
    frame,
    lathe,
    loft,
    prism,
    solid,
    symmetric,
    turned,
    upright,
)


def cube() -> Trimesh:
    """A cube."""
    return solid(box(1, 1, 1))


def sphere() -> Trimesh:
    """A sphere."""
    return solid(ball(0.5, sections=44))


def cylinder() -> Trimesh:
    """An upright cylinder, taller than wide."""
    return solid(lathe([(0.36, 0), (0.36, 1)], sections=40))


def cone() -> Trimesh:
    """A circular cone, tip up."""
    return solid(parts.cone(0.42, 0, 1, sections=40))


def pyramid() -> Trimesh:
    """A square pyramid, tip up."""
    return solid(turned(lathe([(0.5, 0), (0, 0.6)], sections=4), "z", 45))


def torus() -> Trimesh:
    """A ring, standing, so that its hole is seen."""
    return solid(parts.torus(0.36, 0.14, sections=40))


def capsule() -> Trimesh:
    """A cylinder with round ends, lying from left to right."""
    ends = np.concatenate([arc(0.24, -90, 0, 9, (0, 0.24)), arc(0.24, 0, 90, 9, (0, 0.76))])
    return solid(turned(lathe(ends), "y", 90))


def star() -> Trimesh:
    """Five points, with a ridge along each: the middle stands out to the front and to the back."""
    rim = arc(1, 90, 450, 11)[:-1] * np.where(np.arange(10) % 2 == 0, 0.5, 0.21)[:, None]
    return solid(loft([upright(rim * size, y) for size, y in ((0, -0.14), (1, 0), (0, 0.14))]), crease=5)


def heart() -> Trimesh:
    """The usual heart curve, blown up like a balloon: slices from front to back, largest in the middle."""
    t = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    z = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    outline = np.stack([16 * np.sin(t) ** 3, z], -1)
    rim = arc(1, -90, 90, 11)
    return solid(loft([upright(outline * size, 6.5 * depth) for size, depth in rim]))


def arrow() -> Trimesh:
    """An arrow that points up."""
    return solid(prism(symmetric([(0.14, 0), (0.14, 0.55), (0.36, 0.55), (0, 1)]), 0.2))


def cross() -> Trimesh:
    """A plus sign with four equal arms."""
    a, b = 0.16, 0.5
    return solid(prism(symmetric([(a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b)]), 0.3))


def crescent() -> Trimesh:
    """Between two circles, `r` the radius of the inner one and `c` its distance to the right; they meet in the tips."""
    r, c = 0.42, 0.2
    x = (0.25 - r**2 + c**2) / (2 * c)
    outer, inner = np.degrees(np.arccos(x / 0.5)), np.degrees(np.arccos((x - c) / r))
    pairs = zip(arc(0.5, outer, 360 - outer, 41), arc(r, inner, 360 - inner, 41, (c, 0)), strict=True)
    return solid(loft([_oval(a, b) for a, b in pairs]))


def _oval(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A cut [20, 3] across the crescent, round between the points `a` and `b` of its two edges."""
    along, deep = circle(20).T[:, :, None]
    half = (a - b) / 2
    return np.insert((a + b) / 2 + along * half, 1, (deep * np.hypot(*half))[:, 0], axis=1)


def half_sphere() -> Trimesh:
    """Flat side up: seen from above, a dome could be taken for a whole sphere."""
    return solid(lathe(arc(0.5, -90, 0, 12), sections=40))


def wedge() -> Trimesh:
    """A ramp that rises to the right."""
    return solid(prism([(-0.5, 0), (0.5, 0), (0.5, 0.6)], 0.55))


def arch() -> Trimesh:
    """A block with a round-topped opening."""
    opening = arc(0.29, 180, 0, 25, (0, 0.42))
    return solid(prism([(0.29, 0), (0.5, 0), (0.5, 0.9), (-0.5, 0.9), (-0.5, 0), (-0.29, 0), *opening], 0.34))


def staircase() -> Trimesh:
    """Five steps that rise to the right."""
    steps = [corner for i in range(5) for corner in ((i * 0.2, i * 0.18), (i * 0.2, i * 0.18 + 0.18))]
    return solid(prism([*steps[1:], (1, 0.9), (1, 0), (0, 0)], 0.55))


def gear() -> Trimesh:
    """Ten teeth and a round hole."""
    radii = np.where(np.arange(40) // 2 % 2 == 0, 0.5, 0.37)[:, None]
    return solid(frame(circle(40) * radii, circle(40) * 0.15, 0.2))


def lightning_bolt() -> Trimesh:
    """The zigzag sign, its point down."""
    right, left = [(-0.1, 0), (0.28, 0.58), (0.06, 0.58), (0.26, 1)], [(-0.08, 1), (-0.26, 0.44), (-0.02, 0.44)]
    return solid(prism([*right, *left], 0.18))
