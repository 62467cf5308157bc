"""The unusual laws: their derivatives, and that the solver ends where least squares do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from kammerton.estimation.curves.pulse_pairs import ERRORS, polynomials, populations
from kammerton.estimation.numeric import projection_kernels as kernels
from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.projection import Law, linear, refine

X = np.linspace(0.0, 1.0, 21)
GATES = np.arange(21.0)
LAWS = {
    "TRAIN": (Law(kernels.TRAIN, np.stack([GATES * np.pi - np.pi / 2, X])[None]), [2.5, 0.6]),
    "REPEATED": (Law(kernels.REPEATED, np.stack([0.5 + GATES % 2, X, -np.ones(21)])[None]),
                 [9.0, 0.4]),
    "PAIRS": (Law(kernels.PAIRS, polynomials()[None]), [0.1, -0.2, 0.15, 0.05]),
    "DECAYS": (Law(kernels.DECAYS, np.stack([X, (X > 0.5) + 0.0])[None]), [1.5, 2.5]),
    "ALIKE": (Law(kernels.ALIKE, np.stack([X, np.full(21, 0.05), np.full(21, 0.1)])[None], 6),
              [0.4, 0.6, 0.2, 0.7, 0.2]),
}  # fmt: skip


def of(law, seed):
    """Return linear parameters, and a batch of as many points as the law has rows."""
    rng = np.random.default_rng(seed)
    c = np.concatenate([[0.9, 0.1], rng.normal(size=law.linear - 2)])
    rows = law.curve(np.zeros((1, 6 + law.linear)) + 0.3).shape[1]
    return rng, c, rows


def seen(y, sigma=0.01):
    """Return a batch of one trace, with its mean."""
    batch = prepare(
        np.arange(y.size), y.ravel(), sigma, complex_too=False, from_zero=False, least=3
    )  # fmt: skip
    return batch.with_y(y.reshape(1, -1))


@pytest.mark.parametrize("name", LAWS)
def test_derivatives(name):
    law, p = LAWS[name]
    _, c, rows = of(law, 1)
    size, w = len(p), np.linspace(0.5, 1.5, rows)
    d = np.zeros((size, rows))
    far = np.full(size, 1e3)
    phi, room = np.zeros((law.linear, rows)), np.zeros((6, rows))
    kernels.columns(law.code, np.array(p), law.given[0], phi, room)
    kernels.slopes(law.code, np.array(p), -far, far, law.given[0], w, c[:, None].copy(), d, room)
    for k in range(size):
        ends = [law.curve(np.concatenate([np.add(p, h * np.eye(size)[k]), c])[None])[0]
                for h in (1e-6, -1e-6)]  # fmt: skip
        assert d[k] == pytest.approx(w * (ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-6)


def test_recurrence_is_the_law():
    law, p = LAWS["ALIKE"]
    theta = np.concatenate([p, np.ones(law.linear)])[None]
    curves = []
    for step in (0.0, 0.05):
        given = law.given.copy()
        given[0, 1] = step
        curves.append(Law(law.code, given, law.linear).curve(theta))
    assert curves[0] == pytest.approx(curves[1], abs=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_the_minimum_is_that_of_least_squares(name):
    law, p = LAWS[name]
    rng, c, rows = of(law, 2)
    truth = np.concatenate([p, c])
    sigma = rng.uniform(0.01, 0.02, rows)
    y = law.curve(truth[None])[0] + sigma * rng.normal(size=rows)
    batch = seen(y, sigma)
    low, high = np.sort([np.multiply(p, 0.1), np.multiply(p, 6.0)], axis=0)
    found = refine(law, batch, np.multiply(p, 1.05)[None], low, high)

    def left(theta):
        return (law.curve(theta[None])[0] - batch.y[0]) * batch.w[0]

    best = least_squares(left, truth, xtol=1e-12, ftol=1e-12, gtol=1e-12, x_scale="jac")
    error = np.sqrt(np.diag(found.cov[0]))
    assert found.cost[0] == pytest.approx(2 * best.cost, rel=1e-6)
    assert np.abs(found.theta[0] - best.x) == pytest.approx(0, abs=0.01 * error.max())
    assert found.cov[0] == pytest.approx(np.linalg.inv(best.jac.T @ best.jac), rel=1e-2, abs=1e-9)
    assert found.residual[0] == pytest.approx(-left(found.theta[0]), abs=1e-9)


def test_what_is_frozen_or_known_stays_and_a_pull_draws_to_zero():
    law, p = LAWS["TRAIN"]
    theta = np.array([[*p, 0.9, 0.1]])
    batch = seen(law.curve(theta))
    start, low, high = theta[:, :2], np.array([-3.0, 0.3]), np.array([3.0, 0.3])
    frozen = refine(law, batch, start, low, high)
    assert frozen.theta[0, 1] == 0.3
    assert (frozen.cov[0, 1] == 0).all()
    assert frozen.free[0] == 3
    prior = np.array([[[1e12, 0.0], [0.5, 0.0]]])
    known = refine(law, batch, start, low, np.array([3.0, 5.0]), prior)
    assert known.theta[0, 2] == pytest.approx(0.5, abs=1e-4)
    assert known.free[0] == 3
    pulls = [np.array([[0.0, weight]]) for weight in (0.0, 1e3, 1e9)]
    pulled = [refine(law, batch, start, -9 * high, 9 * high, pull=p).theta[0, 1] for p in pulls]
    assert pulled[0] == pytest.approx(p[1], abs=1e-4)
    assert pulled[0] > pulled[1] > pulled[2] == pytest.approx(0.0, abs=1e-4)


def test_columns_alone_are_a_linear_fit():
    y = 2.0 + 3.0 * X - X**2
    batch = seen(y)
    found = linear(np.stack([np.ones(21), X, X**2]), batch)
    assert found.theta[0] == pytest.approx([2.0, 3.0, -1.0], abs=1e-6)
    assert found.free[0] == 3


def test_the_polynomials_of_the_pairs_are_their_populations():
    errors = np.array([0.02, -0.03, 0.025, 0.01])
    law = Law(kernels.PAIRS, polynomials()[None])
    told = law.curve(np.array([[*errors, 1.0, 0.0]]))[0]
    assert len(ERRORS) == kernels.PAIR
    assert told == pytest.approx(populations(errors), abs=1e-4)
