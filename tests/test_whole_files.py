"""Heads, checkpoints, logs and features: synced before they get their name, and a disk that is full is said."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from fourfold.errors import InputError
from fourfold.evaluator.features import store as store_module
from fourfold.evaluator.features.store import SUFFIX, FeatureStore, Row
from fourfold.evaluator.scoring.head_files import Head, save_head
from fourfold.evaluator.training.checkpoints import read_checkpoint, write_checkpoint
from fourfold.files import write_file_with

DAY = 24 * 3600


def write_head(folder: Path) -> None:
    save_head(Head("labclip", {}, "m", "id", {"w": torch.ones(2)}), folder / "head.safetensors")


def write_state(folder: Path) -> None:
    write_checkpoint(folder / "head.checkpoint", {"step": 3}, "run")


def write_features(folder: Path) -> None:
    FeatureStore(folder, "model", "images", 10**9).save({"a": Row({"pooled": torch.ones(3)})})


WRITERS = pytest.mark.parametrize("write", [write_head, write_state, write_features])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@WRITERS
def test_a_file_is_synced_before_it_gets_its_name(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), rename(*paths)))
    write(tmp_path)
    assert order == ["sync", "rename", "sync"]  # the last one of the folder, which holds the name
    assert len(files_in(tmp_path)) == 1


@WRITERS
def test_a_full_disk_is_said_and_leaves_nothing(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"no space left on the disk|No space left on device\); free space"):
        write(tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"\(\[Errno 28\] No space left on device\)"),
        (SafetensorError("I/O error"), r"\(I/O error\)"),
    ],
)
def test_a_cache_that_cannot_be_written_names_its_folder_and_the_reason(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(store_module, "save_file", fail)
    with pytest.raises(InputError, match=rf"^{tmp_path}: cannot store features there {said}; free space, or use no"):
        write_features(tmp_path)
    assert files_in(tmp_path) == []


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_state(tmp_path)
    assert read_checkpoint(tmp_path / "head.checkpoint", ["step"], "run", "cpu") == {"identity": "run", "step": 3}


@pytest.mark.parametrize(("age", "kept"), [(DAY - 60, True), (DAY + 60, False)])
def test_what_a_killed_process_left_is_removed_after_a_day(age: float, kept: bool, tmp_path: Path) -> None:
    write_features(tmp_path)
    [whole] = files_in(tmp_path)
    asides = [whole.with_name("0123abcd.aside")]  # as earlier versions named them
    write_file_with(whole.with_name(f"x{SUFFIX}"), lambda aside: (asides.append(aside), aside.touch()))
    whole.with_name(f"x{SUFFIX}").unlink()
    stranger = whole.with_name("notes.tmp")
    for path in (*asides, stranger, whole):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    FeatureStore(tmp_path, "model", "images", 10**9)
    assert [path.exists() for path in (*asides, stranger, whole)] == [kept, kept, True, True]
