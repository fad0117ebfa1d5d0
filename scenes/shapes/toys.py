"""Animals, things to wear and things to eat: rounded bodies put together from balls."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import (
    arc,
    ball,
    circle,
    cone,
    curve,
    lathe,
    level,
    loft,
    moved,
    prism,
    solid,
    torus,
    tube,
    turned,
)


def duck() -> Trimesh:
    """A rubber duck swimming to the left."""
    body = ball((0.38, 0.25, 0.22), (0.04, 0, 0.2))
    tail = tube(curve([(0.22, 0.26), (0.38, 0.34), (0.47, 0.46)], 10), np.linspace(0.17, 0.0, 10))
    head = ball(0.2, (-0.2, 0, 0.55))
    bill = [ball((0.13, 0.1, 0.03), (-0.41, 0, z), sections=16) for z in (0.53, 0.49)]
    wings = [turned(ball((0.19, 0.05, 0.1), (0.1, s * 0.23, 0.21), sections=16), "y", -6) for s in (-1, 1)]
    eyes = [ball(0.03, (-0.31, s * 0.13, 0.62), sections=12) for s in (-1, 1)]
    return solid(body, tail, head, *bill, *wings, *eyes)


def teddy_bear() -> Trimesh:
    """Sitting, arms out."""
    body, head = (
        ball((0.22, 0.19, 0.25), (0, 0, 0.27), sections=20),
        ball((0.2, 0.18, 0.175), (0, -0.02, 0.64), sections=20),
    )
    ears = [ball((0.085, 0.045, 0.085), (s * 0.16, 0, 0.8), sections=12) for s in (-1, 1)]
    muzzle = [
        ball((0.095, 0.08, 0.07), (0, -0.18, 0.59), sections=12),
        ball((0.035, 0.03, 0.025), (0, -0.26, 0.62), sections=10),
    ]
    eyes = [ball(0.026, (s * 0.075, -0.18, 0.69), sections=10) for s in (-1, 1)]
    arms = [
        moved(turned(ball((0.17, 0.075, 0.075), sections=12), "y", -s * 25), (s * 0.28, -0.06, 0.41)) for s in (-1, 1)
    ]
    legs = [ball((0.09, 0.19, 0.09), (s * 0.16, -0.2, 0.1), sections=12) for s in (-1, 1)]
    feet = [ball((0.1, 0.05, 0.12), (s * 0.17, -0.37, 0.13), sections=12) for s in (-1, 1)]
    return solid(body, head, *ears, *muzzle, *eyes, *arms, *legs, *feet)


def rabbit() -> Trimesh:
    """Sitting, ears up, seen from its side (head on the left)."""
    body, chest = (
        ball((0.26, 0.2, 0.22), (0.1, 0, 0.23), sections=20),
        ball((0.14, 0.14, 0.2), (-0.1, 0, 0.27), sections=16),
    )
    head = [
        ball((0.16, 0.13, 0.135), (-0.2, 0, 0.52), sections=16),
        ball((0.075, 0.08, 0.07), (-0.32, 0, 0.49), sections=14),
    ]
    ears = [
        moved(turned(ball((0.05, 0.03, 0.2), (0, 0, 0.18), sections=12), "y", 12), (-0.14, s * 0.065, 0.58))
        for s in (-1, 1)
    ]
    haunches = [ball((0.15, 0.07, 0.15), (0.16, s * 0.16, 0.17), sections=12) for s in (-1, 1)]
    paws = [
        ball((0.12, 0.05, 0.05), (x, s * y, 0.05), sections=12)
        for x, y in ((0.08, 0.16), (-0.16, 0.09))
        for s in (-1, 1)
    ]
    eyes = [ball(0.025, (-0.27, s * 0.105, 0.56), sections=10) for s in (-1, 1)]
    return solid(body, chest, *head, *ears, *haunches, *paws, *eyes, ball(0.08, (0.36, 0, 0.22), sections=12))


def fish() -> Trimesh:
    """Seen from its side, swimming to the left, resting on a fin."""
    back = curve([(-0.5, 0.3), (-0.35, 0.45), (-0.1, 0.53), (0.15, 0.44), (0.3, 0.33)], 20)
    under = curve([(-0.5, 0.3), (-0.35, 0.16), (-0.1, 0.08), (0.15, 0.17), (0.3, 0.27)], 20)
    body = loft([_slice(x, low, high) for (x, high), (_, low) in zip(back, under, strict=True)])
    tail = prism([(0.26, 0.3), (0.5, 0.52), (0.44, 0.3), (0.5, 0.08)], 0.05)
    fins = [prism([(-0.2, 0.5), (-0.02, 0.64), (0.16, 0.6), (0.12, 0.42)], 0.04)]
    fins.append(prism([(-0.1, 0.12), (0.04, 0.0), (0.12, 0.0), (0.1, 0.2)], 0.04))
    for s in (-1, 1):
        side = turned(prism([(0, 0), (0.16, 0.06), (0.16, -0.06)], 0.03), "z", s * 35)
        fins.append(moved(side, (-0.16, s * 0.1, 0.27)))
    eyes = [ball(0.035, (-0.36, s * 0.07, 0.36), sections=12) for s in (-1, 1)]
    return solid(body, tail, *fins, *eyes)


def _slice(x: float, low: float, high: float) -> np.ndarray:
    """A cut through the fish's body: an ellipse half as wide as it is tall."""
    oval = circle(20) * ((high - low) / 4, (high - low) / 2) + (0, (low + high) / 2)
    return np.insert(oval, 0, x, axis=1)


def hat() -> Trimesh:
    """A top hat with its band."""
    brim = curve([(0.3, 0.03), (0.42, 0.0), (0.5, 0.05)], 8)
    crown = [(0.285, 0.06), (0.3, 0.06), (0.3, 0.15), (0.28, 0.15), (0.27, 0.3), (0.3, 0.55), (0, 0.55)]
    return solid(lathe([(0, 0.03), *brim, (0.47, 0.07), *crown]))


def crown() -> Trimesh:
    """A band that rises into eight points, each with a ball."""
    hem = circle(64)
    peak = np.abs(np.linspace(0, 16, 64, endpoint=False) % 2 - 1)[:, None] * (0, 0, 0.28)  # highest at the points
    outside, inside = (level(hem * r, 0.26) + peak for r in (0.46, 0.43))
    wall = loft([level(hem * 0.38, 0), outside, inside, level(hem * 0.35, 0)], ring=True)
    balls = [ball(0.045, (x, y, 0.57), sections=12) for x, y in circle(8) * 0.445]
    return solid(wall, turned(torus(0.385, 0.04), "x", 90), *balls)


def diamond_ring() -> Trimesh:
    """A finger ring, standing: a thin band with a large cut stone."""
    stone = [(0, 0.3), (0.06, 0.38), (0.19, 0.55), (0.12, 0.63), (0, 0.63)]
    return solid(
        torus(0.36, 0.045), lathe(stone, sections=8), lathe([(0.05, 0.33), (0.11, 0.44)], sections=12), crease=20
    )


def pumpkin() -> Trimesh:
    """Ten ribs, sunk in at the top."""
    ribs = (1 - 0.16 * np.abs(np.cos(np.linspace(0, 10 * np.pi, 80, endpoint=False))) ** 6)[:, None]
    half = arc(1, -90, 90, 14)
    flesh = loft([level(circle(80) * ribs * 0.5 * r, 0.38 * z - 0.13 * z * (1 - r) ** 2) for r, z in half])
    bend = curve([(0, 0.2), (0.0, 0.34), (0.05, 0.44), (0.12, 0.5)], 12)
    return solid(flesh, tube(bend, np.linspace(0.08, 0.045, 12), sections=8))


def cupcake() -> Trimesh:
    """A pleated paper case, three rolls of icing, a cherry."""
    pleats = circle(80) * np.where(np.arange(80) // 2 % 2 == 0, 1.04, 0.96)[:, None]
    case = loft([level(pleats * 0.25, 0), level(pleats * 0.36, 0.42)])
    rolls = [(0.29, 0.11, 0.47), (0.2, 0.1, 0.6), (0.1, 0.09, 0.72)]
    icing = [moved(turned(torus(major, minor, sections=24), "x", 90), (0, 0, z)) for major, minor, z in rolls]
    return solid(case, *icing, cone(0.1, 0.7, 0.86), ball(0.08, (0, 0, 0.88), sections=16))
