"""What a notebook shows: small, its pictures inside, and hostile text that stays text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fourfold.evaluator.analysis.probe_results import ProbeResult, ProbeRow
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.tables.formats import Estimate, Table, write_html
from fourfold.generator.dataset.reading import read_groups
from fourfold.notebook import grid_html, truth_sign

SMALL = 120_000  # characters: a notebook with a dozen of them still opens at once
ALLOWED = {"div", "p", "b", "bdi", "table", "thead", "tbody", "tr", "th", "td", "img", "small"}


class Reader(HTMLParser):
    """The elements of a piece of HTML, whether they close as they open, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        assert {name for name, _ in attrs} <= {"style", "src", "alt"}
        self.sources += [value for name, value in attrs if name == "src"]
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(thing: object) -> Reader:
    shown = thing if isinstance(thing, str) else thing._repr_html_()
    found = Reader(shown)
    assert found.open == []
    assert set(found.tags) <= ALLOWED
    assert all(source.startswith("data:image/webp;base64,") for source in found.sources)
    assert len(shown) < SMALL
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> SimpleNamespace:
    root = tmp_path_factory.mktemp("notebook")
    dataset = report_data.make_dataset(root / "set", 2)
    results = load(report_data.make_results(root / "results", dataset, maps=0))
    group = next(group for group in read_groups(dataset, "test") if group.category == "binding")
    return SimpleNamespace(results=results, group=group, hostile=report_data.hostile)


def test_a_group_is_its_pictures_its_captions_and_their_truth(made: SimpleNamespace) -> None:
    found = read(made.group)
    assert found.tags.count("img") == 2
    assert made.hostile in found.text
    assert found.text.count("✓ true") == found.text.count("✗ false") == len(made.group.captions)


def test_an_item_is_shown_from_its_files_boxes_and_bytes_and_the_rest_counted(
    tmp_path: Path, made: SimpleNamespace
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    refs = (ImageRef(tmp_path / "a.png", box=(0, 0, 200, 200)), *[ImageRef(tmp_path / "gone.png")] * 8)
    refs = (*[refs[0]] * 6, *refs[1:])  # only those that are shown are opened
    captions = tuple(f"{made.hostile} {n}" for n in range(40))
    found = read(Item("<b>", refs, captions, np.zeros((14, 40), dtype=bool), "c", "g"))
    assert found.tags.count("img") == 6
    assert "8 more pictures, 28 more captions" in found.text


def test_a_scored_item_says_every_score(made: SimpleNamespace) -> None:
    item = made.results.items[2]
    said = read(item).text
    for name, table in item.scores.items():
        assert all(f"{name} {value:.3f}" in said for value in table.ravel().tolist())


def test_results_are_their_tables(made: SimpleNamespace) -> None:
    said = read(made.results).text
    row = next(row for row in made.results.metrics if (row.category, row.scorer) == ("binding", "dcsm"))
    assert str(Estimate(row.value, row.low, row.high)) in said
    assert "difference to cosine" in said


def test_nothing_of_a_table_is_markup(made: SimpleNamespace) -> None:
    table = Table(made.hostile, (made.hostile, "n"), ((made.hostile, 3),), (made.hostile,))
    assert read(write_html(table)).text.count(made.hostile) == 4


def test_a_picture_without_pixels_is_named() -> None:
    assert "<script>" in read(grid_html("t", ["<script>.png"], ["c"], [["x"]])).text
    assert not re.search("<script", grid_html("t", ["<script>.png"], ["c"], [["x"]]))


def test_a_truth_is_said_as_it_is() -> None:
    assert (truth_sign(True), truth_sign(False)) == ("✓ true", "✗ false")


def test_a_probe_is_its_table() -> None:
    rows = (ProbeRow("C2", "binding", "both", "satisfied", 0.125, 0.05, 0.25, 12),)
    said = read(ProbeResult(rows, {}, "<b>model", "0")).text
    assert "geometry of <b>model" in said
    assert "12.5 [5.0, 25.0]" in said


@pytest.mark.parametrize(
    ("pictures", "captions", "note"),
    [(6, 12, ""), (7, 12, "and 1 more pictures"), (6, 13, "and 1 more captions")],
)
def test_beyond_six_pictures_and_twelve_captions_the_rest_is_counted(pictures: int, captions: int, note: str) -> None:
    cells = [["x"] * captions] * pictures
    found = grid_html("t", ["p"] * pictures, ["c"] * captions, cells)
    assert (found.count("<tr>"), found.count("<th")) == (1 + 12, 1 + 6)
    assert found.endswith(f"<p>{note}</p></div>" if note else "</table></div>")
