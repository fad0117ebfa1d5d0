"""Heads for many models in two commands: what is done is kept, a failure is one head's alone, seeds stay apart."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fourfold.calls.training import train_head, train_heads
from fourfold.errors import InputError
from fourfold.evaluator.analysis.results import load
from fourfold.evaluator.encoders.model_names import folder_name
from fourfold.evaluator.scoring.head_files import read_head
from fourfold.evaluator.training.many_heads import FAILED, KEPT, TRAINED, HeadOutcome
from fourfold.evaluator.training.train_state import TrainingConfig

ONE, MINE = "local-dir:one", "my_model:load"
OPTIONS = ("--epochs", 1, "--batch-groups", 4, "--allow-random-weights", "--quiet")
MODEL = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 28, "patch_size": 14, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
}
# Pooled vectors alone, and a name that is not how the model is specified.
OWN_MODEL = """
import numpy as np
import torch
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from torch.nn.functional import normalize

class MyModel:
    name, identity, context_length, embed_dim, has_patches = "mine", "mine, 1", 16, 48, False

    def encode_images(self, images):
        small = np.stack([np.asarray(image.convert("RGB").resize((4, 4))) for image in images])
        return ImageFeatures(np.array([pixel_hash(image) for image in images]),
                             normalize(torch.tensor(small).float().flatten(1), dim=-1))

    def encode_texts(self, texts):
        counts = torch.tensor([[1 + sum(letter == c for letter in text) for c in map(chr, range(79, 127))]
                               for text in texts])
        return TextFeatures(np.array(texts), normalize(counts.float(), dim=-1))

def load(options):
    return MyModel()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> Path:
    """A folder with a dataset of a training and a test split, a model without weights, and one of a user's own."""
    root = tmp_path_factory.mktemp("heads")
    report_data.make_dataset(root / "set", 5)
    test, train = (root / "set" / split for split in ("test", "train"))
    rows = [json.loads(line) for line in (test / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    shutil.copytree(test / "images", train / "images")
    is_test = [row["group"].endswith("0") for row in rows]
    for folder, chosen in ((test, True), (train, False)):
        kept = [row | {"split": folder.name} for row, mine in zip(rows, is_test, strict=True) if mine == chosen]
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    manifest = json.loads((root / "set" / "manifest.json").read_text())
    manifest["splits"] = {"test": {"rows": sum(is_test)}, "train": {"rows": len(rows) - sum(is_test)}}
    (root / "set" / "manifest.json").write_text(json.dumps(manifest))
    (root / "one").mkdir()
    (root / "one" / "open_clip_config.json").write_text(json.dumps(MODEL))
    (root / "my_model.py").write_text(OWN_MODEL)
    return root


@pytest.fixture
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder as the working directory."""
    monkeypatch.chdir(place)
    return place


def train(out: Path, models: list[str], config: TrainingConfig | None = None, **options) -> list[HeadOutcome]:
    config = config or TrainingConfig(epochs=1, batch_groups=4)
    return train_heads("set", models, out, config=config, allow_random_weights=True, progress=False, **options)


def test_two_commands_train_and_score_heads_of_many_models(inside: Path, tmp_path: Path, fourfold: Callable) -> None:
    models = tmp_path / "models.txt"
    models.write_text(f"fourfold-tiny\n{ONE}\n{MINE}  # pooled vectors alone\n")
    heads, results = tmp_path / "heads", tmp_path / "results"
    said = fourfold(
        "train-head", "set", "--models", models, "--head", "mlp", "--head", "labclip", "--out", heads, *OPTIONS
    )
    assert (said.code, "6 heads: 6 trained, 0 kept, 0 failed" in said.out) == (0, True), said.err
    folders = {folder_name(model) for model in ("fourfold-tiny", ONE, MINE)}
    assert {str(path.relative_to(heads)) for path in heads.rglob("*.safetensors")} == {
        f"{folder}/{head}.safetensors" for folder in folders for head in ("mlp", "labclip")
    }
    options = ("--scorer", "cosine", "--scorer", "mlp", "--head", heads, "--allow-random-weights", "--quiet")
    said = fourfold("evaluate", "set", "--models", models, "--out", results, *options)
    assert (said.code, "3 models: 3 evaluated" in said.out) == (0, True), said.err
    assert {tuple(load(results / folder).scorers) for folder in folders} == {("cosine", "mlp")}
    said = fourfold("evaluate", "set", "--model", MINE, "--out", tmp_path / "alone", *options)
    assert said.code == 0, said.err  # one model alone finds its own too, whatever its encoder is called
    alone, among = load(tmp_path / "alone"), load(results / folder_name(MINE))
    assert alone.settings["heads"] == among.settings["heads"]


def test_one_failure_loses_no_other_head_and_what_is_done_is_kept(
    inside: Path, tmp_path: Path, fourfold: Callable
) -> None:
    (tmp_path / "models.txt").write_text(f"local-dir:nowhere\n{MINE}\n{ONE}\n")
    command = ("train-head", "set", "--models", tmp_path / "models.txt", "--out", tmp_path / "heads", *OPTIONS)
    both = ("--head", "dcsm", "--head", "labclip")
    said = fourfold(*command, *both)
    assert (said.code, "6 heads: 3 trained, 0 kept, 3 failed" in said.out) == (2, True)
    assert f"3 of 6 heads failed: local-dir:nowhere, dcsm; local-dir:nowhere, labclip; {MINE}, dcsm" in said.err
    assert "head 'dcsm' needs patch tokens and the model 'mine' has none" in said.out
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "heads").rglob("*")}
    said = fourfold(*command, *both)
    assert (said.code, "6 heads: 0 trained, 3 kept, 3 failed" in said.out) == (2, True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "heads").rglob("*")} == files
    (tmp_path / "models.txt").write_text(f"{ONE}\n")
    said = fourfold(*command, *both)
    assert (said.code, "2 heads: 0 trained, 2 kept, 0 failed" in said.out) == (0, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"epochs": 2}, "another epochs"), ({"seed": 3}, "another seed"), ({"validation_share": 0.4}, "number of groups")],
)
def test_a_head_of_another_training_is_not_kept(inside: Path, tmp_path: Path, change: dict, reason: str) -> None:
    config = TrainingConfig(epochs=1, batch_groups=4)
    [done] = train(tmp_path, [ONE], config, heads=["labclip"])
    assert train(tmp_path, [ONE], replace(config, device="cuda"), heads=["labclip"])[0].outcome == KEPT
    [found] = train(tmp_path, [ONE], replace(config, **change), heads=["labclip"])
    assert (done.outcome, found.outcome, reason in found.reason) == (TRAINED, FAILED, True), found.reason
    [found] = train(tmp_path, [ONE], config, heads=["labclip"], split="test", validation_split="train")
    assert (found.outcome, "another split" in found.reason) == (FAILED, True)


def test_a_head_of_a_model_that_changed_is_not_kept(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    file, model = tmp_path / "model" / "open_clip_config.json", f"local-dir:{tmp_path / 'model'}"
    file.write_text(json.dumps(MODEL))
    outcomes = [train(tmp_path / "heads", [model], heads=["labclip"])[0].outcome for _ in range(2)]
    assert outcomes == [TRAINED, KEPT]
    file.write_text(json.dumps(MODEL | {"model_cfg": MODEL["model_cfg"] | {"embed_dim": 32}}))
    [found] = train(tmp_path / "heads", [model], heads=["labclip"])
    assert (found.outcome, "another state of the model" in found.reason) == (FAILED, True)


def test_a_head_is_the_one_that_train_head_makes_alone(inside: Path, tmp_path: Path) -> None:
    config = TrainingConfig(epochs=2, batch_groups=4, seed=1, augmentations=1)
    [found] = train(tmp_path / "heads", [ONE], config, heads=["labclip"])
    assert found.outcome == TRAINED, found.reason
    options = {"model": ONE, "head": "labclip", "config": config, "allow_random_weights": True, "progress": False}
    report = train_head("set", out=tmp_path / "alone.safetensors", **options)
    one, other = read_head(found.path), read_head(report.path)
    assert (one.training, one.config) == (other.training, other.config)
    assert one.dataset["item_hashes"] == other.dataset["item_hashes"]
    for name, weight in one.weights.items():
        assert torch.allclose(weight, other.weights[name], atol=1e-3), name


def test_seeds_are_heads_of_their_own(inside: Path, tmp_path: Path, fourfold: Callable) -> None:
    command = ("train-head", "set", "--model", ONE, "--head", "labclip", "--out", tmp_path / "heads", *OPTIONS)
    said = fourfold(*command, "--seeds", "0,7")
    assert (said.code, "2 heads: 2 trained" in said.out) == (0, True), said.err
    folder = tmp_path / "heads" / folder_name(ONE)
    paths = [folder / f"labclip.seed{seed}.safetensors" for seed in (0, 7)]
    assert [read_head(path).training["seed"] for path in paths] == [0, 7]
    first, second = (read_head(path).weights for path in paths)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    said = fourfold(*command, "--seeds", "7,8,0")
    assert (said.code, "3 heads: 1 trained, 2 kept" in said.out) == (0, True), said.err
    options = ("--scorer", "labclip", "--scorer", "cosine", "--head", tmp_path / "heads", "--allow-random-weights")
    said = fourfold("evaluate", "set", "--model", ONE, "--out", tmp_path / "results", "--quiet", *options)
    assert said.code == 0, said.err
    found = load(tmp_path / "results")
    assert list(found.scorers) == ["labclip#0", "labclip#7", "labclip#8", "cosine"]
    assert len(set(found.settings["heads"].values())) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seeds", "0,one"), "whole numbers from 0 on"),
        (("--seeds", "0,1", "--seed", "3"), "give --seed or --seeds, not both"),
        (("--models", "models.txt", "--model", "fourfold-tiny"), "give --model or --models, not both"),
        (("--models", "nowhere.txt"), "cannot be read as a list of models"),
        (("--seeds", "0,1", "--head", "dcms"), "Did you mean 'dcsm'"),
        (("--seeds", "0,1", "--tensorboard", "log"), "that log is of one head"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    inside: Path, tmp_path: Path, fourfold: Callable, options: tuple, message: str
) -> None:
    said = fourfold("train-head", "set", "--out", tmp_path / "heads", *options)
    assert (said.code, message in said.err, said.err.count("\n")) == (2, True, 1), said.err


def test_heads_are_not_put_into_a_file(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; name a folder"):
        train(tmp_path / "file", [ONE])
