"""Echoes between exponential and Gaussian: their time hangs on a shape that few sweeps tell."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.averaging import averaged
from kammerton.estimation.numeric.derived import Derived

T2 = 50e-6
UNTOLD = "the window does not tell the shape of the decay"
KINDS = {"t2_echo": "t2_echo", "cpmg": "t2_cpmg"}


def echoes(begin, end, slow, traces=200, sigma=0.02):
    """Delays from and to parts of T2, and noisy echoes with a share of slow noise."""
    delays = np.linspace(begin, end, 51) * T2
    s = delays / T2
    y = 0.1 + 0.8 * np.exp(-(1 - slow) * s - slow * s * s)
    return delays, y + sigma * np.random.default_rng(8).normal(size=(traces, 51))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slow", [0.2, 0.5, 0.8])
def test_an_echo_of_both_noises_is_right_from_two_and_a_half_times_on(kind, slow):
    """As an exponential with an offset of its own it was 30 % too long, four of its errors."""
    found = fit_batch(kind, *echoes(0.0, 2.5, slow), 0.02)
    name = KINDS[kind]
    pull = (found.values[name] - T2) / found.stderr[name]
    assert np.mean(found.verdict == "accepted") > 0.95
    assert abs(pull.mean()) < 0.35
    assert pull.std() < 1.15
    assert found.values[name] == pytest.approx(T2, rel=0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_that_does_not_tell_the_shape_is_to_be_longer(kind):
    found = fit_batch(kind, *echoes(0.0, 1.5, 0.3), 0.02)
    said = [UNTOLD in reason for reason in found.reason]
    assert np.mean(said) > 0.6
    assert set(found.status[said]) == {"range too narrow"}
    assert all(advice.window_times >= 2.0 for advice in found.advice[np.flatnonzero(said)])
    assert np.mean(found.verdict == "accepted") < 0.2


@pytest.mark.parametrize(("begin", "refused"), [(0.2, False), (0.5, True), (1.0, True)])
def test_a_sweep_that_begins_late_tells_no_shape(begin, refused):
    """Of echoes seen from one T2 on a sixth was accepted more than three errors off."""
    found = fit_batch("t2_echo", *echoes(begin, 4.0, 0.3), 0.02)
    said = np.mean([UNTOLD in reason for reason in found.reason])
    assert said > 0.95 if refused else said == 0.0


def test_known_levels_tell_the_shape_of_a_sweep_that_begins_late():
    found = fit_batch("t2_echo", *echoes(1.0, 4.0, 0.3), 0.02, contrast=0.8, offset=0.1)
    pull = (found.values["t2_echo"] - T2) / found.stderr["t2_echo"]
    assert np.mean(found.verdict == "accepted") > 0.9
    assert abs(pull.mean()) < 0.35
    assert 0.8 < pull.std() < 1.15


def test_a_shape_that_costs_nothing_is_no_parameter_that_has_to_be_paid():
    """Of Gaussian echoes over before a fifth of the window a fifth more is accepted so."""
    delays = np.linspace(0.0, 20.0, 51) * T2
    y = 0.1 + 0.8 * np.exp(-((delays / T2) ** 2))
    y = y + 0.08 * np.random.default_rng(8).normal(size=(1000, 51))
    found = fit_batch("t2_echo", delays, y, 0.08)
    assert np.mean(found.verdict == "accepted") > 0.65


@pytest.mark.parametrize(("points", "accepted"), [(8, False), (16, True)])
def test_few_points_without_errors_tell_no_shape(points, accepted):
    """Of eight, those were accepted that scatter little by chance, with bars twice too short."""
    delays = np.linspace(0.0, 4.0, points) * T2
    s = delays / T2
    y = 0.1 + 0.8 * np.exp(-0.5 * s - 0.5 * s * s)
    y = y + 0.016 * np.random.default_rng(8).normal(size=(300, points))
    found = fit_batch("t2_echo", delays, y, interleaved=True)
    assert (
        np.mean(found.verdict == "accepted") > 0.9
        if accepted
        else not any(found.verdict == "accepted")
    )
    if not accepted:
        assert any("points without errors tell no scatter" in reason for reason in found.reason)


def test_seven_points_are_too_few_and_no_straight_line():
    delays = np.linspace(0.0, 3.0, 7) * T2
    y = 0.1 + 0.8 * np.exp(-delays / T2)
    y = y + 0.016 * np.random.default_rng(8).normal(size=(300, 7))
    found = fit_batch("t2_echo", delays, y, 0.016)
    said = [reason for reason in found.reason if "points are too few" in reason]
    assert len(said) > 200
    assert not any("straight line" in reason for reason in found.reason)


def law(time, error):
    one = np.ones((1, 1, 1))
    return Derived({"t": np.array([time])}, {"t": np.array([error])}, one)


def mixed(costs, *laws):
    """1/T and its error by laws of equal odds, of which each costs so much."""
    mean = averaged([*laws], np.array(costs)[:, None], np.ones(len(laws)), np.ones(1))
    time, error = mean.values["t"][0], mean.stderr["t"][0]
    return 1 / time, error / time**2


def test_laws_as_likely_are_averaged_by_their_rates_and_differ_in_the_error():
    rate, error = mixed([3.0, 3.0], law(1.0, 0.1), law(1 / 3, 0.1 / 9))
    assert rate == pytest.approx(2.0)
    assert error == pytest.approx(np.hypot(0.1, 1.0))


def test_a_law_that_is_out_of_the_question_does_not_count():
    rate, error = mixed([0.0, 30.0], law(1.0, 0.1), law(1 / 3, 0.1 / 9))
    assert (rate, error) == (pytest.approx(1.0), pytest.approx(0.1))


def test_a_law_by_which_the_signal_would_grow_has_that_against_it():
    """A rate of -0.4 +- 0.1 is four of its errors below zero."""
    rate, _ = mixed([0.0, 0.0], law(1.0, 0.1), law(-2.5, 0.1 * 2.5**2))
    assert rate == pytest.approx(1.0, abs=1e-3)
    half, _ = mixed([0.0, 0.0], law(1.0, 0.1), law(-2.5, 4.0 * 2.5**2))
    assert half < 0.5
