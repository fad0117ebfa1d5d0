"""The posterior over psychometric curves: exact by brute force, three-valued at the ends, informative in the middle."""

import numpy as np
import pytest

from fourfold.statistics.psychometric import FEWEST, MOST, Psychometric, Threshold, enough

GRIDS = {chance: Psychometric(chance) for chance in (1 / 6, 0.5)}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=["group", "match"])
def test_every_curve_crosses_the_target_at_its_threshold(grid):
    for i in range(0, len(grid.thresholds), 20):
        np.testing.assert_allclose(grid.curves(grid.thresholds[i])[i], grid.target)


def test_the_posterior_is_bayes_rule_and_knows_no_order():
    grid = GRIDS[1 / 6]
    expected = grid.prior * grid.curves(0.3) * (1 - grid.curves(0.8))
    np.testing.assert_allclose(grid.posterior([0.3, 0.8], [True, False]), expected / expected.sum(), rtol=1e-6)
    np.testing.assert_allclose(
        grid.posterior([0.3, 0.8], [True, False]), grid.posterior([0.8, 0.3], [False, True]), rtol=1e-6
    )


def test_answers_one_by_one_are_answers_at_once():
    grid, levels, right = GRIDS[1 / 6], [0.3, 0.8, 0.3, 0.3], [True, False, True, False]
    posterior = grid.prior
    for level, answer in zip(levels, right, strict=True):
        posterior = grid.update(posterior, level, answer)
    np.testing.assert_allclose(posterior, grid.posterior(levels, right), rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize(
    ("low", "high", "above", "below", "verdict"),
    [
        (0.41, 0.50, 0.0, 0.0, "known"),
        (0.40, 0.51, 0.0, 0.0, "open"),
        (-np.inf, 0.05, 0.3, 0.0, "open"),
        (np.inf, np.inf, 0.4, 0.6, "open"),
        (-np.inf, -np.inf, 0.96, 0.04, "above"),
        (np.inf, np.inf, 0.04, 0.96, "below"),
    ],
)
def test_a_verdict_says_what_is_known_and_ends_the_asking_not_too_early(low, high, above, below, verdict):
    found = Threshold(0.45, low, high, 1 - above - below, above, below)
    assert found.verdict == verdict
    assert not enough(found, FEWEST - 1)
    assert enough(found, FEWEST) == (verdict != "open")
    assert enough(found, MOST)


def test_the_next_level_leaves_the_least_entropy_to_expect():
    grid = GRIDS[1 / 6]
    trials = [0.1, 0.5, 0.9, 0.4], [False, True, True, False]
    expected = []
    for level in grid.candidates:
        right = float((grid.posterior(*trials) * grid.curves(level)).sum())
        total = 0.0
        for answer, share in ((True, right), (False, 1 - right)):
            after = grid.posterior([*trials[0], level], [*trials[1], answer]).sum(axis=1)
            total -= share * float((after * np.log(np.maximum(after, 1e-300))).sum())
        expected.append(total)
    assert grid.next_level(grid.posterior(*trials)) == grid.candidates[np.argmin(expected)]


@pytest.mark.parametrize(("right", "verdict"), [(True, "always_above"), (False, "always_below")])
def test_a_scorer_that_never_crosses_the_target_gets_a_verdict(right, verdict):
    levels = list(np.linspace(0, 1, 40))
    grid = GRIDS[1 / 6]
    found = grid.threshold(grid.posterior(levels, [right] * 40))
    assert getattr(found, verdict) > 0.9
    assert not np.isfinite([found.low, found.high]).all()


@pytest.mark.parametrize("rising", [True, False])
def test_a_step_is_found_in_either_direction(rising):
    levels = list(np.linspace(0.01, 0.99, 50))
    grid = GRIDS[1 / 6]
    found = grid.threshold(grid.posterior(levels, [(level > 0.62) == rising for level in levels]))
    assert found.within > 0.99
    assert found.low < 0.62 < found.high
    assert abs(found.median - 0.62) < 0.03
