"""Firth's logistic regression against closed forms, a general optimiser, and simulations of its size and coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from fourfold.statistics.logistic import (
    fit_logistic,
    probability,
    robust_slope_error,
    slope_interval,
    slope_test,
)


def penalised(b: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    p = 1 / (1 + np.exp(-(b[0] + b[1] * x)))
    design = np.column_stack([np.ones_like(x), x])
    information = design.T @ (design * (p * (1 - p))[:, None])
    return float(np.sum(y * np.log(p) + (1 - y) * np.log1p(-p)) + np.linalg.slogdet(information)[1] / 2)


@given(st.lists(st.integers(0, 12), min_size=4, max_size=4).filter(lambda c: c[0] + c[1] > 0 and c[2] + c[3] > 0))
def test_of_a_two_by_two_table_it_adds_one_half_to_every_cell(cells: list[int]) -> None:
    """Known in closed form (Firth 1993), empty cells and complete separation included."""
    a, b, c, d = cells
    x = np.repeat([0.0, 0.0, 1.0, 1.0], cells)
    y = np.repeat([1.0, 0.0, 1.0, 0.0], cells)
    fit = fit_logistic(x, y)
    assert fit.intercept == pytest.approx(np.log((a + 0.5) / (b + 0.5)), abs=1e-5)
    assert fit.slope == pytest.approx(np.log((c + 0.5) / (d + 0.5)) - np.log((a + 0.5) / (b + 0.5)), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_fit_and_interval_are_those_of_a_general_optimiser(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(50)
    y = (rng.random(50) < 1 / (1 + np.exp(-(seed - 2 + (seed - 3) * x)))).astype(float)
    fit = fit_logistic(x, y)
    best = minimize(
        lambda b: -penalised(b, x, y), [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
    )
    assert fit[:2] == pytest.approx(best.x, abs=1e-4)
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-8)

    def short(slope: float) -> float:
        profile = minimize(lambda a: -penalised([a[0], slope], x, y), [fit.intercept], method="Nelder-Mead")
        return 2 * (fit.log_likelihood + profile.fun) - 3.841458820694124

    low, high = slope_interval(x, y, fit)
    assert low == pytest.approx(brentq(short, fit.slope - 8, fit.slope, xtol=1e-5), abs=2e-3)
    assert high == pytest.approx(brentq(short, fit.slope, fit.slope + 8, xtol=1e-5), abs=2e-3)


def test_the_test_refuses_zero_where_the_interval_leaves_it_out() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        x = rng.standard_normal(30)
        y = (rng.random(30) < 1 / (1 + np.exp(-0.8 * x))).astype(float)
        fit = fit_logistic(x, y)
        low, high = slope_interval(x, y, fit)
        assert low < fit.slope < high
        p = slope_test(x, y, fit)
        if abs(p - 0.05) > 1e-4:
            assert (p < 0.05) == (low > 0 or high < 0)


@pytest.mark.parametrize(("slope", "intercept", "n"), [(0.0, 0.0, 40), (0.0, -2.5, 60), (1.0, 0.5, 60)])
def test_size_and_coverage(slope: float, intercept: float, n: int) -> None:
    rng, covered, refused, slopes = np.random.default_rng(2), 0, 0, []
    runs = 400
    for _ in range(runs):
        x = rng.standard_normal(n)
        y = (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * x)))).astype(float)
        fit = fit_logistic(x, y)
        low, high = slope_interval(x, y, fit)
        covered += low <= slope <= high
        refused += slope_test(x, y, fit) < 0.05
        slopes.append(fit.slope)
    assert 0.92 < covered / runs < 0.985
    if slope == 0:
        assert refused / runs < 0.08
    assert np.mean(slopes) == pytest.approx(slope, abs=0.1)  # unbiased to first order


def test_perfect_separation_has_a_finite_slope() -> None:
    x = np.linspace(-1, 1, 20)
    fit = fit_logistic(x, (x > 0).astype(float))
    assert 2 < fit.slope < 40
    low, _ = slope_interval(x, (x > 0).astype(float), fit)
    assert low > 0
    assert (np.diff(probability(fit, x)) > 0).all()


def test_outcomes_that_repeat_within_clusters_count_once() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(200)
    y = (rng.random(200) < 1 / (1 + np.exp(-x))).astype(float)
    alone = robust_slope_error(x, y, fit_logistic(x, y), np.arange(200))
    many_x, many_y = np.repeat(x, 5), np.repeat(y, 5)
    together = robust_slope_error(many_x, many_y, fit_logistic(many_x, many_y), np.repeat(np.arange(200), 5))
    assert together == pytest.approx(alone, rel=0.03)
    low, high = slope_interval(x, y, fit_logistic(x, y))
    assert alone == pytest.approx((high - low) / 3.92, rel=0.2)
