"""Furniture, and what stands about in a house."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import arc, ball, box, curve, lathe, prism, solid, symmetric, torus, turned


def _legs(x: float, y: float, height: float, thick: float) -> list[Trimesh]:
    return [box(thick, thick, height, (sx * x, sy * y, height / 2)) for sx in (-1, 1) for sy in (-1, 1)]


def chair() -> Trimesh:
    """Four legs, a square seat, a back of three rails."""
    seat = box(0.5, 0.5, 0.07, (0, 0, 0.46))
    posts = [box(0.07, 0.06, 0.58, (s * 0.21, 0.21, 0.71)) for s in (-1, 1)]
    rails = [box(0.44, 0.04, 0.1, (0, 0.215, z)) for z in (0.94, 0.77, 0.63)]
    return solid(seat, *_legs(0.205, 0.205, 0.44, 0.065), *posts, *rails)


def table() -> Trimesh:
    """A rectangular top on four legs."""
    return solid(box(1, 0.62, 0.07, (0, 0, 0.56)), *_legs(0.43, 0.25, 0.54, 0.075))


def sofa() -> Trimesh:
    """Two cushions between arms and back, on short feet."""
    base = box(0.98, 0.42, 0.14, (0, 0, 0.13))
    back = box(0.94, 0.14, 0.34, (0, 0.18, 0.29))
    arms = [box(0.12, 0.46, 0.27, (s * 0.48, -0.01, 0.185)) for s in (-1, 1)]
    cushions = [box(0.4, 0.34, 0.1, (s * 0.207, -0.04, 0.245)) for s in (-1, 1)]
    return solid(base, back, *arms, *cushions, *_legs(0.46, 0.17, 0.08, 0.05))


def bed() -> Trimesh:
    """Seen from its side: the high headboard on the left, a pillow on the mattress."""
    head, foot = box(0.05, 0.56, 0.5, (-0.5, 0, 0.25)), box(0.05, 0.56, 0.28, (0.5, 0, 0.14))
    mattress = [box(0.98, 0.54, 0.07, (0, 0, 0.15)), box(0.95, 0.5, 0.1, (0, 0, 0.235))]
    pillow = ball((0.11, 0.19, 0.055), (-0.35, 0, 0.3), sections=16)
    return solid(head, foot, *mattress, pillow)


def lamp() -> Trimesh:
    """A table lamp: a round foot, a rod, a hollow shade."""
    foot = lathe([(0.2, 0), (0.2, 0.03), (0.05, 0.07), (0.025, 0.1), (0.025, 0.66)])
    hollow, outside = [(0, 0.93), (0.15, 0.93), (0.3, 0.58)], [(0.33, 0.58), (0.17, 1), (0.14, 1), (0.14, 0.95)]
    return solid(foot, lathe([*hollow, *outside, (0, 0.95)]))


def ladder() -> Trimesh:
    """Two rails and seven rungs, upright."""
    rails = [box(0.07, 0.08, 1, (s * 0.175, 0, 0.5)) for s in (-1, 1)]
    return solid(*rails, *(box(0.34, 0.05, 0.045, (0, 0, 0.11 + 0.13 * i)) for i in range(7)))


def clock() -> Trimesh:
    """A round alarm clock: two bells with their hammer on top, two feet; rim, hands and hour marks stand out."""
    case = [turned(lathe([(0.36, -0.13), (0.36, 0.1)], sections=40), "x", 90), torus(0.35, 0.04, (0, -0.13, 0))]
    long = prism(symmetric([(0.025, -0.03), (0.015, 0.24)]), 0.05, (0, -0.12, 0))
    short = turned(prism(symmetric([(0.03, -0.03), (0.02, 0.17)]), 0.06, (0, -0.12, 0)), "y", 60)
    marks = [turned(box(0.03, 0.04, 0.06, (0, -0.12, 0.27)), "y", angle) for angle in range(0, 360, 30)]
    bells = [turned(lathe([*arc(0.15, 0, 85, 9, (0, 0.44)), (0, 0.6)]), "y", s * 35) for s in (-1, 1)]
    feet = [turned(lathe([(0.03, -0.52), (0.05, -0.32)], sections=12), "y", s * 35) for s in (-1, 1)]
    hammer = [box(0.04, 0.04, 0.2, (0, 0, 0.42)), box(0.14, 0.05, 0.04, (0, 0, 0.52))]
    return solid(*case, long, short, *marks, *bells, *feet, *hammer)


def candle() -> Trimesh:
    """On a dish with a finger ring, burning."""
    dish = lathe([(0, 0), (0.24, 0), (0.31, 0.09), (0.28, 0.1), (0.21, 0.04), (0, 0.04)])
    ring = torus(0.085, 0.025, (0.37, 0, 0.11), sections=24)
    wax = lathe([(0.115, 0.02), (0.115, 0.64), (0.09, 0.66), (0.02, 0.64), (0.02, 0.7)])
    flame = lathe(np.abs(curve([(0, 0.69), (0.065, 0.75), (0.06, 0.82), (0.02, 0.93), (0, 1)], 13)))
    return solid(dish, ring, wax, flame)
