"""Every row of the benchmark table on tiny files of its schema: items, perfect and wrong scores, and broken files."""

import csv
import json
import runpy
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.evaluator.data.external import BENCHMARKS, load_benchmark
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.run.evaluation import check_items

_STANDINS = runpy.run_path(str(Path(__file__).with_name("external_standins.py")))
STANDINS, picture, write_csv = (_STANDINS[name] for name in ("STANDINS", "picture", "write_csv"))
ANNOTATED = sorted(set(BENCHMARKS) - {"ncd"})  # the others' labels are file names


@pytest.fixture
def standin(tmp_path: Path, name: str) -> tuple[str, Path, int]:
    """The spec of a tiny copy of the benchmark `name`, a parameter of the test; its folder; its number of items."""
    write, rest = STANDINS[name]
    count = write(tmp_path)
    return f"{name}:{tmp_path / rest}", tmp_path, count


def annotations(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".jsonl", ".csv"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_items_are_sound_and_their_images_open(standin: tuple[str, Path, int]) -> None:
    spec, _, count = standin
    loaded = load_benchmark(spec, images=None)
    assert len(loaded.items) == count
    assert loaded.missing == 0
    assert len({item.id for item in loaded.items}) == count
    for item in loaded.items:
        assert item.truth.shape == (len(item.images), len(item.captions))
        assert item.truth.dtype == bool
        assert item.truth.any(axis=0).sum() >= 1
        assert not item.truth.all()
        assert all(open_image(image).size >= (1, 1) for image in item.images)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_authors_metric_is_one_for_the_truth_and_zero_for_its_opposite(standin: tuple[str, Path, int]) -> None:
    loaded = load_benchmark(standin[0], images=None)
    best = loaded.metric(loaded.items, [item.truth.astype(float) for item in loaded.items])
    worst = loaded.metric(loaded.items, [-item.truth.astype(float) for item in loaded.items])
    assert best
    assert set(best.values()) == {1.0}
    # These recalls of a set with so few candidates are 1 whatever the scores.
    sure = ("R@3", "R@5", "R@10")
    assert {value for metric, value in worst.items() if not metric.endswith(sure)} == {0.0}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_missing_images_are_refused_then_counted(standin: tuple[str, Path, int]) -> None:
    spec, folder, count = standin
    victim = max(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg", ".jpeg"))
    victim.unlink()
    if name_is_label := spec.startswith("ncd"):
        victim.symlink_to(folder / "gone.png")  # a name without pixels behind it
    with pytest.raises(InputError, match=victim.name):
        load_benchmark(spec, images=None)
    if spec.startswith(("coco-order", "flickr-order", "valse")):  # the only image
        with pytest.raises(InputError, match="no items"):
            load_benchmark(spec, images=None, allow_missing=True)
        return
    loaded = load_benchmark(spec, images=None, allow_missing=True)
    assert loaded.missing >= 1
    assert len(loaded.items) < count or name_is_label or spec.startswith(("negbench", "retrieval"))
    assert any(str(loaded.missing) in note for note in loaded.notes)
    assert all(image.path.is_file() for item in loaded.items for image in item.images)


@pytest.mark.parametrize("name", ANNOTATED)
def test_captions_can_be_read_without_any_image(standin: tuple[str, Path, int]) -> None:
    spec, folder, count = standin
    for path in folder.rglob("*"):
        if path.suffix in (".png", ".jpg", ".jpeg"):
            path.unlink()
    assert len(load_benchmark(spec, images=None, check_images=False).items) == count


@pytest.mark.parametrize("name", ANNOTATED)
def test_a_byte_order_mark_changes_nothing(standin: tuple[str, Path, int]) -> None:
    spec, folder, _ = standin
    before = load_benchmark(spec, images=None)
    for path in annotations(folder):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    after = load_benchmark(spec, images=None)
    assert [item.captions for item in before.items] == [item.captions for item in after.items]


@pytest.mark.parametrize("name", ANNOTATED)
def test_a_file_cut_short_is_named(standin: tuple[str, Path, int]) -> None:
    spec, folder, _ = standin
    victim = annotations(folder)[0]
    text = victim.read_text().rstrip()
    victim.write_text(text[: text.rindex(",")])
    with pytest.raises(InputError, match=victim.name):
        load_benchmark(spec, images=None)


NONSENSE = ["", "[]", "3", '["text"]', "{", '[{"a": 1}]', "\x00", "a,b\n1\n", "[" * 9999, f"[{'9' * 9999}]", "[NaN]"]


@pytest.mark.parametrize("name", ANNOTATED)
@pytest.mark.parametrize("content", NONSENSE)
def test_nonsense_is_an_input_error(standin: tuple[str, Path, int], content: str) -> None:
    spec, folder, _ = standin
    for path in annotations(folder):
        path.write_text(content)
    with pytest.raises(InputError):
        load_benchmark(spec, images=None)


ESCAPES = ["../secret.jpg", "/etc/../../secret.jpg", "a/../../secret.jpg"]


@pytest.mark.parametrize(
    "name", ["sugarcrepe", "eqben", "winoground", "colorswap", "spec", "vg-relation", "whatsup", "negbench"]
)
@pytest.mark.parametrize("escape", ESCAPES)
def test_no_image_name_leaves_the_folder(standin: tuple[str, Path, int], escape: str) -> None:
    spec, folder, _ = standin
    picture(folder.parent / "secret.jpg")
    keys = ("filename", "image0", "image_0", "image_1", "query", "image_path", "filepath")
    for path in annotations(folder):
        if path.suffix == ".csv":
            rows = list(csv.DictReader(path.open(newline="")))
            write_csv(path, [{k: escape if k in keys else v for k, v in row.items()} for row in rows])
            continue
        lines = path.read_text().split("\n") if path.suffix == ".jsonl" else [path.read_text()]
        swap = lambda pairs: {k: escape if k in keys and isinstance(v, str) else v for k, v in pairs}  # noqa: E731
        path.write_text("\n".join(json.dumps(json.loads(line, object_pairs_hook=swap)) for line in lines))
    with pytest.raises(InputError, match="leaves the images folder"):
        load_benchmark(spec, images=None)


@pytest.mark.parametrize("name", ["sugarcrepe"])
def test_a_link_out_of_the_folder_is_refused(standin: tuple[str, Path, int]) -> None:
    spec, folder, _ = standin
    picture(folder.parent / "secret.jpg")
    (folder / "val2017/1.jpg").unlink()
    (folder / "val2017/1.jpg").symlink_to(folder.parent / "secret.jpg")
    with pytest.raises(InputError, match="link out of the images folder"):
        load_benchmark(spec, images=None)


@pytest.mark.parametrize("name", ["sugarcrepe"])
def test_images_may_lie_elsewhere(standin: tuple[str, Path, int], tmp_path_factory: pytest.TempPathFactory) -> None:
    spec, folder, count = standin
    elsewhere = tmp_path_factory.mktemp("coco") / "val2017"
    (folder / "val2017").rename(elsewhere)
    with pytest.raises(InputError, match="--images"):
        load_benchmark(spec, images=None)
    assert len(load_benchmark(spec, images=elsewhere).items) == count
    assert len(load_benchmark(spec, images=elsewhere.parent).items) == count


@pytest.mark.parametrize("name", ["sugarcrepe"])
def test_a_prompt_surrounds_every_caption(standin: tuple[str, Path, int]) -> None:
    loaded = load_benchmark(standin[0], images=None, prompt="a photo of{caption}")
    assert all(caption.startswith("a photo ofA ") for item in loaded.items for caption in item.captions)
    assert any("a photo of{caption}" in note for note in loaded.notes)
    for wrong in ("a photo", "{caption} {caption}", "{}"):
        with pytest.raises(InputError, match="caption"):
            load_benchmark(standin[0], images=None, prompt=wrong)


def test_specs_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'sugarcrepe'"):
        load_benchmark(f"sugercrepe:{tmp_path}", images=None)
    with pytest.raises(InputError, match="sugarcrepe:PATH"):
        load_benchmark("sugarcrepe", images=None)
    with pytest.raises(InputError, match="there is no"):
        load_benchmark(f"sugarcrepe:{tmp_path / 'nowhere'}", images=None)
    with pytest.raises(InputError, match=r"add_att\.json"):
        load_benchmark(f"sugarcrepe:{tmp_path}", images=None)
    with pytest.raises(InputError, match="no such folder"):
        load_benchmark(f"sugarcrepe:{tmp_path}", images=tmp_path / "nowhere")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_evaluation_takes_every_benchmark(standin: tuple[str, Path, int]) -> None:
    check_items(load_benchmark(standin[0], images=None).items)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_path_may_be_relative(standin: tuple[str, Path, int], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, _, count = standin
    path = Path(spec.partition(":")[2])
    monkeypatch.chdir(path if path.is_dir() else path.parent)
    loaded = load_benchmark(f"{name}:{'.' if path.is_dir() else path.name}", images=None)
    assert len(loaded.items) == count
    assert [item.id for item in loaded.items] == [item.id for item in load_benchmark(spec, images=None).items]
