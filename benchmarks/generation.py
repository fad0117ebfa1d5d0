"""Speed and memory of generation: our whole path beside one straightforward pyrender loop, in one run.

    python benchmarks/generation.py [--groups 30] [--repeats 3] [--memory]

Ours: sampling, color with shadows, instance masks, verification, captions and files. Theirs: fresh scene objects for
every picture, default shadow size, a color pass and a SEG pass, PNGs as Pillow writes them by default; no sampling of
relations, no verification, no captions. Both: 224 x 224, three objects, the layouts of theirs sampled beforehand.

The two sides take turns, and the ratio of each turn is printed: on a machine that does other things meanwhile, only
such ratios mean something. `--memory` measures the parent's peak at 1,000 and at 20,000 groups, its shards made by a
quick stand-in that writes rows but renders nothing: what grows with the number of groups is the parent's own path.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np

SIZE, OBJECTS = 224, 3
_FIRST = 40  # groups that a worker makes before the clock starts
STAGES = {  # function -> stage; what is inside another stage is counted there alone
    ("scenes/render/opengl.py", "render"): "draw (color, shadows, masks)",
    ("scenes/truth/annotations.py", "annotate"): "measure pixels",
    ("scenes/model/layout.py", "place"): "sample and place",
    ("scenes/shapes/__init__.py", "mesh"): "build meshes (once a process)",
    ("generator/run/png.py", "encode_png"): "PNG",
    ("fourfold/files.py", "write_together"): "write and sync",
}


def recipe(groups: int):
    from fourfold.generator.recipe.reading import Recipe, SceneRange, Split

    return Recipe("benchmark", {"test": Split({"binding": groups})}, scene=SceneRange((OBJECTS, OBJECTS)))


def ours(groups: int, workers: int) -> float:
    """Images per second of `generate`'s path after its workers have started: all shards, in that many processes."""
    from fourfold.generator.run import pool
    from fourfold.generator.run.shards import Job, Shard

    with tempfile.TemporaryDirectory() as out:
        (Path(out) / ".shards").mkdir()
        job = Job(out, recipe(groups), "folder", "opengl")
        size = max(1, groups // (4 * workers))
        # Opens renderers, compiles shaders and builds all meshes, once a process; the plain loop's are made beforehand.
        starts = [10**6 + i * _FIRST for i in range(2 * workers)]
        first = [Shard("test", "binding", start, start + _FIRST, i) for i, start in enumerate(starts)]
        todo = [Shard("test", "binding", i, min(i + size, groups), i) for i in range(0, groups, size)]
        made = pool.make_shards(job, [*first, *todo], workers)
        for _ in first:
            next(made)
        started = time.perf_counter()
        for _ in made:
            pass
        return 2 * groups / (time.perf_counter() - started)


def theirs(images: int) -> float:
    """Images per second of a loop as a tutorial would write it."""
    from fourfold.generator.categories import CATEGORIES
    from fourfold.generator.categories.world import make_world
    from fourfold.scenes.model.camera import pose
    from fourfold.scenes.render.opengl import import_pyrender
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
                started = time.perf_counter()
            draw_plainly(pyrender, renderer, layout, shapes, Path(out) / str(number), pose, light_pose, object_pose)
        spent = time.perf_counter() - started
    renderer.delete()
    return images / spent


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

    with tempfile.TemporaryDirectory() as out, open_renderer(SIZE, "opengl") as renderer:
        (Path(out) / ".shards").mkdir()
        job, profiler = Job(out, recipe(groups), "folder", "opengl"), cProfile.Profile()
        profiler.runcall(write_shard, Path(out), job, Shard("test", "binding", 0, groups, 0), renderer)
    stats = pstats.Stats(profiler)
    spent = Counter[str]()
    for (file, _, name), (_, _, _, cumulative, _) in stats.stats.items():
        for (end, function), stage in STAGES.items():
            if file.endswith(end) and name == function:
                spent[stage] += cumulative
    total = stats.total_tt
    for stage, seconds in spent.most_common():
        print(f"  {stage:<32} {100 * seconds / total:5.1f} %")


def parent_memory(groups: int) -> float:
    """Peak memory of the parent, MiB, for a dataset of that many groups with stand-in shards; in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--parent-of", str(groups)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def run_parent(groups: int) -> None:
    """The parent's whole path with its audit, each category a tenth of the groups; prints the peak in MiB."""
    import hashlib
    import resource
    from dataclasses import replace

    from fourfold.generator.categories import CATEGORIES
    from fourfold.generator.recipe.reading import Split
    from fourfold.generator.run import destinations, pipeline, pool
    from fourfold.generator.run.shards import ShardRecord, record_path, rows_path

    def stand_in(folder, job, shard, renderer) -> None:
        digest = hashlib.sha256()
        with rows_path(folder, shard).open("wb") as file:
            for index in range(shard.start, shard.stop):
                for row in made_up_rows(shard.split, shard.category, index):
                    line = json.dumps(row).encode() + b"\n"
                    file.write(line)
                    digest.update(line)
        identity, rows = pipeline.recipe_hash(job.recipe), digest.hexdigest()
        record = ShardRecord(shard.name, identity, 2 * len(shard), rows, rows, {}, {"occluded": 3}, {"device": "-"})
        record_path(folder, shard).write_text(json.dumps(vars(record)))

    class Nothing:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    destinations.write_shard = stand_in
    pool.open_renderer = lambda size, name: Nothing()
    ten = dict.fromkeys(list(CATEGORIES)[:10], groups // 10)
    with tempfile.TemporaryDirectory() as out:
        asked = replace(recipe(1), splits={"test": Split(ten)})
        pipeline.generate(asked, Path(out) / "x", workers=1, renderer="raytrace", progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def made_up_rows(split: str, category: str, index: int):
    """The two rows of a group as long as real ones, with captions and objects as various as real ones."""
    from fourfold.generator.recipe.recipe import Vocabulary

    rng = np.random.default_rng([index, len(category), *category.encode()])
    words, name = Vocabulary(), f"{split}-{category}-{index:06d}"
    kinds = dict.fromkeys(("size", "material", "pattern"), "plain")
    objects = [
        {**kinds, "shape": words.shapes[shape], "color": words.colors[color], "bbox": [left, 40, left + 50, 90]}
        for shape, color, left in rng.integers([len(words.shapes), len(words.colors), 170], size=(OBJECTS, 3)).tolist()
    ]
    one, other = (f"a {thing['color']} {thing['shape']}" for thing in objects[:2])
    form = ("{} beside {}", "there is {} and also {}", "{} can be seen with {}")[index % 3]
    again = ("one can make out {} and {}", "a picture of {} and {}")[index % 2]
    texts = [form.format(one, other), form.format(other, one), again.format(one, other), again.format(other, one)]
    captions = [
        {
            "text": text,
            "kind": "true",
            "claim": "{}",
            "template": f"{index % 6}",
            "truth": [number % 2 == 0, number % 2 == 1],
        }
        for number, text in enumerate(texts)
    ]
    for role in "ab":
        row = {"id": f"{name}-{role}", "group": name, "role": role, "category": category, "captions": captions}
        row |= dict.fromkeys(("file_name", "condition", "edit", "attribute"), "") | {"camera": {}, "difficulty": {}}
        yield {**row, "objects": objects, "scene": "x" * 2500}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="the parent's memory alone")
    parser.add_argument("--parent-of", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.parent_of:
        run_parent(asked.parent_of)
        return
    if asked.memory:
        small, large = parent_memory(1_000), parent_memory(20_000)
        print(f"peak memory of the parent: {small:.0f} MiB at 1,000 groups, {large:.0f} MiB at 20,000", end="")
        print(f" ({100 * (large / small - 1):+.1f} %)")
        return
    print("where our time goes (one process, under the profiler):")
    profile(asked.groups)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for turn in range(asked.repeats):
        plain = theirs(2 * asked.groups)
        one, several = ours(asked.groups, 1), ours(asked.workers * asked.groups, asked.workers)
        print(
            f"turn {turn + 1}: plain loop {plain:.1f} images/s; ours {one:.1f} with 1 process, {several:.1f} with "
            f"{asked.workers}; ratio {several / plain:.1f}; {100 * several / (asked.workers * one):.0f} % of ideal"
        )


if __name__ == "__main__":
    main()
