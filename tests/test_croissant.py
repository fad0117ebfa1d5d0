"""croissant.json: valid for its own library without a word of complaint, and its records are the rows and pictures."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator import croissant
from generator.cards import write_card
from generator.dataset import read_manifest, read_rows
from generator.recipe import Publication, Split

SPLITS = ("test", "train", "held-out")
# What Croissant 1.1 calls mandatory, and what its RAI extension asks of a set like ours; the library is laxer.
MANDATORY = ("name", "description", "license", "url", "creator", "datePublished", "distribution")
RAI = (
    *("dataCollection", "dataBiases", "dataLimitations", "personalSensitiveInformation", "dataUseCases"),
    *("hasSyntheticData", "dataSocialImpact"),
)


@pytest.fixture(scope="module")
def mlcroissant():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it imports
        return pytest.importorskip("mlcroissant")


@pytest.fixture(scope="module")
def written(generated: Path) -> dict:
    return json.loads((generated / "croissant.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def loaded(mlcroissant, generated: Path):
    return mlcroissant.Dataset(generated / "croissant.json")


def test_the_library_finds_nothing_to_complain_of(loaded):
    assert loaded.metadata.ctx.issues.report().strip() == ""


def test_everything_mandatory_is_there(written):
    assert written["@type"] == "sc:Dataset"
    assert written["conformsTo"][0].endswith("/croissant/1.1")
    assert not [key for key in MANDATORY if not written.get(key)]
    assert not [key for key in RAI if not written.get(f"rai:{key}")]
    assert [record["name"] for record in written["recordSet"]] == list(SPLITS)


@pytest.mark.parametrize("split", SPLITS)
def test_records_are_the_rows_with_their_pictures(split, loaded, generated):
    rows = {row["id"]: row for row in read_rows(generated, split)}
    records = list(loaded.records(split))
    assert len(records) == len(rows)
    for record in records:
        row = rows.pop(record[f"{split}/id"].decode())
        for name in ("group", "category", "caption", "adversarial_caption", "hard_positive", "mask", "pixels_sha256"):
            assert record[f"{split}/{name}"].decode() == row[name]
        with Image.open(generated / split / row["file_name"]) as image:
            np.testing.assert_array_equal(np.array(record[f"{split}/image"]), np.array(image))


def test_a_damaged_file_is_noticed(mlcroissant, dataset_copy):
    path = dataset_copy / "train" / "metadata.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(mlcroissant.GenerationError, match="train-metadata"):
        list(mlcroissant.Dataset(dataset_copy / "croissant.json").records("train"))


def test_the_library_would_notice_what_is_left_out(mlcroissant, written, tmp_path):
    """The check above can fail: without its file object a record set has no source."""
    broken = {**written, "distribution": written["distribution"][1:]}
    (tmp_path / "croissant.json").write_text(json.dumps(broken))
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(tmp_path / "croissant.json")


def test_what_a_recipe_says_of_its_publication_goes_first(small_recipe, generated):
    said = Publication("A Lab", "https://example.org/set", "2027-01-02", "2.0.1")
    found = croissant.describe(replace(small_recipe, publication=said), read_manifest(generated))
    assert found["creator"]["name"] == "A Lab"
    assert (found["url"], found["datePublished"], found["version"]) == (said.url, said.date, said.version)


def test_writing_again_gives_the_same_bytes(small_recipe, generated, tmp_path):
    write_card(tmp_path, small_recipe, read_manifest(generated))
    for name in ("README.md", "croissant.json"):
        assert (tmp_path / name).read_bytes() == (generated / name).read_bytes()


def test_the_card_says_what_a_split_holds_out(small_recipe, generated, tmp_path):
    assert "`held-out` holds objects that no other split shows (red cube)." in (generated / "README.md").read_text()
    splits = {"test": Split({"binding": 1}, objects=(5, 6), templates="held-out", synonyms="always")}
    manifest = read_manifest(generated)
    manifest["splits"] = {"test": manifest["splits"]["test"]}
    write_card(tmp_path, replace(small_recipe, splits=splits), manifest)
    text = (tmp_path / "README.md").read_text()
    assert "5 to 6 objects a scene; templates that ordinary splits never use; a synonym in every caption." in text
