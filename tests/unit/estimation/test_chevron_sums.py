"""The sums of a chevron's refinement: they are those of the law and its slopes, and quick."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from kammerton.estimation.maps.chevron import LATE, Image, descend, exchanged
from kammerton.estimation.maps.chevron_sums import SUMMED, eliminate, sum_up
from tests.catalogue.broken import BROKEN
from tests.catalogue.truths_chevron import TRUTHS
from tests.yardstick import least, spent

THETA = np.array([2.3, 0.45, 5.0, 3.0, 0.05, 0.8])
SLOPES = slice(0, 6)
LAW, LEVEL, DATA = 6, 7, 8
IDLE = 8e-3  # s of the idle machine; 50 before anything of it was compiled, 12 before all was


def summed(t, y, w, a):
    total = np.empty((SUMMED, SUMMED))
    sum_up(THETA, a, t - THETA[LATE], y, w, total)
    return total


def of_law(t, a):
    """Return the six slopes and the law (7, A, B), by differences."""
    step = 1e-6 * np.eye(6)
    ends = [exchanged(THETA + s, a[:, None], t) - exchanged(THETA - s, a[:, None], t) for s in step]
    return np.array([*(each / 2e-6 for each in ends), exchanged(THETA, a[:, None], t)])


@pytest.mark.parametrize("points", [5, 8, 9, 101])
@pytest.mark.parametrize("even", [True, False])
def test_sums_are_those_of_the_law_and_its_slopes(points, even):
    rng = np.random.default_rng(3)
    t = np.linspace(0.0, 1.0, points) if even else np.sort(rng.random(points))
    a = np.linspace(0.0, 1.0, 13)
    y, w = rng.normal(size=(13, points)), rng.uniform(0.5, 2.0, (13, points))
    w[3, 2] = 0.0
    each = np.array([*of_law(t, a), np.ones_like(y), y]) * w
    expected = np.einsum("iab,jab->ij", each, each)
    size = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
    np.testing.assert_allclose(summed(t, y, w, a) / size, expected / size, atol=1e-7)


@pytest.mark.parametrize("alike", [False, True])
def test_height_and_level_are_eliminated_as_least_squares_do(alike):
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(SUMMED, 40))
    if alike:  # a law that is a constant
        columns[LAW] = 0.5 * columns[LEVEL]
    c, pull, hessian = np.empty(2), np.empty(6), np.empty((6, 6))
    cost = eliminate(columns @ columns.T, c, pull, hessian)
    both = columns[LAW:DATA].T
    best = np.linalg.pinv(both) @ columns[DATA]
    left = columns[DATA] - both @ best
    slopes = best[0] * columns[SLOPES]
    apart = slopes - slopes @ both @ np.linalg.pinv(both)
    np.testing.assert_allclose(c, best, rtol=1e-7)
    assert cost == pytest.approx(left @ left)
    np.testing.assert_allclose(pull, slopes @ left, rtol=1e-7)
    np.testing.assert_allclose(hessian, slopes @ apart.T, rtol=1e-7, atol=1e-9)


def test_nothing_measured_says_nothing():
    c, pull, hessian = np.empty(2), np.empty(6), np.empty((6, 6))
    assert eliminate(np.zeros((SUMMED, SUMMED)), c, pull, hessian) == 0.0
    assert not c.any()
    assert not pull.any()
    assert not hessian.any()


def test_a_refinement_ends_where_least_squares_do():
    rng = np.random.default_rng(7)
    a, t = np.linspace(0.0, 1.0, 13)[:, None], np.linspace(0.0, 1.0, 41)[None, :]
    y = 0.1 + 0.8 * exchanged(THETA, a, t) + 0.02 * rng.normal(size=(13, 41))
    w = np.full(y.shape, 50.0)
    w[3, 2] = 0.0
    prior = np.zeros(6), np.array([0.0, 0.0, 0.0, 0.0, 2.0, 0.2])

    def off(p):
        left = (y - p[7] - p[6] * exchanged(p[:6], a, t)) * w
        return np.concatenate([left.ravel(), p[:6] * prior[1]])

    start = THETA * 1.03
    best = least_squares(off, [*start, 0.7, 0.2], xtol=1e-12, ftol=1e-12, gtol=1e-12)
    found = descend(Image(a, t, y, w), start, prior)
    assert found.cost == pytest.approx(2.0 * best.cost, abs=1e-3)
    error = np.sqrt(np.linalg.inv(best.jac.T @ best.jac).diagonal())
    assert (np.abs(found.theta - best.x[:6]) < 0.05 * error[:6]).all()
    height, level = found.c
    assert (height, level + found.level) == pytest.approx(best.x[6:], abs=1e-4)


@pytest.mark.parametrize(("name", "n"), [("telegraph noise", 8), ("random walk and noise", 4)])
def test_a_map_of_another_law_does_not_take_long(name, n):
    truth = TRUTHS["cz_chevron"]
    broken = next(each for each in BROKEN if each.name == name)
    map_ = broken.traces(truth, 9, n).take(slice(n - 1, n))
    assert truth.fit(map_).verdict[0] == "rejected"
    assert least(lambda: spent(lambda: truth.fit(map_)), IDLE) < IDLE
