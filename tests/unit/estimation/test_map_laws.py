"""Laws of maps that are compiled: they are the formulas, and repeat nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps.branches import fill_brightness
from kammerton.estimation.maps.crossing import crossing_law
from kammerton.estimation.maps.flux import Scale, qubit_law
from kammerton.estimation.maps.nearest import fill_near
from kammerton.estimation.maps.tracks import Place
from tests.yardstick import spent

B = np.linspace(0.0, 1.0, 100)
SCALE = Scale(4e9, 1e9, -0.2, 0.5)
THETA = np.array([0.8, 0.45, 0.1, 0.2, 0.25])
LIMITS = (20.0, 3.0, -2.0)


def transmon(theta):
    f_max, top, log_period, square, e_c = theta
    phase = np.pi * (B - top) / np.exp(np.clip(log_period, -3.0, 7.0))
    shape = (np.cos(phase) ** 2 + square * np.sin(phase) ** 2).clip(1e-9) ** 0.25
    return (f_max + 4.0 + e_c) * shape - 4.0 - e_c


def test_a_transmon_is_the_same_alone_and_beside_others():
    rng = np.random.default_rng(2)
    every = np.array([THETA, *(THETA + 0.1 * np.eye(5)), THETA, *rng.uniform(-1.0, 1.0, (6, 5))])
    every[-1, 2] = 30.0  # a period beyond all bounds
    law = qubit_law(B, SCALE)
    expected = np.array([transmon(each) for each in every])
    np.testing.assert_allclose(law(every)[0], expected, rtol=1e-12, atol=1e-12)
    for theta, told in zip(every, law(every)[0], strict=True):
        np.testing.assert_array_equal(law(theta)[0], told)


def test_a_theta_that_is_no_number_has_no_place():
    assert np.isnan(qubit_law(B, SCALE)(np.full(5, np.nan))).all()
    lost = THETA.copy()
    lost[1] = np.nan
    told = qubit_law(B, SCALE)(np.array([THETA, lost, THETA]))[0]
    assert np.isnan(told[1]).all()
    np.testing.assert_array_equal(told[2], told[0])


def test_slopes_do_not_repeat_what_no_parameter_moves():
    law, rng = qubit_law(B, SCALE), np.random.default_rng(3)
    beside = THETA + np.vstack([np.zeros(5), 1e-5 * np.eye(5), -1e-5 * np.eye(5)])
    unlike = THETA + 1e-5 * rng.normal(size=beside.shape)
    many = {
        name: np.tile(each, (200, 1)) for name, each in (("beside", beside), ("unlike", unlike))
    }
    few, all_ = (min(spent(lambda e=each: law(e)) for _ in range(20)) for each in many.values())
    assert few < 0.8 * all_


def test_slopes_are_those_of_the_law():
    place = Place.of(crossing_law(B), THETA)
    assert place.at.shape == (2, len(B))
    for k, step in enumerate(1e-6 * np.eye(5)):
        slope = (crossing_law(B)(THETA + step) - crossing_law(B)(THETA - step)) / 2e-6
        np.testing.assert_allclose(place.slope[:, :, k], slope, atol=1e-8)


@pytest.mark.parametrize("apart", [0.0, 0.3])
def test_pairs_are_as_bright_as_what_they_run_over(apart):
    rng = np.random.default_rng(4)
    s, columns = rng.uniform(0.0, 30.0, (len(B), 60)), np.arange(0, len(B), 2)
    theta, bright = rng.uniform(-0.2, 1.2, (50, 5)), np.empty(50)
    step = 1.0 / 59
    fill_brightness(s, columns, B, step, theta, apart, LIMITS, bright)
    both = crossing_law(B[columns])(theta)
    inside = (both >= 0.0) & (both <= 1.0)
    point = np.rint(np.where(inside, both, 0.0) / step).astype(int)
    each = np.maximum(
        np.minimum(s[columns[None, None, :], point], LIMITS[0]) - LIMITS[1], LIMITS[2]
    )
    each[~inside] = 0.0
    each[1][both[0] - both[1] < apart] = 0.0
    np.testing.assert_allclose(bright, each.sum(axis=(0, 2)))


def test_the_nearest_bright_point_of_each_column_counts():
    line, f = (
        np.full(5, 0.5),
        np.array([[0.4, 0.52], [0.5, 0.9], [0.49, 0.7], [0.1, 0.9], [0.6, 0]]),
    )
    error = np.array([[0.1, 0.1], [np.inf, 0.1], [np.inf, np.inf], [0.1, 0.1], [0.01, np.inf]])
    miss, weight = np.empty((2, 5))
    cost = fill_near(line, f, error, 0.5, 36.0, miss, weight)
    np.testing.assert_allclose(miss[[0, 1, 3, 4]], [0.02, 0.4, -0.4, 0.1])
    near = np.array([1 - 0.04**2, 1 - 0.8**2, 0.0, 1 - 0.8**2, (1 - 0.2**2) * 10]) / 0.1
    np.testing.assert_allclose(weight, near)
    gains = (miss * weight) ** 2 - 36.0
    assert cost == pytest.approx(gains[0] + gains[1] + gains[3])  # the last costs too much to count


def test_a_line_that_has_no_place_runs_through_nothing():
    miss, weight = np.empty((2, 3))
    lost, points = np.full(3, np.nan), np.full((3, 2), 0.5)
    assert fill_near(lost, points, np.full((3, 2), 0.1), 0.5, 36.0, miss, weight) == 0.0
    assert not weight.any()
