"""A forgotten unit or forgotten calibration points are pointed at, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.suspicion import aliases, calibration_points, suspicions
from kammerton.model import Trace
from tests.catalogue.registry import truths

DELAYS = np.linspace(0, 150e-6, 60)


def trace(y, x=DELAYS, unit="s"):
    return Trace("q0", x, y, np.full(len(y), np.nan), "delay", unit)


def decay(rng, points, scatter=0.02):
    y = np.exp(-DELAYS / 40e-6)
    y[len(y) - points :] = np.repeat([0.0, 1.0], points // 2)
    return y + rng.normal(0, scatter, len(y))


@pytest.mark.parametrize("points", [2, 4, 6, 8, 10, 20])
def test_calibration_points_are_counted(points):
    rng = np.random.default_rng(3)
    assert calibration_points(trace(decay(rng, points))) == points
    (said,) = suspicions("t1", trace(decay(rng, points)), calibrated=False)
    assert said == f"the last {points} points look like calibration points (--cal-points {points})"


def test_nothing_is_said_where_they_were_named():
    y = decay(np.random.default_rng(3), 4)
    assert not list(suspicions("t1", trace(y), calibrated=True))


@pytest.mark.parametrize("kind", ["t1", "t2_echo", "ramsey", "cpmg", "rabi_length"])
def test_a_plain_trace_is_hardly_ever_suspected(kind):
    truth, rng = next(iter(truths(kind).values())), np.random.default_rng(5)
    traces = truth.measured(rng, truth.benign(rng, 300), 20.0)
    x = np.broadcast_to(traces.x, traces.y.shape)
    found = [calibration_points(trace(*pair)) for pair in zip(traces.y, x, strict=True)]
    assert np.count_nonzero(found) <= 3


def test_a_map_and_complex_points_have_none():
    assert calibration_points(trace(decay(np.random.default_rng(3), 4) * 1j)) == 0


@pytest.mark.parametrize(
    ("largest", "unit", "said"),
    [
        (48.0, "s", "'delay' goes to 48 s: is it in ns or us? (--x-unit)"),
        (7.4, "Hz", "'delay' goes to 7.4 Hz: is it in GHz or MHz? (--x-unit)"),
    ],
)
def test_a_number_that_no_qubit_has_is_asked_about(largest, unit, said):
    x = np.linspace(0, largest, 30)
    assert list(suspicions("t1", trace(np.zeros(30), x, unit), calibrated=False)) == [said]
    grid = Grid("q0", (np.arange(3.0), x), np.zeros((3, 30)), np.zeros((3, 30)),
                ("bias", "delay"), ("V", unit))  # fmt: skip
    assert list(suspicions("qubit_flux_map", grid, calibrated=False)) == [said]


@pytest.mark.parametrize(
    ("kind", "low", "high", "unit", "said"),
    [
        ("resonator_spectroscopy", 7.12e6, 7.14e6, "Hz", "'delay' goes to 7.14 MHz: is it in GHz"),
        ("qubit_spectroscopy", 4.9e12, 5.1e12, "Hz", "'delay' goes to 5100 GHz: is it in GHz"),
        ("t1", 0.0, 150e-9, "s", "'delay' goes to 150 ns only: is it in us?"),
        ("t2_echo", 0.0, 4e-3, "s", None),
        ("ramsey", 0.0, 20e-3, "s", "'delay' goes to 20 ms: is it in ns or us? (--x-unit)"),
        ("qubit_spectroscopy", -20e6, 20e6, "Hz", None),
        ("qubit_spectroscopy", 0.0, 40e6, "Hz", None),
        ("resonator_spectroscopy", 7.12e9, 7.14e9, "Hz", None),
        ("rabi_length", 0.0, 150e-9, "s", None),
        ("ramsey", 0.0, 150e-9, "s", None),
    ],
)
def test_a_window_that_no_line_or_decay_has_is_asked_about(kind, low, high, unit, said):
    found = list(suspicions(kind, trace(np.zeros(30), np.linspace(low, high, 30), unit), False))
    assert [each.startswith(said or "-") for each in found] == ([True] if said else [])


def test_missing_points_are_counted():
    y = np.zeros(60)
    y[[3, 9]] = np.nan
    assert list(suspicions("t1", trace(y), False)) == ["2 of 60 points are missing"]


@pytest.mark.parametrize("even", [True, False])
def test_of_even_steps_the_other_frequency_is_told(even):
    x = np.linspace(0, 100e-6, 101) if even else 100e-6 * np.linspace(0, 1, 101) ** 1.2
    y = 0.5 + 0.5 * np.exp(-x / 60e-6) * np.cos(2 * np.pi * 130e3 * x)
    y += 0.01 * np.random.default_rng(2).normal(size=101)
    found = fit_batch("ramsey", x, y[None]).fit(0, "q0")
    said = list(aliases(found, trace(y, x)))
    assert len(said) == even
    assert all("in even steps of 1 µs a frequency of 8" in each for each in said)
    assert not list(aliases(found, trace(y * 1j, x)))


def test_usual_numbers_are_not_asked_about():
    assert not list(suspicions("t1", trace(np.zeros(60)), calibrated=False))
    assert not list(suspicions("t1", trace(np.zeros(60), np.linspace(4e9, 5e9, 60), "Hz"), False))
