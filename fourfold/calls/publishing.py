"""`leaderboard` and `model-index`: what is shown of results to others, beside the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fourfold.evaluator.analysis.leaderboard import Leaderboard
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.reporting.leaderboard import check_leaderboard_output, make_leaderboard, write_leaderboard
from fourfold.evaluator.reporting.model_index import model_index as _model_index
from fourfold.evaluator.reporting.model_index import write_model_index


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


def model_index(
    results: Sequence[str | Path] | str | Path,
    out: str | Path | None = None,
    *,
    name: str | None = None,
    dataset_id: str | None = None,
) -> list[dict[str, Any]]:
    """The `model-index` that a model card on the HuggingFace hub says of results, as plain data.

    With `out` it is written as YAML, or into the front matter of a card, README.md, that keeps all else. `results` are
    folders of one model; `name` is what the card calls it, and `dataset_id` the dataset's id on the hub.

    Raises InputError for a folder that holds no results, results of several models, and a card whose metadata cannot
    be read.
    """
    folders = [results] if isinstance(results, str | Path) else results
    index = _model_index([load(Path(folder)) for folder in folders], name=name, dataset_id=dataset_id)
    if out is not None:
        write_model_index(index, Path(out))
    return index
