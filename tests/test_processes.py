"""Training in several processes: shared rows give the gradients of the whole batch, and one head is written."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from fourfold.calls import training
from fourfold.errors import InputError
from fourfold.evaluator.scoring.head_files import read_head
from fourfold.evaluator.training.processes import Processes, find_processes
from fourfold.evaluator.training.train_state import TrainingConfig


@pytest.mark.parametrize(("rows", "count"), [(7, 2), (64, 3), (2, 2)])
def test_processes_share_a_batch_without_gap_or_overlap(rows, count) -> None:
    shares = [Processes("cpu", number, count).share(np.arange(rows)) for number in range(count)]
    assert sorted(np.concatenate(shares)) == list(range(rows))


def test_a_batch_too_small_to_share_goes_to_all() -> None:
    assert [list(Processes("cpu", number, 3).share(np.arange(2))) for number in range(3)] == [[0, 1]] * 3


class Meeting:
    """What accelerate does for two processes, in one: every `reduce` waits for the other's gradients."""

    def __init__(self) -> None:
        self.given: list[torch.Tensor] = []

    def reduce(self, tensor: torch.Tensor, reduction: str) -> torch.Tensor:
        assert reduction == "mean"
        self.given.append(tensor)
        return torch.stack(self.given).mean(0)


def test_shared_gradients_are_those_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(7, 5), torch.randn(7, 3)

    def gradients(rows: np.ndarray, model: torch.nn.Module) -> torch.nn.Module:
        model.zero_grad()
        torch.nn.functional.mse_loss(model(inputs[rows]), targets[rows]).backward()
        return model

    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    expected = [p.grad.clone() for p in gradients(np.arange(7), model).parameters()]
    meeting = Meeting()
    for number in range(2):
        process = Processes("cpu", number, 2, meeting)
        rows = process.share(np.arange(7))
        process.average_gradients(gradients(rows, model), len(rows) * 2 / 7)
    for parameter, whole in zip(model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, whole, atol=1e-6)


def test_several_processes_without_accelerate_are_told_what_to_install(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match=r"pip install 'fourfold\[accelerate\]'"):
        find_processes("cpu")


def test_several_processes_are_not_put_on_one_gpu(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="'cuda:1': several processes take a GPU each"):
        find_processes("cuda:1")


def test_two_processes_train_one_head(generated, tmp_path) -> None:
    pytest.importorskip("accelerate")
    out = tmp_path / "head.safetensors"
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "fourfold"]
    command = ["train-head", str(generated), "--split", "test", "--out", str(out), "--epochs", "2", "--quiet"]
    command += ["--batch-groups", "4", "--cache", str(tmp_path / "cache"), "--tensorboard", str(tmp_path / "events")]
    done = subprocess.run([sys.executable, *launch, *command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_head(out).training["epochs_run"] == 2
    assert done.stdout.count("parameters, 2 epochs") == 1
    assert list((tmp_path / "events").glob("events*"))
    assert not out.with_name(out.name + ".checkpoint").exists()


def test_of_several_processes_each_has_the_model_on_its_own_gpu(generated, tmp_path, monkeypatch) -> None:
    given = {}
    mine = Processes("cuda:1", number=1, count=2, accelerator=Meeting())

    def load(model, options):
        given["encoder"] = options.device

    monkeypatch.setattr(training, "find_processes", lambda device: mine)
    monkeypatch.setattr(training, "open_encoder", load)
    monkeypatch.setattr(training, "_train_head", lambda *items, processes, **options: given.update(run=processes))
    config = TrainingConfig(device="cuda")
    training.train_head(generated, out=tmp_path / "h", split="test", device="cuda", config=config)
    assert given == {"encoder": "cuda:1", "run": mine}
