"""Head files: what is written is read, and nothing is read that does not belong to the model at hand."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.run.evaluation import hash_heads
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.trained import HEADS, build_network
from fourfold.evaluator.scoring import head_files as heads_module
from fourfold.evaluator.scoring.head_files import Head, check_given, find_head, load_head, read_head, save_head
from fourfold.generator.dataset.reading import file_hash

IMAGES = ImageFeatures(np.array(["i"]), torch.ones(1, 8), torch.ones(1, 6, 8), None, (2, 3))
ENCODED = EncodedSet(IMAGES, TextFeatures(np.array(["a"]), torch.ones(1, 8)), [], [])


@dataclass(frozen=True)
class NamedEncoder:
    name: str = "ViT-B-16,openai"
    identity: str = "0123456789abcdef"
    context_length: int = 12
    embed_dim: int = 8
    has_patches: bool = True

    def encode_texts(self, texts):
        return TextFeatures(np.array(texts), torch.ones(len(texts), 8), None, None, None)


def make_head(head_type, encoder):
    torch.manual_seed(0)
    images = IMAGES
    sizes = HEADS[head_type].configure(encoder, images)
    weights = HEADS[head_type].build(sizes, encoder).state_dict()
    return Head(head_type, sizes, encoder.name, encoder.identity, weights, {"hash": "d"}, {"seed": 1}, {"group": 0.5})


@pytest.mark.parametrize("head_type", HEADS)
def test_a_head_comes_back_as_it_was_saved(head_type, tmp_path):
    head = make_head(head_type, NamedEncoder())
    save_head(head, tmp_path / "head.safetensors")
    back = load_head(tmp_path / "head.safetensors", head_type, NamedEncoder())
    assert (back.encoder_name, back.encoder_identity) == (head.encoder_name, head.encoder_identity)
    assert (back.dataset, back.training, back.metrics) == (head.dataset, head.training, head.metrics)
    network = build_network(back, NamedEncoder(), "here")
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, head.weights[name])
    assert not network.training
    assert [path.name for path in tmp_path.iterdir()] == ["head.safetensors"]


def test_a_head_of_another_model_is_refused(tmp_path):
    save_head(make_head("labclip", NamedEncoder()), tmp_path / "h")
    other = NamedEncoder(name="ViT-L-14,openai", identity="ffff")
    with pytest.raises(InputError, match=r"trained for the model 'ViT-B-16,openai'.*fourfold train-head .*ViT-L-14"):
        load_head(tmp_path / "h", "labclip", other)


def test_a_head_of_another_type_is_refused(tmp_path):
    save_head(make_head("labclip", NamedEncoder()), tmp_path / "h")
    with pytest.raises(InputError, match="a 'labclip' head, 'dcsm' was asked for"):
        load_head(tmp_path / "h", "dcsm", NamedEncoder())


def test_an_unknown_head_type_is_refused(tmp_path):
    save_head(replace(make_head("labclip", NamedEncoder()), type="labclap"), tmp_path / "h")
    head = load_head(tmp_path / "h", "labclap", NamedEncoder())
    with pytest.raises(InputError, match=r"unknown head 'labclap'. Did you mean 'labclip'"):
        build_network(head, NamedEncoder(), "h")


def test_weights_that_do_not_fit_the_configuration_are_refused():
    head = make_head("labclip", NamedEncoder())
    with pytest.raises(InputError, match=r"do not fit: .*size mismatch"):
        build_network(replace(head, config={"embed_dim": 9}), NamedEncoder(), "h.safetensors")
    with pytest.raises(InputError, match=r"h\.safetensors: .*do not fit: .*Missing key"):
        build_network(replace(head, weights={}), NamedEncoder(), "h.safetensors")
    with pytest.raises(InputError, match="do not fit"):
        build_network(replace(head, type="dcsm"), NamedEncoder(), "h.safetensors")
    with pytest.raises(InputError, match="do not fit"):
        build_network(replace(head, config={"sides": 9}), NamedEncoder(), "h.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such head file"), (b"", "not a readable safetensors file"), (b"\x80\x04K\x01.", "not a readable")],
)
def test_a_missing_or_broken_file_is_refused(content, message, tmp_path):
    path = tmp_path / "head.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_head(path)


def test_a_truncated_file_is_refused(tmp_path):
    save_head(make_head("labclip", NamedEncoder()), tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-8])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        read_head(tmp_path / "cut")


@pytest.mark.parametrize("metadata", [None, {"other": "1"}, {"fourfold": "{"}, {"fourfold": '{"format": 1}'}])
def test_tensors_that_are_no_head_are_refused(metadata, tmp_path):
    save_file({"weight": torch.zeros(1)}, tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(InputError, match="holds tensors but no head"):
        read_head(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "wrong",
    [{"encoder": {"name": "x", "identity": 3}}, {"config": [1]}, {"type": 3}, {"metrics": None}, {"encoder": 1}],
)
def test_a_head_described_wrongly_is_refused(wrong, tmp_path, monkeypatch):
    dumps = json.dumps
    monkeypatch.setattr(heads_module.json, "dumps", lambda value, **options: dumps({**value, **wrong}, **options))
    save_head(make_head("labclip", NamedEncoder()), tmp_path / "h")
    with pytest.raises(InputError, match="holds tensors but no head"):
        read_head(tmp_path / "h")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(({"dropout": value}, "dropout .* must be a share") for value in (2, -1, float("nan"), "0")),
        *(({"heads": value}, "heads") for value in (0, 3, 1.5, -4)),
        ({"layers": 0}, "layers 0 must be"),
        ({"words": [3]}, "do not fit"),
        ({"widht": 3}, "do not fit"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(wrong, message):
    head = make_head("dcsm", NamedEncoder())
    with pytest.raises(InputError, match=rf"h\.safetensors: .*{message}"):
        build_network(replace(head, config={**head.config, **wrong}), NamedEncoder(), "h.safetensors")


def test_a_newer_format_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(heads_module, "FORMAT", 2)
    save_head(make_head("labclip", NamedEncoder()), tmp_path / "h")
    monkeypatch.undo()
    with pytest.raises(InputError, match="head format 2, this version reads 1"):
        read_head(tmp_path / "h")


def test_a_head_that_was_named_must_be_there(tmp_path):
    check_given(None)
    check_given(tmp_path)
    with pytest.raises(InputError, match=r"gone\.safetensors: no such head file, nor a folder"):
        check_given(tmp_path / "gone.safetensors")


def test_only_the_heads_that_are_used_are_hashed(tmp_path, monkeypatch):
    monkeypatch.setattr(heads_module, "SHIPPED", tmp_path / "shipped")
    for folder in (tmp_path / "shipped" / "tiny", tmp_path / "mine"):
        folder.mkdir(parents=True)
        (folder / "dcsm.safetensors").write_text(folder.name)
    mine, shipped = (file_hash(tmp_path / place / "dcsm.safetensors") for place in ("mine", "shipped/tiny"))
    scorers = ("cosine", "dcsm", "factored", "shuffled-images:dcsm")
    for given, model, digest in (
        (tmp_path / "mine", "tiny", mine),
        (None, "tiny", shipped),
        (None, "ViT-B-16,openai", None),
    ):
        expected = {} if digest is None else {"dcsm": digest, "shuffled-images:dcsm": digest}
        assert hash_heads(given, scorers, model) == expected
    with pytest.raises(InputError, match="no such head file"):
        hash_heads(tmp_path / "gone", ("cosine",), "tiny")


def test_without_a_head_the_shipped_one_is_used_and_else_the_command_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(heads_module, "SHIPPED", tmp_path)
    tiny = NamedEncoder(name="fourfold-tiny")
    with pytest.raises(InputError, match=r"no head is shipped.*fourfold train-head DATASET --model fourfold-tiny"):
        find_head(None, "dcsm", tiny)
    (tmp_path / "fourfold-tiny").mkdir()
    save_head(make_head("dcsm", tiny), tmp_path / "fourfold-tiny" / "dcsm.safetensors")
    assert find_head(None, "dcsm", tiny) == tmp_path / "fourfold-tiny" / "dcsm.safetensors"
    assert load_scorer("dcsm", ScorerContext(tiny, [], ENCODED)).n_parameters > 0
    assert find_head(tmp_path / "mine", "dcsm", tiny) == tmp_path / "mine"
    (tmp_path / "flat").mkdir()
    assert find_head(tmp_path / "flat", "dcsm", tiny) == tmp_path / "flat" / "dcsm.safetensors"
    with pytest.raises(InputError, match="no head is shipped for the model 'ViT-B-16,openai'"):
        load_scorer("dcsm", ScorerContext(NamedEncoder(), [], ENCODED))
    with pytest.raises(InputError, match="no head is shipped"):
        find_head(None, "dcsm", NamedEncoder(name="local-dir:../fourfold-tiny"))
