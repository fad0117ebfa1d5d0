"""Results on disk and back, broken files, and rows of metrics recomputed from the items alone."""

import hashlib
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from time import process_time
from zlib import crc32

import numpy as np
import pytest

from fourfold.errors import InputError
from fourfold.evaluator.analysis import item_rows
from fourfold.evaluator.analysis.item_rows import ScoredItem
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.analysis.results import Results, check_target, load, save
from fourfold.evaluator.analysis.rows import MetricRow
from fourfold.evaluator.analysis.summary import ALL, headline_metric, summarise
from fourfold.statistics import detectable_difference, mcnemar_exact, wilson_interval

TRUTH = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool)
SKILL = {"cosine": 0.3, "dcsm": 1.5, "constant": 0.0}


def make_items(n: int, seed: int = 0, categories: tuple[str, ...] = ("content", "binding")) -> tuple[ScoredItem, ...]:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, len(SKILL), *TRUTH.shape)).astype(np.float32)
    return tuple(
        ScoredItem(
            id=f"item-{i}",
            category=categories[i % len(categories)],
            cluster=f"group-{i}",
            tags={"edit": "swap-attribute", "distance": 0.25},
            images=("a.png", "b.png#1,2,3,4"),
            captions=("a “red” cube", "a blue cube\u2028", "x", "y"),
            truth=TRUTH,
            scores={
                name: (TRUTH * skill + noise[i, s] * (skill > 0)).astype(np.float32)
                for s, (name, skill) in enumerate(SKILL.items())
            },
        )
        for i in range(n)
    )


def make_results(n: int = 24, replicates: int = 50) -> Results:
    items = make_items(n)
    metrics, comparisons = summarise(items, seed=3, replicates=replicates)
    return Results(
        items=items,
        metrics=metrics,
        comparisons=comparisons,
        model={"name": "toy", "identity": "0"},
        scorers={name: {"n_parameters": 0, "set_dependent": False} for name in SKILL},
        dataset={"name": "made up"},
        settings={"seed": 3, "replicates": replicates, "level": 0.95, "baseline": "cosine"},
        versions={"python": "3"},
        command="none",
        authors={"cosine": {"accuracy": 0.5}},
        notes=("of 30 items, 6 lack their image",),
    )


RESULTS = make_results(4)


def same_items(one: ScoredItem, two: ScoredItem) -> bool:
    plain = [replace(each, truth=None, scores=None) for each in (one, two)]
    tables = [(each.truth, *each.scores.values()) for each in (one, two)]
    return plain[0] == plain[1] and all(a.dtype == b.dtype and (a == b).all() for a, b in zip(*tables, strict=True))


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    results = make_results()
    save(results, tmp_path / "run")
    read = load(tmp_path / "run")
    assert replace(read, items=()) == replace(results, items=())
    assert all(same_items(a, b) for a, b in zip(read.items, results.items, strict=True))


def test_every_number_is_recomputed_from_the_items(tmp_path: Path) -> None:
    save(make_results(), tmp_path)
    read = load(tmp_path)
    again = summarise(read.items, seed=read.settings["seed"], replicates=read.settings["replicates"])
    assert again == (read.metrics, read.comparisons)


def test_large_tables_stand_in_files_and_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_rows, "LARGE", 7)
    results = make_results(4)
    save(results, tmp_path)
    save(results, tmp_path)
    read = load(tmp_path)
    assert all(same_items(a, b) for a, b in zip(read.items, results.items, strict=True))
    assert len(list((tmp_path / "large-tables").iterdir())) == 4 * (1 + len(SKILL))
    assert "[" not in json.dumps(json.loads((tmp_path / "items.jsonl").read_text().split("\n")[0])["scores"])
    np.save(tmp_path / "large-tables" / "000002-1.npy", np.zeros((2, 4), np.float32))
    with pytest.raises(InputError, match=r"line 2: .*000002-1\.npy is not the file that was written"):
        load(tmp_path)
    (tmp_path / "large-tables" / "000002-1.npy").unlink()
    with pytest.raises(InputError, match=r"line 2: .*No such file"):
        load(tmp_path)


def test_a_table_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    save(make_results(4), tmp_path / "run")
    np.save(tmp_path / "secret.npy", np.zeros((2, 4), np.float32))
    path = tmp_path / "run" / "items.jsonl"
    first, *rest = path.read_text(encoding="utf-8").split("\n")
    row = json.loads(first)
    row["scores"]["cosine"] = {"file": "../secret.npy", "sha256": "0"}
    path.write_text("\n".join([json.dumps(row), *rest]), encoding="utf-8")
    with pytest.raises(InputError, match="leads out of the folder"):
        load(tmp_path / "run")


def test_a_pickle_in_place_of_a_table_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_rows, "LARGE", 7)
    save(make_results(4), tmp_path)
    bad = tmp_path / "large-tables" / "000001-0.npy"
    np.save(bad, np.array([[Opened(tmp_path / "opened")]], dtype=object), allow_pickle=True)
    path = tmp_path / "items.jsonl"
    first, *rest = path.read_text(encoding="utf-8").split("\n")
    row = json.loads(first)
    row["scores"]["cosine"]["sha256"] = hashlib.sha256(bad.read_bytes()).hexdigest()
    path.write_text("\n".join([json.dumps(row), *rest]), encoding="utf-8")
    with pytest.raises(InputError, match=r"line 1: not an item"):
        load(tmp_path)
    assert not (tmp_path / "opened").exists()


class Opened:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_saving_twice_replaces_the_run_and_leaves_other_files(tmp_path: Path) -> None:
    save(make_results(), tmp_path)
    (tmp_path / "report.html").write_text("kept")
    save(make_results(8), tmp_path)
    assert len(load(tmp_path).items) == 8
    assert sorted(each.name for each in tmp_path.iterdir()) == ["items.jsonl", "report.html", "results.json"]


@pytest.mark.parametrize("name", ["thesis.tex", "results.json", "items.csv"])
def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=r"holds something else|not a results file"):
        save(make_results(4), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "{}"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        save(make_results(4), tmp_path / "run")


def test_a_run_killed_between_the_two_files_is_not_read_as_finished(tmp_path: Path) -> None:
    save(make_results(8), tmp_path)
    old = (tmp_path / "results.json").read_text()
    save(make_results(12), tmp_path)
    (tmp_path / "results.json").write_text(old)
    with pytest.raises(InputError, match=r"items\.jsonl: 12 items, not those results\.json was computed from"):
        load(tmp_path)
    save(make_results(12), tmp_path)
    assert len(load(tmp_path).items) == 12


def test_a_first_run_killed_early_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(json.dumps({"id": "0"}))
    (tmp_path / ".results.json.4711.tmp").write_text('{"format": "four')
    save(make_results(4), tmp_path)
    assert len(load(tmp_path).items) == 4


def _edit_row(field: str, value: object) -> object:
    def edit(line: str) -> str:
        return json.dumps(json.loads(line) | {field: value})

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda line: line[: len(line) // 2], "line 3: not valid JSON .* cut off"),
        (lambda line: line.replace('"captions"', '"caption"'), "line 3: lacks the field 'captions'"),
        (lambda line: "[]", "line 3: not an item"),
        (lambda line: "", "line 3: not valid JSON"),
        (_edit_row("truth", [[1, 0]]), r"line 3: truth has shape \(1, 2\), the item has 2 images, 4 captions"),
        (_edit_row("truth", [["false"] * 4] * 2), "line 3: .*truth is 0 or 1, not 'false'"),
        (_edit_row("scores", {"cosine": [[1, 2], [3]]}), "line 3: not an item"),
        (_edit_row("scores", {"cosine": [[0.0] * 4] * 2}), "line 3: scores of cosine; .* of cosine, dcsm, constant"),
        (_edit_row("scores", {"cosine": [[float("nan")] * 4] * 2}), "line 3: .*NaN is not a number"),
        (_edit_row("id", "item-0 changed"), "8 items, not those"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, edit: object, message: str) -> None:
    save(make_results(8), tmp_path)
    path = tmp_path / "items.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = edit(lines[2])
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load(tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["items.jsonl", "results.json"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str, kept: float) -> None:
    save(make_results(8), tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "format version 99"),
        ({"format": "something"}, "not a results file"),
        ({"metrics": [{"category": "x"}]}, "metrics: a row is not as this version writes it"),
        ({"metrics": ["none"]}, "metrics: a row is not as this version writes it"),
        ({"metrics": "none"}, 'metrics is "none", not a list'),
        ({"metrics": []}, "metrics is empty"),
        ({"comparisons": None}, "comparisons is null, not a list"),
        ({"scorers": None}, "scorers is null, not an object"),
        ({"scorers": {}}, "scorers is empty"),
        ({"scorers": {"cosine": 0}}, r"scorers\.cosine is 0, not an object"),
        ({"notes": None}, "notes is null, not a list"),
        ({"notes": [None]}, r"notes\.0 is null, not text"),
        ({"dataset": None}, "dataset is null, not an object"),
        ({"model": {}}, r"model\.name is null, not text"),
        ({"settings": {}}, r"settings\.level is null, not a number"),
        ({"authors": {"cosine": []}}, r"authors\.cosine is \[\], not an object"),
        ({"command": ["x" * 99]}, r'command is \["x{38}…, not text'),
    ],
)
def test_a_foreign_results_file_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    save(RESULTS, tmp_path)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"results\.json: " + message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("rows", "change", "message"),
    [
        ("metrics", {"value": "high"}, 'metrics: value of a row is "high"'),
        ("metrics", {"asked": 1.5}, r"metrics: asked of a row is 1\.5"),
        ("metrics", {"metric": "luck"}, "metrics: unknown metric 'luck'"),
        ("comparisons", {"p": []}, r"comparisons: p of a row is \[\]"),
    ],
)
def test_a_number_of_another_kind_is_named(tmp_path: Path, rows: str, change: dict, message: str) -> None:
    save(RESULTS, tmp_path)
    path = tmp_path / "results.json"
    head = json.loads(path.read_text())
    head[rows][1] |= {"low": 0, "high": 1}  # whole numbers are numbers
    path.write_text(json.dumps(head))
    assert load(tmp_path)
    head[rows][1] |= change
    path.write_text(json.dumps(head))
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_missing_folder_and_missing_field_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"results\.json: no such file; is .*nowhere a folder of results\?$"):
        load(tmp_path / "nowhere")
    save(make_results(4), tmp_path)
    path = tmp_path / "results.json"
    head = json.loads(path.read_text())
    del head["settings"]
    path.write_text(json.dumps(head))
    with pytest.raises(InputError, match="lacks settings"):
        load(tmp_path)


def test_each_category_has_each_metric_that_applies_and_so_has_all_of_it() -> None:
    results = make_results()
    expected = {name for name, metric in METRICS.items() if metric.applies_to(TRUTH)}
    assert {(row.category, row.scorer, row.metric) for row in results.metrics} == {
        (category, scorer, metric)
        for category in ("content", "binding", ALL)
        for scorer in SKILL
        for metric in expected
    }
    assert headline_metric(results.metrics, "binding") == "group_score"


def test_a_row_says_what_was_counted() -> None:
    items = make_items(400)
    rows = {(row.category, row.scorer, row.metric): row for row in summarise(items, seed=0, replicates=400).metrics}
    for scorer in SKILL:
        tables = np.stack([item.scores[scorer] for item in items if item.category == "binding"])
        a, b = tables[:, 0], tables[:, 1]
        text = (a[:, 0] > a[:, 1]) & (b[:, 1] > b[:, 0])
        row = rows["binding", scorer, "text_score"]
        assert (row.value, row.items, row.clusters, row.asked, row.chance) == (text.mean(), 200, 200, 200, 0.25)
    good = rows["binding", "dcsm", "text_score"]
    assert (good.low, good.high) == wilson_interval(round(good.value * 200), 200)  # a group asks this once
    assert good.interval == "wilson"
    each = rows["binding", "dcsm", "hard_positive"]  # and this twice
    assert (each.asked, each.interval) == (400, "bootstrap")
    assert each.low < each.value < each.high
    assert 0.05 < each.high - each.low < 0.16


def test_no_hit_at_all_is_not_reported_as_certainty() -> None:
    rows = {(row.scorer, row.metric): row for row in summarise(make_items(40, categories=("c",)), seed=0).metrics}
    row = rows["constant", "group_score"]
    assert (row.value, row.ties, row.asked, row.interval) == (0.0, 40, 40, "wilson")
    assert (row.low, row.high) == wilson_interval(0, 40)
    half = rows["constant", "matching_auc"]
    assert half.value == 0.5
    assert 0.4 < half.low < 0.5 < half.high < 0.6  # not the whole of Wilson's, which is for hits and misses


def test_comparison_is_paired_and_corrected() -> None:
    items = make_items(400)
    summary = summarise(items, seed=0, replicates=400)
    rows = {(row.category, row.scorer, row.metric): row for row in summary.comparisons}
    values = {(row.category, row.scorer, row.metric): row for row in summary.metrics}
    assert {row.scorer for row in summary.comparisons} == {"dcsm", "constant"}
    for category in ("content", "binding"):
        row = rows[category, "dcsm", "group_score"]
        ours, theirs = values[category, "dcsm", "group_score"], values[category, "cosine", "group_score"]
        assert row.difference == pytest.approx(ours.value - theirs.value)
        assert row.difference == pytest.approx((row.wins - row.losses) / row.clusters)
        assert row.p == mcnemar_exact(row.wins, row.losses)
        assert row.low < row.difference < row.high
        assert 0 < row.detectable < row.difference
    raw = sorted(rows[category, "dcsm", "group_score"].p for category in ("content", "binding"))
    corrected = sorted(rows[category, "dcsm", "group_score"].p_holm for category in ("content", "binding"))
    assert corrected == pytest.approx([2 * raw[0], max(2 * raw[0], raw[1])])
    assert rows[ALL, "dcsm", "group_score"].p_holm is None
    assert rows["binding", "dcsm", "text_score"].p is None


def test_more_scorers_and_categories_change_no_other_number() -> None:
    items = make_items(60)
    fewer = [
        replace(item, scores={name: item.scores[name] for name in ("cosine", "dcsm")})
        for item in items
        if item.category == "binding"
    ]
    full = [row for row in summarise(items, seed=1, replicates=60).metrics if row.category == "binding"]
    part = summarise(fewer, seed=1, replicates=60)
    without = [replace(row, p_chance_holm=None) for row in full if row.scorer != "constant"]  # one test more, or less
    assert [replace(row, p_chance_holm=None) for row in part.metrics] == without
    assert summarise(fewer, seed=2, replicates=60).metrics != part.metrics


def test_without_the_baseline_nothing_is_compared() -> None:
    assert summarise(make_items(8), seed=0, replicates=9, baseline="maxsim").comparisons == ()


def test_items_of_one_cluster_count_once_in_the_paired_test() -> None:
    items = make_items(200, categories=("c",))
    pairs = [replace(item, cluster=f"group-{i // 2}") for i, item in enumerate(items)]
    row = next(row for row in summarise(pairs, seed=0, replicates=50).comparisons if row.p is not None)
    assert row.clusters == 100
    assert row.wins + row.losses <= 100


def test_one_retrieval_set_gets_an_interval_over_its_queries() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(30, dtype=bool)
    scores = (truth * 2 + rng.standard_normal((30, 30))).astype(np.float32)
    item = ScoredItem("set", "retrieval", "set", {}, ("i",) * 30, ("c",) * 30, truth, {"cosine": scores})
    rows = {row.metric: row for row in summarise([item], seed=0, replicates=20).metrics}
    recall = rows["text_recall@5"]
    assert (recall.asked, recall.clusters, recall.interval) == (30, 1, "wilson")
    assert (recall.low, recall.high) == wilson_interval(round(recall.value * 30), 30)
    assert recall.chance == pytest.approx(5 / 30)
    assert recall.standard_error == pytest.approx((recall.value * (1 - recall.value) / 30) ** 0.5)
    assert (rows["matching_auc"].low, rows["matching_auc"].interval) == (None, "none")
    assert rows["matching_auc"].standard_error is None


def test_one_set_is_not_tested_and_makes_no_other_test_stricter() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(30, dtype=bool)
    scores = {name: (truth * 2 + rng.standard_normal((30, 30))).astype(np.float32) for name in SKILL}
    searched = ScoredItem("set", "retrieval", "set", {}, ("i",) * 30, ("c",) * 30, truth, scores)
    items = make_items(60)
    with_it = summarise([*items, searched], seed=0, replicates=50)
    rows = [row for row in with_it.comparisons if row.category == "retrieval"]
    assert {row.metric for row in rows} >= {"text_recall@1", "image_recall@10"}
    assert {(row.p, row.p_holm, row.wins, row.losses, row.cohens_g) for row in rows} == {(None,) * 5}
    assert {row.detectable for row in with_it.metrics if row.category == "retrieval"} == {None}
    others = [row for row in with_it.comparisons if row.category != "retrieval"]
    assert others == list(summarise(items, seed=0, replicates=50).comparisons)
    assert any(row.p_holm is not None for row in others)


def test_standard_errors_are_those_of_independent_groups_and_missing_where_all_agree() -> None:
    rng = np.random.default_rng(0)
    tables = {"half": rng.standard_normal((400, 2, 2)), "sure": np.tile(np.eye(2), (400, 1, 1))}
    items = [
        ScoredItem(str(i), "c", str(i), {}, ("i",) * 2, ("c",) * 2, np.eye(2, dtype=bool), scores)
        for i in range(400)
        for scores in [{name: table[i].astype(np.float32) for name, table in tables.items()}]
    ]
    rows = {(row.scorer, row.metric): row for row in summarise(items, seed=0).metrics}
    group = rows["half", "group_score"]
    assert group.standard_error == pytest.approx((group.value * (1 - group.value) / 400) ** 0.5, rel=0.1)
    assert rows["sure", "group_score"].standard_error is None


def test_large_retrieval_sets_are_resampled_once_for_each_different_draw() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(300, dtype=bool)
    items = [
        ScoredItem(str(i), "r", str(i), {}, ("i",) * 300, ("c",) * 300, truth, {"cosine": table})
        for i, table in enumerate((truth * 2 + rng.standard_normal((3, 300, 300))).astype(np.float32))
    ]
    started = process_time()
    rows = {row.metric: row for row in summarise(items, seed=0).metrics}
    assert process_time() - started < 5  # 2,000 resamples of 270,000 cells would take half a minute
    assert rows["matching_auc"].low < rows["matching_auc"].value < rows["matching_auc"].high


def test_items_of_many_shapes_are_counted_together() -> None:
    """Questions with 2, 4 and 9 options in one category: the chance is their mean, whatever the order of items."""
    rng = np.random.default_rng(0)
    items = []
    for i, options in enumerate([2, 4, 9, 4, 2, 9] * 5):
        truth = np.arange(options)[None] == i % options
        scores = {"cosine": rng.standard_normal((1, options)).astype(np.float32)}
        items.append(ScoredItem(str(i), "mixed", str(i), {}, ("i",), ("c",) * options, truth, scores))
    rows = {row.metric: row for row in summarise(items, seed=0, replicates=20).metrics}
    row = rows["text_choice"]
    right = [item.scores["cosine"].argmax() == item.truth.argmax() for item in items]
    assert row.value == pytest.approx(np.mean(right))
    assert row.chance == pytest.approx(np.mean([1 / 2, 1 / 4, 1 / 9]))
    assert row.asked == row.items == 30


def test_a_thousand_items_take_little_time() -> None:
    items = make_items(1000, categories=("content", "binding", "relation", "negation"))
    started = process_time()
    summarise(items, seed=0)
    assert process_time() - started < 6


def test_the_resamples_of_a_category_are_those_of_seed_and_name() -> None:
    """Typed by hand: numpy's generator of [seed, crc32 of the name], on ten groups of which four are right."""
    truth = np.eye(2, dtype=bool)
    items = [
        ScoredItem(str(i), "binding", str(i), {}, ("i",) * 2, ("c",) * 2, truth, {"cosine": table})
        for i in range(10)
        for table in [(truth if i < 4 else ~truth).astype(np.float32)]
    ]
    drawn = np.random.default_rng([7, crc32(b"binding")]).integers(0, 10, (500, 10))
    shares = (drawn < 4).mean(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    rows = {row.metric: row for row in summarise(items, seed=7, replicates=500).metrics}
    row = rows["text_2afc"]  # both of a group's questions are right, or none
    assert row.standard_error == pytest.approx(np.std(shares, ddof=1), rel=1e-6)
    assert (row.value, row.low, row.high) == (0.4, low, high)
    assert rows["group_score"].standard_error == row.standard_error
    assert (rows["group_score"].low, rows["group_score"].high) == wilson_interval(4, 10)
    named = [replace(item, category="relation") for item in items]
    assert summarise(named, seed=7, replicates=500).metrics[0].standard_error != row.standard_error


def test_ties_are_misses_and_counted_as_ties() -> None:
    table = np.array([[0.5, 0.5, 0.5, 0.1], [0.2, 0.9, 0.1, 0.9]], dtype=np.float32)
    item = ScoredItem("0", "c", "0", {}, ("i",) * 2, ("c",) * 4, TRUTH, {"cosine": table})
    rows = {row.metric: row for row in summarise([item], seed=0, replicates=5).metrics}
    assert (rows["text_2afc"].value, rows["text_2afc"].ties, rows["text_2afc"].asked) == (0.5, 1, 2)
    assert (rows["group_score"].value, rows["group_score"].ties) == (0.0, 1)
    assert (rows["hard_positive"].value, rows["hard_positive"].ties) == (0.5, 1)


@pytest.mark.parametrize(
    "name",
    ["items.jsonl", "maps.safetensors", ".items.jsonl.1.tmp", ".maps.safetensors.99.tmp", ".results.json.4711.tmp"],
)
def test_what_a_killed_run_leaves_is_no_obstacle(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("half")
    (tmp_path / "large-tables").mkdir()
    check_target(tmp_path)
    check_target(tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    ["items_jsonl", "items.jsonl.bak", ".items.jsonl.tmp", ".items.jsonl.x.tmp", "results.json.1.tmp", "maps", "large"],
)
def test_what_only_looks_like_it_is_an_obstacle(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds something else"):
        check_target(tmp_path)


def test_results_of_the_first_format_are_read_with_the_names_of_today(tmp_path: Path) -> None:
    save(RESULTS, tmp_path)
    path = tmp_path / "results.json"
    head = json.loads(path.read_text()) | {"version": 1}
    head["settings"]["reference"] = head["settings"].pop("baseline")
    for row in head["metrics"] + head["comparisons"]:
        row["metric"] = row["metric"].replace("2afc", "two_way")
    for row in head["comparisons"]:
        row["reference"] = row.pop("baseline")
    path.write_text(json.dumps(head))
    read = load(tmp_path)
    assert (read.metrics, read.comparisons, read.settings) == (RESULTS.metrics, RESULTS.comparisons, RESULTS.settings)
    path.write_text(json.dumps(head | {"version": 3}))
    with pytest.raises(InputError, match="format version 3; this fourfold reads versions 1 and 2"):
        load(tmp_path)


def test_results_from_before_tests_of_chance_are_read(tmp_path: Path) -> None:
    save(RESULTS, tmp_path)
    path = tmp_path / "results.json"
    head = json.loads(path.read_text())
    later = [name for name in head["metrics"][0] if name.startswith(("p_", "rms_", "chance_"))]
    assert len(later) == 8
    for row in head["metrics"]:
        for name in later:
            del row[name]
    for row in head["comparisons"]:
        del row["family"]
    path.write_text(json.dumps(head))
    read = load(tmp_path)
    assert [row.value for row in read.metrics] == [row.value for row in RESULTS.metrics]
    assert {(row.p_chance, row.rms_mean, row.chance_given_offsets) for row in read.metrics} == {(None, None, None)}


def test_a_difference_is_tested_on_the_headline_with_what_its_counts_say() -> None:
    """Twelve groups: ten won, two lost; and twenty on which both are right."""
    truth = np.eye(2, dtype=bool)
    right, wrong = truth.astype(np.float32), (~truth).astype(np.float32)
    pairs = [(right, wrong)] * 10 + [(wrong, right)] * 2 + [(right, right)] * 20
    items = [
        ScoredItem(str(i), "c", str(i), {}, ("i",) * 2, ("c",) * 2, truth, {"cosine": theirs, "dcsm": ours})
        for i, (ours, theirs) in enumerate(pairs)
    ]
    [row] = [row for row in summarise(items, seed=0, replicates=20).comparisons if row.p is not None]
    assert (row.metric, row.wins, row.losses, row.clusters) == ("group_score", 10, 2, 32)
    assert (row.difference, row.p, row.p_holm) == (0.25, 158 / 4096, 158 / 4096)
    assert (row.odds_ratio, row.cohens_g) == (10.5 / 2.5, pytest.approx(1 / 3))
    # at the upper limit of the discordance, Wilson's of 12 in 32
    assert row.detectable == detectable_difference(wilson_interval(12, 32).high, 32)


def test_a_difference_that_all_groups_share_is_not_certain() -> None:
    truth = np.eye(2, dtype=bool)
    scores = {"cosine": (~truth).astype(np.float32), "dcsm": truth.astype(np.float32)}
    items = [ScoredItem(str(i), "c", str(i), {}, ("i",) * 2, ("c",) * 2, truth, scores) for i in range(20)]
    row = summarise(items, seed=0, replicates=20).comparisons[0]
    assert (row.difference, row.low, row.high) == (1.0, pytest.approx(1 - 0.1611, abs=1e-4), 1.0)


def test_results_are_two_lines_where_they_are_printed() -> None:
    results = make_results()
    first, second = repr(results).split("\n")
    assert first == "Results: toy on made up, 24 items"
    metric = headline_metric(results.metrics, ALL)
    [chance] = {row.chance for row in results.metrics if (row.category, row.metric) == (ALL, metric)}
    shown = [row for row in results.metrics if (row.category, row.metric) == (ALL, metric)]
    values = {row.scorer: f"{100 * row.value:.1f}" for row in shown}
    said = ", ".join(f"{name} {values[name]}" for name in SKILL)
    assert second == f"all, {METRICS[metric].label}, percent: {said} (chance {100 * chance:.1f})"
    dagger = replace(results, scorers=results.scorers | {"dcsm": {"set_dependent": True}})
    assert f"dcsm† {values['dcsm']}" in repr(dagger)
    assert repr(replace(results, metrics=())) == first


def test_pandas_tables_hold_every_row_and_every_score() -> None:
    results = make_results()
    frame = results.to_pandas()
    assert len(frame) == len(results.metrics)
    assert list(frame.columns) == ["model", "dataset", *(each.name for each in fields(MetricRow))]
    assert frame["value"].tolist() == [row.value for row in results.metrics]
    assert set(frame["model"]) == {"toy"}
    assert len(results.to_pandas("comparisons")) == len(results.comparisons)
    pairs = results.to_pandas("items")
    assert len(pairs) == sum(item.truth.size for item in results.items)
    last = results.items[-1]
    assert pairs.iloc[-1]["dcsm"] == last.scores["dcsm"][-1, -1]
    assert (pairs.iloc[-1]["image"], pairs.iloc[-1]["caption"]) == (last.images[-1], last.captions[-1])
    assert pairs["truth"].tolist() == [bool(cell) for item in results.items for cell in item.truth.ravel()]
    assert pairs["tag_distance"].tolist() == [0.25] * len(pairs)
    with pytest.raises(InputError, match=r"to_pandas: unknown table 'item'\. Did you mean 'items'"):
        results.to_pandas("item")


def test_a_figure_has_a_bar_and_an_interval_for_every_number() -> None:
    results = make_results()
    figure = results.plot()
    [axes] = figure.axes
    headline = {each: headline_metric(results.metrics, each) for each in ("content", "binding", ALL)}
    shown = [row for row in results.metrics if row.metric == headline[row.category]]
    heights = sorted(bar.get_height() for bars in axes.containers if bars.get_label() in SKILL for bar in bars)
    assert heights == pytest.approx(sorted(100 * row.value for row in shown))
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {*SKILL, "chance"}
    assert [label.get_text().split("\n")[0] for label in axes.get_xticklabels()] == ["content", "binding", "all"]
    spans = [tuple(path.vertices[:, 1]) for bars in axes.collections for path in bars.get_paths()]
    for row in shown:
        assert any(span == pytest.approx((100 * row.low, 100 * row.high)) for span in spans), row
        assert any(span == pytest.approx((100 * row.chance, 100 * row.chance)) for span in spans), row
    with pytest.raises(InputError, match="unknown metric"):
        results.plot("group")
    with pytest.raises(InputError, match="applies to no category"):
        results.plot("text_recall@1")


@pytest.mark.parametrize(
    ("library", "view", "said"),
    [
        ("pandas", Results.to_pandas, r"pip install 'fourfold\[pandas\]'"),
        ("matplotlib", Results.plot, r"pip install 'fourfold\[plots\]'"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(library, view, said, monkeypatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=said):
        view(RESULTS)
