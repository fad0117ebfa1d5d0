"""Questions from HuggingFace datasets, offline: folders that `datasets` reads, and names that nobody can reach."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.external import LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.run.evaluation import check_items
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.options import ReadOptions


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory):
    """The library with the network off and a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("huggingface")
        for name, value in {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}.items():
            patch.setenv(name, value)
        library = pytest.importorskip("datasets")
        hub = pytest.importorskip("huggingface_hub")
        patch.setattr(library.config, "HF_DATASETS_OFFLINE", True)  # if a test before imported it
        patch.setattr(library.config, "HF_HUB_OFFLINE", True)
        patch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
        patch.setattr(library.config, "HF_DATASETS_CACHE", cache / "datasets")
        library.disable_progress_bars()
        yield library


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 80, 120)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def write(datasets, tmp_path: Path) -> Callable[..., Path]:
    """Write columns as a Parquet file of a split of the dataset folder."""

    def call(columns: dict[str, list[Any]], split: str = "test", config: str = "data", **features: Any) -> Path:
        kinds = {name: datasets.Value("string") for name in columns} | {"image": datasets.Image()} | features
        kinds = {name: kind for name, kind in kinds.items() if name in columns}
        (tmp_path / "set" / config).mkdir(parents=True, exist_ok=True)
        table = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))
        table.to_parquet(tmp_path / "set" / config / f"{split}-00000.parquet")
        return tmp_path / "set"

    return call


def shades(loaded: LoadedBenchmark) -> list[list[int]]:
    return [[int(np.asarray(open_image(image))[0, 0, 0]) for image in item.images] for item in loaded.items]


GOOD = {
    "image": [{"bytes": picture(10), "path": None}, {"bytes": picture(20), "path": "x.png"}],
    "caption": ["a dog", "a cat"],
    "foil": ["a cat", "a dog"],
}


def test_a_parquet_folder_is_read_with_its_pictures(write) -> None:
    loaded = load_benchmark(f"hf:{write(GOOD)}", images=None)
    check_items(loaded.items)
    assert shades(loaded) == [[10], [20]]
    assert [set(item.captions) for item in loaded.items] == [{"a dog", "a cat"}] * 2
    assert [item.captions[int(item.truth.argmax())] for item in loaded.items] == ["a dog", "a cat"]
    assert (loaded.name, loaded.notes) == ("set", ())
    assert len({item.cluster for item in loaded.items}) == 2


def test_columns_of_labels_and_lists_are_read(write, datasets) -> None:
    columns = {
        "shown": [[{"bytes": picture(1), "path": None}, {"bytes": picture(2), "path": None}]],
        "captions": [["x", "y"]],
        "kind": [1],
    }
    kinds = {
        "shown": datasets.List(datasets.Image()),
        "captions": datasets.List(datasets.Value("string")),
        "kind": datasets.ClassLabel(names=["u", "v"]),
    }
    loaded = load_benchmark(f"hf:{write(columns, **kinds)}#images=shown,category=kind", images=None)
    (item,) = loaded.items
    assert shades(loaded) == [[1, 2]]
    assert (item.captions, item.category) == (("x", "y"), "v")
    blind = load_benchmark(f"hf:{write(columns, **kinds)}#images=shown,category=kind", images=None, check_images=False)
    assert blind.items[0].truth.tolist() == item.truth.tolist()


def test_an_imagefolder_is_read(datasets, tmp_path: Path) -> None:
    (tmp_path / "set" / "test").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "set" / "test" / f"{number}.png").write_bytes(picture(number))
    rows = [{"file_name": f"{n}.png", "text": f"a {n}", "foil": "b"} for n in range(3)]
    (tmp_path / "set/test/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = load_benchmark(f"hf:{tmp_path / 'set'}#caption=text", images=None)
    assert shades(loaded) == [[0], [1], [2]]
    assert all(image.data is None for item in loaded.items for image in item.images)  # they stay where they are
    blind = load_benchmark(f"hf:{tmp_path / 'set'}#caption=text", images=None, check_images=False)
    assert [item.captions for item in blind.items] == [item.captions for item in loaded.items]


def test_names_of_files_are_pictures_too(write, tmp_path: Path, datasets) -> None:
    folder = write({"image": ["a.png"], "caption": ["x"], "foil": ["y"]}, image=datasets.Value("string"))
    with pytest.raises(InputError, match=r"1 item lacks an image.*a\.png"):
        load_benchmark(f"hf:{folder}", images=None)
    (folder / "a.png").write_bytes(picture(7))
    assert shades(load_benchmark(f"hf:{folder}", images=None)) == [[7]]


def test_a_split_is_chosen(write) -> None:
    folder = write(GOOD, "train")
    assert len(load_benchmark(f"hf:{folder}", images=None).items) == 2  # the only one
    write(GOOD, "validation")
    with pytest.raises(InputError, match=r"several splits and none called 'test'; choose one with #split=, of: train"):
        load_benchmark(f"hf:{folder}", images=None)
    assert len(load_benchmark(f"hf:{folder}#split=train", images=None).items) == 2
    with pytest.raises(InputError, match="has no split 'tset'"):
        load_benchmark(f"hf:{folder}#split=tset", images=None)
    with pytest.raises(InputError, match=r"--split train.*give hf:.*#split=train"):
        make_spec(f"hf:{folder}", ["cosine"], ReadOptions(split="train"))


def test_a_config_is_chosen(write, tmp_path: Path) -> None:
    folder = write(GOOD, config="one")
    write({**GOOD, "caption": ["x", "y"]}, config="two")
    card = (
        "configs:\n- config_name: one\n  data_files: one/*.parquet\n- config_name: two\n  data_files: two/*.parquet\n"
    )
    (folder / "README.md").write_text(f"---\n{card}---\n")
    with pytest.raises(InputError, match=r"#config=.*'one', 'two'"):
        load_benchmark(f"hf:{folder}", images=None)
    loaded = load_benchmark(f"hf:{folder}#config=two", images=None)
    assert "x" in loaded.items[0].captions
    with pytest.raises(InputError, match=r"cannot be read.*three"):
        load_benchmark(f"hf:{folder}#config=three", images=None)


def test_a_toml_names_split_and_columns(write, tmp_path: Path) -> None:
    write({**GOOD, "text": ["x", "y"]}, "train")
    (tmp_path / "my.toml").write_text(
        'name = "mine"\nformat = "hf"\npath = "set"\nsplit = "train"\n[columns]\ncaption = "text"\n'
    )
    loaded = load_benchmark(f"toml:{tmp_path / 'my.toml'}", images=None)
    assert loaded.name == "mine"
    assert {"x", "a cat"} == set(loaded.items[0].captions)


@pytest.mark.parametrize("path", ["/etc/hostname", "../outside.png", "gone.png", "zip://a.png::/etc/x.zip", "", None])
def test_a_table_points_at_no_file_of_this_machine(write, tmp_path: Path, path: str | None) -> None:
    (tmp_path / "outside.png").write_bytes(picture(9))
    folder = write(GOOD)
    (file,) = folder.rglob("*.parquet")
    table = pq.read_table(file)
    image = pa.array([{"bytes": None, "path": path}] * 2, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    pq.write_table(table.set_column(0, "image", image).replace_schema_metadata(table.schema.metadata), file)
    with pytest.raises(InputError, match=r"is neither in the table nor in the dataset's folder"):
        load_benchmark(f"hf:{folder}", images=None)


def test_broken_pictures_and_rows_are_named(write) -> None:
    folder = write({**GOOD, "image": [{"bytes": b"no picture", "path": None}, None]})
    with pytest.raises(InputError, match="row 1: image: has no picture"):
        load_benchmark(f"hf:{folder}", images=None)
    write({**GOOD, "caption": ["a dog", None]})
    with pytest.raises(InputError, match="row 1: 'caption' is NoneType"):
        load_benchmark(f"hf:{folder}", images=None)
    write({**GOOD, "foil": ["a dog", "x"]})
    with pytest.raises(InputError, match="row 0: 'a dog' is a caption and a foil"):
        load_benchmark(f"hf:{folder}", images=None)


def test_no_code_of_a_dataset_is_run(datasets, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InputError, match="cannot be read"):
        load_benchmark(f"hf:{tmp_path / 'set'}", images=None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nobody/nothing", "hf:nobody/nothing: cannot be read"),
        ("nothing", r"neither a folder nor ORG/NAME"),
        ("csv", r"neither a folder nor ORG/NAME"),
        ("a/b/c", r"neither a folder nor ORG/NAME"),
        ("../x", "neither a folder nor ORG/NAME|cannot be read"),
        ("https://huggingface.co/datasets/a/b", "neither a folder nor ORG/NAME"),
    ],
)
def test_what_is_not_there_or_out_of_reach_is_named(datasets, place: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        load_benchmark(f"hf:{place}", images=None)
    assert "\n" not in str(error.value)


def test_the_hub_is_asked_once(datasets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, `datasets` would ask many times, for half a minute, and print a line each time."""
    hub = pytest.importorskip("huggingface_hub")
    asked: list[tuple[str, str | None]] = []

    def refuse(_: object, name: str, *, revision: str | None, timeout: float) -> None:
        asked.append((name, revision))
        raise ConnectionError("nobody\nthere")

    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.HfApi, "dataset_info", refuse)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *_, **__: pytest.fail("asked again"))
    with pytest.raises(InputError, match=r"^hf:org/set: cannot be read \(ConnectionError: nobody there\)$"):
        load_benchmark("hf:org/set#revision=v1", images=None)
    assert asked == [("org/set", "v1")]


def test_bars_are_drawn_on_screens_only(write, datasets, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake of the questions is one line, and the user's own setting is left as it was."""
    folder = write({**GOOD, "caption": ["only", "here"]})
    datasets.enable_progress_bars()
    try:
        load_benchmark(f"hf:{folder}", images=None)
        assert capfd.readouterr().err == ""
        assert not datasets.are_progress_bars_disabled()
    finally:
        datasets.disable_progress_bars()


def test_an_empty_folder_and_a_broken_file_are_named(write, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_benchmark(f"hf:{tmp_path / 'empty'}", images=None)
    folder = write(GOOD)
    file = next(folder.rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be read") as error:
        load_benchmark(f"hf:{folder}", images=None)
    assert "\n" not in str(error.value)


def test_without_the_library_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'fourfold\[data\]'"):
        load_benchmark(f"hf:{tmp_path}", images=None)
