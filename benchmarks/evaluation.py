"""How fast is an evaluation, and where does its time go? One command, all runs side by side on made-up groups.

    python benchmarks/evaluation.py                        # ViT-B-32 of open_clip, random weights
    python benchmarks/evaluation.py --device cuda --model ViT-B-16 --groups 1000 --looped 4
    python benchmarks/evaluation.py --memory               # also: does DCSM's memory grow with the number of captions?

Three claims, each with its number and exit code 1 if one does not hold: with five scorers at least 95 % of the time on
a CPU, 80 % on a GPU (a goal that no GPU has reached yet), is spent in the encoders' forward passes; one more scorer
costs under 5 % of that run, once everything it needs, phrases included, is in the feature cache from before; the loop
that encodes each item's pictures and captions afresh for every scorer takes at least four times as long. What a scorer
costs is the difference between scoring and measuring with and without it, on features that are there. A table that
comes first, for the rest takes minutes, says where the time goes.

On a CPU seconds are processor seconds, so that other work on the machine does not enter: those of all threads for the
run, with one thread those of the main thread alone for its parts; what other threads do meanwhile stands beside them.
On a GPU they are the clock's, and a pass ends when the GPU is done. Weights are random unless the model names some, and
heads untrained: speed does not depend on them, scores do and mean nothing. Loading the model, and the passes of a
first small run, which are slower, are counted on neither side.
"""

import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, cast
from unittest.mock import patch

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
from fourfold.evaluator.features import encoding, writing
from fourfold.evaluator.features import table as table_of_features
from fourfold.evaluator.features.encoding import EncodedSet, encode_items
from fourfold.evaluator.run import evaluation
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.dcsm import DcsmConfig, DcsmHead
from fourfold.evaluator.scorers.trained import HEADS, as_scorer
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.tables.formats import Table, write_text

SCORERS = ("cosine", "maxsim", "phrase-align", "labclip", "dcsm")
LEAST_SHARE = {"cpu": 0.95, "gpu": 0.80}  # of the time, in forward passes
MOST_EXTRA, LEAST_SPEEDUP = 0.05, 4.0
MORE = ("factored",)  # added to the five where features are cached: it asks for phrases of its own
REPEATS = 3
WARMING = 64  # groups of the first run, which is not counted
COLORS, SHAPES = ("red", "green", "blue", "yellow", "purple"), ("cube", "sphere", "cone", "torus", "star")
MEMORY_IMAGES, MEMORY_CAPTIONS = 8, (100, 400, 800)
COCO = (5_000, 25_000)  # images, captions of Karpathy's test split


IMAGE_PASS, TEXT_PASS, OTHER_THREADS = "forward passes, pictures", "forward passes, captions", "other threads"
# Where the main path calls what; each part's time is its own, without that of parts inside it.
PARTS = (
    ("features to the table and to the writer", table_of_features.Table, "add"),
    ("scorers made, phrases encoded", evaluation, "load_scorer"),
    ("scorers", evaluation, "score_items"),
    ("statistics", evaluation, "summarise"),
)


@dataclass
class Clock:
    """Seconds of a run and of its parts; the parts of one thread, in which they lie inside each other."""

    device: str
    spent: dict[str, float] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)
    last: float = 0.0

    @property
    def is_cpu(self) -> bool:
        """Whether processor seconds are counted."""
        return self.device == "cpu"

    def now(self) -> float:
        """Seconds of the whole process, once everything asked of the device is done."""
        self._wait()
        return time.process_time() if self.is_cpu else time.perf_counter()

    def time(self, function: Callable[[], Any]) -> float:
        """How long a call takes."""
        start = self.now()
        function()
        return self.now() - start

    def watch(self, part: str, function: Callable[..., Any], *, wait: bool = True) -> Callable[..., Any]:
        """`function`, its time added to its part; with `wait` until the device is done."""

        def watched(*given: Any, **named: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return function(*given, **named)
            self._turn(wait)
            self.inside.append(part)
            try:
                return function(*given, **named)
            finally:
                self._turn(wait)
                self.inside.pop()

        return watched

    def follow(self, part: str, function: Callable[..., Generator]) -> Callable[..., Generator]:
        """A generator function whose steps are counted, not what is done between them."""

        def followed(*given: Any) -> Generator:
            with closing(function(*given)) as steps:
                step = self.watch(part, lambda: next(steps, None), wait=False)
                while (found := step()) is not None:
                    yield found

        return followed

    def run(self, function: Callable[[], Any]) -> float:
        """Seconds of a call, and in `spent` those of its parts."""
        self.spent, self.inside = {}, ["the rest"]
        whole = self.now()
        self.last = self._thread_now()
        function()
        self._turn(wait=True)
        whole = self.now() - whole
        if other := whole - sum(self.spent.values()):
            self.spent[OTHER_THREADS] = other
        return whole

    def _turn(self, wait: bool) -> None:
        """Count the time since the last turn for the part that it was spent in."""
        if wait:
            self._wait()
        now = self._thread_now()
        self.spent[self.inside[-1]] = self.spent.get(self.inside[-1], 0.0) + now - self.last
        self.last = now

    def _thread_now(self) -> float:
        if self.is_cpu:
            return time.thread_time() if torch.get_num_threads() == 1 else time.process_time()
        return time.perf_counter()

    def _wait(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()


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


def measure_run(encoder: TowerEncoder, items: Sequence[Item], folder: Path, clock: Clock) -> float:
    """A whole evaluation with all scorers, results on disk and features in a cache: seconds; parts in `clock.spent`."""
    watched = replace(
        encoder,
        image_tower=clock.watch(IMAGE_PASS, encoder.image_tower),
        text_tower=clock.watch(TEXT_PASS, encoder.text_tower),
    )

    def run() -> None:
        found = evaluation.evaluate(items, watched, SCORERS, head=folder, cache_dir=folder / "cache", progress=False)
        clock.watch("results written", save)(found, folder / "results")

    with ExitStack() as patches:
        for part, owner, name in PARTS:
            patches.enter_context(patch.object(owner, name, clock.watch(part, getattr(owner, name))))
        patches.enter_context(patch.object(encoding, "opened", clock.follow("waiting for pictures", encoding.opened)))
        patches.enter_context(patch.object(encoding, "tokenizing", _followed_tokens(clock, encoding.tokenizing)))
        leave = clock.watch("waiting for the feature store", writing.Writer.__exit__, wait=False)
        patches.enter_context(patch.object(writing.Writer, "__exit__", leave))
        return clock.run(run)


def _followed_tokens(clock: Clock, tokenizing: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def followed(*given: Any) -> Iterator[Iterator]:
        with tokenizing(*given) as chunks:
            yield clock.follow("waiting for tokens", lambda: chunks)()

    return followed


def measure_cached(encoder: TowerEncoder, items: Sequence[Item], folder: Path, clock: Clock) -> tuple[float, dict]:
    """Seconds of a run of all scorers on features that an earlier run left in the cache, and what each adds to it.

    Medians of `REPEATS` rounds on features in memory, each of which scores and measures with `SCORERS` and `MORE` once
    and leaves each of them out once.
    """
    names, cache = (*SCORERS, *MORE), folder / "cache"
    evaluation.evaluate(items[:1], encoder, names, head=folder, cache_dir=cache, progress=False)

    def refuse(given: Any) -> Any:
        raise RuntimeError("a run on cached features encoded something")

    def run(model: Encoder, left_out: str = "", encoded: EncodedSet | None = None) -> float:
        scorers = [name for name in names if name != left_out]
        return clock.time(
            lambda: evaluation.evaluate(
                items, model, scorers, head=folder, cache_dir=cache, progress=False, encoded=encoded
            )
        )

    run(encoder)  # phrases of `MORE` into the cache
    cached = replace(encoder, image_tower=refuse, text_tower=refuse)
    whole = run(cached)
    encoded = encode_items(cached, items, cache, on_device=True)
    rounds = [
        (run(cached, encoded=encoded), {name: run(cached, name, encoded) for name in names}) for _ in range(REPEATS)
    ]
    return whole, {name: median(everything - without[name] for everything, without in rounds) for name in names}


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
    model: str, items: Sequence[Item], looped: int, clock: Clock, encoder: TowerEncoder, show: Callable[[Table], None]
) -> tuple[Table, bool]:
    """The three claims with their numbers, and whether all hold; where the time goes is shown as soon as known."""
    unit = "processor seconds" if clock.is_cpu else "seconds"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_heads(encoder, items, folder)
        evaluation.evaluate(items[:WARMING], encoder, SCORERS, head=folder, progress=False)
        whole = measure_run(encoder, items, folder, clock)
        spent = clock.spent
        show(parts_table(spent, whole, unit))
        cached, extra = measure_cached(encoder, items, folder, clock)
        loop = measure_loop(encoder, items[:looped], folder, clock) * len(items) / looped
    dearest = max(extra, key=lambda scorer: extra[scorer])
    inside = spent.get(IMAGE_PASS, 0.0) + spent.get(TEXT_PASS, 0.0)
    share, added, speedup = inside / whole, extra[dearest] / whole, loop / whole
    least = LEAST_SHARE["cpu" if clock.is_cpu else "gpu"]
    holds = [share >= least, added < MOST_EXTRA, speedup >= LEAST_SPEEDUP]
    rows = (
        (
            "in forward passes",
            f"{inside:.1f} of {whole:.1f}",
            f"{share:.1%}",
            f"at least {least:.0%}",
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


def parts_table(spent: Mapping[str, float], whole: float, unit: str) -> Table:
    """The parts of a run, the longest first, with their shares of the whole."""
    parts = sorted(spent.items(), key=lambda part: -part[1])
    rows = tuple((part, f"{seconds:.3f}", f"{seconds / whole:.1%}") for part, seconds in parts)
    return Table("Where the time of the run goes", ("part", unit, "share"), rows)


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

    def show(table: Table) -> None:
        click.echo(write_text(table))

    claims, holds = speed_table(model, items, min(looped, groups), Clock(device), encoder, show)
    show(claims)
    if memory:
        show(memory_table())
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
