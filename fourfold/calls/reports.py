"""`report`: results folders as a page, as Markdown, or as tables and figures for a paper."""

from collections.abc import Sequence
from pathlib import Path

from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.reporting import write_paper, write_report


def report(results: Sequence[str | Path], out: str | Path, *, dataset: str | Path | None = None) -> Path:
    """Write the report on results folders: one self-contained HTML file, or Markdown if `out` ends in .md.

    Pictures come from `dataset`, by default the folder that the results name, if it is still there. Returns `out`.
    Raises InputError for another ending, a folder that holds no results, results on different datasets, and a
    `dataset` that is not the one that was evaluated.
    """
    return write_report([Path(folder) for folder in results], Path(out), _dataset_of(results, dataset))


def paper_report(results: Sequence[str | Path], out: str | Path, *, dataset: str | Path | None = None) -> list[Path]:
    """Write every table of the report as CSV and LaTeX and every figure as SVG and PDF into the folder `out`.

    Needs matplotlib (the extra `plots`). Returns the files. Raises InputError without matplotlib, for an `out` that
    holds anything but an earlier report of this kind, and for results as `report` does.
    """
    return write_paper([Path(folder) for folder in results], Path(out), _dataset_of(results, dataset))


def _dataset_of(results: Sequence[str | Path], given: str | Path | None) -> Path | None:
    """The dataset that was named, or the one that the first results name, if it is still there."""
    named = given if given or not results else load(Path(results[0])).dataset.get("folder")
    return Path(named) if named and (given or Path(named).is_dir()) else None
