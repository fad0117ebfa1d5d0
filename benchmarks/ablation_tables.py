"""What `ablations.py` found: trained heads as lines of a file, and tables and figures of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourfold.evaluator.tables.formats import Estimate, Table, write_csv, write_markdown, write_text
from fourfold.statistics import wilson_interval

CATEGORIES = ("content", "binding", "relation", "negation")
TRIALS = "trials.jsonl"


@dataclass(frozen=True)
class Cell:
    """The hits of one head on the groups of a split, a category and a number of objects."""

    split: str
    category: str
    objects: int
    right: int
    groups: int


@dataclass(frozen=True)
class Trial:
    """One trained head, and how it did on the test splits."""

    identity: str  # of variant, configuration, data and model
    variant: str
    seed: int
    n_parameters: int
    best_epoch: int
    seconds: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Row:
    """What one line of a table shows: heads that differ in their seed alone, on some of the groups."""

    label: str
    trials: Sequence[Trial]
    split: str = "test"
    objects: int | None = None  # None: whatever their number
    size: int | None = None  # training groups of each category, where rows are the points of a curve

    def estimate(self, category: str) -> Estimate | None:
        """Mean over the seeds, from the lowest to the highest; of a single seed with Wilson's interval."""
        counted = [self._count(trial, category) for trial in self.trials]
        if not all(groups for _, groups in counted):
            return None
        shares = [right / groups for right, groups in counted]
        if len(shares) == 1:
            return Estimate(shares[0], *wilson_interval(*counted[0]))
        return Estimate(sum(shares) / len(shares), min(shares), max(shares))

    def _count(self, trial: Trial, category: str) -> tuple[int, int]:
        mine = [
            cell
            for cell in trial.cells
            if (cell.split, cell.category) == (self.split, category) and self.objects in (None, cell.objects)
        ]
        return sum(cell.right for cell in mine), sum(cell.groups for cell in mine)


def read_trials(folder: Path) -> dict[str, Trial]:
    """What was trained before, by identity; a line that a kill cut short is no trial."""
    path = folder / TRIALS
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[row["identity"]] = Trial(**{**row, "cells": tuple(Cell(**cell) for cell in row["cells"])})
    return found


def add_trial(folder: Path, trial: Trial) -> None:
    """Add a line, in one write, for others may be adding theirs."""
    path = folder / TRIALS
    torn = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("ab") as file:
        file.write((("\n" if torn else "") + json.dumps(asdict(trial)) + "\n").encode())


def write_answer(folder: Path, question: str, rows: Sequence[Row], conditions: str) -> str:
    """Write a question's table (.md, .csv) and figure (.svg) into the folder; the table as text."""
    shown = table(question, rows, conditions)
    (folder / f"{question}.md").write_text(write_markdown(shown), encoding="utf-8")
    (folder / f"{question}.csv").write_text(write_csv(shown), encoding="utf-8")
    _draw(rows, folder / f"{question}.svg")
    return write_text(shown)


def table(question: str, rows: Sequence[Row], conditions: str) -> Table:
    """Variants down, categories across."""
    lines = tuple((row.label, row.trials[0].n_parameters, *map(row.estimate, CATEGORIES)) for row in rows)
    seeds = len(rows[0].trials)
    brackets = f"mean of {seeds} seeds [lowest, highest]" if seeds > 1 else "one seed; 95 % Wilson intervals"
    header = ("variant", "parameters", *CATEGORIES)
    return Table(f"{question}: group score, percent", header, lines, (f"{brackets}; {conditions}",))


def _draw(rows: Sequence[Row], path: Path) -> None:
    """A point with its interval for each row and category, side by side or along a curve."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.9, 2.4), layout="constrained")
    axes = figure.subplots()
    if all(row.size for row in rows):
        for k, category in enumerate(CATEGORIES):
            points = {row.size: row.estimate(category) for row in rows}
            _add(axes, points, category, k, linewidth=0.9)
        axes.set_xscale("log", base=2)
        axes.set_xticks([row.size for row in rows], [str(row.size) for row in rows])
        axes.set_xlabel("training groups of each category")
    else:
        for k, row in enumerate(rows):
            shift = 0.14 * (k - (len(rows) - 1) / 2)
            points = {at + shift: row.estimate(category) for at, category in enumerate(CATEGORIES)}
            _add(axes, points, row.label, k, linewidth=0)
        axes.set_xticks(range(len(CATEGORIES)), CATEGORIES)
    axes.axhline(100 / 6, color="black", linestyle="dashed", linewidth=0.8)  # chance
    axes.set_ylim(0, 100)
    axes.set_ylabel("groups right, %")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    with rc_context({"svg.hashsalt": "fourfold"}):
        figure.savefig(path, metadata={"Date": None})


def _add(axes: Any, points: Mapping[Any, Estimate | None], label: str, k: int, linewidth: float) -> None:
    """Series number k of a figure; what was not measured is left out."""
    found = {x: estimate for x, estimate in points.items() if estimate is not None}
    values, low, high = (
        np.array([100 * (getattr(each, name) or 0) for each in found.values()]) for name in ("value", "low", "high")
    )
    spread, looks = [values - low, high - values], {"fmt": "os^Dvx"[k % 6], "markersize": 4, "elinewidth": 0.9}
    axes.errorbar(list(found), values, spread, label=label, linestyle="-", linewidth=linewidth, **looks)
