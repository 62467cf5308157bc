"""What is drawn between the points of a fitted curve is the law, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import fit_batch
from kammerton.estimation.pictures.between import MOST, between, fine, restless
from kammerton.model import Fit, Value, Verdict

Law = Callable[[NDArray[np.float64]], NDArray[Any]]
DELAYS = np.linspace(0, 20e-6, 61)
FREQUENCIES = np.linspace(6.99e9, 7.01e9, 41)


def fringes(t: NDArray[np.float64]) -> NDArray[Any]:
    """2.7 points a fringe."""
    return 0.5 + 0.4 * np.exp(-t / 15e-6) * np.cos(2 * np.pi * 1.11e6 * t + 0.3)


def gaussian(t: NDArray[np.float64]) -> NDArray[Any]:
    """Fringes of slow noise."""
    return 0.5 - 0.4 * np.exp(-((t / 12e-6) ** 2)) * np.cos(2 * np.pi * 0.9e6 * t)


def beat(t: NDArray[np.float64]) -> NDArray[Any]:
    """Two frequencies of unlike size."""
    both = 0.3 * np.cos(2 * np.pi * 0.95e6 * t) + 0.15 * np.cos(2 * np.pi * 1.1e6 * t)
    return 0.5 + both * np.exp(-t / 25e-6)


def rabi(x: NDArray[np.float64]) -> NDArray[Any]:
    """Both signs of the amplitude, and a decay along it."""
    return 0.5 - 0.4 * np.exp(-0.3 * np.abs(x)) * np.cos(2 * np.pi * 9.3 * x)


def resonance(f: NDArray[np.float64]) -> NDArray[Any]:
    """A notch 3 points wide, behind a cable of 60 ns."""
    dip = 1 - 0.7 * np.exp(0.3j) / (1 + 2j * (f - 7.0003e9) / 1.5e6)
    return np.asarray(0.8 * np.exp(-2j * np.pi * 60e-9 * (f - 7e9)) * dip)


def magnitude(f: NDArray[np.float64]) -> NDArray[Any]:
    """What a scalar analyser shows of it."""
    return np.abs(resonance(f))


def pair(f: NDArray[np.float64]) -> NDArray[Any]:
    """A line, and the two-photon line beside it, which is narrower."""
    main = 0.8 / (1 + (2 * (f - 7.004e9) / 3e6) ** 2)
    return np.asarray(0.1 + main + 0.4 / (1 + (2 * (f - 6.995e9) / 1.2e6) ** 2))


LAWS = [
    ("ramsey", fringes, DELAYS), ("ramsey", gaussian, DELAYS), ("ramsey", beat, DELAYS),
    ("rabi_amplitude", rabi, np.linspace(-1, 1, 61)), ("rabi_length", fringes, DELAYS),
    ("resonator_spectroscopy", resonance, FREQUENCIES),
    ("resonator_spectroscopy", magnitude, FREQUENCIES),
    ("qubit_spectroscopy", pair, np.linspace(6.99e9, 7.01e9, 81)),
]  # fmt: skip


def fitted(kind: str, law: Law, x: NDArray[np.float64]) -> Fit:
    """Fit a law with so little noise that the fit is the truth."""
    i, q = 1e-5 * np.random.default_rng(3).normal(size=(2, x.size))
    y = law(x)
    noisy = y + i + 1j * q if np.iscomplexobj(y) else y + i
    return fit_batch(kind, x, noisy, 1e-5).fit(0, "q3")


@pytest.mark.parametrize(("kind", "law", "x"), LAWS, ids=[law.__name__ for _, law, _ in LAWS])
def test_between_the_points_the_law_is_drawn(kind: str, law: Law, x: NDArray[np.float64]) -> None:
    """A spline misses these by up to a third of their height."""
    fit = fitted(kind, law, x)
    assert fit.curve is not None
    line = between(fit, x, fit.curve)
    assert line.joined
    assert line.x.size >= 12 * x.size
    np.testing.assert_allclose(line.y, law(line.x), atol=2e-3)


LENGTHS = np.array([1.0, 30, 100, 400, 1000])
LATE = np.geomspace(1e-6, 1e-3, 7)


@pytest.mark.parametrize(
    ("kind", "x", "time"),
    [("randomized_benchmarking", LENGTHS, 90.0), ("t1", LATE, 30e-6), ("t2_echo", LATE, 30e-6),
     ("cpmg", LATE, 30e-6)],
)  # fmt: skip
@pytest.mark.parametrize("gaussian", [0.0, 0.4])
@pytest.mark.parametrize("told", [True, False])
def test_a_decay_between_few_points_is_a_decay(
    kind: str, x: NDArray[np.float64], time: float, gaussian: float, told: bool
) -> None:
    """A spline through these dips below their end. Neither the rate nor the shape may be told."""
    gaussian = gaussian if kind in ("t2_echo", "cpmg") else 0.0

    def law(x: NDArray[np.float64]) -> NDArray[Any]:
        return 0.45 + 0.5 * np.exp(-(1 - gaussian) * x / time - gaussian * (x / time) ** 2)

    name = {"cpmg": "t2_cpmg"}.get(kind, kind)
    values = {name: Value(time, time / 50, "s")} if told else {}
    fit = Fit(kind, "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    line = between(fit, x, law(x))
    assert line.x.size > 12 * x.size
    np.testing.assert_allclose(line.y, law(line.x), atol=1e-3)


@pytest.mark.parametrize("kind", ["t1", "drag", "drag_sequences", "fine_amplitude"])
def test_what_follows_no_law_of_its_kind_is_drawn_in_straight_pieces(kind: str) -> None:
    curve = np.array([1.0, 0.9, 0.2, 0.15, 0.1, 0.05, 0.0])
    fit = Fit(kind, "q3", {}, Verdict.REJECTED, "drift", "", 1.0)
    line = between(fit, LATE, curve)
    assert line.joined
    np.testing.assert_array_equal(line.x, LATE)
    np.testing.assert_array_equal(line.y, curve)


@pytest.mark.parametrize("kind", ["drag", "drag_repetitions", "drag_sequences"])
def test_what_a_scan_of_the_drag_coefficient_holds_besides_a_swing(kind: str) -> None:
    x = np.linspace(-1, 1, 9)
    power = 1 if kind == "drag_sequences" else 2
    values = {"drag_coefficient": Value(0.2, 0.01, "V")}
    fit = Fit(kind, "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    line = between(fit, x, (x - 0.2) ** power)
    np.testing.assert_allclose(line.y, (line.x - 0.2) ** power, atol=1e-6)


def test_the_law_of_repeated_and_unordered_points_is_drawn_once() -> None:
    x = np.random.default_rng(3).permutation(np.repeat(DELAYS, 2))
    fit = fitted("ramsey", fringes, x)
    assert fit.curve is not None
    line = between(fit, x, fit.curve)
    assert (np.diff(line.x) > 0).all()
    np.testing.assert_allclose(line.y, fringes(line.x), atol=2e-3)


def test_trains_turn_as_often_as_they_are_long() -> None:
    x = np.linspace(-1, 1, 21)
    values = {"period": Value(3.0, 0.01, "V")}
    fit = Fit("drag_repetitions", "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    curve = 0.5 - 0.3 * np.cos(2 * np.pi * 15 * (x - 0.1) / 3)
    line = between(fit, x, curve, repetitions=15)
    np.testing.assert_allclose(line.y, 0.5 - 0.3 * np.cos(10 * np.pi * (line.x - 0.1)), atol=1e-9)


def test_nothing_is_drawn_between_points_that_turn_to_and_fro() -> None:
    """A fit without values does not say how often its curve turned."""
    fit = Fit("ramsey", "q3", {}, Verdict.REJECTED, "no signal", "", 1.0)
    line = between(fit, DELAYS, fringes(DELAYS))
    assert not line.joined
    np.testing.assert_array_equal(line.x, DELAYS)
    np.testing.assert_array_equal(line.y, fringes(DELAYS))


def test_values_that_are_not_those_of_the_curve_are_not_drawn() -> None:
    values = {"frequency": Value(3.1e5, 1e3, "Hz"), "t2_star": Value(15e-6, 1e-6, "s")}
    fit = Fit("ramsey", "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    slow = np.exp(-DELAYS / 9e-6)
    line = between(fit, DELAYS, slow)
    assert line.joined
    np.testing.assert_allclose(line.y, np.exp(-line.x / 9e-6), atol=1e-3)


@pytest.mark.parametrize(
    "x", [np.linspace(0, 1, 9), np.geomspace(1e-7, 1e-3, 30), np.array([0.0, 1.0])]
)
def test_points_between_are_close_to_the_measured_and_in_every_gap(x: NDArray[np.float64]) -> None:
    dense = fine(x)
    assert np.isin(x, dense).all()
    assert np.histogram(dense, x)[0].min() >= 6
    assert np.diff(dense).max() <= 1.001 * np.ptp(x) / (12 * x.size - 1)


def test_what_has_many_points_gets_few_more() -> None:
    assert fine(np.linspace(0, 1, 3001)).size <= 3001 + 2 * MOST
    assert fine(np.linspace(0, 1, 9001)).size <= 3 * 9001


def test_one_point_is_no_line() -> None:
    fit = Fit("t1", "q3", {}, Verdict.REJECTED, "no signal", "", 1.0)
    assert not between(fit, np.ones(3), np.full(3, 0.5)).joined


def test_a_quadrature_keeps_its_sign() -> None:
    """The square of a small dip below a large negative level is a dip too, of the other sign."""
    u = 2 * (FREQUENCIES - 7.0003e9) / 2e6
    curve = -1.0 + 1e-3 / (1 + u**2)
    values = {"frequency": Value(7.0003e9, 1e3, "Hz"), "linewidth": Value(2e6, 1e4, "Hz")}
    fit = Fit("resonator_spectroscopy", "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    line = between(fit, FREQUENCIES, curve)
    exact = -1.0 + 1e-3 / (1 + (2 * (line.x - 7.0003e9) / 2e6) ** 2)
    np.testing.assert_allclose(line.y, exact, atol=1e-6)


@pytest.mark.parametrize("points", [6, 7, 8, 9])
def test_of_few_points_nothing_is_made_up(points: int) -> None:
    """Both signs of an amplitude are half as many points; what is published is not varied."""
    x = np.linspace(-0.1, 0.1, points)

    def law(x: NDArray[np.float64]) -> NDArray[Any]:
        return 0.5 - 0.4 * np.cos(2 * np.pi * x / 0.083)

    values = {"period": Value(0.083, 1e-4, "V")}
    fit = Fit("rabi_amplitude", "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    line = between(fit, x, law(x))
    if line.joined:
        np.testing.assert_allclose(line.y, law(line.x), atol=1e-3)
    assert line.joined is (points > 6), "three levels do not show a decay"


@pytest.mark.parametrize("begins", [100e-6, 1e-3])
def test_fringes_far_from_zero(begins: float) -> None:
    x = begins + DELAYS
    fit = fitted("ramsey", lambda t: fringes(t - begins), x)
    assert fit.curve is not None
    line = between(fit, x, fit.curve)
    np.testing.assert_allclose(line.y, fringes(line.x - begins), atol=2e-3)


@pytest.mark.parametrize("scale", [1e-170, 1e-14, 1e160])
@pytest.mark.parametrize("law", [resonance, magnitude])
def test_no_scale_is_too_small_or_too_large(law: Law, scale: float) -> None:
    fit = fitted("resonator_spectroscopy", law, FREQUENCIES)
    assert fit.curve is not None
    line = between(fit, FREQUENCIES, fit.curve * scale)
    np.testing.assert_allclose(line.y / scale, law(line.x), atol=2e-3)


def test_resonances_of_two_states_have_their_own_widths_or_are_mixed() -> None:
    values = {
        "frequency_0": Value(7.002e9, 1e3, "Hz"), "frequency_1": Value(6.998e9, 1e3, "Hz"),
        "linewidth": Value(1.5e6, 1e4, "Hz"),
    }  # fmt: skip

    def alone(f: NDArray[np.float64], width: float) -> NDArray[Any]:
        return np.abs(1 - 0.7 / (1 + 2j * (f - 6.998e9) / width))

    def mixed(f: NDArray[np.float64]) -> NDArray[Any]:
        low, high = (1 / (1 + 2j * (f - centre) / 1.5e6) for centre in (6.998e9, 7.002e9))
        return np.asarray(np.exp(-2j * np.pi * 60e-9 * (f - 7e9)) * (1 - 0.6 * high - 0.1 * low))

    fit = Fit("dispersive_shift", "q3", values, Verdict.ACCEPTED, "success", "", 1.0)
    line = between(fit, FREQUENCIES, alone(FREQUENCIES, 1.1e6))
    np.testing.assert_allclose(line.y, alone(line.x, 1.1e6), atol=1e-3)
    line = between(fit, FREQUENCIES, mixed(FREQUENCIES))
    np.testing.assert_allclose(line.y, mixed(line.x), atol=1e-3)


@pytest.mark.parametrize("kind", ["qubit_spectroscopy", "resonator_spectroscopy"])
def test_lines_of_few_points_whose_law_is_not_found_are_no_line(kind: str) -> None:
    values = {"frequency": Value(7e9, 1e3, "Hz"), "linewidth": Value(1e6, 1e4, "Hz")}
    fit = Fit(kind, "q3", values, Verdict.REJECTED, "model does not fit", "", 1.0)
    curve = np.where(np.abs(FREQUENCIES - 7e9) < 0.6e6, 1.0, 0.0) + 0.1 * FREQUENCIES / 7e9
    assert not between(fit, FREQUENCIES, curve).joined


def test_fringes_of_four_points_each_are_restless_though_they_have_plateaus() -> None:
    assert restless(np.tile([1.0, 1.0, -1.0, -1.0], 10))
    assert not restless(np.exp(-np.linspace(0, 3, 40)))
    assert not restless(np.full(40, 0.5))


def test_what_is_not_found_costs_little() -> None:
    """A wide scan that no law of lines follows: half a second would be felt."""
    x = np.linspace(5e9, 6e9, 3000)
    values = {f"frequency_{n}": Value(5e9 + n * 1.3e8, 1e5, "Hz") for n in range(1, 7)}
    values["linewidth"] = Value(5e6, 1e5, "Hz")
    fit = Fit("qubit_spectroscopy", "q3", values, Verdict.REJECTED, "drift", "", 1.0)
    walk = np.cumsum(np.random.default_rng(3).normal(size=x.size))
    begun = time.process_time()
    between(fit, x, walk)
    assert time.process_time() - begun < 2.0  # 0.2 s on a machine of today
