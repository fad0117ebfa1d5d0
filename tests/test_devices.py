"""Which device "auto" is, and that every command says it first."""

import pytest
import torch

from fourfold.cli.main import main
from fourfold.errors import InputError
from fourfold.evaluator.encoders import LOADERS, load_encoder
from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.encoders.devices import DEVICE_KINDS, checked_device, choose_device, describe_device
from fourfold.evaluator.training.processes import find_processes


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(1, 1, "cuda"), (1, 0, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_is_the_fastest_device_that_is_here(cuda, mps, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: bool(mps))
    assert choose_device("auto") == checked_device("auto").type == chosen
    assert find_processes("auto").device == chosen
    assert LoadOptions().device == "auto"


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:7", "mps"])
def test_a_device_that_was_named_is_kept(name):
    assert choose_device(name) == name


def test_cuda_is_described_by_the_name_of_the_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")
    assert describe_device("auto") == "cuda (card of cuda)"


def test_the_processor_is_described_by_its_threads():
    assert describe_device("cpu") == f"cpu ({torch.get_num_threads()} threads)"


@pytest.mark.parametrize("name", ["gpu", "meta", "cuda:63", ""])
def test_a_device_that_is_not_here_is_refused_with_what_is_allowed(name):
    with pytest.raises(InputError, match="auto"):
        checked_device(name)
    assert name not in DEVICE_KINDS


def test_a_users_own_loader_is_told_the_device_not_auto(monkeypatch):
    told = []
    monkeypatch.setitem(LOADERS, "custom", lambda spec, options: told.append(options.device))
    load_encoder("my_module:load")
    assert told == [choose_device("auto")]


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {data} --out {new}",
        "probe {data} --out {new}",
        "train-head {data} --split test --out {new}.safetensors",
        "train-tiny {data} --out {new}",
    ],
)
def test_every_command_that_computes_says_its_device_first(command, generated, tmp_path, capfd, monkeypatch):
    def stop(*given, **options):
        raise InputError("far enough")

    for name in ("evaluation.make_spec", "probing.load_items", "training.load_items"):
        monkeypatch.setattr(f"fourfold.calls.{name}", stop)
    monkeypatch.setattr("fourfold.evaluator.training.reference_model.read_manifest", stop)
    words = command.format(data=generated, new=tmp_path / "new").split()
    monkeypatch.setattr("sys.argv", ["fourfold", *words, "--device", "cpu"])
    with pytest.raises(SystemExit):
        main()
    assert capfd.readouterr().out.splitlines() == [f"device: {describe_device('cpu')}"]
