"""Many models in one call: what exists is kept, a failure is that model's alone; shards give what one machine gives."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fourfold.calls import evaluation
from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import Results, load
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.encoders.model_names import folder_name, read_models
from fourfold.evaluator.features.encoding import encode_items, join_encoded
from fourfold.evaluator.reporting.maps import load_maps
from fourfold.evaluator.run.engines import ENGINES, run_here
from fourfold.evaluator.run.evaluation_spec import make_spec
from fourfold.evaluator.run.many_models import EVALUATED, FAILED, KEPT, evaluate_all
from fourfold.evaluator.run.one_model import ModelRun
from fourfold.evaluator.run.options import RunOptions
from fourfold.evaluator.scoring.head_files import SHIPPED

CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 28, "patch_size": 14, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
}
SCORERS = ("cosine", "maxsim", "marginal", "random", "oracle", "shuffled-images")
BROKEN = """
def crash(options):
    raise RuntimeError("the weights are upside down")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> Path:
    """A folder with a small dataset, two models without weights, and a module that crashes."""
    root = tmp_path_factory.mktemp("many")
    report_data.make_dataset(root / "set", 2)
    for name, width in (("one", 16), ("two", 32)):
        (root / name).mkdir()
        config = {**CONFIG, "model_cfg": {**CONFIG["model_cfg"], "embed_dim": width}}
        (root / name / "open_clip_config.json").write_text(json.dumps(config))
    (root / "upside_down.py").write_text(BROKEN)
    return root


@pytest.fixture
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder as the working directory."""
    monkeypatch.chdir(place)
    return place


def evaluate(models: list[str], out: Path, **options) -> dict[str, str]:
    settings = {"scorers": SCORERS, "allow_random_weights": True, "progress": False} | options
    return {each.model: each.outcome for each in evaluation.evaluate_models("set", models, out, **settings)}


def assert_same(one: Results, other: Results) -> None:
    assert one.dataset == other.dataset
    assert one.notes == other.notes
    assert one.scorers == other.scorers
    for first, second in zip(one.items, other.items, strict=True):
        assert (first.id, first.captions) == (second.id, second.captions)
        for name, scores in first.scores.items():
            # a batch of other pictures sums in another order: rounding, and no more
            assert np.allclose(scores, second.scores[name], atol=2e-4), name


def test_one_failure_loses_no_other_model_and_what_exists_is_kept(inside: Path, tmp_path: Path) -> None:
    models = ["local-dir:one", "local-dir:nowhere", "upside_down:crash", "local-dir:two"]
    found = evaluate(models, tmp_path)
    assert found == dict(zip(models, (EVALUATED, FAILED, FAILED, EVALUATED), strict=True))
    assert {path.name for path in tmp_path.iterdir()} == {folder_name("local-dir:one"), folder_name("local-dir:two")}
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = evaluate(models, tmp_path)
    assert again == dict(zip(models, (KEPT, FAILED, FAILED, KEPT), strict=True))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files
    alone = evaluation.evaluate(
        "set", model="local-dir:one", scorers=SCORERS, allow_random_weights=True, progress=False
    )
    assert_same(load(tmp_path / folder_name("local-dir:one")), alone)


@pytest.mark.parametrize("change", [{"seed": 1}, {"limit": 1}, {"dtype": "bfloat16"}, {"scorers": ("maxsim", "blind")}])
def test_results_of_another_question_are_never_taken_for_this_one(inside: Path, tmp_path: Path, change: dict) -> None:
    first = {"scorers": ("cosine", "maxsim")}
    assert evaluate(["local-dir:one"], tmp_path, **first) == {"local-dir:one": EVALUATED}
    assert evaluate(["local-dir:one"], tmp_path, **{**first, "scorers": ("maxsim",)}) == {"local-dir:one": KEPT}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert evaluate(["local-dir:one"], tmp_path, **(first | change)) == {"local-dir:one": FAILED}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change", [{"prompt": "a photo of {caption}"}, {"content": "x"}])
def test_a_prompt_that_is_no_longer_given_is_another_question(inside: Path, tmp_path: Path, change: dict) -> None:
    evaluate(["local-dir:one"], tmp_path, scorers=("cosine",))
    stored = tmp_path / folder_name("local-dir:one") / "results.json"
    head = json.loads(stored.read_text())
    stored.write_text(json.dumps({**head, "dataset": head["dataset"] | change}))
    expected = FAILED if "prompt" in change else KEPT  # what else is said of a dataset may grow
    assert evaluate(["local-dir:one"], tmp_path, scorers=("cosine",)) == {"local-dir:one": expected}


def test_results_of_another_head_are_not_kept(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "heads").mkdir()
    mine = tmp_path / "heads" / "dcsm.safetensors"
    shutil.copy(SHIPPED / "fourfold-tiny" / "dcsm.safetensors", mine)

    def outcome(head: Path | None, *scorers: str) -> str:
        return evaluate(["fourfold-tiny"], tmp_path / "out", scorers=scorers, head=head, limit=1)["fourfold-tiny"]

    assert outcome(mine, "cosine", "dcsm") == EVALUATED
    assert outcome(mine.parent, "cosine", "dcsm") == KEPT  # the same file, named by its folder
    assert outcome(None, "cosine") == KEPT  # asks no head
    assert outcome(None, "dcsm") == KEPT  # the shipped one, of which it is a copy
    with mine.open("ab") as file:
        file.write(b" ")  # trained again
    assert outcome(mine, "dcsm") == FAILED


def test_results_of_another_shipped_head_are_not_kept(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SHIPPED, tmp_path / "shipped")
    monkeypatch.setattr("fourfold.evaluator.scoring.head_files.SHIPPED", tmp_path / "shipped")

    def outcome() -> str:
        return evaluate(["fourfold-tiny"], tmp_path / "out", scorers=("dcsm",), limit=1)["fourfold-tiny"]

    assert (outcome(), outcome()) == (EVALUATED, KEPT)
    with (tmp_path / "shipped" / "fourfold-tiny" / "dcsm.safetensors").open("ab") as file:
        file.write(b" ")
    assert outcome() == FAILED


def test_results_of_a_model_that_changed_on_disk_are_not_kept(inside: Path, tmp_path: Path) -> None:
    shutil.copytree("one", tmp_path / "mine")
    model = f"local-dir:{tmp_path / 'mine'}"

    def outcome() -> str:
        return evaluate([model], tmp_path / "out", scorers=("cosine",), limit=1)[model]

    assert (outcome(), outcome()) == (EVALUATED, KEPT)
    shutil.copy("two/open_clip_config.json", tmp_path / "mine")
    assert outcome() == FAILED
    shutil.rmtree(tmp_path / "mine")
    assert outcome() == KEPT  # nothing says that it was another


def test_a_model_that_crashes_when_it_is_compared_stops_no_other(inside: Path, tmp_path: Path) -> None:
    models = ["local-dir:one", "upside_down:crash"]
    options = {"scorers": ("cosine",), "limit": 1}
    evaluate(models[:1], tmp_path, **options)
    one, other = (tmp_path / folder_name(model) for model in models)
    shutil.copytree(one, other)  # results of a time when it did not crash
    found = evaluation.evaluate_models("set", models, tmp_path, allow_random_weights=True, progress=False, **options)
    assert [each.outcome for each in found] == [KEPT, FAILED]
    assert found[1].reason == "RuntimeError: the weights are upside down"
    assert "upside_down.py" in found[1].trace


def test_results_on_other_images_are_not_kept(inside: Path, tmp_path: Path) -> None:
    first = next(Path("set/test/images").glob("*.png")).name
    (tmp_path / "moved").symlink_to(Path("set/test/images").absolute())
    row = {"filename": first, "caption": "a cube", "negative_caption": "a ball"}
    (tmp_path / "swap_att.json").write_text(json.dumps({"0": row}))

    def outcome(images: str | Path) -> str:
        options = {"scorers": ("cosine",), "allow_random_weights": True, "progress": False, "images": images}
        spec = f"sugarcrepe:{tmp_path / 'swap_att.json'}"
        [found] = evaluation.evaluate_models(spec, ["local-dir:one"], tmp_path / "out", **options)
        return found.outcome

    assert (outcome("set/test/images"), outcome("set/test/images")) == (EVALUATED, KEPT)
    assert outcome(tmp_path / "moved") == FAILED


def test_a_run_killed_before_its_end_is_asked_again(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    options = {"scorers": ("cosine",), "limit": 1}
    folder = tmp_path / folder_name("local-dir:one")
    for late in (
        "fourfold.evaluator.run.one_model.save_maps",
        "fourfold.evaluator.run.one_model.save",
        "fourfold.evaluator.analysis.results.write_atomically",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(late, die)
            with pytest.raises(KeyboardInterrupt):
                evaluate(["local-dir:one"], tmp_path, **options)
        assert not (folder / "results.json").exists()
    assert (folder / "maps.safetensors").is_file()
    assert evaluate(["local-dir:one"], tmp_path, **options) == {"local-dir:one": EVALUATED}
    assert load_maps(folder) is not None


def test_folder_names_are_plain_and_each_model_has_its_own() -> None:
    assert folder_name("ViT-B-16,openai") == "ViT-B-16-openai"
    names = ["a/b", "a-b", "a:b", "../a", "..", "/", "x" * 300, "x" * 301, "hf:org/repo", "ViT-B-16,x.pt"]
    folders = {folder_name(name) for name in names}
    assert len(folders) == len(names)
    assert all(len(folder) < 100 and folder.strip(".") and "/" not in folder for folder in folders)


def test_a_list_of_models_may_hold_remarks(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# all of them\n\nViT-B-16,openai  # the paper's\nfourfold-tiny\n")
    assert read_models(tmp_path / "list.txt") == ("ViT-B-16,openai", "fourfold-tiny")


@pytest.mark.parametrize(
    ("text", "message"), [("# none\n", "names no model"), ("a\nb\na\n", "names 'a' twice"), (None, "cannot be read")]
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_models(tmp_path / "list.txt")


def test_each_model_gets_its_own_heads(inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setitem(ENGINES, "local", lambda spec, runs, address, progress: seen.extend(runs) or iter(()))
    (tmp_path / "heads" / folder_name("local-dir:one")).mkdir(parents=True)
    spec = make_spec("set", ("cosine",))
    with pytest.raises(KeyError):  # no answers came
        evaluate_all(spec, ["local-dir:one", "local-dir:two"], tmp_path / "out", head=tmp_path / "heads")
    assert [run.head for run in seen] == [tmp_path / "heads" / folder_name("local-dir:one"), tmp_path / "heads"]


def test_a_scorer_that_does_not_fit_is_said_before_anything_long(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = RunOptions(LoadOptions(allow_random_weights=True))
    spec = make_spec("set", ("cosine", "shuffled-images:dcsm"), running=running)
    encoded: list[object] = []
    monkeypatch.setattr("fourfold.evaluator.run.one_model._encode", lambda *given: encoded.append(given))
    [(_, answer)] = run_here(spec, [ModelRun("local-dir:one")], None, False)
    assert isinstance(answer, InputError)
    assert "no head is shipped" in str(answer)
    assert encoded == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_shards_joined_are_the_whole(inside: Path, size: int) -> None:
    items = make_spec("set", ("cosine",)).items
    encoder = load_encoder("local-dir:one", allow_random_weights=True)
    whole = encode_items(encoder, items)
    joined = join_encoded([encode_items(encoder, items[at : at + size]) for at in range(0, len(items), size)])
    assert joined.images.keys.tolist() == whole.images.keys.tolist()
    assert joined.texts.texts.tolist() == whole.texts.texts.tolist()
    assert joined.texts.token_strings.tolist() == whole.texts.token_strings.tolist()
    assert joined.images.grid == whole.images.grid
    for one, two in (
        (joined.images.patches, whole.images.patches),
        (joined.images.pooled, whole.images.pooled),
        (joined.texts.tokens, whole.texts.tokens),
        (joined.texts.mask, whole.texts.mask),
    ):
        assert np.allclose(one, two, atol=1e-3)
    for ours, theirs in ((joined.image_index, whole.image_index), (joined.text_index, whole.text_index)):
        assert [rows.tolist() for rows in ours] == [rows.tolist() for rows in theirs]


def test_the_command_says_what_became_of_each_and_fails_if_one_did(
    inside: Path, tmp_path: Path, fourfold: Callable
) -> None:
    (tmp_path / "list.txt").write_text("local-dir:one\nlocal-dir:nowhere\n")
    options = ("--allow-random-weights", "--quiet", "--models", tmp_path / "list.txt", "--out", tmp_path / "results")
    said = fourfold("evaluate", "set", *options)
    assert said.code == 2
    assert "1 of 2 models failed: local-dir:nowhere" in said.err
    assert "2 models: 1 evaluated, 0 kept, 1 failed" in said.out
    (tmp_path / "list.txt").write_text("local-dir:one\n")
    said = fourfold("evaluate", "set", *options)
    assert (said.code, "0 evaluated, 1 kept, 0 failed" in said.out) == (0, True)
    said = fourfold("evaluate", "set", *options, "--model", "fourfold-tiny")
    assert (said.code, "not both" in said.err) == (2, True)
    said = fourfold("evaluate", "set", *options, "--engine", "rai")
    assert (said.code, "Did you mean 'ray'" in said.err) == (2, True)


@pytest.mark.slow
def test_ray_gives_what_one_machine_gives(inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setattr("fourfold.evaluator.run.ray_engine.ITEMS_A_SHARD", 3)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    try:
        models = ["local-dir:one", "local-dir:nowhere", "upside_down:crash", "fourfold-tiny"]
        scorers = (*SCORERS, "cosine")
        found = evaluate(models, tmp_path / "ray", engine="ray", scorers=scorers)
        assert found == dict(zip(models, (EVALUATED, FAILED, FAILED, EVALUATED), strict=True))
        assert evaluate(models, tmp_path / "here", scorers=scorers) == found
    finally:
        ray.shutdown()
    for model in ("local-dir:one", "fourfold-tiny"):
        assert_same(*(load(tmp_path / where / folder_name(model)) for where in ("ray", "here")))
