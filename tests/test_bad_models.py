"""Models, captions and benchmark files that cannot be used, as a user meets them: one clear line and exit code 2."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub.errors import GatedRepoError
from safetensors.torch import save_file

from fourfold.evaluator.encoders.openclip import new_open_clip, open_clip

CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 28, "patch_size": 14, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
}
FLAT = """
import dataclasses
import torch
from fourfold.evaluator.encoders import load_encoder

class Flat:
    name, identity, context_length, embed_dim, has_patches = "flat", "flat-1", 24, 16, False

    def __init__(self, inner):
        self.inner, self.encode_texts = inner, inner.encode_texts

    def encode_images(self, images):
        return dataclasses.replace(self.inner.encode_images(images), patches=None, cls=None, grid=None)

def load(options):
    return Flat(load_encoder("local-dir:good", allow_random_weights=True))
"""


def write_model(folder: Path, seed: int, change: Callable[[dict], dict] = lambda weights: weights) -> None:
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    model, _ = new_open_clip(folder, seed)
    save_file(change(dict(model.state_dict())), folder / "open_clip_model.safetensors")


def narrower(weights: dict) -> dict:
    return {name: value[..., :-8].clone() if value.dim() == 2 else value for name, value in weights.items()}


def poisoned(weights: dict) -> dict:
    return weights | {"visual.proj": torch.full_like(weights["visual.proj"], float("nan"))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, report_data: SimpleNamespace) -> Path:
    """A dataset, a good model, and everything that is wrong with others."""
    root = tmp_path_factory.mktemp("bad")
    report_data.make_dataset(root / "set", 1)
    write_model(root / "good", 1)
    write_model(root / "narrow", 2, narrower)
    write_model(root / "nan", 3, poisoned)
    (root / "flat.py").write_text(FLAT)
    (root / "sugarcrepe.csv").write_text("id,file_name,caption\n1,a.png,a cat\n")
    (root / "negbench.csv").write_text("image_path,caption_0\na.png,a cat\n")
    return root


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch, fourfold: Callable) -> Callable[..., SimpleNamespace]:
    def call(line: str, **places: Path) -> SimpleNamespace:
        monkeypatch.chdir(place)
        return fourfold(*line.format(**places).split())

    return call


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("evaluate set --model ViT-B-32,nowhere/x.pt", ["no such checkpoint file 'nowhere/x.pt'"]),
        ("evaluate set --model local-dir:narrow", ["weights are of another architecture"]),
        ("evaluate set --model local-dir:nan", ["features are not finite"]),
        ("evaluate set --model flat:load --scorer dcsm", ["'dcsm' needs patch tokens", "'flat' has none"]),
        ("evaluate set --model flat:load --scorer shuffled-images:maxsim", ["'maxsim' needs patch tokens"]),
        ("evaluate set --model local-dir:good --scorer dcsm", ["no head is shipped", "fourfold train-head"]),
        ("evaluate sugarcrepe:sugarcrepe.csv --images .", ["sugarcrepe.csv", "negative_caption"]),
        ("evaluate negbench:negbench.csv --images .", ["negbench.csv", "correct_answer"]),
    ],
)
def test_one_line_and_exit_code_2(line: str, named: list[str], run: Callable, tmp_path: Path) -> None:
    said = run(f"{line} --quiet --out {{out}}", out=tmp_path / "out")
    assert said.code == 2, said
    assert re.fullmatch(r"fourfold: .+\n", said.err), said.err
    assert [word for word in named if word not in said.err] == []
    assert not (tmp_path / "out").exists()


def test_a_gated_checkpoint_is_said(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        error = GatedRepoError.__new__(GatedRepoError)  # what else it wants differs between versions
        error.args = ("401 Client Error. Cannot access gated repo. You must be authenticated to access it.",)
        raise error

    for name in ("download_pretrained_from_hf", "hf_hub_download"):
        for module in (open_clip.factory, sys.modules["open_clip.pretrained"]):
            monkeypatch.setattr(module, name, refuse, raising=False)
    said = run("evaluate set --model hf-hub:org/gated --quiet --out {out}", out=tmp_path / "out")
    assert (said.code, "gated" in said.err, said.err.count("\n")) == (2, True, 1)


def test_captions_longer_than_the_context_are_counted_and_the_run_goes_on(run: Callable, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="1 captions are longer than the model's 24 text positions"):
        said = run("evaluate set --model local-dir:good --quiet --out {out}", out=tmp_path / "out")
    assert said.code == 0, said.err
    notes = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["notes"]
    assert any(re.match(r"1 of \d+ captions are longer than the model's 24 text positions", note) for note in notes)
    assert notes[-1] in said.out


def test_a_model_to_be_trained_is_made_without_a_warning_of_its_random_weights(tmp_path, caplog) -> None:
    write_model(tmp_path / "new", 0)
    assert not caplog.records
    open_clip.create_model(f"local-dir:{tmp_path / 'new'}", load_weights=False)
    assert caplog.records  # of others it is said, before and after
