"""Laws of maps that are compiled: they are the formulas, and repeat nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps import weighing
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


def test_branches_are_those_of_two_levels_for_several_theta_at_once():
    rng = np.random.default_rng(4)
    every = rng.uniform(-1.0, 1.0, (2, 3, 5))
    middle, place, mean, half, g = (every[..., k, None] for k in range(5))
    apart = np.sqrt((half * (B - place)) ** 2 + g * g)
    centre = middle + mean * (B - place)
    told = crossing_law(B)(every)
    np.testing.assert_allclose(told, [centre + apart, centre - apart], rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(crossing_law(B)(every[1, 2]), told[:, 1, 2])


def test_a_place_has_the_slopes_of_its_law():
    place = Place.of(crossing_law(B), np.array([0.5, 0.4, 0.1, 0.8, 0.05]))
    np.testing.assert_array_equal(place.at, crossing_law(B)(place.theta))
    away = B - 0.4
    apart = np.sqrt((0.8 * away) ** 2 + 0.05**2)
    for sign, slope in zip((1.0, -1.0), place.slope, strict=True):
        expected = [np.ones_like(B), -0.1 - sign * 0.64 * away / apart, away,
                    sign * 0.8 * away**2 / apart, sign * 0.05 / apart]  # fmt: skip
        np.testing.assert_allclose(slope.T, expected, atol=1e-6)


def test_a_step_is_the_one_that_all_columns_together_ask_for():
    rng = np.random.default_rng(6)
    slope, gradient = rng.normal(size=(2, 30, 4)), rng.normal(size=(30, 3))
    root = rng.normal(size=(30, 3, 5))
    information, weight = root @ root.transpose(0, 2, 1), rng.uniform(0.0, 1.0, 30)
    away, known = rng.normal(size=5), np.array([0.0, 3.0, 0.0, 0.0, 0.5])
    turn = np.zeros((30, 3, 5))  # two lines by four parameters of the law, and the width
    turn[:, :2, :4], turn[:, 2, 4] = slope.transpose(1, 0, 2), 1.0
    expected = np.einsum("b,bki,bkl,blj->ij", weight, turn, information, turn) + np.diag(known)
    pull = np.einsum("b,bki,bk->i", weight, turn, gradient) + known * away
    hessian, step = np.empty((5, 5)), np.empty(5)
    size = weighing.step_of(slope, gradient, information, weight, away, known, hessian, step)
    np.testing.assert_allclose(hessian, expected, rtol=1e-10)
    np.testing.assert_allclose(step, np.linalg.solve(expected, pull), rtol=1e-6)
    assert size == pytest.approx(np.sqrt(step @ expected @ step))
