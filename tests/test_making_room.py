"""Room in a cache folder, to the byte; and what a batch comes back as."""

import os
from pathlib import Path

import pytest
import torch

from fourfold.evaluator.encoders.batches import run_in_batches
from fourfold.evaluator.features.store import SUFFIX, remove_oldest


@pytest.mark.parametrize(
    ("limit", "left"),
    [(60, "abc"), (59, "bc"), (50, "bc"), (49, "c"), (30, "c"), (29, ""), (0, "")],
)
def test_the_oldest_files_go_until_the_rest_takes_no_more_than_the_limit(tmp_path: Path, limit: int, left: str) -> None:
    (tmp_path / "model" / "images").mkdir(parents=True)
    for age, (name, size) in enumerate([("c", 30), ("b", 20), ("a", 10)]):
        path = tmp_path / "model" / "images" / f"{name}{SUFFIX}"
        path.write_bytes(bytes(size))
        os.utime(path, (1_000_000 - age,) * 2)
    remove_oldest(tmp_path, limit)
    assert sorted(path.name.removesuffix(SUFFIX) for path in tmp_path.rglob(f"*{SUFFIX}")) == list(left)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_batches_come_back_as_float32_in_order(dtype: torch.dtype) -> None:
    out = run_in_batches(lambda a, b: {"at": torch.arange(a, b).to(dtype)}, 5, 2, torch.device("cpu"))
    assert out["at"].dtype == torch.float32
    assert out["at"].tolist() == [0, 1, 2, 3, 4]
