"""What the path tracer costs, and whether it shows what OpenGL shows; and Blender's Cycles on the same scene, if there.

    python benchmarks/path_tracers.py --scenes 20
    python benchmarks/path_tracers.py --cycles      # needs bpy (GPL-3, a separate download of 374 MB)

The first line of output is of agreement with OpenGL; then, for each number of samples, the processor time of a picture
and its noise: root mean square of the difference to a picture of 256 samples, of 255. With --cycles both tracers draw
one scene of gray things under an even sky, without smoothing.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fourfold.scenes.model.camera import pose
from fourfold.scenes.model.layout import Layout, place
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
from fourfold.scenes.model.vocabulary import COLORS, MATERIALS, PATTERNS, SIZES, can_wear
from fourfold.scenes.render import path_tracing
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.render.path_tracing import PathTracingRenderer
from fourfold.scenes.render.poses import object_pose
from fourfold.scenes.shapes import KINDS, mesh
from fourfold.scenes.truth.annotations import annotate
from fourfold.scenes.truth.verification import find_problems

SEEN = 150  # pixels that the label checks ask of an object


def layouts(number: int, seed: int) -> list[Layout]:
    """Scenes of three objects with looks by chance."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < number:
        things = []
        for shape in rng.choice(list(KINDS), 3, replace=False):
            color, pattern = str(rng.choice(list(COLORS))), str(rng.choice(list(PATTERNS)))
            size, material = str(rng.choice(list(SIZES))), str(rng.choice(list(MATERIALS)))
            pattern = pattern if can_wear(color, pattern) else "plain"
            things.append(ObjectSpec(str(shape), color, size, material, pattern))
        layout = place(SceneSpec(tuple(things), ("table", "grid", "floating")[len(found) % 3]), rng)
        found += [layout] if layout else []
    return found


def agreement(scenes: list[Layout], size: int) -> None:
    """Overlap of instance masks, and how many pictures each renderer's own colors let the label checks refuse."""
    overlaps, refused = [], {"opengl": 0, "path-traced": 0}
    with OpenGLRenderer(size) as opengl, PathTracingRenderer(size) as paths:
        for layout in scenes:
            drawn = {"opengl": opengl.render(layout), "path-traced": paths.render(layout)}
            for name, picture in drawn.items():
                refused[name] += bool(find_problems(layout, annotate(layout, picture), size * size))
            one, other = (picture.instances for picture in drawn.values())
            for number in range(1, len(layout.objects) + 1):
                a, b = one == number, other == number
                if max(a.sum(), b.sum()) >= SEEN:
                    overlaps.append((a & b).sum() / (a | b).sum())
    print(
        f"{len(scenes)} scenes, {len(overlaps)} objects of {SEEN} pixels or more: least IoU {min(overlaps):.4f}, mean "
        f"{np.mean(overlaps):.4f}; refused by the label checks: {refused['opengl']} of OpenGL's pictures, "
        f"{refused['path-traced']} of the path tracer's"
    )


def cost(scenes: list[Layout], size: int) -> None:
    """Processor time and noise for several numbers of samples, with and without smoothing."""
    smoothing = path_tracing.smoothed

    def draw(layout: Layout, samples: int, calm: bool) -> tuple[np.ndarray, float]:
        path_tracing.smoothed = smoothing if calm else (lambda color, own, instances: color)
        renderer, start = PathTracingRenderer(size, samples), time.process_time()
        color = renderer.render(layout).color.astype(float)
        return color, time.process_time() - start

    found: dict[int, list[tuple[float, float, float]]] = {samples: [] for samples in (4, 9, 16)}
    for layout in scenes:
        draw(layout, 1, True)  # what is kept of a surface is made once
        reference = draw(layout, 256, False)[0]
        for samples, rows in found.items():
            (calm, seconds), (raw, _) = draw(layout, samples, True), draw(layout, samples, False)
            rows.append((seconds, *(float(np.sqrt(((each - reference) ** 2).mean())) for each in (raw, calm))))
    path_tracing.smoothed = smoothing
    for samples, rows in found.items():
        seconds, raw, calm = np.mean(rows, axis=0)
        print(f"{samples:3} samples: {seconds:.2f} s of processor, noise {raw:.1f}, smoothed {calm:.1f}")


def versus_cycles(layout: Layout, size: int) -> None:
    """Both tracers on one gray scene: seconds of processor and noise against their own picture of 512 samples."""
    for name, draw in (("mitsuba", _mitsuba(layout, size)), ("cycles", _cycles(layout, size))):
        reference = draw(512)
        for samples in (16, 64):
            draw(samples)
            start = time.process_time()
            color = draw(samples)
            seconds = time.process_time() - start
            again = bool((color == draw(samples)).all())
            noise = np.sqrt(((color - reference) ** 2).mean())
            print(
                f"{name}: {samples} samples {seconds:.2f} s of processor, noise {noise:.2f}, same bytes again {again}"
            )


def _vertices(layout: Layout) -> list[tuple[np.ndarray, np.ndarray]]:
    ground = np.array([[-30, -30, 0], [30, -30, 0], [30, 30, 0], [-30, 30, 0]], float)
    bodies = [(ground, np.array([[0, 1, 2], [0, 2, 3]]))]
    for thing in layout.objects:
        matrix, shape = object_pose(thing), mesh(thing.shape)
        bodies.append((np.asarray(shape.vertices) @ matrix[:3, :3].T + matrix[:3, 3], np.asarray(shape.faces)))
    return bodies


def _shown(linear: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(linear[..., :3], 0, 1) ** (1 / 2.2) * 255)


def _mitsuba(layout: Layout, size: int) -> Callable[[int], np.ndarray]:
    import mitsuba

    renderer = PathTracingRenderer(size)
    scene: dict[str, Any] = {"sky": {"type": "constant", "radiance": 0.8}}
    for number, (vertices, faces) in enumerate(_vertices(layout)):
        gray = mitsuba.load_dict({"type": "twosided", "material": {"type": "diffuse", "reflectance": 0.6}})
        properties = mitsuba.Properties()
        properties["bsdf"] = gray
        body = mitsuba.Mesh("body", len(vertices), len(faces), props=properties)
        arrays = mitsuba.traverse(body)
        arrays["vertex_positions"], arrays["faces"] = vertices.ravel(), faces.ravel()
        arrays.update()
        scene[f"body_{number}"] = body
    return lambda samples: _shown(renderer._trace(layout, scene, {"type": "path", "max_depth": 5}, samples))


def _cycles(layout: Layout, size: int) -> Callable[[int], np.ndarray]:
    import tempfile
    from pathlib import Path

    import bpy
    from mathutils import Matrix
    from PIL import Image

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    gray = bpy.data.materials.new("gray")
    gray.use_nodes = True
    gray.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.6, 0.6, 0.6, 1)
    gray.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 1.0
    for vertices, faces in _vertices(layout):
        data = bpy.data.meshes.new("body")
        data.from_pydata(vertices.tolist(), [], faces.tolist())
        data.materials.append(gray)
        scene.collection.objects.link(bpy.data.objects.new("body", data))
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.8, 0.8, 0.8, 1)
    scene.world = world
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.angle = np.radians(layout.camera.fov)
    camera.matrix_world = Matrix(pose(layout.camera).tolist())
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 4
    scene.view_settings.view_transform = "Standard"
    place_ = Path(tempfile.mkdtemp()) / "picture.png"

    def draw(samples: int) -> np.ndarray:
        scene.cycles.samples = samples
        scene.render.filepath = str(place_)
        bpy.ops.render.render(write_still=True)
        return np.asarray(Image.open(place_).convert("RGB"), float)

    return draw


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--costs", type=int, default=4, help="scenes on which time and noise are measured")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cycles", action="store_true", help="compare with Blender's Cycles instead")
    asked = parser.parse_args()
    if asked.cycles:
        versus_cycles(layouts(1, asked.seed)[0], asked.size)
        return
    agreement(layouts(asked.scenes, asked.seed), asked.size)
    cost(layouts(asked.costs, asked.seed), asked.size)


if __name__ == "__main__":
    main()
