"""Speed and memory of generation: our whole path beside one straightforward pyrender loop, in one run.

    python benchmarks/generation.py [--workers 2] [--seconds 8] [--repeats 2]

Ours: sampling, color with shadows, instance masks, verification, captions and files. Theirs: fresh scene objects for
every picture, default shadow size, a color pass and a SEG pass, PNGs as Pillow writes them by default; no sampling of
relations, no verification, no captions. Both: 224 x 224, three objects, the layouts of theirs sampled beforehand.

Every one of our processes first builds all meshes and compiles all shaders; then all wait for each other, and make
groups for as many seconds: how long starting takes, and who ends last, is no part of a rate. "Ideal" is the rate of one
process times their number. A second line says how far processes that neither draw nor write get on the same
machine: cores may be half cores, or busy with something else.

The sides take turns, and the ratio of each turn is printed: on a machine that does other things meanwhile, only such
ratios mean something, and the processor time a picture. Memory is measured by `benchmarks/scale.py`.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

SIZE, OBJECTS = 224, 3
_WARM_UP = 60  # groups that a process makes before the clock starts
_SHARD = 5  # groups between two looks at the clock
_PLAIN = 40  # pictures of the plain loop, at most
STAGES = {  # function -> stage; what is inside another stage is counted there alone
    ("scenes/render/opengl.py", "render"): "draw (color, shadows, masks)",
    ("scenes/truth/annotations.py", "annotate"): "measure pixels",
    ("scenes/model/layout.py", "place"): "sample and place",
    ("generator/run/png.py", "encode_png"): "PNG",
    ("fourfold/files.py", "write_together"): "write and sync",
}


def recipe(groups: int):
    from fourfold.generator.recipe.reading import Recipe, SceneRange, Split

    return Recipe("benchmark", {"test": Split({"binding": groups})}, scene=SceneRange((OBJECTS, OBJECTS)))


def ours(processes: int, seconds: float) -> tuple[float, float, float]:
    """Images per second of that many processes, processor seconds an image, and how far the machine can get.

    That last is the rate of plain processor work in as many processes, summed, in passes per second.
    """
    context = get_context("spawn")
    together, answers = context.Barrier(processes), context.Queue()
    with tempfile.TemporaryDirectory() as out:
        (Path(out) / ".shards").mkdir()
        asked = [(out, number, seconds, together, answers) for number in range(processes)]
        started = [context.Process(target=make_for, args=args, daemon=True) for args in asked]
        for process in started:
            process.start()
        told = [answers.get(timeout=600) for _ in started]
        for process in started:
            process.join()
    images = sum(count for count, *_ in told)
    return (
        sum(count / spent for count, spent, *_ in told),
        sum(processor for _, _, processor, _ in told) / images,
        sum(rate for *_, rate in told),
    )


def make_for(out: str, number: int, seconds: float, together, answers) -> None:
    """Make groups as a worker of `generate` does for so long, and tell: images, seconds, processor seconds, passes."""
    from fourfold.generator.run import pool
    from fourfold.generator.run.shards import Job, Shard
    from fourfold.scenes.shapes import KINDS, mesh

    for kind in KINDS:
        mesh(kind)
    job, start = Job(out, recipe(1), "folder", "opengl"), 10**6 * number
    pool.work(job, Shard("test", "binding", start, start + _WARM_UP, 0))
    start += _WARM_UP
    together.wait(timeout=600)
    begun, used, images = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() < begun + seconds:
        pool.work(job, Shard("test", "binding", start, start + _SHARD, 0))
        start, images = start + _SHARD, images + 2 * _SHARD
    spent, used = time.perf_counter() - begun, time.process_time() - used
    together.wait(timeout=600)
    answers.put((images, spent, used, passes_per_second(seconds / 4)))


def passes_per_second(seconds: float) -> float:
    """How often a second this process gets through a little numpy and Python, while others do the same."""
    pixels, passes, begun = np.linspace(0, 1, 50_000), 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        np.sqrt(pixels * pixels + 0.5).sum()
        sorted(range(2_000), key=lambda i: -i)
        passes += 1
    return passes / (time.perf_counter() - begun)


def theirs(images: int) -> tuple[float, float]:
    """Images per second of a loop as a tutorial would write it, and processor seconds an image."""
    from fourfold.generator.categories import CATEGORIES
    from fourfold.generator.categories.world import make_world
    from fourfold.scenes.model.camera import pose
    from fourfold.scenes.render.opengl_start import import_pyrender
    from fourfold.scenes.render.poses import light_pose, object_pose
    from fourfold.scenes.shapes import mesh

    pyrender = import_pyrender()
    pyrender.renderer.SHADOW_TEX_SZ = pyrender.light.SHADOW_TEX_SZ = 2048  # its own default
    world = make_world(recipe(1), recipe(1).splits["test"])
    drafts = (CATEGORIES["binding"].sample(world, np.random.default_rng([1, seed])) for seed in range(10 * images))
    layouts = list(islice((draft.layouts[0] for draft in drafts if draft is not None), images + 1))
    meshes = [[mesh(thing.shape) for thing in layout.objects] for layout in layouts]
    renderer = pyrender.OffscreenRenderer(SIZE, SIZE)
    with tempfile.TemporaryDirectory() as out:
        for number, (layout, shapes) in enumerate(zip(layouts, meshes, strict=True)):
            if number == 1:  # the first compiles the shaders
                started, used = time.perf_counter(), time.process_time()
            draw_plainly(pyrender, renderer, layout, shapes, Path(out) / str(number), pose, light_pose, object_pose)
        spent, used = time.perf_counter() - started, time.process_time() - used
    renderer.delete()
    return images / spent, used / images


def draw_plainly(pyrender, renderer, layout, shapes, path: Path, pose, light_pose, object_pose) -> None:
    import trimesh
    from PIL import Image

    scene = pyrender.Scene(bg_color=[0.8, 0.8, 0.8, 1.0], ambient_light=[0.3, 0.3, 0.3])
    floor = trimesh.creation.box([60, 60, 0.01])
    scene.add(pyrender.Mesh.from_trimesh(floor))
    nodes = {}
    for i, (thing, shape) in enumerate(zip(layout.objects, shapes, strict=True)):
        material = pyrender.MetallicRoughnessMaterial(baseColorFactor=[*(np.array(thing.rgb) / 255), 1.0])
        plain = trimesh.Trimesh(shape.vertices, shape.faces, process=False)
        nodes[scene.add(pyrender.Mesh.from_trimesh(plain, material=material), pose=object_pose(thing))] = i + 1
    scene.add(pyrender.PerspectiveCamera(yfov=np.radians(layout.camera.fov)), pose=pose(layout.camera))
    scene.add(pyrender.DirectionalLight(intensity=3.0), pose=light_pose(layout))
    color, _ = renderer.render(scene, pyrender.RenderFlags.SHADOWS_DIRECTIONAL)
    masks, _ = renderer.render(scene, pyrender.RenderFlags.SEG, nodes)
    Image.fromarray(color).save(f"{path}.png")
    Image.fromarray(masks[:, :, 0]).save(f"{path}-mask.png")


def profile(groups: int) -> None:
    """Print the shares of the stages of our path in one process."""
    import cProfile
    import pstats

    from fourfold.generator.run.shards import Job, Shard, write_shard
    from fourfold.scenes.render.renderers import open_renderer
    from fourfold.scenes.shapes import KINDS, mesh

    with tempfile.TemporaryDirectory() as out, open_renderer(SIZE, "opengl") as renderer:
        (Path(out) / ".shards").mkdir()
        job, profiler = Job(out, recipe(groups), "folder", "opengl"), cProfile.Profile()
        for kind in KINDS:
            mesh(kind)
        write_shard(Path(out), job, Shard("test", "binding", 10**6, 10**6 + _WARM_UP, 0), renderer)
        profiler.runcall(write_shard, Path(out), job, Shard("test", "binding", 0, groups, 0), renderer)
        print(f"drawn by {renderer.describe()['device']}")
    stats = pstats.Stats(profiler)
    spent = Counter[str]()
    for (file, _, name), (_, _, _, cumulative, _) in stats.stats.items():
        for (end, function), stage in STAGES.items():
            if file.endswith(end) and name == function:
                spent[stage] += cumulative
    total = stats.total_tt
    print("where our time goes (one process, under the profiler, meshes and shaders made beforehand):")
    for stage, seconds in (*spent.most_common(), ("rest: claims, captions, rows", total - spent.total())):
        print(f"  {stage:<32} {100 * seconds / total:5.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    profile(_WARM_UP)
    for turn in range(asked.repeats):
        plain, plain_cost = theirs(_PLAIN)
        one, cost, alone = ours(1, asked.seconds)
        several, cost_of_several, together = ours(asked.workers, asked.seconds)
        print(
            f"turn {turn + 1}: plain loop {plain:.1f} images/s ({1000 * plain_cost:.1f} ms of processor each); "
            f"ours {one:.1f} in 1 process ({1000 * cost:.1f} ms), {several:.1f} in {asked.workers} "
            f"({1000 * cost_of_several:.1f} ms)\n"
            f"        {one / plain:.1f} x the plain loop in 1 process ({plain_cost / cost:.1f} x by processor time), "
            f"{several / plain:.1f} x in {asked.workers}; {100 * several / (asked.workers * one):.0f} % of ideal, "
            f"where plain processor work gets {100 * together / (asked.workers * alone):.0f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
