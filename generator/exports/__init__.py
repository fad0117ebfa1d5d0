"""Exports into other people's schemas: the table of them, and `export`, the one way to write them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fourfold.errors import InputError, unknown_name
from fourfold.generator.exports import (
    bivlc,
    clevr,
    clip_binding,
    dcsm,
    negbench,
    open_clip_csv,
    sugarcrepe,
    valse,
    whatsup,
    winoground,
)
from fourfold.generator.exports.source import Source, open_split

_ASIDE = ".partial"  # how a folder ends that is not whole yet; a killed process leaves some


@dataclass(frozen=True)
class Export:
    """One row of the table: a schema of others. To add one: a file with `write`, and a row."""

    title: str
    takes: str  # what of a dataset has a place in the schema
    write: Callable[[Source, Path], int]  # into an empty folder; gives the number of items
    read_as: str | None  # what `evaluate` reads it as, with {out} and {split}; None: it holds no captions


EXPORTS: dict[str, Export] = {
    "sugarcrepe": Export(
        "SugarCrepe", "content, binding, relation, location and comparison", sugarcrepe.write, "sugarcrepe:{out}"
    ),
    "winoground": Export("Winoground", "every group", winoground.write, "winoground:{out}"),
    "bivlc": Export("BiVLC", "content, binding, relation, location and comparison", bivlc.write, "bivlc:{out}"),
    "clip-binding": Export(
        "clip-binding",
        "binding of an attribute with three values or more, and pictures of a cube, a sphere or a cylinder",
        clip_binding.write,
        "clip-binding:{out}",
    ),
    "whatsup": Export(
        "What'sUp A and B", "relation: left, right, front, behind, on, under", whatsup.write, "whatsup:{out}"
    ),
    "negbench": Export(
        "NegBench, multiple choice", "pictures of which one kind is in one alone", negbench.write, "negbench:{out}"
    ),
    "valse": Export("VALSE", "content, relation, location, negation and counting", valse.write, "valse:{out}"),
    "clevr": Export("CLEVR scenes", "every picture", clevr.write, None),
    "open-clip": Export(
        "open_clip's training CSV",
        "every picture",
        open_clip_csv.write,
        "csv:{out}/{split}.csv#image=filepath,caption=title",
    ),
    "dcsm": Export("the DCSM authors' training folders", "binding, relation and negation", dcsm.write, "ncd:{out}"),
}


@dataclass(frozen=True)
class Exported:
    """What was written, from which split, and the DATASET that `evaluate` takes for it, where it holds captions."""

    path: Path
    split: str
    items: int
    dataset: str | None


def export(dataset: str | Path, format: str, out: str | Path, *, split: str | None = None) -> Exported:
    """Write one split of a dataset to the new folder `out` in the schema that EXPORTS calls `format`.

    The split is the named one, else "test", else the first. The folder appears when it is whole. Raises InputError for
    an unknown format or split, a folder that exists, and a split of which nothing has a place in the schema.
    """
    if format not in EXPORTS:
        raise unknown_name("format", format, EXPORTS)
    out = Path(out)
    if out.exists():
        raise InputError(f"{out}: exists; nothing was overwritten. Give a new folder")
    source = open_split(Path(dataset), split)
    aside = out.with_name(f".{out.name}{_ASIDE}")
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
    aside.mkdir(parents=True)
    try:
        items = EXPORTS[format].write(source, aside)
        if not items:
            raise InputError(
                f"{dataset}: nothing in split {source.split!r} has a place in {format}, which takes: "
                f"{EXPORTS[format].takes}"
            )
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    read_as = EXPORTS[format].read_as
    return Exported(out, source.split, items, read_as and read_as.format(out=out, split=source.split))
