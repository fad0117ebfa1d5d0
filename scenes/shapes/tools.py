"""Things to work, measure and play with. Long ones stand upright and face the camera."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import (
    arc,
    ball,
    box,
    circle,
    cone,
    curve,
    frame,
    lathe,
    level,
    loft,
    moved,
    prism,
    solid,
    symmetric,
    torus,
    tube,
    turned,
)


def hammer() -> Trimesh:
    """A claw hammer, head up: the striking face on the right, the claw on the left."""
    grip = lathe([(0, 0), (0.07, 0), (0.078, 0.04), (0.065, 0.36), (0.05, 0.45), (0.05, 0.9), (0, 0.9)])
    claw = [(0.06, 0.75), (0.06, 0.95), (-0.08, 0.96), (-0.24, 0.88), (-0.35, 0.69), (-0.2, 0.77), (-0.08, 0.77)]
    face = lathe([(0.07, 0.04), (0.07, 0.14), (0.125, 0.17), (0.125, 0.29)], sections=24)
    return solid(grip, prism(claw, 0.13), moved(turned(face, "y", 90), (0, 0, 0.855)))


def axe() -> Trimesh:
    """Upright, the blade at the top left."""
    handle = prism(
        [(0.03, 0), (0.11, 0.0), (0.085, 0.1), (0.06, 0.5), (0.06, 1), (-0.02, 1), (-0.02, 0.5), (0.01, 0.1)], 0.07
    )
    edge = arc(0.26, 130, 230, 13, (-0.2, 0.77))
    blade = [(0.08, 0.7), (0.08, 0.88), (-0.06, 0.87), *edge, (-0.06, 0.71)]
    return solid(handle, prism(blade, 0.1))


def key() -> Trimesh:
    """Bow up, the teeth at the lower end."""
    bow = frame(circle(48) * 0.24, circle(48) * 0.12, 0.1, (0, 0, 0.76))
    teeth = [box(0.22, 0.08, 0.09, (0.12, 0, 0.055)), box(0.17, 0.08, 0.075, (0.095, 0, 0.21))]
    collar = box(0.18, 0.12, 0.06, (0, 0, 0.51))
    return solid(bow, box(0.105, 0.1, 0.55, (0, 0, 0.275)), collar, *teeth)


def anchor() -> Trimesh:
    """A ring, a shank with its stock, two curved arms with barbs."""
    ring = torus(0.08, 0.025, (0, 0, 0.91))
    shank, stock = box(0.075, 0.075, 0.8, (0, 0, 0.44)), box(0.36, 0.06, 0.06, (0, 0, 0.74))
    arms = tube(arc(0.38, 200, 340, 17, (0, 0.42)), np.interp(np.arange(17), [0, 8, 16], [0.03, 0.055, 0.03]))
    barbs = [prism([(s * 0.43, 0.42), (s * 0.46, 0.2), (s * 0.24, 0.3)], 0.09) for s in (-1, 1)]
    return solid(ring, shank, stock, arms, *barbs)


def umbrella() -> Trimesh:
    """Open, lying on its rim and its hooked handle, so that the handle shows from above too."""
    hook = curve([(0, 0.11), (0.02, 0.04), (0.08, 0.0), (0.14, 0.04), (0.16, 0.11)], 14)
    tip = cone(0.02, 0.9, 1.03, sections=12)
    return solid(*(turned(part, "y", -42) for part in (_canopy(8), tube([(0, 0.95), *hook], 0.024), tip)))


def _canopy(ribs: int) -> Trimesh:
    """A hollow dome, from its top down the outside and up again inside; the hem rises between the ribs."""
    hem = circle(ribs * 6)
    between = np.abs(np.sin(np.linspace(0, np.pi * ribs, ribs * 6, endpoint=False)))[:, None]  # 0 at a rib
    reach = np.linspace(0, 1, 10)
    rows = []
    for r, thickness in (*((r, 0.0) for r in reach), *((r, 0.02) for r in reach[::-1])):
        dome = level(hem * 0.46 * r * (1 - 0.06 * between * r), 0.52 + 0.4 * np.sqrt(1 - 0.92 * r**2) - thickness)
        rows.append(dome + between * (0, 0, 0.06 * r**3))
    return loft(rows)


def hourglass() -> Trimesh:
    """A waisted glass between two round plates and three posts."""
    plates = [lathe([(0.27, z), (0.27, z + 0.07)], sections=28) for z in (0, 0.93)]
    glass = curve([(0.2, 0.05), (0.22, 0.2), (0.15, 0.38), (0.035, 0.5), (0.15, 0.62), (0.22, 0.8), (0.2, 0.95)], 25)
    posts = [lathe([(0.022, 0.05), (0.022, 0.95)], (x, y, 0), sections=12) for x, y in arc(0.24, 30, 270, 3)]
    return solid(*plates, lathe(glass), *posts)


def bell() -> Trimesh:
    """A flared bell with a ring on top and its clapper below."""
    outer = curve([(0.42, 0.12), (0.34, 0.22), (0.27, 0.42), (0.25, 0.6), (0.18, 0.75), (0, 0.8)], 13)
    hollow = [(0, 0.6), (0.2, 0.5), (0.27, 0.25), (0.36, 0.1)]
    clapper = ball(0.1, (0, 0, 0.12), sections=16)
    return solid(lathe([*hollow, *outer], sections=28), torus(0.075, 0.03, (0, 0, 0.85), sections=24), clapper)


def book() -> Trimesh:
    """Open, tilted towards the camera: two arched blocks of pages with lines of text, between the covers."""
    page = curve([(0, 0.05), (0.06, 0.15), (0.17, 0.185), (0.32, 0.15), (0.46, 0.1)], 20)
    pages = prism(symmetric([(0.46, 0.07), *page[::-1]]), 0.72)
    covers = prism(symmetric([(0, -0.03), (0.5, 0.05), (0.5, 0.09), (0, 0.01)]), 0.8)
    line = np.concatenate([np.add(page[7:-3], (0, 0.02)), np.subtract(page[-4:6:-1], (0, 0.01))])
    text = [prism(line * (s, 1), 0.02, (0, y, 0)) for s in (-1, 1) for y in np.linspace(-0.25, 0.25, 7)]
    return solid(*(turned(part, "x", 38) for part in (pages, covers, *text)))


def guitar() -> Trimesh:
    """Front on: waisted body with sound hole and bridge, neck, head with pegs."""
    right = curve(
        [(0, 0), (0.14, 0.015), (0.215, 0.13), (0.17, 0.27), (0.135, 0.34), (0.165, 0.43), (0.1, 0.52), (0, 0.53)], 40
    )
    body = prism(symmetric(right), 0.12)
    hole = torus(0.06, 0.015, (0, -0.06, 0.35), sections=24)
    neck, head = box(0.05, 0.05, 0.42, (0, -0.06, 0.68)), box(0.085, 0.04, 0.14, (0, -0.05, 0.93))
    pegs = [box(0.15, 0.025, 0.022, (0, -0.05, z)) for z in (0.89, 0.93, 0.97)]
    return solid(body, hole, neck, head, *pegs, box(0.14, 0.04, 0.03, (0, -0.065, 0.16)))


def dumbbell() -> Trimesh:
    """Lying, seen from its side: a bar with two discs at either end."""
    profile = [(0.12, -0.5), (0.16, -0.48), (0.16, -0.4), (0.22, -0.38), (0.22, -0.28), (0.05, -0.26)]
    return solid(turned(lathe([*profile, *((r, -z) for r, z in reversed(profile))]), "y", 90))


def spring() -> Trimesh:
    """Five turns."""
    path = np.column_stack([arc(0.3, 0, 5 * 360, 110), np.linspace(0, 0.9, 110)])
    return solid(tube(path, 0.05, sections=12))
