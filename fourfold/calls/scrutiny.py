"""`scrutinise`: the statistics of a report that a referee asks for, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fourfold.evaluator.analysis.equivalence import MARGIN, check_margin
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.reporting.scrutiny import scrutiny_tables
from fourfold.evaluator.reporting.systems import list_systems
from fourfold.evaluator.reporting.view import Numbers

if TYPE_CHECKING:
    from fourfold.evaluator.tables.formats import Table


def scrutinise(
    results: str | Path | Results | Sequence[str | Path | Results], *, margin: float = MARGIN, seed: int = 0
) -> "list[Table]":
    """Tables of reliability, equivalence, threshold accuracy, calibration and slopes along difficulty axes.

    `results` are folders or `Results` on one dataset; `margin` of the equivalence test in percentage points; `seed`
    draws halves, parts and resamples. Controls are left out. Raises InputError for a folder that holds no results, and
    a margin that is not between 0 and 100.
    """
    check_margin(margin)
    given = [results] if isinstance(results, str | Path | Results) else results
    runs = [each if isinstance(each, Results) else load(Path(each)) for each in given]
    systems = list_systems(runs)
    numbers = [Numbers(run, tuple(s for s in systems if s.model == i)) for i, run in enumerate(runs)]
    return scrutiny_tables(numbers, margin=margin, seed=seed)
