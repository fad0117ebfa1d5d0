"""CLEVR: scenes/CLEVR_<split>_scenes.json with objects, relationships and directions; pictures in images/<split>/.

Attributes have our words, which are more than CLEVR's. A relationship is listed only where it clearly holds: objects
that are neither left nor right of each other are in neither list, where CLEVR would put them in one.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.generator.exports.source import Source, layout_of, save_picture
from fourfold.scenes.model.camera import axes, pose, project
from fourfold.scenes.model.layout import Layout
from fourfold.scenes.truth.relations import stands

_RELATIONS = ("left", "right", "front", "behind")
_INFO = {"license": "Creative Commons Attribution (CC BY 4.0)", "version": "1.0", "date": ""}


def write(source: Source, out: Path) -> int:
    """Write every picture of the split as one scene, scene by scene; returns their number."""
    path = out / "scenes" / f"CLEVR_{source.split}_scenes.json"
    path.parent.mkdir()
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": ' + json.dumps({"split": source.split, **_INFO}) + ', "scenes": [')
        for count, row in enumerate(source.rows(), start=1):
            name = f"CLEVR_{source.split}_{count - 1:06d}.png"
            save_picture(source, row, out, f"images/{source.split}/{name}")
            scene = {"split": source.split, "image_index": count - 1, "image_filename": name, **_scene(source, row)}
            file.write(("," if count > 1 else "") + "\n" + json.dumps(scene))
        file.write("\n]}\n")
    return count


def _scene(source: Source, row: dict[str, Any]) -> dict[str, Any]:
    layout = layout_of(row)
    return {
        "objects": _objects(layout, row["objects"], source.image_size),
        "relationships": {name: _related(layout, name) for name in _RELATIONS},
        "directions": _directions(layout),
        "fourfold_id": row["id"],
    }


def _objects(layout: Layout, measured: list[dict[str, Any]], pixels: int) -> list[dict[str, Any]]:
    places = np.array([thing.position for thing in layout.objects]).reshape(-1, 3)
    across = project(layout.camera, places) * pixels  # [n, 2]
    depths = (pose(layout.camera)[:3, 3] - places) @ axes(layout.camera)[2]  # [n], from the camera
    return [
        {
            "shape": thing.shape,
            "size": thing.size,
            "material": thing.material,
            "color": thing.color,
            "pattern": thing.pattern,
            "3d_coords": list(thing.position),
            "rotation": thing.yaw,
            "pixel_coords": [round(float(x), 2), round(float(y), 2), round(float(depth), 4)],
            "bbox": found["bbox"],
            "mask_value": found["mask_value"],
        }
        for thing, (x, y), depth, found in zip(layout.objects, across, depths, measured, strict=True)
    ]


def _related(layout: Layout, relation: str) -> list[list[int]]:
    """For each object the numbers of those that stand in the relation to it."""
    numbers = range(len(layout.objects))
    return [[j for j in numbers if j != i and stands(relation, layout, j, i)] for i in numbers]


def _directions(layout: Layout) -> dict[str, list[float]]:
    """Unit vectors on the ground, as CLEVR stores them."""
    right, _, back = axes(layout.camera)
    vectors = {"right": right, "front": np.array([back[0], back[1], 0.0]), "above": np.array([0.0, 0.0, 1.0])}
    vectors |= {"left": -right, "behind": -vectors["front"], "below": -vectors["above"]}
    return {name: [round(float(v), 6) for v in vector / np.linalg.norm(vector)] for name, vector in vectors.items()}
