"""Numbers derived from fitted parameters: errors, correlation, and what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.numeric.derived import derive

X = np.linspace(0.0, 100e-6, 51)


def test_linear_formulas_are_exact():
    theta, cov = np.array([[1.0, 2.0]]), np.array([[[4.0, 1.0], [1.0, 9.0]]])
    found = derive(
        lambda p: {"sum": p[..., 0] + p[..., 1], "difference": p[..., 0] - p[..., 1]}, theta, cov
    )
    assert found.stderr["sum"] == pytest.approx([np.sqrt(15)])
    assert found.stderr["difference"] == pytest.approx([np.sqrt(11)])
    assert found.correlation[0, 0, 1] == pytest.approx(-5 / np.sqrt(15 * 11))


def test_nanovolts_are_no_matter():
    theta, cov = np.array([[2e-9, 1e-9]]), np.diag([1e-22, 4e-22])[None]
    ratio = derive(lambda p: {"ratio": p[..., 0] / p[..., 1]}, theta, cov)
    assert ratio.stderr["ratio"] == pytest.approx([2 * np.hypot(0.5e-2, 2e-2)], rel=1e-3)


def test_a_number_that_is_not_there_has_no_error():
    theta, cov = np.array([[-1.0], [4.0]]), np.ones((2, 1, 1))
    found = derive(lambda p: {"root": np.sqrt(p[..., 0]), "same": p[..., 0]}, theta, cov)
    assert np.isnan(found.stderr["root"]).tolist() == [True, False]
    assert np.isfinite(found.stderr["same"]).all()
    assert np.isnan(found.correlation[0, 0, 1])


def test_correlation_is_what_repeated_measurements_show():
    rng = np.random.default_rng(1)
    y = 0.1 + 0.8 * np.exp(-X / 60e-6) + 0.01 * rng.normal(size=(2000, X.size))
    found = fit_batch("t1", X, y, 0.01)
    rows = np.array([found.values[name] for name in found.values])
    assert found.correlation.shape == (2000, 3, 3)
    assert np.median(found.correlation, axis=0) == pytest.approx(np.corrcoef(rows), abs=0.1)


def test_a_fit_holds_the_correlation_of_the_values_it_has():
    x = np.linspace(0.0, 1.0, 101)
    y = 0.5 + 0.5 * np.exp(-x) * np.cos(40 * x) + 0.01 * np.random.default_rng(2).normal(size=101)
    fit = fit_batch("ramsey", x, y).fit(0, "q0")
    assert "frequency_splitting" not in fit.values
    assert fit.correlation.shape == (len(fit.values), len(fit.values))
    assert np.diag(fit.correlation) == pytest.approx(1.0)


def test_advice_says_how_long_the_window_shall_be():
    rng = np.random.default_rng(3)
    short = fit_batch("t1", X, np.exp(-X / 1e-3) + 0.02 * rng.normal(size=X.size), 0.02)
    advice = short.advice[0]
    assert short.status[0] == "range too narrow"
    assert advice.extend_window_to == pytest.approx(advice.window_times * 100e-6)
