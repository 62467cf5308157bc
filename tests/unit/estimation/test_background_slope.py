"""A faint slope of a resonator's background is seen before it bends the resonance."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.numeric.kernels import POWER
from kammerton.estimation.numeric.poles import ALONE, fit_poles
from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.solver import solve
from kammerton.estimation.resonances.magnitude import slope_gain
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

F = np.linspace(7.0e9, 7.02e9, 201)
X = np.linspace(0.0, 1.0, 201)
UNEVEN = np.sort(np.r_[0.0, 1.0, np.random.default_rng(2).uniform(size=199)])
SIGMA = 0.02


def notches(slope, n, x=X):
    rng = np.random.default_rng(4)
    cable = 0.8 * np.exp(1j * (0.4 - 2 * np.pi * 0.7 * x))
    s = cable * (1 + slope * (x - 0.5) - 0.7 / (1 + 2j * (x - 0.4) / 0.12))
    return s + SIGMA * (rng.normal(size=(n, len(x))) + 1j * rng.normal(size=(n, len(x))))


def gains(slope, x, sigma):
    """Return what a slope is said to gain in chi-square, and what it does."""
    batch = prepare(x, notches(slope, 40, x), sigma, complex_too=True, from_zero=False, least=8)
    start = np.tile([0.4, 0.12, 0.7 - slope.imag / (2 * np.pi)], (40, 1))
    ends = np.array([-0.3, 0.003, -9.0]), np.array([1.3, 5.0, 9.0])
    level, gain = fit_poles(ALONE, batch, start, *ends)
    bent, _ = fit_poles(ALONE, batch, level.p, *ends, slope=True)
    noise = 1.0 if sigma else level.cost / (batch.rows - level.free)
    return gain, (level.cost - bent.cost) / noise


@pytest.mark.parametrize("sigma", [SIGMA, None])
@pytest.mark.parametrize("x", [X, UNEVEN], ids=["even", "uneven"])
def test_the_gain_is_that_of_a_fit_with_a_slope(x, sigma):
    gain, told = gains(0.05 + 0j, x, sigma)
    assert np.median(told) > 5
    off = np.abs(gain / told - 1)  # a fit may find another minimum, too
    assert np.quantile(off, 0.75) < 0.05
    assert off.max() < 0.5


@pytest.mark.parametrize("x", [X, UNEVEN], ids=["even", "uneven"])
def test_a_slope_of_the_phase_is_seen_too(x):
    """It is a longer delay to first order; what is left of it was not asked for."""
    gain, told = gains(0.6j, x, SIGMA)
    assert np.median(told) > 15
    assert np.quantile(np.abs(gain / told - 1), 0.75) < 0.25


def test_a_faint_slope_does_not_move_the_resonance():
    found = fit_batch("resonator_spectroscopy", F, notches(0.04, 200), SIGMA)
    truth = {"frequency": 7.008e9, "linewidth": 2.4e6}
    for name, value in truth.items():
        off = (found.values[name] - value) / found.stderr[name]
        assert abs(off.mean()) < 0.25
        assert np.std(off) < 1.15


def test_a_sloping_background_alone_is_no_resonance():
    """Of 1500 lines this one looks most like it, as the seed's delay is not the fit's."""
    truth = truths()["resonator_spectroscopy, notch"]
    line = next(broken for broken in BROKEN if broken.name == "line")
    found = truth.fit(line.traces(truth, 11, 1500).take(slice(651, 652)))
    assert found.status[0] == "no signal"


def magnitudes(slope, linewidths, n=500):
    """Return f, sizes of notches in a window of so many linewidths of 1 MHz, and their places."""
    rng = np.random.default_rng(2)
    x, off = np.linspace(-0.5, 0.5, 101), rng.uniform(-0.3, 0.3, (n, 1))
    s = (1 + slope * x) * (1 - 0.667 / (1 + 2j * (linewidths * x - off)))
    noise = rng.normal(size=s.shape) + 1j * rng.normal(size=s.shape)
    return 6e9 + 1e6 * linewidths * x, np.abs(s + 0.01 * noise), 6e9 + 1e6 * off[:, 0]


@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize(("slope", "linewidths"), [(0.03, 5), (0.06, 3), (0.3, 3), (-0.3, 5)])
def test_a_gain_that_slopes_does_not_move_the_resonance_of_a_magnitude(slope, linewidths, sigma):
    f, y, place = magnitudes(slope, linewidths)
    found = fit_batch("resonator_spectroscopy", f, y, sigma, geometry="notch")
    assert (found.verdict == "accepted").mean() > 0.997  # or, by chance, compressed
    loaded = place / 1e6
    truth = {"frequency": place, "linewidth": 1e6, "q_loaded": loaded,
             "q_coupling": loaded / 0.667, "q_internal": loaded / 0.333}  # fmt: skip
    for name, value in truth.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(np.median(pull)) < 0.7, name
        assert np.std(pull) < 1.15, name
        assert np.mean(np.abs(pull) > 3) < 0.02, name


@pytest.mark.parametrize("sigma", [0.01, None])
def test_the_gain_of_a_magnitudes_slope_is_that_of_a_fit_with_one(sigma):
    x = np.linspace(0.0, 1.0, 101)
    line = 1 / (1 + ((x - 0.4) / 0.1) ** 2)
    truth = 1 + 0.02 * (x - 0.5) - (0.6 + 0.1 * (x - 0.4) / 0.1) * line
    y = truth + 0.01 * np.random.default_rng(3).normal(size=(60, 101))
    batch = prepare(x, y, sigma, complex_too=False, from_zero=False, least=8)
    start, low, high = np.tile([0.4, 0.1], (60, 1)), np.array([-0.3, 0.003]), np.array([1.3, 2.5])
    level = solve(POWER, batch, start, low, high)
    bent = solve(POWER, batch, level.p, low, high, more=1)
    noise = 1.0 if sigma else level.cost / (batch.rows - level.free)
    told = (level.cost - bent.cost) / noise
    assert np.median(told) > 5
    assert np.abs(slope_gain(batch, level) / told - 1).max() < 0.3


def faint_slopes(slope, linewidths, parts):
    """Return f, notches at an SNR of 100 in such a window, and their places."""
    rng, n = np.random.default_rng(1), 1000
    x, off = np.linspace(-0.5, 0.5, 101), rng.uniform(-0.15, 0.15, (n, 1)) * linewidths
    ratio = 0.667 * np.exp(1j * rng.uniform(-0.4, 0.4, (n, 1)))
    s = (1 + slope * x) * (1 - ratio / (1 + 2j * (linewidths * x - off)))
    turned = s * np.exp(-2j * np.pi * rng.uniform(-0.3, 1.0, (n, 1)) * x)
    noise = 0.01 * (rng.normal(size=s.shape) + 1j * rng.normal(size=s.shape))
    y = turned + noise if parts == 2 else np.abs(s) + noise.real
    return 6e9 + 1e6 * linewidths * x, y, 6e9 + 1e6 * off[:, 0]


@pytest.mark.parametrize("parts", [1, 2], ids=["magnitude", "complex"])
@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize(
    ("slope", "linewidths"),
    [(0.0, 3), (0.01, 3), (0.02, 3), (0.03, 3), (0.02, 5), (-0.02, 5), (0.01, 10), (0.01, 20)],
)
def test_a_slope_that_is_not_seen_is_in_the_errors(slope, linewidths, sigma, parts):
    f, y, place = faint_slopes(slope, linewidths, parts)
    found = fit_batch("resonator_spectroscopy", f, y, sigma)
    assert (found.verdict == "accepted").mean() > 0.99
    for name, value in {"frequency": place, "linewidth": 1e6}.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(np.median(pull)) < 0.15, name
        assert 0.92 < np.std(pull) < 1.08, name
        assert np.mean(np.abs(pull) > 3) < 0.01, name
