"""Designs from a Jacobian, against what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.design import Timing, c_optimal, sweep_design
from kammerton.estimation.design.optimal import jacobian

X = np.linspace(0.0, 12.0, 601)  # in T
LOG_TIME = X * np.exp(-X)  # d exp(-t/T) / d ln T
FREE = np.stack([LOG_TIME, np.exp(-X), np.ones_like(X)], axis=1)


def variance(rows, shares, of=0):
    return np.linalg.inv((rows * shares[:, None]).T @ rows)[of, of]


def test_t1_with_known_levels_wants_one_delay_at_t1():
    found = c_optimal(LOG_TIME[:, None])
    assert X[found.shares.argmax()] == pytest.approx(1.0, abs=0.02)
    assert found.shares.max() > 0.99
    assert found.variance == pytest.approx(np.e**2, rel=1e-3)


def test_t1_with_free_levels_wants_a_start_a_middle_and_an_end():
    """Weights .175, .5, .325 at 0, T and infinity; variance 29.6 for one shot of unit noise."""
    found = c_optimal(FREE)
    ends, middle = found.shares[0] + found.shares[-1], found.shares[1:-1].sum()
    assert middle == pytest.approx(0.5, abs=0.01)
    assert found.shares[0] == pytest.approx(0.175, abs=0.02)
    assert ends + middle == pytest.approx(1.0)
    assert found.variance == pytest.approx(29.6, rel=0.01)


def test_the_promise_is_the_variance_of_the_shares():
    keep = c_optimal(FREE).shares
    assert variance(FREE, keep) == pytest.approx(c_optimal(FREE).variance, rel=1e-6)


def test_no_other_shares_are_better():
    best = c_optimal(FREE).variance
    rng = np.random.default_rng(1)
    for _ in range(300):
        some = np.zeros(X.size)
        some[rng.choice(X.size, 5, replace=False)] = rng.dirichlet(np.ones(5))
        assert variance(FREE, some) >= best * (1 - 1e-9)


def test_time_draws_the_delay_in():
    cost = X + 0.01
    found = c_optimal(LOG_TIME[1:, None], seconds=cost[1:])
    at = X[1:][found.shares.argmax()]
    gain = LOG_TIME[1:] ** 2 / cost[1:]
    assert at == pytest.approx(X[1:][gain.argmax()])
    assert found.variance == pytest.approx(1 / gain.max())


def test_noise_and_units_are_no_matter():
    scaled = c_optimal(FREE * [1e-6, 1e3, 1e9], sigma=2.0)
    assert scaled.variance == pytest.approx(4 * c_optimal(FREE).variance * 1e12, rel=1e-6)


def rabi(x, theta):
    period, contrast, offset = theta
    return offset - contrast / 2 * np.cos(2 * np.pi * x / period)


def test_a_rabi_sweep_keeps_its_promise():
    windows = [np.linspace(0, w, 51) for w in (0.15, 0.3, 0.6)]
    sweep = sweep_design(rabi, [0.4, 0.9, 0.5], windows, 1e-3, 0.5, Timing(250e-6))
    assert sweep.x[-1] == 0.6
    assert sweep.promised <= 1e-3
    assert sweep.promised == pytest.approx(1e-3, rel=0.02)
    assert sweep.seconds == pytest.approx(51 * sweep.shots * 250e-6)
    rng = np.random.default_rng(2)
    rows = jacobian(rabi, sweep.x, np.array([0.4, 0.9, 0.5]))
    noise = rng.normal(size=(51, 4000)) * 0.5 / np.sqrt(sweep.shots)
    errors = np.linalg.lstsq(rows, noise, rcond=None)[0][0]
    assert errors.std() == pytest.approx(sweep.promised, rel=0.05)


def lorentzian(x, theta):
    centre, width, height, offset = theta
    return offset + height / (1 + (2 * (x - centre) / width) ** 2)


def test_a_line_is_best_seen_in_a_few_of_its_widths():
    windows = [5e9 + np.linspace(-w, w, 101) for w in (0.2e6, 2e6, 100e6)]
    sweep = sweep_design(lorentzian, [5e9, 2e6, 0.4, 0.1], windows, 20e3, 0.5, Timing(250e-6))
    assert np.ptp(sweep.x) == pytest.approx(4e6)


def test_delays_cost_their_time():
    def law(x, theta):
        return np.exp(-x / theta[0])

    x = np.linspace(0, 100e-6, 51)
    sweep = sweep_design(law, [50e-6], [x], 2.5e-6, 0.5, Timing(2e-6), delays=True)
    assert sweep.seconds == pytest.approx(sweep.shots * (x.sum() + 51 * 2e-6))
