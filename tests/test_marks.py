"""Every table, chart and page marks a scorer that depends on the set, a head on its training items, random weights."""

import csv
import html
import io
import json
import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold.evaluator.analysis import results
from fourfold.evaluator.analysis.comparison import compare
from fourfold.evaluator.analysis.marks import RANDOM_WEIGHTS, explain_signs, mark_model, mark_scorer
from fourfold.evaluator.analysis.model_table import model_table
from fourfold.evaluator.analysis.parts_table import parts_table
from fourfold.evaluator.analysis.result_tables import (
    authors_table,
    category_table,
    comparison_table,
    metric_table,
    retrieval_table,
)
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.reporting import write_paper, write_report
from fourfold.evaluator.reporting.loading import load_material
from fourfold.evaluator.reporting.writing import list_tables
from fourfold.evaluator.tables.formats import WRITERS, Table, write_table

TRAINED = "‡ dcsm was trained on 3 of these 20 items: its scores tell what it remembers"
SET = "† a score depends on what else is in the set"
SCORERS = {"marginal": {"set_dependent": True}, "dcsm": {"training_items": 3, "set_dependent": False},
           "cosine": {}, "shuffled-images:marginal": {"set_dependent": True}}  # fmt: skip
# "marginal" is not part of a longer word, and no sign follows: that is a name without its dagger
BARE = {"†": r"(?i:marginal)(?![†\w])", "‡": r"(?<![\w:])(dcsm|DCSM)(?![‡\w-])(?! was trained)"}


def make_run(model: str = "tiny", *, baseline: str = "marginal") -> results.Results:
    """Groups, with hard positives, and a retrieval set; the baseline is what depends on the set."""
    rng = np.random.default_rng(len(model))
    items = []
    for i in range(20):
        truth = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], bool)
        scores = {name: (rng.standard_normal(truth.shape) + truth).astype(np.float32) for name in SCORERS}
        tags = {"n_objects": 2 + i % 2, "distance": float(i % 7)}
        texts = tuple(f"caption {i} {j}" for j in range(4))
        items.append(
            results.ScoredItem(f"{i}", ("content", "binding")[i % 2], f"{i}", tags, ("a", "b"), texts, truth, scores)
        )
    truth = np.eye(12, 20, dtype=bool) | np.eye(12, 20, k=4, dtype=bool)
    scores = {name: (rng.random(truth.shape) + truth).astype(np.float32) for name in SCORERS}
    pictures, texts = tuple(f"{i}" for i in range(12)), tuple(f"{i}" for i in range(20))
    items.append(results.ScoredItem("set", "retrieval", "set", {}, pictures, texts, truth, scores))
    metrics, comparisons = summarise(items, seed=0, baseline=baseline, replicates=20)
    return results.Results(
        items=tuple(items),
        metrics=metrics,
        comparisons=comparisons,
        model={"name": model, "identity": model},
        scorers=SCORERS,
        dataset={"name": "set", "content_sha256": "a"},
        settings={"seed": 0, "replicates": 20, "level": 0.95, "baseline": baseline},
        versions={},
        authors={name: {"macro": 0.5} for name in SCORERS},
        notes=(TRAINED, RANDOM_WEIGHTS),
    )


RUN = make_run()
TABLES: dict[str, Table] = {
    "categories": category_table(RUN),
    "metrics": metric_table(RUN, "content"),
    "differences": comparison_table(RUN),
    "retrieval": retrieval_table(RUN),
    "authors": authors_table(RUN),
    "parts": parts_table(RUN),
    "models": model_table(compare({"one": RUN, "two": make_run("other")}, replicates=10)),
    "differences of models": comparison_table(compare({"one": RUN, "two": make_run("other")}, replicates=10)),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    root = tmp_path_factory.mktemp("marks")
    one, two = root / "one", root / "two"
    results.save(RUN, one)
    results.save(make_run("other", baseline="cosine"), two)
    return SimpleNamespace(root=root, one=[one], both=[one, two])


def bare_names(text: str) -> list[str]:
    """Where a name stands without its sign, with what is around it."""
    plain = text.replace(r"\textdagger{}", "†").replace(r"\textdaggerdbl{}", "‡").replace(r"\{}", "")
    return [
        f"{sign}: ...{plain[max(0, found.start() - 40) : found.end() + 20]}"
        for sign, pattern in BARE.items()
        for found in re.finditer(pattern, plain)
    ]


def test_the_patterns_find_a_name_without_its_sign() -> None:
    for text in ("marginal", "Marginal is", "| marginal | 3", "to marginal,", "dcsm", "DCSM minus", "marginal† / dcsm"):
        assert bare_names(text), text
    assert not bare_names("marginal† shuffled-images:marginal† dcsm‡ DCSM‡ marginal\\textdagger{} dcsm-ref")


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("name", TABLES)
def test_no_table_names_a_scorer_without_its_signs(name: str, form: str) -> None:
    text = write_table(TABLES[name], form)
    assert "marginal" in text
    assert bare_names(text) == []


@pytest.mark.parametrize("name", TABLES)
def test_every_table_explains_its_signs(name: str) -> None:
    said = " ".join(TABLES[name].notes)
    assert all(note in said for note in (SET, TRAINED, RANDOM_WEIGHTS))


@pytest.mark.parametrize("which", ["one", "both"])
def test_every_table_of_a_report_is_marked_and_explained_in_every_format(written: SimpleNamespace, which: str) -> None:
    tables = list_tables(load_material(getattr(written, which), None))
    assert len(tables) > 6
    for table in tables:
        cells = [*table.header, *chain.from_iterable(table.rows), table.title]
        assert bare_names("\n".join(str(cell) for cell in cells)) == [], table.title
        assert any(SET in note for note in table.notes), table.title
        assert any(TRAINED in note for note in table.notes), table.title
        assert any(RANDOM_WEIGHTS in note for note in table.notes), table.title
        for form in WRITERS:
            assert bare_names(write_table(table, form)) == [], (table.title, form)


def told(text: str) -> str:
    """What a page says and its explorer shows, without commands, scripts and the script's own words."""
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    labels = [each["label"] for each in json.loads(data[1])["systems"]] if data else []
    body = re.sub(r"<(script|style|pre)\b.*?</\1>", "", text, flags=re.DOTALL)
    body = re.sub(r'<dt>baseline</dt><dd>.*?</dd>|class="[^"]*"', "", body)  # as the run was configured
    return html.unescape("\n".join([body, *labels]))


@pytest.mark.parametrize("which", ["one", "both"])
@pytest.mark.parametrize("ending", ["html", "md"])
def test_every_page_marks_every_name(written: SimpleNamespace, which: str, ending: str) -> None:
    path = write_report(getattr(written, which), written.root / f"{which}.{ending}")
    text = path.read_text(encoding="utf-8")
    text = told(text) if ending == "html" else text.partition("## Configuration")[0].replace("\\", "")
    assert bare_names(text) == []
    for note in (SET, TRAINED, RANDOM_WEIGHTS):
        assert note in text
    assert "tiny§" in text


@pytest.mark.parametrize("which", ["one", "both"])
def test_every_file_for_a_paper_marks_every_name(written: SimpleNamespace, which: str) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters, not outlines, so that they can be read here
        paths = write_paper(getattr(written, which), written.root / f"paper {which}")
    assert {path.suffix for path in paths} == {".csv", ".tex", ".svg", ".pdf"}
    for path in paths:
        if path.suffix != ".pdf":
            assert bare_names(path.read_text(encoding="utf-8")) == [], path.name
    drawn = "".join(path.read_text(encoding="utf-8") for path in paths if path.suffix == ".svg")
    assert "marginal†" in drawn
    readme = (written.root / f"paper {which}" / "README.md").read_text(encoding="utf-8")
    assert all(note in readme for note in (SET, TRAINED, RANDOM_WEIGHTS))


def test_names_of_columns_keep_their_signs_in_csv() -> None:
    header = next(csv.reader(io.StringIO(write_table(TABLES["categories"], "csv"))))
    assert {"marginal†", "marginal† low", "dcsm‡", "cosine"} <= set(header)


def test_without_anything_to_mark_nothing_is_marked() -> None:
    plain = replace(RUN, scorers={name: {} for name in SCORERS}, notes=())
    text = write_table(category_table(plain), "text")
    assert not set("†‡§") & set(text)
    assert (mark_scorer("dcsm", {}), mark_model("tiny", ["a note"]), explain_signs({"dcsm": {}})) == (
        "dcsm",
        "tiny",
        [],
    )


def test_the_console_prints_the_marks(fourfold, written: SimpleNamespace) -> None:
    for form in WRITERS:
        said = fourfold("compare", *map(str, written.both), "--form", form)
        assert said.code == 0
        assert bare_names(said.out) == []
        assert "tiny" in said.out


def test_results_in_a_notebook_are_marked(tmp_path: Path) -> None:
    assert bare_names(html.unescape(RUN._repr_html_())) == []
