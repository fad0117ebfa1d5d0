"""NegBench's multiple choice, without what a model that sees no picture can use.

Every set of four captions is asked of four pictures, and each of the four is right for one of them. So whoever sees the
captions alone is right in one of four cases, whatever he knows of types, words, places among the options or logic.
Types of the right answers (positive, negative, hybrid) are equally frequent; each is once the type that occurs twice.
Tables by type of the right answer are no measure of this: who is told the type knows something.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.generator.captions.wording import articled
from fourfold.generator.exports.source import Source, save_picture, well_formed
from fourfold.scenes.truth.descriptions import MIN_VISIBLE_FRACTION, Description

_COLUMNS = ("correct_answer", *(f"caption_{k}" for k in range(4)), "correct_answer_template", "image_path")
_TYPES = ("positive", "negative", "hybrid")  # of the fourth option, in turn
_FORMS = {
    "positive": "This image features {a}",
    "negative": "This image does not feature {a}",
    "hybrid": "This image features {a}, but not {b}",
}
_LOOKED_AT = 200  # pictures, in search of one that completes a set


@dataclass(frozen=True)
class _Option:
    """A caption: its type, the kind that it says is there (or, if negative, is not), and the one that is not."""

    type: str
    kind: str
    other: str = ""

    def holds(self, kinds: frozenset[str]) -> bool:
        there = self.kind in kinds
        return there and self.other not in kinds if self.type == "hybrid" else there == (self.type == "positive")

    def text(self) -> str:
        nouns = {key: articled(Description(shape=kind)) for key, kind in self._kinds()}
        return _FORMS[self.type].format(**nouns)

    def _kinds(self) -> Iterator[tuple[str, str]]:
        yield "a", self.kind
        if self.other:
            yield "b", self.other


@dataclass
class _Pictures:
    """What the search needs to know of every picture."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # id and file name alone
    kinds: list[frozenset[str]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    showing: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    used: set[int] = field(default_factory=set)


def write(source: Source, out: Path) -> int:
    """Write as many sets of questions as the split's groups give, equally many of each type.

    A set asks four pictures the same four captions, and a picture is in one set at most. Nothing is written where no
    set can be completed. Returns the number of questions, four a set.
    """
    rng = np.random.default_rng(source.seed)
    pictures = _read(source)
    sets: dict[str, list[tuple[list[_Option], list[int]]]] = {name: [] for name in _TYPES}
    for first in range(0, len(pictures.rows), 2):
        for name in sorted(_TYPES, key=lambda name: len(sets[name])):  # the rarest first
            found = _complete(pictures, first, name, rng)
            if found is not None:
                sets[name].append(found)
                pictures.used.update(found[1])
                break
    number = min(map(len, sets.values()))
    chosen = [each for name in _TYPES for each in sets[name][:number]]
    if chosen:
        _write(source, out, chosen, pictures, rng)
    return 4 * len(chosen)


def _write(
    source: Source,
    out: Path,
    sets: Sequence[tuple[list[_Option], list[int]]],
    pictures: _Pictures,
    rng: np.random.Generator,
) -> None:
    with (out / f"{source.split}_mcq.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for options, images in sets:
            order = [int(k) for k in rng.permutation(len(options))]
            texts = [options[k].text() for k in order]
            for k in rng.permutation(len(options)):
                row = pictures.rows[images[k]]
                name = f"images/{row['id']}.png"
                save_picture(source, row, out, name)
                writer.writerow((order.index(int(k)), *texts, options[k].type, name))


def _read(source: Source) -> _Pictures:
    """Pictures of groups in which every object can be seen, two by two."""
    found = _Pictures()
    for number, group in enumerate(source.groups()):
        with well_formed(group.id):
            clear = all(o["visible_fraction"] >= MIN_VISIBLE_FRACTION for row in group.rows for o in row["objects"])
            shapes = [frozenset(str(thing["shape"]) for thing in row["objects"]) for row in group.rows]
        if not clear:
            continue
        for row, kinds in zip(group.rows, shapes, strict=True):
            for kind in kinds:
                found.showing[kind].append(len(found.rows))
            found.rows.append({"id": row["id"], "file_name": row["file_name"]})
            found.kinds.append(kinds)
            found.groups.append(number)
    return found


def _complete(
    pictures: _Pictures, first: int, fourth: str, rng: np.random.Generator
) -> tuple[list[_Option], list[int]] | None:
    """Four options and four pictures for a group, option k being right for picture k alone; None if it has none.

    Of the group: x is in one picture alone, y in the other, z in both. "x", "not z" and "y, but not x" are right for
    the one, for a stranger without z, and for the other; the fourth option for a stranger that shows z.
    """
    one, other = (first, first + 1) if rng.random() < 0.5 else (first + 1, first)
    if {one, other} & pictures.used:
        return None
    x, y, z = (sorted(kinds) for kinds in _parts(pictures.kinds[one], pictures.kinds[other]))
    if not (x and y and len(z) >= 1 + (fourth == "negative")):
        return None
    x, y, z = (list(rng.permutation(kinds)) for kinds in (x, y, z))
    options = [_Option("positive", str(x[0])), _Option("negative", str(z[0])), _Option("hybrid", str(y[0]), str(x[0]))]
    if fourth == "negative":
        options.append(_Option("negative", str(z[1])))
        images = _strangers(pictures, options, (one, other), (str(z[1]), str(z[0])), rng)
        return None if images is None else (options, images)
    for stranger in _showing(pictures, str(z[0]), (one, other), rng):
        for kind in sorted(pictures.kinds[stranger] - pictures.kinds[one] - pictures.kinds[other]):
            last = _Option("positive", kind) if fourth == "positive" else _Option("hybrid", kind, str(y[0]))
            images = _strangers(pictures, [*options, last], (one, other), ("", str(z[0])), rng, stranger)
            if images is not None:
                return [*options, last], images
    return None


def _parts(one: frozenset[str], other: frozenset[str]) -> tuple[frozenset[str], ...]:
    return one - other, other - one, one & other


def _strangers(
    pictures: _Pictures,
    options: list[_Option],
    twins: tuple[int, int],
    showing: tuple[str, str],
    rng: np.random.Generator,
    fourth: int | None = None,
) -> list[int] | None:
    """Four pictures for four options: two strangers join the twins, for the second option and for the fourth."""
    found = {0: twins[0], 2: twins[1]} | ({} if fourth is None else {3: fourth})
    if any(not _is_answer(pictures, options, k, image) for k, image in found.items()):
        return None
    for k, kind in ((1, showing[0]), (3, showing[1])):
        if k in found:
            continue
        taken = {pictures.groups[image] for image in found.values()}
        fitting = (
            image
            for image in _showing(pictures, kind, twins, rng)
            if pictures.groups[image] not in taken and _is_answer(pictures, options, k, image)
        )
        image = next(fitting, None)
        if image is None:
            return None
        found[k] = image
    return [found[k] for k in range(4)]


def _showing(pictures: _Pictures, kind: str, but: tuple[int, int], rng: np.random.Generator) -> Iterator[int]:
    """Unused pictures of other groups that show the kind (any, if none is named), some of them in random order."""
    among = pictures.showing[kind] if kind else range(len(pictures.rows))
    for k in rng.choice(len(among), size=min(len(among), _LOOKED_AT), replace=False) if len(among) else ():
        image = among[int(k)]
        if image not in pictures.used and pictures.groups[image] != pictures.groups[but[0]]:
            yield image


def _is_answer(pictures: _Pictures, options: list[_Option], right: int, image: int) -> bool:
    return [option.holds(pictures.kinds[image]) for option in options] == [k == right for k in range(len(options))]
