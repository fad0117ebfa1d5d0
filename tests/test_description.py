"""`fourfold describe`: counts that are those of the rows, as text and as a page that needs nothing else."""

import itertools
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.generator.categories import CATEGORIES
from fourfold.generator.dataset.difficulty_axes import AXES, applicable
from fourfold.generator.dataset.reading import read_manifest, read_rows
from fourfold.generator.presentation.description import Counts, Portrait, _bin, describe, portrait_as_text
from fourfold.generator.presentation.description_page import write_page


@pytest.fixture(scope="module")
def portrait(generated: Path) -> Portrait:
    return describe(generated)


@pytest.fixture(scope="module")
def rows(generated: Path) -> list[dict]:
    return [row for split in read_manifest(generated)["splits"] for row in read_rows(generated, split)]


@pytest.fixture
def chromium_page():
    """A page of headless Chromium; skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def tally(portrait: Portrait, title: str) -> dict[str, int]:
    [found] = [each for each in portrait.tallies if each.title == title]
    return dict(found.rows)


def test_counts_are_those_of_the_rows(portrait, rows):
    firsts = [row for row in rows if row["role"] == "a"]
    assert tally(portrait, "groups by category") == Counter(row["category"] for row in firsts)
    assert tally(portrait, "groups by edit") == Counter(row["edit"] for row in firsts)
    assert tally(portrait, "scenes") == {"natural": sum(row["role"] == "single" for row in rows)}
    things = [thing for row in rows for thing in row["objects"]]
    for name in ("shape", "color", "size", "material", "pattern"):
        assert tally(portrait, f"objects by {name}") == Counter(thing[name] for thing in things)
    numbers = Counter(str(row["difficulty"]["n_objects"]) for row in rows)
    assert tally(portrait, "pictures by number of objects") == numbers


def test_every_picture_is_in_one_bin_of_every_axis(portrait, rows):
    """Of every axis that applies to it."""
    axes = {each.title: sum(count for _, count in each.rows) for each in portrait.tallies if each.ordered}
    applied = Counter(AXES[name].label for row in rows for name in applicable(row["difficulty"]))
    assert set(applied) == {axis.label for axis in AXES.values()}
    assert axes == {f"pictures by {label}": count for label, count in applied.items()}
    assert min(axes.values()) < len(rows)


@pytest.mark.parametrize("axis", [name for name, axis in AXES.items() if axis.bin_width])
def test_bins_follow_one_another_and_hold_their_values(axis, portrait, rows):
    found = tally(portrait, f"pictures by {AXES[axis].label}")
    whole = axis == "caption_length"  # bins of whole numbers are named by their first and their last
    ends = [tuple(map(float, name.split(" to "))) for name in found]
    edges = [(low, high + whole) for low, high in ends]
    assert all(high == low for (_, high), (low, _) in itertools.pairwise(edges))
    values = [applied[axis] for row in rows if axis in (applied := applicable(row["difficulty"]))]
    for (low, high), count in zip(edges, found.values(), strict=True):
        assert count == sum(low - 1e-9 <= value < high - 1e-9 for value in values)


def test_reasons_of_rejections_are_those_of_the_manifest(portrait, generated):
    assert tally(portrait, "drafts rejected, because") == read_manifest(generated)["rejections"]


def test_one_split_alone(generated):
    assert tally(describe(generated, split="held-out"), "groups by category") == {"binding": 1}
    with pytest.raises(InputError, match="no split 'tset'"):
        describe(generated, split="tset")


def test_rejections_of_all_splits_are_not_said_of_one(generated):
    assert read_manifest(generated)["rejections"]
    assert not [each for each in describe(generated, split="test").tallies if "rejected" in each.title]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": None}, "malformed category"),
        ({"objects": ["a cube"]}, "malformed objects"),
        ({"difficulty": {"distance": "far"}}, "malformed objects or difficulty"),
        ({"difficulty": {"distance": float("inf")}}, "malformed objects or difficulty"),
    ],
)
def test_a_damaged_row_is_named(dataset_copy, change, said):
    path = dataset_copy / "test" / "metadata.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *rest]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"metadata\.jsonl, line 1: {said}"):
        describe(dataset_copy)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("other_renderers", "flat"),
        ("other_renderers", None),
        ("other_renderers", ["flat"]),
        ("other_renderers", {"renderer": "flat"}),
        ("renderer", "flat"),
        ("software", ["numpy"]),
        ("recipe", None),
        ("rejections", ["hidden"]),
        ("rejections", {"hidden": "many"}),
    ],
)
def test_a_damaged_manifest_is_named(dataset_copy, part, value):
    manifest = read_manifest(dataset_copy)
    (dataset_copy / "manifest.json").write_text(json.dumps(manifest | {part: value}))
    with pytest.raises(InputError, match=rf"manifest\.json: malformed {part}"):
        describe(dataset_copy)


def test_other_renderers_are_told(dataset_copy):
    manifest = read_manifest(dataset_copy)
    others = [{"renderer": "one", "version": 2}, {"renderer": "two"}]
    (dataset_copy / "manifest.json").write_text(json.dumps(manifest | {"other_renderers": others}))
    assert dict(describe(dataset_copy).facts)["other renderers"] == "one, 2; two"


def test_categories_stand_in_the_order_of_the_theory(portrait, rows):
    shown = list(tally(portrait, "groups by category"))
    assert shown == [name for name in CATEGORIES if name in shown]
    assert shown != sorted(shown)


def test_bins_of_whole_numbers_share_none(generated):
    [axis] = [each for each in describe(generated).tallies if each.title == "pictures by visible pixels"]
    ends = [tuple(int(end.replace(",", "")) for end in name.split(" to ")) for name, _ in axis.rows]
    assert all(high == 2 * low - 1 for low, high in ends)
    assert _bin(AXES["caption_length"], 4) == (4, "4 to 5")
    assert _bin(AXES["distance"], 1.2) == (1.0, "1 to 1.5")


def test_the_text_says_every_count(portrait):
    text = portrait_as_text(portrait)
    for each in portrait.tallies:
        assert each.title in text
        for name, count in each.rows:
            assert re.search(rf"{re.escape(name)} +{count:,} ", text)


@pytest.mark.parametrize(("leaks", "slight"), [(True, False), (False, True), (False, False)])
def test_what_the_audit_says_of_objects_is_told(leaks, slight, dataset_copy):
    audit = json.loads((dataset_copy / "audit.json").read_text())
    audit["objects"][0] |= {"leaks": leaks, "slight": slight}
    (dataset_copy / "audit.json").write_text(json.dumps(audit))
    told = dict(describe(dataset_copy).facts)["audit"]
    named = " x ".join(audit["objects"][0]["columns"])
    assert (f"attributes of the objects that depend on each other: {named}" in told) is (leaks or slight)
    assert told.endswith("; no two attributes of the objects depend on each other") is not (leaks or slight)
    assert ("too slightly to help" in told) is slight


@pytest.mark.parametrize("audit", ['{"passed": true}', '{"splits": [], "objects": []}', "[]", "{"])
def test_a_damaged_audit_is_named(dataset_copy, audit):
    (dataset_copy / "audit.json").write_text(audit)
    with pytest.raises(InputError, match=r"audit\.json: not an audit"):
        describe(dataset_copy)


def test_the_page_escapes_what_it_shows(tmp_path):
    hostile = '<script>alert(1)</script>&"'
    tallies = Counts(hostile, ((hostile, 1), ("y", 1))), Counts("x", ((hostile, 1), ("y", 1)), ordered=True)
    tallies += (Counts(hostile, ((hostile, 1),)),)
    portrait = Portrait(hostile, ((hostile, hostile),), tallies)
    text = write_page(portrait, tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    with pytest.raises(InputError, match=r"ends in \.html"):
        write_page(portrait, tmp_path / "page.txt")


def test_a_browser_shows_every_chart_and_fetches_nothing(portrait, tmp_path, chromium_page):
    charts = [each for each in portrait.tallies if len(each.rows) > 1]
    assert 0 < len(charts) < len(portrait.tallies)
    page = write_page(portrait, tmp_path / "page.html")
    fetched: list[str] = []
    chromium_page.on("request", lambda request: fetched.append(request.url))
    for width in (1200, 380):
        chromium_page.set_viewport_size({"width": width, "height": 800})
        chromium_page.goto(page.as_uri())
        assert chromium_page.locator("figure").count() == len(charts)
        bottom = "getBoundingClientRect().bottom"
        inside = f"all => all.every(each => each.{bottom} <= each.closest('figure').{bottom})"
        assert chromium_page.locator("figure text").evaluate_all(inside)
        assert chromium_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert set(fetched) == {page.as_uri()}
    bars = chromium_page.locator("rect").count()
    assert bars == sum(len(each.rows) for each in charts)
    said = dict(zip(*(chromium_page.locator(tag).all_inner_texts() for tag in ("dt", "dd")), strict=True))
    for each in portrait.tallies:
        assert (said.get(each.title) == f"{each.rows[0][0]} ({each.rows[0][1]:,})") is (each not in charts)
