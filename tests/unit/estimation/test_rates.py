"""Decays whose rate alone is searched: the minimum and the errors of the general solver, sooner."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from kammerton.estimation.numeric.kernels import DECAY
from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.rates import exponentials, fill_rates
from kammerton.estimation.numeric.solver import solve
from tests.yardstick import spent

READY = partial(prepare, complex_too=False, from_zero=True, least=4)
LOW, HIGH = np.array([-1.0, 0.0]), np.array([200.0, 0.0])


def decays(n, fastest, even=True, missing=False, noise=0.03):
    rng = np.random.default_rng(11)
    x = np.linspace(0.0, 1.0, 51) if even else np.sort(rng.random(51))
    rate = rng.uniform(0.5, fastest, n)
    y = 0.1 + rng.uniform(0.3, 0.9, n)[:, None] * np.exp(-rate[:, None] * (x - x[0]))
    y += noise * rng.normal(size=y.shape)
    if missing:
        y[:, ::7] = np.nan
    sigma = np.maximum(noise, 0.01) * rng.uniform(0.8, 1.2, y.shape)
    start = np.zeros((n, 2))
    start[:, 0] = rate * np.exp(0.2 * rng.normal(size=n))
    return READY(x, y, sigma), start


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("missing", [True, False])
def test_minimum_and_errors_are_those_of_the_general_solver(even, missing):
    batch, start = decays(200, 12.0, even, missing)
    quick, usual = exponentials(batch, start, LOW, HIGH), solve(DECAY, batch, start, LOW, HIGH)
    error = np.sqrt(usual.cov.diagonal(axis1=1, axis2=2))[:, [0, 2, 3]]
    assert (np.abs(quick.theta - usual.theta)[:, [0, 2, 3]] < 1e-3 * error).all()
    np.testing.assert_allclose(quick.cov, usual.cov, rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(quick.cost, usual.cost, rtol=1e-6)
    np.testing.assert_allclose(quick.cost, (quick.residual**2).sum(axis=1), rtol=1e-12)
    assert (quick.free == usual.free).all()


def test_what_has_no_noise_is_found_exactly():
    batch, start = decays(50, 6.0, noise=0.0)
    quick = exponentials(batch, start, LOW, HIGH)
    assert (quick.cost < 1e-12 * (batch.y * batch.w).std(axis=1)).all()


def test_what_the_sums_cannot_tell_is_left_to_the_general_solver():
    batch, start = decays(3, 6.0)
    flat = batch.y.copy()
    flat[1] = 0.0
    batch = batch.with_y(flat)
    theta, cov, residual = np.zeros((3, 4)), np.empty((3, 4, 4)), np.empty_like(batch.y)
    cost, done = np.empty(3), np.empty(3, dtype=np.bool_)
    theta[:, 0] = start[:, 0]
    fill_rates(batch.x, batch.step, batch.y, batch.w, -1.0, 200.0, 40, theta, cov, residual, cost,
               done)  # fmt: skip
    assert done.tolist() == [True, False, True]
    quick, usual = exponentials(batch, start, LOW, HIGH), solve(DECAY, batch, start, LOW, HIGH)
    np.testing.assert_array_equal(quick.cov[1], usual.cov[1])
    assert quick.cost[1] == usual.cost[1]


def test_a_rate_alone_is_searched_in_half_the_time():
    batch, start = decays(1000, 12.0)
    ways = (lambda: exponentials(batch, start, LOW, HIGH),
            lambda: solve(DECAY, batch, start, LOW, HIGH))  # fmt: skip
    took = [[spent(way) for way in ways] for _ in range(12)]
    quick, usual = np.min(took, axis=0)
    assert quick < 0.5 * usual
