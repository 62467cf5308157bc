"""What may look like a resonance in the plane: a jump beside a cable that turns the phase."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.resonances.nulls import fill_jumps
from tests.catalogue import nothing
from tests.catalogue.registry import truths

X = np.linspace(0.0, 1.0, 41)
UNEVEN = np.sort(np.r_[0.0, 1.0, np.random.default_rng(2).uniform(size=39)])


def least(batch, delay):
    """The cost of the best of all jumps, by least squares."""
    x, m = batch.x[0], batch.points
    z, w = batch.y[0, :m] + 1j * batch.y[0, m:], batch.w[0, :m]
    costs = []
    for k in range(1, m):
        after = np.arange(m) >= k
        columns = np.stack([~after, after, np.exp(-2j * np.pi * delay * x)], axis=1) * w[:, None]
        c = np.linalg.lstsq(columns, z * w, rcond=None)[0]
        costs.append(np.sum(np.abs(z * w - columns @ c) ** 2))
    return min(costs)


@pytest.mark.parametrize("x", [X, UNEVEN], ids=["even", "uneven"])
def test_the_best_jump_is_that_of_least_squares(x):
    rng = np.random.default_rng(3)
    z = np.exp(-2j * np.pi * 0.8 * x) + 0.3 * (x > 0.7)
    z = z + 0.05 * (rng.normal(size=41) + 1j * rng.normal(size=41))
    z[[4, 40]] = np.nan
    batch = prepare(x, z, np.linspace(0.03, 0.06, 41), complex_too=True, from_zero=False, least=8)
    delays, out = np.array([[0.5, 0.8, 1.1]]), np.empty((1, 3))
    fill_jumps(batch.x, batch.step, batch.y, batch.w, delays, out)
    assert out[0] == pytest.approx([least(batch, each) for each in delays[0]], rel=1e-6)


@pytest.mark.parametrize(("seed", "which"), [(0, [5349, 6792, 7852]), (1, [2825, 4721, 7801])])
def test_a_jump_beside_a_cable_is_no_resonance(seed, which):
    """Of 10,000 traces with a jump these were taken for a notch, over a background that slopes."""
    truth = truths()["resonator_spectroscopy, notch"]
    traces = nothing.step(truth, np.random.default_rng([seed, 5]), 10_000)
    found = truth.fit(traces.take(which))
    assert set(found.status) <= {"drift during scan", "signal too weak"}
