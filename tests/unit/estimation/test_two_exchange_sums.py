"""Two exchanges fitted together: slopes, the best pair of places, and where the descent ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from kammerton.estimation.maps.chevron import AT, BOUNDS, exchanged
from kammerton.estimation.maps.chevron_sums import descend_two, fill_two, likeliest, multiply

NOW = np.array([2.3, 0.35, 5.0, 3.0, 0.05, 0.8, 0.7, 0.6, 0.25, 0.1])
A, B = 13, 41


def both(p, a, t):
    """Return two exchanges (A, B)."""
    other = p[:6].copy()
    other[AT] = p[6]
    return p[7] * exchanged(p[:6], a[:, None], t) + p[8] * exchanged(other, a[:, None], t) + p[9]


def axes(even=True):
    t = np.linspace(0.0, 1.0, B)
    return np.linspace(0.0, 1.0, A), t if even else np.sort(np.random.default_rng(1).random(B))


@pytest.mark.parametrize("even", [True, False])
def test_slopes_and_what_is_left_are_those_of_two_exchanges(even):
    rng, (a, t) = np.random.default_rng(3), axes(even)
    y, w = rng.normal(size=(A, B)), rng.uniform(0.5, 2.0, (A, B))
    w[3, 2] = 0.0
    each = np.full((A, 11, B), np.nan)
    chi2 = fill_two(NOW, a, t, y, w, each)
    steps = 1e-6 * np.eye(10)
    for k, step in enumerate(steps):
        slope = (both(NOW + step, a, t) - both(NOW - step, a, t)) / 2e-6 * w
        np.testing.assert_allclose(each[:, k], slope, atol=1e-7)
    left = y - both(NOW, a, t) * w
    np.testing.assert_allclose(each[:, 10], left, atol=1e-12)
    assert chi2 == pytest.approx((left**2).sum())


def test_products_are_summed_over_all_points():
    each, gram = np.random.default_rng(5).normal(size=(A, 11, B)), np.full((11, 11), np.nan)
    multiply(each, gram)
    np.testing.assert_allclose(gram, np.einsum("aib,ajb->ij", each, each), atol=1e-12)


def test_the_pair_that_explains_most_has_heights_of_one_sign():
    rng = np.random.default_rng(7)
    ways = np.concatenate([rng.normal(size=(6, 50)), np.ones((1, 50))])
    measured = 2.0 * ways[1] - 3.0 * ways[2] + 1.5 * ways[3] + 1.2 * ways[5] + 4.0
    pairs = np.transpose(np.triu_indices(6, 1)).copy()
    height, best, most = np.empty(3), None, -np.inf
    for pair in pairs:
        columns = ways[[*pair, 6]].T
        found, (off,), *_ = np.linalg.lstsq(columns, measured, rcond=None)
        if found[0] * found[1] > 0.0 and -off > most:
            best, heights, most = pair, found, -off
    found = likeliest(ways @ ways.T, ways @ measured, pairs, height)
    assert pairs[found].tolist() == best.tolist()
    np.testing.assert_allclose(height, heights, rtol=1e-6)


def test_where_no_pair_has_heights_of_one_sign_the_first_is_taken():
    ways = np.eye(4)[:, :4]
    pairs, height = np.array([[0, 1], [1, 2]]), np.empty(3)
    assert likeliest(ways, ways @ [1.0, -1.0, 1.0, 0.0], pairs, height) == 0
    np.testing.assert_allclose(height, [1.0, -1.0, 0.0], atol=1e-8)


def test_the_descent_ends_where_least_squares_do():
    rng, (a, t) = np.random.default_rng(9), axes()
    y, w = both(NOW, a, t) + 0.02 * rng.normal(size=(A, B)), np.full((A, B), 50.0)
    best = least_squares(lambda p: ((y - both(p, a, t)) * w).ravel(), NOW)
    now = NOW * np.array([1.05, 1.02, 0.95, 1.0, 1.0, 0.5, 0.98, 1.1, 0.9, 1.0])
    chi2 = descend_two(now, a, t, y * w, w, BOUNDS)
    assert chi2 == pytest.approx(2.0 * best.cost, abs=0.1)
    error = np.sqrt(np.linalg.inv(best.jac.T @ best.jac).diagonal())
    assert (np.abs(now - best.x) < 0.1 * error).all()


def test_a_damping_beyond_its_bounds_is_not_fitted():
    a, t = axes()
    steep = NOW.copy()
    steep[5] = BOUNDS[1, 5] + 20.0
    now = NOW.copy()
    now[5] = 30.0
    descend_two(now, a, t, 50.0 * both(steep, a, t), np.full((A, B), 50.0), BOUNDS)
    assert now[5] <= BOUNDS[1, 5]
