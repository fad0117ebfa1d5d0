"""Several training seeds: their spread stands apart from intervals over groups, in every form of every report."""

import statistics
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold.evaluator.analysis.comparison import compare
from fourfold.evaluator.analysis.model_table import model_table
from fourfold.evaluator.analysis.result_tables import category_table, comparison_table, metric_table
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.analysis.seed_table import NOTE, seed_table, spread_over_seeds
from fourfold.evaluator.reporting import write_report
from fourfold.evaluator.tables.formats import WRITERS, write_table

SEEDS = (0, 7, 12)
SCORERS = ("cosine", *(f"dcsm#{seed}" for seed in SEEDS), "random")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> SimpleNamespace:
    """Results with three seeds of a head, on a small dataset."""
    root = tmp_path_factory.mktemp("seeds")
    dataset = report_data.make_dataset(root / "set", 6)
    folder = report_data.make_results(root / "results", dataset, scorers=SCORERS, replicates=50)
    return SimpleNamespace(root=root, dataset=dataset, folder=folder, results=load(folder))


def group_score(results: Results, scorer: str, category: str) -> float:
    """From the stored scores of the items alone."""
    right = []
    for item in results.items:
        if item.category == category or category == "all":
            (a, b), (c, d) = item.scores[scorer][:, :2].tolist()
            right.append(a > b and d > c and a > c and d > b)
    return float(np.mean(right))


def test_mean_lowest_highest_and_sd_are_those_of_the_stored_scores(place: SimpleNamespace) -> None:
    table = seed_table(place.results)
    assert [row[0] for row in table.rows] == ["content", "binding", "relation", "negation", "all"]
    for row in table.rows:
        values = [group_score(place.results, f"dcsm#{seed}", row[0]) for seed in SEEDS]
        expected = (statistics.mean(values), min(values), max(values), statistics.stdev(values))
        assert [cell.value for cell in row[3:7]] == pytest.approx(expected)
        assert (row[1], row[2], row[7]) == ("group", "dcsm", "0, 7, 12")
        assert all(cell.low is None for cell in row[3:7])  # no interval: seeds are not items
    assert table.notes[0] == NOTE


def test_one_seed_has_no_spread(place: SimpleNamespace, report_data: SimpleNamespace) -> None:
    for scorers in (("cosine", "dcsm"), ("cosine", "dcsm#3"), ("dcsm", "dcsm#3")):
        folder = report_data.make_results(place.root / "-".join(scorers), place.dataset, scorers=scorers, replicates=5)
        assert seed_table(load(folder)) is None


def test_a_control_around_a_head_has_a_spread_of_its_own(place: SimpleNamespace) -> None:
    rows = [row for row in place.results.metrics if row.scorer.startswith("dcsm")]
    both = [type(row)(**{**vars(row), "scorer": name + row.scorer}) for name in ("", "mirror:") for row in rows]
    found = list(spread_over_seeds(both, "all", "group_score"))
    assert [each.scorer for each in found] == ["dcsm", "mirror:dcsm"]
    assert {each.seeds for each in found} == {SEEDS}


def test_every_table_and_report_holds_scorers_of_seeds(place: SimpleNamespace) -> None:
    results = place.results
    other = Results(**{**vars(results), "model": {**results.model, "name": "other"}})
    tables = [seed_table(results), category_table(results), comparison_table(results), metric_table(results, "binding")]
    tables.append(model_table(compare({"one": results, "two": other}, replicates=10)))
    for table in tables:
        for form in WRITERS:
            assert "dcsm" in write_table(table, form)
    for name in ("page.html", "page.md"):
        text = write_report([place.folder], Path(place.root / name), place.dataset).read_text(encoding="utf-8")
        assert "over training seeds, percent" in text
        assert "0, 7, 12" in text
