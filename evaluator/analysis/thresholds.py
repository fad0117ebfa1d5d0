"""What an adaptive evaluation found: every group that was asked, the thresholds, their table, and `adaptive.json`.

The threshold is the level of a difficulty axis at which the share of groups with all questions right is halfway between
chance and 100 %: `fourfold.statistics.psychometric`. Levels are those that were measured on the groups.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import FOURFOLD, METRICS
from fourfold.evaluator.tables.formats import MISSING, Cell, Estimate, Table, percent, write_html
from fourfold.files import dump_json, write_atomically
from fourfold.generator.dataset.difficulty_axes import AXES, AxisRange
from fourfold.statistics.psychometric import CERTAIN, WIDTH, Psychometric, Threshold

ADAPTIVE_FILE = "adaptive.json"
FORMAT, VERSION = "fourfold-adaptive", 1
METRIC = "group_score"
CURVES = Psychometric(METRICS[METRIC].chance(FOURFOLD))


@dataclass(frozen=True)
class AskedGroup:
    """One group that was made and scored."""

    group: str
    value: float  # of the axis, measured, in its unit
    right: bool  # all four questions of the group score
    margin: float  # by which the hardest of them was won, in units of the scores; 0 or less: not


@dataclass(frozen=True)
class Search:
    """The search for the threshold of one scorer in one category, as far as it is."""

    category: str
    scorer: str
    within: AxisRange
    asked: tuple[AskedGroup, ...] = ()

    @property
    def posterior(self) -> np.ndarray:
        """Of the curves of `CURVES`, [T, S]."""
        answers = ((self.within.level(each.value), each.right) for each in self.asked)
        return reduce(lambda known, answer: CURVES.update(known, *answer), answers, CURVES.prior)

    @property
    def threshold(self) -> Threshold:
        """On the scale of levels, 0..1 being the range."""
        return CURVES.threshold(self.posterior)


@dataclass(frozen=True)
class AdaptiveResults:
    """All searches of a run, and what they were asked to search."""

    setting: Mapping[str, Any]  # axis, recipe, seed, model, ...: with another one nothing here would be the same
    searches: tuple[Search, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"AdaptiveResults: {self.setting['axis']}, {self.setting['model']}, {len(self.searches)} searches"

    def _repr_html_(self) -> str:
        return write_html(threshold_table(self))


def save_adaptive(results: AdaptiveResults, folder: Path) -> None:
    """Write `adaptive.json`, whole or not at all; thresholds are in it for other readers than `read_adaptive`."""
    searches = [asdict(each) | {"threshold": _in_units(each)} for each in results.searches]
    content = {"setting": dict(results.setting), "searches": searches, "notes": results.notes}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / ADAPTIVE_FILE, dump_json({"format": FORMAT, "version": VERSION, **content}))


def read_adaptive(folder: Path) -> AdaptiveResults | None:
    """What `save_adaptive` wrote; None if there is nothing. Raises InputError for a file of another kind."""
    path = folder / ADAPTIVE_FILE
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        searches = tuple(
            Search(
                row["category"],
                row["scorer"],
                AxisRange(**row["within"]),
                tuple(AskedGroup(**each) for each in row["asked"]),
            )
            for row in content["searches"]
        )
        return AdaptiveResults(content["setting"], searches, tuple(content["notes"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not as fourfold writes it ({error}); give another --out, or remove it") from None


def threshold_table(results: AdaptiveResults) -> Table:
    """Each search in a line: the threshold with its interval in the axis's unit, or in words what is known of it."""
    return Table(
        title=f"thresholds of {results.setting['model']} along {named_axis(results.setting['axis'])}",
        header=("category", "scorer", "threshold", "what is known", "range", "right %", "groups"),
        rows=tuple(_line(each) for each in results.searches),
        notes=(
            f"threshold: where {percent(CURVES.target)} % of groups have all questions right, halfway between chance "
            f"and all, with 95 % interval; given if that is no wider than {100 * WIDTH:.0f} points, hundredths of the "
            "range",
            f"above, below: with probability {CERTAIN} accuracy is above, or below, that share over the whole range; "
            "right: of the groups that were asked, most of them near the threshold, so no accuracy of the category",
            *results.notes,
        ),
    )


def named_axis(name: str) -> str:
    """How the axis is called, with its unit, for titles."""
    axis = AXES[name]
    return axis.label if axis.unit in axis.label else f"{axis.label} ({axis.unit})"


def _line(search: Search) -> tuple[Cell, ...]:
    found, right = _in_units(search), [float(each.right) for each in search.asked]
    low, high = found["low"], found["high"]
    known = Estimate(found["median"], low, high, percent=False) if found["verdict"] == "known" else MISSING
    said = {
        "known": f"known within {100 * WIDTH:.0f} points",
        "above": "above over the whole range",
        "below": "below over the whole range",
        "open": f"not known within {100 * WIDTH:.0f} points" + _between(low, high),
    }[found["verdict"]]
    within = f"{search.within.low:.3g} to {search.within.high:.3g}"
    return (search.category, search.scorer, known, said, within, Estimate(fmean(right or [0.0])), len(right))


def _between(low: float | None, high: float | None) -> str:
    """Where an open threshold lies, if anything is known of it."""
    if low is None and high is None:
        return ""
    first, last = ("beyond" if end is None else f"{end:.3g}" for end in (low, high))
    return f": {first} to {last}"


def _in_units(search: Search) -> dict[str, Any]:
    """The threshold in the unit of the axis; a limit of its interval that lies beyond the range is None."""
    found = search.threshold
    low, high = (search.within.value(end) if np.isfinite(end) else None for end in (found.low, found.high))
    return {"median": search.within.value(found.median), "low": low, "high": high, "verdict": found.verdict}
