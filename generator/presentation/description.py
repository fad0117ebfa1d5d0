"""What is in a dataset, counted: categories, edits, objects, difficulty, and why drafts were rejected."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfold.conditions import DIFFERENCES
from fourfold.errors import InputError
from fourfold.generator.dataset.difficulty_axes import AXES, DifficultyAxis, applicable
from fourfold.generator.dataset.naming import full_name
from fourfold.generator.dataset.reading import (
    NATURAL,
    check_row,
    choose_split,
    read_manifest,
    read_rows,
    row_place,
    split_names,
)

ATTRIBUTES = ("shape", "color", "size", "material", "pattern")
_BAR = 30  # signs of the longest bar


@dataclass(frozen=True)
class Counts:
    """Counts of one thing: of categories in their own order, of other names the most frequent first, or of bins."""

    title: str
    rows: tuple[tuple[str, int], ...]
    ordered: bool = False  # bins, or numbers: neighbours are alike


@dataclass(frozen=True)
class Portrait:
    """A dataset in counts; `facts` are single lines of text."""

    name: str
    facts: tuple[tuple[str, str], ...]
    tallies: tuple[Counts, ...]


def describe(dataset: str | Path, *, split: str | None = None) -> Portrait:
    """Count what one split of a dataset holds, or all of it, reading row by row.

    Rejected drafts belong to the whole, and are left out where one of several splits is asked for. Raises InputError
    for a folder that is no dataset, a split it has not, and damaged rows.
    """
    folder = Path(dataset)
    manifest = read_manifest(folder)
    splits = split_names(folder) if split is None else [choose_split(folder, split)]
    counts: dict[str, Counter[Any]] = defaultdict(Counter)
    for name in splits:
        for number, row in enumerate(read_rows(folder, name), start=1):
            where = row_place(folder, name, number)
            check_row(row, where)
            try:
                _count(row, counts)
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                raise InputError(f"{where}: malformed objects or difficulty ({error})") from error
    whole = len(splits) == len(manifest["splits"])  # rejected drafts are counted over all splits together
    rejections = _rejections(folder, manifest) if whole else Counter[str]()
    tallies = [_named(title, found) for title, found in counts.items() if not title.startswith(_DIFFICULTY)]
    tallies += [_binned(title, found) for title, found in counts.items() if title.startswith(_DIFFICULTY)]
    if rejections:
        tallies.append(_named("drafts rejected, because", rejections))
    return Portrait(full_name(manifest, folder.name), _facts(folder, manifest, splits), tuple(tallies))


_DIFFICULTY, _BY_CATEGORY = "pictures by ", "groups by category"
_BIN_WIDTHS = {_DIFFICULTY + axis.label: axis.bin_width for axis in AXES.values()}


def _count(row: dict[str, Any], counts: dict[str, Counter[Any]]) -> None:
    if row.get("role") in ("a", "single"):
        counts["scenes" if row["category"] == NATURAL else _BY_CATEGORY][row["category"]] += 1
    if row.get("role") == "a":
        counts["groups by edit"][row["edit"]] += 1
        counts["groups by what the edit changes"][f"{row['category']}: {row['attribute']}"] += 1
    counts["arrangements of pictures"][row.get("arrangement", "unknown")] += 1
    for thing in row["objects"]:
        for name in ATTRIBUTES:
            counts[f"objects by {name}"][str(thing.get(name, "unknown"))] += 1
    for name, value in applicable(row["difficulty"]).items():
        axis = _axis(name)
        counts[_DIFFICULTY + axis.label][_bin(axis, value)] += 1


def _axis(name: str) -> DifficultyAxis:
    """The axis of that name; one that another version wrote is counted value by value."""
    return AXES.get(name) or DifficultyAxis(name, name.replace("_", " "), "", "")


def _rejections(folder: Path, manifest: dict[str, Any]) -> Counter[str]:
    found = manifest.get("rejections", {})
    if not isinstance(found, dict) or not all(isinstance(count, int) for count in found.values()):
        raise InputError(f"{folder / 'manifest.json'}: malformed rejections; the file is damaged")
    return Counter(found)


def _bin(axis: DifficultyAxis, value: Any) -> tuple[float, str]:
    """The bin of a value: what it is sorted by, and its name."""
    if isinstance(value, bool):
        return float(value), "yes" if value else "no"
    if axis.doubling and value > 0:
        power = int(math.log2(value))
        return power, f"{2**power:,} to {2 ** (power + 1) - 1:,}"
    if axis.bin_width is not None:
        low = _tidy(math.floor(value / axis.bin_width + 1e-9) * axis.bin_width)
        return low, _span(low, axis.bin_width)
    return float(value), f"{value:g}"


def _named(title: str, found: Counter[Any]) -> Counts:
    if title == _BY_CATEGORY:
        order = {name: place for place, name in enumerate(DIFFERENCES)}
        return Counts(title, tuple(sorted(found.items(), key=lambda row: (order.get(row[0], len(order)), row[0]))))
    return Counts(title, tuple(sorted(found.items(), key=lambda row: (-row[1], row[0]))))


def _binned(title: str, found: Counter[Any]) -> Counts:
    """Bins in order, and those between them that are empty."""
    width = _BIN_WIDTHS.get(title)
    if width is not None:
        low, high = min(found)[0], max(found)[0]
        steps = (low + k * width for k in range(round((high - low) / width) + 1))
        found.update({(step, _span(step, width)): 0 for step in map(_tidy, steps)})
    return Counts(title, tuple((name, count) for (_, name), count in sorted(found.items())), ordered=True)


def _span(low: float, width: float) -> str:
    """The name of a bin: of whole numbers its first and its last, of others where it begins and where it ends."""
    return f"{low:g} to {low + width - isinstance(width, int):g}"


def _tidy(value: float) -> float:
    """Without what floating point adds: 0.3, not 0.30000000000000004."""
    return round(value, 6)


def _facts(folder: Path, manifest: dict[str, Any], splits: Iterable[str]) -> tuple[tuple[str, str], ...]:
    tellers: dict[str, tuple[str, Callable[[Any], str]]] = {  # name of the fact -> part of the manifest, how to say it
        "description": ("recipe", lambda recipe: str(recipe.get("description", ""))),
        "splits": ("splits", lambda rows: "; ".join(_split_fact(name, rows[name]) for name in splits)),
        "seed": ("seed", str),
        "recipe": ("recipe_sha256", str),
        "software": ("software", lambda found: ", ".join(f"{name} {version}" for name, version in found.items())),
        "renderer": ("renderer", _renderer_fact),
        "other renderers": ("other_renderers", lambda found: "; ".join(map(_renderer_fact, found))),
    }
    rows = {}
    for name, (part, tell) in tellers.items():
        try:
            rows[name] = tell(manifest[part]) if part in manifest else ""
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder / 'manifest.json'}: malformed {part} ({error}); the file is damaged") from error
    rows["audit"] = _audit_fact(folder / "audit.json")
    return tuple((name, text) for name, text in rows.items() if text)


def _renderer_fact(words: dict[str, Any]) -> str:
    return ", ".join(map(str, words.values()))


def _split_fact(name: str, row: dict[str, Any]) -> str:
    groups, scenes = sum(row.get("groups", {}).values()), row.get("scenes", 0)
    parts = [f"{groups:,} groups"] * bool(groups) + [f"{scenes:,} scenes"] * bool(scenes)
    return f"{name}: {row.get('images', 0):,} pictures ({', '.join(parts)})"


def _dependence(pair: dict[str, Any]) -> str:
    return " x ".join(pair["columns"]) + (" (too slightly to help a guess)" if pair["slight"] else "")


def _audit_fact(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        guessed = [name for name, report in found["splits"].items() if not report["passed"]]
        bound = [_dependence(pair) for pair in found["objects"] if pair["leaks"] or pair["slight"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not an audit ({error.__class__.__name__}); the file is damaged") from error
    none = "no two attributes of the objects depend on each other"
    told = f"attributes of the objects that depend on each other: {', '.join(bound)}" if bound else none
    captions = f"captions of {', '.join(guessed)} give answers away" if guessed else "no caption gives an answer away"
    return f"{captions}; {told}"


def portrait_as_text(portrait: Portrait) -> str:
    """The portrait as text for a terminal: the facts, then each count with a bar."""
    lines = [portrait.name, *(f"{name:>12}  {text}" for name, text in portrait.facts)]
    for tally in portrait.tallies:
        total = sum(count for _, count in tally.rows)
        most = max(count for _, count in tally.rows)
        width = max(len(name) for name, _ in tally.rows)
        lines += ["", f"{tally.title} ({total:,})"]
        lines += [
            f"  {name:<{width}}  {count:>8,}  {100 * count / total:5.1f} %  {'█' * round(_BAR * count / most)}".rstrip()
            for name, count in tally.rows
        ]
    return "\n".join(lines)
