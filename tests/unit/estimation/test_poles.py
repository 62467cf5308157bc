"""Resonances by sums: minimum and errors are those of least squares, however much is shared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from kammerton.estimation.numeric.poles import ALIKE, ALONE, APART, curves, fit_poles, mixing
from kammerton.estimation.numeric.prepare import prepare

X = np.linspace(0.0, 1.0, 61)
UNEVEN = np.sort(np.r_[0.0, 1.0, np.random.default_rng(2).uniform(size=59)])
LEVEL, LINE, OTHER, SLOPE = [0.9, 0.3], [-0.5, 0.2], [-0.4, -0.2], [0.1, -0.05]
CASES = {
    "alone": (ALONE, [0.4, 0.15, 1.7, *LEVEL, *LINE, *SLOPE]),
    "alike": (ALIKE, [0.4, 0.6, 0.15, 0.7, *LEVEL, *LINE, *SLOPE]),
    "apart": (APART, [0.4, 0.6, 0.15, 0.2, -2.7, *LEVEL, *LINE, *OTHER, *SLOPE]),
}


def law(sharing, theta, x):
    """The law, written down plainly: (S, 2 M)."""
    rows = []
    for place in sharing.where:
        centre, width, delay, *c = (np.append(theta, [0.0, 0.0])[k] for k in place)
        level, line, slope = (complex(*c[k : k + 2]) for k in (0, 2, 4))
        s = level + slope * (x - 0.5) + line / (1 + 2j * (x - centre) / width)
        s = s * np.exp(-2j * np.pi * delay * x)
        rows.append(np.concatenate([s.real, s.imag]))
    return np.array(rows)


def seen(sharing, theta, x, seed, noise=0.02):
    """Return one noisy fit's batch; its points are not all as good, and one is missing."""
    rng, clean = np.random.default_rng(seed), law(sharing, theta, x)
    sigma = noise * np.linspace(0.7, 1.3, len(x))
    y = clean + np.tile(sigma, 2) * rng.normal(size=clean.shape)
    z = y[:, : len(x)] + 1j * y[:, len(x) :]
    z[0, 5] = np.nan
    batch = prepare(x, z, np.tile(sigma, (len(z), 1)), complex_too=True, from_zero=False, least=8)
    return batch.with_y(batch.y.reshape(1, -1), batch.w.reshape(1, -1))


def ends(sharing):
    return np.full(sharing.nonlinear, -9.0), np.full(sharing.nonlinear, 9.0)


@pytest.mark.parametrize("x", [X, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize(("name", "slope"), [
    ("alone", False), ("alike", False), ("alike", True), ("apart", False), ("apart", True),
])  # fmt: skip
def test_the_minimum_is_that_of_least_squares(name, x, slope):
    sharing, truth = CASES[name]
    truth = np.array(truth if slope else truth[:-2])
    batch = seen(sharing, truth, x, 3)
    start = truth[None, : sharing.nonlinear] * 1.03
    found, _ = fit_poles(sharing, batch, start, *ends(sharing), slope=slope)

    def left(theta):
        return (batch.y - law(sharing, theta, batch.x[0]).reshape(1, -1))[0] * batch.w[0]

    best = least_squares(left, truth, xtol=1e-12, ftol=1e-12, gtol=1e-12, x_scale="jac")
    error = np.sqrt(np.diag(found.cov[0]))
    assert found.cost[0] == pytest.approx(2 * best.cost, rel=4e-6)
    assert np.abs(found.theta[0] - best.x) / error == pytest.approx(0, abs=0.05)
    cov = np.linalg.inv(best.jac.T @ best.jac)
    assert found.cov[0] / np.outer(error, error) == pytest.approx(
        cov / np.outer(error, error), abs=0.01
    )
    assert found.residual[0] == pytest.approx(left(found.theta[0]), abs=1e-9)
    curve = curves(sharing, batch, found.theta, slope=slope)
    assert curve[0] == pytest.approx(law(sharing, found.theta[0], batch.x[0]).ravel(), abs=1e-12)


def test_what_is_exact_is_found_exactly():
    for sharing, truth in CASES.values():
        batch = seen(sharing, truth, X, 4, 1e-13)
        start = np.array(truth)[None, : sharing.nonlinear] * 1.03
        found, _ = fit_poles(sharing, batch, start, *ends(sharing), slope=True)
        assert found.theta[0] == pytest.approx(truth, rel=1e-7)


def test_a_ridge_draws_the_slope_to_zero():
    sharing, truth = CASES["alike"]
    batch = seen(sharing, truth, X, 5)
    start = np.array(truth)[None, : sharing.nonlinear]
    sizes = [
        np.hypot(*fit_poles(sharing, batch, start, *ends(sharing), slope=True, ridge=each)[0]
                 .theta[0, -2:])
        for each in (0.0, 1e4, 1e9)
    ]  # fmt: skip
    assert sizes[0] > sizes[1] > 100 * sizes[2]


def test_a_fit_with_parameters_at_bounds_comes_to_the_minimum():
    """A step that takes a held parameter for free leads the others astray."""
    rng = np.random.default_rng(57)
    steps = rng.normal(size=(1, 61)) + 1j * rng.normal(size=(1, 61))
    walk = 10.0 + np.cumsum(steps, axis=1)
    batch = prepare(X, walk, np.ones(61), complex_too=True, from_zero=False, least=8)
    low, high = np.array([-0.3, 0.01, -30.0]), np.array([1.3, 5.0, 30.0])
    found, _ = fit_poles(ALONE, batch, np.array([[0.5, 0.5, 0.0]]), low, high, slope=True)
    assert found.p[0, 0] == low[0]

    def left(own):
        held = np.concatenate([low[:1], own])
        return fit_poles(ALONE, batch, held[None], held, held, slope=True)[0].residual[0]

    best = least_squares(left, found.p[0, 1:], bounds=(low[1:], high[1:]), x_scale=[1.0, 0.1])
    assert 2 * best.cost == pytest.approx(found.cost[0], rel=1e-4)


@pytest.mark.parametrize("part", [0.0, 0.05])
def test_a_mixture_is_seen_before_it_is_fitted(part):
    truth = np.array(CASES["alike"][1][:-2])
    clean, swapped = law(ALIKE, truth, X), law(ALIKE, truth[[1, 0, *range(2, 8)]], X)
    clean[1] += part * (swapped[1] - clean[1])
    rng, sigma, pulls, parts = np.random.default_rng(6), 0.02, [], []
    for _ in range(200):
        y = clean + sigma * rng.normal(size=clean.shape)
        z = y[:, :61] + 1j * y[:, 61:]
        batch = prepare(X, z, sigma, complex_too=True, from_zero=False, least=8)
        batch = batch.with_y(batch.y.reshape(1, -1), batch.w.reshape(1, -1))
        fit, _ = fit_poles(ALIKE, batch, truth[None, :4], *ends(ALIKE))
        told, gain = mixing(ALIKE, batch, fit, slope=False)
        parts.append(told[0])
        pulls.append(np.sign(told[0]) * np.sqrt(gain[0]))
    assert np.mean(parts) == pytest.approx(part, abs=0.01)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
