"""Reports without a browser: numbers, escaping, pictures, budgets, and what is said when something is missing."""

import base64
import html
import io
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.analysis import results
from fourfold.evaluator.analysis.metrics import METRICS, ItemBlock
from fourfold.evaluator.analysis.rows import ComparisonRow
from fourfold.evaluator.analysis.summary import summarise
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.reporting import explorer, write_browser, write_report
from fourfold.evaluator.reporting.charts import Bar, bars
from fourfold.evaluator.reporting.difficulty import Axis, Bin, accuracy, cut_bins, find_axes
from fourfold.evaluator.reporting.entries import Entry, margin
from fourfold.evaluator.reporting.explorer import link_to, make_blocks
from fourfold.evaluator.reporting.groups import read_groups
from fourfold.evaluator.reporting.html import embed_json
from fourfold.evaluator.reporting.html_tables import to_html
from fourfold.evaluator.reporting.maps import Maps, load_maps
from fourfold.evaluator.reporting.markdown import escape
from fourfold.evaluator.reporting.panels import describe_change, p_value
from fourfold.evaluator.reporting.systems import find_role, list_systems
from fourfold.evaluator.reporting.thumbnails import mask_overlay, thumbnail
from fourfold.evaluator.reporting.view import Numbers, interval, points
from fourfold.evaluator.tables.formats import Estimate, Table
from fourfold.statistics import wilson_interval


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> SimpleNamespace:
    """A dataset, results of two models on it, and the pages and the document made from them."""
    root = tmp_path_factory.mktemp("report")
    dataset = report_data.make_dataset(root / "a set", 16)
    first = report_data.make_results(root / "results", dataset)
    second = report_data.make_results(root / "results2", dataset, model="ViT-B-16,openai", scorers=("cosine", "dcsm"))
    return SimpleNamespace(
        root=root,
        dataset=dataset,
        first=first,
        page=write_report([first], root / "report.html", dataset),
        document=write_report([first], root / "report.md"),
        two=write_report([first, second], root / "two.html", dataset, per_category=3),
        browser=write_browser(dataset, root / "browse.html", per_category=2),
    )


def block(page: Path, name: str) -> Any:
    """The data block of a page that its script reads."""
    text = page.read_text(encoding="utf-8")
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_every_number_falls_into_exactly_one_bin(values: list[float]) -> None:
    bins = cut_bins(values)
    assert all(sum(each.holds(value) for each in bins) == 1 for value in values)


def test_bins_of_few_values_are_the_values_and_names_differ() -> None:
    assert [each.label for each in cut_bins([4, 2, 2, 3])] == ["2", "3", "4"]
    labels = [each.label for each in cut_bins([1.001, 1.002, 1.003, 1.004])]
    assert len(set(labels)) == 4


def test_axes_are_made_of_numbers_and_of_yes_and_no() -> None:
    tags = [{"n": 2, "name": "x", "held": True, "same": 1.0}, {"n": 3, "name": "y", "held": False, "same": 1.0}]
    axes = {axis.name: [each.label for each in axis.bins] for axis in find_axes(tags)}
    assert axes == {"n": ["2", "3"], "held": ["no", "yes"]}


def test_accuracy_counts_by_hand_and_is_silent_on_few_groups() -> None:
    axis = Axis("n", "n", (Bin("1", 1, 2), Bin("2", 2, 2, last=True)))
    values = [1.0] * 10 + [2.0] * 12 + [None]
    right = np.array([1.0] * 4 + [0.0] * 6 + [1.0] * 12 + [0.0])
    clusters = [str(i) for i in range(10)] + ["one", "two", "three"] * 4 + ["other"]
    first, second = accuracy(axis, values, right, clusters)
    assert first is not None
    assert first[0] == 0.4
    assert first[1] < 0.4 < first[2]
    assert second is None  # twelve items of three clusters are three pictures


@given(st.integers(0, 2**32 - 1))
def test_margin_is_positive_exactly_where_the_headline_metric_hits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (2, 3)).astype(np.float32)  # many ties
    truth = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    one = ItemBlock(scores[None, None], truth[None], np.array([0]))
    hits = METRICS["group_score"].measure([one], 1).hits
    assert hits is not None
    assert (margin(truth, scores) > 0) == bool(hits[0, 0])


def test_margin_of_a_choice_is_over_the_best_wrong_answer() -> None:
    truth = np.array([[0, 1, 0]], dtype=bool)
    assert margin(truth, np.array([[0.5, 0.75, 0.25]])) == 0.25
    assert margin(truth.T, np.array([[0.5, 0.25, 0.75]]).T) == -0.5
    two = np.array([[0, 1, 0], [0, 0, 1]], dtype=bool)  # two questions: the harder one counts
    assert margin(two, np.array([[0.5, 0.75, 0.25], [0.5, 0.0, 0.625]])) == 0.125


@given(st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_in_a_page_reads_back_and_cannot_end_its_element(value: object) -> None:
    text = embed_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


@given(st.text())
def test_markdown_shows_text_as_it_is_on_one_line(text: str) -> None:
    escaped = escape(text)
    assert "\n" not in escaped
    assert re.sub(r"\\([\\`*_\[\]<>|#~])", r"\1", escaped) == text.replace("\n", " ").replace("\r", " ")
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|#~]", escaped)


@pytest.mark.parametrize("name", ["a.png", 'a"><b>.png', "a b#c?.png", "javascript:alert(1).png", "é\u202e.png"])
def test_links_lead_to_the_file_and_hold_nothing_that_means_something(tmp_path: Path, name: str) -> None:
    out = tmp_path / "pages" / "report.html"
    link = link_to(tmp_path / "set" / name, out)
    assert not set("\"'<>#? ") & set(link)
    base = "file://" + str(out)
    assert unquote(urlsplit(urljoin(base, link)).path) == str(tmp_path / "set" / name)


def test_the_page_says_what_the_items_say(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    text = html.unescape(made.page.read_text(encoding="utf-8"))
    for category in ("content", "binding", "relation", "negation"):
        items = [item for item in run.items if item.category == category]
        share = {name: np.mean([margin(item.truth, item.scores[name]) > 0 for item in items]) for name in run.scorers}
        for name, label in (("dcsm", "DCSM"), ("cosine", "cosine")):
            stated = f"({100 * share[name]:.1f}\N{NO-BREAK SPACE}% ["
            assert re.search(rf"<dt>{category}</dt><dd>.*{label} is [a-z ]+ chance {re.escape(stated)}", text)
    assert run.command in text
    assert run.notes[0] in text
    assert run.model["identity"] in text


def test_every_category_has_a_picture_that_the_explorer_has_too(made: SimpleNamespace) -> None:
    text = made.page.read_text(encoding="utf-8")
    panels = re.findall(r'<article class="panel">(.*?)</article>', text, re.DOTALL)
    pictures = set(block(made.page, "pictures"))
    assert len(panels) == 4
    for panel in panels:
        shown = re.findall(r'href="#group=([\w-]+)"><img src="data:image/webp;base64,([^"]+)"', panel)
        assert len(shown) == 2
        for _, picture in shown:
            assert picture in pictures
            assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (96, 96)


@pytest.mark.parametrize("page", ["page", "two", "browser"])
def test_hostile_captions_stay_text(made: SimpleNamespace, page: str, report_data: SimpleNamespace) -> None:
    text = getattr(made, page).read_text(encoding="utf-8")
    assert "<script>document.title" not in text
    assert "<img src=x" not in text
    captions = [
        caption["text"] for group in block(getattr(made, page), "data")["groups"] for caption in group["captions"]
    ]
    assert report_data.hostile in captions


@pytest.mark.parametrize("page", ["page", "two", "browser"])
def test_a_page_needs_nothing_else(made: SimpleNamespace, page: str) -> None:
    text = getattr(made, page).read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "default-src 'none'" in html.unescape(text)
    assert len(re.findall(r"<script>", text)) == 1


def test_scores_and_margins_reach_the_explorer_unrounded(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    data = block(made.page, "data")
    labels = [system["label"] for system in data["systems"]]
    groups = {group["id"]: group for group in data["groups"]}
    assert [system["role"] for system in data["systems"]] == ["baseline", "other", "dcsm", "control", "control"]
    for item in run.items:
        place = labels.index("DCSM")
        assert np.array_equal(np.float32(groups[item.id]["scores"][place]), item.scores["dcsm"])
        assert np.float32(groups[item.id]["margins"][place]) == np.float32(margin(item.truth, item.scores["dcsm"]))


def test_boxes_are_fractions_and_masks_are_the_objects(made: SimpleNamespace) -> None:
    group = block(made.page, "data")["groups"][0]
    pictures = block(made.page, "pictures")
    assert group["images"][0]["objects"][0]["box"] == [round(x / 96, 4) for x in (16, 40, 42, 66)]
    overlay = Image.open(io.BytesIO(base64.b64decode(pictures[group["images"][0]["mask"]])))
    colors = np.unique([np.array(overlay)[y, x] for x, y in ((29, 53), (65, 53), (5, 5))], axis=0)
    assert set(colors[:, 3].tolist()) == {0, 150}
    assert len(colors) == 3


def test_pictures_past_the_limit_are_linked_to_files_that_exist(made: SimpleNamespace) -> None:
    groups = block(made.two, "data")["groups"]
    by_category: dict[str, list[bool]] = {}
    for group in groups:
        embedded = [image["picture"] >= 0 for image in group["images"]]
        assert len(set(embedded)) == 1
        by_category.setdefault(group["category"], []).append(embedded[0])
        assert all((made.two.parent / unquote(image["link"])).is_file() for image in group["images"])
    assert all(found == [True] * 3 + [False] * 13 for found in by_category.values())


def test_the_budget_of_pictures_is_kept_and_shared_by_all_categories(
    made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "PICTURE_BUDGET", 30_000)
    page = write_report([made.first], made.root / "small.html", made.dataset)
    pictures = block(page, "pictures")
    assert sum(map(len, pictures)) < 30_000 + 4 * max(map(len, pictures))
    counts: dict[str, int] = {}
    for group in block(page, "data")["groups"]:
        counts[group["category"]] = counts.get(group["category"], 0) + (group["images"][0]["picture"] >= 0)
    assert min(counts.values()) >= 1
    assert max(counts.values()) - min(counts.values()) <= 1


def test_without_the_dataset_the_report_still_stands(made: SimpleNamespace) -> None:
    page = write_report([made.first], made.root / "bare.html")
    assert block(page, "pictures") == []
    assert "<dt>binding</dt>" in page.read_text(encoding="utf-8")


def test_plain_pictures_are_found_by_name_and_only_inside_the_folder(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    (made.root / "plain").mkdir()
    Image.new("RGB", (20, 10), "red").save(made.root / "plain" / "in.png")
    names = ("in.png#0,0,10,10", "../report.html")
    folder = made.root / "plain results"
    results.save(replace(run, items=(replace(run.items[0], images=names),)), folder)
    page = write_report([folder], made.root / "plain.html", made.root / "plain")
    first, second = block(page, "data")["groups"][0]["images"]
    picture = base64.b64decode(block(page, "pictures")[first["picture"]])
    assert Image.open(io.BytesIO(picture)).size == (10, 10)
    assert second == {"picture": -1, "mask": -1, "link": "", "objects": []}


def test_items_too_large_to_look_at_are_counted_but_not_shown(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    rng = np.random.default_rng(0)
    truth = np.eye(20, dtype=bool)
    large = replace(
        run.items[0],
        id="retrieval",
        images=tuple(f"{i}.png" for i in range(20)),
        captions=tuple(map(str, range(20))),
        truth=truth,
        scores={name: rng.random((20, 20)).astype(np.float32) for name in run.scorers},
    )
    folder = made.root / "retrieval"
    results.save(replace(run, items=(*run.items, large)), folder)
    groups = block(write_report([folder], made.root / "retrieval.html"), "data")["groups"]
    assert len(groups) == len(run.items)
    assert "retrieval" not in {group["id"] for group in groups}


def retrieval_of(made: SimpleNamespace, folder: Path, *, alone: bool) -> Path:
    """Results on a retrieval set of 20 pictures and 25 captions, beside the groups or alone."""
    run = results.load(made.first)
    rng = np.random.default_rng(0)
    truth = np.eye(20, 25, dtype=bool) | np.eye(20, 25, k=5, dtype=bool)
    scores = {name: (rng.random((20, 25)) + truth).astype(np.float32) for name in run.scorers}
    pictures, captions = tuple(f"{i}.png" for i in range(20)), tuple(map(str, range(25)))
    found = results.ScoredItem("retrieval", "retrieval", "retrieval", {}, pictures, captions, truth, scores)
    items = (found,) if alone else (*run.items, found)
    metrics, comparisons = summarise(items, seed=0, replicates=20)
    results.save(replace(run, items=items, metrics=metrics, comparisons=comparisons), folder)
    return folder


def test_of_a_retrieval_set_alone_its_questions_are_counted(made: SimpleNamespace) -> None:
    folder = retrieval_of(made, made.root / "searched alone", alone=True)
    text = html.unescape(write_report([folder], made.root / "searched.html").read_text(encoding="utf-8"))
    assert "Retrieval <small>20 questions</small>" in text
    assert "· 20 questions ·" in text
    assert ("Question by question" in text, "Each question is one or more pictures" in text) == (True, True)
    assert 'href="#explorer"' not in text  # the set is too large to be looked at question by question
    assert "1 groups" not in text
    assert "intervals by Wilson’s formula over the questions of the one set" in text
    assert "resample whole" not in text
    assert "95 % interval, Wilson's over the questions; ties are misses" in text
    assert "resamples of groups" not in text


def test_a_retrieval_set_beside_groups_is_not_counted_as_one_of_them(made: SimpleNamespace) -> None:
    folder = retrieval_of(made, made.root / "searched too", alone=False)
    text = write_report([folder], made.root / "searched too.html").read_text(encoding="utf-8")
    assert "· 64 groups ·" in text
    assert "Binding <small>C2 16 groups</small>" in text


def test_what_is_won_and_lost_is_called_what_it_is(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    won = re.compile(r"; ([a-z ]+) won against cosine: \d+, lost: \d+")

    def called(items: tuple[results.ScoredItem, ...], name: str) -> set[str]:
        metrics, comparisons = summarise(items, seed=0, replicates=20)
        folder = made.root / name
        results.save(replace(run, items=items, metrics=metrics, comparisons=comparisons), folder)
        return set(won.findall(write_report([folder], made.root / f"{name}.html").read_text(encoding="utf-8")))

    assert called(run.items, "won groups") == {"groups"}
    halves = [replace(item, images=item.images[:1], captions=item.captions[:2]) for item in run.items]
    one_picture = [
        replace(item, truth=item.truth[:1, :2], scores={name: s[:1, :2] for name, s in item.scores.items()})
        for item in halves
    ]
    assert called(tuple(one_picture), "won questions") == {"questions"}
    pairs = tuple(replace(item, cluster=f"pair {i // 2}") for i, item in enumerate(one_picture))
    assert called(pairs, "won clusters") == {"clusters of questions"}


def test_the_page_and_the_tables_write_one_number_alike() -> None:
    cell = Estimate(0.225, 0.125, 0.3)
    assert str(cell) == "22.5 [12.5, 30.0]"
    drawn = to_html(Table("t", ("name", "one", "other"), (("x", cell, Estimate(0.1, 0, 1)),)), best="row")
    assert (drawn.rows[0][1].text, drawn.rows[0][1].detail) == ("22.5", "12.5–30.0")
    assert "22.5<tspan" in bars([Bar("x", 0.225, 0.125, 0.3, "s1")], chance=None, title="")
    assert [points(share) for share in (0.225, -0.225, 0.0, -0.0002)] == ["+22.5", "−22.5", "0.0", "0.0"]
    assert [str(Estimate(share, signed=True)) for share in (0.225, -0.225, 0.0)] == ["+22.5", "-22.5", "+0.0"]


def test_what_is_bold_is_said_where_there_is_a_choice() -> None:
    several = Table("t", ("name", "one", "other"), (("x", Estimate(0.5, 0, 1), Estimate(0.1, 0, 1)),), ("a note",))
    drawn = to_html(several, best="row")
    assert [cell.strong for cell in drawn.rows[0]] == [False, True, False]
    assert drawn.notes == ("Bold: the highest share of its row.", "a note")
    single = replace(several, header=("name", "one"), rows=(several.rows[0][:2],))
    assert not any(cell.strong for cell in to_html(single, best="row").rows[0])
    assert to_html(single, best="row").notes == to_html(several).notes == ("a note",)


def test_the_page_of_a_dataset_speaks_of_no_answer(made: SimpleNamespace) -> None:
    for page, part, words in ((made.page, "Answer", True), (made.browser, "Categories", False)):
        text = page.read_text(encoding="utf-8")
        assert f'<nav aria-label="Parts of the page"><a href="#answer">{part}</a>' in text
        assert ("<kbd>→</kbd> word" in text) is words
        assert ("clear the map" in text) is words


@pytest.mark.parametrize("scorers", [("cosine",), ("random",), ("maxsim", "blind"), ("random", "oracle")])
def test_any_choice_of_scorers_makes_a_report(
    tmp_path: Path, made: SimpleNamespace, report_data: SimpleNamespace, scorers: tuple[str, ...]
) -> None:
    folder = report_data.make_results(tmp_path / "results", made.dataset, scorers=scorers, maps=0, replicates=20)
    text = write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<dt>binding</dt><dd>" in text
    roles = [system["role"] for system in block(tmp_path / "report.html", "data")["systems"]]
    assert set(roles) != {"control"}
    write_report([folder], tmp_path / "report.md")


def test_several_models_are_compared_in_one_table(made: SimpleNamespace) -> None:
    text = made.two.read_text(encoding="utf-8")
    table = re.search(r'<table class="numbers sortable">(.*?)</table>', text, re.DOTALL)
    assert table is not None
    assert table[1].count("<tr>") == 1 + 3 + 2  # head; cosine, maxsim and dcsm; cosine and dcsm: controls stay out
    assert "ViT-B-16,openai" in table[1]


def test_the_document_holds_every_table_in_columns(made: SimpleNamespace) -> None:
    text = made.document.read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert (
        len(tables) == 1 + 1 + 2 + 5 + 5
    )  # answer, comparisons, checks, every metric of 4 categories and all, scrutiny
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert results.load(made.first).command in text


def test_relation_attribute_and_kinds_come_from_the_dataset(made: SimpleNamespace) -> None:
    groups = read_groups(made.dataset)
    group = groups["test-relation-000001"]
    assert group.facets["relation"] == "left, right"
    assert group.kinds == ("true", "true", "hard-positive", "hard-positive")
    assert groups["test-binding-000001"].facets["attribute"] == "size"


def test_what_is_missing_or_broken_is_named(
    made: SimpleNamespace, tmp_path: Path, report_data: SimpleNamespace
) -> None:
    out = tmp_path / "report.html"
    with pytest.raises(InputError, match="no results folder"):
        write_report([], out)
    with pytest.raises(InputError, match="a folder of results"):
        write_report([tmp_path], out)
    other = report_data.make_dataset(tmp_path / "other", 1)
    (other / "test" / "metadata.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="none of the groups"):
        write_report([made.first], out, other)
    broken = report_data.make_dataset(tmp_path / "broken", 1)
    (broken / "test" / "images" / "test-content-000000-b.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=re.escape("test-content-000000-b.png")):
        write_browser(broken, out)
    with pytest.raises(InputError, match="nowhere: no such dataset folder"):
        write_report([made.first], out, tmp_path / "nowhere")
    (tmp_path / "plain").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "plain" / "other.png")
    with pytest.raises(InputError, match=r"plain: holds no dataset .* none of the pictures that were scored"):
        write_report([made.first], out, tmp_path / "plain")
    assert not out.exists()


def with_info(folder: Path, run: results.Results, **info: str) -> Path:
    """The run again, saying other things of its dataset."""
    results.save(replace(run, dataset={**run.dataset, **info}), folder)
    return folder


def test_groups_of_another_dataset_are_not_taken_for_those_that_were_scored(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    run = results.load(made.first)
    this, other = "5c" * 32, "5d" * 32  # the first is what the dataset's manifest says
    ours = with_info(tmp_path / "ours", run, scenes_sha256=this)
    theirs = with_info(tmp_path / "theirs", run, scenes_sha256=other)
    named = with_info(tmp_path / "named", run, name="another benchmark")
    captions = ("changed", *run.items[0].captions[1:])
    changed = with_info(
        tmp_path / "changed", replace(run, items=(replace(run.items[0], captions=captions), *run.items[1:]))
    )
    out = tmp_path / "report.html"
    with pytest.raises(InputError, match="not the dataset that was evaluated"):
        write_report([theirs], out, made.dataset)
    for pair in ((ours, theirs), (made.first, named)):
        with pytest.raises(InputError, match="results on different datasets; a report is on one"):
            write_report(pair, out)
    with pytest.raises(InputError, match=f"{run.items[0].id} is not the same in both"):
        write_report([made.first, changed], out)
    assert not out.exists()
    write_report([ours, ours], out, made.dataset, per_category=1)


@pytest.mark.parametrize("name", ["report.pdf", "report", "report.html.txt"])
def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"give a name that ends in \.html or \.md"):
        write_report([tmp_path / "no results"], tmp_path / name)
    for other in (name, "page.md"):
        with pytest.raises(InputError, match=r"give a name that ends in \.html$"):
            write_browser(tmp_path / "no dataset", tmp_path / other)


@pytest.mark.parametrize("content", [None, b"no mask"])
def test_a_missing_or_broken_mask_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mask.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"mask\.png"):
        mask_overlay(path, (1,), size=10)


def test_a_ready_made_block_is_plain_data(made: SimpleNamespace) -> None:
    blocks = make_blocks([], [], ["m"], [Axis("n", "n", (Bin("1", 1, 1),))], [None], out=made.page, per_category=1)
    assert json.loads(json.dumps(blocks)) == blocks
    assert blocks["data"]["axes"]["n"]["bins"] == [asdict(Bin("1", 1, 1))]


def test_importing_reports_loads_nothing_heavy() -> None:
    heavy = ("torch", "jinja2", "safetensors", "fourfold.evaluator.data.images")
    code = f"import sys, fourfold.evaluator.reporting; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_maps_are_optional_for_a_page(made: SimpleNamespace) -> None:
    assert isinstance(load_maps(made.first), Maps)
    assert block(made.browser, "data")["maps"] == [None]


@pytest.mark.parametrize(
    ("p", "p_holm", "text"),
    [
        (0.02, 0.04, "Holm p = 0.040"),
        (0.02, None, "p = 0.020"),
        (0.001, None, "p = 0.001"),
        (0.00099, None, "p < 0.001"),
        (0.0001, 0.0005, "Holm p < 0.001"),
        (None, None, ""),
    ],
)
def test_p_values_say_whether_they_were_corrected(p: float | None, p_holm: float | None, text: str) -> None:
    row = ComparisonRow("c", "dcsm", "cosine", "group_score", 0.1, 0.0, 0.2, 9, p=p, p_holm=p_holm)
    assert p_value(row) == text


@pytest.mark.parametrize(
    ("difference", "p", "sign"),
    [(0.1, 0.049, "gain"), (0.1, 0.05, "even"), (-0.1, 0.2, "even"), (-0.1, 0.001, "loss"), (0.1, None, "even")],
)
def test_a_change_is_a_gain_where_its_test_says_so(
    made: SimpleNamespace, difference: float, p: float | None, sign: str
) -> None:
    """Its interval, which is not corrected for the number of categories, once called it so."""
    run = results.load(made.first)
    changed = tuple(
        replace(row, difference=difference, low=difference / 2, high=2 * difference, p=p, p_holm=p)
        for row in run.comparisons
    )
    numbers = Numbers(replace(run, comparisons=changed), tuple(list_systems([run])))
    dcsm = find_role(numbers.systems, "dcsm")
    assert dcsm is not None
    change = describe_change(numbers, "binding", dcsm)
    assert change is not None
    assert change.sign == sign


def test_numbers_of_sentences_are_written_one_way() -> None:
    assert (points(0.4834), points(-0.05), points(0.0004), points(-0.0004)) == ("+48.3", "−5.0", "0.0", "0.0")
    assert interval(0.412, 0.55) == "41.2–55.0"
    assert interval(-0.05, 0.55, signed=True) == "−5.0 to +55.0"
    assert interval(None, 0.5) == ""


@pytest.mark.parametrize(
    ("scorers", "roles"),
    [
        (
            ("cosine", "dcsm", "dcsm-ref", "maxsim", "random", "shuffled-images:dcsm"),
            ["baseline", "dcsm", "other", "other", "control", "control"],
        ),
        (("cosine", "dcsm-ref"), ["baseline", "dcsm"]),
        (("random", "blind"), ["other", "other"]),
    ],
)
def test_each_scorer_plays_its_part(made: SimpleNamespace, scorers: tuple[str, ...], roles: list[str]) -> None:
    run = replace(results.load(made.first), scorers={name: {} for name in scorers})
    systems = list_systems([run])
    assert [system.role for system in systems] == roles
    assert [s.style for s in systems if s.role == "other"] == ["s1", "s2"][: roles.count("other")]


def test_a_thumbnail_is_no_longer_than_asked_and_never_enlarged(tmp_path: Path) -> None:
    for size, expected in (((300, 100), (90, 30)), ((40, 80), (40, 80)), ((91, 90), (90, 89))):
        Image.new("RGB", size, "red").save(tmp_path / "a.png")
        data, own = thumbnail(ImageRef(tmp_path / "a.png"), size=90, quality=80)
        assert own == size
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == expected


def test_a_mask_is_drawn_in_the_colors_of_its_objects(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 7, 3]], np.uint8)).save(tmp_path / "m.png")
    data = mask_overlay(tmp_path / "m.png", (3, 7), size=90)
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))
    assert drawn[0, 0, 3] == 0
    assert drawn[0, 1].tolist() == [0x56, 0xB4, 0xE9, 150]
    assert drawn[0, 2].tolist() == [0xE6, 0x9F, 0x00, 150]


@pytest.mark.parametrize(("clusters", "shown"), [(4, False), (5, True)])
def test_a_bin_speaks_from_five_groups_on(clusters: int, shown: bool) -> None:
    axis = Axis("n", "n", (Bin("1", 1, 1, last=True),))
    [point] = accuracy(axis, [1.0] * clusters, np.ones(clusters), [str(i) for i in range(clusters)])
    assert (point is not None) == shown
    if point is not None:
        assert point == (1.0, pytest.approx(0.5655, abs=1e-4), 1.0)  # Wilson's of five in five


@pytest.mark.parametrize(("n", "labels"), [(5, 5), (6, 4)])
def test_few_values_have_a_bin_each_and_many_four_together(n: int, labels: int) -> None:
    assert len(cut_bins(list(range(n)))) == labels


@pytest.mark.parametrize(("k", "m", "shown"), [(2, 128, True), (1, 256, True), (1, 257, False)])
def test_items_of_up_to_256_cells_can_be_looked_at(tmp_path: Path, k: int, m: int, shown: bool) -> None:
    texts = tuple(f"caption {i}" for i in range(m))
    entry = Entry("x", "c", "x", texts, ("",) * m, np.ones((k, m), bool), (None,) * k, {}, {})
    blocks = make_blocks([entry], [], ["m"], [], [None], out=tmp_path / "page.html", per_category=1)
    assert len(blocks["data"]["groups"]) == int(shown)


def test_the_interval_of_a_bin_counts_clusters_not_items() -> None:
    axis = Axis("n", "n", (Bin("1", 1, 1, last=True),))
    right = np.array([1.0] * 30 + [0.0] * 30)
    [point] = accuracy(axis, [1.0] * 60, right, [str(i % 20) for i in range(60)])
    assert point == (0.5, *wilson_interval(10, 20))
