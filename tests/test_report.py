"""Reports without a browser: numbers, escaping, pictures, maps, budgets, and what is said when something is missing."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evaluator import results
from evaluator.metrics import METRICS, Block
from evaluator.reporting import explorer, write_browser, write_paper, write_report
from evaluator.reporting.charts import Bar, Curve, bars, curves
from evaluator.reporting.difficulty import Axis, Bin, accuracy, cut_bins, find_axes
from evaluator.reporting.entries import margin
from evaluator.reporting.explorer import link_to, make_blocks, pack_maps
from evaluator.reporting.groups import read_groups
from evaluator.reporting.html import embed_json
from evaluator.reporting.maps import FILE_NAME, Maps, collect_maps, cut, load_maps, save_maps
from evaluator.reporting.markdown import escape
from evaluator.reporting.probe import read_probe, side_chart, write_figures
from evaluator.reporting.thumbnails import mask_overlay
from scenes.errors import InputError

shares = st.floats(0, 1)


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


def block(page: Path, name: str) -> object:
    """The data block of a page that its script reads."""
    text = page.read_text(encoding="utf-8")
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


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
    drawn = ElementTree.fromstring(curves([Curve("x", points, "s1")], ["1", "2", "3"], chance=0.5, title="t"))
    marks = [(each.get("x"), each.get("y")) for each in drawn.iter("svg") if each.get("class") == "mark"]
    assert len(marks) == 2
    assert float(marks[0][1] or 0) > float(marks[1][1] or 0)  # a larger share stands higher
    assert len([each for each in drawn.iter("line") if each.get("class") == "curve"]) == 1


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
    one = Block(scores[None, None], truth[None], np.array([0]))
    hits = METRICS["group_score"].measure([one], 1).hits
    assert hits is not None
    assert (margin(truth, scores) > 0) == bool(hits[0, 0])


def test_margin_of_a_choice_is_over_the_best_wrong_answer() -> None:
    truth = np.array([[0, 1, 0]], dtype=bool)
    assert margin(truth, np.array([[0.5, 0.75, 0.25]])) == 0.25
    assert margin(truth.T, np.array([[0.5, 0.25, 0.75]]).T) == -0.5


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


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), max_size=6))
def test_a_caption_is_cut_into_its_tokens_and_nothing_is_lost(words: list[str]) -> None:
    text = "  ".join(words)
    pieces = [
        piece for word in words for piece in ([word[:1], word[1:] + "</w>"] if len(word) > 1 else [word + "</w>"])
    ]
    assert "".join(cut(text, pieces)) == text


def test_pieces_that_do_not_spell_the_caption_are_shown_themselves() -> None:
    assert cut("Ein Würfel", ["ein</w>", "wu", "rfel</w>"]) == (" ein", " wu", "rfel")


def encoded_set(n_items: int) -> tuple[list[SimpleNamespace], SimpleNamespace]:
    """Items of two images and two captions, and features of them, some shared between items."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(3)
    patches = torch.nn.functional.normalize(torch.randn(2 * n_items, 6, 4, generator=generator), dim=-1)
    tokens = torch.nn.functional.normalize(torch.randn(3, 5, 4, generator=generator), dim=-1)
    pieces = np.array(
        [["", "a</w>", "cu", "be</w>", ""], ["", "no</w>", "", "", ""], ["", "left</w>", "of</w>", "", ""]]
    )
    texts = ["a cube", "no", "left of"]
    items = [
        SimpleNamespace(
            id=f"i{i}", category="even" if i % 2 == 0 else "odd", captions=(texts[i % 3], texts[(i + 1) % 3])
        )
        for i in range(n_items)
    ]
    encoded = SimpleNamespace(
        images=SimpleNamespace(patches=patches, grid=(2, 3)),
        texts=SimpleNamespace(tokens=tokens, pieces=pieces, mask=torch.tensor(pieces != "")),
        image_index=[np.array([2 * i, 2 * i + 1]) for i in range(n_items)],
        text_index=[np.array([i % 3, (i + 1) % 3]) for i in range(n_items)],
    )
    return items, encoded


def test_maps_hold_every_cosine_to_half_a_byte_and_come_back_from_disk(tmp_path: Path) -> None:
    items, encoded = encoded_set(5)
    maps = collect_maps(items, encoded, 2, {"no": np.arange(6).reshape(2, 3)})
    assert maps is not None
    assert list(maps.groups) == ["i0", "i1", "i2", "i3"]  # two of each category
    for i, name in enumerate(maps.groups):
        group = maps.groups[name]
        expected = [
            encoded.texts.tokens[j][encoded.texts.mask[j]].numpy() @ encoded.images.patches[k].numpy().T
            for k in encoded.image_index[i]
            for j in encoded.text_index[i]
        ]
        flat = np.concatenate([each.ravel() for each in expected])
        stored = maps.values[group.offset : group.offset + flat.size].astype(float)
        found = group.low + stored * (group.high - group.low) / 255
        assert np.abs(found - flat).max() <= (group.high - group.low) / 510 + 1e-6
    assert maps.groups["i0"].tokens == (("a", " cu", "be"), ("no",))
    assert maps.groups["i0"].words == ((None, None, None), ("no",))

    save_maps(maps, tmp_path)
    again = load_maps(tmp_path)
    assert again is not None
    assert np.array_equal(again.values, maps.values)
    assert (again.grid, dict(again.groups), dict(again.words)) == (maps.grid, dict(maps.groups), dict(maps.words))


def test_no_patch_tokens_no_maps(tmp_path: Path) -> None:
    items, encoded = encoded_set(1)
    encoded.images.patches = None
    assert collect_maps(items, encoded, 1) is None
    assert load_maps(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"junk", b"\x02\0\0\0\0\0\0\0{}"])
def test_broken_maps_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match=FILE_NAME):
        load_maps(tmp_path)


def test_packed_maps_keep_each_groups_bytes_within_the_budget() -> None:
    items, encoded = encoded_set(6)
    maps = collect_maps(items, encoded, 6)
    assert maps is not None
    order = ["i4", "i1", "missing", "i0"]
    everything, text = pack_maps(maps, order, 10**6)
    assert everything is not None
    assert list(everything["groups"]) == ["i4", "i1", "i0"]
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    for name, entry in everything["groups"].items():
        size = 2 * sum(len(line) for line in entry["tokens"]) * 6
        start = maps.groups[name].offset
        assert np.array_equal(packed[entry["offset"] : entry["offset"] + size], maps.values[start : start + size])
    some, text = pack_maps(maps, order, len(packed) - 1)
    assert some is not None
    assert list(some["groups"]) == ["i4", "i1"]
    assert len(base64.b64decode(text)) < len(packed)


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
        stated = f"{100 * share['dcsm']:.0f}\N{NO-BREAK SPACE}% of {category} groups"
        assert f"{stated} ({100 * share['cosine']:.0f}\N{NO-BREAK SPACE}% without)" in text
    assert run.command in text
    assert run.notes[0] in text
    assert run.model["identity"] in text


def test_every_category_has_a_picture_that_the_explorer_has_too(made: SimpleNamespace) -> None:
    text = made.page.read_text(encoding="utf-8")
    panels = re.findall(r'<article class="panel">(.*?)</article>', text, re.DOTALL)
    pictures = set(block(made.page, "pictures"))  # type: ignore[call-overload]
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
    ]  # type: ignore[index]
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
    labels = [system["label"] for system in data["systems"]]  # type: ignore[index]
    groups = {group["id"]: group for group in data["groups"]}  # type: ignore[index]
    assert [system["role"] for system in data["systems"]] == ["baseline", "other", "dcsm", "control", "control"]  # type: ignore[index]
    for item in run.items:
        place = labels.index("DCSM")
        assert np.array_equal(np.float32(groups[item.id]["scores"][place]), item.scores["dcsm"])
        assert np.float32(groups[item.id]["margins"][place]) == np.float32(margin(item.truth, item.scores["dcsm"]))


def test_boxes_are_fractions_and_masks_are_the_objects(made: SimpleNamespace) -> None:
    group = block(made.page, "data")["groups"][0]  # type: ignore[index]
    pictures = block(made.page, "pictures")
    assert group["images"][0]["objects"][0]["box"] == [round(x / 96, 4) for x in (16, 40, 42, 66)]
    overlay = Image.open(io.BytesIO(base64.b64decode(pictures[group["images"][0]["mask"]])))  # type: ignore[index]
    colors = {overlay.getpixel((29, 53)), overlay.getpixel((65, 53)), overlay.getpixel((5, 5))}
    assert {color[3] for color in colors} == {0, 150}  # type: ignore[index]
    assert len(colors) == 3


def test_pictures_past_the_limit_are_linked_to_files_that_exist(made: SimpleNamespace) -> None:
    groups = block(made.two, "data")["groups"]  # type: ignore[index]
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
    assert sum(map(len, pictures)) < 30_000 + 4 * max(map(len, pictures))  # type: ignore[call-overload]
    counts: dict[str, int] = {}
    for group in block(page, "data")["groups"]:  # type: ignore[index]
        counts[group["category"]] = counts.get(group["category"], 0) + (group["images"][0]["picture"] >= 0)
    assert min(counts.values()) >= 1
    assert max(counts.values()) - min(counts.values()) <= 1


def test_without_the_dataset_the_report_still_stands(made: SimpleNamespace) -> None:
    page = write_report([made.first], made.root / "bare.html")
    assert block(page, "pictures") == []
    assert "of binding groups" in page.read_text(encoding="utf-8")


def test_plain_pictures_are_found_by_name_and_only_inside_the_folder(made: SimpleNamespace) -> None:
    run = results.load(made.first)
    (made.root / "plain").mkdir()
    Image.new("RGB", (20, 10), "red").save(made.root / "plain" / "in.png")
    names = ("in.png#0,0,10,10", "../report.html")
    folder = made.root / "plain results"
    results.save(replace(run, items=(replace(run.items[0], images=names),)), folder)
    page = write_report([folder], made.root / "plain.html", made.root / "plain")
    first, second = block(page, "data")["groups"][0]["images"]  # type: ignore[index]
    picture = base64.b64decode(block(page, "pictures")[first["picture"]])  # type: ignore[index]
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
    groups = block(write_report([folder], made.root / "retrieval.html"), "data")["groups"]  # type: ignore[index]
    assert len(groups) == len(run.items)
    assert "retrieval" not in {group["id"] for group in groups}


@pytest.mark.parametrize("scorers", [("cosine",), ("random",), ("maxsim", "blind"), ("random", "oracle")])
def test_any_choice_of_scorers_makes_a_report(
    tmp_path: Path, made: SimpleNamespace, report_data: SimpleNamespace, scorers: tuple[str, ...]
) -> None:
    folder = report_data.make_results(tmp_path / "results", made.dataset, scorers=scorers, maps=0, replicates=20)
    text = write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "of binding groups" in text
    roles = [system["role"] for system in block(tmp_path / "report.html", "data")["systems"]]  # type: ignore[index]
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
    assert len(tables) == 1 + 1 + 2 + 5  # answer, comparisons, checks, every metric of four categories and of all
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert results.load(made.first).command in text


def test_a_probe_in_the_results_folder_is_shown_and_a_broken_one_named(made: SimpleNamespace) -> None:
    folder = made.root / "probed"
    shutil.copytree(made.first, folder)
    row = {"condition": "C2", "category": "binding", "side": "both", "measure": "satisfied", "value": 0.125}
    row |= {"low": 0.05, "high": 0.25, "groups": 12}
    ratio = row | {"side": "text", "measure": "twin_distance", "value": 0.25}
    probe = {"format": "fourfold-probe", "version": 1, "model": "m", "rows": [row, ratio]}
    probe["margins"] = {"binding": [[0.1, -0.1, 0.2, 0.05], [0.1, 0.1, 0.1, -0.2]]}
    (folder / "probe.json").write_text(json.dumps(probe), encoding="utf-8")
    page = write_report([folder], made.root / "probed.html").read_text(encoding="utf-8")
    assert "geometry of m" in page
    for said in ("C2: binding", "75 % above 0", "twins (unrelated: 1)"):
        assert said in page
    papers = {path.name for path in write_paper([folder], made.root / "probed-paper")}
    assert {"fourfold-tiny-geometry-c2.svg", "fourfold-tiny-geometry-c2.pdf"} <= papers
    (folder / "probe.json").write_text(json.dumps(probe | {"version": 2}), encoding="utf-8")
    with pytest.raises(InputError, match=r"probe\.json"):
        write_report([folder], made.root / "probed.html")


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
    content = {"format": "fourfold-probe", "version": 1, "model": "<m & co>", "rows": rows, "margins": margins}
    (tmp_path / "probe.json").write_text(json.dumps(content), encoding="utf-8")
    found = read_probe(tmp_path)
    assert [path.name for path in write_figures(found, tmp_path)] == ["C1.svg", "C3.svg"]
    texts = ElementTree.parse(tmp_path / "C3.svg").getroot().itertext()
    said = " ".join(texts)
    assert "relation, location" in said
    assert "<m & co>" in said
    assert "25 % above 0" in said  # of the four text margins of both categories, those of 0 not among them
    assert "75 % above 0" in said
    for side in ("text", "image"):
        ElementTree.fromstring(side_chart(found, "C1", side))


def test_figures_and_tables_for_papers_come_out_the_same_twice(made: SimpleNamespace) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    first, second = (write_paper([made.first], made.root / name, made.dataset) for name in ("paper", "paper2"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    endings = [path.suffix for path in first]
    assert endings.count(".svg") == endings.count(".pdf") >= 2
    assert endings.count(".csv") == endings.count(".tex") == 9
    command = results.load(made.first).command
    assert command in (made.root / "paper" / "README.md").read_text(encoding="utf-8")
    for path in first:
        if path.suffix == ".tex":
            assert path.read_text(encoding="utf-8").startswith(f"% {command}\n")
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")


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
    assert not out.exists()


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
    heavy = ("torch", "jinja2", "safetensors", "evaluator.images")
    code = f"import sys, evaluator.reporting; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_maps_are_optional_for_a_page(made: SimpleNamespace) -> None:
    assert isinstance(load_maps(made.first), Maps)
    assert block(made.browser, "data")["maps"] == [None]  # type: ignore[index]
