"""Buildings, plants and what else stands outside."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import (
    arc,
    ball,
    box,
    circle,
    cone,
    curve,
    lathe,
    level,
    loft,
    moved,
    prism,
    solid,
    symmetric,
    tube,
    turned,
)


def house() -> Trimesh:
    """Gable to the front, with door, windows and chimney."""
    walls = prism(symmetric([(0.34, 0), (0.34, 0.46), (0, 0.81)]), 0.7)
    roof = prism(symmetric([(0, 0.79), (0.41, 0.37), (0.46, 0.41), (0, 0.87)]), 0.8)
    chimney = box(0.12, 0.12, 0.36, (0.22, 0.1, 0.78))
    door = box(0.17, 0.08, 0.28, (0, -0.35, 0.14))
    panes = [
        box(0.055, 0.07, 0.07, (x + dx, -0.35, z + dz))
        for x, z in ((-0.21, 0.3), (0.21, 0.3), (0, 0.54))
        for dx in (-0.035, 0.035)
        for dz in (-0.042, 0.042)
    ]
    return solid(walls, roof, chimney, door, *panes)


def castle() -> Trimesh:
    """Four round towers with battlements, a wall between them, a gate."""
    corners = [(x, y) for x in (-0.36, 0.36) for y in (-0.3, 0.3)]
    towers = [lathe([(0.13, 0), (0.13, 0.6), (0.165, 0.64), (0.165, 0.7)], (x, y, 0), sections=20) for x, y in corners]
    teeth = [tooth for x, y in corners for tooth in _battlements(x, y, 0.7)]
    gate = arc(0.1, 180, 0, 13, (0, 0.2))
    front = prism([(-0.3, 0), (-0.1, 0), *gate, (0.1, 0), (0.3, 0), (0.3, 0.42), (-0.3, 0.42)], 0.08, (0, -0.3, 0))
    walls = [
        box(0.6, 0.08, 0.42, (0, 0.3, 0.21)),
        box(0.08, 0.5, 0.42, (-0.36, 0, 0.21)),
        box(0.08, 0.5, 0.42, (0.36, 0, 0.21)),
    ]
    merlons = [box(0.07, 0.08, 0.1, (x, -0.3, 0.46)) for x in (-0.16, 0, 0.16)]
    return solid(front, *walls, *merlons, *towers, *teeth)


def _battlements(x: float, y: float, z: float) -> list[Trimesh]:
    return [moved(turned(box(0.05, 0.09, 0.09, (0.13, 0, 0.03)), "z", angle), (x, y, z)) for angle in range(0, 360, 60)]


def windmill() -> Trimesh:
    """A round tower with a cap, four sails in front, a door."""
    tower = lathe([(0.24, 0), (0.15, 0.62)], sections=24)
    cap = lathe([(0.17, 0.61), (0.17, 0.65), (0.1, 0.76), (0.03, 0.8), (0, 0.8)], sections=24)
    axle = turned(lathe([(0.04, 0), (0.04, 0.28)], sections=12), "x", 90)
    sails = []
    for angle in (45, 135, 225, 315):
        blade = [box(0.028, 0.03, 0.44, (0, -0.25, 0.21)), box(0.13, 0.02, 0.32, (0.055, -0.25, 0.27))]
        sails += [turned(part, "y", angle) for part in blade]
    return solid(
        tower, cap, *(moved(part, (0, 0, 0.64)) for part in (axle, *sails)), box(0.12, 0.06, 0.2, (0, -0.225, 0.1))
    )


def tree() -> Trimesh:
    """A fir: three jagged tiers, high enough for the trunk to show from above."""
    hem = circle(36) * np.where(np.arange(36) // 2 % 2 == 0, 1.0, 0.8)[:, None]
    tiers = [(0.34, 0.27, 0.62), (0.27, 0.5, 0.81), (0.19, 0.7, 1.0)]
    boughs = [loft([level(hem * r, low), level(hem * 0, top)]) for r, low, top in tiers]
    return solid(lathe([(0.085, 0), (0.085, 0.4)], sections=16), *boughs, crease=20)


def cactus() -> Trimesh:
    """A ribbed trunk with two raised arms."""
    left = [(0, 0.36), (-0.2, 0.36), (-0.27, 0.4), (-0.29, 0.48), (-0.29, 0.7)]
    right = [(0, 0.5), (0.18, 0.5), (0.25, 0.54), (0.27, 0.62), (0.27, 0.84)]
    arms = [tube(curve(path, 16), 0.075) for path in (left, right)]
    tips = [ball(0.075, (-0.29, 0, 0.7), sections=12), ball(0.075, (0.27, 0, 0.84), sections=12)]
    return solid(_ribbed(0.12, 1.0, 10), *arms, *tips)


def _ribbed(radius: float, height: float, ribs: int) -> Trimesh:
    """A fluted column with a round top."""
    flutes = circle(ribs * 6) * (1 + 0.16 * np.cos(np.linspace(0, 2 * np.pi * ribs, ribs * 6, endpoint=False)))[:, None]
    top = arc(radius, 0, 90, 7, (0, height - radius))
    return loft([level(flutes * r, z) for r, z in ((radius, 0), *top)])


def mushroom() -> Trimesh:
    """A stem under a wide cap."""
    stem = curve([(0.15, 0), (0.17, 0.1), (0.12, 0.3), (0.12, 0.62)], 9)
    cap = curve([(0.42, 0.58), (0.37, 0.76), (0.22, 0.9), (0, 0.96)], 11)
    return solid(lathe([(0, 0), *stem]), lathe([(0, 0.6), (0.12, 0.58), (0.36, 0.51), (0.41, 0.53), *cap]))


def flower() -> Trimesh:
    """A daisy in a pot: the blossom faces the camera."""
    pot = lathe([(0, 0), (0.12, 0), (0.17, 0.22), (0.2, 0.22), (0.2, 0.29), (0.16, 0.29), (0.155, 0.24), (0, 0.24)])
    stem = tube([(0, 0.2), (0, 0.72)], 0.022)
    leaves = [
        moved(turned(ball((0.13, 0.03, 0.05), (s * 0.13, 0, 0), sections=16), "y", -s * 35), (0, 0, 0.36))
        for s in (-1, 1)
    ]
    petals = [
        turned(ball((0.07, 0.028, 0.105), (0, -0.02, 0.155), sections=16), "y", angle) for angle in range(0, 360, 45)
    ]
    head = [moved(part, (0, -0.03, 0.74)) for part in (*petals, ball((0.085, 0.06, 0.085), (0, -0.03, 0), sections=16))]
    return solid(pot, stem, *leaves, *head)


def snowman() -> Trimesh:
    """Three balls of snow with eyes, nose, buttons, hat and arms of twigs."""
    snow = [
        ball(0.27, (0, 0, 0.25), sections=24),
        ball(0.2, (0, 0, 0.6), sections=20),
        ball(0.145, (0, 0, 0.87), sections=16),
    ]
    hat = lathe([(0.18, 0.96), (0.18, 0.985), (0.115, 0.985), (0.115, 1.16)], sections=24)
    nose = moved(turned(cone(0.035, 0, 0.2, sections=12), "x", 90), (0, -0.13, 0.87))
    dots = [
        ball(0.022, at, sections=10)
        for at in ((-0.05, -0.13, 0.92), (0.05, -0.13, 0.92), (0, -0.2, 0.66), (0, -0.2, 0.56))
    ]
    arms = [tube([(s * 0.17, 0.64), (s * 0.32, 0.72), (s * 0.44, 0.84)], 0.02, sections=8) for s in (-1, 1)]
    twigs = [tube([(s * 0.34, 0.735), (s * 0.45, 0.73)], 0.015, sections=8) for s in (-1, 1)]
    return solid(*snow, hat, nose, *dots, *arms, *twigs)
