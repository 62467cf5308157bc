"""Ramsey fringes in windows much longer than they last, and much shorter."""

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.early_end import hangs_on_shape
from kammerton.estimation.numeric.solver import Solution

T2 = 4e-6


def fringes(window, points, frequency, sigma, shape=1, n=1000):
    rng, t = np.random.default_rng(5), np.linspace(0.0, window * T2, points)
    wave = np.exp(-((t / T2) ** shape)) * np.cos(2 * np.pi * frequency * t)
    return t, 0.5 + 0.45 * wave + sigma * rng.normal(size=(n, points))


@pytest.mark.parametrize(
    ("window", "points", "sigma", "shape"),
    [(6, 51, 0.05, 1), (6, 51, 0.05, 2), (30, 201, 0.015, 1), (4, 51, 0.07, 1)],
)
def test_fringes_long_gone_lead_no_frequency_astray(window, points, sigma, shape):
    t, y = fringes(window, points, 0.3e6, sigma, shape)
    fit = fit_batch("ramsey", t, y, sigma)
    good = fit.verdict == "accepted"
    pull = (fit.values["frequency"] - 0.3e6)[good] / fit.stderr["frequency"][good]
    assert good.mean() > 0.9
    assert pull.std() < 1.15
    assert np.abs(pull).max() < 6.0


def test_a_frequency_whose_line_reaches_half_the_sampling_may_be_an_alias():
    t, y = fringes(20, 101, 0.6e6, 0.015, shape=2)
    fit = fit_batch("ramsey", t, y, 0.015)
    assert (fit.verdict == "accepted").mean() < 0.01
    assert (fit.status == "sampling too coarse").mean() > 0.5


@pytest.mark.parametrize("window", [0.3, 0.5])
def test_what_ends_early_hangs_on_the_shape_and_is_refused(window):
    rng, t = np.random.default_rng(3), np.linspace(0.0, window * T2, 51)
    p = 0.5 + 0.48 * np.exp(-t / T2) * np.cos(2 * np.pi * 4 * t / t[-1])
    fit = fit_batch("ramsey", t, rng.binomial(300, p, size=(1000, 51)) / 300, shots=300)
    assert (fit.verdict == "accepted").mean() < 0.02
    narrow = fit.status == "range too narrow"
    assert narrow.mean() > 0.9
    assert all(advice.window_times >= 2.0 for advice in fit.advice[narrow])


def test_with_shots_enough_a_short_window_tells_the_shape():
    rng, t = np.random.default_rng(3), np.linspace(0.0, 0.5 * T2, 51)
    p = 0.5 + 0.48 * np.exp(-((t / T2) ** 2)) * np.cos(2 * np.pi * 4 * t / t[-1])
    fit = fit_batch("ramsey", t, rng.binomial(3000, p, size=(500, 51)) / 3000, shots=3000)
    assert (fit.verdict == "accepted").mean() > 0.98


def test_a_time_hangs_on_a_shape_that_is_not_told():
    """Where the fall a + b within the window is known, and what is a and what b is not."""
    rate, shape = np.array([0.5, 0.5, 2.0]), np.array([0.8, 0.2, 0.8])  # the last: all seen
    slope = np.array([[1 - shape, -rate], [2 * shape * rate, rate**2]]).transpose(2, 0, 1)
    back, none = np.linalg.inv(slope), np.zeros(3)
    for error, found in ((0.01, []), (0.3, [0, 1])):
        apart = error**2 * np.array([[1.0, -1.0], [-1.0, 1.0]]) + 1e-4 * np.eye(2)
        cov = back @ apart @ back.transpose(0, 2, 1)
        theta = np.column_stack([rate, shape])
        fit = Solution(1, theta, cov, none, np.zeros((3, 1)), np.full(3, 2))
        assert hangs_on_shape(fit, np.ones(3), 0.7, 0.15).tolist() == found
