"""`leaderboard`: what is shown of results to others, beside the report."""

from collections.abc import Sequence
from pathlib import Path

from fourfold.evaluator.analysis.leaderboard import Leaderboard
from fourfold.evaluator.reporting.leaderboard import check_leaderboard_output, make_leaderboard, write_leaderboard


def leaderboard(
    results: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    category: str | None = None,
    metric: str | None = None,
) -> Leaderboard:
    """Rank every scorer of results folders on one dataset; with `out`, write it as .html, .md, .csv or .json.

    They are ranked by `metric` on `category`, by default the headline metric over all categories. Results on other
    data than most of the folders are left out, and named in `left_out` of what is returned.

    Raises InputError for another ending of `out`, a folder that holds no results, and a category or metric that the
    results have not.
    """
    if out is not None:
        check_leaderboard_output(Path(out))  # before results are read, which may take a while
    board = make_leaderboard([Path(folder) for folder in results], category=category, metric=metric)
    if out is not None:
        write_leaderboard(board, Path(out))
    return board
