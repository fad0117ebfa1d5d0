"""Questions from users' own CSV, JSONL and TOML: the items they become, and every mistake as a line that names it."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fourfold.calls.auditing import audit
from fourfold.cli.main import cli
from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import METRICS
from fourfold.evaluator.data.external import LoadedBenchmark, load_benchmark
from fourfold.evaluator.data.external.loading import is_benchmark
from fourfold.evaluator.data.external.plain_table import PLAIN, TOML
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.run.evaluation import check_items
from fourfold.evaluator.run.evaluation_spec import make_spec

HEADER = "image,caption,foil\n"
GOOD = HEADER + "0.png,a dog,a cat\n1.png,a cat,a dog\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with twelve pictures, in which the test works."""
    for number in range(12):
        Image.new("RGB", (16, 16), (20 * number, 80, 120)).save(tmp_path / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[..., LoadedBenchmark]:
    """Write a file into the folder and load it; the mapping of columns follows its name."""

    def call(text: str | bytes, name: str = "my.csv", mapped: str = "", **options: object) -> LoadedBenchmark:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        form = Path(name).suffix.removeprefix(".").replace("tsv", "csv")
        loaded = load_benchmark(f"{form}:{name}{mapped}", images=None, **options)  # type: ignore[arg-type]
        check_items(loaded.items)
        return loaded

    return call


def lines(*rows: Mapping[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def asked(loaded: LoadedBenchmark) -> list[tuple[str, list[str], list[str]]]:
    """Per question of one picture the picture's name, what is true of it and what is not, in order."""
    return [
        (
            item.images[0].path.name,
            [text for text, true in zip(item.captions, item.truth[0], strict=True) if true],
            [text for text, true in zip(item.captions, item.truth[0], strict=True) if not true],
        )
        for item in loaded.items
        if len(item.images) == 1
    ]


def metrics_of(loaded: LoadedBenchmark) -> set[str]:
    return {name for name, row in METRICS.items() for item in loaded.items if row.applies_to(item.truth)}


def test_a_row_is_a_question(load) -> None:
    loaded = load(GOOD)
    assert asked(loaded) == [("0.png", ["a dog"], ["a cat"]), ("1.png", ["a cat"], ["a dog"])]
    assert [(item.id, item.category, item.cluster) for item in loaded.items] == [
        ("my-1", "my", "0.png"),
        ("my-2", "my", "1.png"),
    ]
    assert (loaded.name, loaded.metric, loaded.notes, loaded.missing) == ("my", None, (), 0)
    assert "text_choice" in metrics_of(loaded)
    assert all(open_image(image).size == (16, 16) for item in loaded.items for image in item.images)


def test_names_categories_and_clusters_are_the_rows_own(load) -> None:
    (item,) = load(
        lines({"image": "0.png", "caption": "a", "foil": "b", "id": 7, "category": "k", "cluster": "c"}), "a.jsonl"
    ).items
    assert (item.id, item.category, item.cluster) == ("7", "k", "c")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "image,caption,foil_1,foil_2,foil_10\n0.png,x,a,b,c\n"),
        ("a.csv", "image,caption,foil_10,foil_2,foil_1\n0.png,x,c,b,a\n"),  # by number, wherever they stand
        ("a.csv", "image,caption,foils\n0.png,x,\"['a', 'b', 'c']\"\n"),
        ("a.csv", 'image,caption,foils\n0.png,x,"[""a"", ""b"", ""c""]"\n'),
        ("a.csv", "image,caption,foil_1,foil_2,foil_3,foil_4\n0.png,x,a,b,,c\n"),  # rows may have fewer
        ("a.csv", " image , caption,foil_1,foil_2,foil_3\n0.png, x ,a,b ,c\n"),  # blanks mean nothing
        ("a.csv", "image,caption,foil_1,foil_2,foil_3,,\n0.png,x,a,b,c,,\n"),  # as spreadsheets leave them
        ("a.csv", "image,caption,foils\n0.png,x,\"['a',\n 'b',\n 'c']\"\n"),
        ("a.csv", "image;caption;foil_1;foil_2;foil_3\n0.png;x;a;b;c\n"),
        ("a.csv", "image\tcaption\tfoil_1\tfoil_2\tfoil_3\n0.png\tx\ta\tb\tc\n"),
        ("a.tsv", "image\tcaption\tfoil_1\tfoil_2\tfoil_3\n0.png\tx\ta\tb\tc\n"),
        ("a.csv", "image,caption,foil_1,foil_2,foil_3\r\n0.png,x,a,b,c\r\n\r\n"),
        ("a.csv", b"\xef\xbb\xbfimage,caption,foil_1,foil_2,foil_3\n0.png,x,a,b,c"),
        ("a.jsonl", lines({"image": "0.png", "caption": "x", "foils": ["a", "b", "c"]})),
        ("a.jsonl", "\n" + lines({"images": ["0.png"], "captions": ["x"], "foil": "a", "foils": ["b", "c"]})),
        ("a.jsonl", b"\xef\xbb\xbf" + lines({"image": "0.png", "caption": "x", "foils": ["a", "b", "c"]}).encode()),
    ],
)
def test_foils_are_written_in_many_ways(load, name: str, text: str | bytes) -> None:
    assert asked(load(text, name)) == [("0.png", ["x"], ["a", "b", "c"])]


def test_each_of_several_true_captions_is_asked_against_all_foils(load) -> None:
    loaded = load(lines({"image": "0.png", "captions": ["x", "y"], "foils": ["a", "b"]}), "a.jsonl")
    assert asked(loaded) == [("0.png", ["x"], ["a", "b"]), ("0.png", ["y"], ["a", "b"])]
    assert len({item.cluster for item in loaded.items}) == 1
    assert "text_choice" in metrics_of(loaded)


@pytest.mark.parametrize("captions", [2, 3])
def test_of_several_pictures_each_has_its_caption(load, captions: int) -> None:
    cells = {f"image_{k}": f"{k}.png" for k in range(captions)} | {f"caption_{k}": f"text {k}" for k in range(captions)}
    loaded = load(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    (item,) = loaded.items
    assert [image.path.name for image in item.images] == [f"{k}.png" for k in range(captions)]
    assert item.captions == tuple(f"text {k}" for k in range(captions))
    assert (item.truth == np.eye(captions, dtype=bool)).all()
    assert ("group_score" if captions == 2 else "image_choice") in metrics_of(loaded)


def test_pictures_and_captions_without_foils_are_one_search(load) -> None:
    rows = [f"{n}.png,text {n}" for n in range(12)] + ["0.png,another", "1.png,text 0"]
    loaded = load("image,caption\n" + "\n".join(rows))
    (item,) = loaded.items
    assert item.truth.shape == (12, 13)
    assert item.truth.sum() == 14
    assert {"text_recall@1", "image_recall@5"} <= metrics_of(loaded)
    assert item.truth[1, 0]  # "text 0" is said of two pictures, and true of both


def test_columns_may_be_called_anything(load) -> None:
    text = "file,text,neg 1,neg2,kind,note\n0.png,x,a,b,k,n\n"
    loaded = load(text, mapped="#image=file,caption=text,foils=neg 1+neg2,category=kind")
    assert asked(loaded) == [("0.png", ["x"], ["a", "b"])]
    assert loaded.items[0].category == "k"
    assert loaded.notes == ("columns not read: note",)


def test_a_file_may_have_a_sharp_in_its_name(load) -> None:
    assert len(load(GOOD, "my#1.csv").items) == 2
    assert len(load(GOOD, "my#1.csv", "#caption=caption").items) == 2


def test_pictures_may_lie_elsewhere_and_be_missing(folder: Path, tmp_path_factory) -> None:
    (folder / "my.csv").write_text(GOOD)
    elsewhere = tmp_path_factory.mktemp("pictures")
    (folder / "0.png").rename(elsewhere / "0.png")
    with pytest.raises(InputError, match=r"1 item lacks an image.*0\.png.*--allow-missing"):
        load_benchmark("csv:my.csv", images=None)
    loaded = load_benchmark("csv:my.csv", images=elsewhere, allow_missing=True)
    assert [item.id for item in loaded.items] == ["my-1"]
    assert loaded.missing == 1
    assert any("1 items" in note for note in loaded.notes)
    assert len(load_benchmark("csv:my.csv", images=None, check_images=False).items) == 2
    (elsewhere / "0.png").unlink()
    with pytest.raises(InputError, match="no items to score; every one lacks an image, looked for in "):
        load_benchmark("csv:my.csv", images=elsewhere, allow_missing=True)


def test_a_prompt_surrounds_captions_and_foils(load) -> None:
    assert load(GOOD, prompt="a photo of {caption}").items[0].captions == ("a photo of a cat", "a photo of a dog")


NAMED = {"image": "0.png", "caption": "x", "foil": "a"}
BAD_CSV: list[tuple[str | bytes, str]] = [
    ("", "my.csv.*(no items|no column)"),
    (HEADER, "no items to score"),
    ("image,caption\n0.png,x\n", "no row has a foil.*1 pictures and 1 captions"),
    ("caption,foil\nx,a\n", "no column 'image'; there is 'caption', 'foil'"),
    ("image,foil\n0.png,a\n", "no column 'caption'"),
    ("image,image,caption,foil\n0.png,0.png,x,a\n", "names a column twice"),
    (HEADER + "0.png,x,a\n1.png,,b\n", "line 3: 'caption' is empty"),
    (HEADER + "0.png,x,a\n1.png,  ,b\n", "line 3: 'caption' is empty"),
    (HEADER + "0.png,x,a\n1.png,y,\n", "line 3: no foil"),
    (HEADER + ",x,a\n", "line 2: 'image' is empty"),
    (HEADER + "0.png,x,x\n", "line 2: 'x' is a caption and a foil"),
    (HEADER + "0.png,a  dog, a dog\n", "line 2: 'a dog' is a caption and a foil"),
    ("image,caption,foil_1,foil_2\n0.png,x,a,a\n", "line 2: 'a' is there twice"),
    (HEADER + "0.png,x,a\n1.png,y\n", "line 3: 2 cells where the header has 3.*cut short"),
    (HEADER + "0.png,x,a,b\n", "line 2: 4 cells"),
    (HEADER + '0.png,"x,a\n1.png,y,b\n', "line 3: unexpected end of data"),
    (GOOD.encode("utf-16"), r"my\.csv: not UTF-8 text \(line 1, byte 0\)"),
    (HEADER.encode() + b"0.png,caf\xe9,a\n", r"my\.csv: not UTF-8 text \(line 2, byte 28\)"),
    (HEADER + "../secret.png,x,a\n", "line 2: image name '../secret.png' leaves the images folder"),
    (HEADER + "/etc/passwd,x,a\n", "line 2: image name '/etc/passwd' leaves the images folder"),
    (HEADER + "..\\secret.png,x,a\n", "leaves the images folder"),
    (HEADER + "out.png,x,a\n", "line 2: .* is a link out of the images folder"),
    (HEADER + "https://example.org/0.png,x,a\n", "line 2: 'image' is the URL https://example.org/0.png"),
    (HEADER + f"{'x' * 300}.png,x,a\n", "longer than a file name can be"),
    (HEADER + f"{'x/' * 3000}0.png,x,a\n", "longer than a file name can be"),
    ("category,image,caption,foil\nretrieval,0.png,x,a\n", "line 2: the category 'retrieval' is that of searches"),
    ("category,image,caption,foil\nall,0.png,x,a\n", "the category name 'all' means all categories"),
    (HEADER + "gone.png,x,a\n", r"1 item lacks an image.*gone\.png"),
    ("id,image,caption,foil\n1,0.png,x,a\n2,0.png,y,a\n1,1.png,x,a\n", "line 4: the id '1' is that of .*line 2 too"),
    ("id,image,caption,foil\n,0.png,x,a\n", "line 2: 'id' is empty"),
    ("category,image,caption,foil\n,0.png,x,a\n", "line 2: 'category' is empty"),
    ("image,caption,foil\n0.png,x,\"['a', 'b\"\n", "line 2: 'foil' is not a list of strings"),
    ('image,caption,foil\n0.png,x,"[a, b]"\n', "line 2: 'foil' is not a list of strings in quotes"),
    ("image,caption,foil\n0.png,x,\"['a' 'b']\"\n", "line 2: 'foil' lacks a comma between two strings"),  # of NumPy
    ("image,caption,foil\n0.png,x,\"['a'\n 'b']\"\n", "line 3: 'foil' lacks a comma between two strings"),
    ('image,caption,foil\n0.png,x,"[1, 2]"\n', "line 2: 'foil': 0 is int 1"),
    (HEADER + "".join(f"{n}.png,a {n},\n" for n in range(12)), "'foil' is empty in every row"),  # no search by accident
    (HEADER + "".join(f"{n}.png,a {n},[ ]\n" for n in range(12)), "'foil' is empty in every row"),
    ("image,text,foil\n0.png,x,a\n", "no column 'caption'.* as in '#caption=text'"),
    ("image,caption,foil,,\n0.png,x,a\n", "line 2: 3 cells where the header has 5"),
    ("image_0,image_1,caption_0,caption_1\n0.png,1.png,x,\n", "line 2: 'caption_1' is empty"),
    ("image_0,image_1,caption_0,caption_1\n0.png,,x,y\n", "line 2: 'image_1' is empty"),
    ("image_0,image_1,caption_0,caption_1\n0.png,0.png,x,y\n", "line 2: names the picture 0.png twice"),
    ("image_0,image_1,caption_0,caption_1\n0.png,1.png,x,x\n", "line 2: 'x' is there twice"),
    ("image_0,image_1,caption\n0.png,1.png,x\n", "line 2: 2 pictures and 1 captions"),
    ("image_0,image_1,caption_0,caption_1,foil\n0.png,1.png,x,y,z\n", "line 2: 2 pictures and foils"),
]
BAD_JSONL: list[tuple[str, str]] = [
    ("", "no items to score"),
    (lines(NAMED) + lines(NAMED)[:20], r"my\.jsonl: line 2: broken JSON"),
    (json.dumps([NAMED], indent=1), "line 1: broken JSON"),
    (json.dumps([NAMED]), "line 1: is list, not an object"),
    ("3\n", "line 1: is int, not an object"),
    (lines({**NAMED, "foil": 3}), "line 1: 'foil' is int 3, not str"),
    (lines({**NAMED, "caption": None}), "line 1: 'caption' is NoneType"),
    (lines({**NAMED, "caption": []}), "line 1: 'caption' is empty"),
    (lines({**NAMED, "foil": ["a", ""]}), "line 1: 'foil': 1 is empty"),
    (lines({**NAMED, "foil": ["a", 2]}), "line 1: 'foil': 1 is int 2"),
    (lines({**NAMED, "image": []}), "line 1: 'image' is an empty list"),
    (lines({**NAMED, "image": {"bytes": "x"}}), "line 1: 'image' is dict"),
    (lines({**NAMED, "image": True}), "line 1: 'image' is bool"),
    (lines({**NAMED, "id": 1.5}), "line 1: 'id' is float"),
    (lines({**NAMED, "caption": "\ud800"}), "line 1: 'caption' holds half a surrogate pair"),
    ('{"image": "0.png", "caption": "x", "foil": "a", "foil": "b"}', "line 1: .*the key 'foil' is there twice"),
    (lines(NAMED, {"image": "0.png", "caption": "y"}), "line 2: no foil"),
    (lines(NAMED, {"image": "0.png", "text": "y"}), "line 2: no column 'caption'"),
    ("[" * 100_000, "line 1: JSON that is no annotation file"),
]


@pytest.mark.parametrize(("text", "said"), BAD_CSV)
def test_mistakes_in_a_csv_are_named(load, folder: Path, tmp_path_factory, text: str | bytes, said: str) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.new("RGB", (16, 16)).save(outside)
    (folder / "out.png").symlink_to(outside)
    with pytest.raises(InputError, match=said) as error:
        load(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "said"), BAD_JSONL)
def test_mistakes_in_a_jsonl_are_named(load, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        load(text, "my.jsonl")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("mapped", "said"),
    [
        ("#", "is not NAME=VALUE"),
        ("#image", "'image' after '#' is not NAME=VALUE"),
        ("#image=", "is not NAME=VALUE"),
        ("#foil=", "is not NAME=VALUE"),
        ("#fiol=foil", "unknown option 'fiol'. Did you mean 'foil'"),
        ("#foil=foil,foils=foil", "'foil' is given twice"),
        ("#foil=foil+foil", "'foil' is named for two things"),
        ("#foil=caption,caption=caption", "'caption' is named for two things"),
        ("#foil=foil+", "names a column without a name"),
        ("#category=image+foil", "'category' is one column, not 2"),
        ("#foil=nope", "no column 'nope'; there is 'image', 'caption', 'foil'"),
        ("#split=test", "unknown option 'split'"),  # which a file has not
    ],
)
def test_mistakes_in_a_mapping_are_named(load, mapped: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(GOOD, mapped=mapped)


@pytest.mark.parametrize("form", [*PLAIN, TOML])
def test_a_place_is_wanted_and_looked_at(form: str, folder: Path) -> None:
    unseen = "cannot be looked at"
    for place, said in (("", "give .*:PLACE"), ("x" * 5000, unseen), ("a\0b", unseen), ("~nobody-here/x", unseen)):
        assert is_benchmark(f"{form}:{place}")
        with pytest.raises(InputError, match=said):
            load_benchmark(f"{form}:{place}", images=None)
    with pytest.raises(InputError):
        load_benchmark(f"{form}:nowhere", images=None)
    assert not is_benchmark(f"{form}://bucket/set")  # a URL


def test_a_file_that_may_not_be_read_is_named(load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, os.strerror(13))))
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        load(GOOD)


TOML_TEXT = """
name = "kitchen"
format = "csv"
path = "data/questions.csv"
images = "photos"
prompt = "a photo of {caption}"
category = "binding"
notes = ["by two annotators"]
[columns]
image = "file"
foils = ["neg1", "neg2"]
"""


@pytest.fixture
def described(folder: Path) -> Callable[[str], LoadedBenchmark]:
    """A benchmark that a TOML text describes."""
    (folder / "data").mkdir()
    (folder / "photos").mkdir()
    (folder / "0.png").rename(folder / "photos/0.png")
    (folder / "data/questions.csv").write_text("file,caption,neg1,neg2,more\n0.png,x,a,b,c\n")

    def call(text: str) -> LoadedBenchmark:
        (folder / "my.toml").write_text(text)
        return load_benchmark("toml:my.toml", images=None)

    return call


def test_a_toml_describes_a_benchmark(described) -> None:
    loaded = described(TOML_TEXT)
    (item,) = loaded.items
    assert asked(loaded) == [("0.png", ["a photo of x"], ["a photo of a", "a photo of b"])]
    assert (loaded.name, item.category, item.id) == ("kitchen", "binding", "kitchen-1")
    assert loaded.notes == ("by two annotators", "columns not read: more", "prompt 'a photo of {caption}'")
    assert load_benchmark("toml:my.toml", images=None, prompt="{caption}!").items[0].captions[-1] == "x!"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "kitchen"', "", "no name"),
        ('name = "kitchen"', "name = 3", "name = 3: must be a text"),
        ('format = "csv"', 'format = "cvs"', "unknown format 'cvs'. Did you mean 'csv'"),
        ('format = "csv"', 'format = "csv"\nsplit = "test"', "split is of the format hf, not of csv"),
        ("category", "catgory", "unknown key 'catgory'. Did you mean 'category'"),
        ("foils =", "fiols =", "unknown column 'fiols'. Did you mean 'foil'"),
        ('["neg1", "neg2"]', "3", "columns: foils: 3 is neither a text nor a list"),
        ('["neg1", "neg2"]', '["neg1", "neg3"]', "no column 'neg3'"),
        ('image = "file"', 'image = "file"\nimages = "file"', "'image' is given twice"),
        ("[columns]", "", "unknown key 'image'"),
        ("data/questions.csv", "../questions.csv", "leads out of the folder"),
        ("data/questions.csv", "/etc/passwd", "leads out of the folder"),
        ('"photos"', '"../photos"', "leads out of the folder"),
        ('"photos"', '"nowhere"', "there is no folder"),
        ("{caption}", "{}", "must hold {caption} once"),
        ("kitchen", "kitchen\n", "broken TOML"),
        ('"kitchen"', '"a\\nb"', "name = 'a.nb': must be a text of one line"),
    ],
)
def test_mistakes_in_a_toml_are_named(described, old: str, new: str, said: str) -> None:
    assert old in TOML_TEXT
    text = TOML_TEXT.replace(old, new)
    if old == "[columns]":
        text = text.replace('images = "photos"', "")
    with pytest.raises(InputError, match=said) as error:
        described(text)
    assert "\n" not in str(error.value)


def test_the_commands_take_them(folder: Path) -> None:
    rows = [f"{n}.png,a dog and a cat,no {n}" for n in range(12)]
    (folder / "my.csv").write_text(HEADER + "\n".join(rows))
    given = ["evaluate", "csv:my.csv", "--model", "fourfold-tiny", "--out", "results", "--quiet"]
    done = CliRunner().invoke(cli, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    saved = json.loads((folder / "results/results.json").read_text())
    assert saved["dataset"]["spec"] == "csv:my.csv"
    assert saved["dataset"]["items"] == 12
    assert {row["metric"] for row in saved["metrics"]} >= {"text_choice", "matching_auc"}


def test_blind_solvers_see_the_captions_and_no_picture(folder: Path) -> None:
    rows = [f"gone-{n}.png,a dog {n % 7},a cat {n % 5}" for n in range(60)]
    (folder / "my.csv").write_text(HEADER + "\n".join(rows))
    text, passed = audit("csv:my.csv", np.random.default_rng(0))
    assert not passed
    assert "LEAK all: bag of words" in text  # a dog is always right


def test_the_order_of_columns_is_no_leak(folder: Path) -> None:
    """What is right and what is wrong have columns of their own: that is no hint to whoever sees the captions."""
    twins = ("a dog", "a cat")
    rows = [f"{n}{k}.png,{twins[k]},{twins[1 - k]}" for n in range(60) for k in (0, 1)]
    (folder / "my.csv").write_text(HEADER + "\n".join(rows))
    text, passed = audit("csv:my.csv", np.random.default_rng(0))
    assert passed, text


def test_questions_of_several_shapes_stand_side_by_side(load) -> None:
    """A question of one picture beside one of two: each has its own metric."""
    pair = {"images": ["0.png", "1.png"], "captions": ["x", "y"]}
    assert {"group_score", "text_choice"} <= metrics_of(load(lines(NAMED, pair), "a.jsonl"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("my.csv", "csv:my.csv"), ("my.TSV", "csv:my.TSV"), ("my.jsonl", "jsonl:my.jsonl"), ("x.tar", "wds:x.tar")],
)
def test_a_file_without_its_form_is_told_how_it_is_read(folder: Path, name: str, said: str) -> None:
    (folder / name).write_text(GOOD)
    for ask in (lambda: make_spec(name, ["cosine"]), lambda: audit(name, np.random.default_rng(0))):
        with pytest.raises(InputError, match=f"is a file; questions of your own are read as {said}"):
            ask()


@pytest.mark.parametrize(("given", "said"), [("csv:a.jsonl#image=x", "jsonl:a.jsonl"), ("jsonl:a.tsv", "csv:a.tsv")])
def test_a_file_in_another_form_is_told_how_it_is_read(folder: Path, given: str, said: str) -> None:
    (folder / "a.jsonl").write_text(lines(NAMED))
    (folder / "a.tsv").write_text(GOOD)
    with pytest.raises(InputError, match=f"is read as {said}$"):
        load_benchmark(given, images=None)


def test_what_is_no_place_at_all_is_named(folder: Path) -> None:
    (folder / "x.zip").write_text("")
    for place, said in (("x.zip", "is a file; name the folder"), ("x" * 5000, "cannot be looked at"), ("x", "no such")):
        with pytest.raises(InputError, match=said):
            make_spec(place, ["cosine"])
