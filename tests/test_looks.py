"""The look as an axis: differences are those of the groups that both looks show, and of nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from fourfold.cli.main import cli
from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.looks import compare_looks, looks_table
from fourfold.evaluator.analysis.results import Results, load, save
from fourfold.evaluator.reporting.loading import load_material
from fourfold.evaluator.tables.formats import write_text

RIGHT, WRONG = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]
TRUTH = np.eye(2, dtype=bool)


def item(number: int, right: bool, pixels: str, category: str = "binding", distance: float = 1.0) -> ScoredItem:
    scores = {"cosine": np.array(RIGHT, np.float32), "dcsm": np.array(RIGHT if right else WRONG, np.float32)}
    return ScoredItem(
        f"{category}-{number}",
        category,
        f"{category}-{number}",
        {"distance": distance + number, "visible_pixels": 100 + len(pixels)},
        (f"{number}-a.png", f"{number}-b.png"),
        (f"caption {number}", f"foil {number}"),
        TRUTH,
        scores,
        f"{pixels}{number}",
    )


def results(
    items: tuple[ScoredItem, ...], model: str = "tiny", scorers: tuple[str, ...] = ("cosine", "dcsm")
) -> Results:
    facts = {"n_parameters": 0, "set_dependent": False}
    return Results(items, (), (), {"name": model}, dict.fromkeys(scorers, facts), {}, {}, {}, "fourfold evaluate", ())


@pytest.fixture
def pair() -> tuple[Results, Results]:
    """Twenty groups; under the other look dcsm gets eight of them wrong that it had right, and wins one."""
    first = tuple(item(n, right=n != 19, pixels="gl") for n in range(20))
    other = tuple(item(n, right=n == 19 or n >= 8, pixels="path") for n in range(20))
    return results(first), results(other)


def test_the_difference_is_that_of_the_same_groups(pair: tuple[Results, Results]) -> None:
    looks = compare_looks(*pair, replicates=500)
    assert looks is not None
    assert (looks.pairs, looks.unpaired) == (20, 0)
    rows = {row.scorer: row for row in looks.rows}
    assert (rows["dcsm"].first.value, rows["dcsm"].other.value) == (0.95, 0.6)
    found = rows["dcsm"].difference
    assert found.difference == pytest.approx(-0.35)
    assert (found.wins, found.losses) == (1, 8)
    assert found.low < -0.35 < found.high < 0
    assert rows["cosine"].difference.difference == 0
    assert rows["cosine"].difference.p == 1
    assert found.p_holm == pytest.approx(2 * found.p), "two tests, corrected together"


def test_what_shows_another_scene_or_the_same_pixels_is_left_out(pair: tuple[Results, Results]) -> None:
    first, other = pair
    moved = replace(other.items[0], tags={**other.items[0].tags, "distance": 9.0})
    reworded = replace(other.items[1], captions=("another caption", "foil 1"))
    same = first.items[2]
    looks = compare_looks(first, replace(other, items=(moved, reworded, same, *other.items[3:])), replicates=200)
    assert looks is not None
    assert (looks.pairs, looks.unpaired) == (17, 6)
    assert {row.difference.clusters for row in looks.rows} == {17}


def test_measured_axes_may_differ_between_looks(pair: tuple[Results, Results]) -> None:
    assert pair[0].items[0].tags["visible_pixels"] != pair[1].items[0].tags["visible_pixels"]


def test_without_a_common_scene_or_scorer_there_is_nothing_to_say(pair: tuple[Results, Results]) -> None:
    first, other = pair
    assert compare_looks(first, first) is None
    assert compare_looks(first, replace(other, scorers={"maxsim": {}})) is None


def test_two_models_are_refused(pair: tuple[Results, Results]) -> None:
    with pytest.raises(InputError, match="two models, tiny and large"):
        compare_looks(pair[0], replace(pair[1], model={"name": "large"}))


def test_the_table_names_both_looks_and_says_what_was_left_out(pair: tuple[Results, Results]) -> None:
    first, other = pair
    looks = compare_looks(first, replace(other, items=other.items[1:]), replicates=200)
    assert looks is not None
    text = write_text(looks_table(looks, "opengl", "path-traced"))
    assert "path-traced against opengl" in text
    assert "the same 19 items" in text
    assert "left out are 1 that stand in one of the two alone" in text


def test_a_report_shows_the_look_as_an_axis(report_data: SimpleNamespace, tmp_path) -> None:
    dataset = report_data.make_dataset(tmp_path / "set", 4)
    first = report_data.make_results(tmp_path / "opengl", dataset, maps=0)
    run = load(first)
    turned = tuple(replace(each, pixels="other", scores=dict(each.scores)) for each in run.items)
    save(replace(run, items=turned), tmp_path / "path-traced")
    command = ["report", str(first), "--look", str(tmp_path / "path-traced"), "--out", str(tmp_path / "report.html")]
    CliRunner().invoke(cli, command, catch_exceptions=False, standalone_mode=False)
    assert "the look as an axis: path-traced against opengl" in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"shows none of the scenes of .*opengl in another look"):
        load_material([first], None, first)
