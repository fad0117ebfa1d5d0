"""What an evaluation found: every score of every item, and the numbers computed from them; on disk and back.

A results folder holds `items.jsonl`, one line an item with the scores of every scorer (very large tables beside it in
`large-tables/`), and `results.json`, what was run and the metrics. Every number in the second can be recomputed from
the first: `fourfold.evaluator.analysis.summary.summarise`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.item_rows import LARGE_FOLDER, ScoredItem, read_row, refuse_constant, write_row
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.result_tables import category_table, comparison_table
from fourfold.evaluator.analysis.result_views import describe, plot_scores, to_frame
from fourfold.evaluator.analysis.rows import ComparisonRow, MetricRow, make_row, shortened
from fourfold.evaluator.tables.formats import write_html
from fourfold.generator.dataset.reading import write_atomically

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

FORMAT, VERSION = "fourfold-results", 2
ITEMS_FILE, RESULTS_FILE = "items.jsonl", "results.json"


@dataclass(frozen=True)
class Results:
    """A finished evaluation. `items` are the evidence, the two tables of rows are computed from them."""

    items: tuple[ScoredItem, ...]
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    model: Mapping[str, Any]  # name, identity, ...
    scorers: Mapping[str, Mapping[str, Any]]  # name -> n_parameters, set_dependent, ...; in the order asked for
    dataset: Mapping[str, Any]  # name, hash, ...
    settings: Mapping[str, Any]  # seed, replicates, level, baseline
    versions: Mapping[str, str]
    command: str = ""
    authors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # scorer -> the benchmark's own metric
    notes: tuple[str, ...] = ()  # what every table made from this must say

    def __repr__(self) -> str:
        return describe(self)

    def _repr_html_(self) -> str:
        return "".join(map(write_html, filter(None, [category_table(self), comparison_table(self)])))

    def to_pandas(self, what: str = "metrics") -> "pandas.DataFrame":
        """One row a metric row, with its fields as columns; `what` may also be "comparisons", or "items".

        "items": one row for each picture with each caption of each item, its truth and a column of scores a scorer.
        Raises InputError for another `what`, and without pandas (the extra `pandas`).
        """
        return to_frame(self, what)

    def plot(self, metric: str | None = None) -> "Figure":
        """A matplotlib figure: a bar for each category and scorer, with its interval, and chance.

        `metric` None: each category's headline metric. Raises InputError for an unknown metric, and without matplotlib
        (the extra `plots`).
        """
        return plot_scores(self, metric)


Row = TypeVar("Row", MetricRow, ComparisonRow)

_BEFORE = r"items\.jsonl|maps\.safetensors"  # what is written before results.json
_UNFINISHED = re.compile(rf"{_BEFORE}|\.({_BEFORE}|results\.json)\.\d+\.tmp|{LARGE_FOLDER}")
_ROWS = ("items", "metrics", "comparisons")
_KINDS = {  # of each part of results.json
    **dict.fromkeys(("model", "scorers", "dataset", "settings", "versions", "authors"), dict),
    **dict.fromkeys(("notes", "metrics", "comparisons"), list),
    **dict.fromkeys(("command", "items_sha256"), str),
}
_CALLED = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
_NEEDED = {("model", "name"): str, ("settings", "level"): float, ("settings", "replicates"): int}


def save(results: Results, folder: Path) -> None:
    """Write a results folder, or replace an earlier one; other files in it are left alone.

    Each file is written aside, synced and renamed; `results.json` comes last and names the hash of `items.jsonl`, so
    that a killed run is never read as a finished one. Raises InputError if the folder holds something else.
    """
    folder = Path(folder)
    check_target(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(write_row(item, number, folder) + "\n" for number, item in enumerate(results.items, start=1))
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "items_sha256": _sha256(lines)}
    head |= {each.name: getattr(results, each.name) for each in fields(results) if each.name not in _ROWS}
    head |= {name: [asdict(row) for row in getattr(results, name)] for name in ("metrics", "comparisons")}
    summary = json.dumps(head, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / ITEMS_FILE, lines)  # nothing but writing between the two: earlier results are one pair
    write_atomically(folder / RESULTS_FILE, summary)


def load(folder: Path) -> Results:
    """Read a results folder back.

    Raises InputError with file and line for anything missing, cut off, or not as `save` writes it.
    """
    folder = Path(folder)
    head = read_summary(folder)
    text = _read(folder / ITEMS_FILE)
    lines = text.removesuffix("\n").split("\n") if text else []  # not splitlines: captions may hold U+2028
    items = tuple(
        read_row(line, f"{folder / ITEMS_FILE}, line {number}", folder) for number, line in enumerate(lines, start=1)
    )
    expected = list(head["scorers"])
    for number, item in enumerate(items, start=1):
        if list(item.scores) != expected:
            given, wished = ", ".join(item.scores), ", ".join(expected)
            raise InputError(f"{folder / ITEMS_FILE}, line {number}: scores of {given}; the run was of {wished}")
    if _sha256(text) != head["items_sha256"]:
        raise InputError(
            f"{folder / ITEMS_FILE}: {len(items)} items, not those {RESULTS_FILE} was computed from; evaluate again"
        )
    plain = {each.name: head[each.name] for each in fields(Results) if each.name not in _ROWS}
    metrics = tuple(_read_row(MetricRow, row, f"{folder / RESULTS_FILE}: metrics") for row in head["metrics"])
    comparisons = tuple(
        _read_row(ComparisonRow, row, f"{folder / RESULTS_FILE}: comparisons") for row in head["comparisons"]
    )
    return Results(items, metrics, comparisons, **(plain | {"notes": tuple(plain["notes"])}))


def read_summary(folder: Path) -> dict[str, Any]:
    """Everything in `results.json`, as it stands; enough for a list of what exists."""
    path = Path(folder) / RESULTS_FILE
    text = _read(path)
    try:
        head = json.loads(text, parse_constant=refuse_constant)
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); is the file cut off?") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InputError(f"{path}: not a results file of fourfold")
    if head.get("version") not in (1, VERSION):
        raise InputError(
            f"{path}: format version {head.get('version')!r}; this fourfold reads versions 1 and {VERSION}"
        )
    if missing := sorted(_KINDS.keys() - head.keys()):
        raise InputError(f"{path}: lacks {', '.join(missing)}")
    _check_head(head, path)
    return _with_names_of_today(head) if head["version"] == 1 else head


_FORMER_METRICS = {"text_two_way": "text_2afc", "image_two_way": "image_2afc"}


def _with_names_of_today(head: dict[str, Any]) -> dict[str, Any]:
    """What version 1 called otherwise: the baseline (`reference`) and 2AFC accuracy (`two_way`)."""
    settings = {"baseline" if key == "reference" else key: value for key, value in head["settings"].items()}
    rows: dict[str, list[Any]] = {}
    for part in ("metrics", "comparisons"):
        rows[part] = [{**row} if isinstance(row, dict) else row for row in head[part]]  # else refused when it is read
        for row in rows[part]:
            if isinstance(row, dict) and "reference" in row:
                row["baseline"] = row.pop("reference")
            if isinstance(row, dict) and row.get("metric") in _FORMER_METRICS:
                row["metric"] = _FORMER_METRICS[row["metric"]]
    return {**head, **rows, "settings": settings}


def _check_head(head: Mapping[str, Any], path: Path) -> None:
    """Raise InputError for the first part that is not of the kind that `save` writes."""
    parts = [((name,), head[name], kind) for name, kind in _KINDS.items()]
    for keys, given, kind in chain(parts, _inner_parts(head)):
        if not isinstance(given, (int, float) if kind is float else kind):
            raise InputError(f"{path}: {'.'.join(keys)} is {shortened(given)}, not {_CALLED[kind]}; is it damaged?")
    for name in ("scorers", "metrics"):
        if not head[name]:
            raise InputError(f"{path}: {name} is empty; evaluate again")


def _inner_parts(head: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any, type]]:
    """Keys, value and wanted kind of what the parts of a head hold; to be drawn when the parts have been checked."""
    for (part, key), kind in _NEEDED.items():
        yield (part, key), head[part].get(key), kind
    for part in ("scorers", "authors"):
        yield from (((part, name), facts, dict) for name, facts in head[part].items())
    yield from ((("notes", str(number)), note, str) for number, note in enumerate(head["notes"]))


def _read_row(kind: type[Row], row: Any, where: str) -> Row:
    read = make_row(kind, row, where)
    if read.metric not in METRICS:
        raise unknown_name("metric", read.metric, METRICS, where)
    return read


def check_target(folder: Path) -> None:
    """Raise InputError for a folder that `save` would refuse: one that holds anything but results."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the results")
    if (folder / RESULTS_FILE).exists():
        read_summary(folder)  # an earlier run, or an error that says what else it is
        return
    names = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    if strange := [name for name in names if not _UNFINISHED.fullmatch(name)]:
        raise InputError(
            f"{folder}: holds something else ({strange[0]}); nothing was overwritten. Give a new or empty folder"
        )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; is {path.parent} a folder of results?") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
