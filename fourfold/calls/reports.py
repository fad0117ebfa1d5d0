"""`load_results`, `report`, `paper_report`, `compare` and `scrutinise`: results read, as pages, or side by side.

All but the first take results as they are at hand: a folder, what `evaluate` returned, or several of either.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from fourfold.errors import InputError
from fourfold.evaluator.analysis.comparison import ModelComparison, load_runs
from fourfold.evaluator.analysis.comparison import compare as compare_runs
from fourfold.evaluator.analysis.equivalence import MARGIN, check_margin
from fourfold.evaluator.analysis.results import Results, load, save
from fourfold.evaluator.reporting import write_paper, write_report
from fourfold.evaluator.reporting.scrutiny import scrutiny_tables
from fourfold.evaluator.reporting.systems import list_systems
from fourfold.evaluator.reporting.view import Numbers
from fourfold.evaluator.tables.formats import Table
from fourfold.statistics import REPLICATES

GivenResults = str | Path | Results


def load_results(folder: str | Path) -> Results:
    """Read a results folder back. Raises InputError for anything missing, cut off, or not as `evaluate` writes it."""
    return load(Path(folder))


def report(
    results: GivenResults | Sequence[GivenResults],
    out: str | Path,
    *,
    dataset: str | Path | None = None,
    look: str | Path | None = None,
) -> Path:
    """Write the report on one or several results: one self-contained HTML file, or Markdown if `out` ends in .md.

    `results` are folders or `Results`, which have no maps and no probe. Pictures come from `dataset`, by default the
    folder that the results name, if it is still there. `look` is a folder of results of the first one's model on the
    same scenes in another look, such as those of another renderer. Returns `out`.

    Raises InputError for another ending, a folder that holds no results, results on different datasets, a `dataset`
    that is not the one that was evaluated, and a `look` that shows none of its scenes.
    """
    with _as_folders(results) as folders:
        return write_report(folders, Path(out), _dataset_of(folders, dataset), look=Path(look) if look else None)


def paper_report(
    results: GivenResults | Sequence[GivenResults],
    out: str | Path,
    *,
    dataset: str | Path | None = None,
    look: str | Path | None = None,
) -> list[Path]:
    """Write every table of the report as CSV and LaTeX and every figure as SVG and PDF into the folder `out`.

    Needs matplotlib (the extra `plots`). Returns the files. Raises InputError without matplotlib, for an `out` that
    holds anything but an earlier report of this kind, and for results as `report` does.
    """
    with _as_folders(results) as folders:
        return write_paper(folders, Path(out), _dataset_of(folders, dataset), look=Path(look) if look else None)


def compare(
    results: GivenResults | Sequence[GivenResults] | Mapping[str, Results],
    *,
    scorers: str | Sequence[str] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> ModelComparison:
    """Put results side by side, paired where they asked the same; the first scorer of the first is the baseline.

    `results` are folders or `Results`, or `Results` by names of one's own; `scorers` picks and orders them, None takes
    all that each has. Resamples come from `seed`. See `fourfold.evaluator.analysis.comparison.compare`.

    Raises InputError for a folder that holds no results or is named twice, fewer than two lines to compare, and a
    scorer that no results have.
    """
    runs = results if isinstance(results, Mapping) else _as_runs(results)
    picked = (scorers,) if isinstance(scorers, str) else scorers
    return compare_runs(runs, scorers=picked, seed=seed, replicates=replicates)


def scrutinise(
    results: GivenResults | Sequence[GivenResults] | Mapping[str, Results], *, margin: float = MARGIN, seed: int = 0
) -> list[Table]:
    """Tables for a referee: reliability, equivalence, one threshold, calibration, slopes along difficulty axes.

    `results` as in `compare`, on one dataset; `margin` of the equivalence test in percentage points; `seed` draws
    halves, parts and resamples. Controls are left out. Raises InputError for a folder that holds no results or is named
    twice, and a margin that is not between 0 and 100.
    """
    check_margin(margin)
    runs = list((results if isinstance(results, Mapping) else _as_runs(results)).values())
    systems = list_systems(runs)
    numbers = [Numbers(run, tuple(s for s in systems if s.model == i)) for i, run in enumerate(runs)]
    return scrutiny_tables(numbers, margin=margin, seed=seed)


def _as_list(results: GivenResults | Sequence[GivenResults]) -> list[Path | Results]:
    if isinstance(results, str | Path | Results):
        return _as_list([results])
    if not isinstance(results, Sequence):
        raise _no_results(results)
    for each in results:
        if not isinstance(each, str | Path | Results):
            raise _no_results(each)
    return [each if isinstance(each, Results) else Path(each) for each in results]


def _as_runs(results: GivenResults | Sequence[GivenResults]) -> dict[str, Results]:
    """Results by name: folders by the end of their path, objects by their model, with a number where that is taken."""
    given = _as_list(results)
    folders = [each for each in given if isinstance(each, Path)]
    loaded = iter(load_runs(folders).items())
    runs: dict[str, Results] = {}
    for each in given:
        name, run = next(loaded) if isinstance(each, Path) else (str(each.model["name"]), each)
        runs[next(free for k in count(1) if (free := name if k == 1 else f"{name} {k}") not in runs)] = run
    return runs


@contextmanager
def _as_folders(results: GivenResults | Sequence[GivenResults]) -> Iterator[list[Path]]:
    """Folders of results, for reports read folders: an object is laid down in one for as long as that takes."""
    given = _as_list(results)
    with TemporaryDirectory(prefix="fourfold-") as place:
        folders = []
        for number, each in enumerate(given, start=1):
            if isinstance(each, Results):
                folder = Path(place) / f"results {number}"
                save(each, folder)
                folders.append(folder)
            else:
                folders.append(each)
        try:
            yield folders
        except InputError as error:
            raise InputError(str(error).replace(f"{place}/", "")) from error


def _dataset_of(folders: Sequence[Path], given: str | Path | None) -> Path | None:
    """The dataset that was named, or the one that the first results name, if it is still there."""
    named = given if given or not folders else load(folders[0]).dataset.get("folder")
    return Path(named) if named and (given or Path(named).is_dir()) else None


def _no_results(given: object) -> InputError:
    return InputError(f"results: {given!r:.80} is none; give a folder, what evaluate returned, or several of these")
