"""Things that hold food and drink."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import arc, ball, box, curve, lathe, prism, solid, symmetric, tube


def mug() -> Trimesh:
    """A straight cup with its handle on the right."""
    cup = lathe([(0, 0), (0.31, 0), (0.33, 0.02), (0.33, 0.78), (0.29, 0.78), (0.29, 0.07), (0, 0.07)])
    handle = tube(arc(0.21, -105, 105, 17, (0.36, 0.39)), 0.055)
    return solid(cup, handle)


def bottle() -> Trimesh:
    """A bottle with sloping shoulders and a ring at its mouth."""
    shoulder = curve([(0.19, 0.5), (0.175, 0.6), (0.1, 0.7), (0.065, 0.79)], 9)
    return solid(
        lathe([(0, 0), (0.175, 0), (0.19, 0.015), *shoulder, (0.065, 0.92), (0.085, 0.92), (0.085, 1), (0, 1)])
    )


def wine_glass() -> Trimesh:
    """A hollow cup on a thin stem and a round foot."""
    bowl = curve([(0.025, 0.46), (0.17, 0.53), (0.24, 0.68), (0.22, 0.85), (0.19, 1)], 13)
    inside = bowl[:3:-1] * (0.93, 1)
    return solid(lathe([(0, 0), (0.22, 0), (0.22, 0.02), (0.04, 0.05), (0.025, 0.09), *bowl, *inside, (0, 0.53)]))


def trophy() -> Trimesh:
    """A cup with two ears on a stepped base."""
    cup = curve([(0.04, 0.42), (0.15, 0.5), (0.22, 0.66), (0.24, 0.84), (0.27, 1)], 11)
    bowl = lathe(
        [(0, 0.16), (0.12, 0.16), (0.05, 0.24), (0.04, 0.34), (0.075, 0.38), *cup, (0.24, 1), (0.14, 0.56), (0, 0.52)]
    )
    ears = [
        tube(curve([(s * 0.2, 0.9), (s * 0.38, 0.93), (s * 0.4, 0.74), (s * 0.27, 0.6), (s * 0.12, 0.54)], 17), 0.033)
        for s in (-1, 1)
    ]
    return solid(box(0.4, 0.4, 0.1, (0, 0, 0.05)), box(0.3, 0.3, 0.08, (0, 0, 0.13)), bowl, *ears)


def teapot() -> Trimesh:
    """A round pot: spout on the left, handle on the right, a lid with a knob."""
    body = ball((0.36, 0.36, 0.27), (0, 0, 0.27))
    foot = lathe([(0.2, 0), (0.2, 0.06)])
    lid = lathe([(0.2, 0.46), (0.17, 0.53), (0.06, 0.57), (0.03, 0.6), (0, 0.6)])
    knob = ball(0.055, (0, 0, 0.63), sections=16)
    spout = tube(curve([(-0.26, 0.2), (-0.45, 0.26), (-0.52, 0.42), (-0.62, 0.52)], 16), np.linspace(0.1, 0.045, 16))
    handle = tube(curve([(0.28, 0.42), (0.5, 0.5), (0.58, 0.34), (0.48, 0.16), (0.28, 0.14)], 17), 0.04)
    return solid(body, foot, lid, knob, spout, handle)


def bucket() -> Trimesh:
    """A tapering pail with its handle up."""
    pail = lathe([(0, 0), (0.26, 0), (0.36, 0.6), (0.39, 0.6), (0.39, 0.65), (0.33, 0.65), (0.24, 0.04), (0, 0.04)])
    return solid(pail, tube(arc(0.37, 0, 180, 21, (0, 0.6)), 0.022))


def fork() -> Trimesh:
    """Four tines on a neck, the handle widening downwards."""
    side = [(0.08, 0), (0.1, 0.04), (0.055, 0.46), (0.08, 0.52), (0.17, 0.6), (0.17, 1), (0.115, 1), (0.115, 0.7)]
    return solid(prism(symmetric([*side, (0.065, 0.7), (0.065, 1), (0.02, 1), (0.02, 0.7)]), 0.08))
