"""Plain WebDataset tars, here and at URLs: the questions they hold, and every mistake as one line that names it."""

import http.server
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.external import load_benchmark
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.data.urls import open_url
from fourfold.evaluator.run.evaluation import check_items

Members = Sequence[tuple[str, bytes]]


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 80, 120)).save(buffer, "PNG")
    return buffer.getvalue()


def tar(members: Members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def sample(key: str, shade: int, **row: object) -> list[tuple[str, bytes]]:
    return [
        (f"{key}.png", picture(shade)),
        (f"{key}.txt", f"a dog {shade}".encode()),
        (f"{key}.json", json.dumps({"foils": [f"a cat {shade}", "a cow"], "category": "k", **row}).encode()),
    ]


SHARDS = {
    "set-000.tar": tar([*sample("./000", 10), *sample("./001", 20, id="mine")]),
    "set-001.tar": tar(sample("a/000", 30)),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, data in SHARDS.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Broken(_Quiet):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        data = SHARDS["set-000.tar"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: int(self.path.rpartition("/")[2])])


@pytest.fixture
def served(folder: Path) -> Iterator[Callable[[type], str]]:
    """Start a server of the folder on this machine."""
    running = []

    def start(handler: type = _Quiet) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def check_whole(spec: str, name: str) -> None:
    loaded = load_benchmark(spec, images=None)
    check_items(loaded.items)
    assert loaded.name == name
    assert [item.id for item in loaded.items] == ["set-000-000", "mine", "set-001-a/000"]
    for item, shade in zip(loaded.items, (10, 20, 30), strict=True):
        true = [text for text, holds in zip(item.captions, item.truth[0], strict=True) if holds]
        assert true == [f"a dog {shade}"]
        assert {f"a cat {shade}", "a cow"} < set(item.captions)
        assert item.category == "k"
        assert np.asarray(open_image(item.images[0]))[0, 0, 0] == shade
    blind = load_benchmark(spec, images=None, check_images=False)
    assert [item.captions for item in blind.items] == [item.captions for item in loaded.items]
    assert all(image.data is None for item in blind.items for image in item.images)


@pytest.mark.parametrize("pattern", ["set-{000..001}.tar", "set-*.tar", "set-00[01].tar", "set-{000,001}.tar"])
def test_a_pattern_names_shards(folder: Path, pattern: str) -> None:
    check_whole(f"wds:{pattern}", "set" if "[" not in pattern else "set-0001")
    check_whole(f"wds:{folder}/{pattern}", "set" if "[" not in pattern else "set-0001")


def test_a_folder_of_tars_is_read(folder: Path) -> None:
    check_whole(f"wds:{folder}", folder.name)


def test_tars_are_read_over_http(served: Callable[..., str]) -> None:
    check_whole(f"wds:{served()}/set-{{000..001}}.tar", "set")


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_tars_are_read_from_stores(folder: Path, protocol: str) -> None:
    store = fsspec.filesystem(protocol)
    for name, data in SHARDS.items():
        store.pipe_file(f"{folder}/{name}", data)
    check_whole(f"wds:{protocol}://{folder}/set-{{000..001}}.tar", "set")


def test_a_toml_may_name_a_url(served: Callable[..., str], folder: Path) -> None:
    (folder / "my.toml").write_text(f'name = "x"\nformat = "wds"\npath = "{served()}/set-{{000..001}}.tar"\n')
    assert len(load_benchmark("toml:my.toml", images=None).items) == 3


def test_two_pictures_of_a_sample_are_a_group(tmp_path: Path) -> None:
    row = json.dumps({"captions": ["x", "y"]}).encode()
    (tmp_path / "a.tar").write_bytes(tar([("7.0.png", picture(1)), ("7.1.png", picture(2)), ("7.json", row)]))
    (item,) = load_benchmark(f"wds:{tmp_path}/a.tar", images=None).items
    assert (item.captions, item.truth.tolist()) == (("x", "y"), [[True, False], [False, True]])


def test_pairs_without_foils_are_one_search(tmp_path: Path) -> None:
    members = [(f"{n}.{end}", data) for n in range(12) for end, data in (("png", picture(n)), ("txt", b"text %d" % n))]
    (tmp_path / "a.tar").write_bytes(tar(members))
    (item,) = load_benchmark(f"wds:{tmp_path}/a.tar", images=None).items
    assert (item.truth == np.eye(12, dtype=bool)).all()


def test_our_own_tars_are_plain_ones_too(tmp_path: Path) -> None:
    """Their .json says the caption of .txt again, and their masks are no pictures of the question."""
    members = sample("1", 1, caption="a dog 1")
    (tmp_path / "a.tar").write_bytes(tar([*members, ("1.mask.png", b"")]))
    loaded = load_benchmark(f"wds:{tmp_path}/a.tar", images=None)
    assert loaded.notes == ("columns not read: mask.png",)
    assert len(loaded.items[0].images) == 1


LINK = tarfile.TarInfo("1.png")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "/etc/passwd"
BAD: list[tuple[Members | bytes, str]] = [
    (b"", "not a whole plain tar|no items"),
    (b"hello" * 1000, "not a whole plain tar"),
    (SHARDS["set-000.tar"][:2000], "not a whole plain tar"),
    (tar([]), "no items to score"),
    ([("1.png", picture(1))], "1: no column 'caption'; there is 'id', 'image'"),
    ([("1.txt", b"x"), ("1.json", b"{}")], "1: no column 'image'"),
    ([*sample("1", 1), ("1.txt", b"again")], r"1\.txt: is the second txt of its sample"),
    ([*sample("1", 1), *sample("2", 2), ("1.jpg", b"")], "the files of '1' are not next to each other"),
    ([("1.png", picture(1)), ("1.jpg", b"x")], "is the second image of its sample"),
    ([("1.png", picture(1)), ("1.json", b"[1]")], r"1: its \.json is list, not an object"),
    ([("1.png", picture(1)), ("1.json", b'{"a": ')], r"1\.json: broken JSON"),
    ([("1.png", picture(1)), ("1.txt", b"\xff")], r"1\.txt: not UTF-8"),
    ([("1.png", picture(1)), ("1.txt", b" "), ("1.json", b'{"foil": "a"}')], "1: 'caption' is empty"),
    ([("1.png", picture(1)), ("1.json", b'{"image": "x"}')], "'image' is a file of the sample and a key"),
    ([("1.txt", b"x"), ("1.json", b'{"image": "../../etc/passwd", "foil": "y"}')], "leaves the images folder"),
    (sample("1", 1, foils=["a dog 1"]), "'a dog 1' is a caption and a foil"),
    ([*sample("1", 1, id="x"), *sample("2", 2, id="x")], "the id 'x' is that of"),
]


@pytest.mark.parametrize(("members", "said"), BAD)
def test_mistakes_in_a_tar_are_named(tmp_path: Path, members: Members | bytes, said: str) -> None:
    (tmp_path / "a.tar").write_bytes(members if isinstance(members, bytes) else tar(members))
    with pytest.raises(InputError, match=said) as error:
        load_benchmark(f"wds:{tmp_path}/a.tar", images=None)
    assert "\n" not in str(error.value)


def test_a_broken_picture_is_named_by_its_member(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar([("1.png", b"hello"), ("1.txt", b"x"), ("1.json", b'{"foil": "y"}')]))
    (item,) = load_benchmark(f"wds:{tmp_path}/a.tar", images=None).items
    with pytest.raises(InputError, match=r"a\.tar: 1\.png: broken or not an image \(unknown format\)"):
        open_image(item.images[0])


def test_links_and_giants_are_not_read(tmp_path: Path) -> None:
    giant = tarfile.TarInfo("1.txt")
    giant.size = 1 << 40
    for member, said in ((LINK, "no column 'image'"), (giant, "at most .* are read")):
        (tmp_path / "a.tar").write_bytes(member.tobuf() + tar([("1.json", b'{"caption": "x", "foil": "y"}')]))
        with pytest.raises(InputError, match=said):
            load_benchmark(f"wds:{tmp_path}/a.tar", images=None)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere-*.tar", "no such tar"),
        ("set-{3..1}.tar", "does not count upwards"),
        ("set-{0..99999999}.tar", "does not count upwards"),
        ("set-000.tar#split=test", "unknown option 'split'"),
        ("http://127.0.0.1:9/x.tar", r"http://127\.0\.0\.1:9/x\.tar: cannot be read"),
        ("nonsense://x/y.tar", "nonsense://x/y.tar: cannot be read .*Protocol not known"),
        ("file:///nowhere/x.tar", "cannot be read .FileNotFoundError"),
    ],
)
def test_places_that_hold_nothing_are_named(folder: Path, place: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        load_benchmark(f"wds:{place}", images=None)
    assert "\n" not in str(error.value)


def test_a_folder_of_images_means_nothing_to_tars(folder: Path) -> None:
    with pytest.raises(InputError, match="leave out --images"):
        load_benchmark("wds:set-000.tar", images=folder)


def test_a_page_that_is_not_there_is_named(served: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"nowhere\.tar: cannot be read .HTTPError: HTTP Error 404"):
        load_benchmark(f"wds:{served()}/nowhere.tar", images=None)


@pytest.mark.parametrize("sent", [0, 512, 4096])  # the last two where one member ends and another begins
def test_what_is_broken_off_is_no_end(served: Callable[..., str], sent: int) -> None:
    """A tar that ends between two members is whole to Python's reader; only its promised length tells."""
    url = f"{served(_Broken)}/{sent}"
    with pytest.raises(InputError, match=r"cannot be read \(IncompleteRead|not a whole plain tar"):
        load_benchmark(f"wds:{url}", images=None)
    with pytest.raises(InputError, match="IncompleteRead"), open_url(url) as file:
        list(iter(partial(file.read, 1000), b""))
