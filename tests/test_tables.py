"""Tables in every format: the same numbers, nothing that breaks out of a cell."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.parts_table import parts_table
from fourfold.evaluator.analysis.result_tables import (
    authors_table,
    category_table,
    comparison_table,
    is_significant,
    metric_table,
    retrieval_table,
)
from fourfold.evaluator.analysis.results import Results
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.tables.formats import (
    WRITERS,
    Estimate,
    Table,
    write_csv,
    write_latex,
    write_markdown,
    write_table,
    write_text,
)

NASTY = 'A|B & 50% of $x_1$ #1 {~^\\} <b>"[1](x)*†`'


def make_results(scorers: tuple[str, ...] = ("cosine", "dcsm", "shuffled-images")) -> Results:
    rng = np.random.default_rng(0)
    items = []
    for i in range(120):
        category = ("content", "binding", "question")[i % 3]
        truth = np.array([[False, True, False]]) if category == "question" else np.eye(2, dtype=bool)
        skill = {"cosine": 0.2, "dcsm": 2.5, "shuffled-images": 0.0}
        scores = {name: (truth * skill[name] + rng.standard_normal(truth.shape)).astype(np.float32) for name in scorers}
        images, captions = ("i",) * len(truth), ("c",) * truth.shape[1]
        items.append(ScoredItem(str(i), category, str(i), {}, images, captions, truth, scores))
    metrics, comparisons = summarise(items, seed=0, replicates=100)
    return Results(
        items=tuple(items),
        metrics=metrics,
        comparisons=comparisons,
        model={"name": "ViT_B-16"},
        scorers={name: {"n_parameters": 0, "set_dependent": name == "shuffled-images"} for name in scorers},
        dataset={"name": "made & up"},
        settings={"seed": 0, "replicates": 100, "level": 0.95, "baseline": "cosine"},
        versions={},
        notes=("12 % of the images are missing",),
    )


RESULTS = make_results()
TABLES = {
    "categories": category_table(RESULTS),
    "one metric": category_table(RESULTS, "text_score"),
    "one category": metric_table(RESULTS, "content"),
    "comparison": comparison_table(RESULTS),
    "parts": parts_table(RESULTS),
    "nasty": Table(NASTY, (NASTY, "n"), ((NASTY, 1), (None, None)), (NASTY,)),
}


def test_category_table_shows_the_headline_of_each_category() -> None:
    table = TABLES["categories"]
    assert table.header == ("category", "metric", "cosine", "dcsm", "shuffled-images†", "chance", "detectable", "items")
    assert [row[:2] for row in table.rows] == [
        ("content", "group"),
        ("content", "match"),
        ("binding", "group"),
        ("binding", "match"),
        ("question", "choice of text"),
        ("all", "group"),
        ("all", "match"),
    ]
    values = {(row.category, row.scorer, row.metric): row for row in RESULTS.metrics}
    found = values["binding", "dcsm", "group_score"]
    assert table.rows[2][3] == Estimate(found.value, found.low, found.high, "*")
    assert table.rows[2][2].mark == "≈"  # of a skill that 40 groups do not show
    assert str(table.rows[4][5]) == "33.3"
    assert [row[-1] for row in table.rows] == [40, 40, 40, 40, 40, 80, 80]
    assert {cell.mark.strip("≈▽") for row in table.rows if row[1] == "match" for cell in row[2:5]} == {""}  # not tested
    assert any(note.startswith("†") for note in table.notes)
    assert table.rows[0][6].value == values["content", "dcsm", "group_score"].detectable
    assert any(note.startswith("* differs from cosine") for note in table.notes)
    assert table.notes[-1] == "12 % of the images are missing"


@pytest.mark.parametrize(
    ("metric", "asked"), [(None, "12 pictures"), ("image_recall@1", "15 captions"), ("matching_auc", "24 questions")]
)
def test_of_a_retrieval_set_what_it_asks_is_counted(metric: str | None, asked: str) -> None:
    truth = np.eye(15, dtype=bool)[:12] | np.eye(15, k=3, dtype=bool)[:12]
    scores = {"cosine": truth.astype(np.float32), "dcsm": -truth.astype(np.float32)}
    item = ScoredItem("set", "retrieval", "set", {}, ("i",) * 12, ("c",) * 15, truth, scores)
    metrics, comparisons = summarise([item], seed=0, replicates=20)
    results = replace(
        RESULTS, items=(item,), metrics=metrics, comparisons=comparisons, scorers={name: {} for name in scores}
    )
    table = category_table(results, metric)
    [row] = table.rows
    assert row[-1] == int(asked.split()[0])
    assert row[-2] is None  # no difference can be detected with one set
    assert any(note == f"retrieval is one set; its items are the {asked} asked" for note in table.notes)
    assert table.notes[0] == "[low, high]: 95 % interval, Wilson's over the questions; ties are misses"
    assert metric_table(results, "retrieval").notes[0] == table.notes[0]
    both = summarise([*RESULTS.items[:9], replace(item, scores=dict.fromkeys(RESULTS.scorers, scores["dcsm"]))], seed=0)
    mixed = category_table(replace(RESULTS, metrics=both.metrics, comparisons=both.comparisons))
    assert mixed.notes[0] == (
        "[low, high]: 95 % interval, Wilson's over groups; that of retrieval over its questions; ties are misses"
    )
    assert TABLES["categories"].notes[0] == "[low, high]: 95 % interval, Wilson's over groups; ties are misses"
    assert TABLES["one category"].notes[0] == (
        "[low, high]: 95 % interval, Wilson's where groups ask one question or all agree, else from 100 resamples of "
        "groups; ties are misses"
    )
    assert comparison_table(results) is None  # with one pair nothing is tested
    assert not any("one set" in note for note in TABLES["categories"].notes)


def test_a_metric_leaves_out_the_categories_it_does_not_apply_to() -> None:
    assert [row[0] for row in TABLES["one metric"].rows] == ["content", "binding", "all"]
    with pytest.raises(InputError, match="applies to no category"):
        category_table(RESULTS, "hard_positive")
    with pytest.raises(InputError, match=r"unknown metric 'group'.*Did you mean"):
        category_table(RESULTS, "group")
    with pytest.raises(InputError, match="unknown category"):
        metric_table(RESULTS, "contents")


def test_comparison_table_holds_the_tests() -> None:
    table = TABLES["comparison"]
    assert {row[1] for row in table.rows} == {"dcsm", "shuffled-images†"}
    row = next(row for row in table.rows if row[:2] == ("binding", "dcsm"))
    found = next(
        each
        for each in RESULTS.comparisons
        if (each.category, each.scorer) == ("binding", "dcsm") and each.p is not None
    )
    assert row[3] == Estimate(found.difference, found.low, found.high, signed=True)
    assert str(row[3]).startswith("+")
    assert row[4] == f"{found.wins} : {found.losses}"
    assert next(row for row in table.rows if row[0] == "all")[6] == "–"


def test_where_nothing_was_tested_there_is_no_table_of_differences() -> None:
    alone = make_results(("cosine",))
    assert comparison_table(alone) is None
    assert "difference to" not in alone._repr_html_()
    assert "difference to cosine" in RESULTS._repr_html_()


def test_the_table_of_parts_says_where_the_variance_lies_and_what_a_random_sign_gets() -> None:
    table = TABLES["parts"]
    assert [row[:2] for row in table.rows] == [
        (category, scorer)
        for category in ("content", "binding", "all")
        for scorer in ("cosine", "dcsm", "shuffled-images†")
    ]
    values = {(row.category, row.scorer, row.metric): row for row in RESULTS.metrics}
    found = values["binding", "dcsm", "group_score"]
    line = dict(zip(table.header, table.rows[4], strict=True))
    assert line["chance given offsets"] == Estimate(found.chance_given_offsets)
    assert line["group"] == Estimate(found.value, found.low, found.high)
    right, wrong = map(int, line["right : wrong"].split(" : "))
    assert right == round(found.value * 40)
    assert (right + wrong) / 80 == pytest.approx(found.chance_given_offsets)
    shares = [float(re.search(r"\((.*) %\)", line[part])[1]) for part in table.header[2:6]]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert line["interaction"].startswith(f"{found.rms_interaction:.3g} (")
    old = tuple(replace(row, rms_interaction=None) for row in RESULTS.metrics)
    assert parts_table(replace(RESULTS, metrics=old)) is None  # results of before these were stored


def test_values_below_chance_are_marked_wherever_they_stand() -> None:
    changed = tuple(replace(row, value=0.01, p_chance=1e-5, p_chance_holm=1e-4) for row in RESULTS.metrics)
    results = replace(RESULTS, metrics=changed)
    for table in (category_table(results), metric_table(results, "content"), parts_table(results)):
        marks = [cell.mark for row in table.rows for cell in row if isinstance(cell, Estimate) and cell.low is not None]
        assert marks
        assert all(mark.endswith("▽") for mark in marks)
        assert any(note.startswith("▽ below chance (") for note in table.notes)
    assert r"$^{\bigtriangledown}$" in write_latex(category_table(results))


def test_authors_numbers_stand_in_a_table_of_their_own() -> None:
    results = replace(RESULTS, authors={"cosine": {"macro": 0.5}, "dcsm": {"macro": 0.75, "micro": 1.0}})
    assert authors_table(results).rows == (("macro", "0.5000", "0.7500", "–"), ("micro", "–", "1.0000", "–"))


@pytest.mark.parametrize("name", TABLES)
def test_text_columns_line_up(name: str) -> None:
    lines = write_text(TABLES[name]).splitlines()
    rule = lines[3]
    assert set(rule) == {"-", " "}
    starts = [match.start() for match in re.finditer("-+", rule)]
    body = lines[2 : 4 + len(TABLES[name].rows)]
    assert all(len(line) <= len(rule) for line in body)
    assert all(line[start - 2 : start].strip() == "" for line in body for start in starts[1:])


@pytest.mark.parametrize("name", TABLES)
def test_markdown_has_as_many_cells_in_each_row(name: str) -> None:
    table = TABLES[name]
    lines = [line for line in write_markdown(table).splitlines() if line.startswith("|")]
    assert len(lines) == len(table.rows) + 2
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(table.header) + 1
    assert not re.search(r"(?<!\\)<b>|(?<!\\)\[1\]", "\n".join(lines))


@pytest.mark.parametrize("name", TABLES)
def test_latex_has_no_bare_special_sign(name: str) -> None:
    table = TABLES[name]
    lines = write_latex(table).splitlines()
    body = lines[lines.index(r"\toprule") : lines.index(r"\bottomrule")]
    rows = [line for line in body if line.endswith(r"\\")]
    assert len(rows) == len(table.rows) + 1
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(table.header) - 1
        plain = row.removesuffix(r"\\").replace("$-$", "").replace("$^{*}$", "")
        plain = plain.replace(r"$^{\approx}$", "").replace(r"$^{\bigtriangledown}$", "")
        assert not re.search(r"(?<!\\)[%$#_~^]", plain)
        assert not row.startswith(("[", "*"))
    text = "\n".join(lines)
    assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))


@pytest.mark.parametrize("name", TABLES)
def test_csv_reads_back_as_the_same_numbers(name: str) -> None:
    table = TABLES[name]
    header, *rows = csv.reader(io.StringIO(write_csv(table)))
    assert all(len(row) == len(header) for row in rows)
    for row, read in zip(table.rows, rows, strict=True):
        by_name = dict(zip(header, read, strict=True))
        for column, cell in zip(table.header, row, strict=True):
            if isinstance(cell, Estimate):
                assert float(by_name[column]) == cell.value
                if cell.low is not None:
                    assert (float(by_name[f"{column} low"]), float(by_name[f"{column} high"])) == (cell.low, cell.high)
            else:
                assert by_name[column] == ("" if cell in (None, "–") else str(cell))


def test_a_latex_caption_ends_each_sentence_once() -> None:
    text = write_latex(Table("title", ("a",), ((1,),), ("a note.", "another")))
    assert r"\caption{title. a note. another.}" in text


def test_unknown_format_lists_the_choices() -> None:
    with pytest.raises(InputError, match=r"unknown table format 'htm'.*Allowed: csv, html, latex, markdown, text"):
        write_table(TABLES["nasty"], "htm")
    assert all(write_table(TABLES["categories"], form).endswith("\n") for form in WRITERS)


@pytest.mark.parametrize(("p_holm", "mark"), [(0.0499, "*"), (0.05, ""), (0.0501, ""), (None, "")])
def test_a_difference_is_marked_below_five_percent_after_correction(p_holm: float | None, mark: str) -> None:
    changed = tuple(replace(row, p=0.001, p_holm=p_holm) for row in RESULTS.comparisons)
    table = category_table(replace(RESULTS, comparisons=changed))
    assert {row[3].mark.strip("≈▽") for row in table.rows if row[1] != "match"} == {mark}
    assert any(note.startswith("* differs") for note in table.notes) == bool(mark)
    assert is_significant(changed[0]) == bool(mark)


@pytest.mark.parametrize(
    ("p", "text"), [(0.00009, "<.0001"), (0.0001, ".0001"), (0.0499, ".0499"), (1.0, "1.0000"), (None, "–")]
)
def test_p_values_are_written_to_four_figures(p: float | None, text: str) -> None:
    tested = next(row for row in RESULTS.comparisons if row.p is not None)
    table = comparison_table(replace(RESULTS, comparisons=(replace(tested, p=0.5, p_holm=p),)))
    assert table.rows[0][5:7] == (".5000", text)


def test_estimates_are_percent_to_one_decimal_or_plain_numbers() -> None:
    assert str(Estimate(0.12345, 0.1, 0.2, "*")) == "12.3 [10.0, 20.0]*"
    assert str(Estimate(0.05, signed=True)) == "+5.0"
    assert str(Estimate(-0.05, -0.1, 0.0, signed=True)) == "-5.0 [-10.0, 0.0]"
    assert str(Estimate(0.12345, percent=False)) == "0.123"
    assert str(Estimate(0.5, 0.4, None)) == "50.0"


def test_recall_that_is_retained_is_a_share_of_the_baseline() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(20, dtype=bool)
    noise = rng.standard_normal((20, 20))
    scores = {name: (truth * skill + noise).astype(np.float32) for name, skill in (("cosine", 3), ("dcsm", 1))}
    item = ScoredItem("set", "retrieval", "set", {}, ("i",) * 20, ("c",) * 20, truth, scores)
    metrics, comparisons = summarise([item], seed=0, replicates=5)
    table = retrieval_table(
        replace(RESULTS, metrics=metrics, comparisons=comparisons, scorers={name: {} for name in scores})
    )
    values = {(row.scorer, row.metric): row.value for row in metrics}
    assert [row[1] for row in table.rows] == ["cosine", "dcsm", "dcsm / cosine", "chance"]
    assert table.header[2] == "text R@1"
    assert table.rows[2][2].value == values["dcsm", "text_recall@1"] / values["cosine", "text_recall@1"]
    assert str(table.rows[3][2]) == "5.0"
    assert retrieval_table(RESULTS) is None
