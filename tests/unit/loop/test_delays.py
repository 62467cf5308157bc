"""Pulses and waits of Ramsey and echo: no qubit that is off may look as if it were not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kammerton_calibrations.pulses import delays
from kammerton_calibrations.ramsey import uneven
from kammerton_calibrations.t2_echo import T2_ECHO

STEP = 3.3e-6
TURNS = np.arange(1.0, 40.0, 0.002)  # of a detuned qubit in a step


def left(waits: np.ndarray) -> np.ndarray:
    """Return how much of a phase that turns with the wait looks as if it did not turn."""
    return np.abs(np.exp(2j * np.pi * np.outer(TURNS / STEP, waits)).mean(axis=1))


def test_no_detuning_turns_whole_times_between_uneven_delays() -> None:
    even = delays(STEP * 100, 101)
    assert left(even).max() == pytest.approx(1.0)
    assert left(uneven(even)).max() < 0.34


@pytest.mark.parametrize("step", [8e-9, 50e-9, STEP])
def test_uneven_delays_keep_order_ends_and_grid(step: float) -> None:
    even = delays(step * 50, 51)
    moved = uneven(even)
    assert (np.diff(moved) >= 0).all()
    assert (np.diff(moved) > 0.05 * step).mean() > 0.9
    assert (moved[0], moved[-1]) == (even[0], even[-1])
    assert np.abs(moved / 2e-9 - np.round(moved / 2e-9)).max() < 1e-6


class Qubit(dict):
    """What a calibration asks of a target."""

    name, pi_length, pi_sigma, readout_length, reset = "q0", 40e-9, 10e-9, 1e-6, 1e-4
    effort = SimpleNamespace(window=1.0, shots=1.0)

    def __missing__(self, name: str) -> float:
        return {"t2_echo": 50e-6, "t1": 30e-6, "pi_amplitude": 0.2}.get(name, 1.0)

    def sigma(self, name: str) -> float:
        return 0.0


def turned(angle: float, phase: float, off: float) -> np.ndarray:
    """Return the rotation by a pulse that is off resonance by a part of its strength."""
    axis = np.array([np.cos(phase), np.sin(phase), off])
    size = np.linalg.norm(axis)
    x, y, z = axis / size
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle *= size
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def after(pulses: list[tuple[float, float]], wait: float, off: float) -> float:
    """Return the inversion after pulses (angle, phase), a phase of `wait` apart."""
    free = turned(0.0, 0.0, 0.0)
    free[:2, :2] = [[np.cos(wait), -np.sin(wait)], [np.sin(wait), np.cos(wait)]]
    state = np.array([0.0, 0.0, 1.0])
    for number, (angle, phase) in enumerate(pulses):
        state = turned(angle, phase, off) @ ((free if number else np.eye(3)) @ state)
    return float(state[2])


def test_of_what_an_echo_does_not_refocus_nothing_is_left_in_the_mean_of_its_cycle() -> None:
    """No decay here: what changes with the wait is not refocused."""
    sequence = T2_ECHO.program([Qubit()]).sequences["q0"]  # type: ignore[list-item]
    pi, last = (np.asarray(sequence[k].phase)[:4] for k in (2, 4))  # type: ignore[union-attr]
    waits, angle, off = np.linspace(0.0, 9.0, 40), 1.05 * np.pi, 0.2
    each = np.array([
        [after([(angle / 2, 0.0), (angle, pi[k]), (angle / 2, last[k])], w, off) for w in waits]
        for k in range(4)
    ])  # fmt: skip
    assert np.ptp(each, axis=1).min() > 0.05
    assert np.ptp(each.mean(axis=0)) < 1e-12
    assert abs(each.mean()) > 0.8, "and the echo is there"
