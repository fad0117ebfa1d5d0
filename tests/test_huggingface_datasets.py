"""`datasets.load_dataset(folder)` reads the folder as it stands, offline: every row, its picture, every split."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourfold.generator.dataset.reading import read_rows
from fourfold.generator.recipe.recipe import Split
from fourfold.generator.run.pipeline import generate

SPLITS = {"test": "test", "train": "train", "held-out": "held_out"}  # as folder, as there


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory):
    """The library with the network off and a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("huggingface")
        for name, value in {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}.items():
            patch.setenv(name, value)
        library = pytest.importorskip("datasets")
        patch.setattr(library.config, "HF_DATASETS_OFFLINE", True)  # if a test before imported it
        patch.setattr(library.config, "HF_DATASETS_CACHE", cache / "datasets")
        library.disable_progress_bars()
        yield library


@pytest.fixture(scope="module")
def loaded(datasets, generated: Path, tmp_path_factory: pytest.TempPathFactory):
    return datasets.load_dataset(str(generated), cache_dir=str(tmp_path_factory.mktemp("cache")))


def test_all_splits_and_rows_are_there_in_order(loaded, generated):
    assert set(loaded) == set(SPLITS.values())
    for folder, split in SPLITS.items():
        assert loaded[split]["id"] == [row["id"] for row in read_rows(generated, folder)]


def test_pictures_are_decoded_and_are_those_of_their_rows(loaded, generated):
    for folder, split in SPLITS.items():
        for row, written in zip(loaded[split], read_rows(generated, folder), strict=True):
            assert isinstance(row["image"], Image.Image)
            with Image.open(generated / folder / written["file_name"]) as image:
                np.testing.assert_array_equal(np.array(row["image"]), np.array(image))


def test_columns_come_back_as_they_were_written(loaded, generated):
    written = list(read_rows(generated, "test"))
    assert set(loaded["test"].column_names) == set(written[0]) - {"file_name"} | {"image"}
    for row, expected in zip(loaded["test"], written, strict=True):
        for key in set(expected) - {"file_name"}:
            assert row[key] == expected[key], key
        assert json.loads(row["captions"][0]["claim"])["type"]


def test_masks_are_no_rows(loaded, generated):
    rows = sum(len(loaded[split]) for split in loaded)
    assert rows == len(list(generated.glob("*/images/*.png"))) == len(list((generated / "masks").glob("*/*.png")))


def test_the_card_holds_names_that_yaml_would_misread(datasets, generated, small_recipe):
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(generated / "README.md")
    assert card.data.pretty_name == small_recipe.name
    assert card.data.license == "cc-by-4.0"
    assert [row["split"] for row in card.data.configs[0]["data_files"]] == list(SPLITS.values())


def test_a_moved_folder_loads_too(datasets, dataset_copy, tmp_path):
    moved = dataset_copy.rename(tmp_path / "a name with spaces")
    found = datasets.load_dataset(str(moved), split="test", cache_dir=str(tmp_path / "cache"))
    assert len(found) == len(list(read_rows(moved, "test")))
    assert found[0]["image"].size == (224, 224)


def test_rows_stream_without_a_cache(datasets, generated):
    rows = list(datasets.load_dataset(str(generated), split="test", streaming=True))
    assert [row["id"] for row in rows] == [row["id"] for row in read_rows(generated, "test")]
    assert rows[0]["image"].size == (224, 224)


def test_what_lies_beside_the_rows_is_left_alone(datasets, dataset_copy, tmp_path):
    """Traps of the imagefolder builder: sidecars, other metadata, audits and sheets must not change what is loaded."""
    (dataset_copy / "audit.json").write_text('{"passed": true}')
    (dataset_copy / "croissant.json").write_text("{}")
    Image.new("RGB", (9, 9)).save(dataset_copy / "sheet.png")
    for path in list((dataset_copy / "test" / "images").glob("*.png")):
        path.with_suffix(".json").write_text("{}")
    found = datasets.load_dataset(str(dataset_copy), cache_dir=str(tmp_path / "cache"))
    assert set(found) == set(SPLITS.values())
    assert found["test"]["id"] == [row["id"] for row in read_rows(dataset_copy, "test")]
    assert "image" in found["test"].column_names


def test_rows_of_edition_2_have_one_type_in_all_splits(datasets, small_recipe, flat_renderer, monkeypatch, tmp_path):
    """Words that decide a group are in some rows, and in no row of other splits."""
    monkeypatch.setattr("fourfold.generator.run.pool.open_renderer", lambda size, _name: flat_renderer(size))
    splits = {"test": Split({"binding": 2, "relation": 2}, scenes=1), "train": Split(scenes=1)}
    recipe = replace(small_recipe, edition=2, attributes=("color",), held_out=(), splits=splits)
    folder = generate(recipe, tmp_path / "dataset", workers=1, progress=False)
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    for split in splits:
        assert found[split]["deciding"] == [row["deciding"] for row in read_rows(folder, split)]
    assert any(map(json.loads, found["test"]["deciding"]))
    assert not any(map(json.loads, found["train"]["deciding"]))
