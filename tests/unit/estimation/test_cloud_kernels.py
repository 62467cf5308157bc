"""Kernels of single shots beside plain numpy and scipy, and beside differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from kammerton.estimation.clouds.clouds import (
    Layout,
    nearest,
    paths,
    probabilities,
    slopes,
    taken_apart,
)
from kammerton.estimation.clouds.fit import counted, fit_clouds, grid_about, ways_between

TWO = np.array([-0.2, 5.1, 0.1, -0.3, 1.05, 0.12, 0.02, 0.07])
THREE = np.array([0.1, 6.0, 3.0, 0.0, 0.2, 5.5, 0.95, 0.1, 0.25,
                  0.03, 0.01, 0.06, 0.02, 0.04, 0.09])  # fmt: skip
CASES = [(Layout(2, 2), TWO), (Layout(3, 3), THREE)]


def by_scipy(layout, theta, ways, grid):
    """Return the probability of each cell (P, C) from scipy's Gaussians."""
    place, width = ways.at @ layout.centres(theta), theta[layout.width]
    sides = [np.diff(ndtr((edges - part[:, None]) / width))
             for edges, part in ((grid.i, place.real), (grid.q, place.imag))]  # fmt: skip
    weights = layout.began(theta)[:, ways.origin] * ways.weights(theta[layout.decays])
    return np.einsum("pk,kx,ky->pxy", weights, *sides).reshape(layout.preparations, -1)


@pytest.mark.parametrize(("layout", "theta"), CASES)
def test_probabilities_are_those_of_scipy_and_slopes_their_differences(layout, theta):
    grid = grid_about(layout.centres(theta), 1.0)
    ways = ways_between(layout.centres(theta), 1.0)
    sides, parts = taken_apart(theta, layout, ways, grid)
    p, slope = slopes(theta, layout, parts)
    told = by_scipy(layout, theta, ways, grid)
    np.testing.assert_allclose(p, told, rtol=1e-9, atol=1.1e-12)  # at least RARE
    np.testing.assert_allclose(probabilities(theta, layout, ways, sides), p, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(told.sum(axis=1), 1.0, rtol=1e-6)
    for t, step in enumerate(1e-5 * np.eye(layout.size)):
        high, low = (by_scipy(layout, theta + s * step, ways, grid) for s in (1, -1))
        np.testing.assert_allclose(slope[:, t], (high - low) / 2e-5, atol=1e-8)


def test_paths_are_in_the_order_of_their_origin():
    assert (np.diff(paths(3, 7).origin) >= 0).all()
    assert set(paths(3, 7).origin) == {0, 1, 2}


def test_the_nearest_centre_is_the_first_of_equals():
    assert list(nearest(np.array([0.1, 0.5, 0.9 + 3j]), np.array([0j, 1.0, 1.0]))) == [0, 0, 1]


def test_what_is_not_worth_more_work_is_not_finished():
    rng, layout = np.random.default_rng(3), Layout(2, 2)
    sets = [c + rng.normal(size=(500, 2)) @ (1, 1j) for c in (0.0, 5.0)]
    shots = counted(grid_about(np.array([0, 5.0]) + 0j, 1.0), sets)
    ways, seen = paths(2, 9), []
    for worth in (True, False):
        found = fit_clouds(TWO, layout, ways, shots, worth=lambda at, w=worth: seen.append(at) or w)
        assert (found is not None) == worth
    assert len(seen) == 2
    assert abs(seen[0][1] - 5.0) < 0.3
