"""What the geometry probe found: its rows and margins, the table they are shown as, and `probe.json`, where they stay.

How they are measured: `fourfold.evaluator.analysis.embedding_geometry`, which needs torch; this module does not.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.geometry_measures import MEASURES
from fourfold.evaluator.analysis.joint_satisfaction import JointRow
from fourfold.evaluator.analysis.marks import mark_model
from fourfold.evaluator.analysis.rows import make_row
from fourfold.evaluator.tables.formats import Cell, Estimate, Table, percent, write_html
from fourfold.generator.dataset.reading import dump_json, write_atomically

PROBE_FILE = "probe.json"
FORMAT, VERSION = "fourfold-probe", 1


@dataclass(frozen=True)
class ProbeRow:
    """One measure on one category, or on the several categories of a condition together (`category` is empty)."""

    condition: str  # "C1" to "C4", "C2+C3" of a compound category, or "beyond"
    category: str
    side: str  # "image", "text", or "both" for margins between them
    measure: str  # a key of `fourfold.evaluator.analysis.geometry_measures.MEASURES`, which says its unit
    value: float
    low: float | None  # limits of the 95 % interval; None where one cluster is all there is
    high: float | None
    groups: int


@dataclass(frozen=True)
class ProbeResult:
    """What the probe found, and every group's margins for whoever draws them."""

    rows: tuple[ProbeRow, ...]
    margins: Mapping[str, np.ndarray]  # category -> [n, 4] in units of cosine: A, B, a, b
    model: str
    identity: str  # of the encoder: hash of architecture, weights, preprocessing and tokenizer
    joint: tuple[JointRow, ...] = ()  # C1 together with the other conditions, on the same scenes
    dataset: str = ""  # what was asked, as tables call it; probes of earlier versions do not say
    notes: tuple[str, ...] = ()  # what every table made from this must say

    def __repr__(self) -> str:
        rows = [row for row in self.rows if (row.side, row.measure) == ("both", "satisfied")]
        joined = {row.condition for row in rows if not row.category}  # of several categories together
        shown = [row for row in rows if not row.category or row.condition not in joined]
        said = ", ".join(f"{row.condition} {row.category}".strip() + f" {percent(row.value)}" for row in shown)
        groups = sum(map(len, self.margins.values()))
        return f"ProbeResult: {self.model}, {groups} groups; conditions satisfied, percent: {said}"

    def _repr_html_(self) -> str:
        return write_html(probe_table(self))


def save_probe(result: ProbeResult, path: Path) -> None:
    """Write the rows and every group's margins as one JSON file; `read_probe` reads it back."""
    margins = {category: table.tolist() for category, table in result.margins.items()}
    content = {"format": FORMAT, "version": VERSION, **asdict(replace(result, margins=margins))}
    write_atomically(Path(path), dump_json(content))


def read_probe(path: Path) -> ProbeResult | None:
    """Read what `save_probe` wrote; None if there is no such file. Raises InputError for a file of another kind."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        margins = {name: np.array(rows, float).reshape(len(rows), 4) for name, rows in content["margins"].items()}
        if not all(np.isfinite(table).all() for table in margins.values()):
            raise ValueError("margins that are no numbers")
        rows = tuple(make_row(ProbeRow, row, f"{path}: rows") for row in content["rows"])
        joint = tuple(make_row(JointRow, row, f"{path}: joint") for row in content.get("joint", ()))
        said = str(content.get("dataset", "")), tuple(map(str, content.get("notes", ())))
        return ProbeResult(rows, margins, str(content["model"]), str(content["identity"]), joint, *said)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a probe as fourfold writes it ({error}); give another name, or remove it and probe again"
        ) from None


_PROBE_COLUMNS = (  # side, measure, heading
    ("both", "satisfied", "satisfied %"),
    ("both", "margin", "margin"),
    ("both", "standard_margin", "margin / sd"),
    ("image", "twin_distance", "image twins"),
    ("text", "twin_distance", "text twins"),
    ("text", "twin_per_paraphrase", "twin / paraphrase"),
    ("image", "superposition_distance", "image parts"),
    ("text", "superposition_distance", "text parts"),
)


def probe_table(result: ProbeResult) -> Table:
    """The geometry probe: conditions and categories down, the measures that say most across."""
    found = {(row.condition, row.category, row.side, row.measure): row for row in result.rows}
    lines: list[tuple[Cell, ...]] = []
    for condition, category in dict.fromkeys((row.condition, row.category) for row in result.rows):
        keys = [(condition, category, side, measure) for side, measure, _ in _PROBE_COLUMNS]
        rows = [found.get(key) for key in keys]
        cells = [
            None if row is None else Estimate(row.value, row.low, row.high, percent=row.measure == "satisfied")
            for row in rows
        ]
        groups = max(row.groups for row in rows if row)
        lines.append((condition, category or "together", *cells, groups))
    return Table(
        title=f"geometry of {mark_model(result.model, result.notes)}"
        + (f" on {result.dataset}" * bool(result.dataset)),
        header=("condition", "category", *(heading for *_, heading in _PROBE_COLUMNS), "groups"),
        rows=tuple(lines),
        notes=(*(f"{heading}: {MEASURES[measure]}" for _, measure, heading in _PROBE_COLUMNS), *result.notes),
    )
