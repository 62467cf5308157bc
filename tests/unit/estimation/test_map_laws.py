"""Laws of maps that are compiled: they are the formulas, and repeat nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps import laws, weighing
from kammerton.estimation.maps.arcs import Seeker, arcs, candidates
from kammerton.estimation.maps.branches import fill_brightness
from kammerton.estimation.maps.crossing import crossing_law
from kammerton.estimation.maps.flux import Scale, qubit_law
from kammerton.estimation.maps.positions import levels
from kammerton.estimation.maps.resonator_flux import Qubit, resonator_law
from kammerton.estimation.maps.ridge import Columns

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


RESONATOR = np.array([*THETA, 0.6])
LAWS = {
    "crossing": crossing_law(B),
    "qubit": qubit_law(B, SCALE),
    "resonator": resonator_law(B, SCALE, Qubit(None, 200e6, None, whole=False)),
    "resonator of a known qubit": resonator_law(B, SCALE, Qubit(3e9, 200e6, 0.3, whole=True)),
}


def theta_of(law):
    return RESONATOR if law.code == laws.RESONATOR else THETA


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_slopes_are_those_of_the_law(law):
    theta = theta_of(law)
    place = law.place(theta)
    np.testing.assert_array_equal(place.at, law(theta))
    for k, step in enumerate(1e-6 * np.eye(len(theta))):
        slope = (law(theta + step) - law(theta - step)) / 2e-6
        np.testing.assert_allclose(place.slope[:, :, k], slope, atol=1e-7)


@pytest.mark.parametrize("root", [0.6, 0.0, 0.2])
@pytest.mark.parametrize("known", [None, 3.5e9])
def test_a_resonator_is_pushed_up_by_its_qubit(known, root):
    spot, top, log_period, fall, log_d, _ = theta = np.array([0.6, 0.45, 0.1, 0.2, 0.25, root])
    d = np.exp(log_d) if known is None else spot + (4e9 - known) / 1e9
    push = fall * (1.0 + d / ((1.0 - root) * (spot - d + 4.0 + 0.2)))
    bare = spot - push
    d = d if known is None else d - push
    away = bare - transmon([bare - d, top, log_period, root**4, 0.2])
    expected = bare + np.sqrt(away**2 / 4 + push * (push + d)) - away / 2
    law = resonator_law(B, SCALE, Qubit(known, 200e6, 0.3, whole=known is not None))
    np.testing.assert_allclose(law(theta)[0], expected, rtol=1e-12)
    assert law(theta)[0].max() == pytest.approx(spot, abs=1e-4)


def test_a_resonator_of_a_far_qubit_falls_by_its_fall():
    scale = Scale(7e9, 10e6, -0.2, 0.5)
    law = resonator_law(np.array([0.5, 0.0]), scale, Qubit(None, 200e6, None, whole=False))
    top, low = law(np.array([0.8, 0.5, 0.0, 0.4, np.log(150.0), 0.5]))[0]
    assert top - low == pytest.approx(0.4, abs=0.002)


def test_lines_that_stand_still_have_a_place_of_their_own():
    place = levels(np.array([0, 1, 1])).place(np.array([0.3, 0.6]))
    np.testing.assert_array_equal(place.at, [[0.3, 0.6, 0.6]])
    np.testing.assert_array_equal(place.slope[0], [[1, 0], [0, 1], [0, 1]])


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_step_goes_no_further_than_most_lines_may_move(law):
    theta = theta_of(law)
    before, step = law.place(theta), np.full(len(theta), 0.05)
    free = law.after(before, step, 10.0)
    np.testing.assert_array_equal(free.theta, theta + step)
    np.testing.assert_array_equal(free.at, law(theta + step))
    held = law.after(before, step, 0.01)
    far = np.sort(np.abs(free.at - before.at).ravel())[4 * free.at.size // 5]
    np.testing.assert_allclose(held.theta, theta + step * 0.01 / far)
    np.testing.assert_array_equal(held.at, law(held.theta))
    assert np.isfinite(law.after(before, np.full(len(theta), np.nan), 0.01).at).sum() == 0


def test_a_law_of_some_columns_is_the_law_there():
    law = LAWS["qubit"]
    np.testing.assert_array_equal(law.part(slice(3, None, 5))(THETA), law(THETA)[:, 3::5])


def test_an_arc_is_led_through_the_bright_points_near_it():
    law, rng = LAWS["qubit"], np.random.default_rng(8)
    f = np.stack([law(THETA)[0] + 1e-4 * rng.normal(size=len(B)), rng.uniform(size=len(B))], axis=1)
    f[::7, 0] = 0.9  # stray points
    theta = THETA + np.array([[0.01, -0.005, 0.01, 0.0, 0.0], [0.0, 0.005, 0.0, 0.0, 0.0]])
    mean, known = np.zeros((2, 5)), np.zeros((2, 5))
    mean[:, 3:], known[:, 3:] = (0.2, 0.25), 1e6
    mean[1, 2], known[1, 2] = THETA[2] + 0.2, 1e10  # of another period
    theta[1, 2], cost = mean[1, 2], np.empty(2)
    laws.run_through(law.code, law.numbers, law.b, f, np.full(f.shape, 1e-3), mean, known, 0.03,
                     36.0, theta, cost)  # fmt: skip
    np.testing.assert_allclose(theta[0], THETA, atol=1e-3)
    assert cost[0] == pytest.approx(-36.0 * 85, rel=0.02)  # of 100 columns, 15 show it elsewhere
    assert theta[1, 2] == pytest.approx(mean[1, 2], abs=1e-5)
    assert cost[1] > 0.8 * cost[0]


@pytest.mark.parametrize("shift", [0.0, 4.2])
def test_the_brightest_arc_of_each_period_is_found_among_three_points_each(shift):
    f, seeker = np.linspace(0.0, 1.0, 81), Seeker(shift, lambda arc: np.array([arc.top]))
    wave = np.cos(2 * np.pi * (B - 0.3) / 1.5)
    low, high = seeker.forward(np.array([0.2, 0.9]))
    arc = 0.5 * (high + low) + 0.5 * (high - low) * wave
    arc = (arc**0.25 - 1.0) * shift if shift else arc
    s = 100.0 * (np.abs(f - arc[:, None]) < 0.02)
    c = Columns(f, B, s, np.ones(s.shape), 1)
    best = arcs(c, s, candidates(c, s, 0.03), 0.03, seeker, np.array([0.5, 1.5, 6.0]))
    assert best[0].period == 1.5
    assert best[0].share > 0.95
    assert best[0].top == pytest.approx(0.3, abs=0.02)
    assert best[0].level + best[0].swing == pytest.approx(high, rel=0.03)
    assert [each.bright for each in best] == sorted((each.bright for each in best), reverse=True)
    assert arcs(c, 0.0 * s, candidates(c, 0.0 * s, 0.03), 0.03, seeker) == []


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
    cost = laws.near(line, f, error, 0.5, 36.0, miss, weight)
    np.testing.assert_allclose(miss[[0, 1, 3, 4]], [0.02, 0.4, -0.4, 0.1])
    near = np.array([1 - 0.04**2, 1 - 0.8**2, 0.0, 1 - 0.8**2, (1 - 0.2**2) * 10]) / 0.1
    np.testing.assert_allclose(weight, near)
    gains = (miss * weight) ** 2 - 36.0
    assert cost == pytest.approx(gains[0] + gains[1] + gains[3])  # the last costs too much to count


def test_a_line_that_has_no_place_runs_through_nothing():
    miss, weight = np.empty((2, 3))
    lost, points = np.full(3, np.nan), np.full((3, 2), 0.5)
    assert laws.near(lost, points, np.full((3, 2), 0.1), 0.5, 36.0, miss, weight) == 0.0
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
