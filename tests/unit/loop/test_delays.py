"""Where a calibration waits: no detuning may look like none."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_calibrations.pulses import delays, uneven

STEP = 3.3e-6
TURNS = np.arange(1.0, 40.0, 0.05)  # of a detuned qubit in a step


def left(waits: np.ndarray) -> np.ndarray:
    """Return how much of a phase that turns with the wait looks as if it did not turn."""
    return np.abs(np.exp(2j * np.pi * np.outer(TURNS / STEP, waits)).mean(axis=1))


@pytest.mark.parametrize(("points", "most"), [(51, 0.38), (101, 0.28)])
def test_no_detuning_turns_whole_times_between_uneven_delays(points: int, most: float) -> None:
    even = delays(STEP * (points - 1), points)
    assert left(even).max() == pytest.approx(1.0)
    assert left(uneven(even)).max() < most


def test_uneven_delays_keep_order_ends_and_grid() -> None:
    even = delays(STEP * 50, 51)
    moved = uneven(even)
    assert (np.diff(moved) > 0.05 * STEP).all()
    assert (moved[0], moved[-1]) == (even[0], even[-1])
    assert np.abs(moved / 2e-9 - np.round(moved / 2e-9)).max() < 1e-6
