"""What is in a dataset, counted: categories, edits, objects, difficulty, and why drafts were rejected."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.dataset import NATURAL, check_row, choose_split, read_manifest, read_rows, row_place, split_names
from scenes.errors import InputError

ATTRIBUTES = ("shape", "color", "size", "material", "pattern")
# How wide the bins of a difficulty axis are, in its own unit; axes that are not here are counted value by value.
_WIDTHS = {"distance": 0.5, "size_ratio": 0.25, "occlusion": 0.1, "color_distance": 10.0, "caption_length": 2.0}
_DOUBLING = ("visible_pixels",)  # bins from one power of two to the next
_BAR = 30  # signs of the longest bar


@dataclass(frozen=True)
class Tally:
    """Counts of one thing: of named values, the most frequent first, or of bins in order."""

    title: str
    rows: tuple[tuple[str, int], ...]
    ordered: bool = False  # bins, or numbers: neighbours are alike


@dataclass(frozen=True)
class Portrait:
    """A dataset in counts; `facts` are single lines of text."""

    name: str
    facts: tuple[tuple[str, str], ...]
    tallies: tuple[Tally, ...]


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
    rejections = Counter(manifest.get("rejections", {})) if whole else Counter[str]()
    tallies = [_named(title, found) for title, found in counts.items() if not title.startswith(_DIFFICULTY)]
    tallies += [_binned(title, found) for title, found in counts.items() if title.startswith(_DIFFICULTY)]
    if rejections:
        tallies.append(_named("drafts rejected, because", rejections))
    return Portrait(str(manifest.get("name", folder.name)), _facts(folder, manifest, splits), tuple(tallies))


_DIFFICULTY = "pictures by "
_NAMES = {"n_objects": "number of objects"}


def _count(row: dict[str, Any], counts: dict[str, Counter[Any]]) -> None:
    if row.get("role") in ("a", "single"):
        counts["scenes" if row["category"] == NATURAL else "groups by category"][row["category"]] += 1
    if row.get("role") == "a":
        counts["groups by edit"][row["edit"]] += 1
        counts["groups by what the edit changes"][f"{row['category']}: {row['attribute']}"] += 1
    counts["arrangements of pictures"][row.get("arrangement", "unknown")] += 1
    for thing in row["objects"]:
        for name in ATTRIBUTES:
            counts[f"objects by {name}"][str(thing.get(name, "unknown"))] += 1
    for name, value in row["difficulty"].items():
        counts[_DIFFICULTY + _NAMES.get(name, name.replace("_", " "))][_bin(name, value)] += 1


def _bin(name: str, value: Any) -> tuple[float, str]:
    """The bin of a value: what it is sorted by, and its name."""
    if isinstance(value, bool):
        return float(value), "yes" if value else "no"
    if name in _DOUBLING and value > 0:
        power = int(math.log2(value))
        return power, f"{2**power:,} to {2 ** (power + 1):,}"
    if name in _WIDTHS:
        width = _WIDTHS[name]
        low = _tidy(math.floor(value / width + 1e-9) * width)
        return low, f"{low:g} to {low + width:g}"
    return float(value), f"{value:g}"


def _named(title: str, found: Counter[Any]) -> Tally:
    return Tally(title, tuple(sorted(found.items(), key=lambda row: (-row[1], row[0]))))


def _binned(title: str, found: Counter[Any]) -> Tally:
    """Bins in order, and those between them that are empty."""
    width = _WIDTHS.get(title.removeprefix(_DIFFICULTY).replace(" ", "_"))
    if width is not None:
        low, high = min(found)[0], max(found)[0]
        steps = (low + k * width for k in range(round((high - low) / width) + 1))
        found.update({(step, f"{step:g} to {step + width:g}"): 0 for step in map(_tidy, steps)})
    return Tally(title, tuple((name, count) for (_, name), count in sorted(found.items())), ordered=True)


def _tidy(value: float) -> float:
    """Without what floating point adds: 0.3, not 0.30000000000000004."""
    return round(value, 6)


def _facts(folder: Path, manifest: dict[str, Any], splits: Iterable[str]) -> tuple[tuple[str, str], ...]:
    rows = {
        "description": manifest.get("recipe", {}).get("description", ""),
        "splits": "; ".join(_split_fact(name, manifest["splits"][name]) for name in splits),
        "seed": str(manifest.get("seed", "")),
        "recipe": str(manifest.get("recipe_sha256", "")),
        "software": ", ".join(f"{name} {version}" for name, version in manifest.get("software", {}).items()),
        "renderer": ", ".join(map(str, manifest.get("renderer", {}).values())),
        "other renderers": "; ".join(", ".join(words.values()) for words in manifest.get("other_renderers", [])),
        "audit": _audit_fact(folder / "audit.json"),
    }
    return tuple((name, text) for name, text in rows.items() if text)


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
    captions = f"captions of {', '.join(guessed)} give answers away" if guessed else "no caption gives an answer away"
    return f"{captions}; of the objects, {'what depends: ' + ', '.join(bound) if bound else 'nothing depends'}"


def portrait_as_text(portrait: Portrait) -> str:
    """The portrait for a terminal."""
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
