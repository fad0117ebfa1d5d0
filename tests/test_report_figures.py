"""Figures: bars and curves, the geometry probe, and what a report writes for papers."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.evaluator.analysis import results
from fourfold.evaluator.analysis.probe_results import PROBE_FILE, ProbeResult, read_probe
from fourfold.evaluator.diagnosis.results import Diagnosis, save_diagnosis
from fourfold.evaluator.diagnosis.rows import CEILING, CLAIMS, StageBits
from fourfold.evaluator.reporting import write_paper, write_report
from fourfold.evaluator.reporting.charts import Bar, Curve, bars, curves
from fourfold.evaluator.reporting.difficulty import find_axes, fitted_accuracy
from fourfold.evaluator.reporting.probe_figures import sections_of, side_chart, write_figures

shares = st.floats(0, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> SimpleNamespace:
    """A dataset and results on it."""
    root = tmp_path_factory.mktemp("figures")
    dataset = report_data.make_dataset(root / "a set", 16)
    return SimpleNamespace(root=root, dataset=dataset, first=report_data.make_results(root / "results", dataset))


@given(st.lists(st.tuples(st.text(), shares), min_size=1, max_size=4), shares)
def test_bars_are_where_the_numbers_are_whatever_the_names(rows: list[tuple[str, float]], chance: float) -> None:
    rows = [("".join(c for c in name if c.isprintable()), value) for name, value in rows]
    chart = bars([Bar(name, v, v / 2, (1 + v) / 2, "dcsm") for name, v in rows], chance=chance, title='"<&>"')
    drawn = ElementTree.fromstring(chart)
    widths = [each.get("width") for each in drawn.iter("rect") if each.get("class") == "bar"]
    assert widths == [f"{100 * value:.2f}%" for _, value in rows]
    assert [each.text or "" for each in drawn.iter("text") if each.get("class") == "label"] == [n for n, _ in rows]
    strokes = {each.get("x1") for each in drawn.iter("line") if each.get("class") == "chance tick"}
    assert strokes == {f"{100 * chance:.2f}%"}


def test_curves_leave_out_what_is_not_known() -> None:
    points = ((0.25, 0.1, 0.5), None, (1.0, 0.9, 1.0))
    drawn = ElementTree.fromstring(curves([Curve("x", points, "s1", "circle")], ["1", "2", "3"], chance=0.5, title="t"))
    marks = [(each.get("x"), each.get("y")) for each in drawn.iter("svg") if each.get("class") == "mark"]
    assert len(marks) == 2
    assert float(marks[0][1] or 0) > float(marks[1][1] or 0)  # a larger share stands higher
    assert len([each for each in drawn.iter("line") if each.get("class") == "curve"]) == 1


def test_a_fitted_curve_is_drawn_where_there_is_one() -> None:
    points = ((0.25, 0.1, 0.5), None, (1.0, 0.9, 1.0), (0.5, 0.4, 0.6))
    for fitted, lines in (((), 0), ((0.3, None, 0.8, 0.6), 2)):
        curve = Curve("x", points, "s1", "circle", fitted)
        drawn = ElementTree.fromstring(curves([curve], ["1", "2", "3", "4"], chance=None, title="t"))
        assert len([each for each in drawn.iter("line") if each.get("class") == "fitted"]) == lines


@pytest.mark.parametrize("axis", ["distance", "visible_pixels"])
def test_a_fitted_curve_says_what_planted_odds_say(axis: str) -> None:
    rng = np.random.default_rng(0)
    values = 2 ** rng.uniform(3, 11, 4000) if axis == "visible_pixels" else rng.uniform(3, 11, 4000)
    even = np.log2(values) if axis == "visible_pixels" else values
    share = 1 / (1 + np.exp(7 - even))
    (found,) = find_axes([{axis: float(value)} for value in values])
    right = (rng.random(4000) < share).astype(float)
    expected = [share[[each.holds(value) for value in values]].mean() for each in found.bins]
    assert fitted_accuracy(found, [*values.tolist(), None], np.append(right, 1.0)) == pytest.approx(expected, abs=0.02)
    assert fitted_accuracy(found, values.tolist(), np.ones(4000)) == []


def test_a_probe_in_the_results_folder_is_shown_and_a_broken_one_named(made: SimpleNamespace) -> None:
    folder = made.root / "probed"
    shutil.copytree(made.first, folder)
    row = {"condition": "C2", "category": "binding", "side": "both", "measure": "satisfied", "value": 0.125}
    row |= {"low": 0.05, "high": 0.25, "groups": 12}
    ratio = row | {"side": "text", "measure": "twin_distance", "value": 0.25}
    probe = {"format": "fourfold-probe", "version": 1, "model": "m", "identity": "i", "rows": [row, ratio]}
    probe["margins"] = {"binding": [[0.1, -0.1, 0.2, 0.05], [0.1, 0.1, 0.1, -0.2]]}
    (folder / "probe.json").write_text(json.dumps(probe), encoding="utf-8")
    page = write_report([folder], made.root / "probed.html").read_text(encoding="utf-8")
    assert "geometry of m" in page
    for said in ("C2: binding", "75.0 % above 0", "twins (unrelated: 1)"):
        assert said in page
    papers = {path.name for path in write_paper([folder], made.root / "probed-paper")}
    assert {"fourfold-tiny-geometry-c2.svg", "fourfold-tiny-geometry-c2.pdf"} <= papers
    (folder / "probe.json").write_text(json.dumps(probe | {"version": 2}), encoding="utf-8")
    with pytest.raises(InputError, match=r"probe\.json"):
        write_report([folder], made.root / "probed.html")


def test_a_diagnosis_in_the_results_folder_is_a_figure_of_papers(made: SimpleNamespace) -> None:
    folder = made.root / "diagnosed"
    shutil.copytree(made.first, folder)
    stages = (
        (CEILING, CLAIMS, 0.9),
        ("image", "patches", 0.9),
        ("image", "pooled image", 0.2),
        ("text", "pooled text", 0.5),
    )
    rows = [StageBits("binding", *stage, stage[-1] - 0.1, stage[-1] + 0.1, 20) for stage in stages]
    save_diagnosis(Diagnosis("m", "5f", "a set", 0, tuple(rows), ()), folder / "diagnosis.json")
    papers = write_paper([folder], made.root / "diagnosed-paper")
    (drawn,) = [path for path in papers if path.name == "fourfold-tiny-diagnosis.svg"]
    assert {"patches", "pooled image", "pooled text"} <= set(re.findall(r"<!-- (.*?) -->", drawn.read_text()))


def test_a_probe_is_drawn_as_one_figure_a_condition_with_nothing_of_its_names_left_bare(tmp_path: Path) -> None:
    rows = [
        {"condition": condition, "category": category, "side": side, "measure": measure, "value": value}
        | {"low": value - 0.1, "high": value + 0.1, "groups": 3}
        for condition, category in (("C1", "content"), ("C3", "relation"), ("C3", "location"), ("C3", ""))
        for side, measure, value in (
            ("both", "satisfied", 0.5),
            ("text", "twin_distance", 0.4),
            ("image", "twin_distance", 40),
        )
    ]
    margins = {"content": [[1, 1, -1, -1]], "relation": [[1, -1, 1, -1]], "location": [[0, 0, 1, 1]]}
    content = {
        "format": "fourfold-probe",
        "version": 1,
        "model": "<m & co>",
        "identity": "i",
        "rows": rows,
        "margins": margins,
    }
    (tmp_path / "probe.json").write_text(json.dumps(content), encoding="utf-8")
    found = read_probe(tmp_path / PROBE_FILE)
    assert [path.name for path in write_figures(found, tmp_path)] == ["C1.svg", "C3.svg"]
    texts = ElementTree.parse(tmp_path / "C3.svg").getroot().itertext()
    said = " ".join(texts)
    assert "relation, location" in said
    assert "<m & co>" in said
    assert "25.0 % above 0" in said  # of the four text margins of both categories, those of 0 not among them
    assert "75.0 % above 0" in said
    for side in ("text", "image"):
        ElementTree.fromstring(side_chart(sections_of(found)[0], side))


def probe_row(condition: str, category: str, **more: Any) -> dict[str, Any]:
    row = {"condition": condition, "category": category, "side": "both", "measure": "satisfied", "value": 0.5}
    return row | {"low": 0.4, "high": 0.6, "groups": 2} | more


def write_probe(folder: Path, rows: list, margins: dict) -> ProbeResult | None:
    content = {
        "format": "fourfold-probe",
        "version": 1,
        "model": "m",
        "identity": "i",
        "rows": rows,
        "margins": margins,
    }
    (folder / "probe.json").write_text(json.dumps(content), encoding="utf-8")
    return read_probe(folder / PROBE_FILE)


def test_categories_that_no_condition_joins_have_a_figure_each_with_their_own_numbers(tmp_path: Path) -> None:
    rows = [
        probe_row("beyond", "counting", value=0.25),
        probe_row("beyond", "../compared", value=1.0),
        probe_row("beyond", "counting", side="text", measure="twin_distance", value=0.125),
        probe_row("beyond", "../compared", side="text", measure="twin_distance", value=0.75),
    ]
    found = write_probe(tmp_path, rows, {"counting": [[-1, -1, 1, 1]], "../compared": [[1, 1, 1, 1]]})
    figures = write_figures(found, tmp_path)
    assert [path.relative_to(tmp_path).name for path in figures] == ["beyond-counting.svg", "beyond--compared.svg"]
    one, other = (path.read_text(encoding="utf-8") for path in figures)
    assert "positive in 25.0 % of 2" in one
    assert "positive in 100.0 % of 2" in other
    assert ("0.12<" in one, "0.75<" in one, "0.75<" in other) == (True, False, True)
    assert ">0.0 % above 0" in one
    assert ">0.0 % above 0" not in other


def test_margins_within_rounding_are_not_above_zero(tmp_path: Path) -> None:
    found = write_probe(tmp_path, [probe_row("C1", "content")], {"content": [[1e-7, 1e-7, 0.5, 1e-7]]})
    [section] = sections_of(found)
    assert ">0.0 % above 0" in side_chart(section, "text")
    assert ">50.0 % above 0" in side_chart(section, "image")


@pytest.mark.parametrize("margins", [{"content": [[1, 2], [3, 4]]}, {"content": [[1, 2, 3, float("nan")]]}, [1]])
def test_margins_that_are_none_are_named(tmp_path: Path, margins: Any) -> None:
    with pytest.raises(InputError, match=r"probe\.json: not a probe"):
        write_probe(tmp_path, [probe_row("C1", "content")], margins)


def test_runs_of_one_model_keep_their_figures_apart(made: SimpleNamespace) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    written = write_paper([made.first, made.first], made.root / "paper of two")
    assert len(set(written)) == len(written)
    names = {path.name for path in written}
    assert "models-scores.svg" in names
    readme = (made.root / "paper of two" / "README.md").read_text(encoding="utf-8")
    tables, together = readme.split(" made from the results of:")[1:]
    command = results.load(made.first).command
    assert [part.count(command) for part in (tables, together)] == [2, 2]
    assert "figures/models-scores.pdf" in together
    listed = [line.removeprefix("- ") for line in readme.splitlines() if line.startswith("- ")]
    assert sorted(listed) == sorted(str(path.relative_to(made.root / "paper of two")) for path in written)


def test_a_folder_that_holds_something_else_is_not_touched(made: SimpleNamespace, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    card = made.dataset / "README.md"
    card.write_text("Tables made from the results of a stranger", encoding="utf-8")
    with pytest.raises(InputError, match=r"a set: holds something else \(README\.md\); nothing was overwritten"):
        write_paper([made.first], made.dataset)
    assert card.read_text(encoding="utf-8") == "Tables made from the results of a stranger"
    card.unlink()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file: is a file; name a folder"):
        write_paper([made.first], tmp_path / "file")
    # what it wrote itself it writes again, a run that was cut short included; an empty folder is as good as none
    (tmp_path / "paper").mkdir()
    written = write_paper([made.first], tmp_path / "paper")
    readme = (tmp_path / "paper" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "paper" / "README.md").write_text(readme.splitlines()[0], encoding="utf-8")
    assert write_paper([made.first], tmp_path / "paper") == written
    assert (tmp_path / "paper" / "README.md").read_text(encoding="utf-8") == readme


def test_without_matplotlib_nothing_is_written(made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'fourfold\[plots\]'"):
        write_paper([made.first], made.root / "no paper")
    assert not (made.root / "no paper").exists()


def test_figures_and_tables_for_papers_come_out_the_same_twice(made: SimpleNamespace) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    first, second = (write_paper([made.first], made.root / name, made.dataset) for name in ("paper", "paper2"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    endings = [path.suffix for path in first]
    assert endings.count(".svg") == endings.count(".pdf") >= 2
    assert endings.count(".csv") == endings.count(".tex") == 14
    command = results.load(made.first).command
    assert command in (made.root / "paper" / "README.md").read_text(encoding="utf-8")
    for path in first:
        if path.suffix == ".tex":
            assert path.read_text(encoding="utf-8").startswith(f"% {command}\n")
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
