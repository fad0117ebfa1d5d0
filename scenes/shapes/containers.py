"""Open things that others can be put in: wide enough to see what lies there, with a level floor."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import arc, box, curve, lathe, moved, solid, torus, tube, turned


def bowl() -> Trimesh:
    """A round bowl with a thick wall."""
    outside = curve([(0.32, 0.03), (0.43, 0.11), (0.48, 0.24), (0.5, 0.36)], 9)
    inside = curve([(0.465, 0.36), (0.445, 0.24), (0.4, 0.13), (0.36, 0.08)], 9)
    return solid(lathe([(0, 0), (0.32, 0), *outside, *inside, (0, 0.08)]))


def basket() -> Trimesh:
    """Round, of three thick hoops, with a handle from side to side."""
    sides = lathe([(0, 0), (0.37, 0), (0.45, 0.36), (0.41, 0.36), (0.345, 0.06), (0, 0.06)])
    hoops = [turned(torus(r, 0.045, sections=20), "x", 90) for r in (0.385, 0.42, 0.455)]
    rows = [moved(hoop, (0, 0, z)) for hoop, z in zip(hoops, (0.08, 0.21, 0.35), strict=True)]
    return solid(sides, *rows, tube(arc(0.44, 0, 180, 17) * (1, 1.4) + (0, 0.36), 0.03))


def crate() -> Trimesh:
    """Two boards a side between four posts, on a bottom of boards."""
    boards = [box(0.92, 0.03, 0.12, (0, s * 0.455, z)) for s in (-1, 1) for z in (0.07, 0.23)]
    ends = [box(0.03, 0.92, 0.12, (s * 0.455, 0, z)) for s in (-1, 1) for z in (0.07, 0.23)]
    posts = [box(0.08, 0.08, 0.36, (s * 0.46, t * 0.46, 0.18)) for s in (-1, 1) for t in (-1, 1)]
    return solid(box(0.9, 0.9, 0.05, (0, 0, 0.025)), *boards, *ends, *posts)


def cooking_pot() -> Trimesh:
    """Straight sides, a rolled rim, a loop on either side."""
    sides = lathe(
        [
            (0, 0),
            (0.37, 0),
            (0.39, 0.02),
            (0.39, 0.38),
            (0.41, 0.4),
            (0.37, 0.4),
            (0.355, 0.38),
            (0.355, 0.05),
            (0, 0.05),
        ]
    )
    loop = np.array(
        [(x, y, 0.31) for x, y in ((0.375, -0.1), (0.46, -0.1), (0.5, -0.06), (0.5, 0.06), (0.46, 0.1), (0.375, 0.1))]
    )
    return solid(sides, *(tube(curve(loop * (s, 1, 1), 20), 0.028) for s in (-1, 1)))
