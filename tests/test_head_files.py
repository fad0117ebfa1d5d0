"""Which head is a model's own, and what head files of earlier versions mean."""

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders import TINY_FOLDER
from fourfold.evaluator.scorers.dcsm import DcsmConfig, DcsmHead, build_dcsm
from fourfold.evaluator.scoring.head_files import Head, load_head, read_head, save_head


def test_a_head_belongs_to_weights_and_not_to_a_name(tmp_path: Path) -> None:
    """The same model under another path is served; another model under the same name is refused."""
    save_head(Head("labclip", {}, "local-dir:mine", "0" * 32, {"w": torch.ones(1)}), tmp_path / "head")
    moved = SimpleNamespace(name="local-dir:elsewhere/mine", identity="0" * 32)
    assert load_head(tmp_path / "head", "labclip", moved).weights["w"].item() == 1
    retrained = SimpleNamespace(name="local-dir:mine", identity="f" * 32)
    with pytest.raises(InputError, match=r"trained for the model 'local-dir:mine' \(0{12}\), not for .* \(f{12}\)"):
        load_head(tmp_path / "head", "labclip", retrained)


def test_the_shipped_head_is_for_the_shipped_model() -> None:
    """Heads that people trained on fourfold-tiny name this hash, so it stays."""
    assert read_head(TINY_FOLDER / "dcsm.safetensors").encoder_identity == "d7a246e902a69af8b925288c46640dab"


def test_a_dcsm_file_that_does_not_speak_of_the_whole_caption_has_no_map_of_it() -> None:
    """Heads of before that option: their table of words has one row less, for words start at row 1."""
    config = asdict(DcsmConfig(embed_dim=4, words=(("left",), ("no",)), whole_caption=False))
    del config["whole_caption"]
    head = build_dcsm(config, None)
    assert head.config.whole_caption is False
    assert head.word.num_embeddings == 3
    new = build_dcsm({**config, "whole_caption": True}, None)
    assert (new.config.whole_caption, new.word.num_embeddings) == (True, 4)


def test_tokens_of_no_functional_word_add_nothing_and_never_will() -> None:
    """Row 0 of the table of words is 0 and gets no gradient; every other row does."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        table = DcsmHead(DcsmConfig(embed_dim=4, words=(("left",), ("no",)))).word
    assert not table.weight[0].any()
    assert table.weight[1:].any(1).all()
    table(torch.tensor([0, 1, 2, 3])).sum().backward()
    assert table.weight.grad.sum(1).tolist() == [0, 64, 64, 64]
