"""Measure f01 and T2*: two pi/2 pulses, the second one's phase turning with the delay.

The phase turns at `detuning`, well above the doubt about f01, so the sign of the frequency error
is known: the trace beats at detuning + (f01 - drive frequency).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value, Wait
from kammerton_calibrations.pulses import FloatArray, delays, half_pi, readouts, reset, shots

POINTS, SHOTS = 101, 400
SIGMAS, PERIODS, NYQUIST = 6.0, 8.0, 0.3


def waits(target: Target) -> FloatArray:
    """Return delays to 2.5 T2*, shorter where the doubt about f01 asks for denser points."""
    longest = 2.5 * target["t2_star"] * target.effort.window
    densest = NYQUIST * (POINTS - 1) / (SIGMAS * max(target.sigma("f01"), 1.0))
    return delays(min(longest, densest), POINTS)


def detuning(target: Target) -> float:
    """Return the artificial detuning in Hz: at least eight periods, and six sigma of f01."""
    return max(PERIODS / float(waits(target)[-1]), SIGMAS * target.sigma("f01"))


def program(targets: Sequence[Target]) -> Program:
    """Pi/2, wait, pi/2 with a phase that grows with the wait."""
    axis = {t.name: waits(t) for t in targets}
    sequences = {
        t.name: (
            half_pi(t),
            Wait(axis[t.name]),
            half_pi(t, phase=-2 * np.pi * detuning(t) * (axis[t.name] + t.pi_length)),
        )
        for t in targets
    }
    return Program(
        "ramsey", sequences, readouts(targets), axis, "delay", "s", shots(targets, SHOTS),
        reset(targets),
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """f01 is the drive's frequency plus what the trace beats more than asked for."""
    beat = fit.values["frequency"]
    f01 = target["f01"] + beat.value - detuning(target)
    return {"f01": Value(f01, beat.stderr, "Hz"), "t2_star": fit.values["t2_star"]}


RAMSEY = Calibration(
    "ramsey", "ramsey", "population",
    needs=(Need("f01", 150e3, measured=True), Need("r.readout_contrast", 1e-3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("f01", 500.0), Give("t2_star", 0.06, relative=True)),
    program=program, propose=propose,
)  # fmt: skip
