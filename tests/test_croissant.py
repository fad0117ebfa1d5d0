"""croissant.json: valid for its own library without a word of complaint, and its records are the rows and pictures."""

import io
import json
import re
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.files import file_hash
from fourfold.generator.dataset.difficulty_axes import AXES
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.dataset.formats.sample import Sample
from fourfold.generator.dataset.reading import read_manifest, read_rows
from fourfold.generator.presentation import croissant
from fourfold.generator.presentation.cards import write_card
from fourfold.generator.recipe.recipe import Publication, Split

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


def test_what_is_said_is_what_the_manifest_says(generated, small_recipe):
    manifest = read_manifest(generated)
    manifest |= {"rejections": {"a reason": 40, "another": 2}, "published": "2027-01-02"}
    manifest["splits"] = {"test": {**manifest["splits"]["test"], "images": 7, "groups": {"negation": 2, "content": 1}}}
    found = croissant.describe(small_recipe, manifest)
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert found["datePublished"] == "2027-01-02"
    assert found["name"] == small_recipe.name
    assert found["creator"]["name"] == "The Fourfold authors"
    assert found["url"] == f"urn:sha256:{manifest['recipe_sha256']}"
    assert found["version"] == "1.0.0"
    assert found["keywords"][4:] == ["content", "negation"]  # in the order of the table, and no other
    [protocol] = found["rai:dataPreprocessingProtocol"]
    assert protocol.endswith("42 drafts were rejected for 7 pictures.")
    assert found["rai:hasSyntheticData"] is True
    assert manifest["software"]["fourfold"] in found["citeAs"]


@pytest.mark.parametrize("split", SPLITS)
def test_every_field_has_its_column_and_every_record_its_key(split, written):
    [record] = [each for each in written["recordSet"] if each["name"] == split]
    assert record["key"] == {"@id": f"{split}/id"}
    columns = {field["name"]: field["source"]["extract"].get("column") for field in record["field"]}
    assert columns.pop("image") is None
    assert columns == {name: name.partition(".")[0] for name in columns}
    assert {f"difficulty.{name}" for name in AXES} <= set(columns)
    assert {"id", "group", "role", "caption", "adversarial_caption", "mask", "file_name"} <= set(columns)
    assert all(field["@id"] == f"{split}/{field['name']}" for field in record["field"])
    [joined] = [field for field in record["field"] if field["name"] == "file_name"]
    assert joined["references"]["fileSet"] == {"@id": f"{split}-images"}
    assert re.sub(joined["source"]["transform"]["regex"], r"\1", "images/x-a.png") == "x-a.png"


@pytest.mark.parametrize("split", SPLITS)
def test_the_files_are_named_with_their_hashes(split, written, generated):
    nodes = {node["@id"]: node for node in written["distribution"]}
    rows = nodes[f"{split}-metadata"]
    assert rows["contentUrl"] == f"{split}/metadata.jsonl"
    assert rows["sha256"] == file_hash(generated / split / "metadata.jsonl")
    assert nodes[f"{split}-images"]["includes"] == f"{split}/images/*.png"


def test_the_card_says_which_category_asks_for_which_condition(generated):
    text = (generated / "README.md").read_text()
    assert "| test | binding | C2 | 2 | two objects exchange an attribute |" in text
    assert "| test | relation+negation | C3+C4 | 2 | two objects exchange places; the caption says in which" in text
    assert "| test | counting | beyond | 2 | the number of objects of a kind differs |" in text
    assert "| test | natural | | 1 scenes |" in text


@pytest.mark.parametrize(
    ("images", "said"),
    [(999, "n<1K"), (1_000, "1K<n<10K"), (9_999, "1K<n<10K"), (10_000, "10K<n<100K"), (1_000_000, "1M<n<10M")],
)
def test_the_card_says_how_many_pictures_there_are(images, said, small_recipe, generated, tmp_path):
    manifest = read_manifest(generated)
    manifest["splits"] = {"test": {**manifest["splits"]["test"], "images": images}}
    write_card(tmp_path, replace(small_recipe, splits={"test": small_recipe.splits["test"]}), manifest)
    assert f"\nsize_categories: {said}\n" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("split", SPLITS)
def test_records_are_the_rows_with_their_pictures(split, loaded, generated):
    rows = {row["id"]: row for row in read_rows(generated, split)}
    records = list(loaded.records(split))
    assert len(records) == len(rows)
    for record in records:
        row = rows.pop(record[f"{split}/id"].decode())
        for name in ("group", "category", "caption", "adversarial_caption", "hard_positive", "mask", "pixels_sha256"):
            assert record[f"{split}/{name}"].decode() == row[name]
        assert {name: record[f"{split}/difficulty.{name}"] for name in AXES} == pytest.approx(row["difficulty"])
        with Image.open(generated / split / row["file_name"]) as image:
            np.testing.assert_array_equal(np.array(record[f"{split}/image"]), np.array(image))


@pytest.fixture(params=["webdataset", "parquet"])
def archives(request, generated, small_recipe, tmp_path) -> Path:
    """The test split of the generated dataset in two archives of another format, with its card."""
    samples = [
        Sample(
            {key: value for key, value in row.items() if key not in ("file_name", "mask")},
            (generated / "test" / row["file_name"]).read_bytes(),
            (generated / row["mask"]).read_bytes(),
        )
        for row in read_rows(generated, "test")
    ]
    folder, files = tmp_path / request.param, {}
    (folder / "test").mkdir(parents=True)
    for number, part in enumerate((samples[:8], samples[8:])):
        for path, data in FORMATS[request.param].pack(folder, "test", number, part):
            path.write_bytes(data)
            files[f"test/{path.name}"] = file_hash(path)
    manifest = read_manifest(generated)
    manifest |= {"format": request.param, "shards": [{"files": files}], "splits": {"test": manifest["splits"]["test"]}}
    write_card(folder, small_recipe, manifest)
    return folder


def test_archives_are_described_as_well(mlcroissant, archives, generated):
    loaded = mlcroissant.Dataset(archives / "croissant.json")
    assert loaded.metadata.ctx.issues.report().strip() == ""
    written = json.loads((archives / "croissant.json").read_text())
    if archives.name == "webdataset":
        hashes = {each["contentUrl"]: each["sha256"] for each in written["distribution"]}
        assert hashes == {f"test/{path.name}": file_hash(path) for path in (archives / "test").glob("*.tar")}
        return
    rows = {row["id"]: row for row in read_rows(generated, "test")}
    for record in loaded.records("test"):
        row = rows.pop(record["test/id"].decode())
        assert {name: record[f"test/difficulty.{name}"] for name in AXES} == pytest.approx(row["difficulty"])
        for name, path in (("image", generated / "test" / row["file_name"]), ("mask", generated / row["mask"])):
            with Image.open(path) as image:
                np.testing.assert_array_equal(np.array(record[f"test/{name}"]), np.array(image))
    assert not rows


TAR = {"@type": "cr:FileObject", "@id": "tar", "name": "tar", "contentUrl": "a.tar"}
ROWS = {"@type": "cr:FileSet", "@id": "rows", "name": "rows", "containedIn": {"@id": "tar"}, "includes": "*.json"}
FIELD = {"@type": "cr:Field", "@id": "test/row", "name": "row", "dataType": "sc:Text"}


def read_tar(mlcroissant, written: dict, place: Path, caption: str, extract: dict) -> list[dict]:
    """The records of a tar with one row, described as its format would allow."""
    place.mkdir()
    with tarfile.open(place / "a.tar", "w") as archive:
        data = json.dumps({"caption": caption}).encode()
        member = tarfile.TarInfo("0.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    tar = {**TAR, "encodingFormat": "application/x-tar", "sha256": file_hash(place / "a.tar")}
    field = {**FIELD, "source": {"fileSet": {"@id": "rows"}, "extract": extract}}
    described = {
        **written,
        "@context": {**written["@context"], "containedIn": "cr:containedIn"},
        "distribution": [tar, {**ROWS, "encodingFormat": "application/json"}],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "test", "name": "test", "field": [field]}],
    }
    (place / "croissant.json").write_text(json.dumps(described))
    return list(mlcroissant.Dataset(place / "croissant.json").records("test"))


def test_tars_have_no_records_because_the_library_cannot_read_them(mlcroissant, written, tmp_path, monkeypatch):
    """It looks into no JSON in a tar, and unpacks no second tar of a name. When this fails, fields can be described."""
    epath = pytest.importorskip("etils.epath")
    monkeypatch.setattr("mlcroissant._src.operation_graph.operations.extract.EXTRACT_PATH", epath.Path(tmp_path / "x"))
    with pytest.raises(mlcroissant.GenerationError, match="ReadFields"):
        read_tar(mlcroissant, written, tmp_path / "1", "one", {"jsonPath": "$.caption"})
    [first] = read_tar(mlcroissant, written, tmp_path / "2", "one", {"fileProperty": "content"})
    [second] = read_tar(mlcroissant, written, tmp_path / "3", "another", {"fileProperty": "content"})
    assert json.loads(first["test/row"]) == json.loads(second["test/row"]) == {"caption": "one"}


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
    recipe = replace(small_recipe, publication=said)
    assert croissant.publication_date(recipe, {"SOURCE_DATE_EPOCH": "0"}) == "2027-01-02"
    found = croissant.describe(recipe, {**read_manifest(generated), "published": "2027-01-02"})
    assert found["creator"]["name"] == "A Lab"
    assert (found["url"], found["datePublished"], found["version"]) == (said.url, said.date, said.version)


def test_the_date_is_never_that_of_the_run(small_recipe, generated, written):
    assert croissant.publication_date(small_recipe, {}) == croissant.publication_date(
        small_recipe, {"TZ": "Asia/Tokyo"}
    )
    assert croissant.publication_date(small_recipe, {"SOURCE_DATE_EPOCH": "1798934399"}) == "2027-01-02"
    assert croissant.publication_date(small_recipe, {"SOURCE_DATE_EPOCH": "1798934400"}) == "2027-01-03"
    assert written["datePublished"] == read_manifest(generated)["published"]


@pytest.mark.parametrize("epoch", ["today", "1e9", "9" * 30])
def test_an_epoch_that_is_none_is_refused(epoch, small_recipe):
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH: whole seconds"):
        croissant.publication_date(small_recipe, {"SOURCE_DATE_EPOCH": epoch})


def test_writing_again_gives_the_same_bytes(small_recipe, generated, tmp_path):
    write_card(tmp_path, small_recipe, read_manifest(generated))
    for name in ("README.md", "croissant.json"):
        assert (tmp_path / name).read_bytes() == (generated / name).read_bytes()


@pytest.mark.parametrize("name", ["\N{DROMEDARY CAMEL} set", 'said "so": # of it', "\\", "\u00e9\u4e2d", "plain"])
def test_the_front_matter_of_the_card_holds_any_name(name, small_recipe, generated, tmp_path):
    yaml = pytest.importorskip("yaml")
    write_card(tmp_path, replace(small_recipe, name=name), read_manifest(generated))
    _, front, _ = (tmp_path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(front)["pretty_name"] == name


def test_the_card_says_what_a_split_holds_out(small_recipe, generated, tmp_path):
    assert "`held-out` holds objects that no other split shows (red cube)." in (generated / "README.md").read_text()
    splits = {"test": Split({"binding": 1}, objects=(5, 6), templates="held-out", synonyms="always")}
    manifest = read_manifest(generated)
    manifest["splits"] = {"test": manifest["splits"]["test"]}
    write_card(tmp_path, replace(small_recipe, splits=splits), manifest)
    text = (tmp_path / "README.md").read_text()
    assert "5 to 6 objects a scene; templates that ordinary splits never use; a synonym in every caption." in text
