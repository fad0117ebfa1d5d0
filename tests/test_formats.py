"""The three formats hold the same rows and pictures; the libraries that people use read them offline."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.files import file_hash, write_atomically
from fourfold.generator.dataset.formats import FORMATS, check_format, row_files
from fourfold.generator.dataset.formats.sample import Sample
from fourfold.generator.dataset.reading import open_source, read_groups, read_manifest, read_picture, read_rows
from fourfold.generator.presentation.cards import write_card
from fourfold.generator.recipe.reading import recipe_from_dict
from fourfold.generator.verification import verify

ARCHIVES = [name for name, row in FORMATS.items() if row.read_member]
PLACES = {"file_name", "mask"}  # keys of a row that say where its files lie


def repacked(dataset: Path, out: Path, format: str, edit=lambda samples: samples) -> Path:
    """A dataset of the folder format in another, its samples changed by `edit`, with honest hashes of the files.

    It is as datasets were before there was SHA256SUMS, which holds more than is of interest here.
    """
    manifest = read_manifest(dataset)
    del manifest["checksums"]
    manifest["format"], manifest["shards"][0]["files"] = format, {}
    for split in manifest["splits"]:
        (out / split).mkdir(parents=True)
        samples = [
            Sample(
                {key: value for key, value in row.items() if key not in PLACES},
                (dataset / split / row["file_name"]).read_bytes(),
                (dataset / row["mask"]).read_bytes(),
            )
            for row in read_rows(dataset, split)
        ]
        manifest["splits"][split].pop("metadata_sha256")
        samples = edit(samples) if split == "test" else samples
        for number, start in enumerate(range(0, len(samples), 7)):  # groups are cut apart: nobody may mind
            for path, data in FORMATS[format].pack(out, split, number, samples[start : start + 7]):
                write_atomically(path, data)
                manifest["shards"][0]["files"][f"{split}/{path.name}"] = file_hash(path)
    write_card(out, recipe_from_dict(manifest["recipe"], "recipe"), manifest)
    (out / "audit.json").write_bytes((dataset / "audit.json").read_bytes())
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


@pytest.fixture(scope="module", params=ARCHIVES)
def packed(request, generated, tmp_path_factory) -> tuple[str, Path]:
    """Name of a format, and the generated dataset in it."""
    return request.param, repacked(generated, tmp_path_factory.mktemp("packed") / "dataset", request.param)


def test_rows_and_pictures_are_those_of_the_folder(packed, generated):
    _, dataset = packed
    for split in read_manifest(generated)["splits"]:
        pairs = zip(read_rows(dataset, split), read_rows(generated, split), strict=True)
        for row, expected in pairs:
            assert {key: row[key] for key in set(row) - PLACES} == {
                key: expected[key] for key in set(expected) - PLACES
            }
            for key, root, other in (("file_name", dataset / split, generated / split), ("mask", dataset, generated)):
                found, wanted = open_source(root / row[key]), other / expected[key]
                assert isinstance(found, io.BytesIO)
                assert found.read() == wanted.read_bytes()
    captions = [[group.captions for group in read_groups(place, "test")] for place in (dataset, generated)]
    assert captions[0] == captions[1]


def test_the_evaluator_the_browser_and_the_audit_read_archives(packed, tmp_path):
    from fourfold.evaluator.data.fourfold_items import load_items
    from fourfold.evaluator.data.images import open_image
    from fourfold.evaluator.reporting import write_browser
    from fourfold.generator.presentation.contact_sheet import preview

    _, dataset = packed
    items = load_items(dataset, "test", limit=1)
    assert open_image(items[0].images[1]).size == (224, 224)
    assert preview(dataset, tmp_path / "sheet.png").is_file()
    assert write_browser(dataset, tmp_path / "page.html").is_file()
    assert verify(dataset, audits=False, progress=False) == []


def test_equal_samples_give_equal_bytes(packed, generated, tmp_path):
    name, dataset = packed
    again = repacked(generated, tmp_path / "again", name)
    found = sorted(path.relative_to(dataset) for path in dataset.rglob("*") if path.is_file())
    assert found == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((dataset / path).read_bytes() == (again / path).read_bytes() for path in found)


def test_a_tar_says_nothing_of_machine_time_or_owner_and_keeps_samples_together(generated, tmp_path):
    dataset = repacked(generated, tmp_path / "x", "webdataset")
    with tarfile.open(dataset / "test" / "test-000000.tar") as archive:
        members = archive.getmembers()
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.isreg()) for m in members} == {
        (0, 0, 0, "", "", 0o644, True)
    }
    keys = [member.name.partition(".")[0] for member in members]
    assert keys == [row["id"] for row in list(read_rows(dataset, "test"))[:7] for _ in range(4)]


def test_a_member_that_leads_out_of_its_tar_is_refused(generated, tmp_path):
    dataset = repacked(generated, tmp_path / "x", "webdataset")
    path = dataset / "test" / "test-000000.tar"
    (dataset / "secret.png").write_bytes(b"secret")
    with tarfile.open(path, "w") as archive:
        data = json.dumps(next(read_rows(generated, "test"))).encode()
        for name in ("../../../x.json", "a/b.json"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "../secret.png"
        archive.addfile(link)
    names = [row["file_name"] for row in list(read_rows(dataset, "test"))[:2]]
    for name in (*names, "test-000000.tar/link.png"):
        with pytest.raises(InputError, match=r"leads out of the folder|no such image|not a readable image"):
            read_picture(dataset / "test", name, "RGB")


@pytest.mark.parametrize("damage", [b"", b"no archive at all", None], ids=["empty", "nonsense", "cut"])
def test_a_damaged_archive_is_named(damage, packed, tmp_path, generated):
    name, _ = packed
    dataset = repacked(generated, tmp_path / "x", name)
    path = row_files(dataset / "test")[1][1]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)

    def read_all() -> None:
        for row in read_rows(dataset, "test"):
            read_picture(dataset / "test", row["file_name"], "RGB")

    with pytest.raises(InputError, match=path.name):
        read_all()
    assert any(path.name in problem for problem in verify(dataset, audits=False, progress=False))


def test_an_unknown_format_lists_the_choices():
    with pytest.raises(InputError, match="webdataset"):
        check_format("webdatset")


# What other people's libraries read, offline.


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("huggingface")
        for name, value in {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}.items():
            patch.setenv(name, value)
        library = pytest.importorskip("datasets")
        patch.setattr(library.config, "HF_DATASETS_OFFLINE", True)
        patch.setattr(library.config, "HF_DATASETS_CACHE", cache / "datasets")
        library.disable_progress_bars()
        yield library


def test_huggingface_reads_every_split_row_and_picture(datasets, packed, generated, tmp_path):
    name, dataset = packed
    found = datasets.load_dataset(str(dataset), cache_dir=str(tmp_path))
    assert set(found) == {"test", "train", "held_out"}
    picture, mask = ("png", "mask.png") if name == "webdataset" else ("image", "mask")
    for row, expected in zip(found["test"], read_rows(generated, "test"), strict=True):
        columns = row["json"] if name == "webdataset" else row
        assert {key: columns[key] for key in set(expected) - PLACES} == {
            key: expected[key] for key in set(expected) - PLACES
        }
        pixels = np.array(Image.open(generated / "test" / expected["file_name"]))
        np.testing.assert_array_equal(np.array(row[picture]), pixels)
        np.testing.assert_array_equal(np.array(row[mask]), np.array(Image.open(generated / expected["mask"])))


def test_webdataset_reads_every_sample(generated, tmp_path):
    library = pytest.importorskip("webdataset")
    dataset = repacked(generated, tmp_path / "x", "webdataset")
    last = len(row_files(dataset / "test")[1]) - 1
    urls = f"{dataset}/test/test-{{000000..{last:06d}}}.tar"
    samples = list(library.WebDataset(urls, shardshuffle=False).decode("pil"))
    rows = list(read_rows(dataset, "test"))
    assert [sample["__key__"] for sample in samples] == [row["id"] for row in rows]
    assert [sample["txt"] for sample in samples] == [row["caption"] for row in rows]
    assert samples[0]["png"].size == samples[0]["mask.png"].size == (224, 224)
    assert samples[0]["json"]["captions"] == rows[0]["captions"]


_OPEN_CLIP = """
import sys
from types import SimpleNamespace
from fourfold.evaluator.encoders.torchvision_import import import_torchvision
import_torchvision()  # where its build does not fit torch's
from open_clip_train.data import get_wds_dataset
import numpy as np
args = SimpleNamespace(
    train_data=sys.argv[1], train_data_upsampling_factors=None, train_num_samples=8, val_num_samples=0,
    val_data=None, distributed=False, dataset_resampled=False, seed=0, batch_size=4, workers=1, world_size=1,
)
info = get_wds_dataset(args, lambda image: np.array(image), is_train=True, tokenizer=lambda text: [text])
images, texts = next(iter(info.dataloader))
print(tuple(images.shape), len(texts), *texts, sep="|")
"""


def test_open_clips_own_training_loader_reads_the_tars(generated, tmp_path):
    """Its loader dies with later releases of webdataset than 0.2.86, whoever wrote the tars."""
    library = pytest.importorskip("webdataset")
    if library.__version__ != "0.2.86":
        pytest.skip("open_clip's loader needs webdataset 0.2.86")
    dataset = repacked(generated, tmp_path / "x", "webdataset")
    urls = f"{dataset}/test/test-{{000000..000001}}.tar"
    done = subprocess.run([sys.executable, "-c", _OPEN_CLIP, urls], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shape, number, *texts = done.stdout.strip().splitlines()[-1].split("|")
    assert (shape, number) == ("(4, 224, 224, 3)", "4")
    assert set(texts) <= {row["caption"] for row in read_rows(generated, "test")}


# Traps: what others write around such files, and what readers make of it without a word.


def test_the_cards_name_files_so_that_neighbours_are_not_read(datasets, packed, tmp_path, generated):
    name, _ = packed
    dataset = repacked(generated, tmp_path / "x", name)
    (dataset / "test" / "notes.json").write_text("{}")
    (dataset / "test" / "sheet.png").write_bytes(b"")
    (dataset / "croissant.json").write_text("{}")
    found = datasets.load_dataset(str(dataset), cache_dir=str(tmp_path / "cache"))
    assert len(found["test"]) == len(list(read_rows(generated, "test")))


def test_without_its_metadata_parquet_would_lose_its_pictures(generated, tmp_path, datasets):
    dataset = repacked(generated, tmp_path / "x", "parquet")
    features = datasets.Dataset.from_parquet(str(row_files(dataset / "test")[1][0]), cache_dir=str(tmp_path)).features
    assert {key for key, kind in features.items() if isinstance(kind, datasets.Image)} == {"image", "mask"}


def test_no_key_of_a_sample_has_a_dot(generated):
    """A WebDataset key ends at the first dot; what follows would become part of the ending."""
    assert not [row["id"] for split in ("test", "train") for row in read_rows(generated, split) if "." in row["id"]]
