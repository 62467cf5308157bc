"""The pulses that calibrations share: the declared pi pulse, its half, and the readout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kammerton.model import Pulse, Readout, Target
from kammerton.model.program import Swept

FloatArray = NDArray[np.float64]


def drive(target: Target, amplitude: Swept, phase: Swept = 0.0) -> Pulse:
    """Return the declared pulse shape at f01 with another amplitude (V) and phase (rad)."""
    return Pulse(
        "drag",
        amplitude,
        target.pi_length,
        target["f01"],
        phase,
        sigma=target.pi_sigma,
        anharmonicity=target["anharmonicity"],
    )


def pi(target: Target, phase: Swept = 0.0) -> Pulse:
    """Return the pi pulse."""
    return drive(target, target["pi_amplitude"], phase)


def half_pi(target: Target, phase: Swept = 0.0) -> Pulse:
    """Return the pi/2 pulse: the same shape at half the amplitude."""
    return drive(target, 0.5 * target["pi_amplitude"], phase)


def readout(target: Target) -> Readout:
    """Return the readout pulse at its calibrated tone."""
    return Readout(
        target["r.readout_frequency"], target["r.readout_amplitude"], target.readout_length
    )


def readouts(targets: Sequence[Target]) -> dict[str, Readout]:
    """Return the readout of every target."""
    return {t.name: readout(t) for t in targets}


def reset(targets: Sequence[Target]) -> float:
    """Return a wait, s, of five T1 of the slowest target, doubt included.

    What is left of an excitation, below 1 %, would make each point remember the one before.
    """
    return max(max(t.reset, 5.0 * (t["t1"] + t.sigma("t1"))) for t in targets)


def shots(targets: Sequence[Target], usual: int) -> int:
    """Return the shots of a run: the usual number times the largest effort asked for."""
    return round(usual * max(t.effort.shots for t in targets))


def longest(targets: Sequence[Target], parameter: str, times: float) -> float:
    """Return `times` the longest believed decay time, s, widened by the efforts asked for.

    All targets share their delays: pulses then coincide and the upload stays small, while a
    window of 3 to 15 decay times costs little information (its optimum is at 5 to 8).
    """
    return max(times * t[parameter] * t.effort.window for t in targets)


def delays(longest: float, points: int, grid: float = 2e-9) -> FloatArray:
    """Return delays from 0 to `longest`, s, each a multiple of `grid`."""
    step = max(round(longest / (points - 1) / grid), 1) * grid
    return step * np.arange(points, dtype=np.float64)
