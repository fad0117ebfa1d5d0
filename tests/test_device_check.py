"""The check that whoever has a GPU runs: it passes on equal scores, and finds those that are not."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fourfold import evaluate
from fourfold.evaluator.encoders.batches import DTYPES

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from devices import TOLERANCES, Difference, difference, holds, main


@pytest.fixture(scope="module")
def results(generated):
    return evaluate(generated, device="cpu", limit=2, progress=False)


def changed(results, change):
    """The results with the cosine scores of the first item changed."""
    first, *others = results.items
    scores = {"cosine": change(np.asarray(first.scores["cosine"]))}
    return replace(results, items=(replace(first, scores=scores), *others))


def test_equal_scores_differ_in_nothing(results):
    assert difference(results, results, "cosine") == Difference(0.0, 0, len(results.items))


def test_a_difference_is_said_in_standard_deviations_of_all_scores(results):
    spread = np.concatenate([item.scores["cosine"].ravel() for item in results.items]).std()
    found = difference(results, changed(results, lambda table: table + np.float32(0.5)), "cosine")
    assert found.largest == pytest.approx(0.5 / spread, rel=1e-4)
    assert found.decided_otherwise == 0


def test_a_group_that_is_decided_otherwise_is_counted(results):
    truth = results.items[0].truth.astype(np.float32)
    right, wrong = changed(results, lambda table: truth), changed(results, lambda table: 1 - truth)
    assert difference(right, wrong, "cosine").decided_otherwise == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_more_than_the_tolerance_fails_and_in_float32_one_group_too(dtype):
    assert holds(dtype, Difference(TOLERANCES[dtype], 0, 9))
    assert not holds(dtype, Difference(TOLERANCES[dtype] * 1.01, 0, 9))
    assert holds(dtype, Difference(0.0, 1, 9)) == (dtype != "float32")


def test_the_processor_gives_its_own_scores_in_every_precision(generated):
    done = CliRunner().invoke(main, [str(generated), "--device", "cpu", "--limit", "2", "--scorer", "cosine"])
    assert done.exit_code == 0, done.output
    assert done.output.count("yes") == len(DTYPES)
