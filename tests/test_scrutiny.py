"""The statistics for referees in every form of the report and from Python, over one model and several."""

from dataclasses import replace
from pathlib import Path

import pytest

import fourfold
from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.tables.formats import write_text

TITLES = (
    "split-half reliability",
    "equivalence to cosine within 5",
    "is this caption true",
    "calibration",
    "slopes of",
)


@pytest.fixture(scope="module")
def folders(report_data, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("scrutiny")
    dataset = report_data.make_dataset(place / "data", 12, draw=False)
    return (
        report_data.make_results(place / "one", dataset, maps=0),
        report_data.make_results(place / "two", dataset, model="another", maps=0),
    )


def test_every_form_of_the_report_has_every_table(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = fourfold.report([folders[0]], tmp_path / "report.html").read_text()
    text = fourfold.report([folders[0]], tmp_path / "report.md").read_text()
    paper = " ".join(
        path.read_text() for path in fourfold.paper_report([folders[0]], tmp_path / "paper") if path.suffix == ".tex"
    )
    for form in (page, text, paper):
        for title in TITLES:
            assert title in form


def test_controls_are_left_out_and_notes_of_results_are_said(folders: tuple[Path, Path]) -> None:
    tables = fourfold.scrutinise(folders[0])
    found = load(folders[0])
    said = "".join(write_text(replace(table, notes=())) for table in tables)
    assert "dcsm" in said
    assert "oracle" not in said
    assert "random" not in said
    assert all(note in table.notes for note in found.notes for table in tables)


def test_systems_of_several_models_are_ranked_together(folders: tuple[Path, Path]) -> None:
    reliability, *rest = fourfold.scrutinise([folders[0], load(folders[1])])
    assert {row[-2] for row in reliability.rows} == {6}
    assert sum("equivalence" in table.title for table in rest) == 2


def test_same_seed_same_numbers_and_another_margin_another_test(folders: tuple[Path, Path]) -> None:
    one, two = (fourfold.scrutinise(folders[0], seed=3) for _ in range(2))
    assert one == two
    wide = fourfold.scrutinise(folders[0], margin=60)
    assert "within 60 percentage points" in wide[1].title
    with pytest.raises(InputError, match="percentage points"):
        fourfold.scrutinise(folders[0], margin=0)
