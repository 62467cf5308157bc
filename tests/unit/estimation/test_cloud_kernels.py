"""Kernels of single shots beside plain numpy and scipy, and beside differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from kammerton.estimation.clouds.cell_kernels import middle, middle_of_nine, scatter
from kammerton.estimation.clouds.clouds import Layout, nearest, paths
from kammerton.estimation.clouds.fit import (
    Counted,
    counted,
    finished,
    fit_clouds,
    grid_about,
    ways_between,
)
from kammerton.estimation.clouds.odds_kernels import fill_third
from kammerton.estimation.clouds.record_kernels import fill_order

TWO = np.array([-0.2, 5.1, 0.1, -0.3, 1.05, 0.12, 0.02, 0.07])
THREE = np.array([0.1, 6.0, 3.0, 0.0, 0.2, 5.5, 0.95, 0.1, 0.25,
                  0.03, 0.01, 0.06, 0.02, 0.04, 0.09])  # fmt: skip
CASES = [(Layout(2, 2), TWO), (Layout(3, 3), THREE)]


def path_weights(ways, decays):
    """Return the probability of each path from its origin (K,)."""
    jumped = np.where(ways.jumps > 0, decays, 1.0).prod(axis=-1)
    return ways.share * jumped * np.exp(-(decays * ways.times).sum(axis=-1))


def by_scipy(layout, theta, ways, grid):
    """Return the probability of each cell (P, C) from scipy's Gaussians."""
    place, width = ways.at @ layout.centres(theta), theta[layout.width]
    sides = [np.diff(ndtr((edges - part[:, None]) / width))
             for edges, part in ((grid.i, place.real), (grid.q, place.imag))]  # fmt: skip
    weights = layout.began(theta)[:, ways.origin] * path_weights(ways, theta[layout.decays])
    return np.einsum("pk,kx,ky->pxy", weights, *sides).reshape(layout.preparations, -1)


@pytest.mark.parametrize(("layout", "theta"), CASES)
def test_probabilities_are_those_of_scipy_slopes_their_differences_and_errors_follow(layout, theta):
    grid = grid_about(layout.centres(theta), 1.0)
    ways = ways_between(layout.centres(theta), 1.0)
    told = by_scipy(layout, theta, ways, grid)
    free, shots = np.eye(layout.size), 1000.0
    found = finished(theta, layout, ways, Counted(grid, [], shots * told), free, (0.0, 0.0))
    np.testing.assert_allclose(found.likely, told, rtol=1e-9, atol=1.1e-12)  # at least RARE
    np.testing.assert_allclose(found.expected, shots * told, rtol=1e-6, atol=2e-9)
    np.testing.assert_allclose(told.sum(axis=1), 1.0, rtol=1e-6)
    slope = found.scores * found.likely[:, None]
    for t, step in enumerate(1e-5 * free):
        high, low = (by_scipy(layout, theta + s * step, ways, grid) for s in (1, -1))
        np.testing.assert_allclose(slope[:, t], (high - low) / 2e-5, atol=1e-8)
    information = np.einsum("ptc,puc,pc->tu", found.scores, found.scores, shots * told)
    np.testing.assert_allclose(found.covariance @ information, free, atol=1e-6)


def test_what_is_expected_of_a_fraction_below_0_is_not_what_its_error_is_told_from():
    layout, theta = Layout(2, 2), TWO.copy()
    theta[layout.fractions.start], theta[layout.decays] = -0.01, -0.02
    grid, ways = grid_about(layout.centres(theta), 1.0), ways_between(layout.centres(theta), 1.0)
    within = theta.copy()
    within[layout.fractions.start], within[layout.decays] = 1e-6, 1e-4
    shots = Counted(grid, [], 1000.0 * by_scipy(layout, within, ways, grid))
    found = finished(theta, layout, ways, shots, np.eye(layout.size), (0.0, 0.0))
    told = np.maximum(by_scipy(layout, theta, ways, grid), 1e-12)
    np.testing.assert_allclose(found.expected, 1000.0 * told, rtol=1e-6, atol=2e-9)
    np.testing.assert_allclose(1000.0 * found.likely, shots.counts, rtol=1e-6, atol=2e-9)


def test_clouds_of_which_nothing_tells_a_number_are_none():
    layout = Layout(2, 2)
    grid, ways = grid_about(layout.centres(TWO), 1.0), ways_between(layout.centres(TWO), 1.0)
    shots = Counted(grid, [], np.zeros((2, grid.size)))
    assert finished(TWO, layout, ways, shots, np.eye(layout.size), (0.0, 0.0)) is None


def test_a_third_cloud_beyond_a_threshold_is_counted_by_its_paths():
    layout, ways = Layout(3, 2), paths(3, 9)
    theta = np.r_[THREE[:9], 0.03, 0.01, 0.06, 0.02]
    several = np.array([theta, theta, theta * 1.1])
    found = np.empty(3)
    fill_third(several, ways.arrays, 2.5, found)
    for one, each in zip(found, several, strict=True):
        centres = layout.centres(each)
        line = centres[1] - centres[0]
        place = ((centres - centres[0]) * np.conj(line) / abs(line)).real
        mine = ways.origin == 2
        right = ndtr((ways.at[mine] @ place - 2.5) / each[layout.width])
        assert abs(one - path_weights(ways, each[layout.decays])[mine] @ right) < 1e-12


@pytest.mark.parametrize("n", [2, 3, 99, 100, 101, 1000, 1001])
def test_middles_are_medians(n):
    rng = np.random.default_rng(n)
    for values in (rng.normal(size=n), np.sort(rng.normal(size=n)), np.round(rng.normal(size=n)),
                   np.repeat([0.0, 1.0], n)):  # fmt: skip
        assert middle(values) == np.median(values)
        assert scatter(values) == np.median(np.abs(values - np.median(values)))


def test_a_middle_is_found_where_the_sample_misleads():
    values = np.arange(4800.0)
    values[::100] += 1e6  # all of the sample, and nothing else
    assert middle(values) == np.median(values)


def test_shots_about_a_cell_are_those_of_nine():
    z = np.array([0.1 + 1j, 0.2 + 3j, 0.3 + 2j, 9.0 + 9j, 8.0 + 9j])
    cells = np.array([5 * 10 + 9, 6 * 10 + 8, 7 * 10 + 9, 6 * 10 + 7, 7 * 10 + 0])
    assert middle_of_nine(z, cells, 10, (6, 9)) == 0.2 + 2j


def test_shots_are_ordered_by_what_was_prepared_and_missing_ones_left_out():
    first, order = np.empty(4, np.intp), np.full(6, -1)
    there = np.array([True, True, False, True, True, True])
    fill_order(there, np.array([2, 0, 0, 1, 2, 0]), first, order)
    assert list(first) == [0, 2, 3, 5]
    assert list(order) == [1, 5, 3, 0, 4, -1]


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
