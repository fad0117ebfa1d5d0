"""Datasets at URLs: what is needed is copied and checked, kept, and copied anew when it changed on either side."""

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import pytest

from fourfold.calls.auditing import audit
from fourfold.errors import InputError
from fourfold.evaluator.data import dataset_copies
from fourfold.evaluator.data.dataset_copies import copy_rows, copy_split
from fourfold.evaluator.data.fourfold_items import load_items
from fourfold.evaluator.data.images import open_image, pixel_hash
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.options import ReadOptions
from fourfold.files import file_hash
from fourfold.generator.audits import independence
from fourfold.generator.dataset.checksums import CHECKSUMS, checksum_line
from fourfold.generator.dataset.formats import FORMATS
from fourfold.generator.dataset.reading import read_rows
from fourfold.generator.recipe.reading import Recipe, Split
from fourfold.generator.run import pool
from fourfold.generator.run.pipeline import generate


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOURFOLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(independence, "_PERMUTATIONS", 19)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_recipe: Recipe, flat_renderer) -> dict[str, Path]:
    """The same small dataset in every format."""
    splits = {"test": Split({"binding": 2}), "train": Split({"content": 2})}
    recipe = replace(small_recipe, image_size=64, splits=splits)
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(independence, "_PERMUTATIONS", 19)  # the audit has tests of its own
        patch.setattr(pool, "open_renderer", lambda size, name: flat_renderer(size))
        options = {"workers": 1, "progress": False, "renderer": "raytrace"}
        return {name: Path(generate(recipe, place / name, format=name, **options)) for name in FORMATS}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """A server of a folder on this machine."""
    running = []

    def start(folder: Path) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def copied(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def check_items_of(url: str, folder: Path) -> Path:
    spec = make_spec(url, ["cosine"])
    expected = load_items(folder, "test")
    assert [(item.id, item.captions) for item in spec.items] == [(item.id, item.captions) for item in expected]
    for one, other in zip(spec.items, expected, strict=True):
        pixels = [[pixel_hash(open_image(image)) for image in item.images] for item in (one, other)]
        assert pixels[0] == pixels[1]
    return Path(spec.dataset["folder"])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("protocol", ["http", "file", "memory"])
def test_the_items_of_a_url_are_those_of_the_folder(
    protocol: str, name: str, made: dict[str, Path], serve, cache: Path, tmp_path: Path
) -> None:
    folder = made[name]
    if protocol == "http":
        url = f"{serve(folder.parent)}/{name}/"
    elif protocol == "file":
        url = f"file://{folder}"
    else:
        url = f"memory://{tmp_path}/set"
        fsspec.filesystem("memory").put(str(folder), f"{tmp_path}/set", recursive=True)
    copy = check_items_of(url, folder)
    assert copy.is_relative_to(cache)
    assert {name.split("/")[0] for name in copied(copy)} == {"manifest.json", "test"}  # no other split, no masks
    assert all((copy / name).read_bytes() == (folder / name).read_bytes() for name in copied(copy))


def test_what_is_there_is_not_copied_again_and_what_changed_is(made, serve, monkeypatch) -> None:
    url = f"{serve(made['webdataset'].parent)}/webdataset"
    asked: list[str] = []
    honest = dataset_copies.open_url
    monkeypatch.setattr(dataset_copies, "open_url", lambda url: (asked.append(url), honest(url))[1])
    copy = copy_split(url, "test")
    assert len(asked) == 1 + len(copied(copy))
    asked.clear()
    assert copy_split(url, "test") == copy
    assert asked == [f"{url}/{CHECKSUMS}"]
    (tar,) = (copy / "test").glob("*.tar")
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")  # on this disk
    asked.clear()
    copy_split(url, "test")
    assert asked == [f"{url}/{CHECKSUMS}", f"{url}/test/{tar.name}"]
    assert file_hash(tar) == file_hash(made["webdataset"] / "test" / tar.name)


def test_another_dataset_at_the_url_is_another_copy(made, serve, tmp_path) -> None:
    folder = Path(shutil.copytree(made["folder"], tmp_path / "www" / "set"))
    url = f"{serve(tmp_path / 'www')}/set"
    first = copy_split(url, None)
    shutil.rmtree(folder)
    shutil.copytree(made["webdataset"], folder)
    second = copy_split(url, None)
    assert first != second
    assert not list(second.rglob("*.png"))


def test_a_split_is_chosen_and_named(made, serve) -> None:
    url = f"{serve(made['folder'].parent)}/folder"
    assert {row["category"] for row in read_rows(copy_split(url, "train"), "train")} == {"content"}
    with pytest.raises(InputError, match=r"no split 'tset'\. Allowed: test, train"):
        make_spec(url, ["cosine"], ReadOptions(split="tset"))


@pytest.mark.parametrize("name", FORMATS)
def test_rows_are_copied_for_an_audit(name: str, made, serve) -> None:
    url = f"{serve(made[name].parent)}/{name}"
    copy = copy_rows(url)
    assert list(copy.rglob("*.png")) == []
    for split in ("test", "train"):
        assert [row["id"] for row in read_rows(copy, split)] == [row["id"] for row in read_rows(made[name], split)]
    text, _ = audit(url, np.random.default_rng(0))
    assert text == audit(made[name], np.random.default_rng(0))[0]


def damage(folder: Path, name: str, data: bytes | None) -> None:
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)


LINE = checksum_line("0" * 64, "manifest.json").encode()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (CHECKSUMS, None, "no finished dataset of ours with SHA256SUMS is there.*404"),
        (CHECKSUMS, b"", "does not name manifest.json"),
        (CHECKSUMS, b"hello\n", "SHA256SUMS: line 1: not 64 hex digits"),
        (CHECKSUMS, LINE[:-1], "line 1: not 64 hex digits"),  # cut short
        (CHECKSUMS, LINE, r"manifest\.json: is not what SHA256SUMS says"),
        (CHECKSUMS, b"\xff\n", "line 1: "),
        ("manifest.json", b"{}", r"manifest\.json: is not what SHA256SUMS says"),
        ("manifest.json", None, r"manifest\.json: cannot be read \(HTTPError.*404"),
        ("test/metadata.jsonl", b"{}", r"test/metadata\.jsonl: is not what SHA256SUMS says; is the upload complete"),
        ("test/metadata.jsonl", None, r"test/metadata\.jsonl: cannot be read"),
    ],
)
def test_what_is_not_whole_is_named(made, serve, tmp_path, cache, name: str, data: bytes | None, said: str) -> None:
    folder = Path(shutil.copytree(made["folder"], tmp_path / "www" / "set"))
    damage(folder, name, data)
    with pytest.raises(InputError, match=said) as error:
        make_spec(f"{serve(tmp_path / 'www')}/set", ["cosine"])
    assert "\n" not in str(error.value)
    assert not [path for path in cache.rglob("*") if path.name == Path(name).name or path.name.endswith(".tmp")]


@pytest.mark.parametrize("name", ["test/../../../x", "/etc/x", "test/\\../x"])
def test_no_name_leads_out_of_the_copy(made, serve, tmp_path, cache, name: str) -> None:
    folder = Path(shutil.copytree(made["folder"], tmp_path / "www" / "set"))
    manifest = checksum_line(file_hash(folder / "manifest.json"), "manifest.json")
    (folder / CHECKSUMS).write_text(manifest + f"{'0' * 64}  {name}\n")
    with pytest.raises(InputError, match=r"leads out of the folder|file is damaged|holds no|no such file"):
        make_spec(f"{serve(tmp_path / 'www')}/set", ["cosine"])
    assert {path.name for path in cache.rglob("*") if path.is_file()} <= {"manifest.json"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/set", "^http://127.0.0.1:9/set/SHA256SUMS: cannot be read .URLError"),
        ("nonsense://bucket/set", "^nonsense://bucket/set/SHA256SUMS: cannot be read.*Protocol not known"),
        ("memory://nowhere/at/all", "no finished dataset of ours.*FileNotFoundError"),
    ],
)
def test_urls_without_a_dataset_are_named(url: str, said: str) -> None:
    for ask in (lambda: make_spec(url, ["cosine"]), lambda: audit(url, np.random.default_rng(0))):
        with pytest.raises(InputError, match=said) as error:
            ask()
        assert "\n" not in str(error.value)


def test_options_of_benchmarks_are_refused_before_anything_is_copied(made, cache: Path) -> None:
    with pytest.raises(InputError, match="--images is for benchmarks by others"):
        make_spec(f"file://{made['folder']}", ["cosine"], ReadOptions(images=Path("x")))
    assert not cache.exists()


def test_a_cache_that_cannot_be_made_is_named(made, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FOURFOLD_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot be made \(Not a directory\); name another in FOURFOLD_CACHE"):
        copy_split(f"file://{made['folder']}", None)


def test_the_cache_is_where_users_keep_theirs(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("FOURFOLD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert dataset_copies._cache() == tmp_path / "fourfold"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert dataset_copies._cache() == Path.home() / ".cache" / "fourfold"
