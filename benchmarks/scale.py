"""Memory at scale: what every further group takes of making, auditing and verifying a dataset.

    python benchmarks/scale.py [--generated 100000 1000000] [--audited 1000 3000] [--verified 500 1500]

Nothing is drawn. `generate` runs whole but for its audit, and a stand-in writes its shards: the files of real ones, and
as many lines, but empty, since the parent only copies them. `audit` reads made-up rows, with captions and objects as
various as real ones. `verify` reads copies of a few real groups under new names, each with its files, and has to find
nothing wrong. Each part runs at two sizes, every time in a process of its own, after a smaller run that loads
libraries and fills caches. What a group takes is the difference of the two peaks of what Python and numpy allocate
(tracemalloc); the peak of the whole process is printed as well, and what follows on paper for ten million groups.

Some things are kept up to a number and no further: images and captions for the audit, names for verification. Here
that number is KEPT, so that all sizes are past it; what they take when they are full, some 50 MB, comes on top.
Exit code 1: a part takes more for a group than it may.
"""

import gc
import hashlib
import json
import os
import resource
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from command import run

KEPT = 1_000
TEN_MILLION = 10_000_000
_SHARD = 500  # groups of a shard, as in every large dataset
_TEMPLATES = 20  # real groups that are copied
_SIDE = 64  # pixels of their pictures: what is measured are rows and names
_OBJECTS = 3
_MIB = 2**20

Row = dict[str, Any]


@dataclass(frozen=True)
class Peak:
    """The most memory of one run in bytes: of its process, and of what Python and numpy allocated for it."""

    resident: int
    traced: int


@dataclass(frozen=True)
class Part:
    """One part: what it needs in a folder, and what is measured, of so many groups; and what a group may take."""

    prepare: Callable[[Path, int], None]
    run: Callable[[Path, int], None]
    warm: int  # groups of the run before
    most: float  # bytes a group


def nothing(folder: Path, groups: int) -> None:
    """What `generate` needs."""


def generated(folder: Path, groups: int) -> None:
    """The parent's path; the lines of its shards are empty."""
    stand_in(lambda _, shard: (b"\n" * 2 * len(shard), b"", b"\n" * 4 * len(shard)))
    generate(folder, groups)


def made_up(folder: Path, groups: int) -> None:
    """What `audited` needs: rows of two categories, and a manifest that names their split."""
    (folder / "test").mkdir(parents=True)
    with (folder / "test" / "metadata.jsonl").open("w") as file:
        for index in range(groups):
            rows = made_up_rows("test", ("binding", "negation")[index % 2], index)
            file.writelines(json.dumps(row) + "\n" for row in rows)
    (folder / "manifest.json").write_text(json.dumps({"format_version": 1, "splits": {"test": {}}}))


def audited(folder: Path, groups: int) -> None:
    """The audit of captions and objects."""
    from fourfold.generator.audits import dataset_audit, independence

    independence.MOST_IMAGES, dataset_audit.MOST_FOR_TRAINING = KEPT, KEPT // 10
    dataset_audit.audit_dataset(folder, np.random.default_rng(1))


def copied(folder: Path, groups: int) -> None:
    """What `verified` needs: a dataset whose groups are copies of a few real ones."""
    originals = folder.with_name(f"{folder.name}-originals")
    generate(originals, _TEMPLATES, "auto")
    rows = {row["id"]: row for row in map(json.loads, (originals / "test" / "metadata.jsonl").read_text().splitlines())}
    stand_in(lambda folder, shard: copied_shard(originals, rows, folder, shard))
    generate(folder, groups)


def verified(folder: Path, groups: int) -> None:
    """Verification, but for the audit."""
    from fourfold.generator.verification import sorted_names, verify

    sorted_names._RUN, sorted_names._BLOCK = KEPT, KEPT // 6  # in the proportion that they have
    if problems := verify(folder, audits=False, progress=False):
        raise AssertionError(f"{len(problems)} problems in a sound dataset, the first: {problems[0]}")


PARTS = {
    "generate": Part(nothing, generated, 1_000, 20),
    "audit": Part(made_up, audited, 100, 20),
    "verify": Part(copied, verified, 100, 100),
}


def generate(folder: Path, groups: int, renderer: str = "raytrace") -> None:
    """Generate a dataset of one category in this process, without its audit."""
    from fourfold.generator.recipe.reading import Recipe, SceneRange, Split
    from fourfold.generator.run import assembly, pipeline, shards

    shards.SHARD_SIZE, assembly._audit = _SHARD, lambda *_: None
    scene = SceneRange((_OBJECTS, _OBJECTS))
    recipe = Recipe("scale", {"test": Split({"relation+negation": groups})}, image_size=_SIDE, scene=scene)
    pipeline.generate(recipe, folder, workers=1, renderer=renderer, progress=False)


def stand_in(make: Callable[[Path, Any], tuple[bytes, bytes, bytes]]) -> None:
    """From now on nothing is drawn: `make` gives the rows of a shard, its scenes and its checksums."""
    from fourfold.generator.recipe.reading import recipe_hash
    from fourfold.generator.run import destinations, pool
    from fourfold.generator.run.shards import ShardRecord, checksums_path, record_path, rows_path

    def write(folder: Path, job: Any, shard: Any, renderer: Any) -> None:
        rows, scenes, sums = make(folder, shard)
        rows_path(folder, shard).write_bytes(rows)
        checksums_path(folder, shard).write_bytes(sums)
        record = ShardRecord(
            name=shard.name,
            recipe_sha256=recipe_hash(job.recipe),
            rows=2 * len(shard),
            rows_sha256=hashlib.sha256(rows).hexdigest(),
            scenes_sha256=hashlib.sha256(scenes).hexdigest(),
            checksums_sha256=hashlib.sha256(sums).hexdigest(),
            files={},
            rejections={"occluded": 3},
            renderer={"renderer": "none", "device": "none"},
        )
        record_path(folder, shard).write_text(json.dumps(vars(record)))

    destinations.write_shard = write
    pool.open_renderer = lambda size, name: nullcontext()


def copied_shard(originals: Path, rows: dict[str, Row], folder: Path, shard: Any) -> tuple[bytes, bytes, bytes]:
    """Real groups under new names, with their files: rows, scenes and checksums."""
    from fourfold.files import file_hash
    from fourfold.generator.dataset.checksums import checksum_line
    from fourfold.generator.run.shards import row_line, scene_text

    copies, sums = [], []
    places = [f"{shard.split}/images", f"masks/{shard.split}"]
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
    for index in range(shard.start, shard.stop):
        old, new = (f"{shard.split}-{shard.category}-{number:06d}" for number in (index % _TEMPLATES, index))
        for role in "ab":
            copies.append({**rows[f"{old}-{role}"], "id": f"{new}-{role}", "group": new})
            for place in places:
                path = folder / place / f"{new}-{role}.png"
                os.link(originals / place / f"{old}-{role}.png", path)
                sums.append(checksum_line(file_hash(path), f"{place}/{path.name}"))
    texts = (map(row_line, copies), map(scene_text, copies), sums)
    lines, scenes, checksums = ("".join(each).encode() for each in texts)
    return lines, scenes, checksums


def made_up_rows(split: str, category: str, index: int) -> Iterator[Row]:
    """The two rows of a group as long as real ones, with captions and objects as various as real ones."""
    from fourfold.generator.recipe.recipe import Vocabulary

    rng = np.random.default_rng([index, len(category), *category.encode()])
    words, name = Vocabulary(), f"{split}-{category}-{index:06d}"
    kinds = dict.fromkeys(("size", "material", "pattern"), "plain")
    objects = [
        {**kinds, "shape": words.shapes[shape], "color": words.colors[color], "bbox": [left, 40, left + 50, 90]}
        for shape, color, left in rng.integers([len(words.shapes), len(words.colors), 170], size=(_OBJECTS, 3)).tolist()
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
    shared = {"split": split, "group": name, "category": category, "captions": captions, "objects": objects}
    shared |= dict.fromkeys(("condition", "edit", "attribute"), "") | {"camera": {}, "difficulty": {}}
    shared["scene_sha256"] = "x" * 2500  # and all that is not read here
    for role in "ab":
        files = {"file_name": f"images/{name}-{role}.png", "mask": f"masks/{split}/{name}-{role}.png"}
        yield {"id": f"{name}-{role}", "role": role, **shared, **files}


def measure(part: Part, place: Path, groups: int) -> Peak:
    """The peak of a part at this size, in a fresh process; what it needs is made in others before."""
    for size in (part.warm, groups):
        in_fresh_process(part.prepare, place / str(size), size)
    return in_fresh_process(peak_of, part, place, groups)


def in_fresh_process(function: Callable[..., Any], *given: Any) -> Any:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def peak_of(part: Part, place: Path, groups: int) -> Peak:
    """Run the part here, first at a small size, then at this one; the peak of the second run."""
    # pathlib interns the parts of paths. Python renews its table of them now and then, 2 MB at whatever size.
    sys.intern = lambda text: text
    tracemalloc.start()
    part.run(place / str(part.warm), part.warm)
    gc.collect()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    part.run(place / str(groups), groups)
    traced = tracemalloc.get_traced_memory()[1] - before
    return Peak(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, traced)


@click.command(help=__doc__.splitlines()[0])
@click.option("--generated", type=click.IntRange(2_000), nargs=2, default=(100_000, 1_000_000), show_default=True)
@click.option("--audited", type=click.IntRange(1_000), nargs=2, default=(1_000, 3_000), show_default=True)
@click.option("--verified", type=click.IntRange(200), nargs=2, default=(500, 1_500), show_default=True)
def main(**sizes: tuple[int, int]) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    holds = True
    for (name, part), pair in zip(PARTS.items(), sizes.values(), strict=True):
        peaks = []
        for size in pair:
            with TemporaryDirectory() as place:
                peaks.append(measure(part, Path(place), size))
        share = (peaks[1].traced - peaks[0].traced) / (pair[1] - pair[0])
        holds &= share <= part.most
        told = ", ".join(
            f"{size:,} groups {peak.resident / _MIB:.0f} MiB ({peak.traced / _MIB:.2f} allocated)"
            for size, peak in zip(pair, peaks, strict=True)
        )
        ten_million = peaks[1].resident + share * (TEN_MILLION - pair[1])
        print(
            f"{name}: {told}; {share:.1f} bytes a group (at most {part.most}), "
            f"{ten_million / _MIB:.0f} MiB at ten million on paper",
            flush=True,
        )
    sys.exit(not holds)


if __name__ == "__main__":
    run(main)
