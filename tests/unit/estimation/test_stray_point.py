"""A single point that spoils a trace is named; what only looks like one is not."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

DELAYS = np.linspace(0.0, 200e-6, 51)
NOISE = 0.0158  # 1000 shots
NAMED = "a single point, number 21 of 51, lies"


def spoiled(value: float, seed: int = 3) -> np.ndarray:
    y = 0.027 + 0.95 * np.exp(-DELAYS / 48e-6)
    y += np.random.default_rng(seed).normal(0.0, NOISE, len(y))
    y[20] = value
    return y


@pytest.mark.parametrize("value", [5.0, 3.0, 2.0, 1.5])
@pytest.mark.parametrize("sigma", [NOISE, None])
def test_the_reason_names_the_point_and_without_it_the_trace_is_accepted(value, sigma):
    y = spoiled(value)
    found = fit_batch("t1", DELAYS, y, sigma)
    assert (found.verdict[0], found.status[0]) == ("rejected", "stray point")
    assert found.reason[0].startswith(NAMED)
    assert found.advice[0].shots_times is None  # more shots do not mend it
    y[20] = np.nan
    mended = fit_batch("t1", DELAYS, y, sigma)
    assert mended.verdict[0] == "accepted"
    assert abs(mended.values["t1"][0] - 48e-6) < 4 * mended.stderr["t1"][0]


def test_the_number_is_that_of_the_callers_order():
    order = np.random.default_rng(1).permutation(51)
    found = fit_batch("t1", DELAYS[order], spoiled(3.0)[order], NOISE)
    number = 1 + int(np.flatnonzero(order == 20)[0])
    assert found.reason[0].startswith(f"a single point, number {number} of 51")


def test_missing_points_hide_none():
    y = spoiled(3.0)
    y[[5, 18, 23, 40]] = np.nan
    assert fit_batch("t1", DELAYS, y, NOISE).reason[0].startswith(NAMED)


def test_of_a_complex_trace_too():
    x = np.linspace(6.99e9, 7.01e9, 101)
    y = 1.0 - 0.6 / (1.0 + 2j * (x - 7e9) / 1.5e6)
    rng = np.random.default_rng(2)
    y = y + 0.01 * (rng.normal(size=101) + 1j * rng.normal(size=101))
    y[80] = 4.0 - 3.0j
    found = fit_batch("resonator_spectroscopy", x, y, 0.01)
    assert found.status[0] == "stray point"
    assert found.reason[0].startswith("a single point, number 81 of 101")


@pytest.mark.parametrize("kind", ["t1", "ramsey", "rabi_amplitude", "qubit_spectroscopy"])
@pytest.mark.parametrize(
    "name",
    ["flat noise", "line", "random walk alone", "step", "telegraph noise", "hum on nothing",
     "repeated block", "window too short", "two tones"],
)  # fmt: skip
def test_nothing_else_is_taken_for_one(kind, name):
    broken = next(each for each in BROKEN if each.name == name)
    traces = broken.traces(truths(kind)[kind], 11, 200)
    if traces is None:
        return  # of no meaning for this kind
    for sigma in (traces.sigma, None):
        found = fit_batch(kind, traces.x, traces.y, sigma, **traces.known)
        assert not [r for r in found.reason if r.startswith("a single point, number")]


@pytest.mark.parametrize("order", [False, True])
def test_an_accepted_trace_says_which_point_lies_far_off(order):
    """Without sigma the scatter about the curve is the noise, and such a point a part of it."""
    y = spoiled(0.2 + 10 * NOISE)
    shuffled = np.random.default_rng(1).permutation(51) if order else np.arange(51)
    found = fit_batch("t1", DELAYS[shuffled], y[shuffled])
    number = 1 + int(np.flatnonzero(shuffled == 20)[0])
    assert found.verdict[0] == "accepted"
    assert f"; one point, number {number} of 51, lies " in found.reason[0]
    assert "it pulls the values and makes their errors" in found.reason[0]
    y[20] = np.nan
    assert fit_batch("t1", DELAYS, y).reason[0] == "a clear exponential decay"


def test_of_a_complex_accepted_trace_too():
    x, rng = np.linspace(6.99e9, 7.01e9, 101), np.random.default_rng(2)
    y = 1.0 - 0.6 / (1.0 + 2j * (x - 7e9) / 1.5e6)
    y = y + 0.01 * (rng.normal(size=101) + 1j * rng.normal(size=101))
    y[80] += 0.12j
    found = fit_batch("resonator_spectroscopy", x, y, 0.01)
    assert found.verdict[0] == "accepted"
    assert "one point, number 81 of 101" in found.reason[0]
    assert found.reason[0].endswith("it pulls the values; leave it out (NaN) and fit again")


@pytest.mark.parametrize("name", ["t1", "ramsey", "qubit_spectroscopy", "rabi_amplitude"])
@pytest.mark.parametrize("sigma", [True, False])
def test_good_traces_have_no_point_far_off(name, sigma):
    good = next(each for each in BROKEN if each.name == "good")
    traces = good.traces(truths()[name], 11, 500)
    found = fit_batch(truths()[name].kind, traces.x, traces.y, traces.sigma if sigma else None)
    assert not any("one point" in reason for reason in found.reason)


def test_readings_of_one_x_tell_their_own_scatter():
    """One of ten random sequences that is worse than the others is no fault of the trace."""
    m = np.repeat([1, 5, 20, 60, 120, 250, 500], 10)
    y = 0.5 + 0.48 * 0.99**m + 0.01 * np.random.default_rng(3).normal(size=m.size)
    y[25] -= 0.15
    found = fit_batch("randomized_benchmarking", m, y)
    assert "one point" not in found.reason[0]


@pytest.mark.parametrize("kind", ["t1", "t2_echo"])
def test_counts_that_are_rare_make_no_good_point_one_that_lies_far(kind):
    """In the tail of a decay to 0 next to nothing scatters: 2 % were told to leave a point out."""
    p = np.broadcast_to(0.95 * np.exp(-DELAYS / 16e-6), (4000, DELAYS.size))
    y = np.random.default_rng(32).binomial(100, p) / 100
    found = fit_batch(kind, DELAYS, y, shots=100)
    assert np.mean(found.verdict == "accepted") > 0.97
    assert np.mean(["one point, number" in reason for reason in found.reason]) < 0.003


@pytest.mark.parametrize("sigma", [0.3, None])
def test_the_echo_of_a_cable_is_no_single_point(sigma):
    """No point of it stands out, however far from zero all of them are."""
    rng = np.random.default_rng(5)
    u = np.linspace(0.0, 1.0, 101)
    echo = np.exp(2j * np.pi * (u * rng.uniform(4, 15, (200, 1)) + rng.random((200, 1))))
    noise = rng.normal(size=echo.shape) + 1j * rng.normal(size=echo.shape)
    found = fit_batch("resonator_spectroscopy", 6e9 + 1e7 * u, 10 + echo + 0.3 * noise, sigma)
    assert set(found.verdict) == {"rejected"}
    assert not any("single point" in reason for reason in found.reason)


@pytest.mark.parametrize("place", [5, 40, 95])
def test_a_single_point_of_a_cable_that_turns_is_one(place):
    rng = np.random.default_rng(6)
    u = np.linspace(0.0, 1.0, 101)
    y = np.exp(-2j * np.pi * 3.3 * u) * np.ones((100, 1))
    y = y + 0.02 * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))
    y[:, place] += 1.5 * np.exp(2j * np.pi * rng.random(100))
    found = fit_batch("resonator_spectroscopy", 6e9 + 1e7 * u, y, 0.02)
    assert not (found.verdict == "accepted").any()
    assert np.mean(found.status == "stray point") > 0.9
