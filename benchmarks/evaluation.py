"""How fast is an evaluation, and where does its time go? One command, all runs side by side on made-up groups.

    python benchmarks/evaluation.py                        # ViT-B-32 of open_clip, random weights
    python benchmarks/evaluation.py --memory               # also: does DCSM's memory grow with the number of captions?

Three claims, each with its number and exit code 1 if one does not hold: with five scorers at least 90 % of the time is
spent in the encoders' forward passes; one more scorer costs under 5 % of that run, once everything it needs, phrases
included, is in the feature cache from before; the loop that encodes each item's pictures and captions afresh for every
scorer takes at least four times as long. What a scorer costs is the difference between runs with and without it, and
is shown beside what the run on cached features takes too: that is so short that nothing is claimed of this share.

On a CPU seconds are this process's processor seconds, so that other work on the machine does not enter; on a GPU they
are the clock's. Weights are random unless the model names some, and heads untrained: speed does not depend on them,
scores do and mean nothing. Loading the model is not counted on either side.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import click
import numpy as np
import torch
from PIL import Image, ImageDraw

from fourfold.evaluator.analysis.results import save
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.towers import TowerEncoder
from fourfold.evaluator.features.encoding import encode_items
from fourfold.evaluator.run.evaluation import evaluate
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.dcsm import DcsmConfig, DcsmHead
from fourfold.evaluator.scorers.trained import HEADS, as_scorer
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.tables.formats import Table, write_text

SCORERS = ("cosine", "maxsim", "phrase-align", "labclip", "dcsm")
LEAST_SHARE, MOST_EXTRA, LEAST_SPEEDUP = 0.90, 0.05, 4.0
MORE = ("factored",)  # added to the five where features are cached: it asks for phrases of its own
REPEATS = 3
COLORS, SHAPES = ("red", "green", "blue", "yellow", "purple"), ("cube", "sphere", "cone", "torus", "star")
MEMORY_IMAGES, MEMORY_CAPTIONS = 8, (100, 400, 800)
COCO = (5_000, 25_000)  # images, captions of Karpathy's test split


@dataclass
class Clock:
    """Seconds, in total and inside the encoders' forward passes."""

    device: str
    inside: float = 0.0

    def now(self) -> float:
        """Processor seconds on a CPU, the clock's elsewhere, once everything asked of the device is done."""
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.process_time() if self.device == "cpu" else time.perf_counter()

    def time(self, function: Callable[[], Any]) -> float:
        """How long a call takes."""
        start = self.now()
        function()
        return self.now() - start

    def watch(self, tower: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`tower`, its time added to `inside`."""

        def watched(given: Any) -> Any:
            start = self.now()
            found = tower(given)
            self.inside += self.now() - start
            return found

        return watched


def make_items(groups: int, side: int, rng: np.random.Generator) -> tuple[Item, ...]:
    """Groups of two drawn pictures and four captions, the pictures' bytes in memory."""
    items = []
    for number in range(groups):
        first, second = rng.permutation(COLORS)[:2]
        one, other = rng.permutation(SHAPES)[:2]
        captions = [f"a {first} {one} and a {second} {other}", f"a {second} {one} and a {first} {other}"]
        captions += [f"a photo of {text} on table {number}" for text in captions]
        images = tuple(_draw(number, pair, side, rng) for pair in ((first, second), (second, first)))
        truth = np.tile(np.eye(2, dtype=bool), 2)
        items.append(Item(f"group-{number}", images, tuple(captions), truth, "binding", f"group-{number}"))
    return tuple(items)


def _draw(number: int, colors: Sequence[str], side: int, rng: np.random.Generator) -> ImageRef:
    image = Image.fromarray(rng.integers(90, 160, (side, side, 3), dtype=np.uint8))
    pen = ImageDraw.Draw(image)
    for place, color in enumerate(colors):
        pen.rectangle((place * side // 2 + 10, side // 3, (place + 1) * side // 2 - 10, side // 2), fill=color)
    data = io.BytesIO()
    image.save(data, "PNG")
    return ImageRef(Path(f"{number}-{colors[0]}.png"), data=data.getvalue())


def write_heads(encoder: Encoder, items: Sequence[Item], folder: Path) -> None:
    """An untrained head for every scorer of `SCORERS` that needs one."""
    images = encode_items(encoder, items[:1]).images
    for name in set(SCORERS) & HEADS.keys():
        sizes = HEADS[name].configure(encoder, images)
        weights = cast(torch.nn.Module, HEADS[name].build(sizes, encoder)).state_dict()
        save_head(Head(name, sizes, encoder.name, encoder.identity, weights), folder / f"{name}.safetensors")


def measure_run(encoder: TowerEncoder, items: Sequence[Item], folder: Path, clock: Clock) -> tuple[float, float]:
    """A whole evaluation with all scorers, results on disk and features in a cache: seconds, and those of passes."""
    watched = replace(encoder, image_tower=clock.watch(encoder.image_tower), text_tower=clock.watch(encoder.text_tower))
    clock.inside = 0.0

    def run() -> None:
        found = evaluate(items, watched, SCORERS, head=folder, cache_dir=folder / "cache", progress=False)
        save(found, folder / "results")

    return clock.time(run), clock.inside


def measure_cached(encoder: TowerEncoder, items: Sequence[Item], folder: Path, clock: Clock) -> tuple[float, dict]:
    """On features that an earlier run left in the cache: seconds of a run of all scorers, and what each adds to it.

    Medians of `REPEATS` rounds, each of which runs `SCORERS` and `MORE` once and leaves each of them out once.
    """
    names = (*SCORERS, *MORE)

    def refuse(given: Any) -> Any:
        raise RuntimeError("a run on cached features encoded something")

    def run(model: Encoder, left_out: str = "") -> float:
        scorers, cache = [name for name in names if name != left_out], folder / "cache"
        return clock.time(lambda: evaluate(items, model, scorers, head=folder, cache_dir=cache, progress=False))

    run(encoder)  # into the cache
    cached = replace(encoder, image_tower=refuse, text_tower=refuse)
    rounds = [(run(cached), {name: run(cached, name) for name in names}) for _ in range(REPEATS)]
    added = {name: median(whole - without[name] for whole, without in rounds) for name in names}
    return median(whole for whole, _ in rounds), added


def measure_loop(encoder: Encoder, items: Sequence[Item], folder: Path, clock: Clock) -> float:
    """Seconds of the loop that encodes each item's pictures and captions afresh for every scorer."""

    def loop() -> None:
        for item in items:
            for name in SCORERS:
                encoded = encode_items(encoder, [item])
                scorer = load_scorer(name, ScorerContext(encoder, [item], encoded, folder))
                scorer(encoded.images[encoded.image_index[0]], encoded.texts[encoded.text_index[0]])

    return clock.time(loop)


def speed_table(
    model: str, items: Sequence[Item], looped: int, clock: Clock, encoder: TowerEncoder
) -> tuple[Table, bool]:
    """The three claims with their numbers, and whether all hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_heads(encoder, items, folder)
        whole, inside = measure_run(encoder, items, folder, clock)
        cached, extra = measure_cached(encoder, items, folder, clock)
        loop = measure_loop(encoder, items[:looped], folder, clock) * len(items) / looped
    dearest = max(extra, key=lambda scorer: extra[scorer])
    share, added, speedup = inside / whole, extra[dearest] / whole, loop / whole
    holds = [share >= LEAST_SHARE, added < MOST_EXTRA, speedup >= LEAST_SPEEDUP]
    unit = "processor seconds" if clock.device == "cpu" else "seconds"
    rows = (
        (
            "in forward passes",
            f"{inside:.1f} of {whole:.1f}",
            f"{share:.1%}",
            f"at least {LEAST_SHARE:.0%}",
            _said(holds[0]),
        ),
        (
            f"one more scorer ({dearest})",
            f"{extra[dearest]:.2f} of {whole:.1f}",
            f"{added:.1%}",
            f"under {MOST_EXTRA:.0%}",
            _said(holds[1]),
        ),
        (
            "loop, per item and scorer",
            f"{loop:.1f}",
            f"{speedup:.1f} x",
            f"at least {LEAST_SPEEDUP:g} x",
            _said(holds[2]),
        ),
    )
    notes = (
        f"a run of {len(extra)} scorers on cached features takes {cached:.2f}, of which "
        + ", ".join(f"{scorer} {seconds:.2f} ({seconds / cached:.1%})" for scorer, seconds in extra.items()),
        f"the loop was timed on {looped} of {len(items)} items and scaled" if looped < len(items) else "",
        f"{torch.get_num_threads()} threads; weights random, heads untrained: the scores mean nothing",
    )
    title = f"{model} on {clock.device}, {len(items)} groups, {len(SCORERS)} scorers, {unit}"
    return Table(title, ("what", unit, "ratio", "claimed", "holds"), rows, tuple(filter(None, notes))), all(holds)


def _said(holds: bool) -> str:
    return "yes" if holds else "NO"


def memory_of_dcsm(captions: int) -> dict[str, float]:
    """In this process: megabytes that scoring adds to its peak beyond features and the table of scores."""
    torch.manual_seed(0)
    d, p, t = 512, 196, 77
    unit = torch.nn.functional.normalize
    keys = np.array([str(n) for n in range(MEMORY_IMAGES)])
    patches = unit(torch.randn(MEMORY_IMAGES, p, d), dim=-1)
    images = ImageFeatures(keys, patches[:, 0], patches, grid=(14, 14))
    tokens = unit(torch.randn(captions, t, d), dim=-1)
    mask = (torch.arange(t) > 0) & (torch.arange(t) < 13)
    token_strings = np.where(mask.numpy(), "word</w>", "").astype("<U8")
    texts = TextFeatures(
        np.array([f"caption {n}" for n in range(captions)]),
        tokens[:, 0],
        tokens,
        mask.expand(captions, -1),
        np.broadcast_to(token_strings, (captions, t)),
    )
    scorer = as_scorer("dcsm", DcsmHead(DcsmConfig(embed_dim=d)).eval())
    scorer(images, texts[np.arange(4)])  # what the first call allocates for good
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew, making features had one of its own
    before = _kilobytes("VmRSS")
    table = scorer(images, texts)
    added = (_kilobytes("VmHWM") - before) / 1024
    return {"captions": captions, "added": added, "table": table.numel() * 4 / 2**20}


def _kilobytes(name: str) -> int:
    """A line of what Linux says of this process's memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1])


def memory_table() -> Table:
    """Peak memory of scoring with DCSM at growing numbers of captions, each in a process of its own."""
    found = []
    for captions in MEMORY_CAPTIONS:
        call = [sys.executable, __file__, "--memory-of", str(captions)]
        found.append(json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
    rows = tuple((f"{each['captions']:,}", f"{each['added']:.0f}", f"{each['table']:.2f}") for each in found)
    n, m = COCO
    first, last = found[0], found[-1]
    slope = max(0.0, (last["added"] - first["added"]) / (last["captions"] - first["captions"]))
    worst = last["added"] + slope * (m - last["captions"])
    gigabytes = {
        "patch features": n * 196 * 512 * 4,
        "text features": m * 77 * 512 * 4,
        "one table of scores": n * m * 4,
    }
    held = ", ".join(f"{what} {size / 2**30:.1f} GiB" for what, size in gigabytes.items())
    return Table(
        f"DCSM, {MEMORY_IMAGES} pictures of 14 x 14 patches, 12 words a caption: megabytes",
        ("captions", "added by scoring", "of which scores"),
        rows,
        (
            f"not measured but scaled: COCO's {n:,} x {m:,} would hold {held}, and scoring add at most {worst:.0f} MB, "
            "if what it adds grew on as here; the maps themselves are made block by block",
        ),
    )


@click.command(help=__doc__.split("\n\n")[0] if __doc__ else "")
@click.option("--model", default="ViT-B-32", show_default=True, help="an open_clip architecture")
@click.option("--groups", type=click.IntRange(4), default=64, show_default=True)
@click.option(
    "--looped", type=click.IntRange(1), default=16, show_default=True, help="groups that the loop is timed on"
)
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--memory", is_flag=True, help="measure DCSM's memory too")
@click.option("--memory-of", type=int, hidden=True)
def main(model: str, groups: int, looped: int, device: str, threads: int, memory: bool, memory_of: int | None) -> None:
    """Measure, print, and fail if a claim does not hold."""
    torch.set_num_threads(threads)
    if memory_of is not None:
        click.echo(json.dumps(memory_of_dcsm(memory_of)))
        return
    encoder = load_encoder(model, device=device, allow_random_weights=True)
    if not isinstance(encoder, TowerEncoder):
        raise click.UsageError(f"--model {model}: give an open_clip or transformers model")
    items = make_items(groups, 224, np.random.default_rng(0))
    encode_items(encoder, items[:2])  # the first pass of a model is slower
    table, holds = speed_table(model, items, min(looped, groups), Clock(device), encoder)
    click.echo(write_text(table))
    if memory:
        click.echo(write_text(memory_table()))
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
