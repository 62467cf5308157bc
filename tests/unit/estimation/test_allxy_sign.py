"""The sign of a detuning that AllXY finds, against a qubit driven by a cosine in the laboratory.

Nothing here knows of a rotating frame: the field is cos(w t + phi) as a generator plays it.
"""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

DRIVE, LENGTH = 2e9, 20e-9  # Hz, s: whole periods, so that pulses follow in phase
STEPS = 4000
ORDER = ["II", "XX", "YY", "XY", "YX", "xI", "yI", "xy", "yx", "xY", "yX", "Xy", "Yx", "xX", "Xx",
         "yY", "Yy", "XI", "YI", "xx", "yy"]  # fmt: skip
TURNS = {"I": 0.0, "x": 0.5, "y": 0.5, "X": 1.0, "Y": 1.0}


def pulses(above: float, y_phase: float) -> dict[str, np.ndarray]:
    """Return the propagator of each pulse, of a qubit that lies `above` the drive (Hz)."""
    step = LENGTH / STEPS
    t = (np.arange(STEPS) + 0.5) * step
    amplitude = np.array([np.pi / LENGTH * part for part in TURNS.values()])  # rad/s of Rabi
    phase = np.array([y_phase if name in "yY" else 0.0 for name in TURNS])
    field = amplitude * np.cos(2 * np.pi * DRIVE * t[:, None] + phase)
    half = np.pi * (DRIVE + above)
    size = np.hypot(half, field)  # H/hbar = -half sigma_z + field sigma_x, 0 is the lower state
    cosine, sine = np.cos(size * step), np.sin(size * step) / size
    each = np.empty((STEPS, len(TURNS), 2, 2), dtype=complex)
    each[..., 0, 0], each[..., 1, 1] = cosine + 1j * sine * half, cosine - 1j * sine * half
    each[..., 0, 1] = each[..., 1, 0] = -1j * sine * field
    whole = np.broadcast_to(np.eye(2, dtype=complex), (len(TURNS), 2, 2))
    for one in each:
        whole = one @ whole
    return dict(zip(TURNS, whole, strict=True))


def populations(above: float, y_phase: float) -> np.ndarray:
    u = pulses(above, y_phase)
    return np.array([abs((u[second] @ u[first])[1, 0]) ** 2 for first, second in ORDER])


@pytest.mark.parametrize("above", [1.5e6, -1.5e6])
@pytest.mark.parametrize(("y_phase", "sign"), [(np.pi / 2, 1.0), (-np.pi / 2, -1.0)])
def test_a_qubit_above_the_drive_is_positive_where_y_leads_by_90_degrees(
    above: float, y_phase: float, sign: float
) -> None:
    y = populations(above, y_phase) + 0.002 * np.random.default_rng(1).normal(size=21)
    found = fit_batch("allxy", np.arange(21), y, 0.002)
    assert found.status[0] == "detuning"
    angle = sign * 2 * np.pi * above * LENGTH
    assert found.values["detuning_angle"][0] == pytest.approx(angle, abs=0.02)
    assert abs(found.values["drag_error"][0]) < 0.03
