"""Things to travel in. At yaw 0 all show their side but the airplane, which comes towards the camera."""

import numpy as np
from trimesh import Trimesh

from fourfold.scenes.shapes.parts import (
    ball,
    box,
    curve,
    lathe,
    loft,
    moved,
    prism,
    solid,
    symmetric,
    torus,
    tube,
    turned,
)


def _wheel(radius: float, width: float, x: float, y: float) -> Trimesh:
    """Standing on the ground at (x, y), the hub to the outside."""
    hub = [(0, -0.6), (0.35, -0.6), (0.45, -0.3), (0.75, -0.3), (0.8, -0.5), (1, -0.5), (1, 0.5)]
    outside = -90 if y < 0 else 90
    return moved(turned(lathe(np.array(hub) * (radius, width), sections=16), "x", outside), (x, y, radius))


def car() -> Trimesh:
    """Seen from its side, the bonnet on the right; the windows stand out."""
    bonnet, boot = [(0.28, 0.35), (0.46, 0.31), (0.5, 0.26), (0.5, 0.14)], [(-0.5, 0.14), (-0.5, 0.28), (-0.46, 0.33)]
    cabin = [(-0.36, 0.34), (-0.24, 0.53), (-0.19, 0.55), (0.07, 0.55), (0.12, 0.53), (0.26, 0.34)]
    rear_window = [(-0.29, 0.37), (-0.22, 0.5), (-0.07, 0.5), (-0.07, 0.37)]
    front_window = [(-0.03, 0.37), (-0.03, 0.5), (0.08, 0.5), (0.18, 0.37)]
    outlines = [([*boot, (-0.3, 0.35), *bonnet], 0.42), (cabin, 0.38), (rear_window, 0.41), (front_window, 0.41)]
    wheels = [_wheel(0.125, 0.1, x, y) for x in (-0.29, 0.29) for y in (-0.19, 0.19)]
    return solid(*(prism(outline, depth) for outline, depth in outlines), *wheels)


def boat() -> Trimesh:
    """A sailing boat: hull, mast, main sail and jib; the bow on the right."""
    mast = tube([(0.02, 0.15), (0.02, 1.1)], 0.018)
    main = prism([(-0.01, 0.34), (-0.01, 1.06), (-0.4, 0.34)], 0.03)
    jib = prism([(0.05, 0.34), (0.42, 0.34), (0.05, 0.92)], 0.03)
    return solid(loft([_rib(t) for t in np.linspace(0, 1, 13)]), mast, main, jib)


def _rib(t: float) -> np.ndarray:
    """A cut [6, 3] across the hull, from the stern (0) to the bow (1): it narrows and rises."""
    width, keel, rim = 0.17 * np.sqrt(1 - t**2.2) + 0.004, 0.15 * t**3, 0.2 + 0.05 * t**2
    half = [(0.35 * width, keel), (0.8 * width, keel + 0.05), (width, rim)]
    return np.insert(symmetric(half), 0, 0.9 * t - 0.42, axis=1)


def airplane() -> Trimesh:
    """The nose towards the camera. Wings and tail are drawn as seen from above, the fin as seen from the right."""
    hull = curve([(0, -0.5), (0.09, -0.46), (0.115, -0.34), (0.115, 0.1), (0.065, 0.36), (0.025, 0.5)], 21)
    body = lathe(np.maximum(hull, (0, -1)), sections=16)
    wings = prism(symmetric([(0, -0.12), (0.5, -0.18), (0.5, -0.05), (0, 0.22)]), 0.05)
    tail = prism(symmetric([(0, -0.45), (0.22, -0.5), (0.22, -0.41), (0, -0.3)]), 0.05)
    fin = turned(prism([(0.24, 0.03), (0.38, 0.3), (0.5, 0.3), (0.47, 0)], 0.035), "z", 90)
    engines = [lathe([(0.055, -0.22), (0.06, -0.1), (0.045, 0.04)], (s * 0.22, 0.05, 0)) for s in (-1, 1)]
    lying = [turned(part, "x", -90) for part in (body, *engines)] + [turned(part, "x", 90) for part in (wings, tail)]
    return solid(*lying, fin)


def rocket() -> Trimesh:
    """Upright, with four fins, a round window and a nozzle."""
    hull = curve([(0.1, 0.1), (0.16, 0.25), (0.18, 0.45), (0.15, 0.68), (0.08, 0.88), (0, 1)], 16)
    fins = [
        turned(prism([(0.1, 0.14), (0.3, 0), (0.33, 0.03), (0.3, 0.2), (0.15, 0.42)], 0.05), "z", angle)
        for angle in (0, 90, 180, 270)
    ]
    window = torus(0.07, 0.025, (0, -0.165, 0.62), sections=24)
    nozzle = lathe([(0.12, 0.03), (0.08, 0.12)])
    return solid(lathe(np.abs(hull)), nozzle, window, *fins)


def train() -> Trimesh:
    """A steam locomotive, driving to the left."""
    boiler = moved(turned(lathe([(0.15, -0.42), (0.15, 0.2)]), "y", 90), (0, 0, 0.34))
    front = moved(turned(lathe([(0.1, -0.45), (0.165, -0.43), (0.165, -0.37)]), "y", 90), (0, 0, 0.34))
    cab = [box(0.3, 0.36, 0.46, (0.33, 0, 0.4)), box(0.4, 0.44, 0.05, (0.33, 0, 0.65))]
    chimney = lathe([(0.05, 0.45), (0.05, 0.6), (0.1, 0.72), (0, 0.72)], (-0.3, 0, 0))
    dome = ball((0.075, 0.075, 0.1), (-0.02, 0, 0.5), sections=16)
    plough = prism([(-0.4, 0.05), (-0.58, 0.03), (-0.4, 0.22)], 0.3)
    wheels = [
        _wheel(r, 0.07, x, y) for r, x in ((0.09, -0.3), (0.09, -0.1), (0.14, 0.16), (0.09, 0.4)) for y in (-0.15, 0.15)
    ]
    return solid(boiler, front, *cab, chimney, dome, plough, box(0.92, 0.24, 0.1, (0.04, 0, 0.16)), *wheels)


def bicycle() -> Trimesh:
    """Seen from its side, the handlebars on the left."""
    wheels = [torus(0.24, 0.034, (x, 0, 0.274), sections=28) for x in (-0.33, 0.33)]
    rear, crank, saddle, head, hub = (0.33, 0.27), (0.06, 0.25), (0.13, 0.58), (-0.21, 0.58), (-0.33, 0.27)
    rods = [(rear, crank), (crank, saddle), (saddle, head), (head, crank), (saddle, rear), (hub, (-0.19, 0.68))]
    bars = turned(tube([(-0.22, -0.02, 0), (-0.17, 0, 0), (0.17, 0, 0), (0.22, -0.02, 0)], 0.022), "z", 90)
    seat = [tube([saddle, (0.145, 0.65)], 0.022), ball((0.1, 0.05, 0.03), (0.14, 0, 0.66), sections=12)]
    pedals = turned(lathe([(0.06, -0.03), (0.06, 0.03)], sections=16), "x", 90)
    return solid(
        *wheels,
        *(tube(rod, 0.028) for rod in rods),
        moved(bars, (-0.19, 0, 0.69)),
        *seat,
        moved(pedals, (0.06, 0, 0.25)),
    )
