"""A head knows the items that it was trained on: scoring it on them is refused, or marked in every table and page."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfold.errors import InputError
from fourfold.evaluator.scoring.head_files import SHIPPED, Head, read_head
from fourfold.evaluator.scoring.training_items import check_unseen, describe_training, seen_items, shows_same_scenes

SOURCE = {"name": "set", "folder": "there", "split": "train", "seed": 1, "scenes_sha256": "abc"}
OTHER = {"name": "other", "scenes_sha256": "def", "split": "test"}


def made(numbers: range, driver: str = "") -> tuple[list[SimpleNamespace], SimpleNamespace]:
    """Items i with pictures and captions of their own; another driver draws other pixels."""
    items = [SimpleNamespace(truth=np.eye(2, dtype=bool)) for _ in numbers]
    pairs = [np.array([2 * at, 2 * at + 1]) for at in range(len(items))]
    names = [f"{number}{side}" for number in numbers for side in "ab"]
    encoded = SimpleNamespace(
        images=SimpleNamespace(keys=np.array([f"{driver}{name}" for name in names])),
        texts=SimpleNamespace(texts=np.array([f"caption {name}" for name in names])),
        image_index=pairs,
        text_index=pairs,
    )
    return items, encoded


def head_of(numbers: range, source: dict = SOURCE) -> Head:
    return Head("dcsm", {}, "model", "identity", {}, describe_training(*made(numbers), source))


@given(st.integers(1, 30), st.integers(0, 40), st.integers(1, 30))
def test_exactly_the_items_of_the_training_are_known(trained: int, start: int, asked: int) -> None:
    expected = len(range(max(0, start), min(trained, start + asked)))
    head = head_of(range(trained))
    again = replace(head, dataset=json.loads(json.dumps(head.dataset)))  # as a file holds it
    assert seen_items(again, *made(range(start, start + asked)), OTHER) == expected


def test_the_scenes_of_the_training_are_known_by_their_hash_where_another_driver_drew_them() -> None:
    head = head_of(range(5))
    assert seen_items(head, *made(range(7), driver="other "), SOURCE) == 7
    assert seen_items(head, *made(range(7)), SOURCE) == 5
    for key in ("split", "scenes_sha256"):
        assert not shows_same_scenes(head, SOURCE | {key: "other"})
        assert seen_items(head, *made(range(7), driver="other "), SOURCE | {key: "other"}) == 0


def test_a_head_that_does_not_say_is_known_to_no_item() -> None:
    head = Head("dcsm", {}, "model", "identity", {}, {"hash": "x", "items": 3})
    assert seen_items(head, *made(range(3)), {}) == 0
    assert not shows_same_scenes(head, {})
    assert seen_items(replace(head, dataset={}), *made(range(3)), SOURCE) == 0


def test_what_was_learned_is_refused_unless_allowed() -> None:
    heads = {"mirror:dcsm": head_of(range(5))}
    with pytest.raises(InputError, match=r"^mirror:dcsm was trained on 2 of these 4 items.*--allow-training-items"):
        check_unseen(heads, *made(range(3, 7)), OTHER, allowed=False)
    assert check_unseen(heads, *made(range(3, 7)), OTHER, allowed=True) == {"mirror:dcsm": 2}
    assert check_unseen(heads, *made(range(5, 9)), OTHER, allowed=False) == {}


def test_from_training_to_the_page(fourfold, generated: Path, tmp_path: Path) -> None:
    """The head is refused on the groups that it learned, before they are encoded; where allowed, the page says so."""
    head, results = tmp_path / "head.safetensors", tmp_path / "results"
    training = (
        "train-head",
        generated,
        "--split",
        "test",
        "--head",
        "labclip",
        "--epochs",
        1,
        "--out",
        head,
        "--quiet",
    )
    assert fourfold(*training).code == 0
    asked = ("evaluate", generated, "--scorer", "cosine", "--scorer", "labclip", "--head", head, "--out", results)
    refused = fourfold(*asked, "--quiet")
    assert refused.code == 2
    assert "labclip was trained on" in refused.err
    assert refused.err.count("\n") == 1
    assert not results.exists()
    assert fourfold(*asked, "--quiet", "--allow-training-items").code == 0
    [note] = json.loads((results / "results.json").read_text())["notes"]
    assert note.startswith("‡ labclip was trained on")
    for name in ("page.html", "page.md"):
        assert fourfold("report", results, "--out", tmp_path / name).code == 0
        assert "labclip was trained on" in (tmp_path / name).read_text()


def test_the_shipped_head_knows_what_it_was_trained_on() -> None:
    head = read_head(SHIPPED / "fourfold-tiny" / "dcsm.safetensors")
    assert len(base64.b64decode(head.dataset["item_hashes"])) == 6 * head.dataset["items"] == 6 * 12_000
    assert head.dataset["source"]["name"] == "fourfold-heads"
    assert head.dataset["source"]["split"] == "train"
    assert not Path(head.dataset["source"]["folder"]).is_absolute()
