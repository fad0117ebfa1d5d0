"""Folders of heads: whose file a scorer gets, several seeds, and when the shipped head stands in."""

from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.evaluator.encoders.model_names import folder_name
from fourfold.evaluator.scorers import check_scorer
from fourfold.evaluator.scoring import head_files
from fourfold.evaluator.scoring.head_files import head_file, note_shipped
from fourfold.evaluator.scoring.head_folders import expand_seeds, file_in, split_seed, with_seed

MODEL = "local-dir:my/model"


@pytest.fixture
def heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layout with heads of one model, and a shipped head of another."""
    shipped = tmp_path / "shipped" / "tiny" / "dcsm.safetensors"
    own = tmp_path / "heads" / folder_name(MODEL)
    for path in (shipped, own / "mlp.safetensors", own / "dcsm.seed0.safetensors", own / "dcsm.seed12.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(head_files, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "heads"


@pytest.mark.parametrize("scorer", ["dcsm", "dcsm#0", "dcsm#12"])
def test_names_of_scorers_and_their_seeds(scorer: str) -> None:
    assert with_seed(*split_seed(scorer)) == scorer
    check_scorer(scorer)
    check_scorer(f"shuffled-images:{scorer}")


@pytest.mark.parametrize("scorer", ["dcsm#", "dcsm#one", "dcsm#-1", "cosine#0", "#0", "dcsm#0#1"])
def test_what_is_no_seed_is_no_scorer(scorer: str) -> None:
    with pytest.raises(InputError, match="unknown scorer"):
        check_scorer(scorer)


def test_each_model_has_its_own_file(heads: Path) -> None:
    own = heads / folder_name(MODEL)
    assert head_file(heads, "mlp", MODEL) == own / "mlp.safetensors" == head_file(own, "mlp", MODEL)
    assert head_file(heads, "dcsm#12", MODEL) == own / "dcsm.seed12.safetensors" == file_in(own, "dcsm#12")


def test_seeds_are_scorers_of_their_own_in_the_order_of_numbers(heads: Path) -> None:
    asked = ("cosine", "dcsm", "mlp", "patch-shuffle:dcsm")
    own = ("cosine", "dcsm#0", "dcsm#12", "mlp", "patch-shuffle:dcsm#0", "patch-shuffle:dcsm#12")
    assert expand_seeds(heads, asked, MODEL) == own == expand_seeds(heads / folder_name(MODEL), asked, MODEL)
    assert expand_seeds(heads, own, MODEL) == own
    for given in (None, heads / folder_name(MODEL) / "mlp.safetensors"):
        assert expand_seeds(given, asked, MODEL) == asked


def test_a_head_beside_those_of_seeds_is_not_chosen_by_us(heads: Path) -> None:
    (heads / folder_name(MODEL) / "dcsm.safetensors").touch()
    with pytest.raises(InputError, match=r"holds dcsm\.safetensors and heads of the seeds 0, 12; .*'dcsm#0'"):
        expand_seeds(heads, ("dcsm",), MODEL)
    assert expand_seeds(heads, ("dcsm#12", "mlp"), MODEL) == ("dcsm#12", "mlp")


def test_the_shipped_head_stands_in_for_a_model_without_a_folder_and_is_named(heads: Path) -> None:
    shipped = head_files.SHIPPED / "tiny" / "dcsm.safetensors"
    assert head_file(heads, "dcsm", "tiny") == shipped
    [note] = note_shipped(heads, ("cosine", "dcsm"), "tiny")
    assert note.startswith("dcsm: the head that is shipped for tiny")
    assert head_file(heads, "mlp", "tiny") == heads / "mlp.safetensors"  # none is shipped: the error names this place
    assert note_shipped(None, ("dcsm",), "tiny") == note_shipped(heads, ("dcsm#0",), MODEL) == []


def test_a_shipped_head_never_takes_the_place_of_one_that_is_missing(heads: Path, tmp_path: Path) -> None:
    (heads / "tiny").mkdir()  # its training failed
    assert head_file(heads, "dcsm", "tiny") == heads / "tiny" / "dcsm.safetensors"
    flat, empty = heads / folder_name(MODEL), tmp_path / "empty"
    empty.mkdir()
    for given in (flat, empty):  # one model's, and a folder without heads
        assert head_file(given, "dcsm", "tiny") == given / "dcsm.safetensors"
    with pytest.raises(InputError, match="is one head; heads of several seeds lie in a folder"):
        head_file(flat / "mlp.safetensors", "dcsm#0", "tiny")
