"""Does a change of material show, on every kind of object? For each look of materials and pair of them, in memory.

    python benchmarks/materials.py --look 1 --look 2 --scenes 8

Each kind is placed in scenes with a color, size and pattern by chance, drawn in every material, and compared pixel by
pixel (fourfold.scenes.truth.changed_pixels). Says also how often a thing no longer has the color of its name.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from fourfold.scenes.model.layout import Layout, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIAL_LOOKS, MATERIALS, PATTERNS, SIZES, can_wear
from fourfold.scenes.render.renderers import AUTO, open_renderer
from fourfold.scenes.render.rendering import Renderer, Rendering
from fourfold.scenes.shapes import KINDS
from fourfold.scenes.truth.annotations import annotate
from fourfold.scenes.truth.changed_pixels import MIN_CHANGED_SHARE, changed_share
from fourfold.scenes.truth.verification import find_problems

PAIRS = tuple(combinations(MATERIALS, 2))
_COLOR_LOST = "an object's color as rendered is not clearly its own"


@dataclass(frozen=True)
class Record:
    """What was measured of one look."""

    shares: dict[tuple[str, str], dict[str, np.ndarray]]  # pair of materials -> kind -> changed share in each scene
    lost: dict[str, float]  # material -> share of the scenes in which the object has lost its color's name
    seconds: float  # for a picture


def measure(look: int, scenes: int, seed: int, renderer: Renderer) -> Record:
    """Draw every kind in every material."""
    shares: dict[tuple[str, str], dict[str, list[float]]] = {pair: defaultdict(list) for pair in PAIRS}
    lost: dict[str, list[bool]] = {name: [] for name in MATERIALS}
    seconds = 0.0
    for kind in KINDS:
        for layout in layouts(kind, look, scenes, seed):
            start, drawn = time.perf_counter(), {}
            for name in MATERIALS:
                worn = in_material(layout, name)
                drawn[name] = renderer.render(worn)
                lost[name].append(_COLOR_LOST in problems(worn, drawn[name]))
            seconds += time.perf_counter() - start
            for pair in PAIRS:
                one, other = (drawn[name] for name in pair)
                share = changed_share(one.color, other.color, one.instances, other.instances, 1)
                shares[pair][kind].append(share)
    return Record(
        {pair: {kind: np.array(found) for kind, found in rows.items()} for pair, rows in shares.items()},
        {name: float(np.mean(found)) for name, found in lost.items()},
        seconds / (len(MATERIALS) * scenes * len(KINDS)),
    )


def layouts(kind: str, look: int, scenes: int, seed: int) -> Iterator[Layout]:
    """Scenes of one object of a kind, on a table and before a wall by turns."""
    for index in range(scenes):
        rng = np.random.default_rng([seed, list(KINDS).index(kind), index])
        color, size, pattern = (str(rng.choice(list(table))) for table in (COLORS, SIZES, PATTERNS))
        wish = ObjectSpec(kind, color, size, pattern=pattern if can_wear(color, pattern) else "plain")
        layout = place(SceneSpec((wish,), ("table", "floating")[index % 2], material_look=look), rng, tries=5000)
        if layout is None:
            raise RuntimeError(f"a {kind} found no place in scene {index}")
        yield layout


def in_material(layout: Layout, name: str) -> Layout:
    """The layout with its one object in another material."""
    return replace(layout, objects=(replace(layout.objects[0], material=name),))


def problems(layout: Layout, rendering: Rendering) -> list[str]:
    """What a picture does not show of its layout."""
    return find_problems(layout, annotate(layout, rendering), rendering.instances.size)


def describe(look: int, record: Record, each_kind: bool) -> str:
    """A paragraph of numbers."""
    lines = [f"look {look}: {record.seconds * 1000:.1f} ms a picture"]
    for pair, rows in record.shares.items():
        found = np.concatenate(list(rows.values()))
        hidden = [kind for kind, shares in rows.items() if np.median(shares) < MIN_CHANGED_SHARE]
        lines.append(
            f"    {' and '.join(pair):17s} changed share: least {found.min():5.1%}, median {np.median(found):5.1%}; "
            f"below {MIN_CHANGED_SHARE:.0%} in {(found < MIN_CHANGED_SHARE).mean():5.1%} of scenes, and in at least "
            f"half of those of {len(hidden)} of {len(rows)} kinds"
        )
    if each_kind:
        lines.append(f"    least, median of each kind: {', '.join(' and '.join(pair) for pair in PAIRS)}")
        for kind in KINDS:
            found = [record.shares[pair][kind] for pair in PAIRS]
            lines.append(f"        {kind:15s} " + "  ".join(f"{s.min():6.1%} {np.median(s):6.1%}" for s in found))
    words = ", ".join(f"{name} {share:.1%}" for name, share in record.lost.items())
    return "\n".join([*lines, f"    the color is not clearly its own: {words}"])


def main() -> None:
    """Measure the looks that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", type=int, choices=MATERIAL_LOOKS, action="append", help="default: all")
    parser.add_argument("--scenes", type=int, default=8, help="of each kind")
    parser.add_argument("--kinds", action="store_true", help="a line for each kind")
    parser.add_argument("--size", type=int, default=224, help="of a picture, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--renderer", default=AUTO)
    given = parser.parse_args()
    with open_renderer(given.size, given.renderer) as renderer:
        for look in given.look or MATERIAL_LOOKS:
            record = measure(look, given.scenes, given.seed, renderer)
            print(describe(look, record, given.kinds), flush=True)


if __name__ == "__main__":
    main()
